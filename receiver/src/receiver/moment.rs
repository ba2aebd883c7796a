//! When something was captured, and when it is due here.

use super::Session;
use crate::counters::Origin;
use crate::recording::Stamp;
use streamsocket_stream::clock::Monotonic;
use streamsocket_stream::receive::arrival::ArrivalClock;
use streamsocket_stream::receive::sync::StreamClock;

/// What is due later than this after its arrival, or so much before it, in nanoseconds, has a clock
/// that cannot be believed.
const BELIEF_NANOS: i64 = 2_000_000_000;

/// What tells the time of a stream.
pub(crate) struct Clocks<'a> {
    /// The stream's RTP time against the sender's wall clock.
    pub(crate) stream: &'a StreamClock,
    /// The stream's RTP time against arrival, for as long as nothing else is known.
    pub(crate) arrival: &'a ArrivalClock,
    /// The sender's wall clock against ours.
    pub(crate) session: &'a mut Session,
}

/// When something was captured, and when it is due here.
pub(super) struct Moment {
    pub(super) due: Monotonic,
    /// What a recording goes by; which source it is of is not known here.
    pub(super) stamp: Stamp,
    /// The capture time by the sender's wall clock, if it is known, and when it would have come
    /// undelayed.
    pub(super) origin: Origin,
    /// How much longer than an undelayed packet it took until now, in nanoseconds, if that is known.
    pub(super) delay: Option<i64>,
}

/// More delay than this, in nanoseconds, is not worth a picture or a sound that was lost: a machine that
/// takes so long to repair them must not make everything else late.
const REPAIR_WORTH_NANOS: i64 = 200_000_000;

impl Clocks<'_> {
    /// How late what was repaired after it had been given up came, if it is worth to wait for its like.
    pub(super) fn repair_delay(&self, time: i64, arrival: Monotonic) -> Option<i64> {
        self.moment(time, arrival).delay.filter(|delay| *delay <= REPAIR_WORTH_NANOS)
    }

    /// The moment of what has the RTP time `time` and was complete at `arrival`. Without a capture time
    /// (another sender, before its first report) it is due as evenly as its packets were captured.
    pub(super) fn moment(&self, time: i64, arrival: Monotonic) -> Moment {
        let timeline = &self.session.timeline;
        let latency = timeline.latency();
        let near = |due: &Monotonic| {
            due.nanos_since(arrival.offset(latency)).saturating_abs() < BELIEF_NANOS
        };
        let captured = self.stream.unix_nanos(time);
        let known = captured.and_then(|unix| timeline.due(unix)).filter(near);
        let even = || self.arrival.undelayed(time).map(|it| it.offset(latency)).filter(near);
        let believed = known.or_else(even);
        let due = believed.unwrap_or(arrival.offset(latency));
        let undelayed = due.offset(-latency);
        Moment {
            due,
            stamp: Stamp { capture: captured, undelayed, arrival, source: 0 },
            origin: Origin { wall: self.stream.wall_nanos(time), undelayed },
            delay: believed.map(|_| arrival.nanos_since(undelayed)),
        }
    }
}
