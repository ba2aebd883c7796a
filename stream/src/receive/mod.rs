//! From packets to an access unit that is due.

pub mod audio;
pub mod conceal;
pub mod jitter;
pub mod playout;
pub mod resample;
pub mod source;
pub mod spread;
pub mod sync;
pub mod timeline;
pub mod video;

/// How long a packet that is missing may still arrive after its successors did, in nanoseconds:
/// a LAN reorders by far less, and waiting longer would be seen.
pub const REORDER_NANOS: i64 = 20_000_000;
