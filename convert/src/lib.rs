//! Turns JPEGs and raw pictures of all kinds into ones that RTP can carry (RFC 2435), of the same size or
//! smaller, and samples into Opus. It works on the caller's thread, however long that takes: no thread of its own, no input or
//! output, no `unsafe`.
#![deny(unsafe_code)]

mod converter;
pub mod opus;
mod planes;
mod quality;
mod raw;
mod rearrange;
pub mod sampling;

pub use converter::{Converter, Made, Refusal, Remedy, is_shown};
pub use planes::Planes;
pub use raw::{Encodable, encodable};
pub use rearrange::{FACTORS, Rearranger};
