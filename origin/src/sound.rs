//! Encodes the sound of a session.

use crate::complaint::Complaint;
use crate::names::SOUND;
use crate::session::Session;
use crate::track::{Shape, Track};
use std::sync::Arc;
use std::time::Duration;
use streamsocket_cmaf::grid::Grid;
use streamsocket_cmaf::segmenter::Sample;
use streamsocket_cmaf::track::Track as Codec;
use streamsocket_decode::opus::Decoder;
use streamsocket_media::clock::{Monotonic, Wall};
use streamsocket_subscribe::clock::monotonic;
use streamsocket_transcode::{AacEncoder, AacFrame};

/// Samples of a block of AAC-LC (ISO/IEC 14496-3 section 4.5.2.1.1).
const BLOCK: u32 = 1024;

/// Bits a second of a channel, about.
const BITS: u64 = 64_000;

/// How long after an encoder ended another one is begun.
const AGAIN: Duration = Duration::from_secs(2);

/// Rate of samples that Opus is decoded to, in Hz.
const OPUS_RATE: u32 = 48_000;

/// The encoder of a session's sound, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Sound {
    session: Arc<Session>,
    track: Arc<Track>,
    rate: u32,
    channels: u8,
    encoder: Option<AacEncoder>,
    again: Monotonic,
    complaint: Complaint,
    opus: Option<Decoder>,
    decoded: Vec<i16>,
}

impl Sound {
    /// Of samples at `rate` Hz; of Opus, at what it is decoded to.
    pub(crate) fn new(
        session: Arc<Session>,
        rate: u32,
        channels: u8,
        is_opus: bool,
        grid: Grid,
        kept: u32,
    ) -> Self {
        let channels = channels.clamp(1, 2);
        let rate = if is_opus { OPUS_RATE } else { rate };
        let blocks = f64::from(rate) / f64::from(BLOCK);
        let shape = Shape { size: None, rate: blocks, channels, bits: BITS * u64::from(channels) };
        let track = Track::new(SOUND, shape, grid, kept, session.storage.clone());
        let track = session.add(track);
        track.describe(Codec::Aac { rate, channels });
        let opus = is_opus.then(|| Decoder::new(channels).ok()).flatten();
        let (encoder, again, decoded) = (None, Monotonic(0), Vec::new());
        let complaint = Complaint::default();
        Self { session, track, rate, channels, encoder, again, complaint, opus, decoded }
    }

    /// Takes samples, the channels' in turn, of which the first was captured at `at`.
    pub(crate) fn take(&mut self, samples: &[i16], at: Wall) {
        let now = monotonic();
        if self.encoder.is_none() && now >= self.again {
            self.again = now + AGAIN;
            self.encoder = self.begin();
        }
        let Some(encoder) = &mut self.encoder else { return };
        if let Err(error) = encoder.push(samples, at) {
            self.encoder = None;
            self.fail(&error.to_string());
        }
    }

    /// Takes a packet of Opus, likewise. One that is damaged is left out; silence takes its place.
    pub(crate) fn take_encoded(&mut self, packet: &[u8], at: Wall) {
        let Some(opus) = &mut self.opus else { return };
        let mut decoded = std::mem::take(&mut self.decoded);
        if opus.decode(packet, &mut decoded).is_ok() {
            self.take(&decoded, at);
        }
        self.decoded = decoded;
    }

    fn begin(&mut self) -> Option<AacEncoder> {
        let track = Arc::clone(&self.track);
        let duration = Duration::from_secs(u64::from(BLOCK)) / self.rate.max(1);
        let sink = move |frame: AacFrame| {
            let AacFrame { data, at } = frame;
            track.push(Sample { data, at, duration, key: true }, monotonic());
        };
        let begun = AacEncoder::new(self.rate, self.channels, sink);
        begun.map_err(|error| self.fail(&error.to_string())).ok()
    }

    fn fail(&mut self, why: &str) {
        Session::count(&self.session.faults.encoders);
        if self.complaint.is_new(why, monotonic()) {
            log::error!("'{}', {SOUND}: {why}", self.session.name);
        }
    }
}
