//! Sound cards that give nothing of what is sent: ALSA makes it of what they give.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use streamsocket_tests::long::is_left_out;
use streamsocket_tests::microphone::{Microphones, SAMPLES};
use streamsocket_tests::place::Place;
use streamsocket_tests::program::Program;
use streamsocket_tests::recording::Recording;
use streamsocket_tests::session::{daemon_at, record};
use streamsocket_tests::turn;

/// Names, what they give, and what is sent.
const CARDS: [(&str, &str, u32, u32, u32); 9] = [
    ("s16", "S16_LE", 48_000, 2, 48_000),
    ("s32", "S32_LE", 48_000, 2, 48_000),
    ("s24", "S24_LE", 48_000, 2, 48_000),
    ("s24in3", "S24_3LE", 44_100, 2, 44_100),
    ("four", "S16_LE", 16_000, 4, 16_000),
    ("i2s", "S32_LE", 16_000, 4, 16_000),
    ("fast", "S16_LE", 192_000, 2, 48_000),
    ("slow", "S16_LE", 12_000, 2, 16_000),
    ("odd", "S16_LE", 37_286, 2, 44_100),
];

/// Seconds of each.
const SECONDS: usize = 2;

/// A converted sample may be off by so much: rounding.
const OFF_MAX: u16 = 2;

#[test]
fn sound_of_whatever_shape_is_sent() {
    if is_left_out("odd_microphones::sound_of_whatever_shape_is_sent") {
        return;
    }
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let cards = CARDS.map(|(name, format, rate, channels, _)| (name, format, rate, channels));
    let microphones = Microphones::new(folder.path(), &cards, "");
    let mut wrong = Vec::new();
    for (name, _, _, _, rate) in CARDS {
        let (place, out) = (Place::new(), folder.path().join(name).with_extension("mkv"));
        let receiver = record(place, &format!("L16/{rate}/2"), &out);
        let mut daemon = daemon_at(place);
        daemon.args(["--video", "pattern", "--size", "320x240", "--stats", "-"]);
        let mut daemon = Program::start(microphones.plug(&mut daemon, name).stdout(Stdio::piped()));
        daemon.wait_for("goes to");
        BufReader::new(daemon.stdout()).lines().nth(SECONDS - 1).unwrap().unwrap();
        let said = daemon.interrupt().succeeded();
        receiver.interrupt().succeeded();
        let samples = Recording::read(&out).samples();
        let near = |(sample, made): (&i16, &i16)| sample.abs_diff(*made) <= OFF_MAX;
        // Resampling takes some samples to settle.
        let settled = &samples[(samples.len() / 4) * 2..];
        let frames = settled.chunks_exact(2);
        let off = frames.filter(|frame| !frame.iter().zip(&SAMPLES).all(near)).count();
        println!("{name}: {} samples at {rate} Hz, {off} of them others", settled.len());
        if off > 0 || settled.is_empty() || !said.contains(&format!("{rate} Hz stereo")) {
            wrong.push(format!("{name}: {off} of {}: {said}", settled.len()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_alsa_cannot_convert_is_refused_for_what_it_is() {
    if is_left_out("odd_microphones::what_alsa_cannot_convert_is_refused_for_what_it_is") {
        return;
    }
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    // A system whose plug layer is not there.
    let cards = [("wide", "S32_LE", 48_000, 4)];
    let microphones = Microphones::new(folder.path(), &cards, "pcm.!plug { type empty }");
    let mut daemon = daemon_at(Place::new());
    let ended =
        Program::start(microphones.plug(&mut daemon, "wide").args(["--video", "none"])).finish();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.said);
    let told = "microphone wide gives S32_LE at 48000 Hz in 4 channels, of which ALSA cannot make";
    assert!(ended.said.contains(told), "{}", ended.said);
}
