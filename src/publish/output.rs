//! One stream's way to one destination: a socket for media, one for RTCP, and what has gone wrong
//! with them. Faults of one destination never touch another.

use crate::settings::Endpoint;
use log::Level;
use std::io;
use std::net::{IpAddr, SocketAddr};
use streamsocket_net::{Datagram, Interface, SendSocket, Unsent};

/// Where a stream goes.
pub struct Output {
    media: SendSocket,
    rtcp: Option<SendSocket>,
    fault: Option<Fault>,
    /// Another output goes the same way, and says what goes wrong on it.
    quiet: bool,
    sent: Sent,
}

/// Why sending fails.
struct Fault {
    kind: io::ErrorKind,
    why: String,
}

/// What has left for one destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Packets of media.
    pub packets: u64,
    /// Bytes of UDP payload.
    pub bytes: u64,
    /// Packets that the kernel did not take.
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
    /// Opens the sockets for packets and reports to `to`.
    ///
    /// # Errors
    /// One line that says which address and why.
    pub fn open(
        to: Endpoint,
        interface: Option<&Interface>,
        ttl: u8,
    ) -> Result<Self, streamsocket_net::Error> {
        let media = SendSocket::open(to.rtp, interface, ttl)?;
        let rtcp = Some(SendSocket::open(to.rtcp, interface, ttl)?);
        Ok(Self { media, rtcp, fault: None, quiet: false, sent: Sent::default() })
    }

    /// Opens a socket for repair packets to `to`, which have no reports of their own.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_repair(
        to: Endpoint,
        interface: Option<&Interface>,
        ttl: u8,
    ) -> Result<Self, streamsocket_net::Error> {
        let media = SendSocket::open(to.fec, interface, ttl)?;
        Ok(Self { media, rtcp: None, fault: None, quiet: true, sent: Sent::default() })
    }

    /// Says nothing of what goes wrong: another output goes the same way, and does.
    #[must_use]
    pub fn quietly(self, quiet: bool) -> Self {
        Self { quiet, ..self }
    }

    /// Opens the sockets anew, on this interface as it is now.
    ///
    /// # Errors
    /// One line; the sockets are those from before then.
    pub fn reopen(&mut self, interface: &Interface, ttl: u8) -> Result<(), String> {
        let open = |to| SendSocket::open(to, Some(interface), ttl).map_err(|e| e.to_string());
        let media = open(self.media.destination())?;
        let rtcp = self.rtcp.as_ref().map(|rtcp| open(rtcp.destination())).transpose()?;
        (self.media, self.rtcp) = (media, rtcp);
        Ok(())
    }

    /// Whether packets leave from an address that is none of these any more.
    #[must_use]
    pub fn has_left(&self, addresses: &[IpAddr]) -> bool {
        self.media.local_addr().is_ok_and(|local| !addresses.contains(&local.ip()))
    }

    /// Whether the last that was tried to send was not taken.
    #[must_use]
    pub const fn is_failing(&self) -> bool {
        self.fault.is_some()
    }

    /// Why it was not.
    #[must_use]
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_ref().map(|fault| fault.why.as_str())
    }

    /// Where media goes.
    #[must_use]
    pub fn destination(&self) -> SocketAddr {
        self.media.destination()
    }

    /// The socket that reports of receivers come back to, if there is one.
    #[must_use]
    pub const fn rtcp(&self) -> Option<&SendSocket> {
        self.rtcp.as_ref()
    }

    /// What has left so far.
    #[must_use]
    pub const fn sent(&self) -> Sent {
        self.sent
    }

    /// Sends a batch of media packets. Errors are kept to this destination, and said when they
    /// change.
    pub fn send<'a>(&mut self, batch: &mut dyn Iterator<Item = Datagram<'a>>) {
        let (sent, error) = match self.media.send(batch) {
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

    /// Sends an RTCP compound packet.
    pub fn send_rtcp(&mut self, packet: &[u8]) {
        let datagram = Datagram { header: packet, payload: &[] };
        let Some(rtcp) = &mut self.rtcp else { return };
        if let Err(Unsent { error, .. }) = rtcp.send(&mut std::iter::once(datagram)) {
            self.failed(&error);
        }
    }

    fn failed(&mut self, error: &io::Error) {
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
