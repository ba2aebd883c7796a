//! Readers that do not read: lines are lost, pictures and signals are not.

use nix::fcntl::{OFlag, open};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use streamsocket_tests::board::wait_until;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours};
use streamsocket_tests::report::track;
use streamsocket_tests::session::daemon_at;
use streamsocket_tests::turn;

/// The test picture, without end.
fn endless(place: Place) -> Command {
    let mut daemon = daemon_at(place);
    daemon.args(["--video", "pattern", "--size", "320x240", "--audio", "none"]);
    daemon
}

/// A pipe with a name that nobody reads, with no room for one byte more.
fn full_pipe(path: &Path) -> File {
    mkfifo(path, Mode::S_IRWXU).unwrap();
    let opened = |flags| File::from(open(path, flags | OFlag::O_NONBLOCK, Mode::empty()).unwrap());
    let reader = opened(OFlag::O_RDONLY);
    let mut writer = opened(OFlag::O_WRONLY);
    let full = |result: std::io::Result<usize>| {
        result.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    };
    while !full(writer.write(&[b'\n'; 4096])) {}
    while !full(writer.write(b"\n")) {}
    reader
}

/// What is in a pipe now.
fn read_what_is_there(mut pipe: &File) -> String {
    let mut text = String::new();
    match pipe.read_to_string(&mut text) {
        Err(error) if error.kind() != ErrorKind::WouldBlock => panic!("{error}"),
        _ => text,
    }
}

/// Frames sent and seconds of the session; nothing if the daemon does not answer.
fn progress(place: Place) -> Option<(u64, f64)> {
    let mut status = ours("streamsocket");
    status.args(["status", "--json", "--name", &place.name()]);
    let output = status.stdout(Stdio::piped()).output().unwrap();
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    Some((track(&status, "video")["frames_sent"].as_u64()?, status["uptime_seconds"].as_f64()?))
}

/// It goes on for some ticks of a second, each of which has something to write.
#[track_caller]
fn goes_on(place: Place) {
    let mut last = (0, 0.0);
    wait_until("five seconds of pictures", || {
        last = progress(place).unwrap_or(last);
        last.1 > 5.0
    });
    assert!(last.0 > 100, "frames sent in {} s: {}", last.1, last.0);
}

#[test]
fn statistics_that_nobody_reads_stop_neither_pictures_nor_signals() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("stats");
    let pipe = full_pipe(&path);
    let daemon = Program::start(endless(place).arg("--stats").arg(&path));
    goes_on(place);
    // A reader that is back reads whole lines, and the last of all.
    let mut text = read_what_is_there(&pipe);
    daemon.signal(Signal::SIGTERM);
    daemon.succeed();
    text += &read_what_is_there(&pipe);
    let seconds = text.lines().filter(|line| !line.is_empty()).map(|line| {
        let stats: serde_json::Value = serde_json::from_str(line).unwrap();
        stats["uptime_seconds"].as_f64().unwrap()
    });
    let seconds: Vec<_> = seconds.collect();
    assert!(seconds.len() >= 5 && seconds.is_sorted(), "{seconds:?}");
}

#[test]
fn standard_output_that_nobody_reads_ever_ends_nothing_late() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("out");
    let _unread = full_pipe(&path);
    let out = File::options().write(true).open(&path).unwrap();
    let mut daemon = endless(place);
    daemon.args(["--stats", "-", "--sdp", "-"]).stdout(Stdio::from(out));
    let daemon = Program::start(&mut daemon);
    goes_on(place);
    daemon.signal(Signal::SIGTERM);
    daemon.succeed();
}

#[test]
fn a_description_waits_for_the_reader_of_a_pipe_and_nothing_else_does() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("it.sdp");
    mkfifo(&path, Mode::S_IRWXU).unwrap();
    let mut daemon = Program::start(endless(place).arg("--sdp").arg(&path));
    daemon.wait_for("goes to");
    let sdp = std::fs::read_to_string(&path).unwrap();
    assert!(sdp.starts_with("v=0\r\n") && sdp.contains(&place.name()), "{sdp}");
    daemon.interrupt().succeeded();
}

#[test]
fn a_log_that_nobody_reads_stops_neither_pictures_nor_signals() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("log");
    let _unread = full_pipe(&path);
    let log = File::options().write(true).open(&path).unwrap();
    let mut daemon = endless(place).stderr(Stdio::from(log)).spawn().unwrap();
    goes_on(place);
    kill(Pid::from_raw(daemon.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    let ended = || daemon.try_wait().unwrap().is_some_and(|status| status.success());
    wait_until("the end", ended);
}
