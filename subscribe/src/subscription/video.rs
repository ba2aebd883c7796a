//! The video of a session: packets of the source to complete frames (RFC 2435).

use crate::clock::monotonic;
use crate::counters::Counters;
use crate::outlet::{CompleteFrame, Outlet};
use crate::plan::StreamPlan;
use crate::presentation_time::StreamTime;
use crate::rtp_session::RtpSession;
use crate::rtp_session::received::Admitted;
use crate::synchronisation::Synchronisation;
use streamsocket_media::clock::Monotonic;
use streamsocket_stream::receive::packet::Packet;
use streamsocket_stream::receive::video::Reassembler;

/// The video of a session.
pub(super) struct Video {
    pub(super) session: RtpSession,
    assembly: Assembly,
}

/// Frames in the making.
struct Assembly {
    reassembler: Reassembler,
    buffer: Vec<u8>,
    /// Packets have come since frames were last handed on: a frame need not be completed by its last packet.
    has_grown: bool,
    /// Number of sources so far.
    source: u32,
    /// How many packets were repaired too late, and the RTP time of the last one.
    repaired_late: (u64, Option<i64>),
}

impl Video {
    /// What comes by `session`.
    pub(super) fn new(session: RtpSession, plan: &StreamPlan) -> Self {
        let reassembler = Reassembler::new(plan.size);
        Self {
            session,
            assembly: Assembly {
                reassembler,
                buffer: Vec::new(),
                has_grown: false,
                source: 0,
                repaired_late: (0, None),
            },
        }
    }

    /// When to hand on or give up frames even if nothing arrives.
    pub(super) fn deadline(&self, sync: &Synchronisation) -> Option<Monotonic> {
        let (clock, work) = (self.session.clock(), sync.jitter.work().video);
        let latest = |time| sync.latest(clock, time, work);
        self.assembly.reassembler.deadline(&latest)
    }

    /// Reads what has come, hands on complete frames, and gives up those that have waited long enough. Returns whether
    /// packets may be left for the next turn.
    pub(super) fn turn(
        &mut self,
        sync: &mut Synchronisation,
        outlet: &mut dyn Outlet,
        counters: &Counters,
    ) -> bool {
        let left = self.receive(sync, outlet, counters);
        let now = monotonic();
        let due = |deadline| deadline <= now;
        if self.assembly.has_grown || self.deadline(sync).is_some_and(due) {
            let clock = self.session.time(sync);
            self.assembly.hand_on(now, clock, outlet, counters);
        }
        self.count(counters);
        left
    }

    /// Hands on frames at their last packets, not once at the end: of many that have queued up in the kernel none gives
    /// way to a later one, and those before a new source go by the old one's clock.
    fn receive(
        &mut self,
        sync: &mut Synchronisation,
        outlet: &mut dyn Outlet,
        counters: &Counters,
    ) -> bool {
        let assembly = &mut self.assembly;
        self.session.receive(sync, &mut |admitted: Admitted<'_>, clock| {
            let packet = &admitted.packet;
            if admitted.is_new_source {
                assembly.reassembler.reset();
                assembly.source = assembly.source.wrapping_add(1);
                counters.sources.add(1);
                counters.video.note.set(None);
            }
            counters.video.arrived.set(packet.arrival.0);
            let late = assembly.reassembler.counts().late;
            assembly.reassembler.push(packet);
            if admitted.repaired && assembly.reassembler.counts().late != late {
                assembly.learn_late(packet, clock);
            } else if packet.marker || admitted.repaired {
                assembly.hand_on(packet.arrival, clock, outlet, counters);
            } else {
                assembly.has_grown = true;
            }
        })
    }

    /// Updates the counters.
    fn count(&self, counters: &Counters) {
        let (received, lost) = self.session.source().totals();
        let counts = self.assembly.reassembler.counts();
        counters.video.packets.set(received);
        counters.video.packets_lost.set(u64::try_from(lost).unwrap_or(0));
        let repaired = self.session.repair().repaired;
        let of_use = repaired.saturating_sub(self.assembly.repaired_late.0);
        counters.video.packets_repaired.set(of_use);
        counters.video.bytes.set(self.session.bytes());
        counters.video.packets_refused.set(self.session.refused() + counts.malformed);
        let refusals = self.session.refusals().and(self.assembly.reassembler.refusals());
        counters.video.refused.set(refusals);
        counters.video.frames_received.set(counts.frames);
        counters.video.frames_incomplete.set(counts.incomplete);
        counters.video.jitter.set(self.session.source().jitter_nanos());
        counters.kernel_drops.set(self.session.kernel_drops());
    }
}

impl Assembly {
    /// Learns from a packet that was repaired after its frame had been given up: the latency should have waited for it.
    fn learn_late(&mut self, packet: &Packet<'_>, clock: StreamTime<'_>) {
        self.repaired_late.0 += 1;
        if self.repaired_late.1.replace(packet.time) == Some(packet.time) {
            return;
        }
        if let Some(delay) = clock.repair_delay(packet.time, packet.arrival) {
            let latency = clock.sync.timeline.latency();
            clock.sync.jitter.video(delay, latency, packet.arrival);
        }
    }

    /// Hands on the frames that are complete, and gives up those that are due.
    fn hand_on(
        &mut self,
        now: Monotonic,
        clock: StreamTime<'_>,
        outlet: &mut dyn Outlet,
        counters: &Counters,
    ) {
        self.has_grown = false;
        let work = clock.sync.jitter.work().video;
        loop {
            let latest = |time| clock.sync.latest(clock.clock, time, work);
            let Some(frame) = self.reassembler.poll(now, &latest, &mut self.buffer) else { break };
            let mut time = clock.presentation(frame.time, frame.completed);
            time.stamp.source = self.source;
            if let Some(delay) = time.delay {
                let latency = clock.sync.timeline.latency();
                clock.sync.jitter.video(delay, latency, frame.completed);
            }
            counters.video.size.set(u64::from(frame.width) << 16 | u64::from(frame.height));
            let start = frame.start;
            let size = (frame.width, frame.height);
            outlet.frame(CompleteFrame { buffer: &mut self.buffer, start, size, time });
        }
    }
}
