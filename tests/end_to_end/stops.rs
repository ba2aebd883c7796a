//! Programs that stand still for a while: the latency afterwards is what it was.

use nix::sys::signal::Signal;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, receiver};
use streamsocket_tests::session::daemon_at;
use streamsocket_tests::turn;

/// By how much the latency may be another, in milliseconds: the machine is shared, and a stop that counted would
/// make it a second.
const OFF_MAX: f64 = 60.0;

/// Seconds after which it is looked at. A minute is allowed.
const AFTER: usize = 10;

fn stand_still(program: &Program, seconds: u64) {
    program.signal(Signal::SIGSTOP);
    std::thread::park_timeout(Duration::from_secs(seconds));
    program.signal(Signal::SIGCONT);
}

#[test]
fn the_latency_after_a_stop_of_either_program_is_what_it_was() {
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
    stand_still(&daemon, 3);
    // The line of the second that it stood still in, and those after it.
    let daemon_stopped = target(3 + AFTER);
    stand_still(&viewer, 15);
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
