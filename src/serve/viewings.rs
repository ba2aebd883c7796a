//! What players watch: each of them a session of RTSP, with the tracks that were set up, until it is torn down or
//! gives no more signs of life.

use super::connections::CONNECTIONS_MAX;
use crate::publish::track::TrackId;
use crate::publish::unicast::UnicastId;
use crate::publish::viewers::ViewerTransport;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_rtsp::answer::{Lease, Refusal};
use streamsocket_rtsp::transport::{Granted, Profile};

/// Viewings at a time: more than a Pi's network carries.
pub const VIEWINGS_MAX: usize = 160;

/// Sockets of all viewings at a time: of picture, sound, and the repair packets of both, each has a pair.
const SOCKETS_MAX: usize = 8 * VIEWINGS_MAX;

/// Descriptors for everything else: the daemon's own, and [connections](super::connections::CONNECTIONS_MAX).
const DESCRIPTORS_KEPT: usize = 256 + CONNECTIONS_MAX;

/// Descriptors that a process asks for to have them all.
pub const DESCRIPTORS_MAX: usize = SOCKETS_MAX + DESCRIPTORS_KEPT;

/// Those of one address, so that nobody takes all places.
const OF_ADDRESS_MAX: usize = 64;

/// Tracks of a viewing at most, with those of their repair packets: as many as a description holds, twice.
const TRACKS_MAX: usize = 16;

/// Without a sign of life for so long a viewing ends: what most servers announce.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// The same, once its connection has ended: its reports come every 5 s.
const TIMEOUT_ALONE: Duration = Duration::from_secs(15);

/// A track that was set up.
#[derive(Clone, Debug)]
pub struct SetUp {
    /// Which one.
    pub track: TrackId,
    /// Its repair packets.
    pub repair: bool,
    /// The sink that takes it; none takes part in what goes to a group.
    pub sink: Option<UnicastId>,
    /// How it comes.
    pub granted: Granted,
    /// What its packets are.
    pub profile: Profile,
    /// What the player calls it.
    pub url: String,
}

/// What a player watches.
#[derive(Clone, Debug)]
pub struct Viewing {
    /// What answers call it; whoever knows it can end it.
    pub id: String,
    /// The place of its connection, while there is one.
    pub connection: Option<usize>,
    /// Where the player is.
    pub peer: IpAddr,
    /// What it calls itself.
    pub agent: Option<String>,
    /// Whose name and password it has.
    pub user: Option<String>,
    /// The tier that it watches; none for the session itself.
    pub tier: Option<Arc<str>>,
    /// The tracks, in the order in which they were set up.
    pub tracks: Vec<SetUp>,
    /// Whether packets are sent.
    pub playing: bool,
    /// The last sign of life.
    pub heard: Monotonic,
    /// More may have come by its own sockets, for which no event will come.
    pub left: bool,
}

impl Viewing {
    /// What answers say of it.
    #[must_use]
    pub fn lease(&self) -> Lease<'_> {
        Lease { session: &self.id, timeout: TIMEOUT }
    }

    /// How its tracks come.
    #[must_use]
    pub fn transport(&self) -> ViewerTransport {
        match self.tracks.first().map(|it| it.granted) {
            Some(Granted::Udp { .. }) => ViewerTransport::Udp,
            Some(Granted::Tcp { .. }) => ViewerTransport::Tcp,
            Some(Granted::Multicast { .. }) | None => ViewerTransport::Multicast,
        }
    }

    /// Whether a track comes within its connection.
    #[must_use]
    pub fn is_interleaved(&self) -> bool {
        self.tracks.iter().any(|it| matches!(it.granted, Granted::Tcp { .. }))
    }

    /// The track whose reports come by this channel.
    #[must_use]
    pub fn reporting(&self, channel: u8) -> Option<&SetUp> {
        let own = |it: &&SetUp| matches!(it.granted, Granted::Tcp { channels: [_, rtcp] } if rtcp == channel);
        self.tracks.iter().find(own)
    }

    /// Whether it takes one more track.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.tracks.len() < TRACKS_MAX
    }

    /// Sockets of its own.
    fn sockets(&self) -> usize {
        2 * self.tracks.iter().filter(|it| matches!(it.granted, Granted::Udp { .. })).count()
    }

    fn is_over(&self, now: Monotonic) -> bool {
        let timeout = if self.connection.is_some() { TIMEOUT } else { TIMEOUT_ALONE };
        now.since(self.heard) >= timeout
    }
}

/// All viewings, each in its place until it ends.
#[derive(Debug)]
pub struct Viewings {
    places: Vec<Option<Viewing>>,
    /// Sockets of all of them at most.
    sockets_max: usize,
}

impl Default for Viewings {
    fn default() -> Self {
        Self { places: Vec::new(), sockets_max: SOCKETS_MAX }
    }
}

impl Viewings {
    /// The place of the viewing that a player at `peer` calls by this id; of nobody else's.
    ///
    /// # Errors
    /// [`Refusal::NoSession`].
    pub fn find(&self, id: &str, peer: IpAddr) -> Result<usize, Refusal> {
        let own = |it: &Viewing| it.id == id && it.peer == peer;
        self.iter().find(|(_, it)| own(it)).map(|(place, _)| place).ok_or(Refusal::NoSession)
    }

    /// A place for a player's new viewing.
    ///
    /// # Errors
    /// [`Refusal::Full`].
    pub fn place(&mut self, peer: IpAddr) -> Result<usize, Refusal> {
        let of_address = self.iter().filter(|(_, it)| it.peer == peer).count();
        if of_address >= OF_ADDRESS_MAX && !peer.is_loopback() {
            return Err(Refusal::Full);
        }
        let free = self.places.iter().position(Option::is_none);
        let place = free.unwrap_or(self.places.len());
        if place == VIEWINGS_MAX {
            return Err(Refusal::Full);
        }
        if place == self.places.len() {
            self.places.push(None);
        }
        Ok(place)
    }

    /// The process has so many descriptors.
    pub fn have_descriptors(&mut self, descriptors: usize) {
        self.sockets_max = descriptors.saturating_sub(DESCRIPTORS_KEPT).min(SOCKETS_MAX);
    }

    /// Whether a player may have a pair of sockets more. Those of one address have half of all at most.
    #[must_use]
    pub fn has_sockets(&self, peer: IpAddr) -> bool {
        let sockets = |own: &dyn Fn(&Viewing) -> bool| -> usize {
            self.iter().map(|(_, it)| it).filter(|it| own(it)).map(Viewing::sockets).sum()
        };
        let of_address = sockets(&|it| it.peer == peer);
        sockets(&|_| true) + 2 <= self.sockets_max
            && (of_address + 2 <= self.sockets_max / 2 || peer.is_loopback())
    }

    /// Puts a viewing into a place, instead of what it was before.
    pub fn put(&mut self, place: usize, viewing: Viewing) {
        if let Some(it) = self.places.get_mut(place) {
            *it = Some(viewing);
        }
    }

    /// A viewing.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<&Viewing> {
        self.places.get(place)?.as_ref()
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, place: usize) -> Option<&mut Viewing> {
        self.places.get_mut(place)?.as_mut()
    }

    /// Takes a viewing out: it has ended.
    pub fn end(&mut self, place: usize) -> Option<Viewing> {
        self.places.get_mut(place)?.take()
    }

    /// All viewings, with their places.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Viewing)> {
        self.places.iter().enumerate().filter_map(|(place, it)| Some((place, it.as_ref()?)))
    }

    /// Whether a connection has any.
    #[must_use]
    pub fn is_watched_by(&self, connection: usize) -> bool {
        self.iter().any(|(_, it)| it.connection == Some(connection))
    }

    /// The channels of a connection that are taken, but for those of a track that is set up anew.
    #[must_use]
    pub fn channels(&self, connection: usize, but: Option<&SetUp>) -> Vec<u8> {
        let own = self.iter().filter(|(_, it)| it.connection == Some(connection));
        let tracks = own.flat_map(|(_, it)| &it.tracks);
        let tracks = tracks.filter(|it| but.is_none_or(|but| but.sink != it.sink));
        let channels = tracks.filter_map(|it| match it.granted {
            Granted::Tcp { channels } => Some(channels),
            _ => None,
        });
        channels.flatten().collect()
    }

    /// The viewings of a connection give a sign of life.
    pub fn hear(&mut self, connection: usize, now: Monotonic) {
        let own = |it: &&mut Viewing| it.connection == Some(connection);
        self.places.iter_mut().flatten().filter(own).for_each(|it| it.heard = now);
    }

    /// A connection has ended: the places of viewings that end with it. The others have lost it.
    pub fn lose(&mut self, connection: usize) -> Vec<usize> {
        let own = |it: &Viewing| it.connection == Some(connection);
        let ended = self.iter().filter(|(_, it)| own(it) && (it.is_interleaved() || !it.playing));
        let ended = ended.map(|(place, _)| place).collect();
        for it in self.places.iter_mut().flatten().filter(|it| own(it)) {
            it.connection = None;
        }
        ended
    }

    /// The places of those that have given no sign of life for too long.
    #[must_use]
    pub fn over(&self, now: Monotonic) -> Vec<usize> {
        self.iter().filter(|(_, it)| it.is_over(now)).map(|(place, _)| place).collect()
    }
}

impl Default for Viewing {
    fn default() -> Self {
        Self {
            id: String::new(),
            connection: None,
            peer: IpAddr::from([0, 0, 0, 0]),
            agent: None,
            user: None,
            tier: None,
            tracks: Vec::new(),
            playing: false,
            heard: Monotonic(0),
            left: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamsocket_wire::sdp::Medium;

    #[test]
    fn sockets_are_counted_in_all_and_by_address() {
        let mut viewings = Viewings::default();
        viewings.have_descriptors(1024);
        assert_eq!(viewings.sockets_max, 512);
        let set_up = SetUp {
            track: TrackId { medium: Medium::Video, index: 0, tier: None },
            repair: false,
            sink: None,
            granted: Granted::Udp { client: [5000, 5001], server: [6970, 6971], source: None },
            profile: Profile::Avp,
            url: String::new(),
        };
        let mut hosts = [[192, 0, 2, 1], [192, 0, 2, 2], [192, 0, 2, 3]].map(|host| {
            let (peer, mut viewed) = (IpAddr::from(host), 0);
            while let (true, Ok(place)) = (viewings.has_sockets(peer), viewings.place(peer)) {
                let tracks = vec![set_up.clone(); 4];
                viewings.put(place, Viewing { peer, tracks, ..Viewing::default() });
                viewed += 1;
            }
            viewed
        });
        hosts.sort_unstable();
        assert_eq!(hosts, [0, 32, 32]);
    }
}
