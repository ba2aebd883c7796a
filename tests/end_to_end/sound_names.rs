//! Names of sound devices, which alsa-lib puts into texts of a bounded length.

use std::process::Command;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, receiver};
use streamsocket_tests::session::daemon_at;

/// Bytes of the longest name that is taken.
const LONGEST: usize = 100;

/// The exit code and what was said.
fn end(command: &mut Command) -> (Option<i32>, String) {
    let ended = Program::start(command).finish();
    (ended.status.code(), ended.said)
}

fn daemon_with(name: &str) -> Command {
    let mut daemon = daemon_at(Place::new());
    daemon.args(["--video", "none", "--wait=no", "--audio", &format!("alsa:{name}")]);
    daemon
}

#[test]
fn a_name_that_alsa_has_no_room_for_is_a_usage_error() {
    let long = "x".repeat(300);
    let (code, said) = end(&mut daemon_with(&long));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--audio") && said.contains("100 bytes at most"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.toml");
    std::fs::write(&path, format!("video = \"none\"\naudio = \"alsa:{long}\"\n")).unwrap();
    let (code, said) = end(ours("streamsocket").arg("check").arg("--config").arg(&path));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("line 2: audio") && said.contains("100 bytes at most"), "{said}");
    let (code, said) = end(receiver().args(["rtp://239.255.255.1:29996", "--speaker", &long]));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--speaker") && said.contains("100 bytes at most"), "{said}");
}

#[test]
fn no_name_that_is_taken_makes_a_text_that_alsa_has_no_room_for() {
    let shapes = [
        "",
        "hw:",
        "plughw:",
        "plug:",
        "dmix:",
        "dsnoop:",
        "front:CARD=",
        "hw:CARD=",
        "hw:0,",
        "rate:",
        "{type ",
        "{type hw card ",
        "plug:'",
        "plug:\"hw:",
        "plug:{slave ",
        "hw:x=",
    ];
    for shape in shapes {
        let name = format!("{shape}{}", "x".repeat(LONGEST - shape.len()));
        let (code, said) = end(&mut daemon_with(&name));
        assert_eq!(code, Some(1), "{name}: {said}");
        assert!(said.contains("error: "), "{name}: {said}");
    }
}
