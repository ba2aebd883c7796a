//! What sources deliver: sizes in pixels, rates in frames or sample frames a second.

use std::fmt;

/// Frames per second as a fraction, as V4L2 and files give it: 30000/1001 stays exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRate {
    /// Frames.
    pub numerator: u32,
    /// Per so many seconds; never 0.
    pub denominator: u32,
}

impl FrameRate {
    /// Time in nanoseconds of frame `index` after frame 0, without the drift of adding up a rounded
    /// interval.
    #[must_use]
    pub fn frame_nanos(self, index: u64) -> i64 {
        let nanos = u128::from(index) * 1_000_000_000 * u128::from(self.denominator)
            / u128::from(self.numerator.max(1));
        i64::try_from(nanos).unwrap_or(i64::MAX)
    }
}

impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.numerator.checked_rem(self.denominator) == Some(0) {
            write!(f, "{}", self.numerator / self.denominator)
        } else {
            write!(f, "{:.2}", f64::from(self.numerator) / f64::from(self.denominator))
        }
    }
}

/// What a video source delivers: as granted, not as requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoFormat {
    /// Pixels.
    pub width: u16,
    /// Pixels.
    pub height: u16,
    /// Nominal rate, if known.
    pub rate: Option<FrameRate>,
}

/// Rate assumed where none is known.
const RATE_ASSUMED: FrameRate = FrameRate { numerator: 30, denominator: 1 };

impl VideoFormat {
    /// The nominal rate, or a likely one where none is known.
    #[must_use]
    pub fn reckoned_rate(&self) -> FrameRate {
        self.rate.unwrap_or(RATE_ASSUMED)
    }
}

/// What an audio source delivers: interleaved signed 16-bit samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioFormat {
    /// Sample frames per second.
    pub rate: u32,
    /// Samples per frame, 1 or 2.
    pub channels: u8,
}
