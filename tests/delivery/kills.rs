//! Each layer killed under those who watch.

use crate::bed::{Bed, VIEWED, lines};
use serde_json::Value;
use std::io::{Read, Write};
use std::thread;
use std::time::Duration;
use streamsocket_tests::long::{long_or, whole};
use streamsocket_tests::program::{Program, ours};

/// What dies without a single request that fails: the load balancer asks another cache, and that another origin. The origin is the
/// first: caches go back to it while the others die.
const HIDDEN: [&str; 3] = ["origin1", "pdns1", "cache1"];

/// What viewers are connected with, and have to connect with anew.
const SEEN: [&str; 1] = ["haproxy1"];

/// Answers that may be cut off, since their begin was on its way when who sent them was killed.
const CUT_MAX: u64 = 4;

/// How long a layer is left dead, and then to come back: longer than an answer of DNS is kept, and than an origin takes until it
/// has a segment.
const DEAD: Duration = Duration::from_secs(6);

/// How long those who watch may get nothing new, in milliseconds.
const GAP_MAX: u64 = 2000;

/// Kills one after the other, and starts each again.
fn kill_all(bed: &Bed, layers: &[&str]) {
    for layer in layers {
        bed.told(&["kill", layer]);
        let _ = writeln!(std::io::stderr(), "{layer} was killed");
        thread::park_timeout(DEAD);
        bed.told(&["start", layer]);
        thread::park_timeout(DEAD);
    }
}

/// What it has printed, once it has ended.
#[track_caller]
fn finished(mut program: Program) -> Vec<Value> {
    let mut said = String::new();
    program.stdout().read_to_string(&mut said).unwrap();
    program.succeed();
    lines(said.as_bytes())
}

/// As many seconds as these layers are killed in, and some before and after.
fn seconds(layers: &[&str]) -> String {
    let each = 2 * u32::try_from(layers.len()).unwrap();
    ((DEAD * each).as_secs() + 6).to_string()
}

/// What simulated viewers meet while these layers are killed.
fn watched(bed: &Bed, layers: &[&str]) -> Value {
    let (viewers, authority) = (ours("examples/viewers"), bed.authority());
    let (url, count, seconds) =
        (format!("{VIEWED}live.m3u8"), long_or("20", "60"), seconds(layers));
    let program = viewers.get_program().to_str().unwrap();
    let options = ["--dns", "192.0.2.53:53", "--cacert", &authority, "--viewers", count];
    let command = [&[program, "--url", &url, "--seconds", &seconds][..], &options].concat();
    let mut watching = bed.watching(&command);
    watching.wait_for("have begun");
    kill_all(bed, layers);
    let figures = finished(watching).remove(0);
    let _ = writeln!(std::io::stderr(), "{figures}");
    figures
}

#[test]
fn who_watches_does_not_see_a_layer_die() {
    let Some(bed) = Bed::up("who_watches_does_not_see_a_layer_die") else { return };
    bed.wait_for_segments("low", 4);
    for layers in [&HIDDEN[..], &SEEN] {
        let figures = watched(&bed, layers);
        let of = |name: &str| figures[name].as_u64().unwrap();
        assert!(of("all_requests") > 1000, "{figures}");
        assert_eq!(of("all_errors_after_retry"), 0, "{figures}");
        assert!(of("longest_gap_ms") <= GAP_MAX, "{figures}");
        assert!(layers == SEEN || of("all_errors") <= CUT_MAX, "{figures}");
    }
}

#[test]
fn players_do_not_stop_when_a_layer_dies() {
    if !whole() {
        return;
    }
    let Some(bed) = Bed::up("players_do_not_stop_when_a_layer_dies") else { return };
    bed.wait_for_segments("low", 4);
    let program = crate::bed::root().join("tests/origin/players.mjs");
    let layers = [&HIDDEN[..], &SEEN].concat();
    for player in ["shaka", "hls.js"] {
        let node = ["node", program.to_str().unwrap(), VIEWED, &seconds(&layers), player];
        let watching = bed.watching(&node);
        // It takes the browser some seconds to start.
        thread::park_timeout(DEAD);
        kill_all(&bed, &layers);
        let figures = finished(watching).remove(0);
        let _ = writeln!(std::io::stderr(), "{figures}");
        assert!(figures["longest"].as_u64().unwrap() <= GAP_MAX, "{figures}");
    }
}
