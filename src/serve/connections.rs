//! The connections of players: a bounded number of them, each read as far as it is answered.

use crate::publish::outbox::Connection;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::{machine, tcp};
use streamsocket_rtsp::conversation::{Conversation, Gate, Request, Turn};

/// Connections at a time: of all viewers that there may be, and as many again that only ask.
pub const CONNECTIONS_MAX: usize = 256;

/// Those of one address: half of them, so that nobody takes all.
const OF_ADDRESS_MAX: usize = CONNECTIONS_MAX / 2;

/// Who has asked nothing for so long, and watches nothing, is let go.
const PATIENCE: Duration = Duration::from_secs(15);

/// Requests of a connection that are answered in a turn of the loop: media do not wait for a crowd of them.
const REQUESTS_AT_A_TIME: usize = 8;

/// What comes of a connection.
#[derive(Debug)]
pub enum Heard {
    /// A request, to be answered.
    Request(Request),
    /// A report, by the channel that it came by.
    Report(u8, Vec<u8>),
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

    /// What comes next.
    fn take(&mut self, gate: &mut Gate, now: Monotonic) -> Heard {
        loop {
            if self.connection.outbox().is_gone() || self.leaving {
                return if self.leaving && !self.connection.outbox().is_empty() {
                    Heard::Nothing
                } else {
                    Heard::End
                };
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
        }
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
#[derive(Debug, Default)]
pub struct Connections {
    places: Vec<Option<Open>>,
}

impl Connections {
    /// Takes a connection, in a place that is free. One that asks and watches nothing gives way to it. `None` if
    /// there is no room, or the connection is broken already.
    pub fn admit(
        &mut self,
        stream: TcpStream,
        peer: SocketAddr,
        idle: impl Fn(usize) -> bool,
        now: Monotonic,
    ) -> Option<usize> {
        let of_address = self.iter().filter(|(_, it)| it.peer.ip() == peer.ip()).count();
        if of_address >= OF_ADDRESS_MAX && !peer.ip().to_canonical().is_loopback() {
            return None;
        }
        let free = self.places.iter().position(Option::is_none);
        let free =
            free.or_else(|| (self.places.len() < CONNECTIONS_MAX).then_some(self.places.len()));
        let place = free.or_else(|| {
            let idle = self.iter().filter(|(place, _)| idle(*place));
            idle.min_by_key(|(_, it)| it.heard).map(|(place, _)| place)
        })?;
        let open = open(stream, peer, now).ok()?;
        if place == self.places.len() {
            self.places.push(None);
        }
        self.places[place] = Some(open);
        Some(place)
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

    /// The connections that may have something, in their places.
    pub fn roused(&mut self, now: Monotonic) -> Vec<usize> {
        for open in self.places.iter_mut().flatten() {
            if let Some((_, answer)) = open.later.take_if(|(at, _)| *at <= now) {
                open.connection.outbox().say(&answer);
                open.unread = true;
            }
        }
        let roused = self.iter().filter(|(_, it)| it.unread || it.connection.outbox().is_gone());
        roused.map(|(place, _)| place).collect()
    }

    /// What comes next of a roused connection; the last of some requests is followed by nothing until the next turn.
    pub fn take(&mut self, place: usize, nth: usize, gate: &mut Gate, now: Monotonic) -> Heard {
        let Some(open) = self.places.get_mut(place).and_then(Option::as_mut) else {
            return Heard::Nothing;
        };
        if nth == REQUESTS_AT_A_TIME {
            return Heard::Nothing;
        }
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
            let at_once = (it.unread || it.connection.outbox().is_gone()).then_some(Monotonic(0));
            at_once.or(it.later.as_ref().map(|(at, _)| *at))
        };
        self.places.iter().flatten().filter_map(due).min()
    }
}

fn open(stream: TcpStream, peer: SocketAddr, now: Monotonic) -> io::Result<Open> {
    stream.set_nonblocking(true)?;
    tcp::prepare(&stream)?;
    let local = canonical(stream.local_addr()?);
    let (peer, descriptor) = (canonical(peer), stream.as_raw_fd());
    let conversation = Conversation::new(local, peer.ip(), machine::random_bytes()?, now);
    let connection = Connection::new(stream);
    let (later, unread, leaving) = (None, true, false);
    Ok(Open {
        conversation,
        connection,
        peer,
        local,
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
