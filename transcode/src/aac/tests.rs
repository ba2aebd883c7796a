use super::*;
use crate::sample::ffmpeg;

#[test]
fn rates_and_channels_are_those_that_players_take() {
    for (rate, channels) in [(48_000, 2), (44_100, 1), (8_000, 1)] {
        assert_eq!(check(rate, channels), Ok(()));
    }
    for (rate, channels) in [(48_000, 3), (48_000, 0), (10_000, 1), (96_000, 2), (7_350, 1)] {
        assert_eq!(check(rate, channels), Err(Error::Sound(rate, channels)));
    }
}

const RATE: u32 = 48_000;
const BEGIN: Wall = Wall(1_790_000_000_000_000_000);

type Frames = Arc<Mutex<Vec<AacFrame>>>;

fn encoder(rate: u32, channels: u8) -> (AacEncoder, Frames) {
    let frames = Frames::default();
    let sink = Arc::clone(&frames);
    let made = AacEncoder::new(rate, channels, move |frame| lock(&sink).push(frame));
    (made.expect("this test needs ffmpeg: run scripts/setup test"), frames)
}

/// When sample frame `number` is captured.
fn at(number: usize) -> Wall {
    BEGIN + Delay::from_nanos(sample_nanos(number as u64, RATE))
}

/// Pushes chunks of 10 ms, silent but for a beep of 1 kHz from `beep` on; waits where the queue is full.
fn push(encoder: &mut AacEncoder, numbers: std::ops::Range<usize>, beep: usize) {
    for first in numbers.step_by(480) {
        let sample = |number: usize| {
            let phase = (number as f64) * 1000.0 / f64::from(RATE) * std::f64::consts::TAU;
            #[expect(clippy::cast_possible_truncation, reason = "less than 32768")]
            let loud = (phase.sin() * 20_000.0) as i16;
            if number < beep { 0 } else { loud }
        };
        let samples: Vec<i16> = (first..first + 480).map(sample).collect();
        loop {
            let before = encoder.left_out();
            encoder.push(&samples, at(first)).unwrap();
            if encoder.left_out() == before {
                break;
            }
            encoder.left_out = before;
            thread::yield_now();
        }
    }
}

/// Decodes frames to samples of one channel.
fn decoded(frames: &[AacFrame]) -> Vec<i16> {
    let mut adts = Vec::new();
    for AacFrame { data, .. } in frames {
        let length = data.len() + 7;
        let [a, b, c] = [length >> 11, length >> 3 & 0xFF, length << 5 & 0xFF]
            .map(|part| u8::try_from(part).unwrap());
        adts.extend_from_slice(&[0xFF, 0xF1, 0x4C, 0x40 | a, b, c | 0x1F, 0xFC]);
        adts.extend_from_slice(data);
    }
    let raw = ffmpeg(&["-f", "aac", "-i", "pipe:0", "-f", "s16le"], adts);
    raw.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// When the beep begins in what is decoded, by the times of the frames.
fn beep(frames: &[AacFrame]) -> Wall {
    let samples = decoded(frames);
    let first = samples.iter().position(|sample| sample.unsigned_abs() > 5000).expect("a beep");
    let within = Delay::from_nanos(sample_nanos((first % 1024) as u64, RATE));
    frames[first / 1024].at + within
}

#[test]
fn a_beep_is_where_it_was_captured() {
    let (mut encoder, frames) = encoder(RATE, 1);
    push(&mut encoder, 0..96_000, 70_000);
    encoder.finish().unwrap();
    let frames = lock(&frames);
    // The priming, all samples, and what fills up the last frame.
    assert!((94..=96).contains(&frames.len()), "{} frames", frames.len());
    assert_eq!(frames[1].at, BEGIN);
    let error = (beep(&frames) - at(70_000)).nanos();
    assert!(error.abs() < 1_000_000, "off by {error} ns");
}

#[test]
fn silence_takes_the_place_of_what_is_missing() {
    let (mut encoder, frames) = encoder(RATE, 1);
    push(&mut encoder, 0..24_000, usize::MAX);
    push(&mut encoder, 48_000..72_000, 60_000);
    assert_eq!((encoder.silent(), encoder.left_out()), (24_000, 0));
    encoder.finish().unwrap();
    let frames = lock(&frames);
    assert!((70..=73).contains(&frames.len()), "{} frames", frames.len());
    let error = (beep(&frames) - at(60_000)).nanos();
    assert!(error.abs() < 1_000_000, "off by {error} ns");
}

#[test]
fn behind_a_long_hole_another_child_begins_and_the_frames_stay_in_order() {
    let (mut encoder, frames) = encoder(RATE, 1);
    push(&mut encoder, 0..24_000, usize::MAX);
    push(&mut encoder, 480_000..504_000, 490_000);
    assert_eq!(encoder.silent(), 0);
    encoder.finish().unwrap();
    let frames = lock(&frames);
    assert!(frames.windows(2).all(|pair| pair[0].at < pair[1].at));
    let second = frames.iter().position(|frame| frame.at > at(400_000)).unwrap();
    assert!((24..=26).contains(&second), "{second} frames before the hole");
    let error = (beep(&frames[second..]) - at(490_000)).nanos();
    assert!(error.abs() < 1_000_000, "off by {error} ns");
}

#[test]
fn all_rates_are_encoded() {
    for rate in [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000] {
        for channels in [1, 2] {
            let (mut encoder, frames) = encoder(rate, channels);
            encoder.push(&vec![7; 10_000 * usize::from(channels)], BEGIN).unwrap();
            encoder.finish().unwrap();
            assert!(lock(&frames).len() >= 10, "{rate} Hz, {channels} channels");
        }
    }
}

#[test]
fn what_does_not_fit_is_left_out_and_counted() {
    let (mut encoder, _frames) = encoder(RATE, 2);
    // Twenty seconds at once.
    for number in 0..1000 {
        encoder.push(&[0; 1920], at(number * 960)).unwrap();
    }
    assert!(encoder.left_out() > 0);
}

#[test]
fn a_child_that_dies_is_an_error() {
    let (mut encoder, _frames) = encoder(RATE, 1);
    encoder.push(&[0; 480], BEGIN).unwrap();
    lock(&encoder.run.child).end();
    let mut pushed = Ok(());
    let mut number = 1;
    while pushed.is_ok() {
        pushed = encoder.push(&[0; 480], at(number * 480));
        number += 1;
        thread::yield_now();
    }
    let said = pushed.unwrap_err().to_string();
    assert_eq!(said, "ffmpeg for AAC has ended");
}
