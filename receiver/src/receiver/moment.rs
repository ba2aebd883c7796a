//! When something was captured, and when it is due here.

use crate::clock::unix_offset;
use streamsocket_stream::clock::Monotonic;
use streamsocket_stream::receive::sync::{StreamClock, Timeline};

/// What is due later than this after its arrival, or so much before it, in nanoseconds, has a clock
/// that cannot be believed.
const BELIEF_NANOS: i64 = 10_000_000_000;

/// What tells the time of a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks<'a> {
    /// The stream's RTP time against the sender's wall clock.
    pub(crate) stream: &'a StreamClock,
    /// The sender's wall clock against ours.
    pub(crate) timeline: &'a Timeline,
}

/// When something was captured, and when it is due here.
pub(super) struct Moment {
    pub(super) due: Monotonic,
    /// Capture time by the sender's wall clock, or a stand-in by arrival: nanoseconds since 1970.
    pub(super) unix: i64,
    /// The capture time, if it is known.
    pub(super) known: Option<i64>,
}

impl Clocks<'_> {
    /// The moment of what has the RTP time `time` and arrived at `arrival`. Without a capture time
    /// (another sender, before its first report) the arrival stands in.
    pub(super) fn moment(&self, time: i64, arrival: Monotonic) -> Moment {
        let fallback = arrival.offset(self.timeline.latency());
        let known = self.stream.unix_nanos(time);
        let due = known.and_then(|unix| self.timeline.due(unix));
        let believable =
            due.filter(|due| due.nanos_since(fallback).saturating_abs() < BELIEF_NANOS);
        Moment {
            due: believable.unwrap_or(fallback),
            unix: known.unwrap_or(arrival.0.saturating_add(unix_offset())),
            known,
        }
    }
}
