//! A daemon and a receiver that meet somewhere.

use crate::place::Place;
use crate::program::{Program, daemon, receiver};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A daemon that sends to a place.
pub fn daemon_at(place: Place) -> Command {
    let mut command = daemon();
    command.args(["--to", &place.to_string(), "--name", &place.name()]);
    command
}

/// A file as a source.
pub fn file(path: &Path) -> String {
    format!("file:{}", path.display())
}

/// A receiver that knows only the place and the sound's encoding, is there before anything is sent,
/// and records.
pub fn record(place: Place, audio: &str, out: &Path) -> Program {
    let sdp = out.with_extension("plain.sdp");
    fs::write(&sdp, place.plain_sdp(Some(audio))).unwrap();
    let mut receiver = Program::start(receiver().arg(&sdp).arg("--record").arg(out));
    receiver.wait_for("waiting for plain");
    receiver
}
