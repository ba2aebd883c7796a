//! The end of a subscription: hands pictures and samples to the encoders, with their places on the time line.

use crate::pictures::{Pictures, Taken};
use crate::session::{Session, Turn};
use crate::sound::Sound;
use crate::tier::Encoding;
use crate::timeline::{Medium, Timeline};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use streamsocket_media::clock::{Monotonic, Wall};
use streamsocket_net::machine::unix_offset_nanos;
use streamsocket_stream::receive::depayloader::Encoding as Carried;
use streamsocket_subscribe::clock::monotonic;
use streamsocket_subscribe::outlet::{CompleteFrame, EncodedSound, Outlet, PacketSamples};
use streamsocket_subscribe::plan::Plan;
use streamsocket_subscribe::presentation_time::{PresentationTime, Stamp};

/// Pictures a second of a session that does not say how many.
const RATE: f32 = 30.0;

/// What comes of a session.
#[derive(Debug)]
pub(crate) struct Intake {
    timeline: Timeline,
    pictures: Pictures,
    sound: Option<Sound>,
    session: Arc<Session>,
    _turn: Turn,
}

impl Intake {
    /// Of a session that is received by this plan.
    ///
    /// # Errors
    /// One line, if there can be no more threads.
    pub(crate) fn new(
        turn: Turn,
        plan: &Plan,
        encoding: Encoding,
        timeline: Timeline,
    ) -> Result<Self, String> {
        let session = turn.session();
        let described = plan.video.as_ref().and_then(|video| video.framerate);
        #[expect(clippy::cast_precision_loss, reason = "pictures in 1000 seconds")]
        let rate = described.map_or(RATE, |rate| (rate as f32 / 1000.0).clamp(1.0, 120.0));
        session.with_pictures.store(plan.video.is_some(), Ordering::Relaxed);
        let pictures = Pictures::begin(Arc::clone(&session), encoding, rate)?;
        let sound = plan.audio.as_ref().map(|audio| {
            let is_opus = audio.encoding == Carried::Opus;
            let Encoding { grid, kept, .. } = encoding;
            let (rate, channels) = (audio.clock_rate, audio.channels);
            Sound::new(Arc::clone(&session), rate, channels, is_opus, grid, kept)
        });
        Ok(Self { timeline, pictures, sound, session, _turn: turn })
    }

    /// Where something is on the time line; `None` while that is not known.
    fn place(&mut self, time: &PresentationTime, medium: Medium) -> Option<Wall> {
        // With the steps of the sender's clock, which playing leaves out: names are to be right.
        let stamp = Stamp { capture: time.origin.wall, ..time.stamp };
        let placed = self.timeline.place(&stamp, medium, monotonic(), unix_offset_nanos())?;
        if placed.breaks {
            let ahead = self.timeline.ahead();
            log::warn!(
                "'{}': the clock of its sender was set, or nothing has come for long: numbers go on, {} s ahead of it",
                self.session.name,
                ahead.as_secs()
            );
            let number = self.timeline.number(placed.at);
            self.session.tracks().iter().for_each(|track| track.break_at(number));
        }
        let faults = &self.session.faults;
        let ahead = u64::try_from(self.timeline.ahead().as_nanos()).unwrap_or(u64::MAX);
        faults.ahead.store(ahead, Ordering::Relaxed);
        faults.by_sender.store(self.timeline.is_of_sender(), Ordering::Relaxed);
        Some(placed.at)
    }
}

impl Outlet for Intake {
    fn frame(&mut self, frame: CompleteFrame<'_>) {
        let Some(at) = self.place(&frame.time, Medium::Pictures) else { return };
        let start = frame.start.min(frame.buffer.len());
        let file = Bytes::from(std::mem::take(frame.buffer)).slice(start..);
        self.pictures.take(Taken { file, size: frame.size, at });
    }

    fn samples(&mut self, samples: PacketSamples<'_>) {
        let Some(at) = self.place(&samples.time, Medium::Sound) else { return };
        if let Some(sound) = &mut self.sound {
            sound.take(samples.buffer, at);
        }
    }

    fn encoded(&mut self, encoded: EncodedSound<'_>) {
        let Some(at) = self.place(&encoded.time, Medium::Sound) else { return };
        if let Some(sound) = &mut self.sound {
            sound.take_encoded(encoded.packet, at);
        }
    }

    fn hole(&mut self, _: usize, _: Monotonic) {
        // What follows says itself when it was captured.
    }
}
