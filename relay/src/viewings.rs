//! What viewers watch, one by one: each of them a session of RTSP, until it is torn down or its connection ends.

use crate::places::Key;
use std::net::IpAddr;
use std::time::Duration;
use streamsocket_rtsp::answer::{Lease, Refusal};
use streamsocket_station::unicast::UnicastId;

/// Viewings at a time: of 28 Mbit/s each a network of 1 Gbit/s carries 33, and one of 10 Gbit/s all of these.
pub(crate) const VIEWINGS_MAX: usize = 128;

/// Those of one address, so that nobody takes all places.
const OF_ADDRESS_MAX: usize = VIEWINGS_MAX / 2;

/// What answers say how long a viewing lives without a sign of life. A connection is one.
const TIMEOUT: Duration = Duration::from_secs(60);

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
    /// Who is watched.
    pub(crate) key: Key,
    pub(crate) watched: Vec<Watched>,
    pub(crate) playing: bool,
}

impl Viewing {
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

    /// Adds one.
    ///
    /// # Errors
    /// There are as many as there can be.
    pub(crate) fn add(&mut self, viewing: Viewing) -> Result<&mut Viewing, Refusal> {
        let of_address = self.0.iter().filter(|it| it.peer == viewing.peer).count();
        if self.0.len() == VIEWINGS_MAX || of_address == OF_ADDRESS_MAX {
            return Err(Refusal::Full);
        }
        self.0.push(viewing);
        self.0.last_mut().ok_or(Refusal::Full)
    }

    /// Ends that by a connection.
    pub(crate) fn end(&mut self, connection: usize) -> Option<Viewing> {
        let at = self.0.iter().position(|it| it.connection == connection)?;
        Some(self.0.swap_remove(at))
    }

    /// The connections of those who watch somebody.
    pub(crate) fn of(&self, key: &Key) -> Vec<usize> {
        self.0.iter().filter(|it| it.key == *key).map(|it| it.connection).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn viewings_are_bounded_in_all_and_of_an_address() {
        let mut viewings = Viewings::default();
        let mut add = |connection, last: u8| {
            let key = Key { room: "lesson".into(), name: "Anna".into() };
            let (id, peer) = (String::new(), IpAddr::from([10, 0, 0, last]));
            let watched = Vec::new();
            viewings.add(Viewing { id, connection, peer, key, watched, playing: false }).is_ok()
        };
        assert_eq!((0..100).filter(|it| add(*it, 1)).count(), OF_ADDRESS_MAX);
        let others = (100..300).filter(|it| add(*it, u8::try_from(it % 200).unwrap())).count();
        assert_eq!(others, VIEWINGS_MAX - OF_ADDRESS_MAX);
        assert!(viewings.end(0).is_some() && viewings.end(0).is_none() && viewings.by(1).is_some());
    }
}
