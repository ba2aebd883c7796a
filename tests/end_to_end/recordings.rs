//! Recordings of senders whose clock is not to be relied on.

use std::fs;
use std::net::Ipv4Addr;
use std::time::Duration;
use streamsocket_tests::long::is_left_out;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, receiver};
use streamsocket_tests::recording::Recording;
use streamsocket_tests::sender::Sender;
use streamsocket_tests::turn;

const SECOND: i64 = 1_000_000_000;

/// What a sender's clock says when it is started the first time, and without a clock of its own later.
const WALL: i64 = 1_700_000_000 * SECOND;

/// How long a sender is away that is started anew.
const AWAY: Duration = Duration::from_millis(1500);

#[test]
fn a_sender_that_restarts_with_another_clock_is_recorded_on() {
    if is_left_out("recordings::a_sender_that_restarts_with_another_clock_is_recorded_on") {
        return;
    }
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let (sdp, out) = (folder.path().join("it.sdp"), folder.path().join("out.mkv"));
    fs::write(&sdp, Sender::sdp(place)).unwrap();
    let mut command = receiver();
    let mut viewer = Program::start(command.arg(&sdp).arg("--record").arg(&out));
    viewer.wait_for("waiting for plain");
    let mut sent = 0;
    // An hour earlier, as a Pi without a clock, and an hour later, when it has heard of the time.
    for (number, wall) in [(1, WALL), (2, WALL - 3600 * SECOND), (3, WALL + 3600 * SECOND)] {
        let mut sender = Sender::new(place, Ipv4Addr::LOCALHOST, number, wall);
        sender.run(4);
        sent += sender.sent();
        std::thread::park_timeout(AWAY);
    }
    let said = viewer.interrupt().succeeded();
    let recording = Recording::read(&out);
    let times: Vec<u64> = recording.video.iter().map(|(nanos, _)| *nanos).collect();
    let gap = times.windows(2).map(|two| two[1].saturating_sub(two[0])).max().unwrap();
    println!(
        "{} of {sent} pictures over {} ms, the longest gap {} ms",
        times.len(),
        times.last().unwrap() / 1_000_000,
        gap / 1_000_000
    );
    // A newcomer may have to prove for a second that it is one.
    assert!(times.len() + 100 > sent as usize, "{said}");
    assert!(times.is_sorted() && gap < 4_000_000_000, "{gap}");
    let sound: usize = recording.audio.iter().map(|(_, samples)| samples.len()).sum();
    assert!(sound + 100 * 160 > sent as usize * 160, "{sound} samples");
    assert!(said.contains("clock jumped 2 times"), "{said}");
}
