//! Turns what sources deliver into pictures that RTP can carry (RFC 2435), on a JPEG worker where that takes
//! too long for the event loop. Knows no source; the conversions themselves are in `streamsocket_convert`.

mod normaliser;

pub use normaliser::{Normaliser, Options, QUALITY_DEFAULT, ReadyPicture, is_sendable};
