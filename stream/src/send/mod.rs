//! From what was captured, a picture or samples, to packets that are due.

pub mod bitrate;
pub mod frame_packets;
pub mod jpeg;
pub mod l16;
pub mod opus;
pub mod pacer;
pub mod payloader;
pub mod repair;
pub mod rtp_clock;
pub mod sample_clock;
pub mod stamps;

/// Bytes of every packet that stay free for a seal (encryption and its tag) between the pacer and
/// the socket, so that switching it on never changes how frames are cut.
pub const SEAL_RESERVE: usize = 32;
