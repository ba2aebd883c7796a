//! A running daemon is asked, found by its announcement, and stopped.

use nix::sys::signal::Signal;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::clip::{clip, voice};
use streamsocket_tests::long::is_left_out;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, peer, receiver, text};
use streamsocket_tests::report::track;
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
    assert_eq!(track(&json, "audio")["rate"], 48_000);
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
    daemon.arg("--sdp").arg(&sdp);
    let mut daemon = Program::start(&mut daemon);
    daemon.wait_for("goes to");
    assert!(ask(place, &["viewers"]).starts_with("nobody has reported yet"));
    let mut receivers = [(); 2].map(|()| Program::start(receiver().arg(&sdp)));
    // The second report of each is the first that knows what repair has left.
    let told = || {
        let viewers = ask(place, &["viewers", "--json"]);
        let viewers: Vec<serde_json::Value> = serde_json::from_str(&viewers).unwrap();
        let whole = |it: &serde_json::Value| {
            track(it, "video")["loss_after_repair_percent"].is_number()
                && track(it, "video")["round_trip_ms"].is_number()
                && track(it, "audio")["jitter_ms"].is_number()
        };
        viewers.len() == 2 && viewers.iter().all(whole)
    };
    wait_until("both with all that is to be known", told);
    let list = ask(place, &["viewers"]);
    assert_eq!(list.lines().filter(|line| line.starts_with("127.0.0.1 ")).count(), 2, "{list}");
    for receiver in &mut receivers {
        receiver.signal(Signal::SIGINT);
    }
    for receiver in receivers {
        receiver.succeed();
    }
    // Each has said goodbye, which the daemon has yet to read.
    let nobody = || ask(place, &["viewers"]).starts_with("nobody has reported yet");
    wait_until("no viewer any more", nobody);
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
fn what_is_started_by_nohup_stays_when_the_terminal_closes() {
    let _turn = turn();
    let by_nohup = |plain: &Command| {
        let mut command = peer("nohup");
        command.arg(plain.get_program()).args(plain.get_args()).stdout(Stdio::piped());
        Program::start(&mut command)
    };
    let place = Place::new();
    let mut daemon = by_nohup(&endless(place));
    daemon.wait_for("goes to");
    let mut receiver =
        by_nohup(receiver().args(["--stats", "-", "--no-repair", &format!("rtp://{place}")]));
    receiver.wait_for("receiving");
    daemon.signal(Signal::SIGHUP);
    receiver.signal(Signal::SIGHUP);
    // Once it has answered, it has read the signals that came before.
    ask(place, &["status"]);
    ask(place, &["status"]);
    let seconds = BufReader::new(receiver.stdout()).lines();
    assert_eq!(seconds.map_while(Result::ok).take(3).count(), 3, "{}", receiver.said());
    receiver.interrupt().succeeded();
    daemon.interrupt().succeeded();
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
    let last = |path: &Path| -> serde_json::Value {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.lines().count() >= 3, "{text}");
        text.lines().map(|line| serde_json::from_str(line).unwrap()).next_back().unwrap()
    };
    let (sent, received) = (last(&sent), last(&received));
    assert!(track(&sent, "video")["frames_sent"].as_u64().unwrap() > 30, "{sent}");
    assert!(track(&received, "video")["frames_received"].as_u64().unwrap() > 30, "{received}");
    assert_eq!(track(&received, "video")["packets_lost"], 0, "{received}");
}

#[test]
fn the_status_line_is_for_terminals_only() {
    let _turn = turn();
    let mut command = receiver();
    command.args(["rtp://239.255.255.1:29998", "--for", "0.2"]).stdout(Stdio::null());
    let ended = Program::start(&mut command).finish();
    assert!(!ended.said.contains('\r') && !ended.said.contains('\x1b'), "{ended:?}");
}

#[test]
fn clients_that_send_rubbish_or_stay_for_ever_harm_nothing() {
    let _turn = turn();
    let place = Place::new();
    let mut daemon = Program::start(&mut endless(place));
    daemon.wait_for("goes to");
    let own = std::env::var("XDG_RUNTIME_DIR").map(|folder| format!("{folder}/streamsocket"));
    let temporary = format!("/tmp/streamsocket-{}", nix::unistd::geteuid());
    let folders = ["/run/streamsocket".to_owned(), own.unwrap_or_default(), temporary];
    let sockets = folders.map(|folder| format!("{folder}/{}.sock", place.name()));
    let socket = sockets.iter().find(|path| Path::new(path).exists()).unwrap();
    let connect = || UnixStream::connect(socket).unwrap();
    // More than there is room for: some say nothing, some half a request, one does not listen.
    let mut idle: Vec<_> = (0..20).map(|_| connect()).collect();
    for half in idle.iter_mut().step_by(2) {
        let _ = half.write_all(b"{\"command\":");
    }
    let mut deaf = connect();
    // Nothing more of it is read until it has read an answer: then there is no room for what it asks.
    deaf.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    while deaf.write_all(b"{\"command\":\"status\"}\n").is_ok() {}
    let mut rubbish = connect();
    // The daemon closes before all of it is written, or after.
    let _ = rubbish.write_all(&[b'x'; 100_000]);
    let mut line = String::new();
    let mut wrong = connect();
    wrong.write_all(b"\xff\xfe\n").unwrap();
    BufReader::new(wrong).read_line(&mut line).unwrap();
    assert!(line.contains("not a request"), "{line}");
    assert!(ask(place, &["status"]).contains("640x480"));
    drop(idle);
    assert_eq!(ask(place, &["stop", "--json"]), "{\"stopping\":true}\n");
    daemon.succeed();
}

#[test]
fn an_instance_is_found_by_its_name_and_errors_say_which_run() {
    let _turn = turn();
    let places = [Place::new(), Place::new()];
    let instances = places.map(|place| format!("instance {}", place.name()));
    let daemons = [0, 1].map(|index| {
        let mut daemon =
            Program::start(endless(places[index]).arg("--instance").arg(&instances[index]));
        daemon.wait_for("goes to");
        daemon
    });
    for (place, instance) in places.iter().zip(&instances) {
        let status = text(ours("streamsocket").args(["status", "--json", "--instance", instance]));
        let status: serde_json::Value = serde_json::from_str(&status).unwrap();
        assert_eq!(status["name"], place.name());
    }
    for wrong in [&["status", "--instance", "another"][..], &["sdp"], &["reload"], &["viewers"]] {
        let answer = ours("streamsocket").args(wrong).output().unwrap();
        let said = String::from_utf8_lossy(&answer.stderr);
        assert!(instances.iter().all(|name| said.contains(name.as_str())), "{wrong:?}: {said}");
    }
    for daemon in daemons {
        daemon.interrupt().succeeded();
    }
}

#[test]
fn a_command_of_a_service_means_its_own_daemon() {
    if is_left_out("control::a_command_of_a_service_means_its_own_daemon") {
        return;
    }
    let _turn = turn();
    let places = [Place::new(), Place::new()];
    // As systemd makes them: one for each instance.
    let folders = [0, 1].map(|_| tempfile::tempdir().unwrap());
    let daemons = [0, 1].map(|index| {
        let mut daemon = endless(places[index]);
        let mut daemon = Program::start(daemon.env("RUNTIME_DIRECTORY", folders[index].path()));
        daemon.wait_for("goes to");
        daemon
    });
    for (place, folder) in places.iter().zip(&folders) {
        let mut status = ours("streamsocket");
        status.args(["status", "--json"]).env("RUNTIME_DIRECTORY", folder.path());
        let status: serde_json::Value = serde_json::from_str(&text(&mut status)).unwrap();
        assert_eq!(status["name"], place.name());
    }
    for daemon in daemons {
        daemon.interrupt().succeeded();
    }
}
