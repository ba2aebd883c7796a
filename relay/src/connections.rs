//! The connections of publishers and viewers: a bounded number of them, each with what is still to be answered.

use crate::publishers::PUBLISHERS_MAX;
use crate::viewings::VIEWINGS_MAX;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::{machine, tcp};
use streamsocket_rtsp::conversation::{Conversation, Role};
use streamsocket_station::outbox::Connection;

/// Connections at a time: of all publishers and viewers that there may be, and some that only ask.
pub(crate) const CONNECTIONS_MAX: usize = PUBLISHERS_MAX + VIEWINGS_MAX + 32;

/// Those of one address: half of them, so that nobody takes all.
const OF_ADDRESS_MAX: usize = CONNECTIONS_MAX / 2;

/// Connections that are taken in a while: a flood of them waits, and packets do not.
const ADMISSIONS: u32 = 8;

/// That while: 80 connections a second.
const WHILE: Duration = Duration::from_millis(100);

/// Requests of a connection in a second at most: a publisher has ten in all.
const REQUESTS_MAX: u32 = 32;

/// Who publishes and watches nothing for so long after connecting is let go.
const PATIENCE: Duration = Duration::from_secs(15);

/// A connection.
pub(crate) struct Open {
    pub(crate) conversation: Conversation,
    connection: Connection,
    /// Where its client is.
    pub(crate) peer: SocketAddr,
    /// Where the client has reached us.
    pub(crate) local: SocketAddr,
    since: Monotonic,
    /// Requests in the second that has begun then.
    asked: (Monotonic, u32),
    /// An answer that is to take its time; until then nothing more is read.
    pub(crate) later: Option<(Monotonic, Vec<u8>)>,
    /// There may be more to read, for which no event will come.
    pub(crate) left: bool,
    /// What is still to be written is the last.
    pub(crate) leaving: bool,
}

impl Open {
    fn new(stream: TcpStream, peer: SocketAddr, now: Monotonic) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        tcp::prepare(&stream)?;
        let local = canonical(stream.local_addr()?);
        let secret = machine::random_bytes()?;
        let conversation = Conversation::of(Role::Takes, local, peer.ip(), secret, now);
        Ok(Self {
            conversation,
            connection: Connection::new(stream),
            peer,
            local,
            since: now,
            asked: (now, 0),
            later: None,
            left: true,
            leaving: false,
        })
    }

    /// Nothing more is read until somebody says so.
    pub(crate) fn hold(&mut self) {
        self.later = Some((Monotonic(i64::MAX), Vec::new()));
    }

    /// Counts a request; false if there are too many of them.
    pub(crate) fn may_ask(&mut self, now: Monotonic) -> bool {
        if now.since(self.asked.0) >= Duration::from_secs(1) {
            self.asked = (now, 0);
        }
        self.asked.1 += 1;
        self.asked.1 <= REQUESTS_MAX
    }

    /// Reads what there is to the conversation; `None` if nothing is there now.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn read(&mut self) -> io::Result<Option<()>> {
        match self.connection.outbox().read(self.conversation.room())? {
            Some(0) => Err(ErrorKind::UnexpectedEof.into()),
            Some(count) => {
                self.conversation.filled(count);
                Ok(Some(()))
            }
            None => Ok(None),
        }
    }

    /// For the tracks that are sent by it.
    pub(crate) fn connection(&self) -> Connection {
        self.connection.clone()
    }

    /// Writes an answer, as far as it goes now. Whoever does not read his answers gets no more of them.
    pub(crate) fn say(&self, answer: &[u8]) {
        self.connection.outbox().say(answer);
    }

    /// Writes what waits.
    pub(crate) fn write(&self) {
        self.connection.outbox().write();
    }

    /// Whether nothing can be written any more, or all has been of one that leaves.
    pub(crate) fn has_left(&self) -> bool {
        let outbox = self.connection.outbox();
        outbox.is_gone() || (self.leaving && outbox.is_empty())
    }
}

/// All connections, each in its place until it ends.
pub(crate) struct Connections {
    places: Vec<Option<Open>>,
    admissions: u32,
    until: Monotonic,
}

impl Default for Connections {
    fn default() -> Self {
        Self { places: Vec::new(), admissions: 0, until: Monotonic(0) }
    }
}

impl Connections {
    /// Whether another connection may be taken at the moment.
    pub(crate) fn may_admit(&mut self, now: Monotonic) -> bool {
        if now >= self.until {
            (self.admissions, self.until) = (ADMISSIONS, now + WHILE);
        }
        let may = self.admissions > 0;
        self.admissions = self.admissions.saturating_sub(1);
        may
    }

    /// When another connection may be taken again.
    pub(crate) const fn admits_again(&self) -> Monotonic {
        self.until
    }

    /// Takes a connection; returns its place and the descriptor to watch. `None` if there is no room for it, or it is
    /// broken already.
    pub(crate) fn admit(
        &mut self,
        stream: TcpStream,
        peer: SocketAddr,
        now: Monotonic,
    ) -> Option<(usize, RawFd)> {
        let peer = canonical(peer);
        let of_address = self.places.iter().flatten().filter(|it| it.peer.ip() == peer.ip());
        if of_address.count() >= OF_ADDRESS_MAX {
            return None;
        }
        let free = self.places.iter().position(Option::is_none);
        let place =
            free.or_else(|| (self.places.len() < CONNECTIONS_MAX).then_some(self.places.len()))?;
        let descriptor = stream.as_raw_fd();
        let open = Open::new(stream, peer, now).ok()?;
        if place == self.places.len() {
            self.places.push(None);
        }
        self.places[place] = Some(open);
        Some((place, descriptor))
    }

    pub(crate) fn get(&self, place: usize) -> Option<&Open> {
        self.places.get(place)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut Open> {
        self.places.get_mut(place)?.as_mut()
    }

    /// Places that there are, with a connection or without.
    pub(crate) fn places(&self) -> usize {
        self.places.len()
    }

    /// Ends a connection.
    pub(crate) fn end(&mut self, place: usize) {
        if let Some(it) = self.places.get_mut(place) {
            *it = None;
        }
    }

    /// Those that have been there for long; whether they publish something is for the caller to know.
    pub(crate) fn old(&self, now: Monotonic) -> Vec<usize> {
        let old = self
            .places
            .iter()
            .enumerate()
            .filter(|(_, it)| it.as_ref().is_some_and(|it| now.since(it.since) >= PATIENCE));
        old.map(|(place, _)| place).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.iter().all(Option::is_none)
    }

    /// When to take a turn even if nothing is readable.
    pub(crate) fn deadline(&self) -> Option<Monotonic> {
        let due = |it: &Open| match &it.later {
            Some((at, _)) => Some(*at),
            None => it.left.then_some(Monotonic(0)),
        };
        self.places.iter().flatten().filter_map(due).min()
    }
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
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener};

    #[test]
    fn connections_are_bounded_in_all_of_an_address_and_in_time() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let to = listener.local_addr().unwrap();
        let mut clients = Vec::new();
        let mut connections = Connections::default();
        let mut admit = |connections: &mut Connections, address: [u8; 4]| {
            clients.push(TcpStream::connect(to).unwrap());
            let (stream, _) = listener.accept().unwrap();
            connections.admit(stream, (address, 5).into(), Monotonic(0)).map(|(place, _)| place)
        };
        let of_one: Vec<_> =
            (0..110).filter_map(|_| admit(&mut connections, [10, 0, 0, 1])).collect();
        assert_eq!(of_one, (0..OF_ADDRESS_MAX).collect::<Vec<_>>());
        let of_others = (0..110).filter_map(|it| admit(&mut connections, [10, 0, 1, it])).count();
        assert_eq!(of_others, CONNECTIONS_MAX - OF_ADDRESS_MAX);
        connections.end(3);
        assert_eq!(admit(&mut connections, [10, 0, 2, 1]), Some(3));
        let may = (0..100).filter(|_| connections.may_admit(Monotonic(1))).count();
        assert_eq!(may, usize::try_from(ADMISSIONS).unwrap());
        assert!(connections.may_admit(connections.admits_again()));
        let open = connections.get_mut(0).unwrap();
        let asked = (0..100).filter(|_| open.may_ask(Monotonic(1))).count();
        assert_eq!(asked, usize::try_from(REQUESTS_MAX).unwrap());
        assert!(open.may_ask(Monotonic(1_000_000_000)));
        assert_eq!(connections.old(Monotonic(14_999_999_999)).len(), 0);
        assert_eq!(connections.old(Monotonic(15_000_000_000)).len(), CONNECTIONS_MAX);
    }
}
