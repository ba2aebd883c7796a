//! Pictures: packets of the source to frames that are decoded and recorded.

use crate::clock::monotonic;
use crate::counters::Counters;
use crate::outlet::{CompleteFrame, Outlet};
use crate::plan::StreamPlan;
use crate::presentation_time::StreamTime;
use crate::rtp_session::RtpSession;
use crate::rtp_session::received::Admitted;
use crate::synchronisation::Synchronisation;
use streamsocket_stream::clock::Monotonic;
use streamsocket_stream::receive::video::{Fragment, Reassembler};

/// The video stream of a session.
pub(super) struct Video {
    pub(super) session: RtpSession,
    assembly: Assembly,
}

struct Assembly {
    reassembler: Reassembler,
    buffer: Vec<u8>,
    /// Packets have come since frames were last handed on: the one that completes a frame need not be its last.
    has_grown: bool,
    /// How many sources there were.
    source: u32,
    /// Packets repaired too late, and the RTP time of the last of them.
    repaired_late: (u64, Option<i64>),
}

impl Video {
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

    pub(super) fn deadline(&self, sync: &Synchronisation) -> Option<Monotonic> {
        let (clock, work) = (self.session.clock(), sync.jitter.work().video);
        let latest = |time| sync.latest(clock, time, work);
        self.assembly.reassembler.deadline(&latest)
    }

    /// Takes the packets that have come, hands on the frames that are complete, and gives up what has waited long enough.
    /// True if packets were left.
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

    /// Hands on frames at their last packets: of many that have queued up while we were held up, none has to give way
    /// to a later one, and those before a new source have the clock of the old one.
    fn receive(
        &mut self,
        sync: &mut Synchronisation,
        outlet: &mut dyn Outlet,
        counters: &Counters,
    ) -> bool {
        let assembly = &mut self.assembly;
        self.session.receive(sync, &mut |packet: Admitted<'_>, clock| {
            if packet.is_new_source {
                assembly.reassembler.reset();
                assembly.source = assembly.source.wrapping_add(1);
                counters.sources.add(1);
                counters.video.note.set(None);
            }
            counters.video.arrived.set(packet.arrival.0);
            let late = assembly.reassembler.counts().late;
            assembly.reassembler.push(&Fragment {
                time: packet.time,
                marker: packet.marker,
                ntp: packet.ntp,
                payload: packet.payload,
                arrival: packet.arrival,
            });
            if packet.repaired && assembly.reassembler.counts().late != late {
                assembly.learn_late(&packet, clock);
            } else if packet.marker || packet.repaired {
                assembly.hand_on(packet.arrival, clock, outlet, counters);
            } else {
                assembly.has_grown = true;
            }
        })
    }

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
    /// A frame that was given up would be there now: the latency should have let it come.
    fn learn_late(&mut self, packet: &Admitted<'_>, clock: StreamTime<'_>) {
        self.repaired_late.0 += 1;
        if self.repaired_late.1.replace(packet.time) == Some(packet.time) {
            return;
        }
        if let Some(delay) = clock.repair_delay(packet.time, packet.arrival) {
            let latency = clock.sync.timeline.latency();
            clock.sync.jitter.video(delay, latency, packet.arrival);
        }
    }

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
