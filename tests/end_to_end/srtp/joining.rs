//! Our receiver at the beginning of a protected session, and late: nobody tells it how often the sequence number has
//! rolled over. And behind losses, since repair is over what is sealed.

use super::{SMALL, Sealed, last_statistics, source_and_recorded};
use std::fs;
use std::process::Command;
use streamsocket_srtp::suite::Suite;
use streamsocket_tests::board::{monotonic, unix_offset, wait_until};
use streamsocket_tests::clip::{FRAMES, assert_runs_through, find, samples, voice};
use streamsocket_tests::long::is_left_out;
use streamsocket_tests::place::Place;
use streamsocket_tests::presented::{account, presented};
use streamsocket_tests::program::{Program, receiver};
use streamsocket_tests::relay::{Loss, Relay};
use streamsocket_tests::report::track;
use streamsocket_tests::turn;

/// A clip of which 13,000 of the smallest packets go by in a second: the counter is another one every 5 s.
const LARGE: &str = "1280x720";

/// From when a receiver has joined to when the first picture that it has whole was captured, at most: 300 ms, and as much
/// again for a machine that does other things as well.
const JOINING_MAX_MS: i64 = 600;

/// Packets that come in that time.
const REFUSED_MAX: u64 = 10_000;

/// Joins late for so long and records. How long after it had joined the first picture was captured that it has, in
/// milliseconds, and how often the sequence number had rolled over.
fn joins_late(sealed: &Sealed, rollovers: u32, seconds: &str) -> (i64, u32) {
    wait_until("the counter is there", || sealed.rollovers() >= rollovers);
    let before = sealed.rollovers();
    let (out, stats) = (sealed.at(&format!("{before}.mkv")), sealed.at(&format!("{before}.json")));
    let mut command = sealed.receiver(&sealed.at("it.sdp"));
    command.args(["--for", seconds, "--record"]).arg(&out).arg("--stats").arg(&stats);
    let mut viewer = Program::start(account(&mut command));
    viewer.wait_for("waiting for ");
    let joined = monotonic() + unix_offset();
    let said = viewer.succeed();
    let first = presented(&said, "decoded").first().expect("nothing was decoded").wall;
    let stats = last_statistics(&stats);
    let video = track(&stats, "video");
    let lost = ["packets_lost", "frames_incomplete"].map(|name| video[name].as_u64());
    assert_eq!(lost, [Some(0); 2], "{stats}");
    // While the counter is searched for.
    assert!(video["packets_refused"].as_u64() <= Some(REFUSED_MAX), "{video}");
    let [source, recorded] = source_and_recorded(LARGE, &out);
    assert_runs_through(&source, &recorded);
    // Sound rolls over so rarely that its counter is 0 all the time.
    let (heard, spoken) = (samples(&out), samples(&voice()));
    let spoken = [&spoken[..], &spoken[..]].concat();
    assert!(find(&spoken, &heard[..heard.len().min(40_000)]).is_some(), "another sound");
    ((first - joined) / 1_000_000, before)
}

/// Who is there from the beginning misses nothing, over five wraps and more; who joins has the next picture.
fn is_received_from_the_beginning_and_late(suite: Suite) {
    let _turn = turn();
    let sealed = Sealed::new();
    let out = sealed.at("whole.mkv");
    let whole = sealed.record(&out);
    let daemon = sealed.sends(LARGE, suite, &["--packet-size", SMALL]);
    let mut wraps = Vec::new();
    for (counter, seconds) in [(1, "6"), (5, "2")] {
        let (millis, before) = joins_late(&sealed, counter, seconds);
        println!("{suite}: joined at counter {before}: first picture captured {millis} ms later");
        assert!(millis < JOINING_MAX_MS, "{millis} ms");
        wraps.push((before, sealed.rollovers()));
    }
    assert!(wraps[0].1 > wraps[0].0, "no wrap while it was received: {wraps:?}");
    daemon.interrupt().succeeded();
    let said = whole.interrupt().succeeded();
    let [source, recorded] = source_and_recorded(LARGE, &out);
    assert_eq!(assert_runs_through(&source, &recorded), 0, "{said}");
    println!("{suite}: {} pictures from the first on, {wraps:?} rolled over", recorded.len());
    assert!(samples(&out).starts_with(&samples(&voice())[..40_000]));
}

#[test]
fn counter_mode_is_received_from_the_beginning_and_late() {
    if is_left_out("joining::counter_mode_is_received_from_the_beginning_and_late") {
        return;
    }
    is_received_from_the_beginning_and_late(Suite::AesCm128HmacSha1_80);
}

#[test]
fn gcm_is_received_from_the_beginning_and_late() {
    is_received_from_the_beginning_and_late(Suite::AeadAes128Gcm);
}

/// A receiver behind a network between these places.
fn behind(sealed: &Sealed, far: Place) -> Command {
    let sdp = sealed.at("far.sdp");
    let plain = far.repaired_sdp("L16/48000/1");
    fs::write(&sdp, plain.replace("RTP/AVP", "RTP/SAVP")).unwrap();
    let mut command = receiver();
    command.args(["--mute", "--latency", "300", "--key-file"]).arg(sealed.at("key")).arg(&sdp);
    command
}

#[test]
fn what_is_lost_of_sealed_packets_is_repaired() {
    for suite in Suite::ALL {
        let _turn = turn();
        let (sealed, far) = (Sealed::new(), Place::new());
        let (out, stats) = (sealed.at("out.mkv"), sealed.at("it.json"));
        let mut command = behind(&sealed, far);
        let mut viewer =
            Program::start(command.arg("--record").arg(&out).arg("--stats").arg(&stats));
        viewer.wait_for("waiting for plain");
        let relay = Relay::open(sealed.place, far, Loss { per_mille: 50, burst: 1, seed: 1 });
        let mut daemon = sealed.daemon("1280x720", suite);
        Program::start(daemon.args(["--repair", "20"])).succeed();
        viewer.wait_for("has stopped");
        let said = viewer.interrupt().succeeded();
        let [source, recorded] = source_and_recorded("1280x720", &out);
        assert!(recorded.iter().all(|it| source.contains(it)), "one that was never sent: {said}");
        let stats = last_statistics(&stats);
        let video = track(&stats, "video");
        println!(
            "{suite}: {} packets lost, {} of {} of pictures repaired, {} of {FRAMES} pictures",
            relay.lost(),
            video["packets_repaired"],
            video["packets_lost"],
            recorded.len()
        );
        assert!(recorded.len() + 3 >= FRAMES, "{said}");
        assert!(video["packets_repaired"].as_u64() > Some(100), "{video}");
        assert_eq!(video["packets_refused"], 0, "{video}");
    }
}
