//! The speaker on ALSA's own plugins, without a sound card: opening, writing, errors. A child
//! process does it, this same program, because ALSA takes its configuration from the environment.

#![allow(clippy::unwrap_used, reason = "a test's way to fail")]

use std::process::Command;
use std::time::Duration;

use streamsocket_receiver::speaker::{Error, Speaker};

/// A device that takes anything, and one that has exactly two channels.
const CONFIGURATION: &str = "
</usr/share/alsa/alsa.conf>
pcm.silent { type null }
pcm.stiff {
    type multi
    slaves.a { pcm silent channels 2 }
    bindings { 0 { slave a channel 0 } 1 { slave a channel 1 } }
}
";

#[test]
fn the_speaker_opens_and_plays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("asound.conf");
    std::fs::write(&path, CONFIGURATION).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--test-threads=1"])
        .env("ALSA_CONFIG_PATH", &path)
        .output()
        .unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains(" 3 passed"), "{out}{err}");
    assert!(!err.contains("ALSA lib"), "{err}");
}

#[test]
#[ignore = "started with a configuration of its own"]
fn plays_at_the_rate_asked_for() {
    let mut speaker = Speaker::open("silent", 48_000, 2).unwrap();
    assert_eq!((speaker.rate(), speaker.channels()), (48_000, 2));
    assert!((240..=480).contains(&speaker.period_frames()), "{}", speaker.period_frames());
    assert!((4_000..=12_000).contains(&speaker.buffer_frames()), "{}", speaker.buffer_frames());
    assert!(speaker.free_frames().unwrap() > 0);
    // Half a frame at the end stays with the caller.
    assert_eq!(speaker.write(&[0; 481]).unwrap(), 240);
    assert_eq!(speaker.write(&[0; 1]).unwrap(), 0);
    assert!(speaker.wait(Duration::from_millis(100)).unwrap());
    assert!(speaker.delay_frames().unwrap() >= 0);
    speaker.start().unwrap();
    speaker.stop().unwrap();
    assert!(!speaker.is_running());
    assert_eq!(speaker.write(&[0; 480]).unwrap(), 240);
    assert_eq!(speaker.underruns(), 0);
}

#[test]
#[ignore = "started with a configuration of its own"]
fn a_stiff_card_gets_a_converter() {
    let mut speaker = Speaker::open("stiff", 16_000, 1).unwrap();
    assert_eq!(speaker.write(&[0; 80]).unwrap(), 80);
}

#[test]
#[ignore = "started with a configuration of its own"]
fn a_missing_card_is_a_clear_error() {
    let error = Speaker::open("no-such", 48_000, 2).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Open { .. }), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("no sound card no-such (No such file or directory"), "{text}");
    assert!(text.contains("`aplay -L`") && !text.contains('\n'), "{text}");
    let error = Speaker::open("silent", 48_000, 200).map(|_| ());
    if let Err(error) = error {
        assert!(matches!(error, Error::Parameters { .. }), "{error}");
    }
}
