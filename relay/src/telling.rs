//! Tells viewers, once a second, how the clock of each source stands against the relay's.

use crate::state::Relay;
use streamsocket_media::clock::Monotonic;
use streamsocket_station::announce::Texts;

impl Relay {
    /// Tells the viewers of every publisher.
    pub(crate) fn tell_clocks(&mut self, now: Monotonic) {
        let Self { publishers, connections, clock, .. } = self;
        let mut news = Vec::new();
        for (slot, publisher) in publishers.iter_mut().filter(|(_, it)| it.is_on()) {
            let open = connections.get_mut(publisher.connection);
            let round_trip = open.map(|open| open.round_trip()).unwrap_or_default();
            let tracks = publisher.tracks.iter_mut();
            let clocks = tracks.map(|(_, track)| track.tell(clock, round_trip, now));
            publisher.told.clocks = clocks.collect();
            if publisher.told.is_news() {
                news.push(slot);
            }
        }
        for slot in news {
            self.announce_anew(slot, now);
        }
    }

    /// Describes what a publisher sends anew, with what is known of its clock by now.
    fn announce_anew(&mut self, slot: usize, now: Monotonic) {
        let Some(publisher) = self.publishers.get_mut(slot) else { return };
        publisher.told.announce();
        self.places.describe_anew(&publisher.key);
        let Some(Ok(sdp)) = self.describing(slot, |it| it.text()) else { return };
        let publisher = self.publishers.get_mut(slot);
        if let Some(announcer) = publisher.and_then(|it| it.announcer.as_mut()) {
            announcer.replace(Texts { session: &sdp, sound: None }, now);
        }
    }
}
