//! What comes out of an RTP session: packets of its source, and what RTCP said.

use crate::presentation_time::StreamTime;
use streamsocket_stream::clock::Monotonic;
use streamsocket_wire::ntp::NtpTime;

/// A packet of the source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admitted<'a> {
    /// The first of a new source: what is known of the old one is void.
    pub(crate) is_new_source: bool,
    pub(crate) sequence: u64,
    pub(crate) time: i64,
    pub(crate) marker: bool,
    /// It did not come, but was made out of repair packets.
    pub(crate) repaired: bool,
    pub(crate) ntp: Option<NtpTime>,
    pub(crate) payload: &'a [u8],
    pub(crate) arrival: Monotonic,
}

/// What takes the packets of the source, each with the clocks as they are after it.
pub(super) type Each<'a> = &'a mut dyn FnMut(Admitted<'_>, StreamTime<'_>);

/// What RTCP said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RtcpOutcome {
    /// The source has said goodbye.
    pub(crate) bye: bool,
    /// The source has reported.
    pub(crate) reported: bool,
    /// What [`RtpSession::note`](super::RtpSession::note) says has changed.
    pub(crate) noted: bool,
}
