//! From capture time to RTP time. Video runs on the capture clock itself; audio counts samples, so
//! its RTP time runs at the sound card's true rate.

use super::sample_clock::SampleClock;
use streamsocket_media::clock::{Monotonic, sample_nanos};
use streamsocket_wire::rtp::RtpTime;

/// The RTP clock of a video stream: `rate` ticks a second of capture time.
#[derive(Clone, Copy, Debug)]
pub struct VideoClock {
    origin: Monotonic,
    base: RtpTime,
    /// Capture time of the newest frame.
    newest: Option<Monotonic>,
}

/// Ticks a second of every video payload format (RFC 3551 section 5).
pub const VIDEO_RATE: u32 = 90_000;

/// Nanoseconds of a tick, rounded up.
const TICK_NANOS: i64 = 1_000_000_000 / VIDEO_RATE as i64 + 1;

impl VideoClock {
    /// A clock that reads `base` (random, RFC 3550 section 5.1) at `origin`.
    #[must_use]
    pub const fn new(origin: Monotonic, base: RtpTime) -> Self {
        Self { origin, base, newest: None }
    }

    /// The capture time to send a new frame with: its own, but at least a tick after that of the
    /// frame before. Pictures that arrive together or that are stamped by a driver that goes back
    /// in time would otherwise share a timestamp, which makes one frame of two (RFC 2435
    /// section 3.1).
    pub fn advance_to(&mut self, capture: Monotonic) -> Monotonic {
        let least = self.newest.map_or(capture, |newest| newest.offset(TICK_NANOS));
        let capture = capture.max(least);
        self.newest = Some(capture);
        capture
    }

    /// RTP time of a capture time, rounded to the nearest tick.
    #[must_use]
    pub fn rtp(&self, capture: Monotonic) -> RtpTime {
        self.base.add(ticks(capture.nanos_since(self.origin), VIDEO_RATE))
    }
}

/// The RTP clock of an audio stream: one tick a sample frame, at the card's own rate.
#[derive(Clone, Copy, Debug)]
pub struct AudioClock {
    rate: u32,
    base: RtpTime,
    count: u64,
    samples: SampleClock,
}

impl AudioClock {
    /// A clock of `rate` sample frames a second that reads `base` at the first of them.
    #[must_use]
    pub fn new(rate: u32, base: RtpTime) -> Self {
        Self { rate, base, count: 0, samples: SampleClock::new(rate) }
    }

    /// RTP time of the next sample frame.
    #[must_use]
    pub fn next(&self) -> RtpTime {
        self.base.add(low_bits(self.count))
    }

    /// Capture time of the next sample frame.
    #[must_use]
    pub fn capture(&self) -> Monotonic {
        self.samples.capture(self.count)
    }

    /// By how much the card is faster than it says, in parts per million, once that is known.
    #[must_use]
    pub fn ppm(&self) -> Option<i32> {
        self.samples.ppm()
    }

    /// Says when the sample frame `ahead` of the next one was captured. `broken` says that capture has
    /// begun anew since the one before. Returns how many sample frames are missing before it.
    pub fn observe(&mut self, ahead: usize, capture: Monotonic, broken: bool) -> u64 {
        let at = self.count + ahead as u64;
        let missing = if broken {
            // Less than nothing cannot be missing: then the stamps before were late.
            Some(capture.nanos_since(self.samples.capture(at))).filter(|hole| *hole > 0)
        } else {
            self.samples.observe(at, capture)
        };
        let missing = missing.map_or(0, |nanos| self.samples.frames(nanos).unsigned_abs());
        if broken || missing > 0 {
            self.samples.resume(at + missing, capture);
        }
        missing
    }

    /// Counts `frames` sample frames that were captured one after the other.
    pub const fn advance(&mut self, frames: usize) {
        self.count += frames as u64;
    }

    /// Lets the count jump over so many sample frames that are missing.
    pub const fn skip(&mut self, frames: u64) {
        self.count += frames;
    }

    /// RTP time at any point of the capture clock.
    #[must_use]
    pub fn rtp(&self, at: Monotonic) -> RtpTime {
        let frames = self.samples.frames(at.nanos_since(self.capture()));
        self.next().add(low_bits(frames.rem_euclid(1 << 32).unsigned_abs()))
    }

    /// Duration of `frames` sample frames by the nominal rate, in nanoseconds.
    #[must_use]
    pub fn span_nanos(&self, frames: usize) -> i64 {
        sample_nanos(frames as u64, self.rate)
    }
}

/// Ticks in a signed span of nanoseconds, rounded, modulo 2^32 as RTP time is.
fn ticks(nanos: i64, rate: u32) -> u32 {
    let ticks = (i128::from(nanos) * i128::from(rate) + 500_000_000).div_euclid(1_000_000_000);
    low_bits(u64::try_from(ticks.rem_euclid(1 << 32)).unwrap_or(0))
}

#[expect(clippy::cast_possible_truncation, reason = "RTP time is defined modulo 2^32")]
const fn low_bits(value: u64) -> u32 {
    value as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn video_time_is_capture_time_at_90_khz_and_wraps() {
        let clock = VideoClock::new(Monotonic(1_000), RtpTime(u32::MAX - 2_999));
        assert_eq!(clock.rtp(Monotonic(1_000)), RtpTime(u32::MAX - 2_999));
        assert_eq!(clock.rtp(Monotonic(33_333_333 + 1_000)), RtpTime(0));
        assert_eq!(clock.rtp(Monotonic(1_000 - 11_111)), RtpTime(u32::MAX - 3_000));
    }

    #[test]
    fn no_two_frames_have_the_same_time() {
        let mut clock = VideoClock::new(Monotonic(0), RtpTime(0));
        let mut frame = |capture| clock.advance_to(Monotonic(capture));
        let frames = [frame(5_000_000), frame(5_000_000), frame(0), frame(40_000_000)];
        assert_eq!(frames[0], Monotonic(5_000_000));
        assert_eq!(frames[3], Monotonic(40_000_000));
        let times = frames.map(|capture| clock.rtp(capture).0);
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
    }

    #[test]
    fn audio_time_counts_samples() {
        let mut clock = AudioClock::new(48_000, RtpTime(7));
        assert_eq!(clock.observe(0, Monotonic(0), false), 0);
        clock.advance(240);
        assert_eq!(clock.next(), RtpTime(247));
        assert_eq!(clock.capture(), Monotonic(5_000_000));
        assert_eq!(clock.rtp(Monotonic(1_005_000_000)), RtpTime(48_247));
        assert_eq!(clock.rtp(Monotonic(0)), RtpTime(7));
    }
}
