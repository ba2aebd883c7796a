//! Announces the session on the LAN (SAP, RFC 2974), so that viewers find it by name, and takes the
//! announcement back at the end. When to speak is decided here; the loop keeps the time.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use streamsocket_net::{Datagram, Interface, SendSocket};
use streamsocket_stream::clock::Monotonic;
use streamsocket_wire::sap::{Announcement, GROUP_ADMIN, GROUP_GLOBAL, GROUP_SITE, PORT};

/// Time between announcements: a viewer that starts finds the session within it. RFC 2974 section 3
/// would have sessions of a site share 4000 bits a second; one of ours takes 1500.
const INTERVAL: Duration = Duration::from_secs(5);

/// Announcements leave with this time to live (RFC 2974 section 3); their scope is that of the
/// group's address.
const TTL: u8 = 255;

/// A packet at most: an announcement must not be fragmented.
const PACKET_MAX: usize = 1400;

/// An announcement that is repeated.
pub struct Announcer {
    sockets: Vec<SendSocket>,
    origin: IpAddr,
    packet: Vec<u8>,
    deletion: Vec<u8>,
    next: Monotonic,
}

impl Announcer {
    /// Prepares to announce `sdp` as coming from `origin`, first at `now`.
    ///
    /// # Errors
    /// One line: a socket could not be opened, or the description is too long.
    pub fn new(
        sdp: &str,
        origin: IpAddr,
        interface: Option<&Interface>,
        now: Monotonic,
    ) -> Result<Self, String> {
        let packet = emit(sdp, origin, false)?;
        let deletion = emit(sdp, origin, true)?;
        Ok(Self { sockets: open(origin, interface)?, origin, packet, deletion, next: now })
    }

    /// Announces from another address or interface from now on; [`replace`](Self::replace) the
    /// description next.
    ///
    /// # Errors
    /// One line: a socket could not be opened.
    pub fn move_to(&mut self, origin: IpAddr, interface: &Interface) -> Result<(), String> {
        self.sockets = open(origin, Some(interface))?;
        self.origin = origin;
        Ok(())
    }

    /// When to call [`announce`](Self::announce) next.
    #[must_use]
    pub const fn deadline(&self) -> Monotonic {
        self.next
    }

    /// Announces the session if it is time.
    pub fn announce(&mut self, now: Monotonic) {
        if now >= self.next {
            self.next = now + INTERVAL;
            send(&mut self.sockets, &self.packet);
        }
    }

    /// Announces another description of the session from now on: the next one says what the last one
    /// has to be replaced by, since its version is higher (RFC 2974 section 5).
    ///
    /// # Errors
    /// One line: it is too long.
    pub fn replace(&mut self, sdp: &str, now: Monotonic) -> Result<(), String> {
        let packet = emit(sdp, self.origin, false)?;
        self.deletion = emit(sdp, self.origin, true)?;
        self.packet = packet;
        self.next = now;
        Ok(())
    }

    /// Takes the announcement back.
    pub fn delete(&mut self) {
        send(&mut self.sockets, &self.deletion);
    }
}

/// Sockets for the groups of the origin's family.
fn open(origin: IpAddr, interface: Option<&Interface>) -> Result<Vec<SendSocket>, String> {
    let open = |group: IpAddr| {
        SendSocket::open(SocketAddr::new(group, PORT), interface, TTL)
            .map_err(|error| error.to_string())
    };
    match origin {
        IpAddr::V4(_) => {
            [GROUP_ADMIN, GROUP_GLOBAL].map(IpAddr::V4).into_iter().map(open).collect()
        }
        IpAddr::V6(_) => Ok(vec![open(IpAddr::V6(GROUP_SITE))?]),
    }
}

/// Failures are silent: the same network carries the media, whose failures are said.
fn send(sockets: &mut [SendSocket], packet: &[u8]) {
    for socket in sockets {
        let datagram = Datagram { header: packet, payload: &[] };
        if let Err(error) = socket.send(&mut std::iter::once(datagram)) {
            log::debug!("announcement to {}: {error}", socket.destination());
        }
    }
}

fn emit(sdp: &str, origin: IpAddr, deletion: bool) -> Result<Vec<u8>, String> {
    // The hash tells versions of a session apart (section 3); ours change with the session id.
    let hash = sdp.bytes().fold(0_u16, |hash, byte| hash.rotate_left(5) ^ u16::from(byte)).max(1);
    // A deletion needs no more than the origin line of the description (section 6).
    let origin_line = || sdp.lines().take(2).map(|line| format!("{line}\r\n")).collect::<String>();
    let payload = if deletion { origin_line() } else { sdp.to_owned() };
    let announcement = Announcement { deletion, hash, origin, payload: payload.as_bytes() };
    let mut packet = vec![0; PACKET_MAX];
    let len = announcement.emit(&mut packet).map_err(|error| {
        format!("the session cannot be announced: {error}; take a shorter --name")
    })?;
    packet.truncate(len);
    Ok(packet)
}
