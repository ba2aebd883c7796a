//! Finds options without effect on the chosen sources: the user is warned of them.

use crate::settings::{Settings, VideoChoice, VideoSettings};

/// Kinds of video sources that options differ for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A camera at this machine.
    Camera,
    /// JPEGs in a file or a folder, sent as they are.
    Pictures,
    /// JPEGs on standard input, sent as they are.
    Pipe,
    /// A file that ffmpeg reads.
    Film,
    /// An IP camera.
    Address,
    /// The test picture.
    Drawn,
}

impl Kind {
    /// The kind of a chosen source; `decoded` if ffmpeg reads it.
    pub(super) const fn of(choice: &VideoChoice, decoded: bool) -> Self {
        match choice {
            VideoChoice::Auto | VideoChoice::Camera(_) => Self::Camera,
            VideoChoice::File(_) if decoded => Self::Film,
            VideoChoice::File(_) => Self::Pictures,
            VideoChoice::StandardInput => Self::Pipe,
            VideoChoice::Url(_) => Self::Address,
            VideoChoice::Pattern => Self::Drawn,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Camera => "a camera",
            Self::Pictures => "JPEGs of a file or a folder",
            Self::Pipe => "JPEGs on standard input",
            Self::Film => "a film",
            Self::Address => "an IP camera",
            Self::Drawn => "the test picture",
        }
    }
}

/// The options that were given and have no effect on these pictures or, told of with the first ones, on what
/// is sent beside them; a line each.
pub(super) fn without_effect(
    settings: &Settings,
    video: &VideoSettings,
    kind: Kind,
) -> Vec<String> {
    let as_they_are = matches!(kind, Kind::Pictures | Kind::Pipe);
    let looped = matches!(kind, Kind::Pictures | Kind::Film) || any_file(settings);
    let with = |why: &str| format!("no effect with {}{why}", kind.name());
    let alone = settings.audios().next().is_none();
    let first = settings.videos().next().is_some_and(|first| std::ptr::eq(first, video));
    let told = [
        ("size", video.size.is_some() && as_they_are, with(", which keep their own")),
        ("control", !video.controls.is_empty() && kind != Kind::Camera, with("")),
        ("loop", first && settings.looped && !looped, with(": only files begin again")),
        ("av-offset", video.av_offset != 0 && alone, NO_EFFECT_ALONE.to_owned()),
        ("ttl", first && settings.ttl != 1 && to_hosts(settings), NO_EFFECT_ON_HOSTS.to_owned()),
    ];
    lines(told.into_iter().filter(|it| it.1).map(|(option, _, why)| (option, why)))
}

/// Those of a session of sound alone.
pub(super) fn without_pictures(settings: &Settings) -> Vec<String> {
    let none = |why: &str| format!("no effect with --video none{why}");
    let of_pictures = settings.idle.iter().map(|option| match *option {
        "av-offset" => ("av-offset", NO_EFFECT_ALONE.to_owned()),
        option => (option, none("")),
    });
    let told = [
        ("max-bitrate", settings.max_bitrate.is_some(), none("")),
        ("loop", settings.looped && !any_file(settings), none(": only files begin again")),
        ("ttl", settings.ttl != 1 && to_hosts(settings), NO_EFFECT_ON_HOSTS.to_owned()),
    ];
    let told = told.into_iter().filter(|it| it.1).map(|(option, _, why)| (option, why));
    lines(of_pictures.chain(told))
}

fn lines(told: impl Iterator<Item = (&'static str, String)>) -> Vec<String> {
    told.map(|(option, why)| format!("--{option} has {why}")).collect()
}

/// Whether it has a file, which can begin again.
fn any_file(settings: &Settings) -> bool {
    settings.files().next().is_some()
}

fn to_hosts(settings: &Settings) -> bool {
    (!settings.to.is_empty() || settings.relay.is_some())
        && settings.to.iter().all(|to| !to.is_multicast())
}

const NO_EFFECT_ALONE: &str =
    "no effect: it is the time between pictures and sound, and only one is sent";
const NO_EFFECT_ON_HOSTS: &str = "no effect on what is sent to hosts: it is for groups";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{Scalar, StreamOptions};
    use crate::settings::load;

    fn with(change: impl FnOnce(&mut StreamOptions)) -> Settings {
        let mut options = StreamOptions {
            size: Some("640x480".into()),
            control: Some(vec!["brightness=1".into()]),
            looped: Some(true),
            ..StreamOptions::default()
        };
        change(&mut options);
        load(options).unwrap()
    }

    /// The options that are told of, of all that could be.
    fn told(kind: Kind, change: impl FnOnce(&mut StreamOptions)) -> Vec<String> {
        let settings = with(change);
        names(&without_effect(&settings, settings.videos().next().unwrap(), kind))
    }

    fn names(lines: &[String]) -> Vec<String> {
        lines.iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    }

    #[test]
    fn options_that_do_nothing_are_told_of() {
        for (kind, expected) in [
            (Kind::Camera, vec!["--loop"]),
            (Kind::Pictures, vec!["--size", "--control"]),
            (Kind::Pipe, vec!["--size", "--control", "--loop"]),
            (Kind::Film, vec!["--control"]),
            (Kind::Address, vec!["--control", "--loop"]),
            (Kind::Drawn, vec!["--control", "--loop"]),
        ] {
            assert_eq!(told(kind, |_| {}), expected, "{kind:?}");
        }
        let none = with(|it| it.video = Some("none".into()));
        assert_eq!(names(&without_pictures(&none)), ["--size", "--control", "--loop"]);
    }

    #[test]
    fn a_film_s_sound_may_begin_again_beside_a_camera() {
        let sound = |it: &mut StreamOptions| it.audio = Some("file:voice.wav".into());
        assert_eq!(told(Kind::Camera, sound), Vec::<String>::new());
        let alone = |it: &mut StreamOptions| {
            (it.audio, it.av_offset) = (Some("none".into()), Some(Scalar("60".into())));
        };
        assert_eq!(told(Kind::Camera, alone), ["--loop", "--av-offset"]);
        let far = |it: &mut StreamOptions| {
            (it.to, it.ttl) = (Some(vec!["192.168.1.2".into()]), Some(Scalar("5".into())));
        };
        assert_eq!(told(Kind::Camera, far), ["--loop", "--ttl"]);
    }

    #[test]
    fn what_is_told_says_why() {
        let options = StreamOptions { size: Some("640x480".into()), ..StreamOptions::default() };
        let settings = load(options).unwrap();
        let video = settings.videos().next().unwrap();
        let lines = without_effect(&settings, video, Kind::Pictures);
        let line = "--size has no effect with JPEGs of a file or a folder, which keep their own";
        assert_eq!(lines, [line]);
    }
}
