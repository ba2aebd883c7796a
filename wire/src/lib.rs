//! Bytes to values and back, for everything that StreamSocket says on the wire: RTP, RTCP, RTP/JPEG,
//! L16, Opus, repair packets, SDP, SAP, and the headers of JPEG files. Roughly one module for each section of a
//! document.
//!
//! Nothing here knows a socket, a clock or a stream: [`rtp::Packet::parse`] and its like look at a
//! slice and answer. No function allocates, and none panics, whatever the bytes.
#![no_std]
#![forbid(unsafe_code)]

pub mod extension;
pub mod g711;
pub mod jpeg;
pub mod jpeg_header;
pub mod jpeg_scan;
pub mod ntp;
pub mod opus;
pub mod payload_format;
pub mod pcm;
mod reader;
pub mod repair;
pub mod rtcp;
pub mod rtp;
pub mod sap;
pub mod sdp;
pub mod shared_clock;

use core::fmt;

/// Why bytes are not what they should be, or do not fit where they should go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// There are fewer bytes than the format needs.
    Truncated {
        /// Bytes needed.
        needed: usize,
        /// Bytes there.
        actual: usize,
    },
    /// A field has a value that the format does not allow.
    Malformed(&'static str),
    /// The buffer that was to be written is too small.
    Space {
        /// Bytes needed.
        needed: usize,
        /// Bytes there.
        actual: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { needed, actual } => {
                write!(f, "cut off: {needed} bytes needed, {actual} there")
            }
            Self::Malformed(what) => write!(f, "malformed: {what}"),
            Self::Space { needed, actual } => {
                write!(f, "buffer too small: {needed} bytes needed, {actual} there")
            }
        }
    }
}

impl core::error::Error for Error {}

/// The first `len` bytes of a buffer to be written.
fn space(out: &mut [u8], len: usize) -> Result<&mut [u8], Error> {
    let actual = out.len();
    out.get_mut(..len).ok_or(Error::Space { needed: len, actual })
}
