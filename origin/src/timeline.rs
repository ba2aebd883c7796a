//! When something was captured, on the time line that segments are numbered by. It is capture time, as long as the clock that
//! says it goes forward.

use core::time::Duration;
use streamsocket_cmaf::grid::Grid;
use streamsocket_media::clock::{Monotonic, Wall};
use streamsocket_subscribe::presentation_time::Stamp;

/// How long a sender's clock is waited for, which its reports tell (RFC 3550 section 6.4.1): one comes within a second or
/// two, of slow senders within five.
const PATIENCE: Duration = Duration::from_secs(6);

/// A clock that says less than it did, by more than this, has been set: packets of a medium are less out of order.
const BACK: i64 = 1_000_000_000;

/// One that says so much more has been set, or nothing has come for so long.
const FORWARD: i64 = 20_000_000_000;

/// A clock that is further behind what is stored is right now and was wrong then: its numbers were never used.
const STEP_MAX: i64 = 3_600_000_000_000;

/// Which clock says when something was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clock {
    /// None is known yet.
    Unknown,
    /// The sender's.
    Sender,
    /// This machine's, by when it arrived.
    Arrival,
}

/// What has been captured. Sound and pictures may come seconds apart, from a sender that has been held up; and each is
/// told for itself that the sender's clock was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Medium {
    Pictures,
    Sound,
}

/// Where a medium is.
#[derive(Clone, Copy, Debug, Default)]
struct Reached {
    last: Option<Wall>,
    /// By how much it is ahead of the clock, in nanoseconds: whole segments.
    ahead: i64,
    /// Since when the sender has not said when it captures.
    unknown: Option<Monotonic>,
}

/// A place on the time line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    /// When.
    pub(crate) at: Wall,
    /// What comes from here on has nothing to do with what was before.
    pub(crate) breaks: bool,
}

/// The time line of a session. It never goes back, so that no name is given twice.
#[derive(Debug)]
pub(crate) struct Timeline {
    grid: Grid,
    clock: Clock,
    /// The highest number that was stored before.
    newest: Option<u64>,
    /// Of pictures and of sound.
    media: [Reached; 2],
    /// By how much what comes is ahead of the clock, once each medium has been told of it.
    ahead: i64,
}

impl Timeline {
    /// A time line that goes on behind the highest number that is stored, if there is one.
    pub(crate) const fn new(grid: Grid, newest: Option<u64>) -> Self {
        let media = [Reached { last: None, ahead: 0, unknown: None }; 2];
        Self { grid, clock: Clock::Unknown, newest, media, ahead: 0 }
    }

    /// Whether the sender says when it captures.
    pub(crate) fn is_of_sender(&self) -> bool {
        self.clock == Clock::Sender
    }

    /// The segment that something is in.
    pub(crate) fn number(&self, at: Wall) -> u64 {
        self.grid.number(at)
    }

    /// By how much it is ahead of the clock.
    pub(crate) const fn ahead(&self) -> Duration {
        Duration::from_nanos(self.ahead.unsigned_abs())
    }

    /// Where something is that has this stamp and has come at `now`; `unix_offset` is what CLOCK_REALTIME is ahead of
    /// CLOCK_MONOTONIC here. `None` while no clock is known.
    pub(crate) fn place(
        &mut self,
        stamp: &Stamp,
        medium: Medium,
        now: Monotonic,
        unix_offset: i64,
    ) -> Option<Placed> {
        let arrived = Wall(stamp.undelayed.0.saturating_add(unix_offset));
        let unknown = &mut self.media[medium as usize].unknown;
        let said = match (self.clock, stamp.capture) {
            (Clock::Arrival, _) => arrived,
            (_, Some(capture)) => {
                (self.clock, *unknown) = (Clock::Sender, None);
                capture
            }
            (_, None) => {
                // A sender that has begun anew says it again soon. Of one that says it of pictures alone both go by
                // arrival, so that they stay together.
                if now.since(*unknown.get_or_insert(now)) < PATIENCE {
                    return None;
                }
                self.clock = Clock::Arrival;
                arrived
            }
        };
        let placed = self.go_on(said, medium);
        Some(placed).filter(|placed| !self.is_taken(self.grid.number(placed.at)))
    }

    /// Whether a segment of that number was begun before the start: it has a file already, and a name has one content.
    fn is_taken(&self, number: u64) -> bool {
        self.newest.is_some_and(|newest| number <= newest && newest - number <= 1)
    }

    fn go_on(&mut self, said: Wall, medium: Medium) -> Placed {
        let index = medium as usize;
        let Reached { last, ahead, unknown } = self.media[index];
        let goes_on =
            |ahead: i64| last.is_none_or(|last| last.0 - said.0.saturating_add(ahead) <= BACK);
        let known = if last.is_some() { ahead } else { self.ahead };
        let (ahead, steps) = if !goes_on(known) && goes_on(self.ahead) {
            // The other medium has been told of it already.
            (self.ahead, true)
        } else {
            let at = Wall(said.0.saturating_add(known));
            let steps = self.steps(at, !goes_on(known));
            (known.saturating_add(steps), steps > 0)
        };
        self.ahead = self.ahead.max(ahead);
        let at = Wall(said.0.saturating_add(ahead));
        let leaps = last.is_some_and(|last| at.0.saturating_sub(last.0) > FORWARD);
        self.media[index] = Reached { last: last.max(Some(at)), ahead, unknown };
        Placed { at, breaks: steps || leaps }
    }

    /// By how much something is put off that is at `at`, so that no name is given twice: whole segments.
    fn steps(&self, at: Wall, is_set_back: bool) -> i64 {
        let length = i64::try_from(self.grid.segment_length().as_nanos()).unwrap_or(i64::MAX);
        // From where on no name has been given yet.
        let free = |number: u64| self.grid.begin(number.saturating_add(1)).0;
        let last = self.media.iter().filter_map(|it| it.last).max();
        let behind = match (last, self.newest) {
            (Some(last), _) if is_set_back => free(self.grid.number(last)) - at.0,
            // Who starts again within a segment goes on in it.
            (None, Some(newest)) => {
                let behind = free(newest) - at.0;
                if (2 * length..STEP_MAX).contains(&behind) { behind } else { 0 }
            }
            _ => 0,
        };
        (behind + length - 1).div_euclid(length).max(0).saturating_mul(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn stamp(capture: Option<i64>, at: i64) -> Stamp {
        let (capture, undelayed) = (capture.map(Wall), Monotonic(at));
        Stamp { capture, undelayed, arrival: undelayed, source: 0 }
    }

    #[test]
    fn a_sender_whose_clock_is_never_known_goes_by_arrival() {
        let mut line = Timeline::new(Grid::default(), None);
        let mut at = |second: i64| {
            let now = Monotonic(second * SECOND);
            line.place(&stamp(None, now.0), Medium::Pictures, now, 1000 * SECOND)
                .map(|placed| placed.at.0 / SECOND)
        };
        assert_eq!(
            (0..8).map(&mut at).collect::<Vec<_>>(),
            [None, None, None, None, None, None, Some(1006), Some(1007)]
        );
        // Of one that has been known it is waited for as well.
        let mut line = Timeline::new(Grid::default(), None);
        let mut at = |capture: Option<i64>, second: i64| {
            let now = Monotonic(second * SECOND);
            let capture = capture.map(|it| it * SECOND);
            line.place(&stamp(capture, now.0), Medium::Pictures, now, 0)
                .map(|placed| placed.at.0 / SECOND)
        };
        assert_eq!((at(Some(500), 1), at(None, 2), at(Some(502), 3)), (Some(500), None, Some(502)));
    }

    fn placed(line: &mut Timeline, seconds: f64) -> (f64, bool) {
        placed_of(line, Medium::Pictures, seconds)
    }

    fn placed_of(line: &mut Timeline, medium: Medium, seconds: f64) -> (f64, bool) {
        #[expect(clippy::cast_possible_truncation, reason = "seconds of a test")]
        let capture = Some((seconds * 1e9) as i64);
        let placed = line.place(&stamp(capture, 0), medium, Monotonic(0), 0).unwrap();
        #[expect(clippy::cast_precision_loss, reason = "as above")]
        let at = placed.at.0 as f64 / 1e9;
        (at, placed.breaks)
    }

    #[test]
    fn a_clock_that_is_set_back_gives_no_name_twice() {
        let mut line = Timeline::new(Grid::default(), None);
        assert_eq!(placed(&mut line, 100.0), (100.0, false));
        assert_eq!(placed(&mut line, 99.9), (99.9, false), "out of order");
        let (at, breaks) = placed(&mut line, 91.0);
        assert!((102.0..104.0).contains(&at) && breaks, "{at}");
        let whole = (at - 91.0) / 2.0;
        assert!((whole - whole.round()).abs() < 1e-9, "by whole segments, as another origin does");
        assert_eq!(placed(&mut line, 91.1), (at + 0.1, false));
        assert!(placed(&mut line, 200.0).1, "a leap");
    }

    #[test]
    fn media_that_come_seconds_apart_are_no_clock_that_was_set() {
        let mut line = Timeline::new(Grid::default(), None);
        let sound = |line: &mut Timeline, at| placed_of(line, Medium::Sound, at);
        assert_eq!(placed(&mut line, 100.0), (100.0, false));
        assert_eq!(sound(&mut line, 100.0), (100.0, false));
        // The sender was held up, and sound that waited comes behind newer pictures.
        for late in 0..8 {
            let at = 106.0 + f64::from(late);
            assert_eq!(placed(&mut line, at), (at, false));
            assert_eq!(sound(&mut line, at - 5.0), (at - 5.0, false));
        }
        // Its clock is set back: each medium is told of it for itself, and they stay together.
        let (at, breaks) = placed(&mut line, 50.0);
        assert!((114.0..116.0).contains(&at) && breaks, "{at}");
        assert_eq!(sound(&mut line, 113.0), (113.0, false), "not told yet");
        assert_eq!(sound(&mut line, 50.1), (at + 0.1, true));
        assert_eq!(placed(&mut line, 50.2), (at + 0.2, false));
    }

    #[test]
    fn numbers_go_on_behind_what_is_stored() {
        let begins = |newest: u64, seconds: f64| {
            placed(&mut Timeline::new(Grid::default(), Some(newest)), seconds)
        };
        let mut line = Timeline::new(Grid::default(), Some(50));
        let mut is_there = |second: i64| {
            let stamp = stamp(Some(second * SECOND), 0);
            line.place(&stamp, Medium::Pictures, Monotonic(0), 0).is_some()
        };
        assert!(!is_there(101), "it has a file");
        assert!(is_there(102));
        assert_eq!(begins(50, 130.0), (130.0, false));
        let (at, breaks) = begins(50, 60.0);
        assert!((102.0..104.0).contains(&at) && breaks, "{at}");
        assert_eq!(begins(5000, 60.0), (60.0, false), "the clock was wrong then");
    }
}
