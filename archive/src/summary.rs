//! What is stored of an hour, in a few figures, for a time line.

use core::fmt;
use core::time::Duration;
use streamsocket_media::clock::Wall;

use crate::entry::Entry;
use crate::hour::Hour;

/// Shortest pause between two segments that counts as a gap, in nanoseconds: less is what frames come early or late by.
const GAP_NANOS: i64 = 100_000_000;

/// One hour of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Which hour.
    pub hour: Hour,
    /// How many segments.
    pub entries: u32,
    /// How long they take together.
    pub stored: Duration,
    /// Bytes of their files.
    pub bytes: u64,
    /// Frames that did not arrive.
    pub lost: u64,
    /// Packets that arrived as repair.
    pub repaired: u64,
    /// Pauses between two segments of the hour.
    pub gaps: u32,
}

impl Summary {
    /// Of an hour's segments, in order.
    #[must_use]
    pub fn of(hour: Hour, entries: &[Entry]) -> Self {
        let sum = |of: fn(&Entry) -> u64| entries.iter().map(of).fold(0, u64::saturating_add);
        let is_gap = |pair: &&[Entry]| pair[1].begin.0.saturating_sub(pair[0].end().0) > GAP_NANOS;
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Self {
            hour,
            entries: count(entries.len()),
            stored: entries
                .iter()
                .map(|it| it.duration)
                .fold(Duration::ZERO, Duration::saturating_add),
            bytes: sum(|it| it.bytes),
            lost: sum(|it| it.lost.into()),
            repaired: sum(|it| it.repaired.into()),
            gaps: count(entries.windows(2).filter(is_gap).count()),
        }
    }

    /// When the hour begins.
    #[must_use]
    pub const fn begin(&self) -> Wall {
        self.hour.begin()
    }

    /// Reads the line that [`fmt::Display`] writes.
    pub(crate) fn parse(hour: Hour, line: &str) -> Option<Self> {
        let mut fields = line.strip_suffix('\n')?.split(' ').map(|it| it.parse::<u64>().ok());
        let mut next = || fields.next()?;
        let summary = Self {
            hour,
            entries: next()?.try_into().ok()?,
            stored: Duration::from_nanos(next()?),
            bytes: next()?,
            lost: next()?,
            repaired: next()?,
            gaps: next()?.try_into().ok()?,
        };
        fields.next().is_none().then_some(summary)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hour: _, entries, stored, bytes, lost, repaired, gaps } = self;
        writeln!(f, "{entries} {} {bytes} {lost} {repaired} {gaps}", stored.as_nanos())
    }
}
