//! A packet as it is handed over to be sent, and how many go at a time.

/// Packets that one system call sends at most: a large 1080p frame that is not paced, and 40 kB of arrays
/// for a destination.
pub const BATCH_MAX: usize = 256;

/// A packet, in the two parts that it is gathered from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// What was written for this packet.
    pub header: &'a [u8],
    /// A part of the frame, where it lies; may be empty.
    pub payload: &'a [u8],
}
