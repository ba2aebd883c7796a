//! Announces the session on the LAN (SAP, RFC 2974), so that viewers find it by name, and withdraws
//! the announcement at the end. This module decides when an announcement is due; the event loop
//! keeps the time.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::{Datagram, Interface, ReceiveSocket, SendSocket};
use streamsocket_wire::sap::{
    ASKED, Announcement, GROUP_ADMIN, GROUP_GLOBAL, GROUP_SITE, GROUP_SOUND, PORT, PORT_ASKED,
};

#[cfg(test)]
mod tests;

/// Interval between announcements: a viewer that has just started finds the session within it. RFC
/// 2974 section 3 would let all sessions of a site share 4000 bit/s; one of ours takes 1500.
const INTERVAL: Duration = Duration::from_secs(5);

/// Shortest interval between announcements, however many viewers ask: questions must not cause a
/// flood.
const ASKED_INTERVAL: Duration = Duration::from_secs(1);

/// Receive calls for questions in one turn of the loop, of up to 16 datagrams each: one question is
/// enough.
const CALLS_AT_A_TIME: usize = 4;

/// TTL of announcements of sessions with global scope (RFC 2974 section 3).
const TTL_GLOBAL: u8 = 255;

/// TTL of packets to a group that must stay on the link.
const TTL_LINK: u8 = 1;

/// Longest announcement in bytes: the longest description of as many tracks as a session of the daemon has takes
/// 4365. RFC 2974 section 6 recommends 1 kB, which two tracks take; what is longer than a packet
/// the IP layer fragments, as every LAN carries.
pub const PACKET_MAX: usize = 6144;

/// The descriptions that are announced.
#[derive(Clone, Copy, Debug)]
pub struct Texts<'a> {
    /// The session's.
    pub session: &'a str,
    /// That of the sound alone, if PulseAudio and PipeWire are to find it.
    pub sound: Option<&'a str>,
}

/// Where announcements are sent from, and how far they reach.
#[derive(Clone, Copy, Debug)]
pub struct Reach<'a> {
    /// Source address.
    pub origin: IpAddr,
    /// Outgoing interface; `None` leaves the choice to the routing table.
    pub interface: Option<&'a Interface>,
    /// Time to live, from [`ttl`].
    pub ttl: u8,
}

/// TTL for announcing a session that is sent to `group` with the TTL `session`. A session that must
/// not leave the site is not announced beyond it; only sessions of global scope are announced
/// everywhere (RFC 2365 section 8, RFC 4291 section 2.7).
#[must_use]
pub const fn ttl(group: IpAddr, session: u8) -> u8 {
    let global = match group {
        IpAddr::V4(group) => group.octets()[0] != 239,
        IpAddr::V6(group) => group.segments()[0] & 0x000F == 0x000E,
    };
    if global { TTL_GLOBAL } else { session }
}

/// Repeats the announcements of one session.
pub struct Announcer {
    session: Message,
    sound: Option<Message>,
    origin: IpAddr,
    ttl: u8,
    /// Socket for viewers' questions, if it could be opened.
    ears: Option<ReceiveSocket>,
    said: Option<Monotonic>,
    next: Monotonic,
}

/// An announcement and where it goes.
struct Message {
    sockets: Vec<SendSocket>,
    packets: SapPackets,
}

/// An announcement and its deletion.
struct SapPackets {
    /// `None`: the description is too long to be announced.
    packet: Option<Vec<u8>>,
    deletion: Vec<u8>,
}

impl Message {
    fn new(sdp: &str, origin: IpAddr, sockets: Vec<SendSocket>) -> Self {
        let packets = SapPackets::new(sdp, origin);
        packets.warn(sdp);
        Self { sockets, packets }
    }

    fn replace(&mut self, sdp: &str, origin: IpAddr) {
        let next = SapPackets::new(sdp, origin);
        if next.packet.is_none() && self.packets.packet.is_some() {
            next.warn(sdp);
            self.delete();
        }
        self.packets = next;
    }

    fn announce(&mut self) {
        if let Some(packet) = &self.packets.packet {
            send(&mut self.sockets, packet);
        }
    }

    fn delete(&mut self) {
        if self.packets.packet.is_some() {
            send(&mut self.sockets, &self.packets.deletion);
        }
    }
}

impl SapPackets {
    fn new(sdp: &str, origin: IpAddr) -> Self {
        // A deletion needs no more than the origin line of the description (section 6).
        let end = sdp.split_inclusive('\n').take(2).map(str::len).sum();
        // The hash tells versions of a session apart (section 3); ours change with the session id.
        let hash =
            |of: &str| of.bytes().fold(0_u16, |hash, byte| hash.rotate_left(5) ^ u16::from(byte));
        let emit = |deletion, hash: u16, payload: &str| {
            let hash = hash.max(1);
            let announcement = Announcement { deletion, hash, origin, payload: payload.as_bytes() };
            let mut packet = vec![0; PACKET_MAX];
            let len = announcement.emit(&mut packet).ok()?;
            packet.truncate(len);
            Some(packet)
        };
        let packet = emit(false, hash(sdp), sdp);
        Self {
            packet,
            deletion: emit(true, hash(sdp), sdp.get(..end).unwrap_or(sdp)).unwrap_or_default(),
        }
    }

    /// Says that the session is not announced, if so: it is sent all the same.
    fn warn(&self, sdp: &str) {
        if self.packet.is_none() {
            log::warn!(
                "not announced, since the description has {} bytes, and an announcement {PACKET_MAX} at most: take a shorter name, or give viewers the description itself",
                sdp.len()
            );
        }
    }
}

impl Announcer {
    /// Opens the sockets; the first announcement is due at `now`.
    ///
    /// # Errors
    /// One line: a socket could not be opened. A description that is too long is logged.
    pub fn new(texts: Texts<'_>, reach: Reach<'_>, now: Monotonic) -> Result<Self, String> {
        let Reach { origin, ttl, .. } = reach;
        let session = Message::new(texts.session, origin, open_session(reach)?);
        let sound =
            texts.sound.map(|sdp| open_sound(reach).map(|it| Message::new(sdp, origin, it)));
        let (sound, ears) = (sound.transpose()?, open_ears(reach));
        Ok(Self { session, sound, origin, ttl, ears, said: None, next: now })
    }

    /// Announces from another address or interface from now on. Call [`replace`](Self::replace)
    /// with the new descriptions next.
    ///
    /// # Errors
    /// One line: a socket could not be opened; the others have moved.
    pub fn move_to(&mut self, origin: IpAddr, interface: &Interface) -> Result<(), String> {
        let reach = Reach { origin, interface: Some(interface), ttl: self.ttl };
        self.ears = open_ears(reach);
        self.origin = origin;
        let session = open_session(reach).map(|sockets| self.session.sockets = sockets);
        let Some(sound) = &mut self.sound else { return session };
        session.and(open_sound(reach).map(|sockets| sound.sockets = sockets))
    }

    /// The descriptor to watch for questions; call [`asked`](Self::asked) when it is readable.
    #[must_use]
    pub fn descriptor(&self) -> Option<RawFd> {
        self.ears.as_ref().map(AsRawFd::as_raw_fd)
    }

    /// Reads the questions of viewers, and makes an announcement due soon if there was one.
    pub fn asked(&mut self, now: Monotonic) {
        let Some(ears) = &mut self.ears else { return };
        let mut asked = false;
        for _ in 0..CALLS_AT_A_TIME {
            let taken = ears.receive(&mut |received| asked |= received.data == ASKED);
            if !taken.is_ok_and(|taken| taken > 0) {
                break;
            }
        }
        if asked {
            self.next = self.next.min(self.said.map_or(now, |said| said + ASKED_INTERVAL));
        }
    }

    /// When [`announce`](Self::announce) is due next.
    #[must_use]
    pub const fn deadline(&self) -> Monotonic {
        self.next
    }

    /// Sends the announcements if they are due.
    pub fn announce(&mut self, now: Monotonic) {
        if now >= self.next {
            (self.said, self.next) = (Some(now), now + INTERVAL);
            self.messages().for_each(Message::announce);
        }
    }

    /// Announces other descriptions from now on. Their higher version tells viewers that they
    /// replace the earlier ones (RFC 2974 section 5).
    pub fn replace(&mut self, texts: Texts<'_>, now: Monotonic) {
        self.session.replace(texts.session, self.origin);
        if let (Some(sound), Some(sdp)) = (&mut self.sound, texts.sound) {
            sound.replace(sdp, self.origin);
        }
        self.next = now;
    }

    /// Withdraws the announcement of the sound alone, unless `followed_by` announces one, too.
    pub fn delete_sound(&mut self, followed_by: &Self) {
        if let (Some(sound), None) = (&mut self.sound, &followed_by.sound) {
            sound.delete();
        }
    }

    /// Withdraws the announcements.
    pub fn delete(&mut self) {
        self.messages().for_each(Message::delete);
    }

    fn messages(&mut self) -> impl Iterator<Item = &mut Message> {
        [&mut self.session].into_iter().chain(&mut self.sound)
    }
}

/// Sockets for the SAP groups of the origin's address family.
fn open_session(reach: Reach<'_>) -> Result<Vec<SendSocket>, String> {
    let groups: &[IpAddr] = match reach.origin {
        IpAddr::V4(_) => &[IpAddr::V4(GROUP_ADMIN), IpAddr::V4(GROUP_GLOBAL)],
        IpAddr::V6(_) => &[IpAddr::V6(GROUP_SITE)],
    };
    groups.iter().map(|group| open(*group, reach.interface, reach.ttl)).collect()
}

/// Socket for questions. Without it viewers wait for the next regular announcement.
fn open_ears(reach: Reach<'_>) -> Option<ReceiveSocket> {
    let group = match reach.origin {
        IpAddr::V4(_) => IpAddr::V4(GROUP_ADMIN),
        IpAddr::V6(_) => IpAddr::V6(GROUP_SITE),
    };
    let opened = ReceiveSocket::open(SocketAddr::new(group, PORT_ASKED), reach.interface, None);
    opened.map_err(|error| log::debug!("viewers who look for sessions are not heard: {error}")).ok()
}

/// Socket for the group where sound is announced, which exists for IPv4 only.
fn open_sound(reach: Reach<'_>) -> Result<Vec<SendSocket>, String> {
    if reach.origin.is_ipv6() {
        return Ok(Vec::new());
    }
    Ok(vec![open(IpAddr::V4(GROUP_SOUND), reach.interface, TTL_LINK)?])
}

fn open(group: IpAddr, interface: Option<&Interface>, ttl: u8) -> Result<SendSocket, String> {
    SendSocket::open(SocketAddr::new(group, PORT), interface, ttl)
        .map_err(|error| error.to_string())
}

/// Errors are not logged: the same network carries the media, whose errors are.
fn send(sockets: &mut [SendSocket], packet: &[u8]) {
    for socket in sockets {
        let datagram = Datagram { header: packet, payload: &[] };
        if let Err(error) = socket.send(&mut std::iter::once(datagram)) {
            log::debug!("announcement to {}: {error}", socket.destination());
        }
    }
}
