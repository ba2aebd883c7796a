//! What repair and pacing cost, measured with the programs themselves on the loopback interface: bytes
//! on the wire, and the time from a picture's capture to its being decoded. `make latency` runs it.

#![allow(clippy::print_stdout, clippy::expect_used, reason = "it measures, and says so or ends")]

use std::process::Command;
use streamsocket_tests::board::unix_offset;
use streamsocket_tests::clip::{clip, voice};
use streamsocket_tests::place::Place;
use streamsocket_tests::presented::{account, presented};
use streamsocket_tests::program::{Program, receiver};
use streamsocket_tests::session::{daemon_at, file};
use streamsocket_tests::wire::Tap;

/// What a datagram has before its payload on Ethernet: Ethernet, IPv4 and UDP headers.
const HEADER_BYTES: usize = 14 + 20 + 8;

/// Pictures at the start that are not counted: they may have met a program that was just starting.
const FIRST: usize = 60;

fn main() {
    println!(
        "On the wire, headers of Ethernet, IP and UDP included; 3 s of pictures at 30 a second"
    );
    for size in ["640x480", "1280x720", "1920x1080"] {
        for repair in ["10", "20"] {
            on_the_wire(size, repair);
        }
    }
    println!("Captured to decoded, pictures at 30 a second, loopback");
    for size in ["640x480", "1280x720", "1920x1080"] {
        for pace in ["off", "50%"] {
            for repair in ["0", "20"] {
                captured_to_decoded(size, pace, repair);
            }
        }
    }
}

/// Prints the bytes that repair adds to those of pictures and sound.
fn on_the_wire(size: &str, repair: &str) {
    let place = Place::new();
    let media = [0, 2].map(|above| place.at(above));
    let tap = Tap::on(media.into_iter().chain([4, 6].map(|above| place.repair_at(above))));
    let mut daemon = daemon_at(place);
    daemon.args(["--video", &file(&clip(size)), "--audio", &file(&voice()), "--fps", "30"]);
    Program::start(daemon.args(["--no-announce", "--repair", repair])).succeed();
    let datagrams = tap.close();
    let bytes = |to| -> usize {
        let those = datagrams.iter().filter(|datagram| datagram.to == to);
        those.map(|datagram| datagram.bytes.len() + HEADER_BYTES).sum()
    };
    let [video, sound] = [(0, 4), (2, 6)].map(|(media, repair)| {
        let (media, repair) = (bytes(place.at(media)), bytes(place.repair_at(repair)));
        format!("{media} and {repair} for repair (+{:.0} %)", 100.0 * repair as f64 / media as f64)
    });
    println!("  {size}, --repair {repair}: video {video}, sound {sound} bytes");
}

/// Prints quantiles of the time between a picture's capture and its being decoded.
fn captured_to_decoded(size: &str, pace: &str, repair: &str) {
    let (place, folder) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let sdp = folder.path().join("it.sdp");
    let mut daemon = daemon_at(place);
    daemon.args(["--video", &file(&clip(size)), "--audio", "none", "--loop", "--fps", "30"]);
    daemon.args(["--pace", pace, "--repair", repair, "--no-announce", "--sdp"]).arg(&sdp);
    let mut daemon = Program::start(&mut daemon);
    daemon.wait_for("goes to");
    let mut command: Command = receiver();
    // With more latency than decoding needs, pictures wait before they are decoded.
    command.args(["--latency", "50", "--for", "12"]).arg(&sdp);
    let said = Program::start(account(&mut command)).succeed();
    daemon.interrupt().succeeded();
    let offset = unix_offset();
    let decoded = presented(&said, "decoded");
    let mut taken: Vec<f64> =
        decoded.iter().skip(FIRST).map(|it| (it.at + offset - it.wall) as f64 / 1e6).collect();
    taken.sort_by(f64::total_cmp);
    let quantile = |percent| taken[(taken.len() - 1) * percent / 100];
    println!(
        "  {size}, pace {pace}, --repair {repair}: p50 {:.2} ms, p99 {:.2} ms of {} pictures",
        quantile(50),
        quantile(99),
        taken.len(),
    );
}
