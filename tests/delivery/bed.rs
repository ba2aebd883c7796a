//! All of deploy/ in network namespaces, as the program `bed` of this folder builds it.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use streamsocket_tests::board::wait_until;
use streamsocket_tests::machine::can_be_made;
use streamsocket_tests::program::{Program, ours, output, peer};

/// All tracks of the session.
pub(crate) const TRACKS: [&str; 4] = ["high", "medium", "low", "audio"];

/// The first origin, as everybody in the bed can ask it.
pub(crate) const ORIGIN: &str = "http://192.0.2.81:8081/Bed/";

/// The session as viewers ask for it.
pub(crate) const VIEWED: &str = "https://live.example.org/Bed/";

/// One bed at a time: it is fourteen machines.
static MACHINE: Mutex<()> = Mutex::new(());

/// A bed that is up. Taken down when it is dropped.
pub(crate) struct Bed {
    folder: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Its headers, as they came.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

impl Bed {
    /// One in which a viewer can begin; none, and the test says why, where none can be made.
    pub(crate) fn up(test: &str) -> Option<Self> {
        if !can_be_made(test) {
            return None;
        }
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("delivery-{}-{number}", std::process::id());
        let turn = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
        let bed = Self { folder: std::env::temp_dir().join(name), _turn: turn };
        bed.told(&["up"]);
        Some(bed)
    }

    /// The bed's program with these arguments.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let origin = ours("streamsocket-origin");
        let binaries = Path::new(origin.get_program()).parent().unwrap();
        let mut bed = peer("bash");
        bed.arg(root().join("tests/delivery/bed")).args(arguments);
        bed.env("BED", &self.folder).env("BED_BINARIES", binaries);
        bed.env("NODE_EXTRA_CA_CERTS", self.authority());
        bed
    }

    /// Has it do this, which must succeed.
    #[track_caller]
    pub(crate) fn told(&self, arguments: &[&str]) {
        // What it starts lives on, and would keep a pipe open.
        let status = self.command(arguments).status().unwrap();
        assert!(status.success(), "bed {arguments:?}: {status}");
    }

    /// Runs a command where viewers are, and returns what it has printed.
    #[track_caller]
    pub(crate) fn viewer(&self, command: &[&str]) -> Vec<u8> {
        output(&mut self.command(&[&["exec", "client"], command].concat()))
    }

    /// Has somebody watch who goes on, and says so.
    pub(crate) fn watching(&self, command: &[&str]) -> Program {
        let mut watching = self.command(&[&["exec", "client"], command].concat());
        Program::start(watching.stdout(Stdio::piped()))
    }

    /// Whose certificates are good here.
    pub(crate) fn authority(&self) -> String {
        self.folder.join("ca.pem").to_str().unwrap().to_owned()
    }

    /// Asks for something as a viewer does, with further options of curl.
    #[track_caller]
    pub(crate) fn get(&self, url: &str, options: &[&str]) -> Answer {
        let authority = self.authority();
        let curl = ["curl", "-s", "-i", "--max-time", "20", "--cacert", &authority, url];
        let bytes = self.viewer(&[&curl, options].concat());
        let end = bytes.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("headers");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body: bytes[end + 4..].to_vec() }
    }

    /// What is at an address, which must be there.
    #[track_caller]
    pub(crate) fn text(&self, url: &str) -> String {
        let answer = self.get(url, &[]);
        assert_eq!(answer.status, 200, "{url}: {}", answer.text());
        answer.text()
    }

    /// What a program of tests/origin/ prints where viewers are.
    #[track_caller]
    pub(crate) fn node(&self, program: &str, arguments: &[&str]) -> Vec<Value> {
        let program = root().join("tests/origin").join(program);
        let said = self.viewer(&[&["node", program.to_str().unwrap()], arguments].concat());
        lines(&said)
    }

    /// Waits until so many segments are listed.
    #[track_caller]
    pub(crate) fn wait_for_segments(&self, track: &str, segments: usize) {
        let url = format!("{VIEWED}{track}/live.m3u8");
        wait_until("segments", || listed(&self.text(&url)).len() >= segments);
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        let _ = self.command(&["down"]).status();
    }
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find_map(|(known, value)| (known.to_lowercase() == name).then_some(value))
    }

    /// Whether a cache had it.
    pub(crate) fn was_kept(&self) -> bool {
        self.header("x-cache").is_some_and(|said| said.ends_with(" HIT"))
    }
}

/// Lines of JSON.
pub(crate) fn lines(said: &[u8]) -> Vec<Value> {
    let said = String::from_utf8_lossy(said);
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Segments of a playlist, the oldest first.
pub(crate) fn listed(playlist: &str) -> Vec<&str> {
    playlist.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect()
}

/// Addresses in tags of this name of a playlist, the oldest first.
pub(crate) fn tagged<'a>(playlist: &'a str, tag: &str) -> Vec<&'a str> {
    let lines = playlist.lines().filter(|line| line.starts_with(&format!("#{tag}:")));
    lines.filter_map(|line| line.split("URI=\"").nth(1)?.split('"').next()).collect()
}
