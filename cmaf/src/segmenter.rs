//! Samples of a track to parts and segments on a grid. The same samples give the same names and bytes whoever cuts them,
//! and whenever it began to.

mod made;
mod open;

pub use self::made::{LeftOut, Made, Part, Sample, Segment};
use self::open::Open;
pub(crate) use self::open::tick;
use crate::grid::Grid;
use crate::track::Track;
use core::time::Duration;
use std::sync::Arc;
use streamsocket_media::clock::Wall;

/// How far a sample may lie ahead of all that was known, in nanoseconds: a time that was misread would have all after it
/// go backwards. Who hears nothing for longer says so by [`Segmenter::idle`].
const AHEAD_MAX: i64 = 30_000_000_000;

/// Largest sample in bytes: a picture of 4K that was hardly compressed. It and those below bound what is held.
const SAMPLE_MAX: usize = 8 << 20;

/// Makes parts and segments of a track.
#[derive(Debug)]
pub struct Segmenter {
    track: Track,
    id: Arc<str>,
    grid: Grid,
    part: Option<Open>,
    segment: Option<Segment>,
    /// The first part that may still be made.
    next: (u64, u32),
    /// Ticks before which no sample may lie.
    after: u64,
    /// The latest time that is known of.
    heard: Option<Wall>,
    left_out: LeftOut,
}

impl Segmenter {
    /// One that has heard nothing.
    #[must_use]
    pub fn new(track: Track, grid: Grid) -> Self {
        let id = track.id().into();
        Self {
            track,
            id,
            grid,
            part: None,
            segment: None,
            next: (0, 0),
            after: 0,
            heard: None,
            left_out: LeftOut::default(),
        }
    }

    /// What the samples are.
    #[must_use]
    pub const fn track(&self) -> &Track {
        &self.track
    }

    /// The first segment that may still begin.
    #[must_use]
    pub const fn next_number(&self) -> u64 {
        if self.next.1 > 0 { self.next.0 + 1 } else { self.next.0 }
    }

    /// How many were left out so far.
    #[must_use]
    pub const fn left_out(&self) -> LeftOut {
        self.left_out
    }

    /// Takes a sample, and adds what it completes. A segment begins with a sample that a player can begin at: what comes
    /// before that within its time is left out.
    pub fn push(&mut self, sample: Sample, out: &mut Vec<Made>) {
        let (number, index) = self.grid.part(sample.at);
        let tick = tick(sample.at, self.track.timescale());
        if let Some(why) = self.unfit(&sample, tick, (number, index)) {
            *why += 1;
            return;
        }
        self.heard = self.heard.max(Some(sample.at));
        self.after = tick.saturating_add(1);
        if self.part.as_ref().is_some_and(|part| (part.number, part.index) != (number, index)) {
            self.close_part(|part| part.end_before(tick), out);
        }
        if self.segment.as_ref().is_some_and(|segment| segment.number != number) {
            self.close_segment(out);
        }
        let key = sample.key || !self.track.is_video();
        if self.segment.is_none() && !key {
            self.left_out.before_key += 1;
            return;
        }
        let scale = self.track.timescale();
        let part = self.part.get_or_insert_with(|| Open::new(number, index, tick, scale));
        if !part.push(sample, tick, key) {
            self.left_out.unfit += 1;
            return;
        }
        let begin = part.begin();
        self.segment.get_or_insert_with(|| Segment {
            number,
            begin,
            duration: Duration::ZERO,
            samples: 0,
            parts: 0,
            bytes: 0,
            track: Arc::clone(&self.id),
        });
    }

    /// Says that nothing that was captured before `until` will come any more: what ended by then is closed, its last
    /// sample lasting to the end of the part, or for its own duration.
    pub fn idle(&mut self, until: Wall, out: &mut Vec<Made>) {
        self.heard = self.heard.max(Some(until));
        let now = tick(until, self.track.timescale());
        let grid = self.grid;
        if self.part.as_ref().is_some_and(|part| part.end_in(grid) <= now) {
            self.close_part(|part| part.end_in(grid), out);
        }
        let is_over = |segment: &Segment| grid.begin(segment.number + 1) <= until;
        if self.part.is_none() && self.segment.as_ref().is_some_and(is_over) {
            self.close_segment(out);
        }
    }

    /// Closes what is open. What else comes within the time of the segment is left out: its name is taken.
    pub fn flush(&mut self, out: &mut Vec<Made>) {
        self.close_part(Open::end, out);
        self.close_segment(out);
    }

    /// Says that the samples from now on are of another init segment. If it is another one, what is open is closed as by
    /// [`Self::flush`], since a segment has one.
    pub fn change(&mut self, track: Track, out: &mut Vec<Made>) {
        if track == self.track {
            return;
        }
        self.flush(out);
        // Ticks of another timescale.
        let after = open::wall(self.after, self.track.timescale());
        self.after = tick(after, track.timescale());
        self.id = track.id().into();
        self.track = track;
    }

    /// What counts a sample that cannot be taken.
    fn unfit(&mut self, sample: &Sample, tick: u64, name: (u64, u32)) -> Option<&mut u64> {
        let left_out = &mut self.left_out;
        if sample.data.is_empty() || sample.data.len() > SAMPLE_MAX {
            return Some(&mut left_out.unfit);
        }
        if sample.at.0 < 0 || tick < self.after || name < self.next {
            return Some(&mut left_out.backwards);
        }
        let is_ahead = |heard: Wall| sample.at.0.saturating_sub(heard.0) > AHEAD_MAX;
        self.heard.is_some_and(is_ahead).then_some(&mut left_out.ahead)
    }

    fn close_part(&mut self, end: impl FnOnce(&Open) -> u64, out: &mut Vec<Made>) {
        let Some(open) = self.part.take() else { return };
        let end = end(&open);
        self.after = self.after.max(end);
        self.next = (open.number, open.index + 1);
        let part = open.close(end, &self.track, &self.id, self.grid);
        if let Some(segment) = &mut self.segment {
            segment.duration = (part.begin - segment.begin).duration() + part.duration;
            segment.samples = segment.samples.saturating_add(part.samples);
            segment.parts += 1;
            segment.bytes += part.bytes.len() as u64;
        }
        out.push(Made::Part(part));
    }

    fn close_segment(&mut self, out: &mut Vec<Made>) {
        let Some(segment) = self.segment.take() else { return };
        self.next = (segment.number + 1, 0);
        out.push(Made::Segment(segment));
    }
}

#[cfg(test)]
mod tests;
