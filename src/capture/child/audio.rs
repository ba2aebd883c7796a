//! Sound from a child.

use super::feed::{Blocked, Feed};
use super::first_wait::FirstWait;
use super::input::ChildInput;
use super::probe::Probe;
use super::process::read;
use crate::capture::error::Error;
use crate::capture::frame::AudioPoll;
use crate::capture::sample_schedule::{SampleSchedule, chunk_frames};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;
use streamsocket_media::AudioFormat;
use streamsocket_media::clock::{Monotonic, sample_nanos};

/// Bytes of a sample.
const SAMPLE_LEN: usize = 2;
/// By how much of its error the estimated arrival of a camera's sound follows each chunk: bursts of
/// 20 ms shrink below a tenth of a millisecond, and 100 ppm of drift are followed to 0.3 ms.
const SMOOTHING: i64 = 256;
/// Beyond this the sound was interrupted, and the estimate begins anew.
const JUMP_NANOS: i64 = 200_000_000;

/// Chunks of a backlog that are thrown away at most, 5 s: an address that gives a whole recording at
/// once would be thrown away entirely.
const BACKLOG_CHUNKS: u32 = 500;

/// Sound from a file or a camera by way of ffmpeg.
#[derive(Debug)]
pub struct ChildAudio {
    format: AudioFormat,
    pub(super) feed: Feed,
    chunk: Box<[u8]>,
    filled: usize,
    /// Whether the child of this round has given all.
    ended: bool,
    timing: Timing,
}

#[derive(Debug)]
enum Timing {
    /// A file, by counting samples. A loop's rounds begin at multiples of its period.
    Paced { schedule: SampleSchedule, period: Option<Duration>, looped: bool, round: u32 },
    /// A camera.
    Arrival(ArrivalClock),
}

impl ChildAudio {
    /// Starts ffmpeg and waits for the first sound, 15 s at most. A file's first sample is captured
    /// at `epoch`, and it begins again at its end if `looped`.
    ///
    /// # Errors
    /// ffmpeg is not installed, or the input holds no sound or cannot be read.
    pub fn open(
        input: &ChildInput,
        probe: &Probe,
        epoch: Monotonic,
        looped: bool,
    ) -> Result<Self, Error> {
        let Some(format) = probe.audio else {
            return Err(Error::new(format!("{input} holds no sound")));
        };
        let (rate, channels) = (format.rate.to_string(), format.channels.to_string());
        let mut options = vec!["-map", "0:a:0", "-vn", "-sn", "-dn", "-c:a", "pcm_s16le"];
        options.extend(["-ar", &rate, "-ac", &channels]);
        let timing = if input.is_live() {
            Timing::Arrival(ArrivalClock::new(format.rate))
        } else {
            // What the file leaves out, at its beginning too, becomes silence: the count of samples
            // is then the time.
            options.extend(["-af", "aresample=async=1:first_pts=0"]);
            let schedule = SampleSchedule::new(epoch, format);
            Timing::Paced { schedule, period: probe.duration, looped, round: 0 }
        };
        options.extend(["-f", "s16le"]);
        let feed = Feed::start(input, &options)?;
        let frame_len = usize::from(format.channels) * SAMPLE_LEN;
        let chunk = vec![0; chunk_frames(format.rate) * frame_len].into_boxed_slice();
        let mut audio = Self { format, feed, chunk, filled: 0, ended: false, timing };
        let mut wait = FirstWait::default();
        while !audio.fill(Monotonic(0))? && !audio.ended {
            wait.wait(&audio.feed)?;
        }
        if audio.filled == 0 {
            return Err(Error::new(format!("{input} holds no sound")));
        }
        audio.feed.opened();
        Ok(audio)
    }

    /// What it delivers.
    #[must_use]
    pub const fn format(&self) -> AudioFormat {
        self.format
    }

    /// Sets the capture time of a file's first sample, before the first poll.
    pub const fn begin(&mut self, epoch: Monotonic) {
        if let Timing::Paced { schedule, .. } = &mut self.timing {
            *schedule = SampleSchedule::new(epoch, self.format);
        }
    }

    /// When to poll again even if nothing arrives.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        match &self.timing {
            Timing::Paced { schedule, .. } if self.is_ready() => {
                Some(schedule.due(chunk_frames(self.format.rate)))
            }
            _ => Some(self.feed.attention),
        }
    }

    /// Why a camera gives nothing, if it is gone: one line.
    #[must_use]
    pub fn why_away(&self) -> Option<&str> {
        self.feed.lost.as_deref()
    }

    /// What to watch for reading: the same for as long as this lives.
    #[must_use]
    pub fn descriptor(&self) -> Option<RawFd> {
        Some(self.feed.out.as_raw_fd())
    }

    /// Writes the next chunk of interleaved samples to `out` once it is due or has arrived; as much
    /// of it as `out` has room for.
    ///
    /// # Errors
    /// A file can no longer be read. A camera that is gone is tried again instead.
    pub fn poll(&mut self, now: Monotonic, out: &mut [i16]) -> Result<AudioPoll, Error> {
        let channels = usize::from(self.format.channels);
        let room = (out.len() / channels).min(chunk_frames(self.format.rate));
        if room == 0 {
            return Ok(AudioPoll::Idle);
        }
        self.fill(now)?;
        if self.discard_backlog(now)? {
            return Ok(AudioPoll::Idle);
        }
        if !self.is_ready() {
            return Ok(AudioPoll::Idle);
        }
        let held = (self.filled / (channels * SAMPLE_LEN)).min(room);
        match &mut self.timing {
            Timing::Paced { schedule, period, looped, round } => {
                let end = looped
                    .then_some(*period)
                    .flatten()
                    .map(|period| round_end(self.format.rate, period, *round + 1));
                let left = end.map(|end| end.saturating_sub(schedule.position()));
                let left = left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(room));
                // Within a round of a loop, silence follows sound that ends before the pictures.
                let frames = if end.is_some() { room.min(left) } else { held.min(left) };
                if frames == 0 && !*looped {
                    return Ok(AudioPoll::End);
                }
                if frames == 0 {
                    *round += 1;
                    (self.filled, self.ended) = (0, false);
                    self.feed.rerun()?;
                    return Ok(AudioPoll::Idle);
                }
                if now < schedule.due(frames) {
                    return Ok(AudioPoll::Idle);
                }
                let capture = schedule.capture();
                schedule.advance(frames);
                self.give(&mut out[..frames * channels]);
                Ok(AudioPoll::Samples { frames, capture })
            }
            Timing::Arrival(clock) => {
                let capture = clock.place(now, held);
                self.feed.received(now);
                self.give(&mut out[..held * channels]);
                Ok(AudioPoll::Samples { frames: held, capture })
            }
        }
    }

    /// Throws away what a camera's child had piled up before its sound is first asked for, which is
    /// old; true when that has just been done.
    fn discard_backlog(&mut self, now: Monotonic) -> Result<bool, Error> {
        if !matches!(&self.timing, Timing::Arrival(clock) if clock.next.is_none()) {
            return Ok(false);
        }
        for _ in 0..BACKLOG_CHUNKS {
            if !self.is_ready() {
                break;
            }
            self.filled = 0;
            self.fill(now)?;
        }
        if let (Timing::Arrival(clock), true) = (&mut self.timing, self.feed.process.is_some()) {
            clock.next = Some(now);
        }
        Ok(true)
    }

    /// Whether a chunk is complete, or no more will come for it.
    fn is_ready(&self) -> bool {
        self.ended || self.filled == self.chunk.len()
    }

    /// Reads up to a whole chunk; false if it is not complete.
    fn fill(&mut self, now: Monotonic) -> Result<bool, Error> {
        while !self.is_ready() {
            let bytes = &mut self.chunk[self.filled..];
            let got = read(&mut self.feed.out, bytes).map_err(|error| {
                let input = &self.feed.input;
                Error::new(format!("cannot read from ffmpeg for {input}: {error}"))
            })?;
            if let Some(read) = got {
                self.filled += read;
                continue;
            }
            match self.feed.blocked(now)? {
                Blocked::Wait => return Ok(false),
                Blocked::Again => {}
                Blocked::Ended => self.ended = true,
                Blocked::Lost => {
                    self.filled = 0;
                    self.timing.interrupt();
                    return Ok(false);
                }
            }
        }
        Ok(self.filled == self.chunk.len())
    }

    /// Hands samples over, and silence when there are no more.
    fn give(&mut self, out: &mut [i16]) {
        let given = (out.len() * SAMPLE_LEN).min(self.filled);
        let (sound, silence) = out.split_at_mut(given / SAMPLE_LEN);
        for (sample, bytes) in sound.iter_mut().zip(self.chunk.chunks_exact(SAMPLE_LEN)) {
            *sample = i16::from_le_bytes([bytes[0], bytes[1]]);
        }
        silence.fill(0);
        self.chunk.copy_within(given..self.filled, 0);
        self.filled -= given;
    }
}

impl Timing {
    /// The sound will go on after an unknown time.
    const fn interrupt(&mut self) {
        if let Self::Arrival(clock) = self {
            clock.next = None;
        }
    }
}

/// The capture times of sound that arrives in bursts: they follow the arrivals slowly.
#[derive(Debug)]
struct ArrivalClock {
    rate: u32,
    /// Capture time of the next sample; `None` before the first one.
    next: Option<Monotonic>,
}

impl ArrivalClock {
    const fn new(rate: u32) -> Self {
        Self { rate, next: None }
    }

    /// Capture time of the first of these sample frames, which have all arrived by `now`.
    fn place(&mut self, now: Monotonic, frames: usize) -> Monotonic {
        let nanos = sample_nanos(u64::try_from(frames).unwrap_or(0), self.rate);
        let arrived = now.offset(-nanos);
        let expected = self.next.unwrap_or(arrived);
        let error = arrived.nanos_since(expected);
        let capture =
            if error.abs() < JUMP_NANOS { expected.offset(error / SMOOTHING) } else { arrived };
        self.next = Some(capture.offset(nanos));
        capture
    }
}

/// Sample frames up to the end of so many rounds of a loop.
fn round_end(rate: u32, period: Duration, rounds: u32) -> u64 {
    let frames = period.as_nanos() * u128::from(rounds) * u128::from(rate) / 1_000_000_000;
    u64::try_from(frames).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_are_smoothed_and_drift_is_followed() {
        let mut clock = ArrivalClock::new(48_000);
        let (mut held, mut last, mut worst) = (0, None, 0);
        // Packets of 1024 samples, of a clock that runs 100 ppm fast, for ten minutes.
        for packet in 1..=28_125_i64 {
            let now = Monotonic(packet * 1024 * 1_000_000_000 / 48_000 / 10_001 * 10_000);
            held += 1024;
            while held >= 240 {
                held -= 240;
                let capture = clock.place(now, 240);
                let step = last.map_or(5_000_000, |last| capture.nanos_since(last));
                assert!((step - 5_000_000).abs() < 150_000, "{step} ns");
                last = Some(capture);
                if packet > 1000 {
                    worst = worst.max(now.nanos_since(capture).abs());
                }
            }
        }
        assert!(worst < 30_000_000, "{worst} ns behind");
    }

    #[test]
    fn an_interruption_is_no_drift() {
        let mut clock = ArrivalClock::new(48_000);
        assert_eq!(clock.place(Monotonic(1_000_000_000), 240), Monotonic(995_000_000));
        let later = Monotonic(9_000_000_000);
        assert_eq!(clock.place(later, 240), Monotonic(8_995_000_000));
    }
}
