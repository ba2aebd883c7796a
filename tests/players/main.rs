//! Players out of other packages than Debian's: retina, PyAV and OpenCV. `make players-test` fetches and builds them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's way to fail")]
#![allow(clippy::print_stdout, reason = "what a test saw")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use streamsocket_tests::clip::{FRAMES, all_pixels, assert_runs_through, clip, voice};
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, peer, serving_daemon, text};
use streamsocket_tests::session::file;
use streamsocket_tests::turn;

/// Where `scripts/setup players` puts them.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/players")
}

/// A daemon that serves a clip and a voice, and its address.
fn daemon(place: Place, options: &[&str]) -> (Program, String) {
    let port = place.port + 8;
    let mut command = serving_daemon(port);
    command.args(["--video", &file(&clip("640x480")), "--audio", &file(&voice()), "--loop"]);
    command.args(["--to", &place.to_string(), "--name", &place.name(), "--no-announce"]);
    let mut daemon = Program::start(command.args(options));
    daemon.wait_for("goes to");
    (daemon, format!("127.0.0.1:{port}/"))
}

fn retina(arguments: &[&str]) -> Command {
    let mut retina = peer(folder().join("retina/release/play-by-retina").to_str().unwrap());
    retina.args(arguments);
    retina
}

fn python(player: &str, source: &str, transport: &str) -> Command {
    let mut python = peer(folder().join("venv/bin/python").to_str().unwrap());
    python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("players/frames.py"));
    python.args([player, source, transport, &FRAMES.to_string()]);
    python
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with("sounds")).collect()
}

#[test]
fn retina_gets_every_picture_whole() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let (daemon, address) = daemon(Place::new(), &[]);
    let source = all_pixels(&fs::read(clip("640x480")).unwrap());
    for transport in ["udp", "tcp"] {
        let out = folder.path().join(transport);
        let url = format!("rtsp://{address}");
        let arguments = [&url, transport, &FRAMES.to_string(), out.to_str().unwrap()];
        let said = text(&mut retina(&arguments));
        println!("retina, {transport}: {said}");
        let [pictures, sounds, lost, size] = said.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("{said}")
        };
        assert_eq!((pictures, lost, size), (&*FRAMES.to_string(), "0", "640x480"));
        assert!(sounds.parse::<u32>().unwrap() > 500, "{said}");
        assert_runs_through(&source, &all_pixels(&fs::read(out).unwrap()));
    }
    daemon.interrupt().succeeded();
}

#[test]
fn pyav_and_opencv_get_every_picture_exactly() {
    let _turn = turn();
    let (daemon, address) = daemon(Place::new(), &[]);
    for player in ["av", "cv2"] {
        let source = text(&mut python(player, clip("640x480").to_str().unwrap(), "file"));
        for transport in ["udp", "tcp"] {
            let said = text(&mut python(player, &format!("rtsp://{address}"), transport));
            let got = lines(&said);
            assert_eq!(got.len(), FRAMES, "{player}, {transport}");
            assert_runs_through(&lines(&source), &got);
            println!("{player}, {transport}: {} pictures", got.len());
        }
    }
    daemon.interrupt().succeeded();
}

#[test]
fn passwords_are_known_to_all_of_them_and_sha256_to_retina() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users");
    let mut add = ours("streamsocket");
    add.args(["user", "add", "anna", "--users"]).arg(&users).stdin(Stdio::piped());
    let mut child = add.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"correct horse\n").unwrap();
    assert!(child.wait().unwrap().success());
    let file = users.to_str().unwrap();
    let out = folder.path().join("out");
    for options in [&["--users", file][..], &["--users", file, "--auth-sha256-only"]] {
        let (daemon, address) = daemon(Place::new(), options);
        let (bare, only_sha256) = (format!("rtsp://{address}"), options.len() > 2);
        let arguments = [&bare, "tcp", "3", out.to_str().unwrap(), "anna", "correct horse"];
        text(&mut retina(&arguments));
        let wrong = [&arguments[..5], &["wrong"]].concat();
        assert!(!retina(&wrong).stderr(Stdio::null()).status().unwrap().success());
        let with = format!("rtsp://anna:correct%20horse@{address}");
        for player in ["av", "cv2"] {
            let mut command = python(player, &with, "tcp");
            let ended = command.stderr(Stdio::null()).output().unwrap();
            assert_eq!(ended.status.success(), !only_sha256, "{player} {options:?}");
        }
        daemon.interrupt().succeeded();
    }
}
