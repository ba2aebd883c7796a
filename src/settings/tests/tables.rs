//! Tracks and tiers.

use super::*;
use crate::options::CommandLine;
use clap::{CommandFactory, Parser};
use streamsocket_media::Scale;

/// What is said of a file that is wrong.
fn refused(text: &str) -> String {
    let error = from_file(text).unwrap_err();
    error.trim_start_matches("configuration /camera.toml, ").to_owned()
}

/// The tiers of a command line.
fn tiers(arguments: &[&str]) -> Result<Vec<Tier>, String> {
    let line = CommandLine::parse_from(["streamsocket"].iter().chain(arguments));
    load(line.stream).map(|it| it.tiers).map_err(|error| error.to_string())
}

#[test]
fn every_option_but_two_is_a_key() {
    let command = CommandLine::command();
    let options = command.get_arguments().filter_map(|option| option.get_long());
    let alone = ["config", "instance"];
    let mut options: Vec<_> = options.filter(|it| !alone.contains(it)).chain(["track"]).collect();
    let error = refused("none = 1\n");
    let (_, keys) = error.split_once("expected one of ").unwrap();
    let mut keys: Vec<_> = keys.split(", ").map(|key| key.trim_matches('`')).collect();
    options.sort_unstable();
    keys.sort_unstable();
    assert_eq!(keys, options);
}

const TWO: &str = "\
name = 'Barn'
[[track]]
audio = 'tone'
[[track]]
video = 'pattern'
size = '640x480'
fps = 15
[[track]]
video = 'file:clip.mjpeg'
quality = 60
control = 'a=1'
av-offset = 20
";

#[test]
fn tracks_are_inputs_with_values_of_their_own() {
    let settings = from_file(TWO).unwrap();
    let videos: Vec<_> = settings.videos().collect();
    let [one, other] = videos[..] else { panic!("{videos:?}") };
    assert_eq!((one.size, one.quality, one.av_offset), (Some((640, 480)), 80, 0));
    assert_eq!((other.size, other.quality, other.av_offset), (None, 60, 20));
    assert_eq!(other.controls, [("a".to_owned(), "1".to_owned())]);
    assert!(matches!(settings.inputs.last(), Some(InputSettings::Audio(_))), "pictures first");
    assert_eq!(settings.inputs.len(), 3);
}

#[test]
fn a_source_of_the_command_line_replaces_the_tracks_of_its_medium() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("camera.toml");
    std::fs::write(&path, TWO).unwrap();
    let with = |video: Option<&str>, audio: Option<&str>| {
        let (video, audio) = (video.map(str::to_owned), audio.map(str::to_owned));
        loaded(|o| (o.video, o.audio, o.config) = (video, audio, Some(path.clone()))).unwrap()
    };
    let pictures = with(Some("auto"), None);
    assert_eq!(video_of(&pictures).choice, VideoChoice::Auto);
    assert_eq!(audio_of(&pictures), AudioChoice::Tone);
    let sound = with(None, Some("none"));
    assert_eq!((sound.videos().count(), sound.audios().count()), (2, 0));
}

#[test]
fn what_is_wrong_in_a_track_is_told_by_its_own_line() {
    let two = |second: &str| refused(&format!("[[track]]\nvideo = 'pattern'\nfps = 5\n{second}"));
    assert_eq!(
        two("[[track]]\nvideo = 'file:a'\nfps = 0\n"),
        "line 6: fps 0: expected frames a second from 0.1 to 1000, such as 30, or max"
    );
    assert!(two("[[track]]\nvideo = 'file:a'\nspeed = 1\n").starts_with("line 6: unknown field"));
    assert!(two("[[track]]\nvideo = 'file:a'\nfps = [1]\n").starts_with("line 6: fps: expected"));
    assert!(two("[[track]]\nfps = 5\n").starts_with("line 4: [[track]]: expected video or audio"));
    assert!(two("[[track]]\naudio = 'tone'\nfps = 5\n").starts_with("line 6: fps 5: it is for"));
    assert!(two("[[track]]\nvideo = 'file:a'\naudio = 'tone'\n").starts_with("line 6: audio tone"));
    assert!(two("[[track]]\nvideo = 'none'\n").starts_with("line 5: video none: a track of"));
}

#[test]
fn both_forms_of_a_medium_are_refused() {
    let error = refused("\nvideo = 'pattern'\n[[track]]\nvideo = 'pattern'\n");
    assert_eq!(
        error,
        "line 2: video pattern: there are [[track]] tables of this medium as well; give it a table of its own"
    );
    let error = refused("audio = 'none'\n[[track]]\naudio = 'tone'\n");
    assert!(error.starts_with("line 1: audio none: there are [[track]] tables"), "{error}");
    let error = refused("quality = 50\n[[track]]\nvideo = 'pattern'\n");
    assert!(error.starts_with("line 1: quality 50: there are [[track]] tables"), "{error}");
    let mixed = from_file("audio = 'tone'\n[[track]]\nvideo = 'pattern'\n").unwrap();
    assert_eq!(audio_of(&mixed), AudioChoice::Tone);
}

#[test]
fn a_device_is_one_track() {
    let twice = |source: &str| from_file(&format!("[[track]]\n{source}\n[[track]]\n{source}\n"));
    for source in ["video = '/dev/video0'", "video = 'file:-'", "video = 'rtsp://me:x@a/b'"] {
        let error = twice(source).unwrap_err();
        assert!(error.contains("line 4: video ") && error.contains("same device"), "{error}");
        assert!(!error.contains("me:x"), "{error}");
    }
    assert!(twice("audio = 'alsa:hw:0'").unwrap_err().contains("line 4: audio hw:0: another"));
    assert!(twice("video = 'pattern'").is_ok() && twice("audio = 'tone'").is_ok());
}

#[test]
fn a_session_has_so_many_inputs_at_most() {
    let many = |tracks: usize| from_file(&"[[track]]\nvideo = 'pattern'\n".repeat(tracks));
    // And sound.
    assert!(many(INPUTS_MAX - 1).is_ok());
    assert!(many(INPUTS_MAX).unwrap_err().contains("line 1: track: 9 tracks; at most 8"));
}

#[test]
fn a_tier_is_written_in_one_word_or_as_a_table() {
    let fps = Some(FrameRate { numerator: 15, denominator: 1 });
    let pictures =
        |fps, quality| Some(TierPictures { scale: Scale::Half, fps, quality, on_demand: false });
    let low = |fps, quality| {
        let pictures = pictures(fps, quality);
        Tier { name: "low".into(), pictures, sound: None }
    };
    assert_eq!(tiers(&["--tier", "low=1/2"]).unwrap(), [low(None, 80)]);
    assert_eq!(tiers(&["--tier=low=1/2,15"]).unwrap(), [low(fps, 80)]);
    assert_eq!(tiers(&["--tier", "low=1/2,15,70"]).unwrap(), [low(fps, 70)]);
    assert_eq!(tiers(&["--tier", "a=1/1", "--tier", "b=1/4"]).unwrap().len(), 2);
    let table = "[[tier]]\nname = 'low'\nscale = '1/2'\nfps = 15\nquality = 70\n";
    assert_eq!(from_file(table).unwrap().tiers, [low(fps, 70)]);
}

#[test]
fn a_tier_may_have_sound_with_its_pictures_or_alone() {
    let pictures =
        Some(TierPictures { scale: Scale::Quarter, fps: None, quality: 80, on_demand: false });
    let low = |pictures, kbit| {
        let sound = Some(TierSound { kbit });
        [Tier { name: "low".into(), pictures, sound }]
    };
    assert_eq!(tiers(&["--tier", "low=1/4,opus"]).unwrap(), low(pictures, None));
    assert_eq!(tiers(&["--tier", "low=1/4,opus:24"]).unwrap(), low(pictures, Some(24)));
    assert_eq!(tiers(&["--tier", "low=opus"]).unwrap(), low(None, None));
    assert_eq!(tiers(&["--tier=low=opus:256", "--video=none"]).unwrap(), low(None, Some(256)));
    let all = tiers(&["--tier", "low=1/4,10,60,opus:6"]).unwrap();
    let fps = Some(FrameRate { numerator: 10, denominator: 1 });
    let pictures = Some(TierPictures { scale: Scale::Quarter, fps, quality: 60, on_demand: false });
    assert_eq!(all, low(pictures, Some(6)));
    let table = "[[tier]]\nname = 'low'\naudio = 'opus'\naudio-bitrate = 32\n";
    assert_eq!(from_file(table).unwrap().tiers, low(None, Some(32)));
    let bits = [1, 2].map(|channels| TierSound { kbit: None }.bits(channels));
    assert_eq!((bits, TierSound { kbit: Some(32) }.bits(2)), ([64_000, 96_000], 32_000));
}

#[test]
fn a_wrong_tier_of_sound_is_told_by_its_name() {
    for (tier, expected) in [
        ("low=opus:5", "--tier low: audio-bitrate 5: expected a number from 6 to 256"),
        ("low=1/2,opus:257", "--tier low: audio-bitrate 257: expected a number from 6 to 256"),
        ("low=1/2,opus:", "--tier low: audio-bitrate : expected a number from 6 to 256"),
        ("low=opus,1/2", "--tier low: scale opus: expected 1/1, 1/2 or 1/4"),
        ("low=1/2,15,70,opus2", "--tier low: quality 70,opus2: expected a number from 1 to 100"),
    ] {
        assert_eq!(tiers(&["--tier", tier]).unwrap_err(), expected);
    }
    let silent = tiers(&["--tier", "low=1/2,opus", "--audio", "none"]).unwrap_err();
    let expected =
        "--tier low: audio opus: the session has no sound (--audio none) that it could be of";
    assert_eq!(silent, expected);
    let table = |rest: &str| refused(&format!("[[tier]]\nname = 'low'\n{rest}"));
    assert_eq!(table("audio = 'aac'\n"), "line 3: audio aac: expected opus");
    let alone = table("audio-bitrate = 64\nscale = '1/2'\n");
    assert_eq!(alone, "line 3: audio-bitrate 64: it is for audio = \"opus\"");
    let fps = table("audio = 'opus'\nfps = 5\n");
    assert_eq!(fps, "line 4: fps 5: it is for pictures, which need a scale, such as 1/2");
}

#[test]
fn a_wrong_tier_is_told_by_its_name() {
    for (tier, expected) in [
        ("low", "--tier low: scale: expected 1/1, 1/2 or 1/4, or sound as opus"),
        ("low=1/3", "--tier low: scale 1/3: expected 1/1, 1/2 or 1/4"),
        ("low=1/2,max", "--tier low: fps max: expected frames a second, such as 15"),
        ("low=1/2,15,0", "--tier low: quality 0: expected a number from 1 to 100"),
        ("low=1/2,15,70,1", "--tier low: quality 70,1: expected a number from 1 to 100"),
        ("a/b=1/2", "--tier a/b: name a/b: expected 1 to 16 letters, digits, - or _"),
    ] {
        assert_eq!(tiers(&["--tier", tier]).unwrap_err(), expected);
    }
    let long = "a".repeat(TIER_NAME_MAX + 1);
    assert!(tiers(&["--tier", &format!("{long}=1/2")]).is_err());
    let twice = tiers(&["--tier", "a=1/2", "--tier", "a=1/4"]).unwrap_err();
    assert_eq!(twice, "--tier a: name a: another tier has this name");
    let blind = tiers(&["--tier", "a=1/2", "--video", "none"]).unwrap_err();
    assert!(blind.starts_with("--tier a: scale 1/2: the session has no pictures"), "{blind}");
    let many = ["--tier=a=1/2", "--tier=b=1/2", "--tier=c=1/2", "--tier=d=1/2", "--tier=e=1/2"];
    assert_eq!(tiers(&many).unwrap_err(), "--tier: 5 tiers; at most 4");
}

#[test]
fn what_is_wrong_in_a_tier_is_told_by_its_own_line() {
    let two = |second: &str| {
        refused(&format!("ttl = 2\n[[tier]]\nname = 'a'\nscale = '1/2'\n\n[[tier]]\n{second}"))
    };
    assert_eq!(two("scale = '1/3'\nname = 'b'\n"), "line 7: scale 1/3: expected 1/1, 1/2 or 1/4");
    assert!(two("scale = '1/4'\n").starts_with("line 6: name: expected"));
    assert!(two("scale = '1/4'\nname = 'a'\n").starts_with("line 8: name a: another tier"));
    assert!(two("scale = '1/4'\nname = 'b'\nquality = 101\n").starts_with("line 9: quality 101"));
    assert!(two("scale = '1/4'\nsize = '1x1'\n").starts_with("line 8: unknown field `size`"));
    let inline = "tier = [\n {name = 'a', scale = '1/2'},\n {name = 'b', scale = '2'},\n]\n";
    assert!(refused(inline).starts_with("line 3: scale 2: expected"));
}
