//! What the programs say of themselves, and of names that promise something else.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::process::Stdio;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, receiver, text};
use streamsocket_tests::session::daemon_at;

#[test]
fn help_is_a_command_too() {
    let help = text(ours("streamsocket").arg("help"));
    assert!(help.contains("Usage: streamsocket") && help.contains("--video"), "{help}");
    let help = text(ours("streamsocket").args(["help", "status"]));
    assert!(help.contains("Usage: streamsocket status"), "{help}");
}

#[test]
fn a_line_of_the_journal_does_not_say_the_name_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let said = |of_another: u64| {
        let journal = File::create(&path).unwrap();
        let own = journal.metadata().unwrap();
        let stream = format!("{}:{}", own.dev(), own.ino() + of_another);
        let mut command = ours("streamsocket");
        command.args(["--interface", "eth77", "--video", "pattern", "--audio", "none"]);
        command.args(["--name", &Place::new().name()]);
        command.env("JOURNAL_STREAM", stream).stdout(Stdio::null()).stderr(journal);
        assert_eq!(command.status().unwrap().code(), Some(1));
        fs::read_to_string(&path).unwrap()
    };
    let to_journal = said(0);
    assert!(to_journal.starts_with("<3>error: no network interface"), "{to_journal}");
    let elsewhere = said(1);
    assert!(elsewhere.starts_with("streamsocket: error: no network interface"), "{elsewhere}");
}

#[test]
fn a_file_is_what_its_name_says() {
    for (option, name, expected) in [("--record", "x.mp4", ".mkv"), ("--snapshot", "x.png", ".jpg")]
    {
        let mut command = receiver();
        command.args(["rtp://239.255.1.1:5004", option, name]);
        let ended = Program::start(&mut command).finish();
        assert_eq!(ended.status.code(), Some(2), "{ended:?}");
        let told = |line: &str| line.contains(option) && line.contains(name);
        assert!(ended.said.lines().any(|it| told(it) && it.contains(expected)), "{ended:?}");
    }
}

#[test]
fn a_session_of_sound_says_nothing_of_pictures_and_mute_nothing_of_cards() {
    let folder = tempfile::tempdir().unwrap();
    let sdp = folder.path().join("sound.sdp");
    let mut daemon = daemon_at(Place::new());
    daemon.args(["--video", "none", "--audio", "tone", "--no-announce", "--sdp"]).arg(&sdp);
    let mut daemon = Program::start(&mut daemon);
    daemon.wait_for("goes to");
    let said = |more: &[&str]| {
        let mut command = receiver();
        command.arg(&sdp).args(["--for", "2", "--speaker", "no-such-card"]).args(more);
        Program::start(&mut command).succeed()
    };
    let heard = said(&[]);
    assert!(heard.contains("  audio  ") && !heard.contains("  video  "), "{heard}");
    assert!(heard.contains("no sound: "), "{heard}");
    let mute = said(&["--mute"]);
    assert!(!mute.contains("no sound: "), "{mute}");
}

#[test]
fn files_that_exist_are_replaced_when_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let names = ["old.mkv", "old.jpg"];
    names.iter().for_each(|name| fs::write(path(name), "old").unwrap());
    let mut daemon = daemon_at(Place::new());
    daemon.args(["--video", "pattern", "--audio", "none", "--size", "320x240", "--no-announce"]);
    let mut daemon = Program::start(daemon.arg("--sdp").arg(path("it.sdp")));
    daemon.wait_for("goes to");
    let mut command = receiver();
    command.arg(path("it.sdp")).args(["--for", "2", "--overwrite", "--record"]);
    command.arg(path(names[0])).arg("--snapshot").arg(path(names[1]));
    Program::start(&mut command).succeed();
    let [recording, snapshot] = names.map(|name| fs::read(path(name)).unwrap());
    assert!(recording.starts_with(&[0x1A, 0x45, 0xDF, 0xA3]), "{:?}", &recording[..4]);
    assert!(snapshot.starts_with(&[0xFF, 0xD8]) && snapshot.ends_with(&[0xFF, 0xD9]));
}
