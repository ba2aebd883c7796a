//! Cameras become publishers: what they have is announced, and their packets are handed on.

use crate::camera::{Camera, Lost, Step};
use crate::description::session_name;
use crate::event::Event;
use crate::hearing::take;
use crate::offer::Announced;
use crate::places::{Key, Owner};
use crate::publisher::Publisher;
use crate::search::Asker;
use crate::state::{NoGroup, Relay};
use crate::told::Told;
use crate::track::{Track, Way};
use mio::Interest;
use std::net::SocketAddr;
use streamsocket_media::clock::Monotonic;
use streamsocket_rtsp::publication::Publication;
use streamsocket_rtsp::target::Target;

/// Pieces of a camera's connection that are read in one turn of the loop: others have their turn, too.
const READS_AT_A_TIME: usize = 32;

/// The place that a camera has instead of one among the connections, none of which is so far up.
const fn place(number: usize) -> usize {
    usize::MAX - number
}

impl Relay {
    pub(crate) fn rouse_camera(&mut self, number: usize) {
        if let Some(open) = self.cameras.get_mut(number).and_then(Camera::open_mut) {
            open.roused = true;
        }
    }

    /// Connects to cameras, and takes what has come from them.
    pub(crate) fn ask_cameras(&mut self, now: Monotonic) {
        let mut cameras = std::mem::take(&mut self.cameras);
        for (number, camera) in cameras.iter_mut().enumerate() {
            if camera.deadline().is_some_and(|it| it > now) && !self.waits(number, camera) {
                continue;
            }
            if let Err(lost) = self.ask_camera(number, camera, now) {
                self.hand_on_staged();
                if let Some(slot) = self.publishers.by(place(number)) {
                    self.leave(slot, now, &format!("its camera {}", lost.why));
                }
                camera.lose(&lost, now);
            }
            self.hand_on_staged();
        }
        self.cameras = cameras;
    }

    /// Whether a camera's packets come, and are not handed on yet or no more.
    fn waits(&mut self, number: usize, camera: &mut Camera) -> bool {
        let plays = camera.open_mut().is_some_and(|it| it.plays);
        let slot = self.publishers.by(place(number)).and_then(|it| self.publishers.get_mut(it));
        plays && slot.is_none_or(|it| !it.is_on() && it.group.is_some())
    }

    fn ask_camera(
        &mut self,
        number: usize,
        camera: &mut Camera,
        now: Monotonic,
    ) -> Result<(), Lost> {
        if let Some(descriptor) = camera.turn(now)? {
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.watch(descriptor, Event::Camera(number), interest).map_err(|it| it.to_string())?;
        }
        let Camera { key, .. } = camera;
        let key = key.clone();
        let Some(open) = camera.open_mut() else { return Ok(()) };
        let mut pieces = READS_AT_A_TIME;
        while let Some(step) = open.take(&mut pieces, now)? {
            match step {
                Step::Described(media) => {
                    let publisher = pulled(key.clone(), place(number), open.peer, media, now);
                    self.publish_camera(number, publisher, now)?;
                }
                Step::Plays => {}
                Step::Packet(channel) => {
                    let Self { publishers, batch, staged, .. } = self;
                    let Some(slot) = publishers.by(place(number)) else { continue };
                    let Some(publisher) = publishers.get_mut(slot) else { continue };
                    take(publisher, slot, (channel, open.packet()), batch, staged, now);
                }
            }
        }
        if !open.plays {
            return Ok(());
        }
        let Some(slot) = self.publishers.by(place(number)) else {
            return Err("sends nothing".into());
        };
        let publisher = self.publishers.get_mut(slot);
        if publisher.is_some_and(|it| !it.is_on() && it.group.is_some()) {
            self.begin(slot, now)?;
            camera.begins();
        }
        Ok(())
    }

    /// What a camera has is going to be handed on, once there is a group for it.
    fn publish_camera(
        &mut self,
        number: usize,
        publisher: Publisher,
        now: Monotonic,
    ) -> Result<(), Lost> {
        let (key, title) = (publisher.key.clone(), publisher.title.clone());
        if self.publishers.named(&key).is_some() || !self.publishers.has_room(publisher.peer.ip()) {
            return Err("is one too many: as many publish as can be".into());
        }
        let connection = u64::try_from(place(number)).unwrap_or(u64::MAX);
        let asker = Asker { connection, address: publisher.peer.ip() };
        let group = match self.group_for(asker, &key, &title) {
            Ok(group) => Some(group),
            Err(NoGroup::Sought) => None,
            Err(NoGroup::Full) => return Err("has to wait for a group".into()),
        };
        let slot = self.publishers.add(publisher);
        group.into_iter().for_each(|group| self.settle(slot, group, now));
        Ok(())
    }
}

/// Who publishes what a camera has.
fn pulled(
    key: Key,
    connection: usize,
    peer: SocketAddr,
    media: Vec<(Announced, [u8; 2])>,
    now: Monotonic,
) -> Publisher {
    let tracks = media.iter().enumerate().map(|(index, (it, channels))| {
        let way = Way::Tcp { channels: *channels };
        (index, Track::new(way, it))
    });
    Publisher {
        title: session_name(&key.room, &key.name),
        key,
        owner: Owner::Camera,
        id: String::new(),
        connection,
        peer,
        tracks: tracks.collect(),
        media: media.into_iter().map(|(it, _)| it).collect(),
        publication: Publication::new(Target::parse("", ""), []),
        group: None,
        waiting: None,
        announcer: None,
        origin: None,
        told: Told::default(),
        since: now,
        warned: false,
    }
}
