//! A track of a session: packets of its source to what is presented, whatever the payload format.

mod succession;

use super::assumption::{Assumption, Seen};
use super::rejoin::Rejoin;
use crate::clock::monotonic;
use crate::counters::Counters;
use crate::outlet::{CompleteFrame, EncodedSound, FrameId, Growth, Outlet, PacketSamples};
use crate::plan::StreamPlan;
use crate::presentation_time::StreamTime;
use crate::rtp_session::RtpSession;
use crate::rtp_session::received::Admitted;
use crate::synchronisation::Synchronisation;
use streamsocket_media::clock::{Delay, Monotonic, Wall};
use streamsocket_stream::receive::depayloader::{Depayloaded, Depayloader, Described};
use streamsocket_stream::receive::jpeg::{FrameGrowth, ReassembledFrame};
use streamsocket_stream::receive::sound::Chunk;
use streamsocket_stream::receive::source_packet::SourcePacket;
use streamsocket_wire::rtp::ExtendedTime;
use streamsocket_wire::sdp::Medium;

/// A longer hole is not handed on: the sound card has gone on with silence of its own, and what
/// follows finds its place by its time.
const HOLE_MAX: Delay = Delay::from_secs(1);

/// A track of a session.
pub(super) struct ReceivedTrack {
    pub(super) session: RtpSession,
    assembly: Assembly,
    /// Its groups may be lost on the way where those of others are not.
    rejoin: Rejoin,
    /// What had been refused when it was last counted by reason.
    refused: u64,
    /// What was counted of the track that it has taken the place of.
    past: Totals,
}

/// What is counted of a track's packets.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    packets: u64,
    lost: u64,
    repaired: u64,
    refused: u64,
    bytes: u64,
    frames: u64,
    incomplete: u64,
    kernel_drops: u64,
}

/// What is being put together.
struct Assembly {
    depayloader: Depayloader,
    /// Rate and channels that were assumed, until the packets have confirmed or refuted them.
    assumption: Option<Assumption>,
    /// The longest hole that is handed on, in sample frames.
    hole_max: usize,
    /// Packets have come since something was last handed on: a frame need not be completed by its last packet.
    has_grown: bool,
    /// Number of sources so far.
    source: u32,
    /// How many packets were repaired too late, and the RTP time of the last one.
    repaired_late: (u64, Option<ExtendedTime>),
    /// When the last frame that was handed on was captured.
    handed_on: Option<Wall>,
    /// Of those that were captured later none is handed on.
    until: Option<Wall>,
    /// It stands by: what comes of it is not counted, and moves nothing.
    stands_by: bool,
}

impl ReceivedTrack {
    /// What comes by `session`.
    pub(super) fn new(session: RtpSession, plan: &StreamPlan) -> Self {
        let (channels, size, repaired) = (plan.channels, plan.size, plan.repair.is_some());
        let described = Described { channels, size, repaired };
        let hole_max = i64::from(plan.clock_rate) * HOLE_MAX.nanos() / 1_000_000_000;
        Self {
            session,
            assembly: Assembly {
                depayloader: Depayloader::new(plan.encoding, described),
                assumption: Assumption::of(plan),
                hole_max: usize::try_from(hole_max).unwrap_or(0),
                has_grown: false,
                source: 0,
                repaired_late: (0, None),
                handed_on: None,
                until: None,
                stands_by: false,
            },
            rejoin: Rejoin::new(monotonic()),
            refused: 0,
            past: Totals::default(),
        }
    }

    /// Pictures or sound.
    pub(super) const fn medium(&self) -> Medium {
        self.assembly.medium()
    }

    /// When the next turn is due even if nothing arrives.
    pub(super) fn deadline(&self, sync: &Synchronisation) -> Monotonic {
        self.waits_until(sync).map_or(self.rejoin.deadline(), |it| it.min(self.rejoin.deadline()))
    }

    /// Joins its groups again if nothing comes of them.
    fn join_again_if_silent(&mut self, now: Monotonic) {
        let is_due = self.rejoin.is_due(now, self.session.source().lived());
        if is_due && self.session.has_switch() {
            self.session.leave();
            self.session.join_again();
        }
    }

    /// When to hand on or give up something even if nothing arrives.
    fn waits_until(&self, sync: &Synchronisation) -> Option<Monotonic> {
        let (clock, work) = (self.session.clock(), sync.work(self.medium()));
        let latest = |time| sync.latest(clock, time, work);
        self.assembly.depayloader.deadline(&latest)
    }

    fn is_due(&self, now: Monotonic, sync: &Synchronisation) -> bool {
        self.waits_until(sync).is_some_and(|until| until <= now)
    }

    /// The source has said goodbye.
    pub(super) fn end(&mut self) {
        match &mut self.assembly.depayloader {
            // Frames that are not complete yet may still become so.
            Depayloader::Jpeg { .. } => {
                log::info!("the source has said goodbye; waiting for it to return");
            }
            sound => sound.reset(),
        }
    }

    /// Reads what has come, hands on what is next, and gives up what has waited long enough in the turn that began
    /// `now`. Returns whether packets may be left for the next turn.
    pub(super) fn turn(
        &mut self,
        now: Monotonic,
        sync: &mut Synchronisation,
        outlet: &mut dyn Outlet,
        counters: &Counters,
    ) -> bool {
        // What is silent may only not have been read yet: this program may have been stopped.
        if self.is_due(now, sync) || self.rejoin.deadline() <= now {
            self.session.look_again();
        }
        let is_ready = self.session.is_ready();
        let left = is_ready && self.receive(sync, outlet, counters);
        // What is waited for may be among what is left: it is late only if what came after it has been read.
        let now = if left { self.session.read_until().min(now) } else { now };
        let is_due = self.assembly.has_grown || self.is_due(now, sync);
        if is_due {
            let clock = self.session.time(sync);
            self.assembly.hand_on(now, clock, outlet, counters);
        }
        // What is in the queue of the socket may be the rest of it.
        if is_ready && !left {
            self.assembly.hand_on_growth(&self.session.time(sync), outlet);
        }
        if (is_ready || is_due) && !self.assembly.stands_by {
            self.count(counters);
        }
        if !left {
            self.join_again_if_silent(now);
        }
        left
    }

    /// Hands on samples packet by packet, and frames at their last packets, not once at the end: of many that have
    /// queued up in the kernel all find room and none gives way to a later one, and those before a new source go by the
    /// old one's clock.
    fn receive(
        &mut self,
        sync: &mut Synchronisation,
        outlet: &mut dyn Outlet,
        counters: &Counters,
    ) -> bool {
        let assembly = &mut self.assembly;
        let common = counters.of(assembly.medium());
        self.session.receive(sync, &mut |admitted: Admitted<'_>, clock| {
            let packet = &admitted.packet;
            if admitted.is_new_source {
                assembly.begin(counters);
            }
            if !assembly.stands_by {
                common.arrived.set(packet.arrival.0);
                if admitted.is_new_source {
                    common.note.set(None);
                }
            }
            if !admitted.repaired {
                assembly.check(packet);
            }
            let late = assembly.depayloader.late();
            assembly.depayloader.push(packet);
            if admitted.repaired && assembly.depayloader.late() != late {
                assembly.learn_late(packet, clock);
            } else if admitted.repaired || assembly.depayloader.ends_with(packet) {
                assembly.hand_on(packet.arrival, clock, outlet, counters);
            } else {
                assembly.has_grown = true;
            }
        })
    }

    /// Updates the counters.
    fn count(&mut self, counters: &Counters) {
        let Assembly { depayloader, .. } = &self.assembly;
        let common = counters.of(self.medium());
        let totals = self.totals();
        common.packets.set(totals.packets);
        common.packets_lost.set(totals.lost);
        common.packets_refused.set(totals.refused);
        let refused = self.session.refused() + depayloader.refused();
        if std::mem::replace(&mut self.refused, refused) != refused {
            common.refused.set(self.session.refusals().and(&depayloader.refusals()));
            if let Some(at) = self.session.forged() {
                common.forged.set(at.0);
            }
        }
        common.jitter.set(self.session.source().jitter().nanos());
        common.packets_repaired.set(totals.repaired);
        match depayloader {
            Depayloader::Jpeg { .. } => {
                counters.video.bytes.set(totals.bytes);
                counters.video.frames_received.set(totals.frames);
                counters.video.frames_incomplete.set(totals.incomplete);
                counters.kernel_drops.set(totals.kernel_drops);
            }
            sound => {
                let counts = sound.sound_counts().unwrap_or_default();
                counters.audio.samples.set(counts.frames);
                counters.audio.samples_lost.set(counts.frames_lost);
            }
        }
    }
}

impl ReceivedTrack {
    /// Frames that came complete, and those that did not, of this track alone.
    pub(super) fn frames(&self) -> (u64, u64) {
        match &self.assembly.depayloader {
            Depayloader::Jpeg { frames, .. } => {
                let counts = frames.counts();
                (counts.frames, counts.incomplete)
            }
            _ => (0, 0),
        }
    }

    fn totals(&self) -> Totals {
        let Assembly { depayloader, repaired_late, .. } = &self.assembly;
        let (session, past) = (&self.session, self.past);
        let (received, lost) = session.source().totals();
        let (frames, incomplete) = self.frames();
        // Sound that was repaired too late is silent for that long; of a picture nothing is left.
        let in_vain =
            if depayloader.encoding().medium() == Medium::Video { repaired_late.0 } else { 0 };
        Totals {
            packets: past.packets + received,
            lost: past.lost + u64::try_from(lost).unwrap_or(0),
            repaired: past.repaired + session.repair().repaired.saturating_sub(in_vain),
            refused: past.refused + session.refused() + depayloader.malformed(),
            bytes: past.bytes + session.bytes(),
            frames: past.frames + frames,
            incomplete: past.incomplete + incomplete,
            kernel_drops: past.kernel_drops + session.kernel_drops(),
        }
    }
}

impl Assembly {
    const fn medium(&self) -> Medium {
        self.depayloader.encoding().medium()
    }

    /// Begins with a new source.
    fn begin(&mut self, counters: &Counters) {
        self.depayloader.reset();
        self.source = self.source.wrapping_add(1);
        if self.medium() == Medium::Video {
            counters.sources.add(1);
        }
    }

    /// Warns if rate or channels are not what was assumed.
    fn check(&mut self, packet: &SourcePacket<'_>) {
        let Some(assumption) = &mut self.assumption else { return };
        let SourcePacket { sequence, time, .. } = *packet;
        let seen = Seen { sequence, time, bytes: packet.payload.len() };
        if let Some(verdict) = assumption.check(seen, packet.ntp.map(Wall::from)) {
            if let Some(problem) = verdict {
                log::warn!("{problem}");
            }
            self.assumption = None;
        }
    }

    /// Learns from a packet that was repaired after what it belongs to had been given up: the latency should have
    /// waited for it. Of a frame one packet says it.
    fn learn_late(&mut self, packet: &SourcePacket<'_>, clock: StreamTime<'_>) {
        self.repaired_late.0 += 1;
        if self.repaired_late.1.replace(packet.time) == Some(packet.time) {
            return;
        }
        if let Some(delay) = clock.repair_delay(packet.time, packet.arrival) {
            clock.sync.measure(self.medium(), delay, packet.arrival);
        }
    }

    /// Hands on what is next, and gives up what is due.
    fn hand_on(
        &mut self,
        now: Monotonic,
        mut clock: StreamTime<'_>,
        outlet: &mut dyn Outlet,
        counters: &Counters,
    ) {
        self.has_grown = false;
        let work = clock.sync.work(self.medium());
        loop {
            let latest = |time| clock.sync.latest(clock.clock, time, work);
            match self.depayloader.poll(now, &latest) {
                None => break,
                Some(Depayloaded::Jpeg(frame, buffer)) => {
                    let ReassembledFrame { start, width, height, completed, .. } = frame;
                    let id = FrameId { source: self.source, time: frame.time };
                    let mut time = clock.presentation(frame.time, completed);
                    time.stamp.source = self.source;
                    if !self.stands_by {
                        time = clock.measured(Medium::Video, frame.time, completed, self.source);
                        counters.video.size.set(u64::from(width) << 16 | u64::from(height));
                    }
                    let capture = time.stamp.capture;
                    if self.until.is_some_and(|until| capture.is_none_or(|it| it > until)) {
                        continue;
                    }
                    self.handed_on = capture.or(self.handed_on);
                    outlet.frame(CompleteFrame { id, buffer, start, size: (width, height), time });
                }
                Some(Depayloaded::L16(chunk, buffer)) => match chunk {
                    Chunk::Samples { time: rtp_time, arrival, .. } => {
                        let time = clock.measured(Medium::Audio, rtp_time, arrival, self.source);
                        outlet.samples(PacketSamples { buffer, rtp_time, time });
                    }
                    Chunk::Hole { time, frames } => {
                        self.hand_on_hole(time, frames, now, &clock, outlet);
                    }
                },
                Some(Depayloaded::Opus(chunk, buffer)) => match chunk {
                    Chunk::Samples { time: rtp_time, arrival, .. } => {
                        let time = clock.measured(Medium::Audio, rtp_time, arrival, self.source);
                        outlet.encoded(EncodedSound { packet: buffer, rtp_time, time });
                    }
                    Chunk::Hole { time, frames } => {
                        self.hand_on_hole(time, frames, now, &clock, outlet);
                    }
                },
            }
        }
    }

    /// Hands on a hole of so many sample frames that begins at that RTP time.
    fn hand_on_hole(
        &self,
        time: ExtendedTime,
        frames: usize,
        now: Monotonic,
        clock: &StreamTime<'_>,
        outlet: &mut dyn Outlet,
    ) {
        if frames <= self.hole_max {
            outlet.hole(frames, clock.presentation(time, now).due);
        }
    }

    /// Hands on what has come of the next frame.
    fn hand_on_growth(&mut self, clock: &StreamTime<'_>, outlet: &mut dyn Outlet) {
        let source = self.source;
        if self.until.is_some() {
            return;
        }
        if let Some(growth) = self.depayloader.growth() {
            let FrameGrowth { time, latest, offset, bytes } = growth;
            let due = clock.presentation(time, latest).due;
            outlet.growth(Growth { id: FrameId { source, time }, due, offset, bytes });
        }
    }
}
