//! A socket to one address, with the state of its errors and a count of what was sent. Errors at
//! one address never affect another.

use log::Level;
use std::io;
use std::net::{IpAddr, SocketAddr};
use streamsocket_net::{Datagram, Interface, SendSocket, Unsent};

/// A socket to one address.
pub struct Output {
    socket: SendSocket,
    fault: Option<Fault>,
    /// Errors are not logged: another output to the same address logs them.
    quiet: bool,
    sent: Sent,
}

/// Why sending fails.
struct Fault {
    kind: io::ErrorKind,
    why: String,
}

/// What was sent to one address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Packets.
    pub packets: u64,
    /// Bytes of UDP payload.
    pub bytes: u64,
    /// Packets that the kernel did not accept.
    pub dropped: u64,
}

impl std::ops::AddAssign for Sent {
    fn add_assign(&mut self, more: Self) {
        self.packets += more.packets;
        self.bytes += more.bytes;
        self.dropped += more.dropped;
    }
}

impl Output {
    /// Opens a socket to `to`. A `quiet` one logs no errors.
    ///
    /// # Errors
    /// One line with the address and the reason.
    pub fn open(
        to: SocketAddr,
        interface: Option<&Interface>,
        ttl: u8,
        quiet: bool,
    ) -> Result<Self, streamsocket_net::Error> {
        let socket = SendSocket::open(to, interface, ttl)?;
        Ok(Self { socket, fault: None, quiet, sent: Sent::default() })
    }

    /// Sends from this socket from now on.
    pub fn replace(&mut self, socket: SendSocket) {
        self.socket = socket;
    }

    /// Whether the source address is none of these any more.
    #[must_use]
    pub fn has_left(&self, addresses: &[IpAddr]) -> bool {
        self.socket.local_addr().is_ok_and(|local| !addresses.contains(&local.ip()))
    }

    /// Whether the last attempt to send failed.
    #[must_use]
    pub const fn is_failing(&self) -> bool {
        self.fault.is_some()
    }

    /// Why it failed.
    #[must_use]
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_ref().map(|fault| fault.why.as_str())
    }

    /// Where it sends to.
    #[must_use]
    pub fn destination(&self) -> SocketAddr {
        self.socket.destination()
    }

    /// What was sent so far.
    #[must_use]
    pub const fn sent(&self) -> Sent {
        self.sent
    }

    /// Sends a batch of packets. An error is logged once, until it changes or passes.
    pub fn send<'a>(&mut self, batch: &mut dyn Iterator<Item = Datagram<'a>>) {
        let (sent, error) = match self.socket.send(batch) {
            Ok(sent) => (sent, None),
            Err(Unsent { sent, error }) => (sent, Some(error)),
        };
        self.sent.packets += sent.packets as u64;
        self.sent.bytes += sent.bytes as u64;
        self.sent.dropped += sent.dropped as u64;
        match error {
            Some(error) => self.failed(&error),
            None if sent.packets > 0 => self.recovered(),
            None => {}
        }
    }

    /// Takes notice of an error, also of one of another socket to the same place.
    pub fn failed(&mut self, error: &io::Error) {
        if self.fault.as_ref().is_some_and(|fault| fault.kind == error.kind()) {
            return;
        }
        self.fault = Some(Fault { kind: error.kind(), why: error.to_string() });
        let level = if self.quiet { Level::Debug } else { Level::Warn };
        log::log!(level, "sending to {} fails: {error}; trying on", self.destination());
    }

    fn recovered(&mut self) {
        if self.fault.take().is_some() {
            let level = if self.quiet { Level::Debug } else { Level::Info };
            log::log!(level, "sending to {} works again", self.destination());
        }
    }
}
