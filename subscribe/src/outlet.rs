//! The interface by which a subscription hands on frames and samples.

use crate::presentation_time::PresentationTime;
use streamsocket_media::clock::Monotonic;
use streamsocket_wire::rtp::ExtendedTime;

/// Takes the frames and samples of a subscription. It is called on the subscription's thread, and must not block.
pub trait Outlet: Send {
    /// Takes a complete frame. Frames come in order.
    fn frame(&mut self, frame: CompleteFrame<'_>);

    /// Takes the next bytes of a frame that is not complete yet and may never be. If it is, it comes as a whole all the
    /// same: what only takes whole frames has nothing to do here.
    fn growth(&mut self, _growth: Growth<'_>) {}

    /// Takes the samples of a packet. Samples and holes come in order.
    fn samples(&mut self, samples: PacketSamples<'_>);

    /// Takes a packet of encoded sound, in order with holes.
    fn encoded(&mut self, sound: EncodedSound<'_>);

    /// Takes notice of a hole of so many sample frames, which would have been heard from `due` on.
    fn hole(&mut self, frames: usize, due: Monotonic);
}

/// Which frame of a session it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameId {
    /// Number of the stream's source.
    pub source: u32,
    /// RTP time, extended.
    pub time: ExtendedTime,
}

/// The next bytes of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Growth<'a> {
    /// The frame.
    pub id: FrameId,
    /// When to show it.
    pub due: Monotonic,
    /// Where in the file the bytes are.
    pub offset: usize,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// A frame of which all packets have come, as a JPEG file.
#[derive(Debug)]
pub struct CompleteFrame<'a> {
    /// Which one it is.
    pub id: FrameId,
    /// Holds the file. It may be exchanged for another buffer, which is overwritten.
    pub buffer: &'a mut Vec<u8>,
    /// Where in the buffer the file begins.
    pub start: usize,
    /// Width and height in pixels.
    pub size: (u16, u16),
    /// When to show it.
    pub time: PresentationTime,
}

impl CompleteFrame<'_> {
    /// The file.
    #[must_use]
    pub fn file(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }
}

/// The samples of a packet.
#[derive(Debug)]
pub struct PacketSamples<'a> {
    /// The samples, interleaved. It may be exchanged for another buffer, which is overwritten.
    pub buffer: &'a mut Vec<i16>,
    /// RTP time of the first.
    pub rtp_time: ExtendedTime,
    /// When to play the first.
    pub time: PresentationTime,
}

/// A packet of sound as a codec has made it.
#[derive(Clone, Copy, Debug)]
pub struct EncodedSound<'a> {
    /// The packet.
    pub packet: &'a [u8],
    /// RTP time of the first sample that it decodes to.
    pub rtp_time: ExtendedTime,
    /// When to play that.
    pub time: PresentationTime,
}
