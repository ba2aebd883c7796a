//! The end of a subscription: keeps the newest picture, and passes sound on.

use crate::message::{Kind, trailer};
use crate::picture::{Picture, Spares};
use bytes::Bytes;
use std::mem;
use std::sync::Arc;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::machine::unix_offset_nanos;
use streamsocket_subscribe::clock::monotonic;
use streamsocket_subscribe::outlet::{CompleteFrame, Outlet, PacketSamples};
use streamsocket_subscribe::presentation_time::Stamp;
use tokio::sync::{broadcast, watch};

/// Sample frames of a message of sound in a second: fewer are later, more are more messages to everybody.
const MESSAGES_A_SECOND: u32 = 50;

/// Messages of sound that are kept for a viewer who takes them late: a second and a quarter. Older ones are left out.
const SOUND_KEPT: usize = 64;

/// Sound that a viewer is sent, 20 ms at a time, as messages of the page's.
pub(crate) type Sound = broadcast::Sender<Bytes>;

/// The newest picture of a session, for those who wait for the next one.
pub(crate) type Pictures = watch::Receiver<Option<Arc<Picture>>>;

/// What comes of a session: a picture replaces the one before, sound is passed on.
pub(crate) struct Reception {
    newest: watch::Sender<Option<Arc<Picture>>>,
    spares: Spares,
    sound: Sound,
    /// Samples of the message that is being filled, as bytes, and when the first of them was captured.
    filling: Vec<u8>,
    begun: i64,
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
        let (spares, filling) = (Spares::default(), Vec::new());
        let reception =
            Self { newest, spares, sound: sound.clone(), filling, begun: 0, message_len };
        (reception, pictures, sound)
    }

    /// Sends what there is of a message.
    fn send_sound(&mut self) {
        if self.filling.is_empty() {
            return;
        }
        self.filling.extend_from_slice(&trailer(Kind::Sound, self.begun));
        let room = self.filling.capacity();
        let message = mem::replace(&mut self.filling, Vec::with_capacity(room));
        // Without viewers it goes nowhere.
        let _ = self.sound.send(message.into());
    }
}

/// Nanoseconds since 1970 at which something was captured: by the sender's clock if that is known, else by this
/// machine's, as if it had not been under way.
fn captured(stamp: &Stamp) -> i64 {
    stamp.capture.map_or_else(|| stamp.undelayed.0 + unix_offset_nanos(), |capture| capture.0)
}

impl Outlet for Reception {
    fn frame(&mut self, mut frame: CompleteFrame<'_>) {
        let captured = captured(&frame.time.stamp);
        let picture = self.spares.exchange(&mut frame, captured, monotonic());
        self.newest.send_replace(Some(Arc::new(picture)));
    }

    fn samples(&mut self, samples: PacketSamples<'_>) {
        if self.sound.receiver_count() == 0 {
            self.filling.clear();
            return;
        }
        if self.filling.is_empty() {
            self.begun = captured(&samples.time.stamp);
        }
        self.filling.extend(samples.buffer.iter().flat_map(|sample| sample.to_le_bytes()));
        if self.filling.len() >= self.message_len {
            self.send_sound();
        }
    }

    fn hole(&mut self, _: usize, _: Monotonic) {
        // What follows says itself when it was captured.
        self.send_sound();
    }
}
