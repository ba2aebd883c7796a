//! When the samples of generated or recorded sound are due. No device paces such sound: it is stamped by
//! counting sample frames from an epoch, and handed out in chunks of 10 ms once their last sample has been
//! captured, as a sound card would.

use streamsocket_media::AudioFormat;
use streamsocket_media::clock::{Monotonic, sample_nanos};

/// Chunks a second: 10 ms each, two packets that leave together. Each chunk is a wake-up.
pub const CHUNKS_PER_SECOND: u32 = 100;

/// Sample frames in one chunk of sound with this rate.
#[must_use]
pub fn chunk_frames(rate: u32) -> usize {
    usize::try_from((rate / CHUNKS_PER_SECOND).max(1)).unwrap_or(1)
}

/// Counts sample frames from an epoch, without the drift of an added-up interval.
#[derive(Clone, Copy, Debug)]
pub struct SampleSchedule {
    epoch: Monotonic,
    rate: u32,
    position: u64,
}

impl SampleSchedule {
    /// A schedule whose first sample is captured at `epoch`.
    #[must_use]
    pub const fn new(epoch: Monotonic, format: AudioFormat) -> Self {
        Self { epoch, rate: format.rate, position: 0 }
    }

    /// Sample frames so far.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// When the next sample frame is captured.
    #[must_use]
    pub fn capture(&self) -> Monotonic {
        self.epoch.offset(sample_nanos(self.position, self.rate))
    }

    /// When the last of the next `frames` sample frames has been captured, so that they may be
    /// handed out.
    #[must_use]
    pub fn due(&self, frames: usize) -> Monotonic {
        let end = self.position.saturating_add(u64::try_from(frames).unwrap_or(u64::MAX));
        self.epoch.offset(sample_nanos(end, self.rate))
    }

    /// Counts sample frames that were handed out.
    pub fn advance(&mut self, frames: usize) {
        self.position = self.position.saturating_add(u64::try_from(frames).unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_samples_ends_exactly_a_day_later() {
        let mut schedule =
            SampleSchedule::new(Monotonic(7), AudioFormat { rate: 44_100, channels: 2 });
        for _ in 0..24 * 3600 {
            schedule.advance(44_100);
        }
        assert_eq!(schedule.capture(), Monotonic(24 * 3600 * 1_000_000_000 + 7));
        assert_eq!(schedule.due(44_100).nanos_since(schedule.capture()), 1_000_000_000);
    }
}
