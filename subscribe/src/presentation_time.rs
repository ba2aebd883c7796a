//! When something was captured, and when it is to be presented here.

use crate::latency::Origin;
use crate::synchronisation::Synchronisation;
use streamsocket_stream::clock::Monotonic;
use streamsocket_stream::receive::arrival::ArrivalClock;
use streamsocket_stream::receive::sync::StreamClock;

/// What is due later than this after its arrival, or so much before it, in nanoseconds, has a clock
/// that cannot be believed.
const BELIEF_NANOS: i64 = 2_000_000_000;

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

/// When something was captured, and when it is to be presented here.
#[derive(Clone, Copy, Debug)]
pub struct PresentationTime {
    /// When it is to be presented.
    pub due: Monotonic,
    /// What a recording goes by.
    pub stamp: Stamp,
    /// What its latency is measured from.
    pub origin: Origin,
    /// How much longer than an undelayed packet it took until it was complete, in nanoseconds, if that is known.
    pub delay: Option<i64>,
}

/// What tells the time of a stream.
pub(crate) struct StreamTime<'a> {
    /// The stream's RTP time against the sender's wall clock.
    pub(crate) clock: &'a StreamClock,
    /// The stream's RTP time against arrival, for as long as nothing else is known.
    pub(crate) arrival_clock: &'a ArrivalClock,
    /// The sender's wall clock against ours.
    pub(crate) sync: &'a mut Synchronisation,
}

/// More delay than this, in nanoseconds, is not worth a picture or a sound that was lost: a machine that
/// takes so long to repair them must not make everything else late.
const REPAIR_WORTH_NANOS: i64 = 200_000_000;

impl StreamTime<'_> {
    /// How late what was repaired after it had been given up came, if it is worth to wait for its like.
    pub(crate) fn repair_delay(&self, time: i64, arrival: Monotonic) -> Option<i64> {
        self.presentation(time, arrival).delay.filter(|delay| *delay <= REPAIR_WORTH_NANOS)
    }

    /// When to present what has the RTP time `time` and was complete at `arrival`. Without a capture time
    /// (another sender, before its first report) it is due as evenly as its packets were captured.
    pub(crate) fn presentation(&self, time: i64, arrival: Monotonic) -> PresentationTime {
        let timeline = &self.sync.timeline;
        let latency = timeline.latency();
        let near = |due: &Monotonic| {
            due.nanos_since(arrival.offset(latency)).saturating_abs() < BELIEF_NANOS
        };
        let captured = self.clock.unix_nanos(time);
        let known = captured.and_then(|unix| timeline.due(unix)).filter(near);
        let even = || self.arrival_clock.undelayed(time).map(|it| it.offset(latency)).filter(near);
        let believed = known.or_else(even);
        let due = believed.unwrap_or(arrival.offset(latency));
        let undelayed = due.offset(-latency);
        PresentationTime {
            due,
            stamp: Stamp { capture: captured, undelayed, arrival, source: 0 },
            origin: Origin { wall: self.clock.wall_nanos(time), undelayed },
            delay: believed.map(|_| arrival.nanos_since(undelayed)),
        }
    }
}
