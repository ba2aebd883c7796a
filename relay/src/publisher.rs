//! One who publishes, from its announcement until it leaves.

use crate::guard::Refused;
use crate::offer::Announced;
use crate::places::Key;
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

/// One that has announced something begins to send within so long: ffmpeg takes a second, people none.
const PATIENCE: Duration = Duration::from_secs(15);

/// What answers say how long a session lives without a sign of life. Packets are one, and they come sooner.
const TIMEOUT: Duration = Duration::from_secs(60);

/// One who publishes.
pub(crate) struct Publisher {
    pub(crate) key: Key,
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
    pub(crate) since: Monotonic,
    /// It was said that not all of it is handed on.
    pub(crate) warned: bool,
}

impl Publisher {
    /// What answers say of it.
    pub(crate) fn lease(&self) -> Lease<'_> {
        Lease { session: &self.id, timeout: TIMEOUT }
    }

    /// Whether it is handed on.
    pub(crate) const fn is_on(&self) -> bool {
        self.announcer.is_some()
    }

    /// When it is gone unless something comes.
    pub(crate) fn gone_at(&self) -> Monotonic {
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
