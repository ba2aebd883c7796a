//! One medium of a publisher: where its packets and reports come from, and where they go. A batch is taken from the kernel
//! and given back to it as it is: nothing is copied in between, and nothing allocated.

use crate::batch::Batch;
use crate::fan::Fan;
use crate::guard::{Guard, Refused};
use crate::offer::Announced;
use crate::source_clock::{RelayClock, SourceClock};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::{Datagram, Error, Interface, ReceiveSocket, SendSocket, Unsent};
use streamsocket_station::clock::monotonic;
use streamsocket_wire::rtcp::Writer;
use streamsocket_wire::shared_clock::SharedClock;

/// System calls in one turn of the loop that take packets of one track: other publishers have their turn, too.
const CALLS_AT_A_TIME: usize = 8;

/// Packets that one system call takes at most: sixteen messages of 64, which is what the kernel merges at most.
const TAKEN_MAX: usize = 16 * 64;

/// Bytes of a goodbye, with the empty report in front of it.
const GOODBYE_LEN: usize = 8 + 8;

/// How a medium comes.
pub(crate) enum Way {
    /// To these sockets of its own, from these ports of the publisher's.
    Udp { sockets: Box<[ReceiveSocket; 2]>, client: [u16; 2] },
    /// Within the connection, by these channels.
    Tcp { channels: [u8; 2] },
}

impl Way {
    /// Two sockets at the address that the publisher knows us by.
    pub(crate) fn udp(
        local: SocketAddr,
        peer: SocketAddr,
        client: [u16; 2],
    ) -> Result<Self, Error> {
        let sockets = ReceiveSocket::pair(local, peer.ip())?;
        Ok(Self::Udp { sockets: Box::new(sockets), client })
    }

    /// Our ports: of packets, and of reports.
    pub(crate) fn ports(&self) -> Option<[u16; 2]> {
        let Self::Udp { sockets, .. } = self else { return None };
        let [packets, reports] = &**sockets;
        let port = |it: &ReceiveSocket| it.local_addr().ok().map(|it| it.port());
        Some([port(packets)?, port(reports)?])
    }

    /// Descriptors to watch: of packets, and of reports.
    pub(crate) fn descriptors(&self) -> Option<[RawFd; 2]> {
        match self {
            Self::Udp { sockets, .. } => Some(sockets.each_ref().map(AsRawFd::as_raw_fd)),
            Self::Tcp { .. } => None,
        }
    }
}

/// Where a medium goes: RTP and RTCP.
pub(crate) struct Out {
    packets: SendSocket,
    reports: SendSocket,
}

impl Out {
    pub(crate) fn open(
        to: SocketAddr,
        interface: Option<&Interface>,
        ttl: u8,
    ) -> Result<Self, Error> {
        let reports = SocketAddr::new(to.ip(), to.port() + 1);
        Ok(Self {
            packets: SendSocket::open(to, interface, ttl)?,
            reports: SendSocket::open(reports, interface, ttl)?,
        })
    }

    /// Where its packets come from.
    pub(crate) fn origin(&self) -> io::Result<SocketAddr> {
        self.packets.local_addr()
    }
}

/// A medium that is handed on, once it goes somewhere.
pub(crate) struct Track {
    way: Way,
    pub(crate) guard: Guard,
    /// The clock of its source.
    clock: SourceClock,
    out: Option<Out>,
    /// When the last packet was handed on.
    pub(crate) heard: Option<Monotonic>,
    /// There may be more, for which no event will come.
    pub(crate) left: [bool; 2],
    /// From other ports of the publisher's machine.
    strangers: u64,
    /// Viewers who are served one by one.
    pub(crate) fan: Fan,
    /// Which of the packets that were just taken are handed on.
    verdicts: Vec<bool>,
}

impl Track {
    pub(crate) fn new(way: Way, media: &Announced) -> Self {
        let (guard, fan) = (Guard::new(media.payload_type), Fan::new(media.medium));
        let (clock, verdicts) = (SourceClock::new(media), Vec::with_capacity(TAKEN_MAX));
        let (heard, left) = (None, [false; 2]);
        Self { way, guard, clock, out: None, heard, left, strangers: 0, fan, verdicts }
    }

    /// Descriptors to watch: of packets, and of reports.
    pub(crate) fn descriptors(&self) -> Option<[RawFd; 2]> {
        self.way.descriptors()
    }

    /// The channels that it comes by.
    pub(crate) fn channels(&self) -> Option<[u8; 2]> {
        match self.way {
            Way::Tcp { channels } => Some(channels),
            Way::Udp { .. } => None,
        }
    }

    /// What comes by that channel: packets (0) or reports (1).
    pub(crate) fn by_channel(&self, channel: u8) -> Option<usize> {
        match self.way {
            Way::Tcp { channels } => channels.iter().position(|it| *it == channel),
            Way::Udp { .. } => None,
        }
    }

    /// Hands everything on to there from now on. What has come before is left out.
    pub(crate) fn begin(&mut self, out: Out) {
        self.out = Some(out);
    }

    /// What was not handed on.
    pub(crate) fn refused(&self) -> Refused {
        let elsewhere = match &self.way {
            Way::Udp { sockets, .. } => {
                sockets.iter().filter_map(ReceiveSocket::strangers).map(|(_, count)| count).sum()
            }
            Way::Tcp { .. } => 0,
        };
        self.guard.refused.and(Refused::strangers(self.strangers + elsewhere))
    }

    /// Packets have come to its own socket.
    pub(crate) fn hear_packets(&mut self, now: Monotonic) {
        let Self { way: Way::Udp { sockets, client }, guard, clock, out, fan, verdicts, .. } = self
        else {
            return;
        };
        let [socket, _] = &mut **sockets;
        let (before, strangers) = (guard.packets, &mut self.strangers);
        self.left[0] = true;
        for _ in 0..CALLS_AT_A_TIME {
            let Ok(Some(taken)) = socket.take() else {
                // What a socket says once that somebody cannot be reached is of no use here.
                self.left[0] = false;
                break;
            };
            verdicts.clear();
            verdicts.extend(taken.datagrams().map(|it| {
                let own = it.from.port() == client[0];
                *strangers += u64::from(!own);
                own && guard.passes(it.data, now)
            }));
            let passing = taken.datagrams().zip(&*verdicts).filter(|(_, passes)| **passes);
            if let (Some(source), Some((first, _))) = (guard.source(), passing.clone().next()) {
                clock.packet(source, first.data, monotonic);
            }
            let packets = passing.map(|(it, _)| Datagram { header: it.data, payload: &[] });
            send_packets(out.as_mut(), fan, packets);
            if socket.is_drained() {
                self.left[0] = false;
                break;
            }
        }
        if guard.packets > before {
            self.heard = Some(now);
        }
    }

    /// Reports have come to its own socket.
    pub(crate) fn hear_reports(&mut self, now: Monotonic) {
        let Self { way: Way::Udp { sockets, client }, guard, clock, out, strangers, fan, .. } =
            self
        else {
            return;
        };
        let [_, socket] = &mut **sockets;
        self.left[1] = true;
        let Ok(Some(taken)) = socket.take() else {
            self.left[1] = false;
            return;
        };
        for report in taken.datagrams() {
            if report.from.port() != client[1] {
                *strangers += 1;
            } else if guard.passes_report(report.data, now) {
                // A camera that is away is said of in reports alone.
                self.heard = Some(now);
                take_time(guard, clock);
                hand_on(out.as_mut(), fan, report.data);
            }
        }
        self.left[1] = !socket.is_drained();
    }

    /// A packet has come within the connection: it waits in the batch, if it is handed on.
    pub(crate) fn stage(&mut self, packet: &[u8], batch: &mut Batch, now: Monotonic) {
        if self.guard.passes(packet, now) {
            self.heard = Some(now);
            if let Some(source) = self.guard.source() {
                self.clock.packet(source, packet, monotonic);
            }
            if !batch.push(packet) {
                self.flush(batch);
                let _ = batch.push(packet);
            }
        }
    }

    /// Hands on what waits.
    pub(crate) fn flush(&mut self, batch: &mut Batch) {
        if !batch.is_empty() {
            send_packets(self.out.as_mut(), &mut self.fan, batch.packets());
        }
        batch.clear();
    }

    /// A report has come within the connection.
    pub(crate) fn take_report(&mut self, report: &[u8], now: Monotonic) {
        if self.guard.passes_report(report, now) {
            self.heard = Some(now);
            take_time(&self.guard, &mut self.clock);
            hand_on(self.out.as_mut(), &mut self.fan, report);
        }
    }

    /// Tells viewers how the clock of its source stands against the relay's, if that is known, and returns it. There and back
    /// the shortest way takes `round_trip`.
    pub(crate) fn tell(
        &mut self,
        relay: &RelayClock,
        round_trip: Duration,
        now: Monotonic,
    ) -> Option<SharedClock> {
        let source = self.guard.source().filter(|_| !self.guard.gone)?;
        let shared = self.clock.shared(source, relay, round_trip, now)?;
        hand_on(self.out.as_mut(), &mut self.fan, self.clock.telling(source, relay, shared)?);
        Some(shared)
    }

    /// Says goodbye for who has not done so.
    pub(crate) fn say_goodbye(&mut self) {
        let Some(source) = self.guard.source().filter(|_| !self.guard.gone) else { return };
        let mut bytes = [0; GOODBYE_LEN];
        let mut writer = Writer::new(&mut bytes);
        let written =
            writer.receiver_report(source, &[]).and_then(|()| writer.bye(&[source], None));
        if written.is_ok() {
            hand_on(self.out.as_mut(), &mut self.fan, &bytes);
        }
        self.guard.gone = true;
    }
}

/// Takes the time of a report that has just been handed on. It was read now: `now` of the turn may lie before its arrival.
fn take_time(guard: &Guard, clock: &mut SourceClock) {
    if let (Some(source), Some(info)) = (guard.source(), &guard.told) {
        clock.report(source, info, monotonic());
    }
}

/// Sends packets to the group and to those who are served one by one. Before there is a group they go nowhere.
fn send_packets<'a>(
    out: Option<&mut Out>,
    fan: &mut Fan,
    packets: impl Iterator<Item = Datagram<'a>> + Clone,
) {
    let Some(out) = out else { return };
    if !fan.is_empty() {
        fan.send(&packets);
    }
    let mut packets = packets;
    say(out.packets.send(&mut packets));
}

fn hand_on(out: Option<&mut Out>, fan: &mut Fan, report: &[u8]) {
    let datagram = Datagram { header: report, payload: &[] };
    if let Some(out) = out {
        fan.send_report(report);
        say(out.reports.send(&mut std::iter::once(datagram)));
    }
}

/// What cannot be sent is lost; the log says so once, however often it happens.
fn say<T>(sent: Result<T, Unsent>) {
    if let Err(error) = sent {
        log::warn!("packets cannot be handed on: {error}");
    }
}
