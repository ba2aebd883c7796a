//! Finds options without effect on the chosen sources: whoever gave one expects an effect.

use crate::settings::{AudioChoice, Settings, VideoChoice};

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
    /// There are no pictures.
    Nothing,
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
            VideoChoice::None => Self::Nothing,
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
            Self::Nothing => "--video none",
        }
    }
}

/// The options that were given and have no effect, a line each.
pub(super) fn without_effect(settings: &Settings, kind: Kind) -> Vec<String> {
    let as_they_are = matches!(kind, Kind::Pictures | Kind::Pipe);
    let nothing = kind == Kind::Nothing;
    let file = matches!(kind, Kind::Pictures | Kind::Film);
    let looped = file || matches!(settings.audio, AudioChoice::File(_));
    let with = |why: &str| format!("no effect with {}{why}", kind.name());
    let size = if as_they_are { ", which keep their own" } else { "" };
    let hosts = !settings.to.is_empty() && settings.to.iter().all(|to| !to.is_multicast());
    let alone = nothing || settings.audio == AudioChoice::None;
    let told = [
        ("size", settings.size.is_some() && (as_they_are || nothing), with(size)),
        ("fps", settings.rate.is_some() && nothing, with("")),
        ("control", !settings.controls.is_empty() && kind != Kind::Camera, with("")),
        ("requality", settings.requality.is_some() && nothing, with("")),
        ("max-bitrate", settings.max_bitrate.is_some() && nothing, with("")),
        ("loop", settings.looped && !looped, with(": only files begin again")),
        ("av-offset", settings.av_offset != 0 && alone, NO_EFFECT_ALONE.to_owned()),
        ("ttl", settings.ttl != 1 && hosts, NO_EFFECT_ON_HOSTS.to_owned()),
    ];
    let given = told.into_iter().filter(|(_, given, _)| *given);
    given.map(|(option, _, why)| format!("--{option} has {why}")).collect()
}

const NO_EFFECT_ALONE: &str =
    "no effect: it is the time between pictures and sound, and only one is sent";
const NO_EFFECT_ON_HOSTS: &str = "no effect on what is sent to hosts: it is for groups";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::StreamOptions;
    use crate::settings::load;

    /// The options that are told of, of all that could be.
    fn told(kind: Kind, change: impl FnOnce(&mut Settings)) -> Vec<String> {
        let options = StreamOptions {
            size: Some("640x480".into()),
            control: Some(vec!["brightness=1".into()]),
            looped: Some(true),
            ..StreamOptions::default()
        };
        let mut settings = load(options).unwrap();
        change(&mut settings);
        let lines = without_effect(&settings, kind);
        let options = lines.iter().map(|line| line.split(' ').next().unwrap().to_owned());
        options.collect()
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
            (Kind::Nothing, vec!["--size", "--control", "--loop"]),
        ] {
            assert_eq!(told(kind, |_| {}), expected, "{kind:?}");
        }
    }

    #[test]
    fn a_film_s_sound_may_begin_again_beside_a_camera() {
        let sound = |it: &mut Settings| it.audio = AudioChoice::File("voice.wav".into());
        assert_eq!(told(Kind::Camera, sound), Vec::<String>::new());
        let alone = |it: &mut Settings| (it.audio, it.av_offset) = (AudioChoice::None, 60);
        assert_eq!(told(Kind::Camera, alone), ["--loop", "--av-offset"]);
        let host = crate::settings::Destination::new([192, 168, 1, 2].into(), 5004);
        let far = |it: &mut Settings| (it.to, it.ttl) = (vec![host], 5);
        assert_eq!(told(Kind::Camera, far), ["--loop", "--ttl"]);
    }

    #[test]
    fn what_is_told_says_why() {
        let options = StreamOptions { size: Some("640x480".into()), ..StreamOptions::default() };
        let lines = without_effect(&load(options).unwrap(), Kind::Pictures);
        let line = "--size has no effect with JPEGs of a file or a folder, which keep their own";
        assert_eq!(lines, [line]);
    }
}
