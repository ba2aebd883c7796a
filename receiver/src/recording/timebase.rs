//! A recording's time: the receiver's own, with the sender's precision. As long as the sender's clock goes on
//! evenly, everything is placed by its capture time, so that sound and picture are as exact to each other as
//! they were captured. Where it does not, as after a restart of the sender with another clock, recording goes
//! on where our clock is. Nothing reads a clock here.

use streamsocket_media::clock::{Delay, Monotonic, Wall};
use streamsocket_subscribe::presentation_time::Stamp;
use streamsocket_wire::sdp::Medium;

/// A capture time so far after the arrival is of another clock: the first packets, which the
/// sender's clock was laid over, may have been delayed by nearly as much...
const AHEAD: Delay = Delay::from_secs(2);

/// ... and so far before it: a sender or a receiver that stood still hands on what is older than
/// any network makes it.
const BEHIND: Delay = Delay::from_secs(10);

/// The first packet of another source must come nearer than this to when it came: that is where
/// clocks change, and as much as presentation lets pass.
const RESTART: Delay = Delay::from_secs(1);

/// The first packet of another source that lies further back than this does not follow: streams are
/// handed on in order.
const BACK: Delay = Delay::from_millis(20);

/// Within a source capture times may go back by as much as this for half a second: a step of the
/// sender's clock that one stream seems to have seen is taken out of it until the other has not
/// ([`Steps`](streamsocket_stream::receive::sync::Steps)).
const TAKEN_BACK: Delay = Delay::from_secs(1);

/// So long after a jump everything from before it has come.
const UNDER_WAY: Delay = Delay::from_secs(2);

/// What the first packets were delayed by stays: beyond it the sender's clock has drifted.
const DRIFTED: Delay = Delay::from_millis(1500);

/// A drift is followed by so many parts in a billion: faster than clocks drift, and between sound and
/// picture that are handed on a tenth of a second apart 0.05 ms.
const FOLLOW_PPB: i64 = 500_000;

/// Where captures lie on our monotonic clock, for both streams of a session.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timebase {
    /// Our time minus the sender's: as it is, and as it was before the last jump.
    offset: Option<Delay>,
    before: Option<Delay>,
    jumped: Option<Monotonic>,
    streams: [Placed; 2],
    followed: Option<Monotonic>,
    jumps: u64,
}

/// What was placed of a stream.
#[derive(Clone, Copy, Debug, Default)]
struct Placed {
    /// The newest time.
    newest: Option<Monotonic>,
    source: Option<u32>,
    /// What came last was captured before the last jump.
    before: bool,
    /// Nothing of its source with a capture time was placed yet, and there was another source before.
    is_new: bool,
}

impl Timebase {
    /// Times that the sender's clock went on somewhere else, which is taken out of the recording.
    pub(super) const fn jumps(&self) -> u64 {
        self.jumps
    }

    /// The recording's time of what has that stamp.
    pub(super) fn place(&mut self, medium: Medium, stamp: &Stamp) -> Monotonic {
        let mut stamp = *stamp;
        let placed = &mut self.streams[medium as usize];
        let last = placed.source.replace(stamp.source);
        placed.is_new |= last.is_some_and(|source| source != stamp.source);
        let is_new = placed.is_new;
        if is_new {
            // Its clock may be another, which the timeline cannot tell from a delay yet.
            stamp.undelayed = stamp.arrival;
            placed.before = false;
        }
        let at = match stamp.capture {
            None => stamp.undelayed,
            Some(capture) => {
                placed.is_new = false;
                self.of_capture(medium, capture, &stamp, is_new)
            }
        };
        let newest = &mut self.streams[medium as usize].newest;
        *newest = (*newest).max(Some(at));
        at
    }

    fn of_capture(
        &mut self,
        medium: Medium,
        capture: Wall,
        stamp: &Stamp,
        is_new: bool,
    ) -> Monotonic {
        let at = |offset: Delay| capture.monotonic(offset);
        let Placed { newest, before, .. } = self.streams[medium as usize];
        let fits = |offset: &Delay| fits(at(*offset), newest, stamp, is_new);
        let past = |jumped| stamp.arrival - jumped >= UNDER_WAY;
        if before && !self.jumped.is_some_and(past) {
            if let Some(before) = self.before.filter(fits) {
                return newest.map_or(at(before), |newest| newest.max(at(before)));
            }
        }
        self.streams[medium as usize].before = false;
        if let Some(offset) = self.offset.filter(fits) {
            let followed = self.follow(offset, at(offset), stamp);
            self.offset = Some(followed);
            return newest.map_or(at(followed), |newest| newest.max(at(followed)));
        }
        let delay = stamp.arrival - stamp.undelayed;
        // The timeline may have heard of it no more than we.
        let known = (Delay::ZERO..RESTART).contains(&delay);
        let now = if known { stamp.undelayed } else { stamp.arrival };
        self.jump(medium, capture, now, stamp.arrival)
    }

    /// The sender's clock goes on where ours is `now`, but not before what was recorded of either stream.
    fn jump(
        &mut self,
        medium: Medium,
        capture: Wall,
        now: Monotonic,
        arrival: Monotonic,
    ) -> Monotonic {
        let newest = self.streams.iter().filter_map(|placed| placed.newest).max();
        let now = newest.map_or(now, |newest| newest.max(now));
        self.jumps += u64::from(self.offset.is_some());
        self.before = self.offset;
        self.jumped = self.offset.map(|_| arrival);
        self.offset = Some(capture.monotonic_ahead(now));
        self.followed = Some(arrival);
        for (index, placed) in self.streams.iter_mut().enumerate() {
            placed.before = index != medium as usize;
        }
        now
    }

    /// The offset, moved towards our clock if the sender's has drifted away.
    fn follow(&mut self, offset: Delay, at: Monotonic, stamp: &Stamp) -> Delay {
        let since = self.followed.unwrap_or(stamp.arrival);
        let elapsed = stamp.arrival - since;
        if elapsed <= Delay::ZERO {
            return offset;
        }
        self.followed = Some(stamp.arrival);
        let off = stamp.undelayed - at;
        // What the timeline does not believe is put where it came: a machine that stood still is no drift.
        if stamp.undelayed == stamp.arrival || off.abs() > AHEAD {
            return offset;
        }
        let beyond = off - off.clamp(-DRIFTED, DRIFTED);
        let reach = elapsed.share(FOLLOW_PPB);
        offset + beyond.clamp(-reach, reach)
    }
}

/// Whether something may have been captured then that came when it did.
fn fits(at: Monotonic, newest: Option<Monotonic>, stamp: &Stamp, is_new: bool) -> bool {
    let Stamp { undelayed, arrival, .. } = *stamp;
    let (behind, ahead, back) =
        if is_new { (RESTART, RESTART, BACK) } else { (BEHIND, AHEAD, TAKEN_BACK) };
    at >= undelayed.min(arrival) - behind
        && at <= undelayed.max(arrival) + ahead
        && newest.is_none_or(|newest| at >= newest - back)
}

#[cfg(test)]
mod tests;
