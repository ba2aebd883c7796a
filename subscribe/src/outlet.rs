//! Where a subscription's frames and samples go.

use crate::presentation_time::PresentationTime;
use streamsocket_stream::clock::Monotonic;

/// What takes frames and samples. It is called on the thread of the subscription, which waits for it: nothing slow
/// belongs there.
pub trait Outlet: Send {
    /// Takes a complete frame, in order.
    fn frame(&mut self, frame: CompleteFrame<'_>);

    /// Takes the samples of a packet, in order.
    fn samples(&mut self, samples: PacketSamples<'_>);

    /// So many sample frames did not come; the first of them is to be heard at `due`.
    fn hole(&mut self, frames: usize, due: Monotonic);
}

/// A frame of which all has come: a JPEG file.
#[derive(Debug)]
pub struct CompleteFrame<'a> {
    /// Holds the file. An outlet may take it, and leave another that will be filled anew.
    pub buffer: &'a mut Vec<u8>,
    /// Where in the buffer the file begins.
    pub start: usize,
    /// Width and height in pixels.
    pub size: (u16, u16),
    /// When to present it.
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
    /// The samples, interleaved. An outlet may take the buffer, and leave another that will be filled anew.
    pub buffer: &'a mut Vec<i16>,
    /// RTP time of the first, extended.
    pub rtp_time: i64,
    /// When to present them.
    pub time: PresentationTime,
}
