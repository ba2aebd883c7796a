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
use streamsocket_rtsp::failures::origin;
use streamsocket_station::outbox::Connection;

/// Connections at a time: of all publishers and viewers that there may be, and some that only ask.
pub(crate) const CONNECTIONS_MAX: usize = PUBLISHERS_MAX + VIEWINGS_MAX + 32;

/// Those of one [`origin`]: half of them, so that nobody takes all.
const OF_ORIGIN_MAX: usize = CONNECTIONS_MAX / 2;

/// Those of peers who are refused whatever they ask for: enough to tell each of them.
const REFUSED_MAX: usize = 16;

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
    /// No other one has or had the same.
    pub(crate) number: u64,
    /// Where its client is.
    pub(crate) peer: SocketAddr,
    /// Where the client has reached us.
    pub(crate) local: SocketAddr,
    /// What it counts as one of.
    pub(crate) origin: IpAddr,
    /// Whether it can publish or watch at all.
    served: bool,
    since: Monotonic,
    /// Requests in the second that has begun then.
    asked: (Monotonic, u32),
    /// An answer that is to take its time; until then nothing more is read.
    pub(crate) later: Option<(Monotonic, Vec<u8>)>,
    /// There may be more to read, for which no event will come.
    pub(crate) left: bool,
    /// What is still to be written is the last, since then.
    pub(crate) leaving: Option<Monotonic>,
    /// The shortest time there and back so far.
    round_trip: Option<Duration>,
}

impl Open {
    fn new(stream: TcpStream, peer: SocketAddr, served: bool, now: Monotonic) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        tcp::prepare(&stream)?;
        let local = canonical(stream.local_addr()?);
        let secret = machine::random_bytes()?;
        let conversation = Conversation::of(Role::Takes, local, peer.ip(), secret, now);
        Ok(Self {
            conversation,
            connection: Connection::new(stream),
            number: 0,
            peer,
            local,
            origin: origin(peer.ip(), local.ip()),
            served,
            since: now,
            asked: (now, 0),
            later: None,
            left: true,
            leaving: None,
            round_trip: None,
        })
    }

    /// The shortest time there and back so far; none, if it is not known. The kernel forgets it after minutes, in which few
    /// answers are sent, and those are acknowledged late.
    pub(crate) fn round_trip(&mut self) -> Duration {
        let now = self.connection.outbox().round_trip_min();
        self.round_trip = [self.round_trip, now].into_iter().flatten().min();
        self.round_trip.unwrap_or_default()
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
        outbox.is_gone() || (self.leaving.is_some() && outbox.is_empty())
    }
}

/// All connections, each in its place until it ends.
pub(crate) struct Connections {
    places: Vec<Option<Open>>,
    /// Connections so far.
    admitted: u64,
    admissions: u32,
    until: Monotonic,
}

impl Default for Connections {
    fn default() -> Self {
        Self { places: Vec::new(), admitted: 0, admissions: 0, until: Monotonic(0) }
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

    /// Takes a connection; returns its place and the descriptor to watch. If there are too many, the oldest gives way
    /// of those that are `idle`, which neither publish nor watch. `None` if none of them is, or the connection is broken
    /// already.
    pub(crate) fn admit(
        &mut self,
        stream: TcpStream,
        peer: SocketAddr,
        served: impl Fn(IpAddr) -> bool,
        idle: impl Fn(usize) -> bool,
        now: Monotonic,
    ) -> Option<(usize, RawFd)> {
        let peer = canonical(peer);
        let served = served(peer.ip());
        let descriptor = stream.as_raw_fd();
        let mut open = Open::new(stream, peer, served, now).ok()?;
        let all = self.places.iter().flatten();
        if !served && all.filter(|it| !it.served).count() >= REFUSED_MAX {
            return None;
        }
        let place = self.place_for(open.origin, idle)?;
        if place == self.places.len() {
            self.places.push(None);
        }
        self.admitted += 1;
        open.number = self.admitted;
        self.places[place] = Some(open);
        Some((place, descriptor))
    }

    /// The place for another one of that origin: where there are too many of it, that of one of them.
    fn place_for(&self, origin: IpAddr, idle: impl Fn(usize) -> bool) -> Option<usize> {
        let all = || self.places.iter().enumerate().filter_map(|(at, it)| Some((at, it.as_ref()?)));
        let of_origin = all().filter(|(_, it)| it.origin == origin).count();
        let crowded = of_origin >= OF_ORIGIN_MAX;
        if !crowded {
            if let Some(free) = self.places.iter().position(Option::is_none) {
                return Some(free);
            }
            if self.places.len() < CONNECTIONS_MAX {
                return Some(self.places.len());
            }
        }
        let may_go = all().filter(|(at, it)| (!crowded || it.origin == origin) && idle(*at));
        may_go.min_by_key(|(_, it)| it.since).map(|(at, _)| at)
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

    /// Those that should have left long ago: their clients do not read what is the last.
    pub(crate) fn overdue(&self, now: Monotonic) -> Vec<usize> {
        let late = |it: &Open| it.leaving.is_some_and(|since| now.since(since) >= PATIENCE);
        let all = self.places.iter().enumerate();
        all.filter(|(_, it)| it.as_ref().is_some_and(late)).map(|(place, _)| place).collect()
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
    use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};

    /// Connections from wherever a test says.
    struct Clients {
        listener: TcpListener,
        clients: Vec<TcpStream>,
        connections: Connections,
    }

    impl Clients {
        fn new() -> Self {
            Self::at(Ipv4Addr::LOCALHOST.into())
        }

        fn at(address: IpAddr) -> Self {
            let listener = TcpListener::bind((address, 0)).unwrap();
            Self { listener, clients: Vec::new(), connections: Connections::default() }
        }

        fn admit(
            &mut self,
            from: impl Into<IpAddr>,
            second: i64,
            idle: impl Fn(usize) -> bool,
        ) -> Option<usize> {
            let to = self.listener.local_addr().unwrap();
            self.clients.push(TcpStream::connect(to).unwrap());
            let (stream, _) = self.listener.accept().unwrap();
            let near = |it: IpAddr| it != IpAddr::from([203, 0, 113, 5]);
            let (from, now) = ((from.into(), 5).into(), Monotonic(second * 1_000_000_000));
            self.connections.admit(stream, from, near, idle, now).map(|(place, _)| place)
        }
    }

    #[test]
    fn connections_are_bounded_in_all_of_an_origin_and_in_time() {
        let mut it = Clients::new();
        let busy = |_| false;
        let of_one: Vec<_> = (0..110).filter_map(|_| it.admit([10, 0, 0, 1], 0, busy)).collect();
        assert_eq!(of_one, (0..OF_ORIGIN_MAX).collect::<Vec<_>>());
        let of_others = (0..110).filter_map(|last| it.admit([10, 0, 1, last], 0, busy)).count();
        assert_eq!(of_others, CONNECTIONS_MAX - OF_ORIGIN_MAX);
        it.connections.end(3);
        assert_eq!(it.admit([10, 0, 2, 1], 0, busy), Some(3));
        let connections = &mut it.connections;
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

    #[test]
    fn the_oldest_that_is_idle_gives_way() {
        let mut it = Clients::new();
        for last in 0..CONNECTIONS_MAX {
            let last = u8::try_from(last).unwrap();
            assert!(it.admit([10, 0, 1, last], last.into(), |_| true).is_some());
        }
        assert_eq!(it.admit([10, 0, 2, 1], 300, |place| place > 6), Some(7));
        assert_eq!(it.admit([10, 0, 2, 1], 301, |place| place > 6), Some(8));
        assert_eq!(it.admit([10, 0, 2, 1], 302, |_| false), None);
    }

    #[test]
    fn a_crowd_of_one_network_takes_the_place_of_its_own() {
        let mut it = Clients::at(Ipv6Addr::LOCALHOST.into());
        let far = |host: u16| [0x2001, 0xdb8, 0, 7, 0, 0, 0, host];
        assert_eq!(it.admit([10, 0, 0, 1], 0, |_| true), Some(0));
        for host in 0..300 {
            assert!(it.admit(far(host), 1, |_| true).is_some());
        }
        assert_eq!(it.connections.places(), 1 + OF_ORIGIN_MAX);
        assert_eq!(it.connections.get(0).unwrap().peer.ip(), IpAddr::from([10, 0, 0, 1]));
    }

    #[test]
    fn who_is_refused_anyway_gets_few_places() {
        let mut it = Clients::new();
        let far = (0..40).filter_map(|_| it.admit([203, 0, 113, 5], 0, |_| true)).count();
        assert_eq!(far, REFUSED_MAX);
        assert!(it.admit([10, 0, 0, 1], 0, |_| true).is_some());
    }

    #[test]
    fn who_does_not_read_what_is_the_last_is_let_go() {
        let mut it = Clients::new();
        let place = it.admit([10, 0, 0, 1], 0, |_| true).unwrap();
        assert!(it.connections.overdue(Monotonic(i64::MAX)).is_empty());
        it.connections.get_mut(place).unwrap().leaving = Some(Monotonic(5));
        assert!(it.connections.overdue(Monotonic(15_000_000_004)).is_empty());
        assert_eq!(it.connections.overdue(Monotonic(15_000_000_005)), [place]);
    }
}
