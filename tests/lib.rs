//! What the end-to-end tests share: the programs under test and their peers as processes, places
//! on the loopback interface where they meet, and pictures and sound to compare.
//!
//! The programs are those of the same build as the tests, which `cargo build --workspace` makes;
//! `STREAMSOCKET_BINARIES=FOLDER` names others; `STREAMSOCKET_CLIPS=FOLDER` names clips that are made
//! already.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's way to fail")]
#![allow(clippy::cast_precision_loss, reason = "figures with a few digits")]

pub mod board;
pub mod card;
pub mod clip;
pub mod cost;
pub mod lan;
pub mod likeness;
pub mod long;
pub mod machine;
pub mod microphone;
pub mod odd_camera;
pub mod pairs;
pub mod place;
pub mod presented;
pub mod program;
pub mod recording;
pub mod relay;
pub mod report;
pub mod rtsp_camera;
pub mod screen;
pub mod sender;
pub mod session;
pub mod variants;
pub mod wire;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The turn of a test that streams in real time: one at a time has the machine, so that none is
/// starved by its neighbours.
///
/// Held until the guard is dropped.
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
