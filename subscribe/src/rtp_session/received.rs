//! What an RTP session yields: the packets of its source, and what RTCP said.

use crate::presentation_time::StreamTime;
use streamsocket_stream::receive::source_packet::SourcePacket;

/// A packet of the source that the session is locked on to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admitted<'a> {
    /// It is the first of a new source: the state of the old one is void.
    pub(crate) is_new_source: bool,
    /// It was lost and made again from repair packets.
    pub(crate) repaired: bool,
    /// What the depayloader takes.
    pub(crate) packet: SourcePacket<'a>,
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
