//! The sockets of one stream to one destination, and the state of their errors. Errors at one
//! destination never affect another.

use crate::settings::Endpoint;
use log::Level;
use std::io;
use std::net::{IpAddr, SocketAddr};
use streamsocket_net::{Datagram, Interface, SendSocket, Unsent};

/// The sockets of a stream to one destination.
pub struct Output {
    media: SendSocket,
    rtcp: Option<SendSocket>,
    fault: Option<Fault>,
    /// Errors are not logged: another output to the same destination logs them.
    quiet: bool,
    sent: Sent,
}

/// Why sending fails.
struct Fault {
    kind: io::ErrorKind,
    why: String,
}

/// What was sent to one destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Media packets.
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
    /// Opens sockets for RTP and RTCP to `to`.
    ///
    /// # Errors
    /// One line with the address and the reason.
    pub fn open(
        to: Endpoint,
        interface: Option<&Interface>,
        ttl: u8,
    ) -> Result<Self, streamsocket_net::Error> {
        let media = SendSocket::open(to.rtp, interface, ttl)?;
        let rtcp = Some(SendSocket::open(to.rtcp, interface, ttl)?);
        Ok(Self { media, rtcp, fault: None, quiet: false, sent: Sent::default() })
    }

    /// Opens a socket for repair packets to `to`; they have no RTCP of their own.
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

    /// Logs no errors if `quiet`: another output to the same destination does.
    #[must_use]
    pub fn quietly(self, quiet: bool) -> Self {
        Self { quiet, ..self }
    }

    /// Reopens the sockets on this interface in its present state.
    ///
    /// # Errors
    /// One line; the old sockets stay in use then.
    pub fn reopen(&mut self, interface: &Interface, ttl: u8) -> Result<(), String> {
        let open = |to| SendSocket::open(to, Some(interface), ttl).map_err(|e| e.to_string());
        let media = open(self.media.destination())?;
        let rtcp = self.rtcp.as_ref().map(|rtcp| open(rtcp.destination())).transpose()?;
        (self.media, self.rtcp) = (media, rtcp);
        Ok(())
    }

    /// Whether the source address is none of these any more.
    #[must_use]
    pub fn has_left(&self, addresses: &[IpAddr]) -> bool {
        self.media.local_addr().is_ok_and(|local| !addresses.contains(&local.ip()))
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

    /// The destination of the media packets.
    #[must_use]
    pub fn destination(&self) -> SocketAddr {
        self.media.destination()
    }

    /// The RTCP socket, to which receivers send reports back; repair packets have none.
    #[must_use]
    pub const fn rtcp(&self) -> Option<&SendSocket> {
        self.rtcp.as_ref()
    }

    /// What was sent so far.
    #[must_use]
    pub const fn sent(&self) -> Sent {
        self.sent
    }

    /// Sends a batch of media packets. An error is logged once, until it changes or passes.
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
