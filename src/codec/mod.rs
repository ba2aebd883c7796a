//! Turns what sources deliver into pictures that RTP can carry (RFC 2435), on the JPEG worker where it takes
//! too long for the event loop. Knows no source; what computes is in `streamsocket_convert`.

mod normaliser;

pub use normaliser::{Normaliser, Options, Picture, QUALITY_DEFAULT, is_sendable};
