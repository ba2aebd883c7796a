//! Sets up tracks for players that ask over RTSP: finds them, and opens the way that their packets take.

use super::input::Input;
use super::registry::Event;
use super::session::Session;
use super::state::Daemon;
use crate::publish::description::Described;
use crate::publish::track::{Track, TrackId};
use crate::publish::unicast::{Form, UnicastSink, UnicastWay};
use crate::serve::connections::Open;
use crate::serve::viewings::{SetUp, Viewing};
use std::net::{IpAddr, SocketAddr};
use streamsocket_media::clock::Monotonic;
use streamsocket_net::{UnicastSocket, machine};
use streamsocket_rtsp::answer::Refusal;
use streamsocket_rtsp::conversation::Request;
use streamsocket_rtsp::target::{Target, track_url};
use streamsocket_rtsp::transport::{Granted, Offer, Profile, Transport};

impl Daemon {
    /// Which session a URL names.
    pub(super) fn session_at(&self, target: &Target) -> Result<usize, Refusal> {
        let tier = match &*target.path {
            [] => None,
            [name] if *name == self.name => None,
            [name, tier] if *name == self.name => Some(tier.as_str()),
            _ => return Err(Refusal::NotFound),
        };
        if self.paused {
            return Err(Refusal::Paused);
        }
        self.sessions.iter().position(|it| it.tier() == tier).ok_or(Refusal::NotFound)
    }

    /// Sets up a track, and answers.
    pub(super) fn set_up(
        &mut self,
        asking: Asking<'_>,
        viewing: Option<usize>,
        target: &Target,
        offers: &[Transport<Offer>],
    ) -> Result<Vec<u8>, Refusal> {
        let session = &self.sessions[self.session_at(target)?];
        let described = described(session, target)?.clone();
        if target.repair && !session.description.fec {
            return Err(Refusal::NotFound);
        }
        let mut next = self.begun(&asking, viewing, &described)?;
        let again = |it: &SetUp| it.track == described.id && it.repair == target.repair;
        let again = next.tracks.iter().position(again).map(|at| next.tracks.remove(at));
        let place = match viewing {
            Some(place) => place,
            None => self.server.viewings.place(asking.peer.ip())?,
        };
        // A new way that cannot be had leaves the old one as it is.
        let taken = self.server.viewings.channels(asking.place, again.as_ref());
        let (profile, Way { granted, way }) =
            self.transport(&asking, &described, target.repair, offers, &taken)?;
        again.iter().for_each(|before| self.detach(before));
        let mut sink = None;
        if let Some(way) = way {
            let id = self.server.next_sink();
            let form = self.form(profile, target.repair);
            self.attach(&described.id, UnicastSink::new(id, way, form), place)?;
            sink = Some(id);
        }
        let url = track_url(&target.base, described.mid());
        let (track, repair) = (described.id, target.repair);
        let set_up = SetUp { track, repair, sink, granted, profile, url };
        next.tracks.push(set_up);
        let transport = Transport { profile, way: granted };
        let answer = asking.request.set_up(next.lease(), &transport);
        self.server.viewings.put(place, next);
        Ok(answer)
    }

    /// What a sink takes whose packets are of that profile.
    fn form(&self, profile: Profile, repair: bool) -> Form {
        match profile {
            _ if repair => Form::Repair,
            Profile::Avp if self.settings.protection.is_some() => Form::Plain,
            Profile::Avp | Profile::Savp => Form::Media,
        }
    }

    /// The first transport among those offered that there is, and that may be.
    fn transport(
        &self,
        asking: &Asking<'_>,
        described: &Described,
        repair: bool,
        offers: &[Transport<Offer>],
        taken: &[u8],
    ) -> Result<(Profile, Way), Refusal> {
        let protected = self.settings.protection.is_some();
        let safe = |it: &&Transport<Offer>| may_go(**it, repair, protected, asking.private);
        let safe_offers = offers.iter().filter(safe);
        let mut refusal = Refusal::Transport;
        for Transport { profile, way: offer } in safe_offers {
            match way(asking, described, repair, *offer, taken, self) {
                Ok(way) => return Ok((*profile, way)),
                Err(why) => refusal = why,
            }
        }
        if protected && offers.iter().any(|it| it.profile == Profile::Avp && !safe(&it)) {
            let agent = asking.request.agent.as_deref().unwrap_or("a player");
            log::info!(
                "{} asked for a protected session without protection; use rtsps:// or the key: {agent}",
                asking.peer.ip()
            );
        }
        Err(refusal)
    }

    /// The viewing that a track is set up for: one that there is, or a new one.
    fn begun(
        &self,
        asking: &Asking<'_>,
        viewing: Option<usize>,
        described: &Described,
    ) -> Result<Viewing, Refusal> {
        let (connection, heard) = (Some(asking.place), asking.now);
        let tier = described.id.tier.clone();
        match viewing.and_then(|it| self.server.viewings.get(it)) {
            Some(viewing) if viewing.playing => Err(Refusal::Order),
            // Who ends that connection ends the tracks that come by it.
            Some(viewing) if viewing.is_interleaved() && viewing.connection != connection => {
                Err(Refusal::Order)
            }
            Some(viewing) if viewing.tier != tier => Err(Refusal::Aggregate),
            Some(viewing) if !viewing.has_room() => Err(Refusal::Full),
            Some(viewing) => Ok(Viewing { connection, heard, ..viewing.clone() }),
            None => {
                let number = machine::random_bytes().map_err(|_| Refusal::Failed)?;
                let id = format!("{:016x}", u64::from_ne_bytes(number));
                let Request { agent, user, .. } = asking.request.clone();
                let peer = asking.peer.ip();
                Ok(Viewing { id, connection, peer, agent, user, tier, heard, ..Viewing::default() })
            }
        }
    }

    fn attach(&mut self, track: &TrackId, sink: UnicastSink, place: usize) -> Result<(), Refusal> {
        let id = sink.id();
        let track = track_mut(&mut self.inputs, track).ok_or(Refusal::NotFound)?;
        let unicast = track.transport_mut().unicast_mut();
        unicast.add(sink);
        let watched = unicast
            .descriptors(id)
            .try_for_each(|descriptor| self.registry.watch(descriptor, Event::Viewer { place }));
        if watched.is_err() {
            unicast.remove(id);
            return Err(Refusal::Failed);
        }
        Ok(())
    }

    /// Serves a track no more.
    pub(super) fn detach(&mut self, set_up: &SetUp) {
        let Some(sink) = set_up.sink else { return };
        if let Some(track) = track_mut(&mut self.inputs, &set_up.track) {
            let removed = track.transport_mut().unicast_mut().remove(sink);
            removed.iter().for_each(|sink| self.server.totals.add(sink));
        }
    }
}

/// The track of this id.
pub(super) fn track_mut<'a>(inputs: &'a mut [Input], id: &TrackId) -> Option<&'a mut Track> {
    inputs.iter_mut().flat_map(|input| input.tracks_mut()).find(|track| track.id() == id)
}

/// Who asks for a track.
pub(super) struct Asking<'a> {
    /// The place of the connection.
    pub(super) place: usize,
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
    /// What is sent by that connection is encrypted by others.
    pub(super) private: bool,
    pub(super) request: &'a Request,
    pub(super) now: Monotonic,
}

/// How a track is to come, and what sends it so.
struct Way {
    granted: Granted,
    way: Option<UnicastWay>,
}

/// The track that a URL names: a session with a single one need not name it.
fn described<'a>(session: &'a Session, target: &Target) -> Result<&'a Described, Refusal> {
    let tracks = &session.description.tracks;
    match &target.track {
        Some(name) => tracks.iter().find(|it| it.mid() == name).ok_or(Refusal::NotFound),
        None if tracks.len() == 1 => tracks.first().ok_or(Refusal::NotFound),
        None => Err(Refusal::Aggregate),
    }
}

/// Whether packets may go so: sealed ones by any way, if there are any, and those of a protected session as they are
/// within a private connection alone. Its repair packets are of sealed ones.
fn may_go(offer: Transport<Offer>, repair: bool, protected: bool, private: bool) -> bool {
    match offer.profile {
        Profile::Savp => protected,
        Profile::Avp if !protected => true,
        Profile::Avp => private && !repair && matches!(offer.way, Offer::Tcp { .. }),
    }
}

/// The way that is offered.
fn way(
    asking: &Asking<'_>,
    described: &Described,
    repair: bool,
    offer: Offer,
    taken: &[u8],
    daemon: &Daemon,
) -> Result<Way, Refusal> {
    let to = if repair { described.to.fec } else { described.to.rtp };
    match offer {
        Offer::Udp { client } if daemon.server.viewings.has_sockets(asking.peer.ip()) => {
            by_udp(asking.local, asking.peer, client)
        }
        Offer::Udp { .. } => Err(Refusal::Full),
        Offer::Tcp { channels } => {
            let channels = free_channels(channels, taken).ok_or(Refusal::Transport)?;
            let open = daemon.server.connections.get(asking.place);
            let connection = open.map(Open::connection).ok_or(Refusal::Failed)?;
            let way = Some(UnicastWay::Interleaved { connection, channels });
            Ok(Way { granted: Granted::Tcp { channels }, way })
        }
        Offer::Multicast if to.ip().is_multicast() => {
            let ports = [to.port(), if repair { to.port() + 1 } else { described.to.rtcp.port() }];
            let (group, ttl) = (to.ip(), daemon.network.ttl);
            Ok(Way { granted: Granted::Multicast { group, ports, ttl }, way: None })
        }
        Offer::Multicast | Offer::Other => Err(Refusal::Transport),
    }
}

/// The channels that a player has chosen, or if they are not free, or not two, the next ones that are.
fn free_channels(chosen: Option<[u8; 2]>, taken: &[u8]) -> Option<[u8; 2]> {
    let free = |pair: &[u8; 2]| pair[0] != pair[1] && !pair.iter().any(|it| taken.contains(it));
    let next = || (0..=254).step_by(2).map(|first| [first, first + 1]).find(free);
    chosen.filter(free).or_else(next)
}

/// By two sockets at the address that the player knows us by, to the address that it asks from and no other.
fn by_udp(local: SocketAddr, peer: SocketAddr, client: [u16; 2]) -> Result<Way, Refusal> {
    let to = client.map(|port| {
        let mut to = peer;
        to.set_port(port);
        to
    });
    let failed = |error: streamsocket_net::Error| {
        log::warn!("RTSP: {error}");
        Refusal::Failed
    };
    let pair = UnicastSocket::pair(local, to).map_err(failed)?;
    let ports = pair.each_ref().map(|it| it.local_addr().map(|it| it.port()));
    let [Ok(first), Ok(second)] = ports else { return Err(Refusal::Failed) };
    let source: Option<IpAddr> = Some(local.ip());
    let granted = Granted::Udp { client, server: [first, second], source };
    Ok(Way { granted, way: Some(UnicastWay::Udp(Box::new(pair))) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_protected_session_goes_in_clear() {
        let ways =
            [Offer::Udp { client: [5000, 5001] }, Offer::Multicast, Offer::Tcp { channels: None }];
        let of = |profile, repair, protected, private| {
            ways.map(|way| may_go(Transport { profile, way }, repair, protected, private))
        };
        const NONE: [bool; 3] = [false; 3];
        for private in [false, true] {
            for repair in [false, true] {
                assert_eq!(of(Profile::Savp, repair, true, private), [true; 3]);
                assert_eq!(of(Profile::Savp, repair, false, private), NONE);
                assert_eq!(of(Profile::Avp, repair, false, private), [true; 3]);
            }
        }
        assert_eq!(of(Profile::Avp, false, true, false), NONE);
        assert_eq!(of(Profile::Avp, false, true, true), [false, false, true]);
        assert_eq!(of(Profile::Avp, true, true, true), NONE);
    }

    #[test]
    fn no_two_tracks_of_a_connection_share_a_channel() {
        assert_eq!(free_channels(Some([6, 7]), &[0, 1]), Some([6, 7]));
        assert_eq!(free_channels(Some([1, 2]), &[0, 1]), Some([2, 3]));
        assert_eq!(free_channels(Some([7, 7]), &[]), Some([0, 1]));
        assert_eq!(free_channels(None, &[0, 1, 3]), Some([4, 5]));
        let all: Vec<_> = (0..=255).collect();
        assert_eq!(free_channels(Some([0, 1]), &all), None);
    }
}
