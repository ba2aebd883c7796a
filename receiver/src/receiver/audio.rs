//! Sound: packets of the source to samples that are played and recorded.

use super::assumption::Assumption;
use super::moment::Clocks;
use super::{Outlets, Session};
use crate::counters::Counters;
use crate::intake::{Admitted, Intake};
use crate::plan::StreamPlan;
use crate::recording::Stamp;
use crate::sound::Sound;
use streamsocket_stream::clock::Monotonic;
use streamsocket_stream::receive::audio::{Chunk, Packet, Reassembler};
use streamsocket_stream::receive::refusal::Reason;
use streamsocket_wire::ntp::NtpTime;

/// A packet that was lost may be made again so much later, in nanoseconds: our blocks are of 40 ms, and
/// their repair packets leave within 15.
const REPAIR_NANOS: i64 = 55_000_000;

/// A hole that is longer than this, in nanoseconds, is none for the sound card: it has gone on with silence of its
/// own when nothing came, and what comes next finds its place by its time.
const HOLE_PLAYED_NANOS: i64 = 1_000_000_000;

/// The audio stream of a session.
pub(super) struct Audio {
    pub(super) intake: Intake,
    assembly: Assembly,
}

struct Assembly {
    /// Until it is known whether the sound is what it was taken for.
    assumption: Option<Assumption>,
    reassembler: Reassembler,
    /// The longest hole that is played as one, in sample frames.
    hole_played: usize,
    buffer: Vec<i16>,
    /// How many sources there were.
    source: u32,
}

impl Audio {
    pub(super) fn new(intake: Intake, plan: &StreamPlan) -> Self {
        let mut reassembler = Reassembler::new(plan.channels);
        if plan.repair.is_some() {
            reassembler = reassembler.with_repair(REPAIR_NANOS);
        }
        let hole_played = i64::from(plan.clock_rate) * HOLE_PLAYED_NANOS / 1_000_000_000;
        let hole_played = usize::try_from(hole_played).unwrap_or(0);
        let assumption = Assumption::of(plan);
        let assembly =
            Assembly { assumption, reassembler, hole_played, buffer: Vec::new(), source: 0 };
        Self { intake, assembly }
    }

    pub(super) fn deadline(&self, session: &Session) -> Option<Monotonic> {
        let (clock, work) = (self.intake.clock(), session.jitter.work().audio);
        let latest = |time| session.latest(clock, time, work);
        self.assembly.reassembler.deadline(&latest)
    }

    /// The source is gone: what is held of it is void.
    pub(super) fn reset(&mut self) {
        self.assembly.reassembler.reset();
    }

    /// Takes packets, and hands on the samples in them, so that those that have queued up while we
    /// were held up find room. True if packets were left.
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
                counters.audio.note.set(None);
            }
            counters.audio.arrived.set(packet.arrival.0);
            if !packet.repaired {
                assembly.check(&packet);
            }
            let late = assembly.reassembler.counts().late;
            assembly.reassembler.push(&Packet {
                sequence: packet.sequence,
                time: packet.time,
                ntp: packet.ntp,
                payload: packet.payload,
                arrival: packet.arrival,
            });
            if packet.repaired && assembly.reassembler.counts().late != late {
                learn_late(&packet, clocks);
            } else {
                assembly.hand_on(packet.arrival, clocks, outlets, counters);
            }
        });
        let (received, lost) = self.intake.source().totals();
        let mut refusals = self.intake.refusals();
        refusals.add_many(Reason::Malformed, self.assembly.reassembler.counts().malformed);
        counters.audio.refused.set(refusals);
        counters.audio.packets.set(received);
        counters.audio.packets_repaired.set(self.intake.repair().repaired);
        counters.audio.packets_lost.set(u64::try_from(lost).unwrap_or(0));
        counters.audio.jitter.set(self.intake.source().jitter_nanos());
        let malformed = self.assembly.reassembler.counts().malformed;
        counters.audio.packets_refused.set(self.intake.refused() + malformed);
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
    }
}

/// Sound that was given up would be there now: the latency should have let it come.
fn learn_late(packet: &Admitted<'_>, clocks: Clocks<'_>) {
    if let Some(delay) = clocks.repair_delay(packet.time, packet.arrival) {
        let latency = clocks.session.timeline.latency();
        clocks.session.jitter.audio(delay, latency, packet.arrival);
    }
}

impl Assembly {
    /// Says so if the sound is not what it was taken for.
    fn check(&mut self, packet: &Admitted<'_>) {
        let Some(assumption) = &mut self.assumption else { return };
        let seen = (packet.sequence, packet.time, packet.payload.len());
        if let Some(verdict) = assumption.check(seen, packet.ntp.map(NtpTime::unix_nanos)) {
            if let Some(problem) = verdict {
                log::warn!("{problem}");
            }
            self.assumption = None;
        }
    }

    fn hand_on(
        &mut self,
        now: Monotonic,
        clocks: Clocks<'_>,
        outlets: &mut Outlets,
        counters: &Counters,
    ) {
        let work = clocks.session.jitter.work().audio;
        loop {
            let latest = |time| clocks.session.latest(clocks.stream, time, work);
            let Some(chunk) = self.reassembler.poll(now, &latest, &mut self.buffer) else { break };
            let sound = match chunk {
                Chunk::Samples { time, arrival, .. } => {
                    let moment = clocks.moment(time, arrival);
                    if let Some(delay) = moment.delay {
                        let latency = clocks.session.timeline.latency();
                        clocks.session.jitter.audio(delay, latency, arrival);
                    }
                    let stamp = Stamp { source: self.source, ..moment.stamp };
                    outlets.recording.audio(stamp, time, &self.buffer);
                    let bytes = self.buffer.capacity() * size_of::<i16>();
                    let Some(claim) = outlets.sound_budget.claim(bytes) else { continue };
                    let spare = outlets.sound_spare.take(self.buffer.len());
                    let samples = std::mem::replace(&mut self.buffer, spare);
                    Sound::Samples { samples, due: moment.due, origin: moment.origin, claim }
                }
                Chunk::Hole { frames, .. } if frames > self.hole_played => continue,
                Chunk::Hole { time, frames } => {
                    Sound::Hole { frames, due: clocks.moment(time, now).due }
                }
            };
            // A card that does not keep up loses sound; the player says so by its counters.
            let _ = outlets.sound.try_send(sound);
        }
        let counts = self.reassembler.counts();
        counters.audio.samples.set(counts.frames);
        counters.audio.samples_lost.set(counts.frames_lost);
    }
}
