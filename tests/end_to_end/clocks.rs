//! Sound and picture in step, as they are shown and heard, and latency that stays what it is.

use nix::sys::signal::Signal;
use std::fs;
use std::path::Path;
use streamsocket_tests::board::monotonic;
use streamsocket_tests::card::Card;
use streamsocket_tests::clip::clip;
use streamsocket_tests::pairs::{Pairs, beeps, is_flash};
use streamsocket_tests::place::Place;
use streamsocket_tests::presented::{Presented, account, beginning, presented, time_of};
use streamsocket_tests::program::{Program, receiver};
use streamsocket_tests::recording::Recording;
use streamsocket_tests::session::{daemon_at, file};
use streamsocket_tests::turn;

/// What is not judged at the beginning: the latency is looked for.
const SETTLING_SECONDS: f64 = 3.0;

/// A daemon with the built-in picture and sound, or with others.
fn daemon(sdp: &Path, options: &[&str]) -> Program {
    let mut command = daemon_at(Place::new());
    command.args(options).arg("--no-announce").arg("--sdp").arg(sdp);
    let mut daemon = Program::start(&mut command);
    daemon.wait_for("goes to");
    daemon
}

fn go_on(seconds: u64) {
    std::thread::park_timeout(std::time::Duration::from_secs(seconds));
}

/// Of sorted numbers that which so many per cent do not exceed.
fn quantile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) * percent / 100]
}

/// Flash and beep by the recording, and as they were shown and heard.
#[track_caller]
fn flash_and_beep(ppm: i32, seconds: u64) {
    let folder = tempfile::tempdir().unwrap();
    let (sdp, out) = (folder.path().join("it.sdp"), folder.path().join("out.mkv"));
    let card = Card::new(folder.path(), ppm);
    let pattern = ["--video", "pattern", "--audio", "tone", "--size", "640x480"];
    let daemon = daemon(&sdp, &pattern);
    let mut command = receiver();
    command.arg(&sdp).arg("--record").arg(&out).args(["--for", &seconds.to_string()]);
    let said = Program::start(card.play(account(&mut command))).succeed();
    daemon.interrupt().succeeded();

    let recording = Recording::read(&out);
    let white = recording.video.iter().filter(|(_, jpeg)| is_flash(jpeg));
    let flashes: Vec<f64> = white.clone().map(|(nanos, _)| *nanos as f64 / 1e9).collect();
    let recorded = Pairs::new(&flashes, &beeps(recording.timed_samples(48_000, 2)));
    let start = beginning(&recording, &presented(&said, "decoded"));
    let shown = presented(&said, "shown");
    let walls = white.map(|(nanos, _)| start + i64::try_from(*nanos).unwrap());
    let seen: Vec<f64> = walls.filter_map(|wall| time_of(&shown, wall)).collect();
    let heard = beeps(card.heard(48_000, 2).into_iter());
    let presented = Pairs::new(&seen, &heard).after(SETTLING_SECONDS);
    println!("card {ppm:+} ppm, recorded: {recorded}");
    println!("card {ppm:+} ppm, shown and heard: {presented}");
    for pairs in [recorded, presented] {
        assert!(pairs.offsets.len() as u64 + 8 > seconds, "{pairs}\n{said}");
        let (min, max) = pairs.extremes();
        assert!(min > -0.005 && max < 0.005, "{:.4?}", pairs.offsets);
        // Within the bound above a busy machine may tilt a line of half a minute by so much.
        assert!(pairs.trend().abs() < 100e-6, "{pairs}");
    }
}

#[test]
fn flash_and_beep_are_shown_and_heard_together_on_cards_that_are_off() {
    let _turn = turn();
    flash_and_beep(200, 24);
    flash_and_beep(-200, 24);
}

/// Differences of the moments at which two receivers presented the same, in milliseconds.
fn differences(one: &[Presented], other: &[Presented]) -> Vec<f64> {
    let from = one[0].at.max(other[0].at) + 3_000_000_000;
    let late = one.iter().filter(|it| it.at > from);
    let same = late.filter_map(|it| {
        let found = other.binary_search_by_key(&it.wall, |other| other.wall).ok()?;
        Some((it.at - other[found].at).abs() as f64 / 1e6)
    });
    same.collect()
}

#[test]
fn two_receivers_with_one_latency_present_the_same_at_the_same_time() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let sdp = folder.path().join("it.sdp");
    let pattern = ["--video", "pattern", "--audio", "tone", "--size", "640x480"];
    let daemon = daemon(&sdp, &pattern);
    let cards = [200, -100].map(|ppm| Card::new(folder.path(), ppm));
    let receivers = cards.each_ref().map(|card| {
        let mut command = receiver();
        command.arg(&sdp).args(["--latency", "80", "--for", "15"]);
        Program::start(card.play(account(&mut command)))
    });
    let said = receivers.map(Program::succeed);
    daemon.interrupt().succeeded();
    for what in ["shown", "heard"] {
        let [one, other] = said.each_ref().map(|said| presented(said, what));
        let mut differences = differences(&one, &other);
        let (p50, p99) = (quantile(&mut differences, 50), quantile(&mut differences, 99));
        println!(
            "{what} by both: {} times, apart p50 {p50:.3} ms, p99 {p99:.3} ms",
            differences.len()
        );
        assert!(differences.len() > 200 && p50 <= 1.0, "{what}: {}", said[0]);
    }
}

/// How much later than due each was presented, in milliseconds, from one time on until another.
fn lateness(presented: &[Presented], from: i64, until: i64) -> Vec<f64> {
    let within = presented.iter().filter(|it| (from..until).contains(&it.at));
    within.map(|it| (it.at - it.due) as f64 / 1e6).collect()
}

#[test]
fn after_a_stall_the_latency_is_what_it_was() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let sdp = folder.path().join("it.sdp");
    let pattern = ["--video", "pattern", "--audio", "tone", "--size", "640x480"];
    let daemon = daemon(&sdp, &pattern);
    let card = Card::new(folder.path(), 100);
    let mut command = receiver();
    let stats = folder.path().join("stats");
    command.arg(&sdp).arg("--stats").arg(&stats);
    let mut receiver = Program::start(card.play(account(&mut command)));
    receiver.wait_for("receiving");
    go_on(6);
    let stopped = monotonic();
    receiver.signal(Signal::SIGSTOP);
    go_on(5);
    receiver.signal(Signal::SIGCONT);
    let continued = monotonic();
    go_on(4);
    let said = receiver.interrupt().succeeded();
    daemon.interrupt().succeeded();

    const SECOND: i64 = 1_000_000_000;
    let latency = |from: i64, until: i64| {
        let shown =
            presented(&said, "shown").into_iter().filter(|it| (from..until).contains(&it.at));
        let shown = shown.map(|it| (it.due - it.wall) as f64 / 1e6);
        quantile(&mut shown.collect::<Vec<_>>(), 50)
    };
    let before = latency(stopped - 2 * SECOND, stopped);
    let after = latency(continued + SECOND, continued + 3 * SECOND);
    println!("latency after a stall of 5 s is another by {:+.2} ms", after - before);
    for line in fs::read_to_string(&stats).unwrap().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let of =
            |pointer: &str| line.pointer(pointer).unwrap_or(&serde_json::Value::Null).to_string();
        println!(
            "  {} s: aimed at {} ms, pictures late by {} ms, sound by {} ms, {} pictures too late",
            of("/uptime_seconds"),
            of("/latency_target_ms"),
            of("/video/lateness_ms"),
            of("/audio/lateness_ms"),
            of("/video/frames_late"),
        );
    }
    assert!((after - before).abs() < 10.0, "{before} {after}");
    for what in ["shown", "heard"] {
        let mut late =
            lateness(&presented(&said, what), continued + SECOND, continued + 3 * SECOND);
        assert!(late.len() > 50, "{what}: {said}");
        let (p5, p95) = (quantile(&mut late, 5), quantile(&mut late, 95));
        println!("{what} from a second after it on: p5 {p5:.2} ms, p95 {p95:.2} ms late");
        assert!(p5 > -5.0 && p95 < 5.0, "{what}: {p5} {p95}");
    }
}

#[test]
fn a_picture_is_decoded_soon_after_it_was_captured() {
    let _turn = turn();
    for pace in ["off", "50%"] {
        let folder = tempfile::tempdir().unwrap();
        let sdp = folder.path().join("it.sdp");
        let video = file(&clip("1280x720"));
        let options =
            ["--video", &video, "--audio", "none", "--loop", "--fps", "30", "--pace", pace];
        let daemon = daemon(&sdp, &options);
        let mut command = receiver();
        let said = Program::start(account(command.arg(&sdp).args(["--for", "8"]))).succeed();
        daemon.interrupt().succeeded();
        let offset = streamsocket_tests::board::unix_offset();
        let decoded = presented(&said, "decoded");
        let taken = decoded.iter().skip(60).map(|it| (it.at + offset - it.wall) as f64 / 1e6);
        let mut taken: Vec<f64> = taken.collect();
        let (p50, p99) = (quantile(&mut taken, 50), quantile(&mut taken, 99));
        println!("720p30, pace {pace}: captured to decoded p50 {p50:.2} ms, p99 {p99:.2} ms");
        assert!(p50 < 60.0, "{p50}");
    }
}
