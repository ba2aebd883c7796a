//! What happened, by true time: how far sound and picture are apart, how late both are.

use crate::world::{MS, SECOND, Time};

/// What is not judged at the beginning, while little is known.
pub(crate) const SETTLING: Time = 2 * SECOND;

/// The finest step in which offsets are counted, and the largest offset.
const STEP: i64 = MS / 100;
const OFFSET_MAX: i64 = 200 * MS;

/// Counted while it goes on, so that a day needs no memory.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Latency of the sound heard last.
    sound: Option<i64>,
    /// Sound against picture, in steps.
    offsets: Vec<u64>,
    greatest: i64,
    /// Sums for the trend: of time in seconds and offset in nanoseconds.
    sums: [f64; 5],
    /// Latency of pictures: sum and count, of the first tenth of the time and of all.
    pub(crate) latency: (i128, i64),
    /// Pictures whose latency was more than a tenth from the one aimed at.
    off_target: u64,
    pub(crate) frames: u64,
    pub(crate) late: u64,
    pub(crate) skipped: u64,
    pub(crate) dry: u64,
    pub(crate) bridged: u64,
    pub(crate) jumped: u64,
    /// When the last picture or sound was late or missing.
    pub(crate) troubled: Time,
    /// Latency of the newest picture.
    pub(crate) newest: i64,
    judging: bool,
    now: Time,
}

impl Figures {
    pub(crate) fn late(&mut self, late: bool) {
        if self.judging {
            self.frames += 1;
            self.late += u64::from(late);
        }
        if late {
            self.troubled = self.now;
        }
    }

    pub(crate) fn dry(&mut self, now: Time) {
        self.dry += u64::from(self.judging);
        self.troubled = self.troubled.max(now);
    }

    pub(crate) const fn heard(&mut self, _at: Time, latency: i64) {
        self.sound = Some(latency);
    }

    pub(crate) fn shown(&mut self, at: Time, latency: i64, aimed: i64) {
        self.now = at;
        self.newest = latency;
        self.judging = at > SETTLING + SECOND / 2;
        let Some(sound) = self.sound.filter(|_| self.judging) else { return };
        let offset = sound - latency;
        self.latency.0 += i128::from(latency);
        self.latency.1 += 1;
        self.off_target += u64::from((latency - aimed).abs() * 10 > aimed);
        let slot = usize::try_from(offset.abs().min(OFFSET_MAX) / STEP).unwrap();
        if self.offsets.is_empty() {
            self.offsets = vec![0; usize::try_from(OFFSET_MAX / STEP).unwrap() + 1];
        }
        self.offsets[slot] += 1;
        self.greatest = self.greatest.max(offset.abs());
        let (x, y) = (at as f64 / 1e9, offset as f64);
        for (sum, value) in self.sums.iter_mut().zip([1.0, x, y, x * y, x * x]) {
            *sum += value;
        }
    }

    /// Sound against picture in milliseconds: what so many per cent do not exceed.
    pub(crate) fn offset(&self, percent: u64) -> f64 {
        let total: u64 = self.offsets.iter().sum();
        let mut seen = 0;
        let slot = self.offsets.iter().position(|count| {
            seen += count;
            seen * 100 >= total * percent
        });
        (slot.unwrap_or(0) as i64 * STEP) as f64 / 1e6
    }

    /// The greatest one.
    pub(crate) fn greatest(&self) -> f64 {
        self.greatest as f64 / 1e6
    }

    /// How it changes, in parts per million.
    pub(crate) fn trend(&self) -> f64 {
        let [n, x, y, xy, xx] = self.sums;
        (xy - x * y / n) / (xx - x * x / n) / 1e3
    }

    /// Mean latency of pictures in milliseconds.
    pub(crate) fn mean_latency(&self) -> f64 {
        self.latency.0 as f64 / self.latency.1.max(1) as f64 / 1e6
    }

    /// Share of pictures whose latency was more than a tenth from the one aimed at, in per cent.
    pub(crate) fn off_target_share(&self) -> f64 {
        self.off_target as f64 * 100.0 / self.frames.max(1) as f64
    }

    /// Share of pictures that were late, in per cent.
    pub(crate) fn late_share(&self) -> f64 {
        self.late as f64 * 100.0 / self.frames.max(1) as f64
    }
}
