//! An RTP session (RFC 3550 section 3), in which one medium comes: its sockets, the source it is locked on to, that
//! one's clock, and RTCP both ways. What the packets carry is the business of [`subscription`](crate::subscription).

mod polled_socket;
pub(crate) mod received;
mod repair_time;
mod rtp_stream;

use self::polled_socket::PolledSocket;
use self::received::{Each, RtcpOutcome};
use self::repair_time::RepairTime;
use self::rtp_stream::RtpStream;
use crate::clock::unix_offset;
use crate::plan::StreamPlan;
use crate::presentation_time::StreamTime;
use crate::synchronisation::Synchronisation;
use mio::event::Events;
use mio::{Registry, Token};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use streamsocket_net::{Error, Interface, ReceiveSocket, machine};
use streamsocket_stream::clock::Monotonic;
use streamsocket_stream::receive::arrival::ArrivalClock;
use streamsocket_stream::receive::fate::Fates;
use streamsocket_stream::receive::peer::Peers;
use streamsocket_stream::receive::refusal::{Reason, Refusals};
use streamsocket_stream::receive::repair::{self, Repair};
use streamsocket_stream::receive::source::Source;
use streamsocket_stream::receive::sync::{Medium, StreamClock};
use streamsocket_stream::session::COMPOUND_MAX;
use streamsocket_stream::session::feedback::{About, Feedback};
use streamsocket_wire::rtcp;
use streamsocket_wire::rtp::Ssrc;

/// Calls to the kernel for packets in one turn: 16 of up to 64 datagrams. A flood waits for the
/// next turn, so that frames that are due leave in between.
const CALLS_AT_A_TIME: usize = 16;

/// Tokens that the poll knows the sockets of a session by.
pub(crate) const TOKENS: usize = 3;

/// A wall clock that has moved by more than this against the monotonic one, in nanoseconds, between two
/// looks was set.
const CLOCK_SET_NANOS: i64 = 1_000_000;

/// An RTP session.
pub(crate) struct RtpSession {
    rtp: PolledSocket,
    rtcp: PolledSocket,
    repair: Option<PolledSocket>,
    stream: RtpStream,
    /// Our wall clock minus our monotonic clock, as last seen.
    unix_offset: i64,
    /// It was set, and packets that have not been read yet may have been stamped before.
    was_set: bool,
    replies: Option<UdpSocket>,
    report_to: Option<SocketAddr>,
}

impl RtpSession {
    /// Opens its sockets, which the poll is to know by [`TOKENS`] tokens from `first_token` on. If its packets are
    /// wanted from its sources alone, the network is asked for these.
    pub(crate) fn open(
        medium: Medium,
        plan: &StreamPlan,
        interface: Option<&Interface>,
        only_from_sources: bool,
        first_token: usize,
    ) -> Result<Self, Error> {
        let ssrc = Ssrc(machine::random().unwrap_or(0x5353_5353));
        let sources = plan.asked_of(only_from_sources);
        let open = |address| ReceiveSocket::open(address, interface, sources.iter().copied());
        let any: IpAddr = if plan.rtp.is_ipv4() { [0, 0, 0, 0].into() } else { [0_u16; 8].into() };
        let replies = UdpSocket::bind(SocketAddr::new(any, 0));
        let rtp = open(plan.rtp)?;
        if medium == Medium::Video && rtp.buffer_size() < ReceiveSocket::BUFFER_SIZE_WANTED {
            let (got, wanted) = (rtp.buffer_size(), ReceiveSocket::BUFFER_SIZE_WANTED);
            log::warn!(
                "the kernel grants {} of {} kB to receive into, which large pictures overrun: \
                 sudo sysctl -w net.core.rmem_max={wanted}",
                got / 1024,
                wanted / 1024,
            );
        }
        let polled = |socket, number| PolledSocket::new(socket, Token(first_token + number));
        let repair = plan.repair.and_then(|(to, _)| usable(open(to)));
        let ssrc_known = plan.ssrc.filter(|_| !only_from_sources);
        // Without its packets there is nothing to keep others for.
        let repaired = plan.repair.filter(|_| repair.is_some());
        Ok(Self {
            rtp: polled(rtp, 0),
            rtcp: polled(open(plan.rtcp)?, 1),
            repair: repair.map(|socket| polled(socket, 2)),
            stream: RtpStream {
                source: Source::new(plan.clock_rate),
                clock: StreamClock::new(medium, plan.clock_rate),
                arrival_clock: ArrivalClock::new(plan.clock_rate),
                repair: repaired.map(|(_, payload_type)| (Repair::default(), payload_type)),
                repair_time: RepairTime::default(),
                overtaxed: false,
                fates: Fates::default(),
                feedback: Feedback::new(ssrc, plan.bandwidth),
                payload_type: plan.payload_type,
                ntp64_id: plan.ntp64_id,
                extended: false,
                refusals: Refusals::default(),
                repair_refused: 0,
                bytes: 0,
                note: None,
                synchronised: plan.synchronised,
                same_machine: false,
                peers: Peers::new(plan.sources.iter().copied(), ssrc_known),
            },
            unix_offset: unix_offset(),
            was_set: false,
            replies: replies.and_then(|socket| socket.set_nonblocking(true).map(|()| socket)).ok(),
            report_to: None,
        })
    }

    fn sockets(&self) -> impl Iterator<Item = &PolledSocket> {
        [&self.rtp, &self.rtcp].into_iter().chain(&self.repair)
    }

    fn sockets_mut(&mut self) -> impl Iterator<Item = &mut PolledSocket> {
        [&mut self.rtp, &mut self.rtcp].into_iter().chain(&mut self.repair)
    }

    /// Has the poll watch its sockets.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn register(&self, registry: &Registry) -> io::Result<()> {
        self.sockets().try_for_each(|socket| socket.register(registry))
    }

    /// Takes notice of what the poll has said.
    pub(crate) fn notice(&mut self, events: &Events) {
        self.sockets_mut().for_each(|socket| socket.notice(events));
    }

    /// Leaves the groups, to join them again.
    pub(crate) fn leave(&self) {
        self.sockets().for_each(|socket| socket.get().leave());
    }

    /// Joins the groups again, after [`leave`](Self::leave).
    pub(crate) fn join_again(&mut self) {
        for socket in self.sockets_mut() {
            if let Err(error) = socket.get_mut().rejoin() {
                log::debug!("{error}");
            }
        }
    }

    /// What repair has done so far.
    pub(crate) fn repair(&self) -> repair::Counts {
        self.stream.repair.as_ref().map(|(repair, _)| repair.counts()).unwrap_or_default()
    }

    pub(crate) const fn source(&self) -> &Source {
        &self.stream.source
    }

    pub(crate) const fn clock(&self) -> &StreamClock {
        &self.stream.clock
    }

    /// What tells the time of its packets.
    pub(crate) const fn time<'a>(&'a self, sync: &'a mut Synchronisation) -> StreamTime<'a> {
        let RtpStream { clock, arrival_clock, .. } = &self.stream;
        StreamTime { clock, arrival_clock, sync }
    }

    /// Whether the source's wall clock is kept right by somebody, as it says.
    pub(crate) const fn is_synchronised(&self) -> bool {
        self.stream.synchronised
    }

    /// Whether the source is on this machine, and its clocks ours.
    pub(crate) const fn is_same_machine(&self) -> bool {
        self.stream.same_machine
    }

    /// Packets that were not the source's.
    pub(crate) fn refused(&self) -> u64 {
        self.refusals().total() + self.stream.source.refused() + self.stream.repair_refused
    }

    /// Those of them that were none of the stream's, by reason.
    pub(crate) fn refusals(&self) -> Refusals {
        let mut refusals = self.stream.refusals;
        if let Some((from, count)) = self.rtp.get().strangers() {
            refusals.add_many(Reason::Stranger(from), count);
        }
        refusals
    }

    /// Bytes of the packets that were.
    pub(crate) const fn bytes(&self) -> u64 {
        self.stream.bytes
    }

    /// Datagrams that the kernel had no room for.
    pub(crate) fn kernel_drops(&self) -> u64 {
        self.rtp.get().kernel_drops()
    }

    /// Hands over the packets that have come, and those that could be made. True if some were left for
    /// the next turn.
    pub(crate) fn receive(&mut self, sync: &mut Synchronisation, each: Each<'_>) -> bool {
        let offset = unix_offset();
        // What was stamped before our clock was set has stamps of another time.
        self.was_set |= (offset - self.unix_offset).abs() > CLOCK_SET_NANOS;
        self.unix_offset = offset;
        let Self { rtp, repair, stream, was_set, .. } = self;
        let repair_came = repair.as_ref().is_some_and(PolledSocket::is_ready);
        // Repair packets first: the media packets that left before them are there by then.
        let mut left = repair.as_mut().is_some_and(|repair| {
            repair.read(CALLS_AT_A_TIME, &mut |received, _| {
                stream.take_repair(received.data, received.from.ip());
            })
        });
        if repair_came && stream.can_repair() {
            // What seems to be lost may have come since the poll.
            rtp.make_ready();
        }
        if rtp.is_ready() {
            let stamps_hold = !std::mem::take(was_set);
            left |= rtp.read(CALLS_AT_A_TIME, &mut |received, now| {
                let stamp = received.arrival.filter(|_| stamps_hold);
                let arrival = stamp.map_or(now, |unix| Monotonic(unix - offset).min(now));
                stream.admit(received.data, received.from.ip(), arrival, sync, each);
            });
        }
        stream.hand_on_repaired(sync, each);
        left
    }

    /// Takes the reports that have come, and what they say. True if some were left for the next turn.
    pub(crate) fn receive_rtcp(
        &mut self,
        now: Monotonic,
        sync: &mut Synchronisation,
        heard: &mut RtcpOutcome,
    ) -> bool {
        let (stream, report_to) = (&mut self.stream, &mut self.report_to);
        // One call takes more than any sender says in a turn; a flood waits for the next one.
        self.rtcp.read(1, &mut |received, _| {
            let Ok(packets) = rtcp::packets(received.data) else { return };
            for packet in packets.flatten() {
                if stream.report(&packet, received.from.ip(), now, sync, heard) {
                    *report_to = Some(received.from);
                }
            }
        })
    }

    /// What the source says about its state, for people: at most 255 bytes, on one line.
    pub(crate) fn note(&self) -> Option<&str> {
        self.stream.note.as_deref()
    }

    /// When the next report of ours is due.
    pub(crate) const fn deadline(&self) -> Option<Monotonic> {
        self.stream.feedback.deadline()
    }

    /// Sends a report, if it is time and there is somebody to send it to.
    pub(crate) fn report(&mut self, now: Monotonic, cname: &str) {
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        let mut out = [0; COMPOUND_MAX];
        let block = self.stream.source.report(now);
        let random = machine::random().unwrap_or(u32::MAX / 2);
        // Who does not repair has nothing to add to the report itself.
        let fates = self.stream.repair.as_ref().and(self.stream.fates.report());
        let about = About { cname, block, fates };
        if let Ok(len) = self.stream.feedback.report(now, &about, random, &mut out) {
            self.reply(&out[..len]);
        }
    }

    /// Says goodbye.
    pub(crate) fn bye(&self, cname: &str) {
        let mut out = [0; COMPOUND_MAX];
        if let Ok(len) = self.stream.feedback.bye(cname, &mut out) {
            self.reply(&out[..len]);
        }
    }

    fn reply(&self, packet: &[u8]) {
        if let (Some(socket), Some(to)) = (&self.replies, self.report_to) {
            if let Err(error) = socket.send_to(packet, to) {
                log::debug!("report to {to}: {error}");
            }
        }
    }
}

/// Without repair packets there are pictures and sound all the same.
fn usable(opened: Result<ReceiveSocket, Error>) -> Option<ReceiveSocket> {
    opened.map_err(|error| log::warn!("what is lost will not be repaired: {error}")).ok()
}
