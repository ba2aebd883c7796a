//! From RTP time to presentation time.

use crate::latency::Origin;
use crate::synchronisation::Synchronisation;
use streamsocket_media::clock::{Delay, Monotonic, Wall};
use streamsocket_stream::receive::arrival::ArrivalClock;
use streamsocket_stream::receive::sync::StreamClock;
use streamsocket_wire::rtp::ExtendedTime;
use streamsocket_wire::sdp::Medium;

/// A presentation time that differs from arrival plus latency by this comes from a clock that cannot be trusted.
const BELIEF: Delay = Delay::from_secs(2);

/// When something was captured, and when it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Capture by the sender's wall clock without its steps, if known.
    pub capture: Option<Wall>,
    /// When it would have arrived undelayed, by the timeline.
    pub undelayed: Monotonic,
    /// When it arrived.
    pub arrival: Monotonic,
    /// Number of the stream's source: each new source (RFC 3550 SSRC) has another.
    pub source: u32,
}

/// When a frame or a packet of samples is to be presented, and where that comes from.
#[derive(Clone, Copy, Debug)]
pub struct PresentationTime {
    /// When it is to be seen or heard.
    pub due: Monotonic,
    /// Capture and arrival, which a recording goes by.
    pub stamp: Stamp,
    /// What the latency is measured from.
    pub origin: Origin,
    /// How much later than undelayed it was complete, if known.
    pub delay: Option<Delay>,
}

/// The clocks that map a stream's RTP time to presentation time.
pub(crate) struct StreamTime<'a> {
    /// RTP time against the sender's wall clock.
    pub(crate) clock: &'a StreamClock,
    /// RTP time against arrival, for as long as the sender's wall clock is not known.
    pub(crate) arrival_clock: &'a ArrivalClock,
    /// The sender's wall clock against this machine's.
    pub(crate) sync: &'a mut Synchronisation,
}

/// Repair that takes longer than this is not waited for: a machine that is so slow must not make everything else late.
const REPAIR_WORTH: Delay = Delay::from_millis(200);

impl StreamTime<'_> {
    /// The delay of a packet that was repaired after it had been given up, if the latency should allow for it.
    pub(crate) fn repair_delay(&self, time: ExtendedTime, arrival: Monotonic) -> Option<Delay> {
        self.presentation(time, arrival).delay.filter(|delay| *delay <= REPAIR_WORTH)
    }

    /// The presentation time of what has the extended RTP time `time` and was complete at `arrival`, from the stream's
    /// source of this number. What it took goes into the latency.
    pub(crate) fn measured(
        &mut self,
        medium: Medium,
        time: ExtendedTime,
        arrival: Monotonic,
        source: u32,
    ) -> PresentationTime {
        let mut time = self.presentation(time, arrival);
        time.stamp.source = source;
        if let Some(delay) = time.delay {
            self.sync.measure(medium, delay, arrival);
        }
        time
    }

    /// The presentation time of what has the extended RTP time `time` and was complete at `arrival`. As long as there
    /// is no capture time (of another sender, before its first report), RTP time is laid over arrival.
    pub(crate) fn presentation(&self, time: ExtendedTime, arrival: Monotonic) -> PresentationTime {
        let timeline = &self.sync.timeline;
        let latency = timeline.latency();
        let near = |due: &Monotonic| (*due - (arrival + latency)).abs() < BELIEF;
        let captured = self.clock.capture(time);
        let known = captured.and_then(|capture| timeline.due(capture)).filter(near);
        let even = || self.arrival_clock.undelayed(time).map(|it| it + latency).filter(near);
        let believed = known.or_else(even);
        let due = believed.unwrap_or(arrival + latency);
        let undelayed = due - latency;
        PresentationTime {
            due,
            stamp: Stamp { capture: captured, undelayed, arrival, source: 0 },
            origin: Origin { wall: self.clock.wall(time), undelayed },
            delay: believed.map(|_| arrival - undelayed),
        }
    }
}
