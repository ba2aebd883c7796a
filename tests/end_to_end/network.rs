//! The programs on machines of their own, as network namespaces: a slow port with a small queue
//! between them, links that go down, addresses that change. These need root.

use nix::sys::signal::Signal;
use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use streamsocket_tests::board::on;
use streamsocket_tests::clip::{clip, voice};
use streamsocket_tests::long::{is_left_out, long_or};
use streamsocket_tests::machine::can_be_made;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, peer, text};
use streamsocket_tests::report::track;
use streamsocket_tests::session::file;
use streamsocket_tests::turn;

/// The two machines and the hop between them.
pub(crate) struct Cables(PathBuf);

impl Cables {
    /// Without root there are none, and the test says so.
    pub(crate) fn lay(test: &str) -> Option<Self> {
        if !can_be_made(test) {
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../board/vm/guest/bin/net-hop");
        let cables = Self(script);
        cables.hop("up");
        Some(cables)
    }

    fn hop(&self, verb: &str) {
        text(peer(self.0.to_str().unwrap()).arg(verb));
    }
}

impl Drop for Cables {
    fn drop(&mut self) {
        let _ = Command::new(&self.0).arg("down").status();
    }
}

fn ip(machine: &str, arguments: &str) {
    text(peer("ip").args(["-n", machine]).args(arguments.split(' ')));
}

struct Streams {
    daemon: Program,
    receiver: Program,
    /// The receiver's statistics, a line a second.
    lines: Lines<BufReader<ChildStdout>>,
    seconds: Vec<serde_json::Value>,
    _folder: tempfile::TempDir,
}

/// A session from one machine to the other.
fn stream(size: &str, options: &[&str]) -> Streams {
    let folder = tempfile::tempdir().unwrap();
    let sdp = folder.path().join("it.sdp");
    let mut daemon = ours("streamsocket");
    let place = Place::new();
    daemon.args(["--interface", "eth0", "--to", &place.to_string(), "--name", &place.name()]);
    daemon.args(["--loop", "--video", &file(&clip(size)), "--audio", &file(&voice())]);
    daemon.args(["--no-announce", "--sdp"]).arg(&sdp).args(options);
    let mut daemon = Program::start(&mut on("sender", &daemon));
    daemon.wait_for("goes to");
    let mut receiver = ours("streamsocket-receiver");
    receiver.args(["--interface", "eth0", "--headless", "--mute", "--stats", "-"]).arg(&sdp);
    let mut receiver = Program::start(on("viewer", &receiver).stdout(Stdio::piped()));
    let lines = BufReader::new(receiver.stdout()).lines();
    receiver.wait_for("receiving");
    Streams { daemon, receiver, lines, seconds: Vec::new(), _folder: folder }
}

impl Streams {
    /// Waits until so many more seconds have been reported.
    fn watch(&mut self, seconds: usize) {
        let new = (&mut self.lines).take(seconds).map(|line| line.unwrap());
        self.seconds.extend(new.map(|line| serde_json::from_str(&line).unwrap()));
    }

    /// Waits until a whole second of pictures and sound comes again; how many seconds that took.
    #[track_caller]
    fn returns(&mut self) -> usize {
        for waited in 0..20 {
            self.watch(1);
            let [.., before, now] = &self.seconds[..] else { continue };
            let more = |medium, name| number(now, medium, name) - number(before, medium, name);
            if more("video", "frames_received") >= 25 && more("audio", "samples") >= 45_000 {
                return waited;
            }
        }
        panic!("nothing came any more: {:?}", self.seconds.last());
    }

    /// Whether in one of the seconds everything came and nothing was lost.
    fn had_a_whole_second(&self) -> bool {
        self.seconds.windows(2).any(|pair| {
            let more = |name| number(&pair[1], "video", name) - number(&pair[0], "video", name);
            more("frames_received") >= 25
                && ["frames_incomplete", "packets_lost", "packets_repaired"].map(more) == [0; 3]
        })
    }

    /// Ends both; what the receiver counted.
    fn end(mut self) -> serde_json::Value {
        self.receiver.interrupt().succeeded();
        self.daemon.interrupt().succeeded();
        let last = self.lines.last().map(|line| serde_json::from_str(&line.unwrap()).unwrap());
        last.or(self.seconds.pop()).unwrap()
    }
}

fn number(stats: &serde_json::Value, medium: &str, name: &str) -> u64 {
    track(stats, medium)[name].as_u64().unwrap()
}

#[test]
fn a_small_queue_is_not_overrun() {
    if is_left_out("network::a_small_queue_is_not_overrun") {
        return;
    }
    let _turn = turn();
    let Some(cables) = Cables::lay("a_small_queue_is_not_overrun") else { return };
    cables.hop("leaf");
    for (pace, repair) in [("50%", "20"), ("off", "20"), ("off", "0")] {
        let mut streams = stream("1920x1080", &["--pace", pace, "--repair", repair]);
        streams.watch(4);
        // A sender that a shared machine has no time for sends what is late at once: there are other seconds.
        while pace != "off" && !streams.had_a_whole_second() && streams.seconds.len() < 20 {
            streams.watch(1);
        }
        let whole_second = streams.had_a_whole_second();
        let stats = streams.end();
        let video = |name| number(&stats, "video", name);
        println!(
            "1080p30 into 100 Mbit/s and 128 kB, pace {pace}, repair {repair}: {} frames whole, {} not; \
             {} packets lost, {} repaired",
            video("frames_received"),
            video("frames_incomplete"),
            video("packets_lost"),
            video("packets_repaired"),
        );
        assert_eq!(whole_second, pace != "off");
        if pace == "off" {
            assert!(video("frames_incomplete") > video("frames_received"));
        }
    }
}

#[test]
fn links_and_addresses_that_change_are_followed() {
    if is_left_out("network::links_and_addresses_that_change_are_followed") {
        return;
    }
    let _turn = turn();
    let Some(_cables) = Cables::lay("links_and_addresses_that_change_are_followed") else { return };
    let mut streams = stream("640x480", &[]);
    streams.watch(2);
    let mut took = Vec::new();
    for machine in ["sender", "viewer"] {
        ip(machine, "link set eth0 down");
        streams.watch(long_or(3, 10));
        ip(machine, "link set eth0 up");
        took.push(streams.returns());
    }
    ip("sender", "address del 10.77.0.1/24 dev eth0");
    ip("sender", "address add 10.77.0.9/24 dev eth0");
    took.push(streams.returns());
    ip("viewer", "address del 10.77.0.2/24 dev eth0");
    ip("viewer", "address add 10.77.0.8/24 dev eth0");
    took.push(streams.returns());
    println!("seconds until a whole second came again: {took:?}");
    let (daemon, receiver) = (streams.daemon.said(), streams.receiver.said());
    println!("{daemon}\n{receiver}");
    assert!(took.iter().all(|seconds| *seconds <= 3), "{took:?}");
    assert!(daemon.lines().count() <= 10, "{daemon}");
    streams.end();
}

#[test]
fn a_receiver_that_was_stopped_is_back_at_once() {
    let _turn = turn();
    let Some(_cables) = Cables::lay("a_receiver_that_was_stopped_is_back_at_once") else { return };
    // The one is the other's clock.
    let (mut stopped, mut going) = (stream("640x480", &[]), stream("640x480", &[]));
    stopped.watch(3);
    stopped.receiver.signal(Signal::SIGSTOP);
    let seconds = long_or(10, 60);
    going.watch(seconds);
    stopped.receiver.signal(Signal::SIGCONT);
    let took = stopped.returns();
    let said = stopped.receiver.said();
    println!("stopped for {seconds} s: a whole second came again after {took} s\n{said}");
    assert!(took <= 2, "{took}");
    assert!(said.lines().count() <= 10, "{said}");
    let shown = number(stopped.seconds.last().unwrap(), "video", "frames_received");
    stopped.watch(3);
    let more = number(stopped.seconds.last().unwrap(), "video", "frames_received") - shown;
    assert!(more >= 85, "{more} frames in three seconds");
    stopped.end();
    going.end();
}
