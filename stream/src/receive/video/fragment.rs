//! A part of a frame, as it came in a packet.

use streamsocket_media::clock::Monotonic;
use streamsocket_wire::ntp::NtpTime;

/// Coded bytes of a frame at most: what RFC 2435 could name is 16 MiB, no camera needs half of it.
pub const FRAME_MAX: usize = 8 << 20;

/// A packet that belongs to the stream.
#[derive(Clone, Copy, Debug)]
pub struct Fragment<'a> {
    /// RTP time, extended.
    pub time: i64,
    /// Last packet of its frame.
    pub marker: bool,
    /// Capture time in the packet's header extension.
    pub ntp: Option<NtpTime>,
    /// RTP payload.
    pub payload: &'a [u8],
    /// When it arrived.
    pub arrival: Monotonic,
}
