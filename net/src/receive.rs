//! The socket of one group or local address: datagrams in, sixteen messages a system call, with
//! the kernel's arrival times.
//!
//! A receiver binds the group's address and not ANY, and hears only what it joined itself
//! (`IP_MULTICAST_ALL` off): otherwise two sessions on one port mix in every program on the host.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{RcvBufForce, ReceiveTimestampns, RxqOvfl, UdpGroSegment};
use socket2::{SockRef, Socket};

use crate::error::Error;
use crate::interface::Interface;
use crate::membership::Membership;
use crate::message::{Incoming, Message};
use crate::send::{new_socket, scoped};
use crate::unicast::PAIR_ATTEMPTS;

/// Messages that one system call takes at most. Sixteen make the call's price vanish (a 1080p
/// frame is 12 calls at worst, one or two with GRO), and bound the memory to 1 MiB a socket, of
/// which only what has been written to is real.
const SLOTS: usize = 16;

/// Bytes for each message: GRO hands over up to 64 KiB at once, and no datagram is longer.
const SLOT_LEN: usize = 64 * 1024;

/// A datagram, valid during the call that hands it over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received<'a> {
    /// The UDP payload.
    pub data: &'a [u8],
    /// Who sent it.
    pub from: SocketAddr,
    /// When the kernel got it: `CLOCK_REALTIME` in ns since 1970. Datagrams that the kernel merged
    /// (GRO) share the time of the first.
    pub arrival: Option<i64>,
}

/// A non-blocking UDP socket that receives from one group, or at one local address.
pub struct ReceiveSocket {
    socket: UdpSocket,
    messages: Incoming,
    membership: Option<Membership>,
    /// Whose datagrams are handed over; none: everybody's.
    sources: Vec<IpAddr>,
    refused: Refused,
    buffer_size: usize,
}

/// What was not handed over.
#[derive(Debug, Default)]
struct Refused {
    strangers: Option<(IpAddr, u64)>,
    drops: Drops,
    truncated: u64,
}

impl Refused {
    /// Who has sent a message, if it is one to be handed over; counts it otherwise.
    fn admit(&mut self, message: &Message<'_>, sources: &[IpAddr]) -> Option<SocketAddr> {
        if let Some(drops) = message.notes.drops {
            self.drops.note(drops);
        }
        if message.truncated {
            self.truncated += 1;
        }
        let from = message.from.filter(|_| !message.truncated)?;
        if !is_among(from, sources) {
            let before = self.strangers.map_or(0, |(_, count)| count);
            self.strangers = Some((from.ip(), before + 1));
            return None;
        }
        Some(from)
    }
}

/// Whether datagrams from there are handed over.
fn is_among(from: SocketAddr, sources: &[IpAddr]) -> bool {
    sources.is_empty() || sources.contains(&from.ip())
}

/// What one system call gave, until the next one.
pub struct Taken<'a> {
    messages: &'a Incoming,
    sources: &'a [IpAddr],
}

impl<'a> Taken<'a> {
    /// The datagrams, in order of arrival, without those that were cut off or came from another source.
    pub fn datagrams(&self) -> impl Iterator<Item = Received<'a>> + Clone {
        let sources = self.sources;
        let whole = self.messages.messages().filter(|message| !message.truncated);
        let from = move |it: Message<'a>| Some((it.from.filter(|it| is_among(*it, sources))?, it));
        whole.filter_map(from).flat_map(|(from, message)| {
            let arrival = message.notes.arrival;
            let pieces = message.data.chunks(message.step());
            pieces.map(move |data| Received { data, from, arrival })
        })
    }
}

impl ReceiveSocket {
    /// The receive buffer that is asked for, in bytes: a second of a 60 Mbit/s stream, so that a
    /// decoder's hiccup loses nothing.
    pub const BUFFER_SIZE_WANTED: usize = 8 * 1024 * 1024;

    /// Receives from a group, or at a local address if `group_or_local` is no group (ANY is one,
    /// too); port 0 has the kernel choose one.
    ///
    /// A group is joined on `interface`, or without one on the interface that the routing table
    /// leads to. With `sources` only their datagrams are handed over (for IPv4 groups the network
    /// knows that, too). Several sockets can receive one group and port; a unicast port is one's
    /// own.
    ///
    /// # Errors
    /// [`Error::InterfaceDown`], [`Error::NoAddress`], [`Error::SourceFamily`], or
    /// [`Error::Socket`] such as for an address that is not this machine's.
    pub fn open(
        group_or_local: SocketAddr,
        interface: Option<&Interface>,
        sources: impl IntoIterator<Item = IpAddr>,
    ) -> Result<Self, Error> {
        let sources = sources.into_iter().collect();
        Self::with_messages(group_or_local, interface, sources, Incoming::new(SLOTS, SLOT_LEN))
    }

    /// Two sockets at a local address, whatever its port, with ports in a row, the first of which is even (RFC 3550
    /// section 11): for RTP and for RTCP. Only datagrams of this source are handed over.
    ///
    /// # Errors
    /// As for [`open`](Self::open): no such ports are free, or the address is not this machine's.
    pub fn pair(mut local: SocketAddr, source: IpAddr) -> Result<[Self; 2], Error> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            local.set_port(0);
            let first = Self::open(local, None, [source])?;
            let port = first.local_addr().map_err(Error::socket("name the port at", local))?.port();
            // At an odd one the second socket is in the way of the first, and both are tried anew.
            local.set_port(port | 1);
            match Self::open(local, None, [source]) {
                Ok(second) => return Ok([first, second]),
                Err(error) if attempts == PAIR_ATTEMPTS => return Err(error),
                Err(_) => {}
            }
        }
    }

    /// Sends a datagram from the address that it receives at.
    ///
    /// # Errors
    /// The kernel's.
    pub fn send_to(&self, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
        self.socket.send_to(datagram, to).map(drop)
    }

    pub(crate) fn with_messages(
        address: SocketAddr,
        interface: Option<&Interface>,
        sources: Vec<IpAddr>,
        messages: Incoming,
    ) -> Result<Self, Error> {
        if sources.iter().any(|source| source.is_ipv4() != address.is_ipv4()) {
            return Err(Error::SourceFamily { address });
        }
        if let Some(interface) = interface {
            interface.check_up()?;
        }
        let is_group = address.ip().is_multicast();
        let local = scoped(address, interface);
        let socket = new_socket(address).map_err(Error::socket("open a socket for", address))?;
        let buffer_size = set_options(&socket, address)
            .map_err(Error::socket("set up receiving from", address))?;
        socket.bind(&local.into()).map_err(Error::socket("bind", address))?;
        let membership = is_group
            .then(|| Membership::join(SockRef::from(&socket), address, interface, &sources))
            .transpose()?;
        Ok(Self {
            socket: socket.into(),
            messages,
            membership,
            sources,
            refused: Refused::default(),
            buffer_size,
        })
    }

    /// The group or local address, and the port.
    ///
    /// # Errors
    /// The kernel's, if the descriptor is no socket any more.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Takes what one system call gives and hands it to `each`, in order of arrival, without
    /// allocating. Returns the datagrams taken, those that `each` did not get (cut off, or from
    /// another source) included: **0 means that none is left**, call again otherwise.
    ///
    /// # Errors
    /// The kernel's, such as `ENETDOWN`; "would block" is no error but 0.
    pub fn receive(&mut self, each: &mut dyn FnMut(Received<'_>)) -> io::Result<usize> {
        if !self.call()? {
            return Ok(0);
        }
        let mut taken = 0;
        for message in self.messages.messages() {
            let step = message.step();
            taken += message.data.len().div_ceil(step).max(1);
            let Some(from) = self.refused.admit(&message, &self.sources) else { continue };
            for data in message.data.chunks(step) {
                each(Received { data, from, arrival: message.notes.arrival });
            }
        }
        Ok(taken)
    }

    /// Takes what one system call gives, to be sent on in one, without copying or allocating. `None` means that nothing
    /// is left, call again otherwise.
    ///
    /// # Errors
    /// As those of [`receive`](Self::receive).
    pub fn take(&mut self) -> io::Result<Option<Taken<'_>>> {
        if !self.call()? {
            return Ok(None);
        }
        for message in self.messages.messages() {
            let _ = self.refused.admit(&message, &self.sources);
        }
        Ok(Some(Taken { messages: &self.messages, sources: &self.sources }))
    }

    /// Has the kernel fill what it can; false if there is nothing.
    fn call(&mut self) -> io::Result<bool> {
        loop {
            match self.messages.receive(self.socket.as_fd()) {
                Ok(_) => return Ok(true),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return Ok(false),
                    io::ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
    }

    /// Whether the last [`receive`](Self::receive) that succeeded has emptied the socket: it took fewer messages than
    /// one system call can. What has come since, an edge-triggered poll says.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        !self.messages.is_full()
    }

    /// Leaves the group, to [`rejoin`](Self::rejoin) it. The kernel counts the memberships of all
    /// sockets: switches hear of it only when all that are in the group have left.
    pub fn leave(&self) {
        if let Some(membership) = &self.membership {
            membership.leave(SockRef::from(&self.socket));
        }
    }

    /// Whether it is in a group that a switch may forget: not on the loopback interface.
    #[must_use]
    pub fn has_switch(&self) -> bool {
        self.membership.as_ref().is_some_and(Membership::has_switch)
    }

    /// Joins the group again after [`leave`](Self::leave), on the interface of the same name, which
    /// may be another one by now. Does nothing for a unicast address.
    ///
    /// # Errors
    /// As for [`open`](Self::open); can be tried again.
    pub fn rejoin(&mut self) -> Result<(), Error> {
        match &mut self.membership {
            Some(membership) => membership.renew(SockRef::from(&self.socket)),
            None => Ok(()),
        }
    }

    /// Bytes of receive buffer that the kernel granted, in the unit of `net.core.rmem_max`, which
    /// limits it for all but root. See [`BUFFER_SIZE_WANTED`](Self::BUFFER_SIZE_WANTED).
    #[must_use]
    pub fn buffer_size(&self) -> usize {
        self.buffer_size
    }

    /// Datagrams that the kernel dropped because this socket's buffer was full, as far as the
    /// datagrams received since tell; those that it merged (GRO) count once.
    #[must_use]
    pub fn kernel_drops(&self) -> u64 {
        self.refused.drops.total
    }

    /// Messages that were dropped here because they came from other sources: the last of these, and how many.
    #[must_use]
    pub fn strangers(&self) -> Option<(IpAddr, u64)> {
        self.refused.strangers
    }

    /// Messages that were dropped here because they were longer than a slot.
    #[must_use]
    pub fn truncated(&self) -> u64 {
        self.refused.truncated
    }
}

impl AsRawFd for ReceiveSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl AsFd for ReceiveSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The kernel's 32-bit drop counter, continued beyond its turn.
#[derive(Clone, Copy, Debug, Default)]
struct Drops {
    last: u32,
    total: u64,
}

impl Drops {
    fn note(&mut self, counter: u32) {
        self.total += u64::from(counter.wrapping_sub(self.last));
        self.last = counter;
    }
}

/// Sets what must be set before binding; returns the buffer size that was granted.
fn set_options(socket: &Socket, address: SocketAddr) -> io::Result<usize> {
    if address.ip().is_multicast() {
        // For groups only: on a unicast port it would let a second program take the datagrams.
        socket.set_reuse_address(true)?;
        if address.is_ipv4() {
            // Bound to the group, it would else hear it also where others on this host have joined it.
            helpful("IP_MULTICAST_ALL", socket.set_multicast_all_v4(false));
        } else {
            helpful("IPV6_MULTICAST_ALL (Linux 4.20)", socket.set_multicast_all_v6(false));
        }
    }
    let option = |name, set: nix::Result<()>| helpful(name, set.map_err(io::Error::from));
    option("SO_TIMESTAMPNS", setsockopt(socket, ReceiveTimestampns, &true));
    option("SO_RXQ_OVFL", setsockopt(socket, RxqOvfl, &1));
    option("UDP_GRO (Linux 5.0)", setsockopt(socket, UdpGroSegment, &true));
    if setsockopt(socket, RcvBufForce, &ReceiveSocket::BUFFER_SIZE_WANTED).is_err() {
        socket.set_recv_buffer_size(ReceiveSocket::BUFFER_SIZE_WANTED)?;
    }
    // The kernel doubles what it grants, for its own bookkeeping.
    Ok(socket.recv_buffer_size()? / 2)
}

/// For options that are better to have, and missing on old kernels and under qemu's emulation of a process.
fn helpful(name: &str, set: io::Result<()>) {
    if let Err(error) = set {
        log::debug!("socket option {name} is not there: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drop_counter_goes_on_beyond_32_bits() {
        let mut drops = Drops::default();
        for counter in [5, 5, u32::MAX, 3] {
            drops.note(counter);
        }
        assert_eq!(drops.total, u64::from(u32::MAX) + 4);
    }
}
