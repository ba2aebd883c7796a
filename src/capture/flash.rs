//! When the built-in picture flashes and the built-in tone beeps: both ask here, so that they
//! agree by construction.

use streamsocket_media::FrameRate;
use streamsocket_media::clock::Monotonic;

/// The frames that flash: the first frame of every second since the epoch.
#[derive(Clone, Copy, Debug)]
pub struct Flash {
    /// Capture time of frame 0.
    pub epoch: Monotonic,
    /// Rate of the frames.
    pub rate: FrameRate,
}

impl Flash {
    /// Capture time of the frame with this index.
    #[must_use]
    pub fn frame_time(&self, index: u64) -> Monotonic {
        self.epoch.offset(self.rate.frame_nanos(index))
    }

    /// Index of the newest frame that is captured at or before `now`, `None` before the epoch.
    #[must_use]
    pub fn newest(&self, now: Monotonic) -> Option<u64> {
        let nanos = u128::try_from(now.nanos_since(self.epoch)).ok()?;
        let scale = 1_000_000_000 * u128::from(self.rate.denominator.max(1));
        let index = u64::try_from(nanos * u128::from(self.rate.numerator) / scale).ok()?;
        // Frame times are rounded down to a nanosecond, so the next one may be due just now.
        Some(if self.frame_time(index + 1) <= now { index + 1 } else { index })
    }

    /// Index of the first frame in this second.
    #[must_use]
    pub fn frame(&self, second: u64) -> u64 {
        let index = (u128::from(second) * u128::from(self.rate.numerator))
            .div_ceil(u128::from(self.rate.denominator.max(1)));
        u64::try_from(index).unwrap_or(u64::MAX)
    }

    /// Whether the frame with this index flashes.
    #[must_use]
    pub fn is_flash(&self, index: u64) -> bool {
        let second = u128::from(index) * u128::from(self.rate.denominator)
            / u128::from(self.rate.numerator.max(1));
        u64::try_from(second).is_ok_and(|second| self.frame(second) == index)
    }

    /// Number of the sample, counted from the epoch at `sample_rate`, that is captured together
    /// with the flash of this second: the nearest one.
    #[must_use]
    pub fn sample(&self, second: u64, sample_rate: u32) -> u64 {
        let frames = u128::from(self.frame(second)) * u128::from(self.rate.denominator);
        let numerator = u128::from(self.rate.numerator.max(1));
        let sample = (frames * u128::from(sample_rate) + numerator / 2) / numerator;
        u64::try_from(sample).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_frame_of_each_second_flashes() {
        for (numerator, denominator) in [(30, 1), (25, 1), (30_000, 1001), (15, 2), (1, 1)] {
            let rate = FrameRate { numerator, denominator };
            let flash = Flash { epoch: Monotonic(0), rate };
            let mut second = -1;
            for index in 0..500 {
                let seconds = (flash.frame_time(index).0 + 1) / 1_000_000_000;
                assert_eq!(flash.is_flash(index), seconds != second, "{rate} frame {index}");
                second = seconds;
            }
        }
    }

    #[test]
    fn the_newest_frame_is_the_last_one_due() {
        let rate = FrameRate { numerator: 30_000, denominator: 1001 };
        let flash = Flash { epoch: Monotonic(1_000), rate };
        assert_eq!(flash.newest(Monotonic(999)), None);
        for index in 0..1000 {
            let due = flash.frame_time(index);
            assert_eq!(flash.newest(due), Some(index));
            assert_eq!(flash.newest(due.offset(-1)), index.checked_sub(1));
        }
    }
}
