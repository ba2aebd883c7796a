//! JPEG to planar YUV, as the file has it: no colour conversion, no scaling. What shows the planes converts
//! them. Opus to samples ([`opus`]).
//!
//! [`Decoder`] takes a whole file. [`PartDecoder`] takes one while it arrives, so that little is left to do
//! when its last byte is there; what it cannot, or will not, decode so is decoded as a whole, and either way
//! the planes are the same, bit for bit.
//!
//! `unsafe` stands in `libjpeg` alone, the module between `parts.c` and the rest.
#![deny(unsafe_code)]

mod error;
mod libjpeg;
pub mod opus;
mod parts;
mod picture;
mod whole;

pub use error::Error;
pub use parts::{BYTES_MAX, PartDecoder};
pub use picture::{ChromaLayout, DecodedPicture, Plane};
pub use whole::Decoder;
