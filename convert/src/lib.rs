//! Makes of any JPEG or raw picture one that RTP can carry (RFC 2435), as large or smaller. It takes as long as
//! it takes: no thread, no input or output, no `unsafe`.
#![deny(unsafe_code)]

mod converter;
mod planes;
mod quality;
mod raw;
mod rearrange;

pub use converter::{Converter, Made, Refusal, Remedy, is_shown};
pub use planes::Planes;
pub use raw::{Encodable, encodable};
pub use rearrange::{FACTORS, Rearranger};
