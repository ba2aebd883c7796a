//! Where packets of one kind come in: a socket of their own, or a connection that they share with others.

use super::polled_socket::PolledSocket;
use crate::clock::monotonic;
use mio::event::Events;
use mio::{Registry, Token};
use std::io;
use std::net::{IpAddr, SocketAddr};
use streamsocket_media::clock::Monotonic;
use streamsocket_net::{ReceiveSocket, Received};

/// Where packets come in.
pub(super) enum Inlet {
    /// Nowhere yet.
    Closed,
    /// By a socket.
    Socket(Box<PolledSocket>),
    /// Within a connection, from where they are put here.
    Linked(Linked),
}

/// Packets that have come within a connection: as many as are read in one turn of the loop.
pub(super) struct Linked {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    from: SocketAddr,
}

impl Inlet {
    /// By a socket that is registered by this token.
    pub(super) fn socket(socket: ReceiveSocket, token: Token) -> Self {
        Self::Socket(Box::new(PolledSocket::new(socket, token)))
    }

    /// Within a connection to this address.
    pub(super) fn linked(from: SocketAddr) -> Self {
        Self::Linked(Linked { bytes: Vec::new(), ends: Vec::new(), from })
    }

    /// The socket, if there is one.
    pub(super) fn get(&self) -> Option<&ReceiveSocket> {
        match self {
            Self::Socket(socket) => Some(socket.get()),
            Self::Closed | Self::Linked(_) => None,
        }
    }

    /// The socket, if there is one.
    pub(super) fn get_mut(&mut self) -> Option<&mut ReceiveSocket> {
        match self {
            Self::Socket(socket) => Some(socket.get_mut()),
            Self::Closed | Self::Linked(_) => None,
        }
    }

    /// Takes a packet that has come within the connection; nothing where there is none.
    pub(super) fn put(&mut self, packet: &[u8]) {
        if let Self::Linked(Linked { bytes, ends, .. }) = self {
            bytes.extend_from_slice(packet);
            ends.push(bytes.len());
        }
    }

    /// Registers it with the poll.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn register(&self, registry: &Registry) -> io::Result<()> {
        match self {
            Self::Socket(socket) => socket.register(registry),
            Self::Closed | Self::Linked(_) => Ok(()),
        }
    }

    /// Marks it as ready if the poll has reported it.
    pub(super) fn notice(&mut self, events: &Events) {
        if let Self::Socket(socket) = self {
            socket.notice(events);
        }
    }

    /// Whether there may be something to read.
    pub(super) fn is_ready(&self) -> bool {
        match self {
            Self::Closed => false,
            Self::Socket(socket) => socket.is_ready(),
            Self::Linked(linked) => !linked.ends.is_empty(),
        }
    }

    /// Marks it as ready, whatever the poll has reported.
    pub(super) fn make_ready(&mut self) {
        if let Self::Socket(socket) = self {
            socket.make_ready();
        }
    }

    /// If it is ready, reads until it is empty, by at most so many system calls, as [`PolledSocket::read`].
    pub(super) fn read(
        &mut self,
        calls: usize,
        each: &mut dyn FnMut(Received<'_>, Monotonic),
    ) -> bool {
        match self {
            Self::Closed => false,
            Self::Socket(socket) => socket.read(calls, each),
            Self::Linked(Linked { bytes, ends, from }) => {
                let (now, mut begin) = (monotonic(), 0);
                for end in ends.drain(..) {
                    let data = bytes.get(begin..end).unwrap_or_default();
                    each(Received { data, from: *from, arrival: None }, now);
                    begin = end;
                }
                bytes.clear();
                false
            }
        }
    }

    /// Datagrams that came from elsewhere: from whom last, and how many.
    pub(super) fn strangers(&self) -> Option<(IpAddr, u64)> {
        self.get().and_then(ReceiveSocket::strangers)
    }

    /// Datagrams that the kernel had no room for.
    pub(super) fn kernel_drops(&self) -> u64 {
        self.get().map_or(0, ReceiveSocket::kernel_drops)
    }
}
