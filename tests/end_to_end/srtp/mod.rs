//! Protected sessions (SRTP) with real peers: libsrtp2, our receiver, ffmpeg, GStreamer and tshark.

mod agreement;
mod exchange;
mod joining;
mod oracle;
mod players;
mod secrets;
mod strangers;
mod wire;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use streamsocket_srtp::key_file::parse;
use streamsocket_srtp::master_key::{MASTER_LEN, MasterKey};
use streamsocket_srtp::suite::Suite;
use streamsocket_tests::clip::{clip, voice};
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, receiver, text};
use streamsocket_tests::recording::{Recording, all_coded};
use streamsocket_tests::session::{daemon_at, file};

/// Bytes of the smallest packets that there are: their sequence number rolls over in 2 s of 1080p30.
const SMALL: &str = "300";

/// A place for a protected session, and a folder with its key.
struct Sealed {
    place: Place,
    folder: tempfile::TempDir,
}

impl Sealed {
    fn new() -> Self {
        let it = Self { place: Place::new(), folder: tempfile::tempdir().unwrap() };
        it.make_key("key");
        it
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes a key in a file of this name; its line.
    fn make_key(&self, name: &str) -> String {
        text(ours("streamsocket").args(["key", "new"]).arg(self.at(name)));
        self.line(name)
    }

    fn line(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap()
    }

    /// Puts another file of keys in place of one, as a user does.
    fn write_keys(&self, name: &str, lines: &str) {
        let new = self.at("new");
        fs::write(&new, lines).unwrap();
        fs::set_permissions(&new, Permissions::from_mode(0o600)).unwrap();
        fs::rename(new, self.at(name)).unwrap();
    }

    fn master(&self) -> MasterKey {
        parse(&self.line("key")).unwrap().remove(0)
    }

    /// A daemon that sends a clip and the voice, sealed.
    fn daemon(&self, size: &str, suite: Suite) -> Command {
        let mut command = daemon_at(self.place);
        command.args(["--video", &file(&clip(size)), "--audio", &file(&voice())]);
        command.arg("--key-file").arg(self.at("key")).args(["--suite", suite.name()]);
        command.arg("--sdp").arg(self.at("it.sdp"));
        command
    }

    /// The same, started, and round and round.
    fn sends(&self, size: &str, suite: Suite, options: &[&str]) -> Program {
        let mut daemon = Program::start(self.daemon(size, suite).arg("--loop").args(options));
        daemon.wait_for("goes to");
        daemon
    }

    /// A receiver of what this description describes.
    fn receiver(&self, sdp: &Path) -> Command {
        let mut command = receiver();
        command.args(["--mute", "--key-file"]).arg(self.at("key")).arg(sdp);
        command
    }

    /// A receiver that is there before anything is sent and records; it knows only that the session is protected.
    fn record(&self, out: &Path) -> Program {
        let sdp = self.at("plain.sdp");
        let plain = self.place.plain_sdp(Some("L16/48000/1"));
        fs::write(&sdp, plain.replace("RTP/AVP", "RTP/SAVP")).unwrap();
        let mut receiver = Program::start(self.receiver(&sdp).arg("--record").arg(out));
        receiver.wait_for("waiting for plain");
        receiver
    }

    /// What the daemon tells of the session now.
    fn described(&self) -> String {
        text(ours("streamsocket").args(["sdp", "--name", &self.place.name()]))
    }

    /// How often the sequence number of the pictures has rolled over by now.
    fn rollovers(&self) -> u32 {
        let described = self.described();
        let mut values = described.lines().filter_map(|line| line.strip_prefix("a=x-rollovers:"));
        values.next().expect("no counter is told").parse().unwrap()
    }
}

/// The key and the salt, one behind the other.
fn bytes_of(key: &MasterKey) -> [u8; MASTER_LEN] {
    let mut bytes = [0; MASTER_LEN];
    bytes[..key.key().len()].copy_from_slice(key.key());
    bytes[key.key().len()..].copy_from_slice(key.salt());
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What makes the pixels of each picture of a clip, and of each one that was recorded.
fn source_and_recorded(size: &str, out: &Path) -> [Vec<u64>; 2] {
    [all_coded(&fs::read(clip(size)).unwrap()), Recording::read(out).coded()]
}

/// The last of a receiver's statistics.
fn last_statistics(path: &Path) -> serde_json::Value {
    let text = fs::read_to_string(path).unwrap();
    serde_json::from_str(text.lines().next_back().expect("no statistics")).unwrap()
}
