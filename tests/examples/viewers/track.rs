//! What a viewer knows of one track: what it has loaded, what it loads next, and whether the playlists went on where the ones
//! before ended. Playlists and times in (nanoseconds since 1970), decisions out.

use crate::playlist::{Media, Segment};
use std::collections::VecDeque;

/// As far behind as this many parts or segments a player gives up the oldest: it is a minute of short parts.
const QUEUE_MAX: usize = 256;

/// So much may the times of one segment and the next differ: dates are said in milliseconds, and lengths are rounded, too.
const TOLERANCE: u64 = 5_000_000;

/// One thing to be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// Its address, as the playlist has it.
    pub(crate) uri: String,
    /// When what is in it was captured, from and until. Not yet known of what is hinted at.
    pub(crate) captured: Option<(i64, i64)>,
    /// A whole segment, not a part.
    pub(crate) whole: bool,
    /// It was there before the viewer came: how old it is says nothing of who delivers it.
    pub(crate) old: bool,
}

/// When something came: its first byte and its last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// The beginning of the answer.
    pub(crate) first: i64,
    /// Its end.
    pub(crate) last: i64,
}

/// Something that was loaded, of which it is known when it was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Landed {
    /// When what is in it was captured, from and until.
    pub(crate) captured: (i64, i64),
    /// When it came.
    pub(crate) arrival: Arrival,
    /// It was there before the viewer came.
    pub(crate) old: bool,
}

/// What is wrong with what was listed, each counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// Segments or parts that were never listed between two that were.
    pub(crate) missing: u64,
    /// Segments that did not begin when the one before ended.
    pub(crate) times: u64,
    /// Gaps that are said to be some, and discontinuities.
    pub(crate) said: u64,
    /// What could not be loaded in time, and was given up.
    pub(crate) given_up: u64,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Load this.
    Load(Item),
    /// Wait for a playlist.
    Wait,
}

/// What was hinted at and asked for: when it was captured, once it is listed, and when it came.
#[derive(Debug)]
struct Ahead {
    uri: String,
    captured: Option<(i64, i64)>,
    arrival: Option<Arrival>,
}

/// One track of one viewer.
#[derive(Debug, Default)]
pub(crate) struct Track {
    /// Whole segments only.
    plain: bool,
    queue: VecDeque<Item>,
    hint: Option<String>,
    ahead: Option<Ahead>,
    /// Behind the last that was listed: a segment's number, and the number of a part in it.
    next: Option<(u64, usize)>,
    /// The number behind the last segment that was checked.
    checked: u64,
    /// The end of a segment, behind the number of the next.
    end: Option<(u64, i64)>,
    /// What was wrong so far.
    pub(crate) faults: Faults,
}

impl Track {
    /// One of which nothing is known. Plain: whole segments are loaded, never parts.
    pub(crate) fn new(plain: bool) -> Self {
        Self { plain, ..Self::default() }
    }

    /// What the next playlist has to end with: the number of a segment, and that of its part.
    pub(crate) fn awaited(&self) -> Option<(u64, usize)> {
        self.next
    }

    /// Takes a playlist. What was hinted at and has come before may be known by it.
    pub(crate) fn take(&mut self, media: &Media<'_>) -> Option<Landed> {
        let begins = self.next.is_none();
        let from = self.next.unwrap_or_else(|| self.first(media));
        if let Some(first) = media.segments.first().filter(|_| !begins) {
            self.faults.missing += first.number.saturating_sub(from.0);
        }
        for segment in &media.segments {
            self.check(segment, begins);
            self.list(segment, from, begins);
        }
        self.hint = media.hint.filter(|_| !self.plain).map(str::to_owned);
        while self.queue.len() > QUEUE_MAX {
            self.queue.pop_front();
            self.faults.given_up += 1;
        }
        self.landed()
    }

    /// What is to be loaded.
    pub(crate) fn next(&mut self) -> Next {
        if let Some(item) = self.queue.pop_front() {
            return Next::Load(item);
        }
        if self.ahead.is_some() {
            return Next::Wait;
        }
        let Some(uri) = self.hint.take() else { return Next::Wait };
        self.ahead = Some(Ahead { uri: uri.clone(), captured: None, arrival: None });
        Next::Load(Item { uri, captured: None, whole: false, old: false })
    }

    /// Something has come. It is known when it was captured, unless it was hinted at and is not listed yet.
    pub(crate) fn came(&mut self, item: &Item, arrival: Arrival) -> Option<Landed> {
        if let Some(captured) = item.captured {
            return Some(Landed { captured, arrival, old: item.old });
        }
        let ahead = self.ahead.as_mut().filter(|ahead| ahead.uri == item.uri)?;
        ahead.arrival = Some(arrival);
        self.landed()
    }

    /// What was to be loaded did not come.
    pub(crate) fn failed(&mut self, item: &Item) {
        self.faults.given_up += 1;
        self.ahead.take_if(|ahead| ahead.uri == item.uri);
    }

    /// What was hinted at, once it has come and is listed.
    fn landed(&mut self) -> Option<Landed> {
        let Ahead { captured, arrival, .. } = self.ahead.as_ref()?;
        let landed = Landed { captured: (*captured)?, arrival: (*arrival)?, old: false };
        self.ahead = None;
        Some(landed)
    }

    /// Where a player begins: as far behind the end as it says.
    fn first(&self, media: &Media<'_>) -> (u64, usize) {
        let begins = media.segments.iter().flat_map(|segment| {
            let parts = segment.parts.iter().enumerate().filter(|(_, part)| part.independent);
            let mut places: Vec<_> = parts
                .map(|(index, _)| (segment.number, index, starts(segment, index)))
                .filter(|_| !self.plain)
                .collect();
            if places.is_empty() && segment.whole.is_some() {
                places.push((segment.number, 0, segment.begin));
            }
            places
        });
        let last = media.segments.iter().rev().find(|it| !self.plain || it.whole.is_some());
        let end = last.and_then(|it| starts(it, usize::MAX));
        let behind = if self.plain { media.hold_back } else { media.part_hold_back };
        let behind = behind.unwrap_or_default();
        let fits = |begin: Option<i64>| Some(begin? <= end?.saturating_sub(behind));
        let (mut chosen, mut all) = (None, begins.peekable());
        let oldest = all.peek().map(|it| (it.0, it.1));
        for (number, index, begin) in all {
            if fits(begin) == Some(true) {
                chosen = Some((number, index));
            }
        }
        chosen.or(oldest).unwrap_or_default()
    }

    /// What of a segment has not been listed before is to be loaded.
    fn list(&mut self, segment: &Segment<'_>, from: (u64, usize), old: bool) {
        let number = segment.number;
        let parts = if self.plain { &[][..] } else { &segment.parts };
        if let (true, Some((_, uri))) = (parts.is_empty(), segment.whole) {
            if number >= from.0 {
                if !segment.gap {
                    let captured = starts(segment, 0).zip(starts(segment, usize::MAX));
                    self.queue.push_back(Item { uri: uri.to_owned(), captured, whole: true, old });
                }
                self.next = self.next.max(Some((number + 1, 0)));
            }
            return;
        }
        for (index, part) in parts.iter().enumerate().filter(|(index, _)| (number, *index) >= from)
        {
            let captured = starts(segment, index).zip(starts(segment, index + 1));
            match self.ahead.as_mut().filter(|ahead| ahead.uri == part.uri) {
                Some(ahead) => ahead.captured = captured,
                None if part.gap => self.faults.said += 1,
                None => {
                    let uri = part.uri.to_owned();
                    self.queue.push_back(Item { uri, captured, whole: false, old });
                }
            }
        }
        let is_whole = segment.whole.is_some();
        let next = if is_whole { (number + 1, 0) } else { (number, parts.len()) };
        if !parts.is_empty() {
            self.next = self.next.max(Some(next.max(from)));
        }
    }

    /// Whether a segment that was not listed before begins where the one before it ended.
    fn check(&mut self, segment: &Segment<'_>, begins: bool) {
        let number = segment.number;
        if number >= self.checked {
            self.checked = number + 1;
            let broken = segment.discontinuity || segment.gap;
            self.faults.said += u64::from(broken && !begins);
            let end = self.end.filter(|(next, _)| *next == number && !broken).map(|(_, end)| end);
            let apart = end.zip(segment.begin).map(|(end, begin)| begin.abs_diff(end));
            self.faults.times += u64::from(apart.is_some_and(|apart| apart > TOLERANCE));
        }
        let is_last = self.end.is_none_or(|(next, _)| number >= next);
        if segment.whole.is_some() && is_last {
            self.end = starts(segment, usize::MAX).map(|end| (number + 1, end));
        }
    }
}

/// When a part of a segment begins. Behind its last part it is the segment's end.
fn starts(segment: &Segment<'_>, index: usize) -> Option<i64> {
    let begin = segment.begin?;
    match segment.whole {
        Some((length, _)) if index >= segment.parts.len() => Some(begin.saturating_add(length)),
        _ => {
            let before = segment.parts.iter().take(index);
            Some(before.fold(begin, |at, part| at.saturating_add(part.length)))
        }
    }
}

#[cfg(test)]
mod tests;
