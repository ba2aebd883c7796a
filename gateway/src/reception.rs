//! The end of a subscription: keeps the newest picture, and passes sound on.

use crate::message::{Kind, TRAILER_LEN, trailer};
use crate::picture::{Picture, Spares, Taken};
use bytes::Bytes;
use std::mem;
use std::sync::Arc;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::machine::{unix_nanos, unix_offset_nanos};
use streamsocket_subscribe::clock::monotonic;
use streamsocket_subscribe::outlet::{CompleteFrame, EncodedSound, Outlet, PacketSamples};
use streamsocket_subscribe::presentation_time::PresentationTime;
use tokio::sync::{broadcast, watch};

/// Sample frames of a message of sound in a second: fewer are later, more are more messages to everybody.
const MESSAGES_A_SECOND: u32 = 50;

/// Messages of sound that are kept for a viewer who takes them late: a second and a quarter. Older ones are left out.
const SOUND_KEPT: usize = 64;

/// Sound that a viewer is sent, 20 ms at a time, as messages of the page's.
pub(crate) type Sound = broadcast::Sender<Bytes>;

/// The newest picture of a session, for those who wait for the next one.
pub(crate) type Pictures = watch::Receiver<Option<Arc<Picture>>>;

/// Nanoseconds over which pictures are counted to say how many come in a second.
const COUNTED_OVER: i64 = 2_000_000_000;

/// What comes of a session: a picture replaces the one before, sound is passed on.
pub(crate) struct Reception {
    newest: watch::Sender<Option<Arc<Picture>>>,
    spares: Spares,
    pace: Pace,
    count: u64,
    sound: Sound,
    /// Samples of the message that is being filled, as bytes, and when the first of them was captured and is due.
    filling: Vec<u8>,
    begun: (i64, i64),
    /// Bytes that a message has.
    message_len: usize,
}

impl Reception {
    /// Of a session that nothing has come of, whose sound has so many sample frames a second and channels.
    pub(crate) fn new(rate: u32, channels: u8) -> (Self, Pictures, Sound) {
        let ((newest, pictures), sound) =
            (watch::channel(None), broadcast::Sender::new(SOUND_KEPT));
        let frames = usize::try_from(rate / MESSAGES_A_SECOND).unwrap_or_default();
        let message_len = frames * usize::from(channels) * size_of::<i16>();
        let reception = Self {
            newest,
            spares: Spares::default(),
            pace: Pace::default(),
            count: 0,
            sound: sound.clone(),
            filling: Vec::new(),
            begun: (0, 0),
            message_len,
        };
        (reception, pictures, sound)
    }

    /// Sends what there is of a message.
    fn send_sound(&mut self) {
        if self.filling.is_empty() {
            return;
        }
        let (captured, due) = self.begun;
        self.filling.extend_from_slice(&trailer(Kind::Sound, captured, due));
        let room = self.filling.capacity();
        let message = mem::replace(&mut self.filling, Vec::with_capacity(room));
        // Without viewers it goes nowhere.
        let _ = self.sound.send(message.into());
    }
}

/// How many pictures come in a second.
#[derive(Debug, Default)]
struct Pace {
    /// Since when they are counted, and how many have come.
    since: Option<Monotonic>,
    count: u32,
    rate: Option<f64>,
}

impl Pace {
    /// The rate lately, with a picture that comes now.
    fn with(&mut self, now: Monotonic) -> Option<f64> {
        let since = *self.since.get_or_insert(now);
        let span = now.nanos_since(since);
        if span >= COUNTED_OVER {
            #[expect(clippy::cast_precision_loss, reason = "spans are seconds")]
            let rate = f64::from(self.count) * 1e9 / span as f64;
            (self.since, self.count, self.rate) = (Some(now), 0, Some(rate));
        }
        self.count += 1;
        self.rate
    }
}

/// Nanoseconds since 1970 at which something was captured, by the sender's clock if that is known, else by this machine's,
/// as if it had not been under way; and at which it is to be presented, by this machine's.
fn times(time: &PresentationTime) -> (i64, i64) {
    let (PresentationTime { due, stamp, .. }, offset) = (time, unix_offset_nanos());
    let captured = stamp.capture.map_or(stamp.undelayed.0 + offset, |capture| capture.0);
    (captured, due.0 + offset)
}

impl Outlet for Reception {
    fn frame(&mut self, mut frame: CompleteFrame<'_>) {
        let (now, (captured, due)) = (monotonic(), times(&frame.time));
        let latency =
            frame.time.stamp.capture.map(|capture| unix_nanos().saturating_sub(capture.0));
        let (number, rate) = (self.count, self.pace.with(now));
        self.count += 1;
        let taken = Taken { captured, due, number, latency, rate };
        let picture = self.spares.exchange(&mut frame, taken, now);
        self.newest.send_replace(Some(Arc::new(picture)));
    }

    fn samples(&mut self, samples: PacketSamples<'_>) {
        if self.sound.receiver_count() == 0 {
            self.filling.clear();
            return;
        }
        if self.filling.is_empty() {
            self.begun = times(&samples.time);
        }
        self.filling.extend(samples.buffer.iter().flat_map(|sample| sample.to_le_bytes()));
        if self.filling.len() >= self.message_len {
            self.send_sound();
        }
    }

    fn encoded(&mut self, sound: EncodedSound<'_>) {
        if self.sound.receiver_count() > 0 {
            let mut message = Vec::with_capacity(sound.packet.len() + TRAILER_LEN);
            message.extend_from_slice(sound.packet);
            let (captured, due) = times(&sound.time);
            message.extend_from_slice(&trailer(Kind::Sound, captured, due));
            // As above.
            let _ = self.sound.send(message.into());
        }
    }

    fn hole(&mut self, _: usize, _: Monotonic) {
        // What follows says itself when it was captured.
        self.send_sound();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let mut pace = Pace::default();
        let mut at = |nanos| pace.with(Monotonic(nanos));
        assert_eq!(at(0), None);
        let rates: Vec<_> = (1..=300).map(|n| at(n * 1_000_000_000 / 30)).collect();
        assert_eq!(rates[10], None, "not before it is known");
        assert!((rates[299].unwrap() - 30.0).abs() < 0.1, "{rates:?}");
        let slow: Vec<_> = (1..=20).map(|n| at(10_000_000_000 + n * 200_000_000)).collect();
        assert!((slow[19].unwrap() - 5.0).abs() < 0.1, "{slow:?}");
    }
}
