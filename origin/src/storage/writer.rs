//! What the thread does that stores a session.

use super::message::{Keep, Message};
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use streamsocket_archive::{Archive, Begin, Event, Finish, InitId, Recording};
use streamsocket_cmaf::grid::Grid;
use streamsocket_cmaf::moved;
use streamsocket_cmaf::segmenter::{Part, Segment};
use streamsocket_cmaf::track::Track;
use streamsocket_media::clock::Wall;
use streamsocket_subscribe::counters::Counters;

/// Bytes of segments that are held in case they are marked: a minute of four tracks at 8 Mbit/s.
const HELD_MAX: usize = 64 << 20;

/// Events at a time whose end is still to come.
const PENDING_MAX: usize = 64;

/// How much later than the first track's the other tracks' segments end at most, in nanoseconds: the length of the longest,
/// and what an encoder is late.
const LATE: i64 = 15_000_000_000;

/// A segment of a track, held.
#[derive(Debug)]
struct Whole {
    track: &'static str,
    number: u64,
    begin: Wall,
    finish: Finish,
    init: Bytes,
    init_id: InitId,
    parts: Vec<Bytes>,
}

impl Whole {
    fn len(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum()
    }

    fn end(&self) -> Wall {
        let nanos = i64::try_from(self.finish.duration.as_nanos()).unwrap_or(i64::MAX);
        Wall(self.begin.0.saturating_add(nanos))
    }

    fn is_of(&self, event: &Event) -> bool {
        self.begin < event.to && event.from < self.end()
    }
}

/// A part so many ticks earlier.
fn earlier(part: &[u8], ticks: i64) -> Vec<u8> {
    let mut part = part.to_vec();
    moved::shift(&mut part, -ticks);
    part
}

/// What was lost and repaired before a segment.
type Counted = (u64, u64);

/// Stores one session.
#[derive(Debug)]
pub(super) struct Writer {
    archive: Archive,
    session: String,
    keep: Keep,
    grid: Grid,
    counters: Arc<Counters>,
    recording: Recording,
    /// Of each track, the number of the segment that is being written.
    begun: HashMap<&'static str, u64>,
    counted: HashMap<&'static str, Counted>,
    /// What is held of each track of the segment that has begun, and segments, in the order in which they ended.
    open: HashMap<&'static str, Whole>,
    held: VecDeque<Whole>,
    held_bytes: usize,
    pending: Vec<Event>,
}

impl Writer {
    pub(super) fn new(
        archive: Archive,
        session: String,
        keep: Keep,
        grid: Grid,
        counters: Arc<Counters>,
    ) -> Self {
        let recording = archive.record(&session);
        Self {
            archive,
            session,
            keep,
            grid,
            counters,
            recording,
            begun: HashMap::new(),
            counted: HashMap::new(),
            open: HashMap::new(),
            held: VecDeque::new(),
            held_bytes: 0,
            pending: Vec::new(),
        }
    }

    pub(super) fn take(&mut self, message: Message) {
        match (message, self.keep) {
            (Message::Part { track, part, init }, Keep::All) => self.write(track, &part, &init),
            (Message::Part { track, part, init }, Keep::Marked(_)) => self.hold(track, part, init),
            (Message::Segment { track, segment }, Keep::All) => {
                let finish = self.finish(track, &segment);
                if self.begun.remove(track) == Some(segment.number) {
                    self.recording.finish(track, finish);
                }
            }
            (Message::Segment { track, segment }, Keep::Marked(before)) => {
                self.end(track, &segment, before);
            }
            (Message::Mark(event, reply), _) => {
                // Who asked may have gone.
                let _ = reply.send(self.mark(event));
            }
        }
    }

    /// Nothing comes for now.
    pub(super) fn rest(&mut self) {
        self.recording.rest();
    }

    fn write(&mut self, track: &'static str, part: &Part, init: &[u8]) {
        if self.begun.get(track) != Some(&part.number) {
            self.begun.insert(track, part.number);
            let init_id = part.track.parse().unwrap_or(InitId(0));
            let begin = Begin { number: part.number, begin: part.begin, init, init_id };
            self.recording.begin(track, begin);
        }
        let base = self.base(part.number, init);
        self.recording.append(track, &earlier(&part.bytes, base));
    }

    /// Ticks of a track since 1970 with which a segment begins: in its file it begins at 0.
    fn base(&self, number: u64, init: &[u8]) -> i64 {
        let track = Track::from_init(init);
        let ticks = track.map_or(0, |track| moved::begin(&track, self.grid, number));
        i64::try_from(ticks).unwrap_or(i64::MAX)
    }

    fn hold(&mut self, track: &'static str, part: Part, init: Bytes) {
        let Part { number, begin, bytes, track: id, .. } = part;
        let other = self.open.get(track).is_none_or(|open| open.number != number);
        if other {
            let finish = Finish { duration: Duration::ZERO, frames: 0, lost: 0, repaired: 0 };
            let init_id = id.parse().unwrap_or(InitId(0));
            let parts = Vec::new();
            let whole = Whole { track, number, begin, finish, init, init_id, parts };
            self.open.insert(track, whole);
        }
        if let Some(open) = self.open.get_mut(track) {
            open.parts.push(bytes);
        }
    }

    fn end(&mut self, track: &'static str, segment: &Segment, before: Duration) {
        let finish = self.finish(track, segment);
        let Some(whole) = self.open.remove(track).filter(|it| it.number == segment.number) else {
            return;
        };
        let whole = Whole { finish, ..whole };
        if self.pending.iter().any(|event| whole.is_of(event)) {
            // What cannot be stored is logged by the archive.
            let _ = self.store(&whole);
        }
        let end = whole.end();
        // Other tracks' segments of that time may end later.
        self.pending.retain(|event| end.0.saturating_sub(LATE) < event.to.0);
        self.held_bytes += whole.len();
        self.held.push_back(whole);
        let nanos = i64::try_from(before.as_nanos()).unwrap_or(i64::MAX);
        let oldest = Wall(end.0.saturating_sub(nanos));
        while self.held_bytes > HELD_MAX || self.held.front().is_some_and(|it| it.end() < oldest) {
            let Some(gone) = self.held.pop_front() else { break };
            self.held_bytes -= gone.len();
        }
    }

    fn store(&mut self, whole: &Whole) -> Result<bool, streamsocket_archive::Error> {
        let Whole { track, number, begin, finish, init, init_id, parts } = whole;
        let base = self.base(*number, init);
        let parts: Vec<_> = parts.iter().map(|part| Bytes::from(earlier(part, base))).collect();
        let begin = Begin { number: *number, begin: *begin, init, init_id: *init_id };
        self.recording.store(track, begin, *finish, &parts)
    }

    fn mark(&mut self, event: Event) -> Result<(), String> {
        self.archive.mark(&self.session, &event).map_err(|error| error.to_string())?;
        if self.keep == Keep::All {
            return Ok(());
        }
        let held = std::mem::take(&mut self.held);
        let mut of_it = held.iter().filter(|whole| whole.is_of(&event));
        let stored = of_it.try_for_each(|whole| self.store(whole).map(drop));
        self.held = held;
        if self.pending.len() < PENDING_MAX {
            self.pending.push(event);
        }
        stored.map_err(|error| error.to_string())
    }

    /// What is said of a segment when it is over.
    fn finish(&mut self, track: &'static str, segment: &Segment) -> Finish {
        let Counters { video, audio, .. } = &*self.counters;
        let counted = if track == crate::names::SOUND {
            (audio.packets_lost.get(), audio.packets_repaired.get())
        } else {
            (video.frames_incomplete.get(), video.packets_repaired.get())
        };
        let before = self.counted.insert(track, counted).unwrap_or(counted);
        let since =
            |now: u64, then: u64| u32::try_from(now.saturating_sub(then)).unwrap_or(u32::MAX);
        Finish {
            duration: segment.duration,
            frames: segment.samples,
            lost: since(counted.0, before.0),
            repaired: since(counted.1, before.1),
        }
    }
}
