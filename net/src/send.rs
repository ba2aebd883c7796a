//! The socket of one destination: a batch of packets out in one system call for every 256 of them,
//! gathered from where they lie.
//!
//! Late media is worthless, so nothing waits here: what the kernel has no room for is dropped and
//! counted. Equally long packets leave as one message that the kernel cuts up (UDP GSO: 0.1 to
//! 0.4 us a packet instead of 1 to 2); where a driver or tunnel refuses that, the destination
//! falls back to plain packets for good.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{SndBufForce, UdpGsoSegment};
use socket2::{Domain, Socket, Type};

use crate::datagram::Datagram;
use crate::error::Error;
use crate::interface::Interface;
use crate::message::Outgoing;
use crate::way::{Sent, Way};

/// Send buffer to ask for: a 1080p frame of 235 kB with 20 % repair and the kernel's bookkeeping,
/// sent without pacing, on a link slower than the sender.
const BUFFER_SIZE: usize = 512 * 1024;

/// A batch that was not sent to its end.
#[derive(Debug)]
pub struct Unsent {
    /// What became of it: all that the kernel did not take is dropped.
    pub sent: Sent,
    /// Why.
    pub error: io::Error,
}

impl fmt::Display for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Unsent {}

/// A non-blocking UDP socket that sends to one group or address.
///
/// It is not connected, because RTCP comes back by unicast from anyone (RFC 5760).
pub struct SendSocket {
    socket: UdpSocket,
    to: SocketAddr,
    way: Way,
    messages: Outgoing,
}

impl SendSocket {
    /// A socket from a port that the kernel chooses.
    ///
    /// It is bound to the address that packets will come from, so that
    /// [`local_addr`](Self::local_addr) can be announced: that of `interface`, or without one that
    /// of the interface which the routing table leads to. `ttl` (hop limit) counts for groups;
    /// unicast goes with the system's default. This machine's own receivers hear a group too.
    ///
    /// # Errors
    /// [`Error::InterfaceDown`], [`Error::NoAddress`], or [`Error::Socket`] such as for a
    /// destination without a route.
    pub fn open(to: SocketAddr, interface: Option<&Interface>, ttl: u8) -> Result<Self, Error> {
        Self::open_from(to, interface, ttl, 0)
    }

    /// Like [`open`](Self::open), from the local port `port`.
    ///
    /// # Errors
    /// As [`open`](Self::open), and when another socket has the port.
    pub fn open_from(
        to: SocketAddr,
        interface: Option<&Interface>,
        ttl: u8,
        port: u16,
    ) -> Result<Self, Error> {
        if let Some(interface) = interface {
            interface.check_up()?;
        }
        let target = scoped(to, interface);
        let local = SocketAddr::new(source_address(target, interface)?, port);
        let local = scoped(local, interface);
        let socket = new_socket(target).map_err(Error::socket("open a socket for", to))?;
        set_options(&socket, target, interface, ttl)
            .map_err(Error::socket("set up sending to", to))?;
        socket.bind(&local.into()).map_err(Error::socket("bind", local))?;
        // Kernels before 4.18 would pass over the request and send one huge datagram instead.
        let segmentation = setsockopt(&socket, UdpGsoSegment, &0).is_ok();
        let way = Way { to: target.into(), segmentation };
        Ok(Self { socket: socket.into(), to, way, messages: Outgoing::new() })
    }

    /// Where the packets go.
    #[must_use]
    pub fn destination(&self) -> SocketAddr {
        self.to
    }

    /// Where the packets come from, and RTCP comes back to.
    ///
    /// # Errors
    /// The kernel's, if the descriptor is no socket any more.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Whether the kernel is given several packets as one message (UDP GSO). On from the start
    /// where the kernel knows it.
    #[must_use]
    pub fn segmentation(&self) -> bool {
        self.way.segmentation
    }

    /// Switches segmentation, such as off for a capture that shall show the packets of the wire.
    pub fn set_segmentation(&mut self, on: bool) {
        self.way.segmentation = on;
    }

    /// Sends all packets of `batch`, [`BATCH_MAX`](crate::BATCH_MAX) a system call, in order and
    /// without allocating.
    ///
    /// When the kernel has no room (`EAGAIN`, `ENOBUFS`), the rest is dropped and counted: no
    /// writable event needs to be awaited. A refusal that an earlier unicast packet met
    /// (`ECONNREFUSED`) costs one message, and is counted as dropped.
    ///
    /// # Errors
    /// The kernel's, such as `ENETUNREACH`, `EHOSTUNREACH`, `ENETDOWN`, `EPERM` (a firewall) or
    /// `EMSGSIZE`; what is left of the batch is dropped then. The next batch may well succeed.
    pub fn send<'a>(
        &mut self,
        batch: &mut dyn Iterator<Item = Datagram<'a>>,
    ) -> Result<Sent, Unsent> {
        let mut sent = Sent::default();
        loop {
            match self.send_some(batch, &mut sent) {
                Ok(true) => {}
                Ok(false) => return Ok(sent),
                Err(error) => {
                    sent.dropped += batch.count();
                    return Err(Unsent { sent, error });
                }
            }
        }
    }

    /// Takes one datagram that has come back, RTCP as a rule; `None` when there is none. What
    /// does not fit into `buffer` is cut off: an Ethernet frame's 1500 bytes are enough for RTCP.
    ///
    /// # Errors
    /// The kernel's.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<(usize, SocketAddr)>> {
        receive(&self.socket, buffer)
    }

    /// Sends as many packets as the arrays hold; false at the end of the batch. After an error all that they
    /// held counts as dropped, unless it was sent.
    fn send_some<'a>(
        &mut self,
        batch: &mut dyn Iterator<Item = Datagram<'a>>,
        sent: &mut Sent,
    ) -> io::Result<bool> {
        let Self { socket, way, messages, .. } = self;
        let mut filled = messages.fill(batch);
        let count = filled.lengths().len();
        match way.transmit(&mut filled, socket.as_fd(), sent) {
            Ok(true) => Ok(count > 0),
            Ok(false) => {
                sent.dropped += batch.count();
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

impl AsRawFd for SendSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl AsFd for SendSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Takes one datagram that has come back; `None` when there is none.
pub(crate) fn receive(
    socket: &UdpSocket,
    buffer: &mut [u8],
) -> io::Result<Option<(usize, SocketAddr)>> {
    loop {
        match socket.recv_from(buffer) {
            Ok(received) => return Ok(Some(received)),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => return Ok(None),
                // The report of an earlier packet's fate, cleared by being reported.
                io::ErrorKind::Interrupted | io::ErrorKind::ConnectionRefused => {}
                _ => return Err(error),
            },
        }
    }
}

/// A non-blocking UDP socket of the family of `address`.
pub(crate) fn new_socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM.nonblocking(), None)?;
    if address.is_ipv6() {
        // IPv4 has sockets of its own here; a dual one would take their ports.
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

/// `address` with the interface's number as its scope, which link-local IPv6 addresses and groups
/// need and others do not mind.
pub(crate) fn scoped(address: SocketAddr, interface: Option<&Interface>) -> SocketAddr {
    match (address, interface) {
        (SocketAddr::V6(v6), Some(interface)) if v6.scope_id() == 0 => {
            SocketAddrV6::new(*v6.ip(), v6.port(), v6.flowinfo(), interface.index).into()
        }
        _ => address,
    }
}

fn set_options(
    socket: &Socket,
    to: SocketAddr,
    interface: Option<&Interface>,
    ttl: u8,
) -> io::Result<()> {
    widen(socket)?;
    if !to.ip().is_multicast() {
        return Ok(());
    }
    choose_interface(socket, to, interface)?;
    if to.is_ipv4() {
        socket.set_multicast_ttl_v4(u32::from(ttl))?;
        socket.set_multicast_loop_v4(true)
    } else {
        socket.set_multicast_hops_v6(u32::from(ttl))?;
        socket.set_multicast_loop_v6(true)
    }
}

/// Makes room for what is sent at once. Only root may go beyond net.core.wmem_max; it is no error to get less.
pub(crate) fn widen(socket: &Socket) -> io::Result<()> {
    setsockopt(socket, SndBufForce, &BUFFER_SIZE)
        .map_err(io::Error::from)
        .or_else(|_| socket.set_send_buffer_size(BUFFER_SIZE))
}

fn choose_interface(
    socket: &Socket,
    to: SocketAddr,
    interface: Option<&Interface>,
) -> io::Result<()> {
    match (to, interface) {
        (SocketAddr::V4(_), Some(Interface { address: Some(address), .. })) => {
            socket.set_multicast_if_v4(address)
        }
        (SocketAddr::V6(_), Some(interface)) => socket.set_multicast_if_v6(interface.index),
        _ => Ok(()),
    }
}

/// The address that packets to `to` come from.
fn source_address(to: SocketAddr, interface: Option<&Interface>) -> Result<IpAddr, Error> {
    match (to, interface) {
        (SocketAddr::V4(_), Some(interface)) => interface.require_address().map(IpAddr::V4),
        _ => routed_source(to, interface).map_err(Error::socket("find the way to", to)),
    }
}

/// Asks the kernel, by connecting a socket that sends nothing.
fn routed_source(to: SocketAddr, interface: Option<&Interface>) -> io::Result<IpAddr> {
    let probe = new_socket(to)?;
    if to.ip().is_multicast() {
        choose_interface(&probe, to, interface)?;
    }
    probe.connect(&to.into())?;
    let local = probe.local_addr()?.as_socket().map(|local| local.ip());
    let unspecified = match to {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    Ok(local.unwrap_or(unspecified))
}
