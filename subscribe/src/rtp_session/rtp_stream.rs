//! The RTP stream of a session (RFC 7656 section 2.1.10), without its sockets: which packets are admitted, the clock
//! that they go by, and the repair of those that are lost.

use super::received::{Admitted, Each, RtcpOutcome};
use super::repair_time::RepairTime;
use super::said::Said;
use super::unsealing::Unsealing;
use crate::clock::monotonic;
use crate::presentation_time::StreamTime;
use crate::synchronisation::Synchronisation;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_net::machine;
use streamsocket_srtp::packet::Head;
use streamsocket_stream::receive::arrival::ArrivalClock;
use streamsocket_stream::receive::fate::Fates;
use streamsocket_stream::receive::peer::{Peers, Standing};
use streamsocket_stream::receive::refusal::{Reason, Refusals};
use streamsocket_stream::receive::repair::Repair;
use streamsocket_stream::receive::source::{Admission, Source};
use streamsocket_stream::receive::source_packet::SourcePacket;
use streamsocket_stream::receive::sync::StreamClock;
use streamsocket_stream::session::feedback::Feedback;
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::repair::Header;
use streamsocket_wire::rtcp;
use streamsocket_wire::rtp::{self, ExtendedTime, Ssrc};

/// The state of an RTP stream.
pub(super) struct RtpStream {
    /// Opens what comes of a protected stream.
    pub(super) unsealing: Option<Box<Unsealing>>,
    /// The source that is locked on to.
    pub(super) source: Source,
    /// Its RTP time against its wall clock.
    pub(super) clock: StreamClock,
    /// RTP time against arrival, for a sender that tells no capture times.
    pub(super) arrival_clock: ArrivalClock,
    /// Makes lost packets again, from repair packets of this payload type.
    pub(super) repair: Option<(Repair, u8)>,
    /// Limits the time that repair takes.
    pub(super) repair_time: RepairTime,
    /// The user was told that repair would take too long.
    pub(super) overtaxed: bool,
    /// Which packets were lost for good (RFC 5725).
    pub(super) fates: Fates,
    /// Schedules and writes receiver reports.
    pub(super) feedback: Feedback,
    /// Payload type of media packets.
    pub(super) payload_type: u8,
    /// Id of the `ntp-64` header extension (RFC 6051), if the description declares it.
    pub(super) ntp64_id: Option<u8>,
    /// The source's packets do carry that extension.
    pub(super) extended: bool,
    /// Packets that are not the stream's, by reason.
    pub(super) refusals: Refusals,
    /// When the last packet came that is not authentic.
    pub(super) forged: Option<Monotonic>,
    /// Datagrams for the repair port that are no repair packets.
    pub(super) repair_refused: u64,
    /// Bytes of admitted packets.
    pub(super) bytes: u64,
    /// What is said of the source beside its packets.
    pub(super) said: Said,
    /// The source runs on this machine.
    pub(super) same_machine: bool,
    /// The source that the description names.
    pub(super) described: Option<Ssrc>,
    /// The clock of the stream that it is to take the place of, until it begins.
    pub(super) beside: Option<StreamClock>,
    /// Nothing of it is presented yet: it says nothing of the delay of what is.
    pub(super) stands_by: bool,
    /// Which addresses the stream may come from.
    pub(super) peers: Peers,
}

impl RtpStream {
    /// Takes a datagram of the repair port, which came from this address.
    pub(super) fn take_repair(&mut self, datagram: &[u8], from: IpAddr) {
        let Some((repair, payload_type)) = &mut self.repair else { return };
        let packet = rtp::Packet::parse(datagram).ok();
        let packet = packet.filter(|packet| packet.header().payload_type == *payload_type);
        let header = packet.and_then(|packet| Header::parse(packet.payload()).ok());
        let stranger = !self.peers.believes(from);
        match (header, self.source.ssrc().zip(self.source.highest())) {
            (Some((header, shard)), Some((ssrc, highest))) if header.media == ssrc && !stranger => {
                repair.push(&header, shard, highest);
            }
            // There is no source yet, or it has just been replaced.
            (Some(_), _) => {}
            (None, _) => self.repair_refused += 1,
        }
    }

    /// Whether lost packets can be made now.
    pub(super) fn can_repair(&self) -> bool {
        self.repair.as_ref().is_some_and(|(repair, _)| repair.is_ready())
    }

    /// Makes the lost packets that can be made, and passes them to `each`.
    pub(super) fn hand_on_repaired(&mut self, sync: &mut Synchronisation, each: Each<'_>) {
        let (Some((repair, _)), Some(ssrc)) = (&mut self.repair, self.source.ssrc()) else {
            return;
        };
        if !repair.is_ready() {
            return;
        }
        let arrival = monotonic();
        if !self.repair_time.allows(arrival) {
            if !std::mem::replace(&mut self.overtaxed, true) {
                log::warn!("this machine is too slow to repair all that is lost");
            }
            return;
        }
        let (source, clock, ntp64_id) = (&self.source, &self.clock, self.ntp64_id);
        let arrival_clock = &self.arrival_clock;
        let (fates, unsealing, refusals) =
            (&mut self.fates, &mut self.unsealing, &mut self.refusals);
        repair.poll(ssrc, &mut |sequence, bytes| {
            let opened = match unsealing {
                Some(unsealing) => unsealing.open_made(bytes),
                None => Some(bytes),
            };
            let Some(bytes) = opened else {
                refusals.add(Reason::Forged);
                return;
            };
            let Ok(packet) = rtp::Packet::parse(bytes) else { return };
            let header = packet.header();
            let Some(time) = source.extend_made(header.time, arrival) else { return };
            fates.came(sequence);
            let ntp = ntp64_id.and_then(|id| packet.extension()?.ntp64(id));
            let (marker, payload) = (header.marker, packet.payload());
            let packet = SourcePacket { sequence, time, marker, ntp, payload, arrival };
            let sync = &mut *sync;
            let admitted = Admitted { is_new_source: false, repaired: true, packet };
            each(admitted, StreamTime { clock, arrival_clock, sync });
        });
        let now = monotonic();
        self.repair_time.spend(now - arrival, now);
    }

    /// Takes a datagram of the RTP port, and passes it to `each` if it is the source's.
    pub(super) fn admit(
        &mut self,
        datagram: &[u8],
        from: IpAddr,
        arrival: Monotonic,
        sync: &mut Synchronisation,
        each: Each<'_>,
    ) {
        let Some(mut unsealing) = self.unsealing.take() else {
            self.admit_opened(datagram, datagram, (from, arrival), sync, each);
            return;
        };
        let opened = match self.may_open(datagram, from, arrival) {
            Ok(head) => unsealing.open(datagram, from, arrival).map(|opened| (head, opened)),
            Err(reason) => Err(reason),
        };
        match opened {
            Ok((head, opened)) => {
                if self.admit_opened(opened, datagram, (from, arrival), sync, each) {
                    unsealing.admitted(head.ssrc, arrival);
                }
            }
            Err(reason) => {
                if reason == Reason::Forged {
                    self.forged = Some(arrival);
                }
                self.refusals.add(reason);
            }
        }
        self.unsealing = Some(unsealing);
    }

    /// What the clear part of a sealed packet says: whether it is worth being opened. What others have sealed with the
    /// same key, or what was sealed before and somebody sends again, is not to have a place beside a source that lives.
    fn may_open(&self, datagram: &[u8], from: IpAddr, arrival: Monotonic) -> Result<Head, Reason> {
        let head = Head::parse(datagram).ok_or(Reason::NotRtp)?;
        let payload_type = datagram.get(1).map_or(0, |byte| byte & 0x7F);
        if payload_type != self.payload_type {
            return Err(Reason::PayloadType(payload_type));
        }
        if !self.peers.may_be(from, Ssrc(head.ssrc)) {
            return Err(Reason::Stranger(from));
        }
        let other = self.source.ssrc().is_some_and(|ssrc| ssrc.0 != head.ssrc);
        if other && self.source.lives(arrival) { Err(Reason::Forged) } else { Ok(head) }
    }

    /// Takes a packet; `datagram` is how it came. Whether it is the source's.
    fn admit_opened(
        &mut self,
        opened: &[u8],
        datagram: &[u8],
        (from, arrival): (IpAddr, Monotonic),
        sync: &mut Synchronisation,
        each: Each<'_>,
    ) -> bool {
        let Ok(packet) = rtp::Packet::parse(opened) else {
            self.refusals.add(Reason::NotRtp);
            return false;
        };
        let header = packet.header();
        if header.payload_type != self.payload_type {
            self.refusals.add(Reason::PayloadType(header.payload_type));
            return false;
        }
        let admission = match self.peers.packet(from, (header.ssrc, header.sequence), arrival) {
            Standing::Ours => self.source.admit(&header, arrival),
            Standing::TakesOver => self.source.take_over(&header, arrival),
            Standing::Stranger => {
                self.refusals.add(Reason::Stranger(from));
                return false;
            }
        };
        let (is_new_source, sequence, time) = match admission {
            Admission::Admitted { sequence, time } => (false, sequence, time),
            Admission::NewSource { sequence, time } => (true, sequence, time),
            Admission::Refused => return false,
        };
        if is_new_source {
            self.begin(from, arrival, sync);
        }
        self.fates.came(sequence);
        if let Some((repair, _)) = &mut self.repair {
            repair.keep(sequence, datagram);
        }
        self.bytes += datagram.len() as u64;
        let ntp = self.ntp64_id.and_then(|id| packet.extension()?.ntp64(id));
        if let Some(ntp) = ntp {
            self.extended = true;
            self.observe(time, ntp, arrival, sync);
        }
        if !self.extended {
            self.arrival_clock.observe(time, arrival);
        }
        if self.stands_by {
            // Another stream of the sender is presented.
        } else if let Some(capture) = self.clock.capture(time) {
            sync.heard(capture, arrival);
        } else if let Some(undelayed) = self.arrival_clock.undelayed(time) {
            sync.heard_late(arrival - undelayed, arrival);
        }
        let (marker, payload) = (header.marker, packet.payload());
        let packet = SourcePacket { sequence, time, marker, ntp, payload, arrival };
        let admitted = Admitted { is_new_source, repaired: false, packet };
        let (clock, arrival_clock) = (&self.clock, &self.arrival_clock);
        each(admitted, StreamTime { clock, arrival_clock, sync });
        true
    }

    /// Begins with a new source: the state of the old one is void.
    fn begin(&mut self, from: IpAddr, arrival: Monotonic, sync: &mut Synchronisation) {
        if let Some(clock) = self.beside.take() {
            self.clock = clock.of_another_stream();
        } else {
            if self.clock.stepped() != Delay::ZERO {
                sync.timeline.reset();
            }
            self.clock.reset(&mut sync.steps);
        }
        self.arrival_clock.reset();
        self.fates.reset();
        if let Some((repair, _)) = &mut self.repair {
            repair.reset();
        }
        self.said.begin();
        self.extended = false;
        // A socket can be bound to addresses of this machine only.
        self.same_machine = UdpSocket::bind(SocketAddr::new(from, 0)).is_ok();
        self.feedback.start(arrival, machine::random().unwrap_or(u32::MAX / 2));
    }

    fn observe(
        &mut self,
        time: ExtendedTime,
        ntp: NtpTime,
        now: Monotonic,
        sync: &mut Synchronisation,
    ) {
        if self.clock.observe(time, ntp, now, &mut sync.steps) {
            log::info!("the sender's clock was set, which moves nothing here");
        }
    }

    /// Takes a datagram of the RTCP port. Returns whether there was a sender report of the source in it.
    pub(super) fn receive_report(
        &mut self,
        datagram: &[u8],
        from: IpAddr,
        now: Monotonic,
        sync: &mut Synchronisation,
        outcome: &mut RtcpOutcome,
    ) -> bool {
        let mut unsealing = self.unsealing.take();
        let opened = match &mut unsealing {
            Some(unsealing) => unsealing.open_report(datagram),
            None => Some(datagram),
        };
        let packets = opened.and_then(|opened| rtcp::packets(opened).ok());
        let mut reported = false;
        for packet in packets.into_iter().flatten().flatten() {
            reported |= self.report(&packet, from, now, sync, outcome);
        }
        self.unsealing = unsealing;
        reported
    }

    /// Takes one RTCP packet. Returns whether it was a sender report of the source. Packets from other addresses are
    /// ignored.
    pub(super) fn report(
        &mut self,
        packet: &rtcp::Packet<'_>,
        from: IpAddr,
        now: Monotonic,
        sync: &mut Synchronisation,
        outcome: &mut RtcpOutcome,
    ) -> bool {
        if matches!(packet, rtcp::Packet::SenderReport { .. }) && self.peers.reported(from, now) {
            log::info!("the sender is back at {from}");
            self.source.drop_current();
        }
        if !self.peers.believes(from) {
            return self.is_idle(packet, from, now);
        }
        match packet {
            rtcp::Packet::SenderReport { ssrc, info, .. } if self.source.ssrc() == Some(*ssrc) => {
                if let Some(time) = self.source.extend(info.time) {
                    // The header extension of the packets is newer.
                    if !self.extended {
                        self.observe(time, info.ntp, now, sync);
                    }
                }
                self.source.reported(info.ntp, info.packets, now);
                outcome.reported = true;
                return true;
            }
            rtcp::Packet::GroupSize { ssrc, members, .. } if self.source.ssrc() == Some(*ssrc) => {
                self.feedback.group_size(*members, now);
            }
            rtcp::Packet::Description(chunks) => {
                outcome.noted |= self.said.describe(chunks, self.source.ssrc(), now);
            }
            rtcp::Packet::Bye { sources, .. } => {
                sources.clone().for_each(|ssrc| self.source.bye(ssrc, now));
            }
            _ => {}
        }
        false
    }

    /// Whether a source that has sent nothing yet has reported: it may be waiting for somebody who wants it, and is told
    /// at once.
    fn is_idle(&mut self, packet: &rtcp::Packet<'_>, from: IpAddr, now: Monotonic) -> bool {
        let rtcp::Packet::SenderReport { ssrc, .. } = packet else { return false };
        let described = self.source.ssrc().is_none() && self.described == Some(*ssrc);
        let idle = described && self.peers.knows(from);
        if idle {
            self.feedback.start_at_once(now);
        }
        idle
    }

    /// Leaves the source, which has said goodbye.
    pub(super) fn leave(&mut self, now: Monotonic, outcome: &mut RtcpOutcome) {
        self.source.left(now);
        self.peers.bye();
        outcome.bye = true;
        outcome.noted |= self.said.take_note(None);
    }
}
