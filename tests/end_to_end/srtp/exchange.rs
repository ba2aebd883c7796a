//! Keys that change while a session goes on, and a sender that begins anew with the same key.

use super::{Sealed, last_statistics, source_and_recorded};
use std::collections::BTreeSet;
use streamsocket_srtp::suite::Suite;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::clip::{FRAMES, assert_runs_through};
use streamsocket_tests::program::{Program, ours, receiver, text};
use streamsocket_tests::recording::Recording;
use streamsocket_tests::report::track;
use streamsocket_tests::turn;

const SIZE: &str = "640x480";

/// Has the daemon read its keys again.
fn reload(sealed: &Sealed) {
    let said = text(ours("streamsocket").args(["reload", "--name", &sealed.place.name()]));
    assert_eq!(said, "the changed configuration is applied\n");
}

/// Waits until so many more pictures have been sent.
fn wait_for_pictures(sealed: &Sealed, more: u64) {
    let sent = || {
        let mut ask = ours("streamsocket");
        let said = text(ask.args(["status", "--json", "--name", &sealed.place.name()]));
        let status: serde_json::Value = serde_json::from_str(&said).unwrap();
        track(&status, "video")["frames_sent"].as_u64().unwrap()
    };
    let before = sent();
    wait_until("pictures are sent", || sent() >= before + more);
}

/// The sources of a description.
fn sources(sealed: &Sealed) -> BTreeSet<String> {
    let described = sealed.described();
    let lines = described.lines().filter_map(|line| line.strip_prefix("a=ssrc:"));
    lines.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

#[test]
fn another_key_costs_no_picture_of_who_has_both_and_is_told_to_who_has_not() {
    let _turn = turn();
    let sealed = Sealed::new();
    let (old, new) = (sealed.line("key"), sealed.make_key("new key"));
    sealed.write_keys("both", &format!("{old}{new}"));
    sealed.write_keys("old", &old);
    let daemon = sealed.sends(SIZE, Suite::AesCm128HmacSha1_80, &[]);
    let viewer = |keys: &str| {
        let mut command = receiver();
        command.args(["--mute", "--key-file"]).arg(sealed.at(keys)).arg(sealed.at("it.sdp"));
        command.arg("--record").arg(sealed.at(&format!("{keys}.mkv")));
        command.arg("--stats").arg(sealed.at(&format!("{keys}.json")));
        let mut viewer = Program::start(&mut command);
        viewer.wait_for("receiving");
        viewer
    };
    let (both, mut outdated) = (viewer("both"), viewer("old"));
    wait_for_pictures(&sealed, 30);
    let before = sources(&sealed);
    sealed.write_keys("key", &format!("{new}{old}"));
    reload(&sealed);
    assert_eq!(sources(&sealed), before, "viewers stay");
    wait_for_pictures(&sealed, 60);
    // And back, once the old one is not old any more.
    sealed.write_keys("key", &old);
    reload(&sealed);
    wait_for_pictures(&sealed, 30);
    sealed.write_keys("key", &new);
    reload(&sealed);
    outdated.wait_for("protected with another key: copy the sender's key file here");
    let said = both.interrupt().succeeded();
    outdated.interrupt().succeeded();
    daemon.interrupt().succeeded();
    let [source, recorded] = source_and_recorded(SIZE, &sealed.at("both.mkv"));
    assert_runs_through(&source, &recorded);
    assert!(recorded.len() > 120, "{} pictures", recorded.len());
    assert!(said.contains("what comes is protected with another key of the key file"), "{said}");
    let stats = last_statistics(&sealed.at("both.json"));
    for medium in ["video", "audio"] {
        let counts = ["packets_lost", "packets_refused"].map(|it| &track(&stats, medium)[it]);
        assert_eq!(counts, [0, 0], "{stats}");
    }
    println!("three exchanges of the key: {} pictures, none lost", recorded.len());
    let [_, seen] = source_and_recorded(SIZE, &sealed.at("old.mkv"));
    assert!(seen.len() < recorded.len() && seen.len() > 30, "{} pictures", seen.len());
}

#[test]
fn a_sender_that_begins_anew_with_the_same_key_is_received_and_is_another_source() {
    let _turn = turn();
    let sealed = Sealed::new();
    let out = sealed.at("out.mkv");
    let mut viewer = sealed.record(&out);
    let begin = || sealed.sends(SIZE, Suite::AeadAes128Gcm, &[]);
    let mut all = BTreeSet::new();
    for number in 1..=3 {
        let daemon = begin();
        // No key, source and index are used twice, since no source is.
        all.extend(sources(&sealed));
        assert_eq!(all.len(), 2 * number, "{all:?}");
        viewer.wait_for("receiving plain");
        wait_for_pictures(&sealed, 40);
        daemon.interrupt().succeeded();
        viewer.wait_for("has stopped");
    }
    let said = viewer.interrupt().succeeded();
    let [source, _] = source_and_recorded(SIZE, &out);
    let recorded = Recording::read(&out).coded();
    // The clip's beginning is in it three times, each time without a gap.
    let begins: Vec<_> = (0..recorded.len())
        .filter(|at| {
            recorded[*at] == source[0] && (*at == 0 || recorded[at - 1] != source[FRAMES - 1])
        })
        .chain([recorded.len()])
        .collect();
    assert_eq!((begins.len(), begins[0]), (4, 0), "{begins:?} {said}");
    for part in begins.windows(2) {
        assert_runs_through(&source, &recorded[part[0]..part[1]]);
        assert!(part[1] - part[0] >= 40, "{begins:?}");
    }
}
