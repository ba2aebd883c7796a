//! A part that samples still come to.

use super::made::{Part, Sample};
use crate::fragment::{Entry, fragment};
use crate::grid::Grid;
use crate::track::Track;
use core::time::Duration;
use std::sync::Arc;
use streamsocket_media::clock::Wall;

/// How long a sample lasts at most until the one that comes after it, in seconds: beyond that it is a gap, and the sample
/// lasts for its own duration. Below, a gap would cost more: Media Source Extensions drop all pictures up to the next key
/// picture if one comes later than two durations after the one before.
const STRETCH_MAX: u64 = 1;

/// Samples of a part: those of 30 s of AAC at 96 kHz fit.
const SAMPLES_MAX: usize = 4096;

/// Bytes of a part: a second at 128 Mbit/s.
const BYTES_MAX: usize = 16 << 20;

const NANOS: u64 = 1_000_000_000;

/// Ticks since 1970 of a time, to the nearest; 0 before that.
pub(crate) fn tick(at: Wall, timescale: u32) -> u64 {
    let at = u128::from(u64::try_from(at.0).unwrap_or(0));
    let ticks = (at * u128::from(timescale) + u128::from(NANOS / 2)) / u128::from(NANOS);
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

/// The time of ticks since 1970, to the nearest nanosecond.
pub(super) fn wall(tick: u64, timescale: u32) -> Wall {
    let timescale = u128::from(timescale.max(1));
    let nanos = (u128::from(tick) * u128::from(NANOS) + timescale / 2) / timescale;
    Wall(i64::try_from(nanos).unwrap_or(i64::MAX))
}

#[derive(Debug)]
pub(super) struct Open {
    pub(super) number: u64,
    pub(super) index: u32,
    timescale: u32,
    /// Ticks of the first sample, and of the last.
    first: u64,
    last: u64,
    /// Ticks that the last lasts if nothing comes after it.
    nominal: u64,
    bytes: usize,
    entries: Vec<Entry>,
}

impl Open {
    pub(super) fn new(number: u64, index: u32, first: u64, timescale: u32) -> Self {
        Self {
            number,
            index,
            timescale,
            first,
            last: first,
            nominal: 1,
            bytes: 0,
            entries: Vec::new(),
        }
    }

    pub(super) fn begin(&self) -> Wall {
        wall(self.first, self.timescale)
    }

    /// Takes a sample that lies later than all before; returns false if there is no room for it.
    pub(super) fn push(&mut self, sample: Sample, tick: u64, key: bool) -> bool {
        if self.entries.len() >= SAMPLES_MAX || self.bytes + sample.data.len() > BYTES_MAX {
            return false;
        }
        self.lasts_until(tick);
        let nominal = i64::try_from(sample.duration.as_nanos()).unwrap_or(i64::MAX);
        self.nominal = self::tick(Wall(nominal), self.timescale).max(1);
        self.last = tick;
        self.bytes += sample.data.len();
        self.entries.push(Entry { data: sample.data, duration: 0, key });
        true
    }

    /// Its end if its last sample lasts for its own duration.
    pub(super) fn end(&self) -> u64 {
        // Whatever the duration is said to be.
        self.last + self.nominal.min(STRETCH_MAX * u64::from(self.timescale))
    }

    /// Its end if nothing else comes.
    pub(super) fn end_in(&self, grid: Grid) -> u64 {
        let end = tick(grid.part_begin(self.number, self.index + 1), self.timescale);
        if end.saturating_sub(self.last) > STRETCH_MAX * u64::from(self.timescale) {
            return self.end();
        }
        self.end().max(end)
    }

    /// Its end if the next sample lies at `next`.
    pub(super) fn end_before(&self, next: u64) -> u64 {
        if next - self.last <= STRETCH_MAX * u64::from(self.timescale) {
            next
        } else {
            self.end().min(next)
        }
    }

    pub(super) fn close(mut self, end: u64, track: &Track, id: &Arc<str>, grid: Grid) -> Part {
        self.lasts_until(end);
        let begin = self.begin();
        // Of the name alone, so that all that cut the same samples say the same; it wraps after 27 years.
        let order = u128::from(self.number) * u128::from(grid.parts()) + u128::from(self.index);
        let sequence = u32::try_from(order & u128::from(u32::MAX)).unwrap_or_default();
        Part {
            number: self.number,
            index: self.index,
            begin,
            duration: span(begin, wall(end, self.timescale)),
            independent: self.entries.iter().any(|entry| entry.key),
            samples: u32::try_from(self.entries.len()).unwrap_or(u32::MAX),
            bytes: fragment(track, sequence, self.first, &self.entries),
            track: Arc::clone(id),
        }
    }

    fn lasts_until(&mut self, tick: u64) {
        if let Some(last) = self.entries.last_mut() {
            last.duration = u32::try_from(tick - self.last).unwrap_or(u32::MAX);
        }
    }
}

/// Time from one point to a later one.
pub(super) fn span(from: Wall, to: Wall) -> Duration {
    Duration::from_nanos(u64::try_from(to.0.saturating_sub(from.0)).unwrap_or(0))
}
