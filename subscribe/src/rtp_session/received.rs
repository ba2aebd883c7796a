//! What an RTP session yields: the packets of its source, and what RTCP said.

use crate::presentation_time::StreamTime;
use streamsocket_media::clock::Monotonic;
use streamsocket_wire::ntp::NtpTime;

/// A packet of the source that the session is locked on to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admitted<'a> {
    /// It is the first of a new source: the state of the old one is void.
    pub(crate) is_new_source: bool,
    /// Sequence number, extended beyond 16 bits.
    pub(crate) sequence: u64,
    /// RTP time in ticks, extended beyond 32 bits.
    pub(crate) time: i64,
    /// The marker bit: it is the last packet of a frame (RFC 2435).
    pub(crate) marker: bool,
    /// It was lost and made again from repair packets.
    pub(crate) repaired: bool,
    /// Capture time of the header extension (RFC 6051).
    pub(crate) ntp: Option<NtpTime>,
    /// RTP payload, without padding.
    pub(crate) payload: &'a [u8],
    /// When it arrived, or was made.
    pub(crate) arrival: Monotonic,
}

/// Takes packets of the source, each with the state of the clocks after it.
pub(super) type Each<'a> = &'a mut dyn FnMut(Admitted<'_>, StreamTime<'_>);

/// What the RTCP packets of a turn said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RtcpOutcome {
    /// The source has sent BYE.
    pub(crate) bye: bool,
    /// The source has sent a sender report.
    pub(crate) reported: bool,
    /// The source's NOTE has changed.
    pub(crate) noted: bool,
}
