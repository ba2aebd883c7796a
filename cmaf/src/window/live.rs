//! The latest segments and parts of a track, and how far they are.

use crate::grid::Grid;
use crate::segmenter::{Made, Part, Segment};
use crate::track::Track;
use bytes::Bytes;
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;

/// Segments that are still served after they have left the playlist: a viewer takes some time from the playlist to what
/// it names (RFC 8216bis section 6.2.2).
const LINGERING: u32 = 3;

/// Segments that are listed at most: a minute and more, and what a list costs each of its readers.
const KEPT_MAX: u32 = 64;

/// Segments that are listed at least: RFC 8216bis section 6.2.2 has three target durations in each playlist.
const KEPT_MIN: u32 = 4;

/// Bytes that a window holds at most, whatever the encoder makes: 20 s at 25 Mbit/s.
const BYTES_MAX: usize = 64 << 20;

/// Init segments that are remembered at most; one is used, and those of the segments before it.
const INITS_MAX: usize = 16;

/// Places of discontinuities that are remembered at most: there is no more than one a segment.
const BREAKS_MAX: usize = 128;

/// How far ahead of the latest segment a viewer may ask for one (RFC 8216bis section 6.2.5.2).
const AHEAD_MAX: u64 = 2;

/// A segment, and those of its parts that came.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) number: u64,
    pub(super) track: Arc<str>,
    pub(super) parts: Vec<Part>,
    /// Once it is complete.
    pub(super) whole: Option<Segment>,
}

/// Whether a playlist has what a viewer asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It has it, or something later.
    Yes,
    /// It comes next, or soon: the viewer waits for it.
    NotYet,
    /// It is so far ahead that the viewer errs.
    TooFar,
}

/// The live window of a track.
#[derive(Debug)]
pub struct Window {
    pub(super) grid: Grid,
    /// How long a sample of the track lasts.
    pub(super) sample: Duration,
    kept: u32,
    pub(super) held: VecDeque<Held>,
    /// Segment and index of the first part that came.
    first: Option<(u64, u32)>,
    bytes: usize,
    inits: VecDeque<(Arc<str>, Bytes)>,
    /// Numbers of segments that a discontinuity is before.
    pub(super) breaks: VecDeque<u64>,
    /// Discontinuities that have left the playlist.
    pub(super) broken: u64,
}

impl Window {
    /// An empty one that lists `kept` segments (4 to 64 of them) of a track whose samples last for `sample` each, such as
    /// 1/30 s.
    #[must_use]
    pub fn new(grid: Grid, kept: u32, sample: Duration) -> Self {
        Self {
            grid,
            sample,
            kept: kept.clamp(KEPT_MIN, KEPT_MAX),
            held: VecDeque::new(),
            first: None,
            bytes: 0,
            inits: VecDeque::new(),
            breaks: VecDeque::new(),
            broken: 0,
        }
    }

    /// Samples last for so long from now on.
    pub fn set_sample(&mut self, sample: Duration) {
        self.sample = sample;
    }

    /// Takes the init segment of a track whose parts come next: once at the beginning, and whenever it is another.
    pub fn describe(&mut self, track: &Track) {
        let id = track.id();
        self.inits.retain(|(known, _)| **known != *id);
        self.inits.push_back((id.into(), track.init()));
        if self.inits.len() > INITS_MAX {
            self.inits.pop_front();
        }
    }

    /// Takes what a segmenter has made, from the first segment on that comes from its beginning on. What is older than what is
    /// there is not taken: its name is another's.
    pub fn add(&mut self, made: &Made) {
        match made {
            Made::Part(part) => self.add_part(part),
            Made::Segment(segment) => {
                let last = self.held.back_mut();
                if let Some(last) = last.filter(|last| last.number == segment.number) {
                    last.whole = Some(segment.clone());
                }
                self.forget();
            }
        }
    }

    /// Says that the times or samples from a segment on have nothing to do with those before: it is listed behind an
    /// EXT-X-DISCONTINUITY. To be said of the windows of all tracks, since players match them (RFC 8216bis section 6.2.4).
    pub fn break_at(&mut self, number: u64) {
        if self.breaks.back().is_none_or(|last| *last < number) {
            self.breaks.push_back(number);
            if self.breaks.len() > BREAKS_MAX {
                self.breaks.pop_front();
                self.broken += 1;
            }
        }
    }

    /// The bytes of a part.
    #[must_use]
    pub fn part(&self, number: u64, index: u32) -> Option<Bytes> {
        let parts = &self.find(number)?.parts;
        parts.iter().find(|part| part.index == index).map(|part| part.bytes.clone())
    }

    /// The parts of a segment that is complete.
    #[must_use]
    pub fn segment(&self, number: u64) -> Option<Vec<Bytes>> {
        let held = self.find(number).filter(|held| held.whole.is_some())?;
        Some(held.parts.iter().map(|part| part.bytes.clone()).collect())
    }

    /// An init segment by its [`Track::id`].
    #[must_use]
    pub fn init(&self, id: &str) -> Option<Bytes> {
        self.inits.iter().find(|(known, _)| **known == *id).map(|(_, bytes)| bytes.clone())
    }

    /// Number of the latest segment of which something is listed, and the latest part of it: the last there can be if it
    /// is complete.
    #[must_use]
    pub fn position(&self) -> Option<(u64, u32)> {
        let last = self.held.back()?;
        let index = match &last.whole {
            Some(_) => self.last_index(),
            None => last.parts.last()?.index,
        };
        Some((last.number, index))
    }

    /// Bytes of media that are held.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether the playlist has a segment, or a part of it (RFC 8216bis section 6.2.5.2). A part behind the last of a
    /// segment is the first of the next.
    #[must_use]
    pub fn reached(&self, msn: u64, part: Option<u32>) -> Reached {
        let (msn, part) = match part {
            Some(part) if part > self.last_index() => (msn.saturating_add(1), Some(0)),
            part => (msn, part),
        };
        let Some((last, index)) = self.position() else { return Reached::NotYet };
        let is_there = match part {
            Some(part) => (msn, part) <= (last, index),
            None => (msn, self.last_index()) <= (last, index) && self.is_whole(msn),
        };
        if is_there {
            Reached::Yes
        } else if msn > last.saturating_add(AHEAD_MAX) {
            Reached::TooFar
        } else {
            Reached::NotYet
        }
    }

    /// Whether a segment is complete, or is none that is still to come.
    fn is_whole(&self, number: u64) -> bool {
        self.held.back().is_some_and(|last| number < last.number || last.whole.is_some())
    }

    pub(super) fn last_index(&self) -> u32 {
        self.grid.parts().saturating_sub(1)
    }

    pub(super) fn find(&self, number: u64) -> Option<&Held> {
        let at = self.held.binary_search_by_key(&number, |held| held.number).ok()?;
        self.held.get(at)
    }

    fn add_part(&mut self, part: &Part) {
        let name = (part.number, part.index);
        if self.position().is_some_and(|position| name <= position) || self.is_of_begun(part) {
            return;
        }
        self.bytes += part.bytes.len();
        match self.held.back_mut().filter(|last| last.number == part.number) {
            Some(last) => last.parts.push(part.clone()),
            None => self.held.push_back(Held {
                number: part.number,
                track: Arc::clone(&part.track),
                parts: vec![part.clone()],
                whole: None,
            }),
        }
        self.forget();
    }

    /// Whether a part is of a segment that had begun before anything came: what is said of its length would not be true. One
    /// that lacks its first part otherwise is of pictures that come more rarely than parts.
    fn is_of_begun(&mut self, part: &Part) -> bool {
        let (number, index) = *self.first.get_or_insert((part.number, part.index));
        index > 0 && part.number == number
    }

    /// Lets go of what nobody asks for any more, and of the oldest if it is too much.
    fn forget(&mut self) {
        let Some(last) = self.held.back().map(|last| last.number) else { return };
        let oldest = last.saturating_sub(u64::from(self.kept + LINGERING));
        let is_old = |held: &Held| held.number < oldest;
        while self.held.len() > 1
            && (self.bytes > BYTES_MAX || self.held.front().is_some_and(is_old))
        {
            let gone = self.held.pop_front();
            let size = |held: Held| held.parts.iter().map(|part| part.bytes.len()).sum::<usize>();
            self.bytes -= gone.map_or(0, size);
        }
        let first = self.first_listed();
        while self.breaks.front().is_some_and(|at| Some(*at) < first) {
            self.breaks.pop_front();
            self.broken += 1;
        }
    }

    /// Number of the first segment in the playlist.
    pub(super) fn first_listed(&self) -> Option<u64> {
        let last = self.held.back()?;
        // One that is not complete is listed beyond those kept.
        let kept = u64::from(self.kept) - u64::from(last.whole.is_some());
        let from = last.number.saturating_sub(kept);
        self.held.iter().map(|held| held.number).find(|number| *number >= from)
    }
}
