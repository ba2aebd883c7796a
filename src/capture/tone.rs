//! The built-in sound: silence with a short 1 kHz beep that begins with each flash of the built-in
//! picture, so that lip sync can be measured from outside with any tool.

use super::error::Error;
use super::flash::Flash;
use super::frame::AudioPoll;
use super::sample_schedule::{SampleSchedule, chunk_frames};
use std::f64::consts::{PI, TAU};
use std::os::fd::RawFd;
use streamsocket_media::AudioFormat;
use streamsocket_media::clock::Monotonic;

/// Pitch of the beep, in hertz.
const PITCH: f64 = 1000.0;
/// Length of the beep: 1/10 s.
const BEEPS_PER_SECOND: u32 = 10;
/// Length of its edges: 1/2000 s, long enough not to click, short enough that the onset is
/// unmistakable to within a millisecond.
const EDGES_PER_SECOND: u32 = 2000;
/// Half of full scale: clear of clipping after any resampling.
const AMPLITUDE: f64 = 16_384.0;

/// The built-in sound.
#[derive(Debug)]
pub struct Tone {
    flash: Flash,
    format: AudioFormat,
    schedule: SampleSchedule,
    /// One channel of the beep.
    beep: Vec<i16>,
    /// The second whose beep is playing or comes next.
    second: u64,
}

impl Tone {
    /// A sound whose first sample is captured at the epoch of the flashes.
    #[must_use]
    pub fn new(flash: Flash, format: AudioFormat) -> Self {
        let schedule = SampleSchedule::new(flash.epoch, format);
        Self { flash, format, schedule, beep: beep(format.rate), second: 0 }
    }

    /// What it delivers.
    #[must_use]
    pub const fn format(&self) -> AudioFormat {
        self.format
    }

    /// Sets the capture time of the first sample, before the first poll.
    pub const fn begin(&mut self, epoch: Monotonic) {
        self.flash.epoch = epoch;
        self.schedule = SampleSchedule::new(epoch, self.format);
    }

    /// When to poll again.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        Some(self.schedule.due(chunk_frames(self.format.rate)))
    }

    /// Nothing to watch: the deadline is all.
    #[must_use]
    pub const fn descriptor(&self) -> Option<RawFd> {
        None
    }

    /// Writes the next chunk of interleaved samples to `out` once its end has come; as much of it
    /// as `out` has room for.
    ///
    /// # Errors
    /// Never; sources have the same shape.
    pub fn poll(&mut self, now: Monotonic, out: &mut [i16]) -> Result<AudioPoll, Error> {
        let channels = usize::from(self.format.channels.max(1));
        let frames = chunk_frames(self.format.rate).min(out.len() / channels);
        if frames == 0 || now < self.schedule.due(frames) {
            return Ok(AudioPoll::Idle);
        }
        let capture = self.schedule.capture();
        for frame in out.chunks_exact_mut(channels).take(frames) {
            frame.fill(self.sample());
            self.schedule.advance(1);
        }
        Ok(AudioPoll::Samples { frames, capture })
    }

    /// The sample at the schedule's position.
    fn sample(&mut self) -> i16 {
        let position = self.schedule.position();
        let start = self.flash.sample(self.second, self.format.rate);
        let Some(into) = position.checked_sub(start) else { return 0 };
        let into = usize::try_from(into).unwrap_or(usize::MAX);
        if position + 1 >= self.flash.sample(self.second + 1, self.format.rate)
            || into + 1 >= self.beep.len()
        {
            self.second += 1;
        }
        self.beep.get(into).copied().unwrap_or(0)
    }
}

/// One beep: a sine that begins and ends at zero under raised-cosine edges.
fn beep(rate: u32) -> Vec<i16> {
    let length = rate / BEEPS_PER_SECOND;
    let edge = (rate / EDGES_PER_SECOND).max(1);
    (0..length)
        .map(|n| {
            let from_end = (length - 1 - n).min(n).min(edge);
            let window = 0.5 - 0.5 * (PI * f64::from(from_end) / f64::from(edge)).cos();
            let sine = (TAU * PITCH * f64::from(n) / f64::from(rate)).sin();
            #[expect(clippy::cast_possible_truncation, reason = "half of full scale fits")]
            {
                (AMPLITUDE * window * sine).round() as i16
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamsocket_media::FrameRate;

    /// All samples of the first channel up to `end`, checking that capture times are gapless.
    fn play(tone: &mut Tone, end: Monotonic) -> Vec<i16> {
        let channels = usize::from(tone.format().channels);
        let mut out = vec![0; chunk_frames(tone.format().rate) * channels];
        let mut samples = Vec::new();
        while let Some(now) = tone.deadline().filter(|now| *now <= end) {
            assert_eq!(tone.poll(now.offset(-1), &mut out).unwrap(), AudioPoll::Idle);
            let AudioPoll::Samples { frames, capture } = tone.poll(now, &mut out).unwrap() else {
                panic!("due")
            };
            let expected = i64::try_from(samples.len()).unwrap() * 1_000_000_000
                / i64::from(tone.format().rate);
            assert_eq!(capture.nanos_since(tone.flash.epoch), expected);
            samples.extend(out.chunks(channels).take(frames).map(|frame| frame[0]));
            assert!(out.chunks(channels).all(|f| f.iter().all(|s| *s == f[0])));
        }
        samples
    }

    #[test]
    fn each_beep_begins_with_its_flash_and_ends_in_silence() {
        for (numerator, denominator, sample_rate) in
            [(30, 1, 48_000), (30_000, 1001, 44_100), (7, 1, 16_000), (25, 1, 8_000)]
        {
            let rate = FrameRate { numerator, denominator };
            let flash = Flash { epoch: Monotonic(5_000_000_123), rate };
            let format = AudioFormat { rate: sample_rate, channels: 2 };
            let samples = play(&mut Tone::new(flash, format), flash.epoch.offset(5_100_000_000));
            let sample_rate = i64::from(sample_rate);
            let quiet_before = usize::try_from(sample_rate / 2).unwrap();
            let onsets: Vec<i64> = (0..samples.len())
                .filter(|n| {
                    samples[*n] != 0
                        && samples[n.saturating_sub(quiet_before)..*n].iter().all(|s| *s == 0)
                })
                .map(|n| i64::try_from(n).unwrap() * 1_000_000_000 / sample_rate)
                .collect();
            let flashes: Vec<i64> =
                (0..6).map(|second| flash.rate.frame_nanos(flash.frame(second))).collect();
            assert_eq!(onsets.len(), flashes.len(), "{rate}");
            for (onset, flash) in onsets.iter().zip(&flashes) {
                // The sine's zero comes first: the first sample unlike 0 is at most two later.
                let late = onset - flash;
                assert!((0..=3 * 1_000_000_000 / sample_rate).contains(&late), "{rate}: {late} ns");
            }
            let loud = samples.iter().map(|s| s.unsigned_abs()).max().unwrap();
            assert!((16_000..=16_384).contains(&loud));
        }
    }

    #[test]
    fn a_small_buffer_gets_what_fits() {
        let rate = FrameRate { numerator: 30, denominator: 1 };
        let flash = Flash { epoch: Monotonic(0), rate };
        let mut tone = Tone::new(flash, AudioFormat { rate: 48_000, channels: 2 });
        let polled = tone.poll(Monotonic(5_000_000), &mut [0; 21]).unwrap();
        assert_eq!(polled, AudioPoll::Samples { frames: 10, capture: Monotonic(0) });
        assert_eq!(tone.poll(Monotonic(5_000_000), &mut [0]).unwrap(), AudioPoll::Idle);
    }
}
