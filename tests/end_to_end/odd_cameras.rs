//! Cameras whose driver does not do as it is asked: what they give is sent all the same, and what is odd
//! about it is said once.

use nix::errno::Errno;
use std::io::{BufRead, BufReader, Lines};
use std::process::{ChildStdout, Stdio};
use streamsocket_tests::long::is_left_out;
use streamsocket_tests::odd_camera::OddCamera;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::Program;
use streamsocket_tests::report::track;
use streamsocket_tests::session::daemon_at;
use streamsocket_tests::turn;

/// Seconds of a camera that gives pictures, and what of it is enough: a busy machine may be late.
const SECONDS: usize = 3;
const PICTURES_MIN: u64 = 20;

/// Oddities, options, and what is warned of, if anything.
type Case<'a> = (Vec<(&'a str, &'a str)>, &'a [&'a str], &'a str);

/// A daemon with the camera and its statistics, a line a second.
struct Session {
    daemon: Program,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Session {
    fn start(camera: &OddCamera, oddities: &[(&str, &str)], options: &[&str]) -> Self {
        let mut daemon = daemon_at(Place::new());
        camera.plug(&mut daemon, oddities).args(["--audio", "none", "--stats", "-"]).args(options);
        let mut daemon = Program::start(daemon.stdout(Stdio::piped()));
        let lines = BufReader::new(daemon.stdout()).lines();
        Self { daemon, lines }
    }

    /// What the statistics say of the pictures, so many seconds on.
    fn pictures(&mut self, seconds: usize) -> Option<serde_json::Value> {
        let line = self.lines.nth(seconds - 1)?.ok()?;
        let seconds: serde_json::Value = serde_json::from_str(&line).ok()?;
        Some(track(&seconds, "video").clone())
    }
}

#[test]
fn a_driver_that_refuses_or_grants_something_else_is_no_reason_to_do_without_it() {
    if is_left_out(
        "odd_cameras::a_driver_that_refuses_or_grants_something_else_is_no_reason_to_do_without_it",
    ) {
        return;
    }
    if is_left_out(
        "odd_cameras::a_driver_that_refuses_or_grants_something_else_is_no_reason_to_do_without_it",
    ) {
        return;
    }
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let camera = OddCamera::new(folder.path());
    let refused =
        [Errno::EINVAL, Errno::EIO, Errno::EPERM, Errno::ENOTTY].map(|it| (it as i32).to_string());
    let slow: &[&str] = &["--repair", "0", "--pace", "8M"];
    let mut cases: Vec<Case<'_>> = vec![
        (vec![("OUTPUT", "1"), ("BUFFERS", "2")], &[], ""),
        // A picture takes longer to leave than until the next one comes.
        (vec![("BUFFERS", "2")], slow, ""),
        (vec![("BUFFERS", "1")], &[], ""),
        (vec![("BUFFERS", "4")], &[], ""),
        (vec![("SIZE", "800x600")], &["--size", "800x600"], "640x480 instead of 800x600"),
        (vec![("SIZE", "800x600")], &[], ""),
    ];
    cases.push((vec![("RATE", &refused[0])], &[], ""));
    for errno in &refused {
        cases.push((
            vec![("RATE", errno)],
            &["--fps", "15"],
            "30 instead of 15 frames a second, the driver refuses",
        ));
    }
    let mut wrong = Vec::new();
    for (oddities, options, warning) in cases {
        let mut session = Session::start(&camera, &oddities, options);
        let pictures = session.pictures(SECONDS);
        let said = session.daemon.interrupt().said;
        let field = |name: &str| pictures.as_ref().and_then(|it| it[name].as_u64()).unwrap_or(0);
        let (sent, width) = (field("frames_sent"), field("width"));
        let line = format!("{oddities:?} {options:?}: {sent} pictures, {width} wide");
        println!("{line}");
        let warnings: Vec<_> = said.lines().filter(|line| line.contains("warning")).collect();
        let told = match warning {
            "" => warnings.is_empty(),
            _ => warnings.len() == 1 && warnings[0].contains(warning),
        };
        if sent < PICTURES_MIN || width != 640 || !told {
            wrong.push(format!("{line}; said:\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_driver_that_gives_no_pictures_but_buffers_is_told_of() {
    if is_left_out("odd_cameras::a_driver_that_gives_no_pictures_but_buffers_is_told_of") {
        return;
    }
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let camera = OddCamera::new(folder.path());
    for gives in ["damaged", "empty"] {
        let mut session = Session::start(&camera, &[("GIVES", gives)], &[]);
        let line = session.daemon.wait_for("opening it again");
        assert!(line.contains("gives only damaged or empty pictures"), "{line}");
        let pictures = session.pictures(4).unwrap();
        let away = pictures["away"].as_str().unwrap_or_default();
        assert!(away.contains("gives only damaged or empty pictures"), "{pictures}");
        // It is opened again and again, and each time it would be the same news.
        session.pictures(3).unwrap();
        let said = session.daemon.interrupt().succeeded();
        assert_eq!(said.matches("opening it again").count(), 1, "{said}");
    }
    let mut session = Session::start(&camera, &[("GIVES", "damaged-once")], &[]);
    session.daemon.wait_for("gives pictures again");
    // The seconds before are read first.
    let returned = (0..10)
        .map_while(|_| session.pictures(1))
        .any(|pictures| pictures["away"].is_null() && pictures["frames_sent"].as_u64() > Some(10));
    assert!(returned, "{}", session.daemon.said());
    session.daemon.interrupt().succeeded();
}
