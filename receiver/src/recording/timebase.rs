//! A recording's time: the receiver's own, with the sender's precision. As long as the sender's clock goes on
//! evenly, everything is placed by its capture time, so that sound and picture are as exact to each other as
//! they were captured. Where it does not, as after a restart of the sender with another clock, recording goes
//! on where our clock is. Nothing reads a clock here.

use streamsocket_stream::clock::Monotonic;

/// Capture times that lie further than this, in nanoseconds, from when they would have come undelayed and
/// from when they came are of another clock: delays are between the two, and clocks that drift are followed.
const JUMP_NANOS: i64 = 500_000_000;

/// What goes back by more than this, in nanoseconds, does not follow: streams are handed on in order.
const BACK_NANOS: i64 = 20_000_000;

/// What the first packets were delayed by, in nanoseconds, stays: beyond it the sender's clock has drifted.
const DRIFTED_NANOS: i64 = 100_000_000;

/// A drift is followed by so many parts in a billion: faster than clocks drift, and between sound and
/// picture that are handed on a tenth of a second apart 0.05 ms.
const FOLLOW_PPB: i64 = 500_000;

/// When something was captured, and when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// By the sender's wall clock without its steps, in nanoseconds since 1970, if that is known.
    pub capture: Option<i64>,
    /// When it would have come undelayed, as the timeline has it.
    pub undelayed: Monotonic,
    /// When it came.
    pub arrival: Monotonic,
    /// Which source of its stream it is of: another number for each.
    pub source: u32,
}

/// Which stream something belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Video,
    Audio,
}

/// Where captures lie on our monotonic clock, for both streams of a session.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timebase {
    /// Our time minus the sender's: as it is, and as it was before the last jump, which what is still under way
    /// was captured by.
    offset: Option<i64>,
    before: Option<i64>,
    /// The newest time of each stream.
    newest: [Option<Monotonic>; 2],
    /// The source of each stream.
    sources: [Option<u32>; 2],
    followed: Option<Monotonic>,
    jumps: u64,
}

impl Timebase {
    /// Times that the sender's clock went on somewhere else, which is taken out of the recording.
    pub(super) const fn jumps(&self) -> u64 {
        self.jumps
    }

    /// The recording's time of what has that stamp.
    pub(super) fn place(&mut self, stream: Stream, stamp: &Stamp) -> Monotonic {
        let mut stamp = *stamp;
        let source = &mut self.sources[stream as usize];
        if source.replace(stamp.source).is_some_and(|source| source != stamp.source) {
            // Its clock may be another, which the timeline cannot tell from a delay yet.
            stamp.undelayed = stamp.arrival;
        }
        let at = match stamp.capture {
            None => stamp.undelayed,
            Some(capture) => self.of_capture(stream, capture, &stamp),
        };
        let newest = &mut self.newest[stream as usize];
        *newest = (*newest).max(Some(at));
        at
    }

    fn of_capture(&mut self, stream: Stream, capture: i64, stamp: &Stamp) -> Monotonic {
        let at = |offset: i64| Monotonic(capture.saturating_add(offset));
        let newest = self.newest[stream as usize];
        let fits = |offset: &i64| fits(at(*offset), newest, stamp);
        if let Some(offset) = self.offset.filter(fits) {
            let followed = self.follow(offset, at(offset), stamp);
            self.offset = Some(followed);
            return at(followed);
        }
        if let Some(before) = self.before.filter(fits) {
            return at(before);
        }
        self.jumps += u64::from(self.offset.is_some());
        let delay = stamp.arrival.nanos_since(stamp.undelayed);
        // The timeline may have heard of it no more than we.
        let known = (0..JUMP_NANOS).contains(&delay);
        let now = if known { stamp.undelayed } else { stamp.arrival };
        let now = newest.map_or(now, |newest| newest.max(now));
        self.before = self.offset;
        self.offset = Some(now.0.saturating_sub(capture));
        self.followed = Some(stamp.arrival);
        now
    }

    /// The offset, moved towards our clock if the sender's has drifted away.
    fn follow(&mut self, offset: i64, at: Monotonic, stamp: &Stamp) -> i64 {
        let since = self.followed.unwrap_or(stamp.arrival);
        let elapsed = stamp.arrival.nanos_since(since);
        if elapsed <= 0 {
            return offset;
        }
        self.followed = Some(stamp.arrival);
        let off = stamp.undelayed.nanos_since(at);
        if off.saturating_abs() > JUMP_NANOS {
            return offset;
        }
        let beyond = off - off.clamp(-DRIFTED_NANOS, DRIFTED_NANOS);
        let reach = i128::from(elapsed) * i128::from(FOLLOW_PPB) / 1_000_000_000;
        let reach = i64::try_from(reach).unwrap_or(i64::MAX);
        offset.saturating_add(beyond.clamp(-reach, reach))
    }
}

/// Whether something may have been captured then that came when it did.
fn fits(at: Monotonic, newest: Option<Monotonic>, stamp: &Stamp) -> bool {
    let Stamp { undelayed, arrival, .. } = *stamp;
    at >= undelayed.min(arrival).offset(-JUMP_NANOS)
        && at <= undelayed.max(arrival).offset(JUMP_NANOS)
        && newest.is_none_or(|newest| at >= newest.offset(-BACK_NANOS))
}

#[cfg(test)]
mod tests;
