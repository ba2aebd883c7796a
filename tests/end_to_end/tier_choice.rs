//! A receiver that takes the best tier that arrives, on a LAN that is cut to a third and widened again. This needs root.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use streamsocket_net::machine::unix_nanos;
use streamsocket_tests::board::on;
use streamsocket_tests::clip::clip;
use streamsocket_tests::lan::Lan;
use streamsocket_tests::long::long_or;
use streamsocket_tests::machine::not_run;
use streamsocket_tests::presented::{Presented, account, presented};
use streamsocket_tests::program::{Program, ours};
use streamsocket_tests::report::track;
use streamsocket_tests::session::file;
use streamsocket_tests::turn;

/// A session of 29 Mbit/s, with these tiers beside it: one of half the width and height and 15 pictures a second is 4.
fn send(lan: &Lan, tiers: &[&str]) -> Program {
    let mut daemon = ours("streamsocket");
    daemon.args(["--video", &file(&clip("1280x720")), "--loop", "--fps", "30", "--audio", "tone"]);
    daemon.args(tiers.iter().flat_map(|tier| ["--tier", *tier]));
    daemon.args(["--name", lan.sender.name()]);
    let mut daemon = Program::start(&mut on(lan.sender.name(), &daemon));
    daemon.wait_for("goes to");
    daemon
}

fn view(lan: &Lan) -> Program {
    let mut receiver = ours("streamsocket-receiver");
    receiver.args([lan.sender.name(), "--headless", "--mute"]);
    Program::start(account(&mut on(lan.viewer.name(), &receiver)))
}

/// Time without a new picture that nobody notices, in milliseconds; and on a machine that has other things to do.
const GAP_MILLIS: i64 = 100;
const GAP_MILLIS_SHARED: i64 = 300;

/// Seconds after the cut at which what comes is whole again at the latest; and on a machine that has other things to do.
const SECONDS_MAX: f64 = 2.0;
const SECONDS_MAX_SHARED: f64 = 4.0;

/// The link is full so soon after the cut, in nanoseconds.
const SOON: i64 = 1_000_000_000;

/// Pictures in a row that are whole: a second of the smaller tier.
const IN_A_ROW: usize = 15;

/// The longest time between the captures of two pictures that were shown one after the other, in milliseconds.
fn longest_gap(shown: &[Presented]) -> i64 {
    let gaps = shown.windows(2).map(|pair| (pair[1].wall - pair[0].wall) / 1_000_000);
    gaps.max().unwrap()
}

/// Where the first picture is that was captured from `from` on and is followed by whole ones: none is missing before the next.
fn whole_again(shown: &[Presented], from: i64) -> usize {
    let is_whole = |pair: &[Presented]| pair[1].wall - pair[0].wall <= GAP_MILLIS * 1_000_000;
    let begins = |at: &usize| {
        let row = &shown[*at..];
        row[0].wall >= from && row.len() > IN_A_ROW && row[..=IN_A_ROW].windows(2).all(is_whole)
    };
    // The first ones may have come before the link was full.
    let last = shown.windows(2).rposition(|pair| !is_whole(pair) && pair[0].wall < from + SOON);
    (last.map_or(0, |at| at + 1)..shown.len()).find(begins).expect("whole pictures after the cut")
}

#[test]
fn what_a_cut_link_cannot_carry_is_left_within_two_seconds_and_taken_again_later() {
    let _turn = turn();
    let Some(lan) = Lan::new("tiers") else { return };
    let daemon = send(&lan, &["low=1/2,15"]);
    let mut viewer = view(&lan);
    viewer.wait_for("receiving");
    thread::park_timeout(Duration::from_secs(4));
    if !lan.limit(Some(12)) {
        return not_run("tier_choice", "this kernel has no token bucket filter (sch_tbf)");
    }
    let cut = unix_nanos();
    let said = viewer.wait_for("changing to the tier 'low'");
    assert!(said.contains("more is lost on the way than repair can mend"), "{said}");
    thread::park_timeout(Duration::from_secs(5));
    lan.limit(None);
    viewer.wait_for("receiving the session itself");
    thread::park_timeout(Duration::from_secs(3));
    let said = viewer.interrupt().succeeded();
    daemon.interrupt().succeeded();
    let shown = presented(&said, "shown");
    // Then come 15 a second, and 30.
    let whole = &shown[whole_again(&shown, cut)..];
    let seconds = (whole[0].wall - cut) as f64 / 1e9;
    let changes = format!("whole again {seconds:.2} s after the cut, {} pictures", whole.len());
    println!("{changes}, and no gap of more than {} ms", longest_gap(whole));
    let most = long_or(SECONDS_MAX_SHARED, SECONDS_MAX);
    assert!(longest_gap(whole) <= long_or(GAP_MILLIS_SHARED, GAP_MILLIS), "{said}");
    assert!(seconds < most && whole.len() > 5 * 15 + 2 * 30, "{changes}\n{said}");
}

#[test]
fn on_a_link_that_the_sound_fills_there_are_pictures_of_the_smallest_tier() {
    let _turn = turn();
    let Some(lan) = Lan::new("full") else { return };
    let daemon = send(&lan, &["mid=1/2,15", "low=1/4,10"]);
    let mut viewer = view(&lan);
    viewer.wait_for("receiving");
    thread::park_timeout(Duration::from_secs(2));
    // Sound and its repair packets are 2.9 Mbit/s.
    if !lan.limit(Some(3)) {
        return not_run("tier_choice", "this kernel has no token bucket filter (sch_tbf)");
    }
    let cut = unix_nanos();
    viewer.wait_for("changing to the tier 'low'");
    thread::park_timeout(Duration::from_secs(8));
    let said = viewer.interrupt().succeeded();
    daemon.interrupt().succeeded();
    let shown = presented(&said, "shown");
    let late = shown.iter().filter(|picture| picture.wall - cut > 5_000_000_000).count();
    println!("{late} pictures after 5 s on");
    assert!(late >= 4, "{said}");
    assert!(!said.contains("the session itself"), "{said}");
}

#[test]
fn a_tier_that_ends_is_left_for_the_session_itself() {
    let _turn = turn();
    let Some(lan) = Lan::new("ends") else { return };
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("it.toml");
    let with = |tier: &str| {
        let (video, name) = (file(&clip("1280x720")), lan.sender.name());
        let own = format!("name = {name:?}\nvideo = {video:?}\naudio = \"tone\"\nloop = true\n");
        std::fs::write(&config, own + "fps = 30\n" + tier).unwrap();
    };
    with("[[tier]]\nname = \"low\"\nscale = \"1/2\"\nfps = 15\n");
    let mut daemon = ours("streamsocket");
    daemon.arg("--config").arg(&config);
    let mut daemon = Program::start(&mut on(lan.sender.name(), &daemon));
    daemon.wait_for("goes to");
    let mut viewer = view(&lan);
    viewer.wait_for("receiving");
    thread::park_timeout(Duration::from_secs(2));
    lan.limit(Some(12));
    viewer.wait_for("changing to the tier 'low'");
    thread::park_timeout(Duration::from_secs(2));
    lan.limit(None);
    with("");
    daemon.signal(nix::sys::signal::Signal::SIGHUP);
    viewer.wait_for("nothing comes of the tier any more: receiving the session itself");
    thread::park_timeout(Duration::from_secs(2));
    let said = viewer.interrupt().succeeded();
    daemon.interrupt().succeeded();
    assert!(said.contains("video  1280x720"), "{said}");
}

#[test]
fn sound_whose_group_a_switch_has_forgotten_is_joined_again_while_the_pictures_go_on() {
    let _turn = turn();
    let Some(lan) = Lan::new("forget") else { return };
    let mut daemon = ours("streamsocket");
    daemon
        .args(["--video", "pattern", "--size", "320x240", "--audio", "tone", "--tier", "low=1/2"]);
    daemon.args(["--to", "239.77.1.1:5004", "--name", lan.sender.name()]);
    let mut daemon = Program::start(&mut on(lan.sender.name(), &daemon));
    daemon.wait_for("goes to");
    let mut receiver = ours("streamsocket-receiver");
    receiver.args([lan.sender.name(), "--headless", "--mute", "--stats", "-"]);
    let mut viewer = on(lan.viewer.name(), &receiver);
    let mut viewer = Program::start(viewer.stdout(Stdio::piped()));
    let lines = BufReader::new(viewer.stdout()).lines();
    let mut counts = lines.map(|line| {
        let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        let of = |medium, name| track(&line, medium)[name].as_u64().unwrap();
        [of("audio", "samples"), of("video", "frames_received")]
    });
    let begun = counts.find(|[samples, _]| *samples > 48_000).unwrap();
    // The group of the sound, beside that of the pictures and their repair packets.
    lan.forget("239.77.1.3");
    let seconds: Vec<[u64; 2]> = std::iter::once(begun).chain(counts.by_ref().take(9)).collect();
    let more: Vec<[u64; 2]> =
        seconds.windows(2).map(|pair| [pair[1][0] - pair[0][0], pair[1][1] - pair[0][1]]).collect();
    println!("samples and pictures a second: {more:?}");
    assert!(more.iter().any(|[samples, _]| *samples < 30_000), "it was forgotten: {more:?}");
    assert!(more[7..].iter().all(|[samples, _]| *samples > 40_000), "it came back: {more:?}");
    assert!(more.iter().all(|[_, pictures]| *pictures > 20), "the pictures went on: {more:?}");
    viewer.interrupt().succeeded();
    daemon.interrupt().succeeded();
}
