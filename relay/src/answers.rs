//! What publishers ask for, and what they are answered.

use crate::connections::Open;
use crate::description::session_name;
use crate::event::Event;
use crate::offer::{NAME_MAX, announced, is_publisher_name};
use crate::places::{Key, Owner};
use crate::publisher::Publisher;
use crate::state::{NoGroup, Relay};
use crate::told::Told;
use crate::track::{Track, Way};
use crate::users::may_publish;
use crate::viewers::Watching;
use mio::Interest;
use std::net::SocketAddr;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::machine;
use streamsocket_rtsp::answer::Refusal;
use streamsocket_rtsp::conversation::{Request, Wanted};
use streamsocket_rtsp::publication::Publication;
use streamsocket_rtsp::target::Target;
use streamsocket_rtsp::transport::{Granted, Offer, Profile, Transport};

/// Who asks, and where.
#[derive(Clone, Copy)]
struct Asking<'a> {
    /// The place of the connection.
    place: usize,
    peer: SocketAddr,
    /// Where the publisher has reached us.
    local: SocketAddr,
    request: &'a Request,
    now: Monotonic,
}

impl<'a> Asking<'a> {
    const fn watching(self) -> Watching<'a> {
        let Asking { place, peer, local, request, now } = self;
        Watching { place, peer, local, request, now }
    }
}

impl Relay {
    /// The answer to a request; `None` if it comes later.
    pub(crate) fn answer(
        &mut self,
        place: usize,
        request: &Request,
        now: Monotonic,
    ) -> Option<Vec<u8>> {
        let Open { peer, local, .. } = self.connections.get(place)?;
        let (peer, local) = (*peer, *local);
        let asking = Asking { place, peer, local, request, now };
        self.try_answer(asking).unwrap_or_else(|why| Some(request.refused(why)))
    }

    fn try_answer(&mut self, asking: Asking<'_>) -> Result<Option<Vec<u8>>, Refusal> {
        let Asking { place, request, now, .. } = asking;
        match &request.wanted {
            Wanted::Options | Wanted::Alive => {
                if let Some(viewing) = self.viewings.by(place) {
                    return Ok(Some(request.done(Some(viewing.lease()))));
                }
                let slot = self.publishers.by(place).and_then(|it| self.publishers.get_mut(it));
                Ok(Some(request.done(slot.map(|it| it.lease()))))
            }
            Wanted::Announce(target, sdp) => {
                self.announce(asking, target, sdp.as_deref())?;
                Ok(Some(request.done(None)))
            }
            Wanted::Contribute(target, offers) => self.set_up(asking, target, offers).map(Some),
            Wanted::Record(target) => self.record(asking, target),
            Wanted::Teardown if self.end_viewing(place) => Ok(Some(request.done(None))),
            Wanted::Teardown => {
                let slot = self.slot(asking)?;
                self.leave(slot, now, "its publisher has said so");
                Ok(Some(request.done(None)))
            }
            Wanted::Describe(target) => self.describe(asking.watching(), target).map(Some),
            Wanted::Setup(target, offers) => {
                if self.publishers.by(place).is_some() {
                    return Err(Refusal::Order);
                }
                self.watch_track(asking.watching(), target, offers).map(Some)
            }
            Wanted::Play(_) => self.play(asking.watching(), true).map(Some),
            Wanted::Pause => self.play(asking.watching(), false).map(Some),
        }
    }

    /// The slot of who asks, if the session is its own.
    fn slot(&self, asking: Asking<'_>) -> Result<usize, Refusal> {
        let slot = self.publishers.by(asking.place).ok_or(Refusal::NoSession)?;
        let named = asking.request.session.as_deref();
        let own = |id: &str| self.publishers.iter().any(|(it, of)| it == slot && of.id == id);
        if named.is_none_or(own) { Ok(slot) } else { Err(Refusal::NoSession) }
    }

    fn announce(
        &mut self,
        asking: Asking<'_>,
        target: &Target,
        sdp: Option<&str>,
    ) -> Result<(), Refusal> {
        let Asking { place, peer, now, .. } = asking;
        if self.publishers.by(place).is_some() || self.viewings.by(place).is_some() {
            return Err(Refusal::Order);
        }
        let key = self.key(peer, target)?;
        let title = session_name(&key.room, &key.name);
        let owner = self.owner(asking, &key, &title)?;
        let media = sdp.ok_or_else(|| "it announces something else than SDP".to_owned());
        let media = media.and_then(announced).map_err(|why| {
            log::warn!("'{title}' from {peer} is refused: {why}");
            Refusal::Format
        })?;
        let random = machine::random_bytes::<16>().map_err(|_| Refusal::Failed)?;
        let controls = media.iter().map(|it| it.control.as_str());
        let publication = Publication::new(target.clone(), controls);
        let asker = self.asker(place).ok_or(Refusal::Failed)?;
        let group = match self.group_for(asker, &key, &title) {
            Ok(group) => Some(group),
            Err(NoGroup::Sought) => None,
            Err(NoGroup::Full) => {
                log::warn!("there is no group left for '{title}'");
                return Err(Refusal::Full);
            }
        };
        let slot = self.publishers.add(Publisher {
            key,
            owner,
            title,
            id: random.iter().map(|byte| format!("{byte:02x}")).collect(),
            connection: place,
            peer,
            media,
            publication,
            tracks: Vec::new(),
            group: None,
            waiting: None,
            announcer: None,
            origin: None,
            since: now,
            warned: false,
            told: Told::default(),
        });
        group.into_iter().for_each(|group| self.settle(slot, group, now));
        Ok(())
    }

    /// Who is going to have that name: it may publish there, nobody else has the name, and there is room for it.
    fn owner(&self, asking: Asking<'_>, key: &Key, title: &str) -> Result<Owner, Refusal> {
        let Asking { peer, request, now, .. } = asking;
        let room = self.rooms.iter().find(|it| it.name == key.room).ok_or(Refusal::NotFound)?;
        let user = request.user.as_deref();
        if !may_publish(&self.gate.users, room, user, peer.ip()) {
            let who = user.map_or_else(|| peer.ip().to_string(), str::to_owned);
            log::warn!("{who} may not publish '{title}' (from {peer})");
            return Err(Refusal::Forbidden);
        }
        if room.pull.iter().any(|it| it.name == key.name) {
            log::warn!("'{title}' is pulled from a camera: {peer} is refused");
            return Err(Refusal::Taken);
        }
        if let Some(other) = self.publishers.named(key) {
            log::warn!("'{title}' is published by {} already: {peer} is refused", other.peer);
            return Err(Refusal::Taken);
        }
        let owner = user.map_or_else(|| Owner::Address(peer.ip()), |it| Owner::User(it.into()));
        if let Some(minutes) = self.places.kept(key, &owner, now) {
            log::warn!(
                "'{title}' is kept for who has published it, for {minutes} min: {peer} is refused"
            );
            return Err(Refusal::Taken);
        }
        if !self.publishers.has_room(peer.ip()) {
            log::warn!("there are too many publishers: {peer} is refused");
            return Err(Refusal::Full);
        }
        Ok(owner)
    }

    /// The room and the name that a URL names.
    fn key(&self, peer: SocketAddr, target: &Target) -> Result<Key, Refusal> {
        let [room, name] = &*target.path else {
            log::warn!("{peer} publishes to no room: the address is to end in /ROOM/NAME");
            return Err(Refusal::NotFound);
        };
        if target.track.is_some() || !is_publisher_name(name) {
            log::warn!("{peer} publishes under no name: it is to have 1 to {NAME_MAX} bytes");
            return Err(Refusal::NotFound);
        }
        if !self.rooms.iter().any(|it| it.name == *room) {
            log::warn!(
                "{peer} publishes to a room that there is not, {room:?}: each needs a [[room]] in the configuration"
            );
            return Err(Refusal::NotFound);
        }
        Ok(Key { room: room.clone(), name: name.clone() })
    }

    fn set_up(
        &mut self,
        asking: Asking<'_>,
        target: &Target,
        offers: &[Transport<Offer>],
    ) -> Result<Vec<u8>, Refusal> {
        let slot = match self.publishers.by(asking.place) {
            Some(_) => self.slot(asking)?,
            // Nothing was announced.
            None => return Err(Refusal::Order),
        };
        let publisher = self.publishers.get_mut(slot).ok_or(Refusal::NoSession)?;
        let index = publisher.publication.track(target)?;
        let taken = publisher.tracks.iter().filter_map(|(_, track)| track.channels());
        let taken: Vec<_> = taken.flatten().collect();
        let plain = offers.iter().filter(|it| it.profile == Profile::Avp);
        let chosen = plain.map(|it| it.way).find(|it| is_possible(it, &taken));
        let (way, granted) = open(asking, chosen.ok_or(Refusal::Transport)?)?;
        let media = publisher.media.get(index).ok_or(Refusal::NotFound)?;
        let track = Track::new(way, media);
        let descriptors = track.descriptors();
        publisher.publication.set_up(index);
        publisher.add(index, track);
        let granted = Transport { profile: Profile::Avp, way: granted };
        let answer = asking.request.contributes(publisher.lease(), &granted);
        if let Some([packets, reports]) = descriptors {
            let failed = |_| Refusal::Failed;
            // By its place among the media: what is set up later may come before it.
            let track = index;
            self.watch(packets, Event::Packets { slot, track }, Interest::READABLE)
                .map_err(failed)?;
            self.watch(reports, Event::Reports { slot, track }, Interest::READABLE)
                .map_err(failed)?;
        }
        Ok(answer)
    }

    fn record(&mut self, asking: Asking<'_>, target: &Target) -> Result<Option<Vec<u8>>, Refusal> {
        let Asking { place, request, now, .. } = asking;
        let slot = match self.publishers.by(place) {
            Some(_) => self.slot(asking)?,
            None => return Err(Refusal::NoSession),
        };
        let publisher = self.publishers.get_mut(slot).ok_or(Refusal::NoSession)?;
        publisher.publication.record(target)?;
        if publisher.group.is_none() {
            publisher.waiting = Some(request.clone());
            if let Some(open) = self.connections.get_mut(place) {
                open.hold();
            }
            return Ok(None);
        }
        if let Err(why) = self.begin(slot, now) {
            log::warn!("{why}");
            self.leave(slot, now, "it could not begin");
            return Err(Refusal::Failed);
        }
        let lease = self.publishers.get_mut(slot).map(|it| request.done(Some(it.lease())));
        Ok(lease)
    }
}

/// Whether a medium can come that way.
fn is_possible(offer: &Offer, taken: &[u8]) -> bool {
    match offer {
        Offer::Udp { .. } | Offer::Tcp { channels: None } => true,
        Offer::Tcp { channels: Some([rtp, rtcp]) } => {
            rtp != rtcp && !taken.contains(rtp) && !taken.contains(rtcp)
        }
        Offer::Multicast | Offer::Other => false,
    }
}

/// Opens the way that was chosen.
fn open(asking: Asking<'_>, offer: Offer) -> Result<(Way, Granted), Refusal> {
    let Asking { peer, local, .. } = asking;
    match offer {
        Offer::Tcp { channels } => {
            // Who leaves the choice to the server has one medium.
            let channels = channels.unwrap_or([0, 1]);
            Ok((Way::Tcp { channels }, Granted::Tcp { channels }))
        }
        Offer::Udp { client } => {
            let failed = |error: streamsocket_net::Error| {
                log::warn!("{error}");
                Refusal::Failed
            };
            let way = Way::udp(local, peer, client).map_err(failed)?;
            let server = way.ports().ok_or(Refusal::Failed)?;
            let source = Some(local.ip());
            Ok((way, Granted::Udp { client, server, source }))
        }
        Offer::Multicast | Offer::Other => Err(Refusal::Transport),
    }
}
