//! Pictures: packets of the source to frames that are decoded and recorded.

use super::moment::{Clocks, Moment};
use super::{Outlets, Session};
use crate::clock::monotonic;
use crate::counters::Counters;
use crate::intake::{Admitted, Intake};
use crate::picture::Coded;
use crate::plan::StreamPlan;
use crate::recording::Stamp;
use std::sync::mpsc::TrySendError;
use streamsocket_stream::clock::Monotonic;
use streamsocket_stream::receive::video::{Fragment, Reassembler};

/// The video stream of a session.
pub(super) struct Video {
    pub(super) intake: Intake,
    assembly: Assembly,
}

struct Assembly {
    reassembler: Reassembler,
    buffer: Vec<u8>,
    /// How many sources there were.
    source: u32,
    /// Packets repaired too late, and the RTP time of the last of them.
    repaired_late: (u64, Option<i64>),
}

impl Video {
    pub(super) fn new(intake: Intake, plan: &StreamPlan) -> Self {
        let reassembler = Reassembler::new(plan.size);
        Self {
            intake,
            assembly: Assembly {
                reassembler,
                buffer: Vec::new(),
                source: 0,
                repaired_late: (0, None),
            },
        }
    }

    pub(super) fn deadline(&self, session: &Session) -> Option<Monotonic> {
        let (clock, work) = (self.intake.clock(), session.jitter.work().video);
        let latest = |time| session.latest(clock, time, work);
        self.assembly.reassembler.deadline(&latest)
    }

    /// Takes packets, and hands on the frames that they complete: of many that have queued up
    /// while we were held up, none has to give way to a later one. True if packets were left.
    pub(super) fn receive(
        &mut self,
        session: &mut Session,
        outlets: &mut Outlets,
        counters: &Counters,
    ) -> bool {
        let assembly = &mut self.assembly;
        let left = self.intake.receive(session, &mut |packet: Admitted<'_>, clocks| {
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
                assembly.learn_late(&packet, clocks);
            } else if packet.marker || packet.repaired {
                assembly.hand_on(packet.arrival, clocks, outlets, counters);
            }
        });
        self.count(counters);
        left
    }

    /// Hands on what is complete, or gives up what has waited long enough.
    pub(super) fn hand_on(
        &mut self,
        now: Monotonic,
        session: &mut Session,
        outlets: &mut Outlets,
        counters: &Counters,
    ) {
        let clocks = self.intake.clocks(session);
        self.assembly.hand_on(now, clocks, outlets, counters);
        self.count(counters);
    }

    fn count(&self, counters: &Counters) {
        let (received, lost) = self.intake.source().totals();
        let counts = self.assembly.reassembler.counts();
        counters.video.packets.set(received);
        counters.video.packets_lost.set(u64::try_from(lost).unwrap_or(0));
        let repaired = self.intake.repair().repaired;
        let of_use = repaired.saturating_sub(self.assembly.repaired_late.0);
        counters.video.packets_repaired.set(of_use);
        counters.video.bytes.set(self.intake.bytes());
        counters.video.packets_refused.set(self.intake.refused() + counts.malformed);
        let refusals = self.intake.refusals().and(self.assembly.reassembler.refusals());
        counters.video.refused.set(refusals);
        counters.video.frames_received.set(counts.frames);
        counters.video.frames_incomplete.set(counts.incomplete);
        counters.video.jitter.set(self.intake.source().jitter_nanos());
        counters.kernel_drops.set(self.intake.kernel_drops());
    }
}

impl Assembly {
    /// A frame that was given up would be there now: the latency should have let it come.
    fn learn_late(&mut self, packet: &Admitted<'_>, clocks: Clocks<'_>) {
        self.repaired_late.0 += 1;
        if self.repaired_late.1.replace(packet.time) == Some(packet.time) {
            return;
        }
        if let Some(delay) = clocks.repair_delay(packet.time, packet.arrival) {
            let latency = clocks.session.timeline.latency();
            clocks.session.jitter.video(delay, latency, packet.arrival);
        }
    }

    fn hand_on(
        &mut self,
        now: Monotonic,
        clocks: Clocks<'_>,
        outlets: &mut Outlets,
        counters: &Counters,
    ) {
        let work = clocks.session.jitter.work().video;
        loop {
            let latest = |time| clocks.session.latest(clocks.stream, time, work);
            let Some(frame) = self.reassembler.poll(now, &latest, &mut self.buffer) else { break };
            let moment = clocks.moment(frame.time, frame.completed);
            if let Some(delay) = moment.delay {
                let latency = clocks.session.timeline.latency();
                clocks.session.jitter.video(delay, latency, frame.completed);
            }
            counters.video.size.set(u64::from(frame.width) << 16 | u64::from(frame.height));
            let file = self.buffer.get(frame.start..).unwrap_or_default();
            let stamp = Stamp { source: self.source, ..moment.stamp };
            outlets.recording.video(stamp, file, (frame.width, frame.height));
            let Some(claim) = outlets.coded_budget.claim(self.buffer.capacity()) else {
                counters.video.frames_late.add(1);
                continue;
            };
            let spare = outlets.coded_spare.take(self.buffer.len());
            let jpeg = std::mem::replace(&mut self.buffer, spare);
            let Moment { due, origin, .. } = moment;
            let handed = monotonic();
            let coded = Coded { jpeg, start: frame.start, due, origin, handed, claim };
            if let Err(refused) = outlets.coded.try_send(coded) {
                counters.video.frames_late.add(1);
                self.buffer = refused_jpeg(refused);
            }
        }
    }
}

fn refused_jpeg(refused: TrySendError<Coded>) -> Vec<u8> {
    match refused {
        TrySendError::Full(coded) | TrySendError::Disconnected(coded) => coded.jpeg,
    }
}
