//! What tracks are called, in addresses and in folders.

/// The track of sound.
pub(crate) const SOUND: &str = "audio";

/// Tracks of pictures, the largest first.
pub(crate) const TIERS: [&str; 3] = ["high", "medium", "low"];
