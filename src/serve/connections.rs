//! The connections of players: a bounded number of them, each read as far as it is answered.

use crate::publish::outbox::Connection;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;
use streamsocket_control::Vouch;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::{machine, tcp};
use streamsocket_rtsp::conversation::{Conversation, Gate, Request, Turn};

/// Connections at a time: of all viewers that there may be, and as many again that only ask.
pub const CONNECTIONS_MAX: usize = 256;

/// Those of one address: half of them, so that nobody takes all.
const OF_ADDRESS_MAX: usize = CONNECTIONS_MAX / 2;

/// Those of peers who are refused whatever they ask for: enough to tell each of them.
const REFUSED_MAX: usize = 16;

/// Who has asked nothing for so long, and watches nothing, is let go.
const PATIENCE: Duration = Duration::from_secs(15);

/// Steps (requests, packets, pieces that are read) of all connections in a while: a hundred viewers take a hundred a
/// second. Whoever sends more than that waits, and so does nobody else: each connection has its turn.
const STEPS: u32 = 64;

/// Connections that are taken in the same while: eight hundred a second.
const ADMISSIONS: u32 = 16;

/// That while.
const WHILE: Duration = Duration::from_millis(20);

/// What comes of a connection.
#[derive(Debug)]
pub enum Heard {
    /// A request, to be answered.
    Request(Request),
    /// A report, by the channel that it came by.
    Report(u8, Vec<u8>),
    /// There may be more: to be asked again.
    More,
    /// Nothing more at the moment.
    Nothing,
    /// It has ended.
    End,
}

/// A connection.
#[derive(Debug)]
pub struct Open {
    conversation: Conversation,
    connection: Connection,
    /// Where its client is.
    pub peer: SocketAddr,
    /// Where the client has reached us.
    pub local: SocketAddr,
    /// Whether the client is served at all.
    pub served: bool,
    /// What is sent by it is encrypted, by whoever has vouched for its client.
    pub private: bool,
    descriptor: RawFd,
    heard: Monotonic,
    /// An answer that is to take its time; until then nothing more is read.
    later: Option<(Monotonic, Vec<u8>)>,
    /// There may be more to read, for which no event will come.
    unread: bool,
    /// What is still to be written is the last.
    leaving: bool,
}

impl Open {
    /// For the tracks that are sent by it.
    #[must_use]
    pub fn connection(&self) -> Connection {
        self.connection.clone()
    }

    /// Writes an answer.
    pub fn say(&self, answer: &[u8]) {
        self.connection.outbox().say(answer);
    }

    /// What comes next: one step, of at most one request, packet or piece that is read.
    fn take(&mut self, gate: &mut Gate, now: Monotonic) -> Heard {
        if self.leaving {
            let outbox = self.connection.outbox();
            return if outbox.is_gone() || outbox.is_empty() { Heard::End } else { Heard::Nothing };
        }
        if self.connection.outbox().is_gone() {
            return Heard::End;
        }
        if self.later.is_some() {
            return Heard::Nothing;
        }
        match self.conversation.take(gate, now) {
            Turn::Asked(request) => {
                self.heard = now;
                return Heard::Request(request);
            }
            Turn::Packet { channel, bytes } => {
                self.heard = now;
                return Heard::Report(channel, bytes.to_vec());
            }
            Turn::Answered(bytes, Duration::ZERO) => self.connection.outbox().say(&bytes),
            Turn::Answered(bytes, after) => self.later = Some((now + after, bytes)),
            Turn::Later(until) => {
                // It is not its fault that it waits.
                self.heard = now;
                self.later = Some((until, Vec::new()));
            }
            Turn::Broken(bytes, broken) => {
                log::debug!("RTSP: {} {broken}", self.peer);
                self.connection.outbox().say(&bytes);
                self.leaving = true;
            }
            Turn::Nothing => match self.read() {
                Ok(Some(1..)) => {}
                Ok(None) => return Heard::Nothing,
                Ok(Some(0)) | Err(_) => return Heard::End,
            },
        }
        Heard::More
    }

    fn read(&mut self) -> io::Result<Option<usize>> {
        let read = self.connection.outbox().read(self.conversation.room());
        if let Ok(Some(count)) = read {
            self.conversation.filled(count);
        }
        read
    }
}

/// All connections, each in its place until it ends.
#[derive(Debug)]
pub struct Connections {
    places: Vec<Option<Open>>,
    /// Steps and connections that are left, and until when.
    left: u32,
    admissions: u32,
    until: Monotonic,
    /// The place that has its turn first.
    first: usize,
}

impl Default for Connections {
    fn default() -> Self {
        Self { places: Vec::new(), left: 0, admissions: 0, until: Monotonic(0), first: 0 }
    }
}

impl Connections {
    /// Whether another connection may be taken at the moment; the caller takes it, if there is one.
    pub fn may_admit(&mut self, now: Monotonic) -> bool {
        self.allot(now);
        let may = self.admissions > 0;
        self.admissions = self.admissions.saturating_sub(1);
        may
    }

    /// When another connection may be taken again.
    #[must_use]
    pub const fn admits_again(&self) -> Monotonic {
        self.until
    }

    fn allot(&mut self, now: Monotonic) {
        if now >= self.until {
            (self.left, self.admissions, self.until) = (STEPS, ADMISSIONS, now + WHILE);
        }
    }

    /// Takes a connection, in a place that is free. One that asks and watches nothing gives way to it. `None` if
    /// there is no room, or the connection is broken already.
    pub fn admit(
        &mut self,
        stream: TcpStream,
        peer: SocketAddr,
        served: impl Fn(IpAddr) -> bool,
        idle: impl Fn(usize) -> bool,
        now: Monotonic,
    ) -> Option<usize> {
        let peer = canonical(peer);
        let served = served(peer.ip());
        let of_address = self.iter().filter(|(_, it)| it.peer.ip() == peer.ip()).count();
        let refused = self.iter().filter(|(_, it)| !it.served).count();
        if is_one_too_many(peer.ip(), of_address) || (!served && refused >= REFUSED_MAX) {
            return None;
        }
        let free = self.places.iter().position(Option::is_none);
        let free =
            free.or_else(|| (self.places.len() < CONNECTIONS_MAX).then_some(self.places.len()));
        let place = free.or_else(|| {
            let idle = self.iter().filter(|(place, _)| idle(*place));
            idle.min_by_key(|(_, it)| it.heard).map(|(place, _)| place)
        })?;
        let open = open(stream, peer, served, now).ok()?;
        if place == self.places.len() {
            self.places.push(None);
        }
        self.places[place] = Some(open);
        Some(place)
    }

    /// Judges anew who is served.
    pub fn judge(&mut self, served: impl Fn(IpAddr) -> bool) {
        self.places.iter_mut().flatten().for_each(|it| it.served = served(it.peer.ip()));
    }

    /// Takes a connection from that address for that of a client elsewhere, to whom all is encrypted that it is sent.
    /// False if there is none for which nobody has vouched yet, or no room for that client.
    pub fn vouch(&mut self, vouch: &Vouch, served: impl Fn(IpAddr) -> bool) -> bool {
        let connection = canonical(vouch.connection);
        let own = |it: &&mut Open| it.peer == connection && !it.private;
        let (peer, local) = (canonical(vouch.peer), canonical(vouch.local));
        let served = served(peer.ip());
        let of_address = self.iter().filter(|(_, it)| it.peer.ip() == peer.ip()).count();
        let refused = self.iter().filter(|(_, it)| !it.served).count();
        if is_one_too_many(peer.ip(), of_address) || (!served && refused >= REFUSED_MAX) {
            return false;
        }
        let Some(open) = self.places.iter_mut().flatten().find(own) else { return false };
        (open.peer, open.local, open.private) = (peer, local, true);
        open.served = served;
        open.conversation.vouched(local, peer.ip());
        true
    }

    /// A connection.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<&Open> {
        self.places.get(place)?.as_ref()
    }

    /// All connections, with their places.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Open)> {
        self.places.iter().enumerate().filter_map(|(place, it)| Some((place, it.as_ref()?)))
    }

    /// The descriptor to watch, of a connection that was just admitted.
    #[must_use]
    pub fn descriptor(&self, place: usize) -> Option<RawFd> {
        self.get(place).map(|it| it.descriptor)
    }

    /// Something has happened to a connection: it may be read or written.
    pub fn rouse(&mut self, place: usize) {
        if let Some(open) = self.places.get_mut(place).and_then(Option::as_mut) {
            open.connection.outbox().write();
            open.unread = true;
        }
    }

    /// The connections that may have something: their places, that which has waited longest first.
    pub fn roused(&mut self, now: Monotonic) -> Vec<usize> {
        self.allot(now);
        for open in self.places.iter_mut().flatten() {
            if let Some((_, answer)) = open.later.take_if(|(at, _)| *at <= now) {
                open.connection.outbox().say(&answer);
                open.unread = true;
            }
        }
        let roused = self.iter().filter(|(_, it)| it.unread || it.connection.outbox().is_gone());
        let mut roused: Vec<_> = roused.map(|(place, _)| place).collect();
        let begin = roused.partition_point(|place| *place < self.first);
        let count = roused.len().max(1);
        roused.rotate_left(begin % count);
        roused
    }

    /// What comes next of a roused connection. Nothing, if all have had as much as they may have at the moment.
    pub fn take(&mut self, place: usize, gate: &mut Gate, now: Monotonic) -> Heard {
        let Some(open) = self.places.get_mut(place).and_then(Option::as_mut) else {
            return Heard::Nothing;
        };
        if self.left == 0 {
            return Heard::Nothing;
        }
        self.left -= 1;
        self.first = place + 1;
        let heard = open.take(gate, now);
        open.unread = !matches!(heard, Heard::Nothing);
        heard
    }

    /// Ends a connection.
    pub fn end(&mut self, place: usize) {
        if let Some(it) = self.places.get_mut(place) {
            *it = None;
        }
    }

    /// Those that have asked for nothing for long; whether they watch something is for the caller to know.
    pub fn silent(&self, now: Monotonic) -> impl Iterator<Item = usize> {
        self.iter().filter(move |(_, it)| now.since(it.heard) >= PATIENCE).map(|(place, _)| place)
    }

    /// When to take a turn even if nothing is readable.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        let due = |it: &Open| {
            let at_once = if self.left == 0 { self.until } else { Monotonic(0) };
            let at_once = (it.unread || it.connection.outbox().is_gone()).then_some(at_once);
            at_once.or(it.later.as_ref().map(|(at, _)| *at))
        };
        self.places.iter().flatten().filter_map(due).min()
    }
}

fn is_one_too_many(peer: IpAddr, of_address: usize) -> bool {
    of_address >= OF_ADDRESS_MAX && !peer.is_loopback()
}

fn open(stream: TcpStream, peer: SocketAddr, served: bool, now: Monotonic) -> io::Result<Open> {
    stream.set_nonblocking(true)?;
    tcp::prepare(&stream)?;
    let local = canonical(stream.local_addr()?);
    let descriptor = stream.as_raw_fd();
    let conversation = Conversation::new(local, peer.ip(), machine::random_bytes()?, now);
    let connection = Connection::new(stream);
    let (later, unread, leaving) = (None, true, false);
    Ok(Open {
        conversation,
        connection,
        peer,
        local,
        served,
        private: false,
        descriptor,
        heard: now,
        later,
        unread,
        leaving,
    })
}

/// An address of IPv4 as such, which a socket for both gives as one of IPv6.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(v4) => (v4, address.port()).into(),
        // With its scope.
        IpAddr::V6(_) => address,
    }
}

#[cfg(test)]
mod tests;
