//! What is said of a source beside its packets: by itself, and by who hands them on.

use crate::plan::{StreamPlan, is_kept_right};
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_wire::rtcp::Descriptions;
use streamsocket_wire::rtp::Ssrc;
use streamsocket_wire::shared_clock::SharedClock;

/// How a clock stood so long ago says little: a relay says it once a second.
const STALE: Delay = Delay::from_secs(30);

/// What is said of a source.
pub(super) struct Said {
    /// Its NOTE (RFC 3550 section 6.5.7), on one line.
    note: Option<String>,
    /// Its wall clock is synchronised to a reference.
    synchronised: bool,
    /// How that stands against a relay's clock, and when that was heard.
    shared: Option<(SharedClock, Monotonic)>,
    /// There has been a source: what the description says is of the first one.
    begun: bool,
}

impl Said {
    /// What the description says `now`.
    pub(super) fn planned(plan: &StreamPlan, now: Monotonic) -> Self {
        let shared = plan.shared.map(|shared| (shared, now));
        Self { note: None, synchronised: plan.synchronised, shared, begun: false }
    }

    /// Another source begins.
    pub(super) fn begin(&mut self) {
        self.note = None;
        if std::mem::replace(&mut self.begun, true) {
            self.shared = None;
        }
    }

    /// Descriptions have come (section 6.5) from where the source's packets do. Whether its note has changed.
    pub(super) fn describe(
        &mut self,
        chunks: &Descriptions<'_>,
        source: Option<Ssrc>,
        now: Monotonic,
    ) -> bool {
        // Nobody hands himself on.
        let mut others = chunks.clone().filter(|it| Some(it.ssrc) != source);
        let told = others.find_map(|it| it.shared.filter(|it| Some(it.of) == source));
        if let Some(told) = told {
            self.shared = Some((told.clock, now));
        }
        let own = chunks.clone().find(|it| Some(it.ssrc) == source);
        let Some(own) = own.filter(|own| own.cname.is_some()) else { return false };
        // Other senders tell of their clock in the description only.
        self.synchronised = own.clock.map_or(self.synchronised, is_kept_right);
        self.take_note(own.note)
    }

    /// Replaces the note. Returns whether it has changed.
    pub(super) fn take_note(&mut self, note: Option<&[u8]>) -> bool {
        if note == self.note.as_deref().map(str::as_bytes) {
            return false;
        }
        // It goes to a terminal, which obeys control characters.
        let shown = |note| String::from_utf8_lossy(note).replace(char::is_control, "?");
        let note = note.map(shown);
        let changed = note != self.note;
        self.note = note;
        changed
    }

    /// Its note: at most 255 bytes of one line, without control characters.
    pub(super) fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Whether its wall clock is synchronised to a reference.
    pub(super) const fn is_synchronised(&self) -> bool {
        self.synchronised
    }

    /// How its wall clock stands against a relay's clock.
    pub(super) fn shared(&self, now: Monotonic) -> Option<SharedClock> {
        self.shared.filter(|(_, heard)| now - *heard < STALE).map(|(shared, _)| shared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;
    use streamsocket_wire::rtcp::{Items, Packet, Shared, Writer, packets};

    const OWN: Ssrc = Ssrc(1);
    const RELAY: Ssrc = Ssrc(2);

    fn clock(ahead: i64) -> SharedClock {
        SharedClock { clock: 9, ahead }
    }

    fn planned(shared: Option<SharedClock>) -> Said {
        let plan = Plan::at("239.1.1.1:5004".parse().unwrap(), None).video.unwrap();
        Said::planned(&StreamPlan { shared, ..plan }, Monotonic(0))
    }

    /// What one source says of the clock of another.
    fn hear(said: &mut Said, by: Ssrc, of: Ssrc, ahead: i64) -> Option<SharedClock> {
        let mut bytes = [0; 200];
        let mut writer = Writer::new(&mut bytes);
        let shared = Some(Shared { of, clock: clock(ahead) });
        writer.description(by, &Items { cname: "a", shared, ..Items::default() }).unwrap();
        let len = writer.finish();
        let packet = packets(&bytes[..len]).unwrap().next().unwrap().unwrap();
        let Packet::Description(chunks) = packet else { panic!() };
        said.describe(&chunks, Some(OWN), Monotonic(5));
        said.shared(Monotonic(6))
    }

    #[test]
    fn only_who_hands_a_source_on_says_how_its_clock_stands() {
        let mut said = planned(None);
        assert_eq!(hear(&mut said, OWN, OWN, 1), None, "it itself");
        assert_eq!(hear(&mut said, RELAY, Ssrc(3), 2), None, "of another one");
        assert_eq!(hear(&mut said, RELAY, OWN, 3), Some(clock(3)));
        assert_eq!(said.shared(Monotonic(5) + STALE), None, "it was long ago");
    }

    #[test]
    fn the_description_is_of_the_first_source() {
        let mut said = planned(Some(clock(4)));
        said.begin();
        assert_eq!(said.shared(Monotonic(1)), Some(clock(4)));
        assert_eq!(hear(&mut said, RELAY, OWN, 5), Some(clock(5)));
        said.begin();
        assert_eq!(said.shared(Monotonic(6)), None);
    }
}
