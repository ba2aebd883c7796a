//! Programs that read what the receiver writes, and stop reading: pictures go on, and so does the end.

use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;
use streamsocket_tests::board::{monotonic, wait_until};
use streamsocket_tests::clip::clip;
use streamsocket_tests::long::is_left_out;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, receiver};
use streamsocket_tests::session::{daemon_at, file};
use streamsocket_tests::turn;

/// A pipe that is full soon, in bytes: the smallest there is.
const PIPE_BYTES: i32 = 4096;

/// How long a program may take to end, in nanoseconds: it waits for a reader for some seconds.
const END_MAX: i64 = 20_000_000_000;

fn daemon(place: Place, fps: &str) -> Program {
    let mut daemon = daemon_at(place);
    daemon.args(["--video", &file(&clip("640x480")), "--audio", "none", "--loop", "--fps", fps]);
    let mut daemon = Program::start(&mut daemon);
    daemon.wait_for("goes to");
    daemon
}

/// The newest of a receiver's statistics: the value of `name` of the pictures, or of all.
fn newest(stats: &Path, pointer: &str) -> u64 {
    let text = fs::read_to_string(stats).unwrap_or_default();
    let mut whole = text.lines().filter_map(|line| serde_json::from_str(line).ok());
    let newest: Option<serde_json::Value> = whole.next_back();
    newest.and_then(|newest| newest.pointer(pointer)?.as_u64()).unwrap_or(0)
}

#[test]
fn a_reader_of_a_recording_that_stops_reading_costs_no_picture() {
    if is_left_out("readers::a_reader_of_a_recording_that_stops_reading_costs_no_picture") {
        return;
    }
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let stats = folder.path().join("stats");
    let daemon = daemon(place, "120");
    let mut command = receiver();
    command.arg(format!("rtp://{place}")).args(["--record", "-", "--stats"]).arg(&stats);
    let mut viewer = Program::start(command.stdout(Stdio::piped()));
    let unread = viewer.stdout();
    viewer.wait_for("does not keep up");
    let shown = newest(&stats, "/tracks/0/frames_shown");
    wait_until("pictures go on", || newest(&stats, "/tracks/0/frames_shown") > shown + 200);
    assert!(newest(&stats, "/recording_left_out") > 0);
    let began = monotonic();
    let ended = viewer.interrupt();
    assert!(monotonic() - began < END_MAX);
    assert_eq!(ended.status.code(), Some(1), "{}", ended.said);
    assert_eq!(ended.said.matches("does not keep up").count(), 1, "{}", ended.said);
    assert!(ended.said.contains("the recording thread does not end"), "{}", ended.said);
    drop(unread);
    daemon.interrupt().succeeded();
}

#[test]
fn a_reader_of_statistics_that_stops_reading_costs_no_picture() {
    if is_left_out("readers::a_reader_of_statistics_that_stops_reading_costs_no_picture") {
        return;
    }
    let _turn = turn();
    let place = Place::new();
    let daemon = daemon(place, "30");
    let mut command = receiver();
    command.arg(format!("rtp://{place}")).args(["--stats", "-"]);
    let mut viewer = Program::start(command.stdout(Stdio::piped()));
    let unread = viewer.stdout();
    fcntl(&unread, FcntlArg::F_SETPIPE_SZ(PIPE_BYTES)).unwrap();
    viewer.wait_for("receiving");
    std::thread::park_timeout(Duration::from_secs(8));
    let began = monotonic();
    let said = viewer.interrupt().succeeded();
    assert!(monotonic() - began < END_MAX);
    let count = |what: &str| -> u64 {
        let line = said.lines().find(|line| line.contains("frames received")).unwrap();
        let (before, _) = line.split_once(what).unwrap();
        before.rsplit(' ').next().unwrap().parse().unwrap()
    };
    let (received, shown) = (count(" frames received"), count(" shown"));
    println!("{shown} of {received} pictures shown while nobody reads");
    assert!(received > 200 && shown + 20 > received, "{said}");
    drop(unread);
    daemon.interrupt().succeeded();
}

/// A program whose standard error nobody reads.
struct Unheard(Child);

impl Drop for Unheard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_terminal_that_was_stopped_costs_no_picture() {
    if is_left_out("readers::a_terminal_that_was_stopped_costs_no_picture") {
        return;
    }
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let stats = folder.path().join("stats");
    let daemon = daemon(place, "120");
    let mut command = receiver();
    command.arg(format!("rtp://{place}")).arg("--stats").arg(&stats);
    // A message or two for each picture.
    command.env("RUST_LOG", "info,shown=trace,decoded=trace").stderr(Stdio::piped());
    let mut viewer = Unheard(command.spawn().unwrap());
    wait_until("pictures go on", || newest(&stats, "/tracks/0/frames_shown") > 1000);
    kill(Pid::from_raw(viewer.0.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    let began = monotonic();
    wait_until("it ends", || viewer.0.try_wait().unwrap().is_some());
    assert!(monotonic() - began < END_MAX);
    daemon.interrupt().succeeded();
}
