//! One who publishes, from its announcement until it leaves.

use crate::guard::Refused;
use crate::offer::Announced;
use crate::places::{Key, Owner};
use crate::told::Told;
use crate::track::Track;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_rtsp::answer::Lease;
use streamsocket_rtsp::conversation::Request;
use streamsocket_rtsp::publication::Publication;
use streamsocket_station::announce::Announcer;

/// A publisher of which nothing has come for so long is gone.
pub(crate) const SILENT: Duration = Duration::from_secs(5);

/// One that has announced something begins to send within so long, once there is a group for it: ffmpeg takes a second,
/// people none.
const PATIENCE: Duration = Duration::from_secs(15);

/// A group is found within so long: sixteen are listened to, a second each, and somebody else may be faster once.
const SOUGHT: Duration = Duration::from_secs(40);

/// What answers say how long a session lives without a sign of life. Packets are one, and they come sooner.
const TIMEOUT: Duration = Duration::from_secs(60);

/// One who publishes.
pub(crate) struct Publisher {
    pub(crate) key: Key,
    pub(crate) owner: Owner,
    /// The name of its session.
    pub(crate) title: String,
    /// What answers call it; whoever knows it and has its connection can end it.
    pub(crate) id: String,
    /// The place of its connection.
    pub(crate) connection: usize,
    pub(crate) peer: SocketAddr,
    pub(crate) media: Vec<Announced>,
    pub(crate) publication: Publication,
    /// What was set up, each with its place among the media.
    pub(crate) tracks: Vec<(usize, Track)>,
    /// The group that it goes to, once it is known.
    pub(crate) group: Option<IpAddr>,
    /// What is answered once the group is known.
    pub(crate) waiting: Option<Request>,
    /// Once it is handed on.
    pub(crate) announcer: Option<Announcer>,
    /// Where its packets come from, as viewers see it.
    pub(crate) origin: Option<IpAddr>,
    /// When it has announced, its group was found, or it began to send: whichever was last.
    pub(crate) since: Monotonic,
    /// It was said that not all of it is handed on.
    pub(crate) warned: bool,
    /// What viewers are told of its clock, and where they ask.
    pub(crate) told: Told,
}

impl Publisher {
    /// What answers say of it.
    pub(crate) fn lease(&self) -> Lease<'_> {
        Lease { session: &self.id, timeout: TIMEOUT }
    }

    /// It has a group, and time to begin from now on.
    pub(crate) fn settled(&mut self, group: IpAddr, now: Monotonic) {
        (self.group, self.since) = (Some(group), now);
    }

    /// Adds what was set up, in the order of the media.
    pub(crate) fn add(&mut self, index: usize, track: Track) {
        let at = self.tracks.partition_point(|(before, _)| *before < index);
        self.tracks.insert(at, (index, track));
    }

    /// What was set up of that place among the media.
    pub(crate) fn of_medium(&mut self, index: usize) -> Option<&mut Track> {
        self.tracks.iter_mut().find(|(it, _)| *it == index).map(|(_, track)| track)
    }

    /// Whether it is handed on.
    pub(crate) const fn is_on(&self) -> bool {
        self.announcer.is_some()
    }

    /// When it is gone unless something comes.
    pub(crate) fn gone_at(&self) -> Monotonic {
        if self.group.is_none() {
            return self.since + SOUGHT;
        }
        if !self.is_on() {
            return self.since + PATIENCE;
        }
        let heard = self.tracks.iter().filter_map(|(_, track)| track.heard).max();
        heard.map_or(self.since, |heard| heard.max(self.since)) + SILENT
    }

    /// The track by that channel, and whether it is for packets (0) or reports (1).
    pub(crate) fn by_channel(&mut self, channel: u8) -> Option<(usize, usize)> {
        let mut tracks = self.tracks.iter().enumerate();
        tracks.find_map(|(index, (_, track))| Some((index, track.by_channel(channel)?)))
    }

    /// What was handed on, and what not.
    pub(crate) fn counts(&self) -> (u64, Refused) {
        let none = (0, Refused::default());
        self.tracks.iter().fold(none, |(packets, refused), (_, track)| {
            (packets + track.guard.packets, refused.and(track.refused()))
        })
    }

    /// Ends it for viewers.
    pub(crate) fn withdraw(&mut self) {
        for (_, track) in self.tracks.iter_mut().filter(|_| self.announcer.is_some()) {
            track.say_goodbye();
        }
        if let Some(announcer) = &mut self.announcer {
            announcer.delete();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offer::announced;
    use crate::track::Way;
    use streamsocket_rtsp::target::Target;

    const SECOND: i64 = 1_000_000_000;

    fn publisher() -> Publisher {
        let sdp = "v=0\r\ns=x\r\nc=IN IP4 0.0.0.0\r\nm=video 0 RTP/AVP 26\r\na=control:0\r\n\
                   m=audio 0 RTP/AVP 0\r\na=control:1\r\n";
        let target = Target::parse("rtsp://relay/lesson/Anna", "");
        Publisher {
            key: Key { room: "lesson".into(), name: "Anna".into() },
            owner: Owner::User("anna".into()),
            title: "lesson, Anna".into(),
            id: "1".into(),
            connection: 0,
            peer: ([127, 0, 0, 1], 5).into(),
            media: announced(sdp).unwrap(),
            publication: Publication::new(target, ["0", "1"]),
            tracks: Vec::new(),
            group: None,
            waiting: None,
            announcer: None,
            origin: None,
            since: Monotonic(0),
            warned: false,
            told: Told::default(),
        }
    }

    #[test]
    fn media_have_their_own_sockets_in_whatever_order_they_are_set_up() {
        let mut publisher = publisher();
        let here = ([127, 0, 0, 1], 5).into();
        let mut add = |index: usize| {
            let way = Way::udp(here, here, [5000, 5001]).unwrap();
            let track = Track::new(way, &publisher.media[index]);
            let descriptors = track.descriptors();
            publisher.add(index, track);
            descriptors
        };
        let sound = add(1);
        let pictures = add(0);
        assert_eq!(publisher.tracks.iter().map(|(it, _)| *it).collect::<Vec<_>>(), [0, 1]);
        for (index, descriptors) in [pictures, sound].into_iter().enumerate() {
            assert_eq!(publisher.of_medium(index).unwrap().descriptors(), descriptors);
        }
        assert!(publisher.of_medium(2).is_none());
    }

    #[test]
    fn who_waits_for_a_group_has_all_its_time_afterwards() {
        let mut publisher = publisher();
        assert!(publisher.gone_at() > Monotonic(33 * SECOND));
        publisher.settled([239, 255, 7, 4].into(), Monotonic(20 * SECOND));
        assert_eq!(publisher.gone_at(), Monotonic(35 * SECOND));
    }
}
