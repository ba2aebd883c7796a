//! What does not answer holds up nobody: neither viewers, nor commands, nor signals.

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use streamsocket_tests::board::{monotonic, wait_until};
use streamsocket_tests::clip::clip;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{PATIENCE, Program, daemon, ours, peer, receiver};
use streamsocket_tests::report::track;
use streamsocket_tests::session::{daemon_at, file};
use streamsocket_tests::turn;

/// The end of a program that waits for nothing: far below the 10 and 15 s that sources are waited for.
const AT_ONCE_NANOS: i64 = 2_000_000_000;

/// An IP camera that takes connections and never answers.
struct Silent(TcpListener);

impl Silent {
    fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn url(&self) -> String {
        format!("http://{}/video", self.0.local_addr().unwrap())
    }

    /// Waits until somebody asks it.
    fn asked(&self) -> TcpStream {
        self.0.accept().unwrap().0
    }
}

/// A daemon with a configuration that can be changed.
struct Configured {
    place: Place,
    folder: tempfile::TempDir,
    program: Program,
}

impl Configured {
    fn start(lines: &str, change: impl FnOnce(&mut Command)) -> Self {
        let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
        configure(place, folder.path(), lines);
        let mut command = daemon();
        command.arg("--config").arg(folder.path().join("it.toml"));
        command.arg("--sdp").arg(folder.path().join("it.sdp"));
        change(&mut command);
        let mut program = Program::start(&mut command);
        program.wait_for("goes to");
        Self { place, folder, program }
    }

    fn configure(&self, lines: &str) {
        configure(self.place, self.folder.path(), lines);
    }

    fn viewer(&self) -> (Program, impl Iterator<Item = serde_json::Value> + use<>) {
        let mut command = receiver();
        command.arg(self.folder.path().join("it.sdp")).args(["--stats", "-"]);
        let mut program = Program::start(command.stdout(Stdio::piped()));
        let lines = BufReader::new(program.stdout()).lines().map_while(Result::ok);
        (program, lines.map(|line| serde_json::from_str(&line).unwrap()))
    }
}

fn configure(place: Place, folder: &Path, lines: &str) {
    let own = format!("to = \"{place}\"\nname = \"{}\"\n", place.name());
    fs::write(folder.join("it.toml"), own + lines).unwrap();
}

/// A command to the daemon at a place.
fn command(what: &str, place: Place) -> Command {
    let mut command = ours("streamsocket");
    command.args([what, "--instance", &place.name()]).stdout(Stdio::piped());
    command
}

#[track_caller]
fn refused(Output { status, stderr, .. }: &Output, reason: &str) {
    let said = String::from_utf8_lossy(stderr);
    assert!(status.code() == Some(1) && said.contains(reason), "{status}: {said}");
}

fn pictures(second: &serde_json::Value) -> u64 {
    track(second, "video")["frames_received"].as_u64().unwrap_or(0)
}

#[test]
fn a_reload_to_a_camera_that_never_answers_costs_no_viewer_a_picture() {
    let _turn = turn();
    let (folder, camera) = (tempfile::tempdir().unwrap(), Silent::new());
    let path = folder.path().join("notify");
    let heard = heard(UnixDatagram::bind(&path).unwrap());
    let sources =
        format!("video = \"file:{}\"\nloop = true\naudio = \"tone\"\n", clip("640x480").display());
    let session = Configured::start(&sources, |command| {
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "1000000");
    });
    let (viewer, mut seconds) = session.viewer();
    assert!(seconds.by_ref().take(60).any(|second| pictures(&second) > 30), "no pictures");
    session.configure(&format!("video = \"{}\"\n", camera.url()));
    let reload = command("reload", session.place).stderr(Stdio::piped()).spawn().unwrap();
    let connection = camera.asked();
    // It is asked, answers, and refuses to do two things at a time.
    let status = command("status", session.place).output().unwrap();
    assert!(status.status.success(), "{status:?}");
    refused(&command("reload", session.place).output().unwrap(), "is being read again already");
    // Pictures in each second of those that the camera is waited for.
    let mut last = pictures(&seconds.next().unwrap());
    for second in seconds.by_ref().take(12) {
        let now = pictures(&second);
        assert!(now > last, "no picture for a second: {second}");
        last = now;
    }
    refused(&reload.wait_with_output().unwrap(), "no answer for 15 s; it goes on as before");
    drop(connection);
    let second = seconds.by_ref().take(3).last().unwrap();
    assert_eq!(track(&second, "video")["packets_lost"], 0, "{second}");
    assert_eq!(track(&second, "audio")["packets_lost"], 0, "{second}");
    viewer.interrupt().succeeded();
    session.program.interrupt().succeeded();
    // The service manager has heard all the time that it lives.
    let mut messages =
        heard.iter().skip_while(|message| !message.starts_with("RELOADING=1")).skip(1);
    let pings = messages.by_ref().take_while(|message| message != "READY=1\n");
    let pings = pings.filter(|message| message == "WATCHDOG=1\n").count();
    assert!(pings >= 15, "{pings} pings in 15 s");
    assert!(messages.any(|message| message == "STOPPING=1\n"));
}

/// What a service manager hears, up to the end.
fn heard(manager: UnixDatagram) -> Receiver<String> {
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let (sender, heard) = channel();
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(len) = manager.recv(&mut bytes) {
            let message = String::from_utf8_lossy(&bytes[..len]).into_owned();
            let last = message == "STOPPING=1\n";
            if sender.send(message).is_err() || last {
                break;
            }
        }
    });
    heard
}

#[test]
fn a_signal_ends_it_while_a_configuration_is_taken_on() {
    let _turn = turn();
    let camera = Silent::new();
    let session = Configured::start("video = \"pattern\"\naudio = \"none\"\n", |_| {});
    session.configure(&format!("video = \"{}\"\n", camera.url()));
    let reload = command("reload", session.place).stderr(Stdio::piped()).spawn().unwrap();
    let _connection = camera.asked();
    let began = monotonic();
    session.program.signal(Signal::SIGTERM);
    session.program.succeed();
    assert!(monotonic() - began < AT_ONCE_NANOS, "{} ns", monotonic() - began);
    refused(&reload.wait_with_output().unwrap(), "refuses: it ends");
}

/// The socket that commands to a daemon go to.
fn socket(place: Place) -> Option<PathBuf> {
    let own = std::env::var("XDG_RUNTIME_DIR").map(|folder| format!("{folder}/streamsocket"));
    let temporary = format!("/tmp/streamsocket-{}", nix::unistd::geteuid());
    let folders = ["/run/streamsocket".to_owned(), own.unwrap_or_default(), temporary];
    let paths = folders.map(|folder| PathBuf::from(format!("{folder}/{}.sock", place.name())));
    paths.into_iter().find(|path| path.exists())
}

#[test]
fn signals_end_a_start_whatever_it_waits_for() {
    let _turn = turn();
    let (folder, camera) = (tempfile::tempdir().unwrap(), Silent::new());
    let fifo = folder.path().join("fifo");
    mkfifo(&fifo, Mode::S_IRWXU).unwrap();
    let waits: [(&str, &[&str], bool); 5] = [
        ("standard input", &["--video", "file:-"], true),
        ("a pipe", &["--video", &file(&fifo)], true),
        (
            "the reader of its description",
            &["--video", "pattern", "--sdp", fifo.to_str().unwrap()],
            true,
        ),
        ("a camera", &["--video", &camera.url()], true),
        ("a group", &["--video", "pattern"], false),
    ];
    for (what, options, to) in waits {
        for signal in [Signal::SIGTERM, Signal::SIGINT] {
            let place = Place::new();
            let mut command = if to { daemon_at(place) } else { daemon() };
            command.args(options).args(["--audio", "none", "--instance", &place.name()]);
            // Nobody writes to it, and nobody closes it.
            let mut program = Program::start(command.stdin(Stdio::piped()));
            wait_until("its socket", || socket(place).is_some());
            if what == "a camera" {
                drop(camera.asked());
            }
            let began = monotonic();
            program.signal(signal);
            let said = program.said();
            let ended = program.finish();
            let took = monotonic() - began;
            assert!(ended.status.success(), "{what}, {signal}: {ended:?} {said}");
            assert!(took < AT_ONCE_NANOS, "{what}, {signal}: {took} ns");
            assert_eq!(socket(place), None, "its socket is left");
        }
    }
}

#[test]
fn commands_are_answered_while_it_starts() {
    let _turn = turn();
    let place = Place::new();
    let mut starting = daemon_at(place);
    starting.args(["--video", "file:-", "--audio", "none"]);
    let program = Program::start(starting.stdin(Stdio::piped()));
    wait_until("its socket", || socket(place).is_some());
    refused(&command("status", place).output().unwrap(), "refuses: it is starting");
    let stopped = command("stop", place).output().unwrap();
    assert!(stopped.status.success(), "{stopped:?}");
    program.succeed();
}

#[test]
fn standard_input_is_handed_over_without_the_loss_of_a_picture() {
    let _turn = turn();
    let mut writer = peer("ffmpeg");
    writer.args(["-v", "error", "-re", "-stream_loop", "-1", "-i"]).arg(clip("640x480"));
    writer.args(["-c", "copy", "-f", "mjpeg", "-"]).stdout(Stdio::piped());
    let mut writer = Program::start(&mut writer);
    let pipe = writer.stdout();
    let sources = "video = \"file:-\"\naudio = \"none\"\n";
    let session = Configured::start(sources, |command| {
        command.stdin(pipe);
    });
    let (viewer, mut seconds) = session.viewer();
    assert!(seconds.by_ref().take(60).any(|second| pictures(&second) > 30), "no pictures");
    for repair in [50, 0, 20] {
        session.configure(&format!("{sources}repair = {repair}\n"));
        let reloaded = command("reload", session.place).output().unwrap();
        assert!(reloaded.status.success(), "{reloaded:?}");
        let before = seconds.next().map_or(0, |second| pictures(&second));
        let later = seconds.by_ref().take(60).find(|second| pictures(second) > before + 40);
        assert_eq!(track(&later.expect("more pictures"), "video")["packets_lost"], 0);
        let status = command("status", session.place).arg("--json").output().unwrap();
        let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
        assert!(
            track(&status, "video")["frames_dropped"].as_object().unwrap().is_empty(),
            "{status}"
        );
    }
    viewer.interrupt().succeeded();
    session.program.interrupt().succeeded();
}
