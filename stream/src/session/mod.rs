//! What both ends tell each other about a stream besides the media: RTCP (RFC 3550 section 6),
//! with the reports of receivers sent by unicast and the size of the group told by the sender
//! (RFC 5760), so that any number of receivers share a small part of the bandwidth.

pub mod census;
pub mod echo;
pub mod feedback;
pub mod interval;
pub mod report;
pub mod viewers;

/// An RTCP compound packet of ours at most, in bytes: a report, a name and a note of 255 bytes each, a
/// clock and a group size.
pub const COMPOUND_MAX: usize = 1024;
