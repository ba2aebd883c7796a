//! Where a track goes: sinks, which are attached and detached while it is sent. Each has sockets of
//! its own, its own state of errors, and decides for itself whether the kernel cuts packets up
//! (GSO), so that one never affects another.

use crate::settings::Endpoint;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use streamsocket_net::{Datagram, Interface, ReceiveSocket, Received, SendSocket, Unsent};
use streamsocket_station::output::{Output, Sent};

#[cfg(test)]
mod tests;

/// Sinks of a track at most: each takes every packet and holds four sockets, of the 1024
/// descriptors that a process has unless it asks for more.
pub const SINKS_MAX: usize = 64;

/// Reports read from one socket in a turn: a flood of them waits, media does not.
const REPORTS_AT_A_TIME: usize = 64;

/// One place that a track goes to.
pub enum Sink {
    /// A group or a host, by UDP.
    Udp(Box<UdpSink>),
}

/// The sockets of a track to a group or a host.
pub struct UdpSink {
    rtp: Output,
    rtcp: SendSocket,
    fec: Option<Output>,
    /// Takes the reports that plain players send to the group.
    group: Option<ReceiveSocket>,
}

/// How a sink is opened.
#[derive(Clone, Copy, Debug)]
pub struct SinkOptions<'a> {
    /// Outgoing interface; `None` leaves the choice to the routing table.
    pub interface: Option<&'a Interface>,
    /// Multicast time to live.
    pub ttl: u8,
    /// Whether repair packets are sent.
    pub fec: bool,
    /// Errors are not logged: another track's sink at the same destination logs them.
    pub quiet: bool,
}

impl UdpSink {
    fn open(to: Endpoint, opening: SinkOptions<'_>) -> Result<Self, streamsocket_net::Error> {
        let SinkOptions { interface, ttl, fec, quiet } = opening;
        let rtp = Output::open(to.rtp, interface, ttl, quiet)?;
        let rtcp = SendSocket::open(to.rtcp, interface, ttl)?;
        let group = if to.rtcp.ip().is_multicast() { listen(to.rtcp, interface) } else { None };
        // The media packets go the same way, and their errors are logged.
        let fec = fec.then(|| Output::open(to.fec, interface, ttl, true)).transpose()?;
        Ok(Self { rtp, rtcp, fec, group })
    }

    fn reopen(&mut self, interface: &Interface, ttl: u8) -> Result<(), String> {
        if let Some(group) = &mut self.group {
            group.leave();
            if let Err(error) = group.rejoin() {
                log::debug!("reports of players to the group are not heard: {error}");
            }
        }
        // One that cannot be opened keeps none of the others where they are.
        let open = |to| SendSocket::open(to, Some(interface), ttl).map_err(|e| e.to_string());
        let rtp = open(self.rtp.destination()).map(|socket| self.rtp.replace(socket));
        let rtcp = open(self.rtcp.destination()).map(|socket| self.rtcp = socket);
        let fec = self.fec.as_mut();
        let fec = fec.map(|fec| open(fec.destination()).map(|socket| fec.replace(socket)));
        rtp.and(rtcp).and(fec.unwrap_or(Ok(())))
    }

    fn outputs(&self) -> impl Iterator<Item = &Output> {
        [&self.rtp].into_iter().chain(&self.fec)
    }

    fn send_rtcp(&mut self, packet: &[u8]) {
        let datagram = Datagram { header: packet, payload: &[] };
        if let Err(Unsent { error, .. }) = self.rtcp.send(&mut std::iter::once(datagram)) {
            self.rtp.failed(&error);
        }
    }

    fn receive(&mut self, buffer: &mut [u8], each: &mut dyn FnMut(&[u8], SocketAddr)) -> bool {
        let mut taken = 0;
        while taken < REPORTS_AT_A_TIME {
            match self.rtcp.receive(buffer) {
                Ok(Some((len, from))) => each(&buffer[..len], from),
                Ok(None) => break,
                // An ICMP error of an earlier packet: the next read goes on.
                Err(_) => {}
            }
            taken += 1;
        }
        let mut left = taken == REPORTS_AT_A_TIME;
        if let Some(group) = &mut self.group {
            let mut each = |got: Received<'_>| each(got.data, got.from);
            left |= group.receive(&mut each).is_ok_and(|taken| taken > 0);
        }
        left
    }
}

fn listen(rtcp: SocketAddr, interface: Option<&Interface>) -> Option<ReceiveSocket> {
    let opened = ReceiveSocket::open(rtcp, interface, None);
    opened
        .map_err(|error| log::warn!("reports of players to the group are not heard: {error}"))
        .ok()
}

impl Sink {
    /// Opens the sockets of a sink at a group or a host.
    ///
    /// # Errors
    /// One line with the address and the reason.
    pub fn udp(to: Endpoint, opening: SinkOptions<'_>) -> Result<Self, streamsocket_net::Error> {
        UdpSink::open(to, opening).map(Box::new).map(Self::Udp)
    }

    /// Sends from this interface in its present state from now on.
    ///
    /// # Errors
    /// One line; what could not be opened sends as before then.
    pub fn reopen(&mut self, interface: &Interface, ttl: u8) -> Result<(), String> {
        match self {
            Self::Udp(sink) => sink.reopen(interface, ttl),
        }
    }

    /// Whether a source address is none of these any more.
    #[must_use]
    pub fn has_left(&self, addresses: &[IpAddr]) -> bool {
        match self {
            Self::Udp(sink) => {
                let reports = sink.rtcp.local_addr();
                sink.outputs().any(|output| output.has_left(addresses))
                    || reports.is_ok_and(|local| !addresses.contains(&local.ip()))
            }
        }
    }

    /// Whether the last attempt to send failed.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        match self {
            Self::Udp(sink) => sink.outputs().any(Output::is_failing),
        }
    }

    /// Why it failed.
    #[must_use]
    pub fn fault(&self) -> Option<&str> {
        match self {
            Self::Udp(sink) => sink.outputs().find_map(Output::fault),
        }
    }

    /// Where the media packets go.
    #[must_use]
    pub fn destination(&self) -> SocketAddr {
        match self {
            Self::Udp(sink) => sink.rtp.destination(),
        }
    }

    /// What was sent so far: media and repair packets.
    #[must_use]
    pub fn sent(&self) -> Sent {
        let mut sent = Sent::default();
        match self {
            Self::Udp(sink) => sink.outputs().for_each(|output| sent += output.sent()),
        }
        sent
    }

    /// The descriptors to watch for reports of receivers.
    pub fn descriptors(&self) -> impl Iterator<Item = RawFd> {
        match self {
            Self::Udp(sink) => {
                let group = sink.group.as_ref().map(AsRawFd::as_raw_fd);
                [sink.rtcp.as_raw_fd()].into_iter().chain(group)
            }
        }
    }

    /// Sends a batch of media packets.
    pub fn send<'a>(&mut self, batch: &mut dyn Iterator<Item = Datagram<'a>>) {
        match self {
            Self::Udp(sink) => sink.rtp.send(batch),
        }
    }

    /// Sends a batch of repair packets, if this sink takes them.
    pub fn send_fec<'a>(&mut self, batch: &mut dyn Iterator<Item = Datagram<'a>>) {
        match self {
            Self::Udp(sink) => sink.fec.iter_mut().for_each(|fec| fec.send(batch)),
        }
    }

    /// Sends an RTCP compound packet.
    pub fn send_rtcp(&mut self, packet: &[u8]) {
        match self {
            Self::Udp(sink) => sink.send_rtcp(packet),
        }
    }

    /// Reads the reports that have arrived, each with its sender, by way of `buffer`. True if some
    /// are left for the next turn.
    pub fn receive(&mut self, buffer: &mut [u8], each: &mut dyn FnMut(&[u8], SocketAddr)) -> bool {
        match self {
            Self::Udp(sink) => sink.receive(buffer, each),
        }
    }
}

/// Names an attached sink for as long as it is attached: its place and how often that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SinkToken {
    index: usize,
    generation: u32,
}

/// The sinks of a track.
#[derive(Default)]
pub struct Sinks {
    places: Vec<Place>,
}

#[derive(Default)]
struct Place {
    /// Sinks that have been here before.
    generation: u32,
    sink: Option<Sink>,
}

impl Sinks {
    /// Attaches a sink: it takes what is sent from now on.
    ///
    /// # Errors
    /// One line: there are [`SINKS_MAX`] already.
    pub fn attach(&mut self, sink: Sink) -> Result<SinkToken, io::Error> {
        let free = self.places.iter().position(|place| place.sink.is_none());
        let index = free.unwrap_or(self.places.len());
        if index == SINKS_MAX {
            let to = sink.destination();
            let full = format!("{to}: a stream goes to {SINKS_MAX} places already, and to no more");
            return Err(io::Error::other(full));
        }
        if index == self.places.len() {
            self.places.push(Place::default());
        }
        let place = &mut self.places[index];
        place.sink = Some(sink);
        Ok(SinkToken { index, generation: place.generation })
    }

    /// Detaches a sink; `None` if it is not attached any more. The others are not concerned.
    pub fn detach(&mut self, token: SinkToken) -> Option<Sink> {
        let place = self.places.get_mut(token.index)?;
        let sink = place.sink.take_if(|_| place.generation == token.generation)?;
        place.generation = place.generation.wrapping_add(1);
        Some(sink)
    }

    /// The sinks, in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = &Sink> {
        self.places.iter().filter_map(|place| place.sink.as_ref())
    }

    /// The same, to be sent to.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Sink> {
        self.places.iter_mut().filter_map(|place| place.sink.as_mut())
    }
}
