//! A microphone's sound: each sample of it, in the format that the microphone has.

use crate::{Session, number_before};
use streamsocket_tests::board::Webcam;
use streamsocket_tests::place::Place;
use streamsocket_tests::session::daemon_at;

/// Times that a daemon that has nothing else to do may be too late for its card.
const OVERRUNS_MAX: usize = 2;

/// What the webcam's microphone hears: sample `n` is `n`, its second channel the complement.
fn is_pair(frame: &[i16]) -> bool {
    frame.len() == 1 || frame[1] == !frame[0]
}

/// Asserts that samples count up by one from frame to frame, without a break.
#[track_caller]
pub(crate) fn assert_ramp(samples: &[i16], channels: usize) {
    let frames: Vec<_> = samples.chunks_exact(channels).collect();
    assert!(frames.len() > 1000, "only {} sample frames", frames.len());
    let pairs = frames.windows(2).enumerate();
    let breaks = pairs.filter(|(_, pair)| pair[1][0] != pair[0][0].wrapping_add(1));
    let breaks: Vec<_> = breaks.map(|(index, pair)| (index, pair[0][0], pair[1][0])).collect();
    let few = &breaks[..breaks.len().min(4)];
    assert!(breaks.is_empty(), "{} breaks in {}: {few:?}", breaks.len(), frames.len());
    assert!(frames.iter().all(|frame| is_pair(frame)), "channels do not belong together");
}

/// Where stretches of sound begin between silences, and by how much each is from where the ramp of
/// the first one would be. Asserts that nothing but the ramp is heard.
#[track_caller]
fn stretches(samples: &[i16], channels: usize) -> Vec<i16> {
    let silent = |frame: &[i16]| frame.iter().all(|sample| *sample == 0);
    let mut offsets: Vec<i16> = Vec::new();
    for (index, frame) in samples.chunks_exact(channels).enumerate() {
        if silent(frame) {
            continue;
        }
        assert!(is_pair(frame), "channels do not belong together at {index}");
        #[expect(clippy::cast_possible_truncation, reason = "the ramp is modulo 2^16 as well")]
        #[expect(clippy::cast_possible_wrap, reason = "the ramp is modulo 2^16 as well")]
        let offset = frame[0].wrapping_sub(index as i16);
        if offsets.last() != Some(&offset) {
            offsets.push(offset);
        }
    }
    offsets
}

/// Asserts that samples count up wherever they are not silence; returns how often they do not go on
/// where they were.
#[track_caller]
pub(crate) fn holes(samples: &[i16], channels: usize) -> usize {
    let offsets = stretches(samples, channels);
    assert!(!offsets.is_empty() && samples.len() > 1000 * channels, "no sound");
    offsets.len() - 1
}

/// Asserts that there are so many holes at most in the ramp, and that what follows each is within a fiftieth of a
/// second of where it belongs, since silence is as long as what it stands for; returns the sample frames that
/// are silent.
#[track_caller]
pub(crate) fn assert_in_place(samples: &[i16], channels: usize, most: usize) -> usize {
    let offsets = stretches(samples, channels);
    assert!((1..=most + 1).contains(&offsets.len()), "sound has moved: {offsets:?}");
    let off = offsets.iter().map(|offset| i64::from(offset.wrapping_sub(offsets[0])));
    let off: Vec<_> = off.collect();
    println!("sound after holes is off by {off:?} sample frames");
    assert!(off.iter().all(|off| off.abs() < 48_000 / 50), "{off:?}");
    samples.chunks_exact(channels).filter(|frame| frame.iter().all(|it| *it == 0)).count()
}

#[test]
fn microphones_are_taken_as_they_are() {
    for (channels, rate) in [("mono", "48000"), ("mono", "16000"), ("stereo", "44100")] {
        let options = ["--no-camera", "--microphone", channels, "--microphone-rate", rate];
        let mut webcam = Webcam::plug("mic", &options);
        let mut daemon = daemon_at(Place::new());
        daemon.args(["--video", "none", "--audio", &format!("alsa:{}", webcam.card())]);
        daemon.args(crate::WITHOUT_REPAIR);
        let session = Session::start(&mut daemon);
        session.go_on(3);
        let received = session.end();
        assert!(received.said.contains(&format!("{rate} Hz {channels}")), "{}", received.said);
        let count = if channels == "mono" { 1 } else { 2 };
        let samples = received.recording.samples();
        // An emulated processor may be late for its bus, and for its card.
        let (losses, overruns) = (webcam.losses(), number_before(&received.said, " overruns"));
        println!(
            "{rate} Hz {channels}: {} sample frames; {losses} losses of the bus, {overruns} overruns",
            samples.len() / count
        );
        assert!(overruns <= OVERRUNS_MAX, "{}", received.said);
        if losses + overruns == 0 {
            assert_ramp(&samples, count);
        } else {
            assert!(holes(&samples, count) <= losses + overruns, "{}", received.said);
        }
    }
}
