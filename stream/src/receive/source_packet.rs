//! A packet of the source that a stream is locked on to, as every payload format takes it.

use streamsocket_media::clock::Monotonic;
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::rtp::ExtendedTime;

/// What is known of such a packet.
#[derive(Clone, Copy, Debug, Default)]
pub struct SourcePacket<'a> {
    /// Sequence number, extended beyond 16 bits.
    pub sequence: u64,
    /// RTP time in ticks, extended beyond 32 bits.
    pub time: ExtendedTime,
    /// The marker bit: the end of a frame, or the begin of a talk spurt (RFC 3551 section 4.1).
    pub marker: bool,
    /// Capture time in the packet's header extension (RFC 6051), if it carried one.
    pub ntp: Option<NtpTime>,
    /// RTP payload, without padding.
    pub payload: &'a [u8],
    /// When it arrived, or was made from repair packets.
    pub arrival: Monotonic,
}
