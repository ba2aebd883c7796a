//! Programs that stand still for a while: the latency afterwards is what it was.

use nix::sys::signal::Signal;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::clip::{FRAMES, clip, samples, split, voice};
use streamsocket_tests::long::is_left_out;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, receiver};
use streamsocket_tests::session::{daemon_at, file, record};
use streamsocket_tests::turn;

/// By how much the latency may be another, in milliseconds: the machine is shared, and a stop that counted would
/// make it a second.
const OFF_MAX: f64 = 60.0;

/// Seconds after which it is looked at. A minute is allowed.
const AFTER: usize = 10;

fn stand_still(program: &Program, time: Duration) {
    program.signal(Signal::SIGSTOP);
    std::thread::park_timeout(time);
    program.signal(Signal::SIGCONT);
}

#[test]
fn the_latency_after_a_stop_of_either_program_is_what_it_was() {
    if is_left_out("stops::the_latency_after_a_stop_of_either_program_is_what_it_was") {
        return;
    }
    let _turn = turn();
    let place = Place::new();
    let mut daemon = daemon_at(place);
    daemon.args(["--video", "pattern", "--audio", "tone", "--size", "320x240"]);
    let mut daemon = Program::start(&mut daemon);
    daemon.wait_for("goes to");
    let mut command = receiver();
    command.arg(format!("rtp://{place}")).args(["--stats", "-"]).stdout(Stdio::piped());
    let mut viewer = Program::start(&mut command);
    let mut lines = BufReader::new(viewer.stdout()).lines();
    let mut target = |second: usize| {
        let line = lines.nth(second - 1).unwrap().unwrap();
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        line["latency_target_ms"].as_f64().unwrap()
    };
    let before = target(8);
    stand_still(&daemon, Duration::from_secs(3));
    // The line of the second that it stood still in, and those after it.
    let daemon_stopped = target(3 + AFTER);
    stand_still(&viewer, Duration::from_secs(15));
    let viewer_stopped = target(1 + AFTER);
    println!(
        "aimed at {before:.1} ms, {daemon_stopped:.1} ms after a stop of the daemon, \
         {viewer_stopped:.1} ms after one of the receiver"
    );
    let said = viewer.interrupt().succeeded();
    for after in [daemon_stopped, viewer_stopped] {
        assert!((after - before).abs() < OFF_MAX, "{before} {after}\n{said}");
    }
    daemon.interrupt().succeeded();
}

#[test]
fn what_was_sent_before_goodbye_arrives_however_late_it_is_read() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let out = folder.path().join("out.mkv");
    let (sdp, stats) = (folder.path().join("it.sdp"), folder.path().join("stats"));
    fs::write(&sdp, place.plain_sdp(Some("L16/48000/1"))).unwrap();
    let mut viewer = receiver();
    viewer.arg(&sdp).arg("--record").arg(&out).arg("--stats").arg(&stats);
    let mut viewer = Program::start(&mut viewer);
    viewer.wait_for("waiting for plain");
    // A second of it fits into the sockets' buffers.
    let (whole, part) = (fs::read(clip("640x480")).unwrap(), folder.path().join("part.mjpeg"));
    let pictures = split(&whole).into_iter().take(30).flatten().copied();
    fs::write(&part, pictures.collect::<Vec<_>>()).unwrap();
    let mut daemon = daemon_at(place);
    daemon.args(["--video", &file(&part), "--audio", &file(&voice())]);
    let daemon = Program::start(&mut daemon);
    // From here on all waits in the sockets, the goodbyes beside the pictures.
    viewer.wait_for("receiving");
    viewer.signal(Signal::SIGSTOP);
    daemon.succeed();
    viewer.signal(Signal::SIGCONT);
    viewer.wait_for("has stopped");
    // The sound is read behind the pictures.
    let all = samples(&voice()).len();
    let came = format!("\"samples\":{all},");
    wait_until("all samples", || fs::read_to_string(&stats).unwrap().contains(&came));
    let said = viewer.interrupt().succeeded();
    assert!(said.contains("30 frames received") && said.contains(" 0 incomplete"), "{said}");
    assert_eq!(samples(&out).len(), all, "{said}");
}

#[test]
fn who_stands_still_in_the_middle_of_a_picture_loses_none() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let out = folder.path().join("out.mkv");
    let mut viewer = record(place, "L16/48000/1", &out);
    let mut daemon = daemon_at(place);
    // A picture takes most of the time until the next one.
    daemon.args(["--video", &file(&clip("1280x720")), "--audio", &file(&voice())]);
    let daemon = Program::start(daemon.args(["--pace", "90%"]));
    viewer.wait_for("receiving");
    for _ in 0..4 {
        stand_still(&daemon, Duration::from_millis(700));
        std::thread::park_timeout(Duration::from_millis(150));
    }
    // Both, as on a machine that is taken its time; and the one that the pictures wait for.
    daemon.signal(Signal::SIGSTOP);
    stand_still(&viewer, Duration::from_millis(700));
    daemon.signal(Signal::SIGCONT);
    stand_still(&viewer, Duration::from_millis(700));
    daemon.succeed();
    viewer.wait_for("has stopped");
    let said = viewer.interrupt().succeeded();
    assert!(said.contains(&format!("{FRAMES} frames received")), "{said}");
    assert!(said.contains(" 0 incomplete"), "{said}");
    assert_eq!(samples(&out).len(), samples(&voice()).len(), "{said}");
}
