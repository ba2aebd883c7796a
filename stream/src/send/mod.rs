//! From what was captured, a picture or samples, to packets that are due.

pub mod audio;
pub mod bitrate;
pub mod clock;
pub mod pacer;
pub mod packets;
pub mod payloader;
pub mod repair;
pub mod sample_clock;
pub mod stamps;
pub mod video;

/// Bytes of every packet that stay free for a seal (encryption and its tag) between the pacer and
/// the socket, so that switching it on never changes how frames are cut.
pub const SEAL_RESERVE: usize = 32;
