//! A running daemon is asked, found by its announcement, and stopped.

use nix::sys::signal::Signal;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use streamsocket_tests::clip::{clip, voice};
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, receiver, text};
use streamsocket_tests::session::{daemon_at, file};
use streamsocket_tests::turn;

/// A daemon that streams until it is stopped.
fn endless(place: Place) -> Command {
    let mut daemon = daemon_at(place);
    daemon.args(["--video", &file(&clip("640x480")), "--audio", &file(&voice()), "--loop"]);
    daemon
}

fn ask(place: Place, what: &[&str]) -> String {
    text(ours("streamsocket").args(what).args(["--name", &place.name()]))
}

#[test]
fn a_daemon_says_what_it_does_and_stops_when_told() {
    let _turn = turn();
    let place = Place::new();
    let mut daemon = Program::start(&mut endless(place));
    daemon.wait_for("goes to");
    let sdp = ask(place, &["sdp"]);
    assert!(sdp.contains(&format!("s={}\r\n", place.name())), "{sdp}");
    assert!(sdp.contains(&format!("m=video {} RTP/AVP 26\r\n", place.port)), "{sdp}");
    assert!(sdp.contains("a=rtpmap:97 L16/48000/1\r\n"), "{sdp}");
    let status = ask(place, &["status"]);
    assert!(status.contains("640x480 at 30 frames/s"), "{status}");
    let json: serde_json::Value = serde_json::from_str(&ask(place, &["status", "--json"])).unwrap();
    assert_eq!(json["name"], place.name());
    assert_eq!(json["audio"]["rate"], 48_000);
    assert_eq!(ask(place, &["stop"]), "stopping\n");
    daemon.succeed();
    let gone = ours("streamsocket").args(["status", "--name", &place.name()]).output().unwrap();
    assert_eq!(gone.status.code(), Some(1));
}

#[test]
fn who_watches_is_listed_with_what_arrives_there() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let sdp = folder.path().join("it.sdp");
    let mut daemon = endless(place);
    daemon.arg("--sdp").arg(&sdp).args(["--stats", "-"]).stdout(Stdio::piped());
    let mut daemon = Program::start(&mut daemon);
    let seconds = BufReader::new(daemon.stdout()).lines();
    daemon.wait_for("goes to");
    assert!(ask(place, &["viewers"]).starts_with("nobody has reported yet"));
    let mut receivers = [(); 2].map(|()| Program::start(receiver().arg(&sdp)));
    // The second report of each is the first that knows what repair has left.
    let told = |line: &String| {
        let stats: serde_json::Value = serde_json::from_str(line).unwrap();
        let viewers = stats["viewer_list"].as_array().unwrap().clone();
        let whole = |it: &serde_json::Value| {
            it["video"]["loss_after_repair_percent"].is_number()
                && it["video"]["round_trip_ms"].is_number()
                && it["audio"]["jitter_ms"].is_number()
        };
        viewers.len() == 2 && viewers.iter().all(whole)
    };
    assert!(seconds.map_while(Result::ok).take(60).any(|line| told(&line)), "never both");
    let list = ask(place, &["viewers"]);
    assert_eq!(list.lines().filter(|line| line.starts_with("127.0.0.1 ")).count(), 2, "{list}");
    for receiver in &mut receivers {
        receiver.signal(Signal::SIGINT);
    }
    for receiver in receivers {
        receiver.succeed();
    }
    // Each has said goodbye.
    assert!(ask(place, &["viewers"]).starts_with("nobody has reported yet"));
    assert_eq!(ask(place, &["stop"]), "stopping\n");
    daemon.succeed();
}

#[test]
fn signals_end_it_well() {
    let _turn = turn();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let mut daemon = Program::start(&mut endless(Place::new()));
        daemon.wait_for("goes to");
        daemon.signal(signal);
        let said = daemon.succeed();
        assert!(said.contains("frames captured"), "{said}");
    }
}

#[test]
fn a_second_daemon_of_the_same_name_is_refused() {
    let _turn = turn();
    let place = Place::new();
    let mut first = Program::start(&mut endless(place));
    first.wait_for("goes to");
    let second = Program::start(&mut endless(place)).finish();
    assert_eq!(second.status.code(), Some(1));
    assert!(second.said.contains("runs already") && second.said.contains("--name"), "{second:?}");
    first.interrupt().succeeded();
}

#[test]
fn announced_sessions_are_listed_and_played_by_name() {
    let _turn = turn();
    let place = Place::new();
    let mut daemon = Program::start(&mut endless(place));
    daemon.wait_for("goes to");
    let listed = text(receiver().arg("--list"));
    let line = listed.lines().find(|line| line.contains(&place.name()));
    assert!(line.is_some_and(|line| line.contains(&place.to_string())), "{listed}");
    let mut receiver = Program::start(receiver().arg(place.name()));
    receiver.wait_for(&format!("receiving {}", place.name()));
    receiver.interrupt().succeeded();
    daemon.interrupt().succeeded();
}

#[test]
fn statistics_are_json_lines() {
    let _turn = turn();
    let place = Place::new();
    let folder = tempfile::tempdir().unwrap();
    let (sent, received) = (folder.path().join("sent.json"), folder.path().join("received.json"));
    let sdp = folder.path().join("it.sdp");
    let mut command = endless(place);
    let mut daemon = Program::start(command.arg("--stats").arg(&sent).arg("--sdp").arg(&sdp));
    daemon.wait_for("goes to");
    let mut command = receiver();
    command.arg(&sdp).arg("--stats").arg(&received).args(["--for", "3"]);
    Program::start(&mut command).succeed();
    daemon.interrupt().succeeded();
    let last = |path: &std::path::Path| -> serde_json::Value {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.lines().count() >= 3, "{text}");
        text.lines().map(|line| serde_json::from_str(line).unwrap()).next_back().unwrap()
    };
    let (sent, received) = (last(&sent), last(&received));
    assert!(sent["video"]["frames_sent"].as_u64().unwrap() > 30, "{sent}");
    assert!(received["video"]["frames_received"].as_u64().unwrap() > 30, "{received}");
    assert_eq!(received["video"]["packets_lost"], 0, "{received}");
}

#[test]
fn the_status_line_is_for_terminals_only() {
    let _turn = turn();
    let mut command = receiver();
    command.args(["rtp://239.255.255.1:29998", "--for", "0.2"]).stdout(Stdio::null());
    let ended = Program::start(&mut command).finish();
    assert!(!ended.said.contains('\r') && !ended.said.contains('\x1b'), "{ended:?}");
}
