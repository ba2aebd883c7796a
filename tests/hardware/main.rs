//! Both programs with the kernel's own drivers, on the virtual board: cameras and microphones that
//! are plugged in, fail, are pulled out and return; networks that lose packets.
//!
//! These run as root in that machine only, one after the other: `make board-test` does it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's way to fail")]
#![allow(clippy::print_stdout, reason = "what a test measured")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "figures with a few digits"
)]

mod clocks;
mod cost;
mod faults;
mod flash;
mod network;
mod pictures;
mod plugging;
mod sound;
mod waiting;

use std::path::{Path, PathBuf};
use std::process::Command;
use streamsocket_tests::clip::clip;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, receiver};
use streamsocket_tests::recording::{Recording, all_coded};

/// For what is not about repair: as soon as an emulated processor makes repair packets as well, it is late for its
/// cards and its cameras.
const WITHOUT_REPAIR: [&str; 2] = ["--repair", "0"];

/// The clips as options of a webcam.
fn clips(sizes: &[&str]) -> Vec<String> {
    sizes.iter().map(|size| clip(size).display().to_string()).collect()
}

/// A camera as a source.
fn v4l2(node: &Path) -> String {
    format!("v4l2:{}", node.display())
}

/// A daemon and a receiver that records what it sends.
struct Session {
    name: String,
    daemon: Program,
    receiver: Program,
    out: PathBuf,
    _folder: tempfile::TempDir,
}

/// What was recorded, and what the daemon and the receiver said.
struct Received {
    recording: Recording,
    said: String,
    played: String,
}

impl Session {
    /// Starts both; returns when something is received.
    #[track_caller]
    fn start(daemon: &mut Command) -> Self {
        Self::start_with(daemon, &mut receiver())
    }

    /// The same with a receiver of its own options.
    #[track_caller]
    fn start_with(daemon: &mut Command, receiver: &mut Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (sdp, out) = (folder.path().join("it.sdp"), folder.path().join("out.mkv"));
        // So that another user may write the description there.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(folder.path(), open).unwrap();
        let mut daemon = Program::start(daemon.arg("--sdp").arg(&sdp));
        // 'NAME' goes to ...
        let name = daemon.wait_for("goes to").split('\'').nth(1).unwrap().to_owned();
        let mut receiver = Program::start(receiver.arg(&sdp).arg("--record").arg(&out));
        receiver.wait_for("receiving ");
        Self { name, daemon, receiver, out, _folder: folder }
    }

    /// Streams on for so many seconds.
    fn go_on(&self, seconds: u64) {
        std::thread::park_timeout(std::time::Duration::from_secs(seconds));
    }

    /// Ends both well.
    #[track_caller]
    fn end(self) -> Received {
        let played = self.receiver.interrupt().succeeded();
        let said = self.daemon.interrupt().succeeded();
        Received { recording: Recording::read(&self.out), said, played }
    }
}

impl Received {
    /// Asserts that each picture is one of the clip's, bit by bit; returns which ones, in order.
    #[track_caller]
    fn assert_exact(&self, size: &str) -> Vec<usize> {
        let source = all_coded(&std::fs::read(clip(size)).unwrap());
        let place = |frame: &u64| source.iter().position(|it| it == frame);
        let places: Vec<_> = self.recording.coded().iter().map(place).collect();
        let exact: Vec<_> = places.iter().flatten().copied().collect();
        assert_eq!(exact.len(), places.len(), "not exact: {places:?}\n{}", self.said);
        assert!(!exact.is_empty(), "no picture: {}", self.said);
        exact
    }
}

/// Pictures that are missing between those of a clip, played round and round.
fn gaps(places: &[usize]) -> usize {
    let missing = |pair: &[usize]| {
        (pair[1] + streamsocket_tests::clip::FRAMES - pair[0] - 1)
            % streamsocket_tests::clip::FRAMES
    };
    places.windows(2).map(missing).sum()
}

/// A place for a session, as an option.
fn to(place: Place) -> String {
    place.to_string()
}

/// The number in front of these words in what the daemon says at its end; 0 without them.
fn number_before(said: &str, words: &str) -> usize {
    let before = said.split(words).next().filter(|before| before.len() < said.len());
    let number = before.and_then(|before| before.split_whitespace().next_back());
    number.map_or(0, |number| number.parse().unwrap())
}
