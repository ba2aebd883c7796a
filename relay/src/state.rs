//! All that the relay keeps, and what begins and ends a publisher.

use crate::batch::Batch;
use crate::camera::Camera;
use crate::configuration::{GROUPS_OF_ROOM, Room, nth};
use crate::connections::{Connections, Open};
use crate::description::{Described, TTL, port};
use crate::event::Event;
use crate::places::{Key, Places};
use crate::publishers::Publishers;
use crate::reload::Reload;
use crate::search::{Asker, Found, Searches};
use crate::source_clock::RelayClock;
use crate::track::Out;
use crate::viewings::Viewings;
use mio::unix::SourceFd;
use mio::{Interest, Registry};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::fd::RawFd;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::{Interface, machine};
use streamsocket_rtsp::conversation::Gate;
use streamsocket_rtsp::target::encoded;
use streamsocket_station::announce::{self, Announcer, Reach, Texts};

/// All that the relay keeps.
pub(crate) struct Relay {
    pub(crate) registry: Registry,
    pub(crate) interface: Option<Interface>,
    pub(crate) rooms: Vec<Room>,
    /// Who may publish.
    pub(crate) gate: Gate,
    pub(crate) listener: TcpListener,
    /// Connections may wait to be taken, for which no event will come.
    pub(crate) unaccepted: bool,
    pub(crate) connections: Connections,
    /// What is watched one by one.
    pub(crate) viewings: Viewings,
    /// Sinks of viewers so far.
    pub(crate) sinks: u64,
    pub(crate) publishers: Publishers,
    pub(crate) places: Places,
    /// What is asked for by itself.
    pub(crate) cameras: Vec<Camera>,
    pub(crate) searches: Searches,
    pub(crate) reload: Reload,
    /// What the clocks of all sources are measured against.
    pub(crate) clock: RelayClock,
    /// What says which rooms there are, in their order.
    pub(crate) notices: Vec<Announcer>,
    /// Packets that came within a connection and wait, and of whom they are: slot and track.
    pub(crate) batch: Batch,
    pub(crate) staged: Option<(usize, usize)>,
    /// When the next look is due at what goes on slowly.
    pub(crate) look: Monotonic,
}

/// Why a group is not known yet, or never will be.
pub(crate) enum NoGroup {
    /// It is being looked for.
    Sought,
    /// As many are looked for, or in use, as can be.
    Full,
}

impl Relay {
    /// Watches a descriptor; closing it ends the watch.
    pub(crate) fn watch(
        &self,
        descriptor: RawFd,
        event: Event,
        interest: Interest,
    ) -> io::Result<()> {
        self.registry.register(&mut SourceFd(&descriptor), event.token(), interest)
    }

    /// The group for who publishes under that name: the same as before, the next one of the room, or one that is to be
    /// found.
    pub(crate) fn group_for(
        &mut self,
        asker: Asker,
        key: &Key,
        session: &str,
    ) -> Result<IpAddr, NoGroup> {
        if let Some(place) = self.places.of(key) {
            return Ok(place.group);
        }
        let own = self.rooms.iter().find(|it| it.name == key.room).and_then(|it| it.group);
        if let Some(base) = own {
            let places = &mut self.places;
            let free = |places: &Places| {
                let mut all = (0..GROUPS_OF_ROOM).step_by(2).filter_map(|it| nth(base, it));
                all.find(|it| places.is_free(*it))
            };
            let first = free(places);
            // One that is only kept for somebody who may return is of more use now.
            let other = first.or_else(|| places.give_way(&key.room).then(|| free(places))?);
            return other.ok_or(NoGroup::Full);
        }
        let taken = self.places.clone();
        let free = move |group| taken.is_free(group);
        if self.searches.begin(asker, key, session, self.interface.as_ref(), free) {
            Err(NoGroup::Sought)
        } else {
            Err(NoGroup::Full)
        }
    }

    /// Who looks for a group by that connection.
    pub(crate) fn asker(&self, place: usize) -> Option<Asker> {
        let Open { number, origin, .. } = self.connections.get(place)?;
        Some(Asker { connection: *number, address: *origin })
    }

    /// Who publishes in that slot has this group now.
    pub(crate) fn settle(&mut self, slot: usize, group: IpAddr, now: Monotonic) {
        let Some(publisher) = self.publishers.get_mut(slot) else { return };
        let clock = u64::try_from(machine::unix_nanos() / 1000).unwrap_or(0);
        let group = self.places.take(&publisher.key, &publisher.owner, group, clock).group;
        publisher.settled(group, now);
    }

    /// Groups that were looked for have been found: those who wait for them go on.
    pub(crate) fn take_found(&mut self, now: Monotonic) {
        while let Some(Found { key, group }) = self.searches.found() {
            let waits = self.publishers.iter().find(|(_, it)| it.key == key && it.group.is_none());
            let Some((slot, publisher)) = waits else { continue };
            let (title, connection) = (publisher.title.clone(), publisher.connection);
            let asker = self.asker(connection);
            let group = match group {
                Ok(group) if self.places.is_free(group) => Ok(group),
                // Somebody else was faster.
                Ok(_) => match asker.map(|it| self.group_for(it, &key, &title)) {
                    Some(Ok(group)) => Ok(group),
                    Some(Err(NoGroup::Sought)) => continue,
                    Some(Err(NoGroup::Full)) | None => Err("there is no group left".to_owned()),
                },
                Err(why) => Err(why),
            };
            match group {
                Ok(group) => {
                    self.settle(slot, group, now);
                    self.resume(slot, now);
                }
                Err(why) => {
                    log::warn!("'{title}' cannot be handed on: {why}");
                    self.leave(slot, now, "there is no group for it");
                    self.connections.end(connection);
                }
            }
        }
    }

    /// Answers who has waited for a group.
    fn resume(&mut self, slot: usize, now: Monotonic) {
        let Some(publisher) = self.publishers.get_mut(slot) else { return };
        let Some(request) = publisher.waiting.take() else { return };
        let place = publisher.connection;
        let answer = self.begin(slot, now).map_or_else(
            |why| {
                log::warn!("{why}");
                None
            },
            |()| self.publishers.get_mut(slot).map(|it| request.done(Some(it.lease()))),
        );
        let Some(open) = self.connections.get_mut(place) else { return };
        (open.later, open.left) = (None, true);
        match answer {
            Some(answer) => open.say(&answer),
            None => {
                self.connections.end(place);
                self.leave(slot, now, "it could not begin");
            }
        }
    }

    /// Hands on from now on what that publisher sends.
    ///
    /// # Errors
    /// One line: there is no way to its group.
    pub(crate) fn begin(&mut self, slot: usize, now: Monotonic) -> Result<(), String> {
        let Self { publishers, places, interface, listener, .. } = self;
        let Some(publisher) = publishers.get_mut(slot) else { return Ok(()) };
        let title = publisher.title.clone();
        let told = |what: String| format!("'{title}' cannot be handed on: {what}");
        let place = places.of(&publisher.key).ok_or_else(|| told("it has no group".into()))?;
        let mut origin = None;
        for (index, track) in &mut publisher.tracks {
            let to = SocketAddr::new(place.group, port(*index));
            let out =
                Out::open(to, interface.as_ref(), TTL).map_err(|why| told(why.to_string()))?;
            let from = out.origin().map_err(|why| told(why.to_string()))?;
            origin = Some(from.ip());
            track.begin(out);
        }
        let origin = origin.ok_or_else(|| told("nothing was set up".into()))?;
        publisher.origin = Some(origin);
        let listening = listener.local_addr().map_err(|why| told(why.to_string()))?;
        let at = match listening.ip() {
            any if any.is_unspecified() => origin,
            chosen => chosen,
        };
        let host = SocketAddr::new(at, listening.port());
        let names = [&publisher.key.room, &publisher.key.name].map(|it| encoded(it));
        let url = format!("rtsp://{host}/{}/{}", names[0], names[1]);
        let media = publisher.tracks.iter();
        let media: Vec<_> = media.map(|(index, _)| (*index, &publisher.media[*index])).collect();
        let described = Described {
            room: &publisher.key.room,
            name: &title,
            session_id: place.session_id,
            changes: place.changes,
            origin,
            group: place.group,
            rtsp: Some(&url),
            media: &media,
            clocks: &[],
        };
        let sdp = described.text().map_err(|why| told(why.to_string()))?;
        let ttl = announce::ttl(place.group, TTL);
        let reach = Reach { origin, interface: interface.as_ref(), ttl };
        let announcer = Announcer::new(Texts { session: &sdp, sound: None }, reach, now);
        let announcer = announcer.map_err(told)?;
        let ears = announcer.descriptor();
        let formats: Vec<_> = media.iter().map(|(_, it)| it.encoding.as_str()).collect();
        log::info!(
            "{} publishes '{title}' ({}), which goes to {}",
            publisher.peer,
            formats.join(", "),
            place.group
        );
        publisher.announcer = Some(announcer);
        publisher.since = now;
        publisher.told.url = Some(url);
        if let Some(ears) = ears {
            // Without it viewers wait for the next regular announcement.
            let _ = self.watch(ears, Event::Asked(slot), Interest::READABLE);
        }
        Ok(())
    }

    /// Ends what a publisher sends, for viewers and for itself.
    pub(crate) fn leave(&mut self, slot: usize, now: Monotonic, why: &str) {
        if self.staged.is_some_and(|(of, _)| of == slot) {
            self.batch.clear();
            self.staged = None;
        }
        let Some(mut publisher) = self.publishers.remove(slot) else { return };
        publisher.withdraw();
        self.places.leave(&publisher.key, publisher.is_on(), now);
        // Their players know by that that it is over.
        for place in self.viewings.of(&publisher.key) {
            let _ = self.viewings.end(place);
            self.connections.end(place);
        }
        let (packets, refused) = publisher.counts();
        if publisher.is_on() {
            log::info!("'{}' has ended: {why}; {packets} packets were handed on", publisher.title);
        }
        if !refused.is_empty() {
            log::warn!("'{}': packets that were not handed on: {refused}", publisher.title);
        }
    }

    /// Ends all of them.
    pub(crate) fn end(&mut self, now: Monotonic) {
        let slots: Vec<_> = self.publishers.iter().map(|(slot, _)| slot).collect();
        slots.into_iter().for_each(|slot| self.leave(slot, now, "this program ends"));
        self.notices.iter_mut().for_each(Announcer::delete);
        self.cameras.iter_mut().for_each(|camera| camera.leave(now));
    }
}
