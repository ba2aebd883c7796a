mod protection;
mod tables;

use super::*;
use crate::options::{Scalar, StreamOptions};
use streamsocket_media::FrameRate;

fn loaded(change: impl FnOnce(&mut StreamOptions)) -> Result<Settings, String> {
    let mut options = StreamOptions::default();
    change(&mut options);
    load(options).map_err(|error| error.to_string())
}

fn from_file(text: &str) -> Result<Settings, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("camera.toml");
    std::fs::write(&path, text).unwrap();
    loaded(|options| options.config = Some(path))
        .map_err(|line| line.replace(&folder.path().display().to_string(), ""))
}

/// The only source of pictures.
fn video_of(settings: &Settings) -> VideoSettings {
    let [InputSettings::Video(video), ..] = &settings.inputs[..] else { panic!("{settings:?}") };
    video.clone()
}

/// The source of sound, which is the second.
fn audio_of(settings: &Settings) -> AudioChoice {
    let [_, InputSettings::Audio(audio)] = &settings.inputs[..] else { panic!("{settings:?}") };
    audio.choice.clone()
}

#[test]
fn nothing_said_means_auto() {
    let settings = loaded(|_| {}).unwrap();
    assert_eq!(video_of(&settings).choice, VideoChoice::Auto);
    assert_eq!(audio_of(&settings), AudioChoice::Auto);
    assert_eq!((settings.ttl, settings.packet_size, settings.announce), (1, 1400, true));
}

#[test]
fn sources_are_written_as_the_help_says() {
    let video = |text: &str| loaded(|o| o.video = Some(text.into())).map(|s| video_of(&s).choice);
    assert_eq!(video("v4l2:/dev/video2"), Ok(VideoChoice::Camera("/dev/video2".into())));
    assert_eq!(video("/dev/video2"), Ok(VideoChoice::Camera("/dev/video2".into())));
    assert_eq!(video("file:-"), Ok(VideoChoice::StandardInput));
    assert_eq!(video("file:a:b.mp4"), Ok(VideoChoice::File("a:b.mp4".into())));
    assert_eq!(video("rtsp://c/1"), Ok(VideoChoice::Url("rtsp://c/1".into())));
    for text in ["", "v4l2:", "camera", "ftp://x", "file:"] {
        assert!(video(text).unwrap_err().starts_with(&format!("--video {text}: expected auto")));
    }
    let audio = |text: &str| loaded(|o| o.audio = Some(text.into())).map(|s| audio_of(&s));
    assert_eq!(
        audio("alsa:hw:CARD=C920,DEV=0"),
        Ok(AudioChoice::Card("hw:CARD=C920,DEV=0".into()))
    );
    assert!(audio(&format!("alsa:{:x>100}", "")).is_ok());
    assert!(
        audio(&format!("alsa:{:x>101}", ""))
            .unwrap_err()
            .ends_with("100 bytes at most is expected")
    );
}

#[test]
fn rates_are_numbers_or_fractions() {
    let fps = |text: &str| {
        loaded(|o| o.fps = Some(Scalar(text.into()))).map(|s| video_of(&s).rate.unwrap())
    };
    let rate = |numerator, denominator| Ok(RateChoice::Rate(FrameRate { numerator, denominator }));
    assert_eq!(fps("30"), rate(30, 1));
    assert_eq!(fps("29.97"), rate(30_000, 1001));
    assert_eq!(fps("59.94"), rate(60_000, 1001));
    assert_eq!(fps("7.5"), rate(75, 10));
    assert_eq!(fps("30000/1001"), rate(30_000, 1001));
    assert_eq!(fps("max"), Ok(RateChoice::Max));
    for text in [
        "0",
        "-1",
        "1/0",
        "fast",
        "1e9",
        "0.05",
        "5000",
        ".",
        "1.",
        "59.940p",
        "29.970e999",
        "30.000.1",
        "12.+5",
    ] {
        assert!(fps(text).is_err() || text == "1.", "{text}");
    }
}

#[test]
fn destinations_are_addresses_with_even_ports() {
    let to = |text: &str| loaded(|o| o.to = Some(vec![text.into()])).map(|s| s.to[0]);
    let expect = |address: &str, port| Ok(Destination::new(address.parse().unwrap(), port));
    assert_eq!(to("239.255.1.2"), expect("239.255.1.2", 5004));
    assert_eq!(to("239.255.1.2:6000"), expect("239.255.1.2", 6000));
    assert_eq!(to("[ff15::1]:6000"), expect("ff15::1", 6000));
    assert_eq!(to("ff15::1"), expect("ff15::1", 5004));
    for text in ["", "host", "239.255.1.2:6001", "239.255.1.2:0", "0.0.0.0", "255.255.255.255"] {
        assert!(to(text).unwrap_err().starts_with(&format!("--to {text}: ")), "{text}");
    }
}

#[test]
fn a_relay_may_stand_beside_groups_and_there_is_one() {
    let relay = |more: &str| {
        let to = vec!["rtsp://anna:secret@relay/lesson".into(), more.into()];
        loaded(|o| o.to = Some(to))
    };
    let both = relay("239.255.1.2").unwrap();
    assert!(both.relay.is_some() && both.to.len() == 1 && !both.is_relayed_only());
    let two = relay("rtsp://other/lesson").unwrap_err();
    assert!(two.to_string().contains("two relays"), "{two}");
    let alone = loaded(|o| o.to = Some(vec!["rtsp://relay/lesson".into()])).unwrap();
    assert!(alone.to.is_empty() && alone.is_relayed_only());
    for scheme in ["rtsps", "http", "rtmp"] {
        let why = relay(&format!("{scheme}://anna:secret@relay/lesson")).unwrap_err();
        assert!(why.contains("begins with rtsp://") && !why.contains("secret"), "{why}");
    }
}

#[test]
fn what_is_near_a_value_gets_a_hint() {
    let to = loaded(|o| o.to = Some(vec!["door.lan:5004".into()])).unwrap_err();
    assert!(to.contains("not a name: 'getent ahosts door.lan'"), "{to}");
    let to = loaded(|o| o.to = Some(vec!["ff15::zz".into()])).unwrap_err();
    assert!(to.contains("expected an address and perhaps a port"), "{to}");
    let video = loaded(|o| o.video = Some("films/clip.mp4".into())).unwrap_err();
    assert!(video.ends_with("a file is named --video file:films/clip.mp4"), "{video}");
    let audio = loaded(|o| o.audio = Some("voice.wav".into())).unwrap_err();
    assert!(audio.ends_with("a file is named --audio file:voice.wav"), "{audio}");
    let audio = loaded(|o| o.audio = Some("http://me:secret@camera/a".into())).unwrap_err();
    assert!(!audio.contains("secret"), "{audio}");
    let video = loaded(|o| o.video = Some("rtmp://x/y".into())).unwrap_err();
    assert!(video.contains("expected auto, v4l2:"), "{video}");
}

#[test]
fn announcing_is_chosen_by_one_word() {
    let chosen = |announce: Option<&str>, never| {
        let announce = announce.map(str::to_owned);
        loaded(|o| (o.announce, o.no_announce) = (announce, never))
            .map(|it| (it.announce, it.announce_sound))
    };
    assert_eq!(chosen(None, None), Ok((true, false)));
    assert_eq!(chosen(Some("pulse"), None), Ok((true, true)));
    assert_eq!(chosen(Some("no"), None), Ok((false, false)));
    assert_eq!(chosen(Some("no"), Some(true)), Ok((false, false)));
    assert!(chosen(Some("pulse"), Some(true)).unwrap_err().starts_with("--no-announce: "));
    assert!(chosen(Some("all"), None).unwrap_err().starts_with("--announce all: expected yes"));
}

#[test]
fn a_file_says_the_same_and_flags_win() {
    let settings = from_file("video = 'pattern'\nfps = 25\npacket-size = 1200\nroom = 'lesson'\nloop = true\nto = ['239.255.9.9']\ncontrol = ['a=1']\n").unwrap();
    assert_eq!(
        (video_of(&settings).choice, settings.packet_size, settings.looped),
        (VideoChoice::Pattern, 1200, true)
    );
    assert_eq!(settings.room.as_deref(), Some("lesson"));
    let merged = StreamOptions { fps: Some(Scalar("10".into())), ..StreamOptions::default() }
        .or(StreamOptions { fps: Some(Scalar("25".into())), ..StreamOptions::default() });
    let quiet = StreamOptions { no_announce: Some(true), ..StreamOptions::default() }
        .or(StreamOptions { announce: Some("pulse".into()), ..StreamOptions::default() });
    assert_eq!((quiet.announce, quiet.no_announce), (None, Some(true)));
    assert_eq!(merged.fps, Some(Scalar("10".into())));
}

#[test]
fn a_wrong_key_is_named_with_its_line() {
    let error = from_file("video = 'pattern'\n\nspeed = 3\n").unwrap_err();
    assert!(
        error.starts_with("configuration /camera.toml, line 3: unknown field `speed`"),
        "{error}"
    );
    assert!(!error.contains('\n'));
    let error = from_file("ttl = [1]\n").unwrap_err();
    assert!(error.contains("line 1") && error.contains("expected a number or a string"), "{error}");
    assert!(error.contains("line 1: ttl: expected"), "{error}");
    let error = from_file("# Files.\nloop = \"yes\"\n").unwrap_err();
    assert!(error.contains("line 2: loop: invalid type"), "{error}");
    let error = from_file("control = [\n  \"a=1\",\n  2,\n]\n").unwrap_err();
    assert!(error.contains(": control: expected a string or a list"), "{error}");
    let error = from_file("ttl = 900\n").unwrap_err();
    assert_eq!(
        error,
        "configuration /camera.toml, line 1: ttl 900: expected a number from 1 to 255"
    );
    assert!(from_file("video = 'x\n").unwrap_err().contains("line 1"));
}

#[test]
fn a_value_of_another_kind_is_told_by_its_key() {
    for (text, said) in [
        ("name = 5\n", "line 1: name: invalid type: integer `5`, expected a string"),
        ("\nsdp = 1.5\n", "line 2: sdp: invalid type: floating point `1.5`, expected a path"),
        ("wait = 'yes'\n", "line 1: wait: invalid type: string \"yes\", expected a boolean"),
        ("video.x = true\n", "line 1: video: invalid type: table, expected a string"),
        ("to = ['239.255.9.9', 5]\n", "line 1: to: expected a string or a list of strings"),
        ("fps = 1979-05-27\n", "line 1: fps: expected a number or a string"),
        (
            "ttl = 2\n[track]\n",
            "line 2: track: invalid type: table, expected tables, each as [[track]]",
        ),
        (
            "tier = ['a']\n",
            "line 1: tier: invalid type: string \"a\", expected tables, each as [[tier]]",
        ),
        (
            "ttl = 0xfffffffffffffffff\n",
            "line 1: ttl 0xfffffffffffffffff: expected a number from 1 to 255",
        ),
        (
            "fps = 1e999\n",
            "line 1: fps 1e999: expected frames a second from 0.1 to 1000, such as 30, or max",
        ),
    ] {
        assert_eq!(from_file(text).unwrap_err(), format!("configuration /camera.toml, {said}"));
    }
}

#[test]
fn numbers_are_written_in_any_way_of_the_format() {
    let settings = from_file("ttl = 0x1_0\npacket-size = +1_200\nfps = 29.970\nquality = 50.0\n");
    let settings = settings.unwrap();
    assert_eq!((settings.ttl, settings.packet_size), (16, 1200));
    let video = video_of(&settings);
    let rate = FrameRate { numerator: 30_000, denominator: 1001 };
    assert_eq!((video.rate, video.quality), (Some(RateChoice::Rate(rate)), 50));
}

#[test]
fn what_is_wrong_is_said_on_one_line() {
    let error = from_file("video = \"a\\nb\\u001b[31m\"\n").unwrap_err();
    assert!(
        error.starts_with("configuration /camera.toml, line 1: video a?b?[31m: expected"),
        "{error}"
    );
    let error = from_file("\"a\\u001b\" = 1\n").unwrap_err();
    assert!(error.contains("unknown field `a?`"), "{error}");
}

#[test]
fn names_are_safe_in_paths_and_descriptions() {
    let name = |text: &str| loaded(|o| o.name = Some(text.into())).map(|_| ());
    assert_eq!(name("Küche 1"), Ok(()));
    for text in ["", "../x", "a/b", "a\nb", ".hidden", "-x", &"a".repeat(65)] {
        assert!(name(text).is_err(), "{text}");
    }
    let room = |text: &str| loaded(|o| o.room = Some(text.into())).map(|it| it.room);
    assert_eq!(room("Küche 1"), Ok(Some("Küche 1".into())));
    for text in ["", "a\nb", "a\u{1b}b", &"a".repeat(65)] {
        assert!(room(text).unwrap_err().starts_with("--room "), "{text}");
    }
}

#[test]
fn nothing_to_send_is_an_error() {
    let error = loaded(|o| {
        o.video = Some("none".into());
        o.audio = Some("none".into());
    });
    assert!(error.unwrap_err().contains("nothing to send"));
}

#[test]
fn what_is_none_is_no_input() {
    let silent = loaded(|o| o.audio = Some("none".into())).unwrap();
    assert!(matches!(silent.inputs[..], [InputSettings::Video(_)]));
    let blind = loaded(|o| {
        (o.video, o.size) = (Some("none".into()), Some("640x480".into()));
    });
    let blind = blind.unwrap();
    assert!(matches!(blind.inputs[..], [InputSettings::Audio(_)]));
    assert_eq!(blind.idle, ["size"]);
}

#[test]
fn only_the_way_of_sending_is_taken_on_without_opening_anew() {
    let with = |change: fn(&mut StreamOptions)| loaded(change).unwrap();
    let before = with(|_| {});
    let sent = with(|o| {
        (o.quality, o.av_offset) = (Some(Scalar("50".into())), Some(Scalar("40".into())));
    });
    assert_eq!(before.sent_as(&sent), sent);
    let moved = with(|o| o.room = Some("lesson".into()));
    assert_eq!(before.sent_as(&moved), moved);
    let opened = with(|o| o.size = Some("640x480".into()));
    assert_ne!(before.sent_as(&opened), opened);
    let silent = with(|o| o.audio = Some("none".into()));
    assert_ne!(before.sent_as(&silent), silent);
    assert_ne!(silent.sent_as(&before), before);
}

#[test]
fn the_quality_of_a_tier_is_taken_on_without_opening_anew() {
    let with = |tiers: &[&str]| {
        let tiers = tiers.iter().map(|tier| tier.parse().unwrap()).collect();
        loaded(|o| o.tier = Some(tiers)).unwrap()
    };
    let before = with(&["low=1/2,15,70", "tiny=1/4"]);
    let sent = with(&["low=1/2,15,50", "tiny=1/4"]);
    assert_eq!(before.sent_as(&sent), sent);
    for opened in [
        &["low=1/4,15,70", "tiny=1/4"][..],
        &["low=1/2,10,70", "tiny=1/4"],
        &["less=1/2,15,70", "tiny=1/4"],
        &["low=1/2,15,70"],
        &["low=1/2,15,70", "tiny=1/4", "more=1/1"],
    ] {
        let opened = with(opened);
        assert_ne!(before.sent_as(&opened), opened);
    }
}

#[test]
fn a_list_of_one_need_not_be_written_as_one() {
    let settings = from_file("to = '239.255.9.9'\ncontrol = 'a=1'\npace = 'off'\n").unwrap();
    assert_eq!(settings.to.len(), 1);
    assert_eq!(video_of(&settings).controls, [("a".to_owned(), "1".to_owned())]);
}

#[test]
fn what_is_not_there_is_found_out_before_streaming() {
    let missing = loaded(|o| o.video = Some("file:/no/such.mjpeg".into())).map(|s| s.verify());
    let error = missing.unwrap().unwrap_err().to_string();
    assert!(error.starts_with("--video file:/no/such.mjpeg: No such file"), "{error}");
}

#[test]
fn a_control_has_a_name() {
    let controls = |text: &str| {
        loaded(|o| o.control = Some(vec![text.into()])).map(|it| video_of(&it).controls)
    };
    assert_eq!(controls(" a = 1 ").unwrap(), [("a".to_owned(), "1".to_owned())]);
    for text in ["=1", " \t=1", "a"] {
        assert!(controls(text).unwrap_err().contains("NAME=VALUE"), "{text:?}");
    }
}
