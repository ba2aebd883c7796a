//! An RTP session (RFC 3550 section 3): the sockets of one medium, the source that it is locked on to, that source's
//! clock, and RTCP in both directions. [`subscription`](crate::subscription) interprets the payloads.

mod candidates;
mod inlet;
mod joined;
pub(crate) mod moving;
mod polled_socket;
pub(crate) mod received;
pub(crate) mod repair_time;
mod reporting;
mod rtp_stream;
mod said;
mod unsealing;

use self::inlet::Inlet;
use self::joined::Joined;
use self::received::{Each, RtcpOutcome};
use self::repair_time::RepairTime;
use self::rtp_stream::RtpStream;
use self::said::Said;
use self::unsealing::Unsealing;
use crate::clock::{monotonic, unix_offset};
use crate::plan::StreamPlan;
use crate::presentation_time::StreamTime;
use crate::synchronisation::Synchronisation;
use mio::Registry;
use mio::event::Events;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use streamsocket_media::clock::{Delay, Monotonic, Wall};
use streamsocket_net::{Error, Interface, ReceiveSocket, Received, machine};
use streamsocket_srtp::master_key::MasterKey;
use streamsocket_stream::receive::arrival::ArrivalClock;
use streamsocket_stream::receive::fate::Fates;
use streamsocket_stream::receive::peer::Peers;
use streamsocket_stream::receive::refusal::{Reason, Refusals};
use streamsocket_stream::receive::repair::{self, Repair};
use streamsocket_stream::receive::source::Source;
use streamsocket_stream::receive::sync::StreamClock;
use streamsocket_stream::session::feedback::Feedback;
use streamsocket_wire::rtp::Ssrc;
use streamsocket_wire::shared_clock::SharedClock;

/// System calls for packets of one socket in one turn of the loop, each of up to 16 messages. The rest of a flood waits
/// for the next turn, so that frames that are due leave in between and no other socket starves.
const CALLS_AT_A_TIME: usize = 16;

/// Number of tokens that a session needs, one for each socket.
pub(crate) const TOKENS: usize = 3;

/// If the offset between wall clock and monotonic clock has changed by more than this since the last turn, the wall clock was set.
const CLOCK_SET: Delay = Delay::from_millis(1);

/// The RTP session of one medium.
pub(crate) struct RtpSession {
    rtp: Inlet,
    /// Where RTP came in before, until it has been read empty.
    former: Inlet,
    rtcp: Inlet,
    repair: Inlet,
    first_token: usize,
    stream: RtpStream,
    /// This machine's wall clock minus its monotonic clock in the last turn.
    unix_offset: Delay,
    /// The wall clock was set, and packets that have not been read yet may bear stamps from before.
    was_set: bool,
    /// Sends RTCP.
    replies: Option<UdpSocket>,
    /// Where the source's reports came from, and ours go to.
    report_to: Option<SocketAddr>,
    /// Our reports leave from where the source's come in: we are its only receiver here.
    symmetric: bool,
    /// It is received in another way than the plan says.
    moved: bool,
    /// It has left its groups, and joins them again when it is wanted.
    away: bool,
    /// Reports that are to be sent within the connection.
    outgoing: Vec<Vec<u8>>,
    /// Datagrams that the kernel had no room for at sockets that are closed.
    dropped: u64,
    /// All packets have been read that had arrived by then.
    read_until: Monotonic,
}

impl RtpSession {
    /// Opens the sockets, for [`TOKENS`] tokens from `first_token` on. With `only_from_sources` the groups are joined
    /// for the plan's sources alone. A protected stream is opened with these keys.
    ///
    /// # Errors
    /// If the socket for RTP or that for RTCP cannot be opened. One for repair packets is dispensable.
    pub(crate) fn open(
        plan: &StreamPlan,
        interface: Option<&Interface>,
        only_from_sources: bool,
        first_token: usize,
        keys: &[MasterKey],
    ) -> Result<Self, Error> {
        let ssrc = Ssrc(machine::random().unwrap_or(0x5353_5353));
        let any: IpAddr = if plan.rtp.is_ipv4() { [0, 0, 0, 0].into() } else { [0_u16; 8].into() };
        let replies = UdpSocket::bind(SocketAddr::new(any, 0));
        let medium = plan.encoding.medium();
        let Joined { rtp, rtcp, repair } =
            Joined::open(plan, interface, only_from_sources, first_token)?;
        let ssrc_known = plan.ssrc.filter(|_| !only_from_sources);
        // Media packets are kept only if there may be repair packets to combine them with.
        let is_closed = matches!(rtp, Inlet::Closed);
        let repaired = plan.repair.filter(|_| is_closed || !matches!(repair, Inlet::Closed));
        Ok(Self {
            rtp,
            former: Inlet::Closed,
            rtcp,
            repair,
            first_token,
            stream: RtpStream {
                unsealing: (!plan.suites.is_empty())
                    .then(|| Box::new(Unsealing::new(keys, &plan.suites))),
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
                forged: None,
                repair_refused: 0,
                bytes: 0,
                said: Said::planned(plan, monotonic()),
                same_machine: false,
                described: plan.ssrc,
                beside: None,
                stands_by: false,
                peers: Peers::new(plan.sources.iter().copied(), ssrc_known),
            },
            unix_offset: unix_offset(),
            was_set: false,
            replies: replies.and_then(|socket| socket.set_nonblocking(true).map(|()| socket)).ok(),
            report_to: None,
            symmetric: false,
            moved: false,
            away: false,
            outgoing: Vec::new(),
            dropped: 0,
            read_until: monotonic(),
        })
    }

    fn inlets(&self) -> impl Iterator<Item = &Inlet> {
        [&self.rtp, &self.rtcp, &self.repair].into_iter()
    }

    fn inlets_mut(&mut self) -> impl Iterator<Item = &mut Inlet> {
        [&mut self.rtp, &mut self.rtcp, &mut self.repair].into_iter()
    }

    /// Registers the sockets with the poll.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn register(&self, registry: &Registry) -> io::Result<()> {
        self.inlets().try_for_each(|inlet| inlet.register(registry))
    }

    /// Begins a turn of the loop: marks the sockets that the poll has reported as readable. This machine's wall clock
    /// minus its monotonic clock is now `unix_offset`.
    pub(crate) fn begin_turn(&mut self, events: &Events, unix_offset: Delay) {
        self.inlets_mut().for_each(|inlet| inlet.notice(events));
        // The kernel stamps arrivals by the wall clock: stamps from before it was set are of no use.
        self.was_set |= (unix_offset - self.unix_offset).abs() > CLOCK_SET;
        self.unix_offset = unix_offset;
    }

    /// Whether it is in groups that a switch may forget.
    pub(crate) fn has_switch(&self) -> bool {
        self.inlets().filter_map(Inlet::get).any(ReceiveSocket::has_switch)
    }

    /// Leaves the multicast groups, to join them again.
    pub(crate) fn leave(&self) {
        self.inlets().filter_map(Inlet::get).for_each(ReceiveSocket::leave);
    }

    /// Leaves them until [`come_back`](Self::come_back), so that there is room for something else.
    pub(crate) fn make_room(&mut self) {
        self.away = true;
        self.leave();
    }

    /// Joins them again, if it has left them to make room.
    pub(crate) fn come_back(&mut self) {
        if std::mem::take(&mut self.away) {
            self.join_again();
        }
    }

    /// Joins the multicast groups again, after [`leave`](Self::leave).
    pub(crate) fn join_again(&mut self) {
        if self.away {
            return;
        }
        for socket in self.inlets_mut().filter_map(Inlet::get_mut) {
            if let Err(error) = socket.rejoin() {
                log::debug!("{error}");
            }
        }
    }

    /// What repair has achieved so far.
    pub(crate) fn repair(&self) -> repair::Counts {
        self.stream.repair.as_ref().map(|(repair, _)| repair.counts()).unwrap_or_default()
    }

    /// The source that the session is locked on to.
    pub(crate) const fn source(&self) -> &Source {
        &self.stream.source
    }

    /// Whether the session comes from this address, or its description says so.
    pub(crate) fn knows(&self, address: IpAddr) -> bool {
        self.stream.peers.knows(address)
    }

    /// Whether packets or reports of the session have come from this address.
    pub(crate) fn has_heard(&self, address: IpAddr) -> bool {
        self.stream.peers.heard(address)
    }

    /// The source's RTP clock against its wall clock.
    pub(crate) const fn clock(&self) -> &StreamClock {
        &self.stream.clock
    }

    /// Maps RTP times to presentation times.
    pub(crate) const fn time<'a>(&'a self, sync: &'a mut Synchronisation) -> StreamTime<'a> {
        let RtpStream { clock, arrival_clock, .. } = &self.stream;
        StreamTime { clock, arrival_clock, sync }
    }

    /// Opens a protected stream with these keys from now on.
    pub(crate) fn take_keys(&mut self, keys: &[MasterKey]) {
        if let Some(unsealing) = &mut self.stream.unsealing {
            unsealing.take_keys(keys);
        }
    }

    /// Whether the source says that its wall clock is synchronised to a reference.
    pub(crate) const fn is_synchronised(&self) -> bool {
        self.stream.said.is_synchronised()
    }

    /// How the source's wall clock stands against that of a relay, if one says so.
    pub(crate) fn shared_clock(&self, now: Monotonic) -> Option<SharedClock> {
        self.stream.said.shared(now)
    }

    /// Whether the source runs on this machine, and has its clocks.
    pub(crate) const fn is_same_machine(&self) -> bool {
        self.stream.same_machine
    }

    /// Number of packets that were refused.
    pub(crate) fn refused(&self) -> u64 {
        let strangers = self.rtp.strangers().map_or(0, |(_, count)| count);
        let stream = self.stream.refusals.total() + strangers;
        stream + self.stream.source.refused() + self.stream.repair_refused
    }

    /// Packets refused because they are not the stream's, by reason.
    pub(crate) fn refusals(&self) -> Refusals {
        let mut refusals = self.stream.refusals;
        if let Some((from, count)) = self.rtp.strangers() {
            refusals.add_many(Reason::Stranger(from), count);
        }
        refusals
    }

    /// When the last packet came that is not authentic.
    pub(crate) const fn forged(&self) -> Option<Monotonic> {
        self.stream.forged
    }

    /// Bytes of the source's packets, with their RTP headers.
    pub(crate) const fn bytes(&self) -> u64 {
        self.stream.bytes
    }

    /// Datagrams that the kernel dropped because the RTP socket's buffer was full.
    pub(crate) fn kernel_drops(&self) -> u64 {
        self.dropped + self.rtp.kernel_drops()
    }

    /// Whether [`receive`](Self::receive) has anything to do: something may have come, or can be repaired.
    pub(crate) fn is_ready(&self) -> bool {
        let inlets = [&self.rtp, &self.former, &self.repair];
        inlets.into_iter().any(Inlet::is_ready) || self.stream.can_repair()
    }

    /// Has the sockets read though the poll has not reported them: this program may have been stopped since.
    pub(crate) fn look_again(&mut self) {
        self.rtp.make_ready();
        self.repair.make_ready();
    }

    /// All packets have been read that had arrived by then.
    pub(crate) const fn read_until(&self) -> Monotonic {
        self.read_until
    }

    /// Passes the packets that have come to `each`, and those that could be repaired. Returns whether some may be left
    /// for the next turn.
    pub(crate) fn receive(&mut self, sync: &mut Synchronisation, each: Each<'_>) -> bool {
        let Self { rtp, former, repair, stream, was_set, unix_offset, read_until, .. } = self;
        let begun = monotonic();
        let repair_came = repair.is_ready();
        // Repair packets first: the media packets sent before them have arrived by then.
        let mut left = repair.read(CALLS_AT_A_TIME, &mut |received, _| {
            stream.take_repair(received.data, received.from.ip());
        });
        if repair_came && stream.can_repair() {
            // What seems to be lost may have come since the poll.
            rtp.make_ready();
        }
        if former.is_ready() || rtp.is_ready() {
            let stamps_hold = !std::mem::take(was_set);
            let mut admit = |received: Received<'_>, now: Monotonic| {
                let stamp = received.arrival.filter(|_| stamps_hold);
                let arrival =
                    stamp.map_or(now, |unix| Wall(unix).monotonic(-*unix_offset).min(now));
                *read_until = arrival;
                stream.admit(received.data, received.from.ip(), arrival, sync, each);
            };
            if former.read(CALLS_AT_A_TIME, &mut admit) {
                left = true;
            } else {
                *former = Inlet::Closed;
                left |= rtp.read(CALLS_AT_A_TIME, &mut admit);
            }
        }
        stream.hand_on_repaired(sync, each);
        if !left {
            *read_until = begun;
        }
        left
    }

    /// Reads RTCP, and notes in `outcome` what it said. Returns whether some may be left for the next turn. A goodbye
    /// counts once the packets that were sent before it have been read.
    pub(crate) fn receive_rtcp(
        &mut self,
        now: Monotonic,
        sync: &mut Synchronisation,
        outcome: &mut RtcpOutcome,
    ) -> bool {
        let all_read = !self.is_ready();
        let (stream, report_to) = (&mut self.stream, &mut self.report_to);
        // What arrived before the goodbye was sent before it.
        if stream.source.leaving().is_some_and(|since| all_read || self.read_until > since) {
            stream.leave(now, outcome);
        }
        // One call takes more than any sender says at a time; the rest of a flood waits for the next turn.
        // By the time of the call: a turn may have begun long before, if this program was stopped in it.
        let left = self.rtcp.read(1, &mut |received, at| {
            if stream.receive_report(received.data, received.from.ip(), at, sync, outcome) {
                *report_to = Some(received.from);
            }
        });
        let leaves = stream.source.leaving().is_some();
        if leaves {
            self.look_again();
        }
        left || leaves
    }

    /// The source's NOTE (RFC 3550 section 6.5.7), for people: at most 255 bytes of one line, without control
    /// characters.
    pub(crate) fn note(&self) -> Option<&str> {
        self.stream.said.note()
    }
}
