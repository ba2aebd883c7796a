//! Turns what sources deliver into pictures that RTP can carry (RFC 2435), on a JPEG worker where that takes
//! too long for the event loop; and the sound of tiers into Opus, on a worker likewise. Knows no source; the
//! conversions themselves are in `streamsocket_convert`.

mod normaliser;
mod sound;

pub use normaliser::{Normaliser, Options, QUALITY_DEFAULT, ReadyPicture, is_sendable};
pub use sound::SoundEncoder;
