//! Sound cards that are not as near to the loudspeaker as they look.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use streamsocket_tests::card::Card;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, receiver};
use streamsocket_tests::report::track;
use streamsocket_tests::session::daemon_at;
use streamsocket_tests::turn;

/// What wireless headphones take, in milliseconds.
const BEHIND: u32 = 287;

/// Samples that a busy machine may be late with in some seconds: a tenth of one.
const LATE_MAX: u64 = 4800;

#[test]
fn a_card_with_a_delay_of_its_own_settles_by_itself() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let mut daemon = daemon_at(place);
    daemon.args(["--video", "pattern", "--audio", "tone", "--size", "640x480"]);
    let mut daemon = Program::start(&mut daemon);
    daemon.wait_for("goes to");
    let card = Card::with_delay(folder.path(), 0, BEHIND);
    let mut command = receiver();
    command.arg(format!("rtp://{place}")).args(["--stats", "-", "--for", "14"]);
    let mut viewer = Program::start(card.play(&mut command).stdout(Stdio::piped()));
    let lines = BufReader::new(viewer.stdout()).lines().map_while(Result::ok);
    let seconds: Vec<serde_json::Value> =
        lines.map(|line| serde_json::from_str(&line).unwrap()).collect();
    let said = viewer.succeed();
    daemon.interrupt().succeeded();
    let late = |second: usize| track(&seconds[second], "audio")["samples_late"].as_u64().unwrap();
    let last = seconds.last().unwrap();
    let (target, offset) = (&last["latency_target_ms"], &last["av_offset_ms"]);
    println!(
        "{} samples late in 5 s, {} in 13 s; aimed at {target} ms, sound {offset} ms after the picture",
        late(5),
        late(12),
    );
    assert!(late(12) - late(5) < LATE_MAX, "{said}");
    let target = target.as_f64().unwrap();
    assert!(target > f64::from(BEHIND) && target < 400.0, "{target}");
    assert!(offset.as_f64().unwrap().abs() < 10.0, "{offset}");
}
