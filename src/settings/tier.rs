//! Tiers: the same session once more, with fewer and smaller pictures.

use streamsocket_media::{FrameRate, Scale};

/// Tiers at most: each costs the encoding of every picture once more, and a group and eight ports of its own.
pub const TIERS_MAX: usize = 4;

/// Bytes of a tier's name at most: it is a part of file names and of the session's name in SDP, which have
/// room for much else.
pub const TIER_NAME_MAX: usize = 16;

/// What viewers with less bandwidth get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// Its name: letters, digits, `-` and `_`.
    pub name: String,
    /// How large its pictures are.
    pub scale: Scale,
    /// Its frame rate at most, if it is to have fewer pictures.
    pub fps: Option<FrameRate>,
    /// Quality that its pictures are encoded with, 1 to 100.
    pub quality: u8,
}
