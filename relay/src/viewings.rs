//! What viewers watch, one by one: each of them a session of RTSP, until it is torn down or its connection ends.

use crate::places::Key;
use std::net::IpAddr;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_rtsp::answer::Lease;
use streamsocket_station::unicast::UnicastId;

/// Viewings at a time: of 28 Mbit/s each a network of 1 Gbit/s carries 33, and one of 10 Gbit/s all of these.
pub(crate) const VIEWINGS_MAX: usize = 128;

/// Those of one address, so that nobody takes all places.
const OF_ADDRESS_MAX: usize = VIEWINGS_MAX / 2;

/// What answers say how long a viewing lives without a sign of life. A connection is one.
const TIMEOUT: Duration = Duration::from_secs(60);

/// One that has set something up plays within so long: players do at once, and others wait for its place.
const PATIENCE: Duration = Duration::from_secs(60);

/// A medium that a viewer gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Watched {
    /// Which of the publisher's tracks.
    pub(crate) track: usize,
    /// Its sink there; none takes part in what goes to the group.
    pub(crate) sink: Option<UnicastId>,
    /// The channels that it comes by.
    pub(crate) channels: Option<[u8; 2]>,
    /// What the viewer calls it.
    pub(crate) url: String,
}

/// What a viewer watches.
#[derive(Clone, Debug)]
pub(crate) struct Viewing {
    /// What answers call it.
    pub(crate) id: String,
    /// The place of its connection.
    pub(crate) connection: usize,
    pub(crate) peer: IpAddr,
    /// Who has asked for it, if users are asked who they are.
    pub(crate) user: Option<String>,
    /// Who is watched.
    pub(crate) key: Key,
    pub(crate) watched: Vec<Watched>,
    pub(crate) playing: bool,
    /// When it was set up, until it plays for the first time.
    idle_since: Option<Monotonic>,
}

impl Viewing {
    /// One of which nothing was set up yet.
    pub(crate) fn new(
        id: String,
        connection: usize,
        peer: IpAddr,
        key: Key,
        now: Monotonic,
    ) -> Self {
        let (user, watched, playing, idle_since) = (None, Vec::new(), false, Some(now));
        Self { id, connection, peer, user, key, watched, playing, idle_since }
    }

    /// It plays, or pauses.
    pub(crate) fn play(&mut self, playing: bool) {
        self.playing = playing;
        if playing {
            self.idle_since = None;
        }
    }

    /// What answers say of it.
    pub(crate) fn lease(&self) -> Lease<'_> {
        Lease { session: &self.id, timeout: TIMEOUT }
    }
}

/// All of them: one at most for each connection.
#[derive(Debug, Default)]
pub(crate) struct Viewings(Vec<Viewing>);

impl Viewings {
    /// The viewing by that connection.
    pub(crate) fn by(&self, connection: usize) -> Option<&Viewing> {
        self.0.iter().find(|it| it.connection == connection)
    }

    pub(crate) fn by_mut(&mut self, connection: usize) -> Option<&mut Viewing> {
        self.0.iter_mut().find(|it| it.connection == connection)
    }

    /// Whether there is room for one more of that address.
    pub(crate) fn has_room(&self, peer: IpAddr) -> bool {
        let of_address = self.0.iter().filter(|it| it.peer == peer).count();
        self.0.len() < VIEWINGS_MAX && of_address < OF_ADDRESS_MAX
    }

    /// The viewing by that connection; without one, a new one, for which there is [room](Self::has_room).
    pub(crate) fn by_or_new(
        &mut self,
        connection: usize,
        new: impl FnOnce() -> Viewing,
    ) -> &mut Viewing {
        let at = self.0.iter().position(|it| it.connection == connection);
        let at = at.unwrap_or_else(|| {
            self.0.push(new());
            self.0.len() - 1
        });
        &mut self.0[at]
    }

    /// The connections of those who have set something up long ago, and have never played.
    pub(crate) fn idle(&self, now: Monotonic) -> Vec<usize> {
        let late = |it: &&Viewing| it.idle_since.is_some_and(|since| now.since(since) >= PATIENCE);
        self.0.iter().filter(late).map(|it| it.connection).collect()
    }

    /// Ends that by a connection.
    pub(crate) fn end(&mut self, connection: usize) -> Option<Viewing> {
        let at = self.0.iter().position(|it| it.connection == connection)?;
        Some(self.0.swap_remove(at))
    }

    /// The connections of those of whose user this is true.
    pub(crate) fn whose(&self, user: impl Fn(Option<&str>) -> bool) -> Vec<usize> {
        let own = self.0.iter().filter(|it| user(it.user.as_deref()));
        own.map(|it| it.connection).collect()
    }

    /// The connections of those who watch somebody.
    pub(crate) fn of(&self, key: &Key) -> Vec<usize> {
        self.0.iter().filter(|it| it.key == *key).map(|it| it.connection).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn viewing(connection: usize, peer: IpAddr) -> Viewing {
        let key = Key { room: "lesson".into(), name: "Anna".into() };
        Viewing::new(String::new(), connection, peer, key, Monotonic(0))
    }

    #[test]
    fn viewings_are_bounded_in_all_and_of_an_address() {
        let mut viewings = Viewings::default();
        let mut add = |connection, last: u8| {
            let peer = IpAddr::from([10, 0, 0, last]);
            let may = viewings.has_room(peer);
            if may {
                viewings.by_or_new(connection, || viewing(connection, peer));
            }
            may
        };
        assert_eq!((0..100).filter(|it| add(*it, 1)).count(), OF_ADDRESS_MAX);
        let others = (100..300).filter(|it| add(*it, u8::try_from(it % 200).unwrap())).count();
        assert_eq!(others, VIEWINGS_MAX - OF_ADDRESS_MAX);
        assert!(viewings.end(0).is_some() && viewings.end(0).is_none() && viewings.by(1).is_some());
    }

    #[test]
    fn who_never_plays_does_not_stay() {
        let mut viewings = Viewings::default();
        let peer = IpAddr::from([10, 0, 0, 1]);
        for connection in 0..3 {
            viewings.by_or_new(connection, || viewing(connection, peer));
        }
        viewings.by_mut(1).unwrap().play(true);
        viewings.by_mut(1).unwrap().play(false);
        viewings.by_mut(2).unwrap().play(false);
        assert!(viewings.idle(Monotonic(59_999_999_999)).is_empty());
        assert_eq!(viewings.idle(Monotonic(60_000_000_000)), [0, 2]);
    }
}
