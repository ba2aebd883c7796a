//! From packets to an access unit that is due.

pub mod audio;
pub mod source;
pub mod sync;
pub mod video;

/// How long a packet that is missing may still arrive after its successors did, in nanoseconds:
/// a LAN reorders by far less, and waiting longer would be seen.
pub const REORDER_NANOS: i64 = 20_000_000;
