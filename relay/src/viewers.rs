//! What viewers ask for who are served one by one, and what they are answered.

use crate::description::{Described, TTL};
use crate::offer::TRACKS_MAX;
use crate::places::Key;
use crate::state::Relay;
use crate::viewings::{Viewing, Watched};
use std::net::{IpAddr, SocketAddr};
use streamsocket_media::clock::Monotonic;
use streamsocket_net::neighbours::is_near;
use streamsocket_net::{UnicastSocket, machine};
use streamsocket_rtsp::answer::{Begins, Refusal};
use streamsocket_rtsp::conversation::Request;
use streamsocket_rtsp::target::{Target, track_url};
use streamsocket_rtsp::transport::{Granted, Offer, Profile, Transport};
use streamsocket_station::unicast::{Form, UnicastId, UnicastSink, UnicastWay};

/// Media of a viewing at most: as many as a publisher has, once.
const WATCHED_MAX: usize = TRACKS_MAX;

/// Who asks, and where.
#[derive(Clone, Copy)]
pub(crate) struct Watching<'a> {
    /// The place of the connection.
    pub(crate) place: usize,
    pub(crate) peer: SocketAddr,
    /// Where the viewer has reached us.
    pub(crate) local: SocketAddr,
    pub(crate) request: &'a Request,
    pub(crate) now: Monotonic,
}

impl Relay {
    /// The slot of who is watched at that URL.
    fn watched(&self, target: &Target) -> Result<usize, Refusal> {
        let [room, name] = &*target.path else { return Err(Refusal::NotFound) };
        let named = |key: &Key| key.room == *room && key.name == *name;
        let mut on = self.publishers.iter().filter(|(_, it)| it.is_on() && named(&it.key));
        on.next().map(|(slot, _)| slot).ok_or(Refusal::NotFound)
    }

    /// Whether somebody may watch: with users one of them, else who is near.
    fn may_watch(&self, watching: Watching<'_>) -> Result<(), Refusal> {
        let users = &self.gate.users;
        let may = match users.is_empty() {
            true => is_near(watching.peer.ip()),
            false => watching.request.user.is_some(),
        };
        if may { Ok(()) } else { Err(Refusal::Forbidden) }
    }

    pub(crate) fn describe(
        &self,
        watching: Watching<'_>,
        target: &Target,
    ) -> Result<Vec<u8>, Refusal> {
        self.may_watch(watching)?;
        let slot = self.watched(target)?;
        let sdp = self.describing(slot, |it| it.served(&target.base, watching.local.is_ipv6()));
        let sdp = sdp.ok_or(Refusal::NotFound)?.map_err(|_| Refusal::Failed)?;
        Ok(watching.request.described(&target.base, &sdp))
    }

    /// What is made of the description of who publishes in that slot.
    pub(crate) fn describing<T>(
        &self,
        slot: usize,
        make: impl FnOnce(&Described<'_>) -> T,
    ) -> Option<T> {
        let (_, publisher) = self.publishers.iter().find(|(it, _)| *it == slot)?;
        let place = self.places.of(&publisher.key)?;
        let media = publisher.tracks.iter();
        let media: Vec<_> = media.map(|(index, _)| (*index, &publisher.media[*index])).collect();
        Some(make(&Described {
            room: &publisher.key.room,
            name: &publisher.title,
            session_id: place.session_id,
            changes: place.changes,
            origin: publisher.origin?,
            group: place.group,
            rtsp: publisher.told.url.as_deref(),
            media: &media,
            clocks: &publisher.told.clocks,
        }))
    }

    pub(crate) fn watch_track(
        &mut self,
        watching: Watching<'_>,
        target: &Target,
        offers: &[Transport<Offer>],
    ) -> Result<Vec<u8>, Refusal> {
        self.may_watch(watching)?;
        let Watching { place, peer, local, request, now } = watching;
        let slot = self.watched(target)?;
        let mid = target.track.as_deref().ok_or(Refusal::Aggregate)?;
        let track = self.describing(slot, |it| it.mids().iter().position(|it| it == mid));
        let track = track.flatten().ok_or(Refusal::NotFound)?;
        let publisher = self.publishers.get_mut(slot).ok_or(Refusal::NotFound)?;
        let key = publisher.key.clone();
        let mut taken = Vec::new();
        match self.viewings.by(place) {
            Some(viewing) => {
                self.is_named(viewing, request)?;
                let again = viewing.watched.iter().any(|it| it.track == track);
                let full = viewing.watched.len() == WATCHED_MAX;
                if viewing.key != key || viewing.playing || again || full {
                    return Err(Refusal::Order);
                }
                taken.extend(viewing.watched.iter().filter_map(|it| it.channels).flatten());
            }
            None if self.viewings.has_room(peer.ip()) => {}
            None => return Err(Refusal::Full),
        }
        let plain = offers.iter().filter(|it| it.profile == Profile::Avp).map(|it| it.way);
        let chosen = plain.filter_map(|offer| way(offer, &taken)).next();
        let chosen = chosen.ok_or(Refusal::Transport)?;
        let random = machine::random_bytes::<16>().map_err(|_| Refusal::Failed)?;
        let (sink, granted) = self.open(slot, track, chosen, local, watching)?;
        let channels = match granted {
            Granted::Tcp { channels } => Some(channels),
            _ => None,
        };
        let url = track_url(&target.base, mid);
        // Now that nothing can fail any more: whoever is refused holds nothing.
        let viewing = self.viewings.by_or_new(place, || {
            let id = random.iter().map(|byte| format!("{byte:02x}")).collect();
            Viewing::new(id, place, peer.ip(), key, now)
        });
        viewing.user.clone_from(&request.user);
        viewing.watched.push(Watched { track, sink, channels, url });
        let granted = Transport { profile: Profile::Avp, way: granted };
        Ok(request.set_up(viewing.lease(), &granted))
    }

    /// Opens the way of a track to a viewer.
    fn open(
        &mut self,
        slot: usize,
        track: usize,
        offer: Offer,
        local: SocketAddr,
        watching: Watching<'_>,
    ) -> Result<(Option<UnicastId>, Granted), Refusal> {
        let Watching { place, peer, .. } = watching;
        let (way, granted) = match offer {
            Offer::Tcp { channels: Some(channels) } => {
                let connection = self.connections.get(place).ok_or(Refusal::Failed)?.connection();
                let way = UnicastWay::Interleaved { connection, channels };
                (way, Granted::Tcp { channels })
            }
            Offer::Udp { client } => by_udp(local, peer, client)?,
            _ => {
                let to = self.describing(slot, |it| it.group_and_ports(track));
                let (group, ports) = to.flatten().ok_or(Refusal::Transport)?;
                return Ok((None, Granted::Multicast { group, ports, ttl: TTL }));
            }
        };
        self.sinks += 1;
        let id = UnicastId(self.sinks);
        let publisher = self.publishers.get_mut(slot).ok_or(Refusal::NotFound)?;
        let (_, track) = publisher.tracks.get_mut(track).ok_or(Refusal::NotFound)?;
        track.fan.add(UnicastSink::new(id, way, Form::Media));
        Ok((Some(id), granted))
    }

    fn is_named(&self, viewing: &Viewing, request: &Request) -> Result<(), Refusal> {
        match request.session.as_deref() {
            Some(id) if id != viewing.id => Err(Refusal::NoSession),
            _ => Ok(()),
        }
    }

    /// A viewer gets packets from now on, or none for a while.
    pub(crate) fn play(
        &mut self,
        watching: Watching<'_>,
        playing: bool,
    ) -> Result<Vec<u8>, Refusal> {
        let Watching { place, peer, request, .. } = watching;
        let Self { viewings, publishers, .. } = self;
        let viewing = viewings.by_mut(place).ok_or(Refusal::NoSession)?;
        if request.session.as_deref().is_some_and(|id| id != viewing.id) {
            return Err(Refusal::NoSession);
        }
        let slot = publishers.iter().find(|(_, it)| it.key == viewing.key).map(|(slot, _)| slot);
        let publisher = slot.and_then(|it| publishers.get_mut(it)).ok_or(Refusal::NotFound)?;
        let mut begins = Vec::new();
        for watched in &viewing.watched {
            let Some((_, track)) = publisher.tracks.get_mut(watched.track) else { continue };
            if let Some(sink) = watched.sink {
                track.fan.play(sink, playing);
            }
            if let Some((sequence, time)) = track.guard.next() {
                begins.push(Begins { url: watched.url.clone(), sequence, time });
            }
        }
        if playing && !viewing.playing {
            log::info!("{peer} watches '{}' over RTSP", publisher.title);
        }
        viewing.play(playing);
        Ok(match playing {
            true => request.played(viewing.lease(), &begins),
            false => request.done(Some(viewing.lease())),
        })
    }

    /// Ends what is watched by a connection. False if nothing is.
    pub(crate) fn end_viewing(&mut self, place: usize) -> bool {
        let Some(viewing) = self.viewings.end(place) else { return false };
        let slot = self.publishers.iter().find(|(_, it)| it.key == viewing.key);
        let slot = slot.map(|(slot, _)| slot);
        if let Some(publisher) = slot.and_then(|it| self.publishers.get_mut(it)) {
            for watched in &viewing.watched {
                let track = publisher.tracks.get_mut(watched.track);
                if let Some(((_, track), sink)) = track.zip(watched.sink) {
                    track.fan.remove(sink);
                }
            }
        }
        if viewing.playing {
            log::info!("{} stopped watching over RTSP", viewing.peer);
        }
        true
    }
}

/// The way that is taken of one that is offered, if it can be.
fn way(offer: Offer, taken: &[u8]) -> Option<Offer> {
    let free = |pair: &[u8; 2]| pair[0] != pair[1] && !pair.iter().any(|it| taken.contains(it));
    match offer {
        Offer::Tcp { channels } => {
            let next = || (0..=254).step_by(2).map(|first| [first, first + 1]).find(free);
            let channels = channels.filter(free).or_else(next)?;
            Some(Offer::Tcp { channels: Some(channels) })
        }
        Offer::Udp { .. } | Offer::Multicast => Some(offer),
        Offer::Other => None,
    }
}

/// By two sockets at the address that the viewer knows us by, to the address that it asks from and no other.
fn by_udp(
    local: SocketAddr,
    peer: SocketAddr,
    client: [u16; 2],
) -> Result<(UnicastWay, Granted), Refusal> {
    let to = client.map(|port| {
        let mut to = peer;
        to.set_port(port);
        to
    });
    let pair = UnicastSocket::pair(local, to).map_err(|error| {
        log::warn!("{error}");
        Refusal::Failed
    })?;
    let ports = pair.each_ref().map(|it| it.local_addr().map(|it| it.port()));
    let [Ok(first), Ok(second)] = ports else { return Err(Refusal::Failed) };
    let source: Option<IpAddr> = Some(local.ip());
    let granted = Granted::Udp { client, server: [first, second], source };
    Ok((UnicastWay::Udp(Box::new(pair)), granted))
}
