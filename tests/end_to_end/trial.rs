//! `streamsocket check`: what it tries, and what it says of what cannot be had.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use streamsocket_tests::clip::clip;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Ended, Program, daemon, ours};
use streamsocket_tests::session::file;

/// `check` with these options, on the loopback interface.
fn check(options: &[&str]) -> Ended {
    let mut command = ours("streamsocket");
    command.args(["check", "--interface", "127.0.0.1"]).args(options);
    Program::start(&mut command).finish()
}

/// It is refused, as something that cannot be done, by a line with all of these in it.
#[track_caller]
fn refused(options: &[&str], parts: &[&str]) {
    let ended = check(options);
    assert_eq!(ended.status.code(), Some(1), "{options:?}: {}", ended.said);
    let errors: Vec<_> = ended.said.lines().filter(|line| line.contains("error: ")).collect();
    let told = errors.iter().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(told, "{options:?}: {parts:?} are not in: {}", ended.said);
}

#[test]
fn check_tries_what_streaming_needs() {
    let folder = tempfile::tempdir().unwrap();
    let pattern = ["--video", "pattern", "--audio", "none"];
    let with = |option: &str, path: &Path, parts: &[&str]| {
        let path = path.to_str().unwrap();
        refused(&[&pattern[..], &[option, path]].concat(), &[&[option, path], parts].concat());
    };
    let nowhere = folder.path().join("none/it");
    with("--sdp", &nowhere, &["No such file"]);
    with("--stats", &nowhere, &["No such file"]);
    with("--sdp", folder.path(), &["directory"]);
    with("--stats", folder.path(), &["directory"]);
    refused(&["--video", "v4l2:/dev/video99"], &["/dev/video99", "no camera"]);
    refused(&["--video", "v4l2:usb-none-9"], &["usb-none-9", "no camera"]);
    refused(&["--video", "none", "--audio", "alsa:hw:77"], &["hw:77"]);
    refused(&["--video", "file:/no/such.mjpeg"], &["/no/such.mjpeg", "No such file"]);
    let text = folder.path().join("text.wav");
    fs::write(&text, "This is no sound.").unwrap();
    refused(&["--video", "none", "--audio", &file(&text)], &["text.wav"]);
    // Nobody listens there.
    refused(&["--video", "http://127.0.0.1:9/video"], &["127.0.0.1:9"]);
    let mut elsewhere = ours("streamsocket");
    elsewhere.args(["check", "--interface", "eth77"]).args(pattern);
    let elsewhere = Program::start(&mut elsewhere).finish();
    assert!(
        elsewhere.status.code() == Some(1) && elsewhere.said.contains("eth77"),
        "{elsewhere:?}"
    );
}

#[test]
fn what_would_be_waited_for_is_a_warning() {
    let mut check = ours("streamsocket");
    check.args(["check", "--wait", "--interface", "eth77", "--video", "v4l2:/dev/video99"]);
    let said = Program::start(check.args(["--audio", "none"])).succeed();
    for part in ["/dev/video99", "eth77"] {
        let told = |line: &str| line.contains(part) && line.ends_with("; it would be waited for");
        assert!(said.lines().any(told), "{part}: {said}");
    }
}

#[test]
fn check_leaves_nothing_behind_and_waits_for_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    nix::unistd::mkfifo(Path::new(&at("pipe")), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let pipe = format!("file:{}", at("pipe"));
    check(&[
        "--video",
        &pipe,
        "--audio",
        "none",
        "--sdp",
        &at("it.sdp"),
        "--stats",
        &at("it.json"),
    ])
    .succeeded();
    let names = fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["pipe"]);
    let mut piped = ours("streamsocket");
    piped.args(["check", "--interface", "lo", "--video", "file:-", "--audio", "none"]);
    // Nobody writes to it, and nobody closes it.
    Program::start(piped.stdin(Stdio::piped())).succeed();
}

#[test]
fn options_without_effect_are_told_of() {
    let place = Place::new();
    let film = file(&clip("640x480"));
    let options = ["--size", "320x240", "--control", "brightness=1", "--audio", "none"];
    let told = |said: &str, option: &str| {
        let line = |line: &str| line.contains("warning: ") && line.contains(option);
        said.lines().any(|it| line(it) && it.contains("no effect"))
    };
    let said = check(&[&options[..], &["--video", &film]].concat()).succeeded();
    assert!(told(&said, "--size") && told(&said, "--control"), "{said}");
    let mut daemon = daemon();
    daemon.args(["--to", &place.to_string(), "--name", &place.name(), "--no-announce"]);
    daemon.args(options).args(["--video", &film, "--fps", "max"]);
    let said = Program::start(&mut daemon).succeed();
    assert!(told(&said, "--size") && told(&said, "--control"), "{said}");
    let said = check(&["--video", "pattern", "--loop", "--size", "640x480"]).succeeded();
    assert!(told(&said, "--loop") && !told(&said, "--size"), "{said}");
}
