//! Turns what sources deliver into pictures that RTP can carry (RFC 2435), on the JPEG worker where it takes
//! too long for the event loop. Knows no source.

mod convert;
mod normaliser;
mod planes;
mod quality;
mod raw;
mod rearrange;

pub use convert::{Converter, Made, Refusal, Remedy};
pub use normaliser::{Normaliser, Options, Picture, QUALITY_DEFAULT, is_sendable};
pub use streamsocket_media::Scale;

#[cfg(test)]
mod tests;
