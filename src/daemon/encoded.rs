//! What becomes of sound for a tier: it is encoded, and sent by a track of its own.

use crate::capture::Error;
use crate::codec::SoundEncoder;
use crate::publish::beginning::Beginning;
use crate::publish::sound::Chunk;
use crate::publish::track::{OpenedTrack, Track};
use streamsocket_media::clock::{Monotonic, WallClock};
use streamsocket_stream::send::opus::FrameTime;

/// The parts of an encoded track, opened.
pub(super) struct OpenedEncoded {
    pub(super) encoder: SoundEncoder,
    /// Bits a second.
    pub(super) bits: u32,
    pub(super) track: OpenedTrack,
}

/// An encoded track.
pub(super) struct Encoded {
    encoder: SoundEncoder,
    bits: u32,
    pub(super) track: Track,
}

impl OpenedEncoded {
    /// The track begins at `now`, and continues with the numbers that were kept.
    pub(super) fn begin(self, kept: Option<Beginning>, now: Monotonic) -> Encoded {
        let Self { encoder, bits, track } = self;
        Encoded { encoder, bits, track: track.begin(kept, now) }
    }
}

impl Encoded {
    /// Bits a second, and frames of 20 ms that the encoder had no time for.
    pub(super) const fn figures(&self) -> (u32, u64) {
        (self.bits, self.encoder.left_out())
    }

    /// Takes samples, which are sent when they are encoded.
    pub(super) fn take(&mut self, chunk: Chunk<'_>, broken: bool) -> Result<(), Error> {
        if broken {
            self.track.mark_discontinuity();
        }
        let Self { encoder, track, .. } = self;
        encoding(encoder, |each| track.gather(chunk, each))
    }

    /// Nothing follows: what is left is encoded, too.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        let Self { encoder, track, .. } = self;
        encoding(encoder, |each| track.gather_rest(each))
    }

    /// Sends what has been encoded meanwhile.
    pub(super) fn send_encoded(&mut self, now: Monotonic, wall: &WallClock) {
        let Self { encoder, track, .. } = self;
        encoder.take(|packet, at| track.send_encoded(packet, at, now, wall));
    }

    /// Whether nothing is being encoded.
    pub(super) fn is_idle(&self) -> bool {
        self.encoder.is_idle()
    }

    /// Packets have so many bytes of sound at most from the next one on.
    pub(super) fn resize(&mut self, room: usize) {
        self.encoder.resize(room);
    }
}

/// Has the frames encoded that are gathered.
fn encoding(
    encoder: &mut SoundEncoder,
    gather: impl FnOnce(&mut dyn FnMut(&[i16], FrameTime)),
) -> Result<(), Error> {
    let mut result = Ok(());
    gather(&mut |samples, at| {
        if result.is_ok() {
            result = encoder.push(samples, at);
        }
    });
    Ok(result?)
}
