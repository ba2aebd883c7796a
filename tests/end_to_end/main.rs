//! Both programs as a user starts them, on the loopback interface, with real peers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's way to fail")]
#![allow(clippy::print_stdout, reason = "what a test measured")]

mod control;
mod mistakes;
mod peers;
mod sources;
mod streaming;
mod window;

use std::fs;
use std::path::Path;
use std::process::Command;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, daemon, receiver};

/// A daemon that sends to a place.
fn daemon_at(place: Place) -> Command {
    let mut command = daemon();
    command.args(["--to", &place.to_string(), "--name", &place.name()]);
    command
}

/// A file as a source.
fn file(path: &Path) -> String {
    format!("file:{}", path.display())
}

/// A receiver that knows only the place and the sound's encoding, is there before anything is sent,
/// and records.
fn record(place: Place, audio: &str, out: &Path) -> Program {
    let sdp = out.with_extension("plain.sdp");
    fs::write(&sdp, place.plain_sdp(Some(audio))).unwrap();
    let mut receiver = Program::start(receiver().arg(&sdp).arg("--record").arg(out));
    receiver.wait_for("waiting for plain");
    receiver
}
