//! The audio of a session: packets of the source to samples in order (RFC 3551 section 4.5.11).

use super::assumption::{Assumption, Seen};
use crate::clock::monotonic;
use crate::counters::Counters;
use crate::outlet::{Outlet, PacketSamples};
use crate::plan::StreamPlan;
use crate::presentation_time::StreamTime;
use crate::rtp_session::RtpSession;
use crate::rtp_session::received::Admitted;
use crate::synchronisation::Synchronisation;
use streamsocket_media::clock::Monotonic;
use streamsocket_stream::receive::audio::{Chunk, Reassembler};
use streamsocket_stream::receive::packet::Packet;
use streamsocket_stream::receive::refusal::Reason;
use streamsocket_wire::ntp::NtpTime;

/// How much later a lost packet may be repaired, in nanoseconds: a block is 40 ms of sound, and its repair packets
/// leave within 15.
const REPAIR_NANOS: i64 = 55_000_000;

/// A longer hole, in nanoseconds, is not handed on: the sound card has gone on with silence of its own, and what
/// follows finds its place by its time.
const HOLE_MAX_NANOS: i64 = 1_000_000_000;

/// The audio of a session.
pub(super) struct Audio {
    pub(super) session: RtpSession,
    assembly: Assembly,
}

/// Samples being put in order.
struct Assembly {
    /// Rate and channels that were assumed, until the packets have confirmed or refuted them.
    assumption: Option<Assumption>,
    reassembler: Reassembler,
    /// The longest hole that is handed on, in sample frames.
    hole_max: usize,
    buffer: Vec<i16>,
    /// Number of sources so far.
    source: u32,
}

impl Audio {
    /// What comes by `session`.
    pub(super) fn new(session: RtpSession, plan: &StreamPlan) -> Self {
        let mut reassembler = Reassembler::new(plan.channels);
        if plan.repair.is_some() {
            reassembler = reassembler.with_repair(REPAIR_NANOS);
        }
        let hole_max = i64::from(plan.clock_rate) * HOLE_MAX_NANOS / 1_000_000_000;
        let hole_max = usize::try_from(hole_max).unwrap_or(0);
        let assumption = Assumption::of(plan);
        let assembly =
            Assembly { assumption, reassembler, hole_max, buffer: Vec::new(), source: 0 };
        Self { session, assembly }
    }

    /// When to hand on or give up samples even if nothing arrives.
    pub(super) fn deadline(&self, sync: &Synchronisation) -> Option<Monotonic> {
        let (clock, work) = (self.session.clock(), sync.jitter.work().audio);
        let latest = |time| sync.latest(clock, time, work);
        self.assembly.reassembler.deadline(&latest)
    }

    /// Drops what is held: the source is gone.
    pub(super) fn reset(&mut self) {
        self.assembly.reassembler.reset();
    }

    /// Reads what has come, hands on the samples that are next, and gives up those that have waited long enough.
    /// Returns whether packets may be left for the next turn.
    pub(super) fn turn(
        &mut self,
        sync: &mut Synchronisation,
        outlet: &mut dyn Outlet,
        counters: &Counters,
    ) -> bool {
        let left = self.receive(sync, outlet, counters);
        let now = monotonic();
        if self.deadline(sync).is_some_and(|deadline| deadline <= now) {
            let clock = self.session.time(sync);
            self.assembly.hand_on(now, clock, outlet, counters);
        }
        self.count(counters);
        left
    }

    /// Hands on samples packet by packet, not once at the end: of many that have queued up in the kernel all find room,
    /// and those before a new source go by the old one's clock.
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
                counters.audio.note.set(None);
            }
            counters.audio.arrived.set(packet.arrival.0);
            if !admitted.repaired {
                assembly.check(packet);
            }
            let late = assembly.reassembler.counts().late;
            assembly.reassembler.push(packet);
            if admitted.repaired && assembly.reassembler.counts().late != late {
                learn_late(packet, clock);
            } else {
                assembly.hand_on(packet.arrival, clock, outlet, counters);
            }
        })
    }

    /// Updates the counters.
    fn count(&self, counters: &Counters) {
        let (received, lost) = self.session.source().totals();
        let mut refusals = self.session.refusals();
        refusals.add_many(Reason::Malformed, self.assembly.reassembler.counts().malformed);
        counters.audio.refused.set(refusals);
        counters.audio.packets.set(received);
        counters.audio.packets_repaired.set(self.session.repair().repaired);
        counters.audio.packets_lost.set(u64::try_from(lost).unwrap_or(0));
        counters.audio.jitter.set(self.session.source().jitter_nanos());
        let malformed = self.assembly.reassembler.counts().malformed;
        counters.audio.packets_refused.set(self.session.refused() + malformed);
    }
}

/// Learns from a packet that was repaired after it had been given up: the latency should have waited for it.
fn learn_late(packet: &Packet<'_>, clock: StreamTime<'_>) {
    if let Some(delay) = clock.repair_delay(packet.time, packet.arrival) {
        let latency = clock.sync.timeline.latency();
        clock.sync.jitter.audio(delay, latency, packet.arrival);
    }
}

impl Assembly {
    /// Warns if rate or channels are not what was assumed.
    fn check(&mut self, packet: &Packet<'_>) {
        let Some(assumption) = &mut self.assumption else { return };
        let Packet { sequence, time, .. } = *packet;
        let seen = Seen { sequence, time, bytes: packet.payload.len() };
        if let Some(verdict) = assumption.check(seen, packet.ntp.map(NtpTime::unix_nanos)) {
            if let Some(problem) = verdict {
                log::warn!("{problem}");
            }
            self.assumption = None;
        }
    }

    /// Hands on the samples that are next, and gives up those that are due.
    fn hand_on(
        &mut self,
        now: Monotonic,
        clock: StreamTime<'_>,
        outlet: &mut dyn Outlet,
        counters: &Counters,
    ) {
        let work = clock.sync.jitter.work().audio;
        loop {
            let latest = |time| clock.sync.latest(clock.clock, time, work);
            let Some(chunk) = self.reassembler.poll(now, &latest, &mut self.buffer) else { break };
            match chunk {
                Chunk::Samples { time: rtp_time, arrival, .. } => {
                    let mut time = clock.presentation(rtp_time, arrival);
                    time.stamp.source = self.source;
                    if let Some(delay) = time.delay {
                        let latency = clock.sync.timeline.latency();
                        clock.sync.jitter.audio(delay, latency, arrival);
                    }
                    outlet.samples(PacketSamples { buffer: &mut self.buffer, rtp_time, time });
                }
                Chunk::Hole { frames, .. } if frames > self.hole_max => {}
                Chunk::Hole { time, frames } => {
                    outlet.hole(frames, clock.presentation(time, now).due);
                }
            }
        }
        let counts = self.reassembler.counts();
        counters.audio.samples.set(counts.frames);
        counters.audio.samples_lost.set(counts.frames_lost);
    }
}
