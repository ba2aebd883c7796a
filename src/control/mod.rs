//! Control of a running daemon through a local socket: a JSON object with a command a line, a JSON
//! object as the answer. [`server`] lives in the daemon's event loop, [`client`] in the commands.

pub mod client;
pub mod server;
mod trust;

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Bytes of an answer at most, and so what either end makes the other keep: statistics with all viewers
/// that a session can know, their names of the longest, are half of it.
pub const ANSWER_MAX: usize = 2 << 20;

/// What a client may ask for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "command", deny_unknown_fields)]
pub enum Request {
    /// The session description.
    Sdp,
    /// The statistics.
    Status,
    /// The configuration read again and applied.
    Reload,
    /// The end of the session.
    Stop,
}

/// What the daemon answers.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The session description.
    Sdp(String),
    /// The statistics.
    Status(Box<crate::statistics::Statistics>),
    /// The configuration was read again: true if it was another one, which is applied.
    Reloaded(bool),
    /// The session ends now.
    Stopping(bool),
    /// What was wrong with the request.
    Error(String),
}

/// Where control sockets may be, best first: systemd's or root's runtime folder, the user's own,
/// and a folder of the user's in /tmp.
#[must_use]
pub fn folders() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if let Some(folder) = std::env::var_os("RUNTIME_DIRECTORY") {
        folders.push(PathBuf::from(folder));
    }
    folders.push(PathBuf::from("/run/streamsocket"));
    if let Some(folder) = std::env::var_os("XDG_RUNTIME_DIR") {
        folders.push(PathBuf::from(folder).join("streamsocket"));
    }
    folders.push(PathBuf::from(format!("/tmp/streamsocket-{}", nix::unistd::geteuid())));
    folders
}
