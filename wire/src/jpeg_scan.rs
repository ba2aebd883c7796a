//! Reads the headers of a JPEG file (ITU-T T.81 annex B) and says whether RFC 2435 can carry the
//! picture as it is, and where its coded data lies. The coded data itself is never decoded.
//!
//! RTP carries baseline pictures of three components, 4:2:2 or 4:2:0 with luma first, the default
//! Huffman tables, and two 8-bit quantization tables. Everything else is [`Unfit`], with the reason.

mod end;
mod headers;
mod marker;
mod scanned;
mod scanner;
mod segment;
mod unfit;

pub use self::end::next_marker;
pub use self::scanned::Scanned;
pub use self::scanner::Scanner;
pub use self::unfit::Unfit;

use self::marker::{DAC, DHT, DQT, EOI, JPG, SOF0, SOS};
use self::segment::Quantization;

/// Reads the headers of `jpeg`. What comes in front of the picture or behind it does not matter: a
/// second picture, padding, no EOI.
///
/// # Errors
/// Why RTP cannot carry the picture as it is.
pub fn scan(jpeg: &[u8]) -> Result<Scanned, Unfit> {
    let (picture, start) = headers::picture(jpeg)?;
    Scanned::new(&picture, jpeg, start)
}

/// The quantization tables of the first two components, if they have 8 bits: luma and chroma of
/// whatever picture that has headers, also of those that RTP cannot carry.
#[must_use]
pub fn tables(jpeg: &[u8]) -> [Option<[u8; 64]>; 2] {
    let mut quantization = Quantization::default();
    let mut ids = [None; 2];
    let mut at = 2;
    while let Ok((marker, segment, next)) = segment::next(jpeg, at) {
        match marker {
            SOS | EOI => break,
            DQT if quantization.read(segment).is_err() => break,
            // All kinds of frames: the header is the same (B.2.2).
            SOF0..=0xCF if !matches!(marker, DHT | JPG | DAC) => {
                ids = [segment.get(8).copied(), segment.get(11).copied()];
            }
            _ => {}
        }
        at = next;
    }
    ids.map(|id| quantization.table(id?).ok())
}

/// The number of scans in a file: one, or more if it is progressive or not interleaved.
#[must_use]
pub fn scans(jpeg: &[u8]) -> usize {
    let (mut at, mut count) = (2, 0);
    while let Ok((marker, _, next)) = segment::next(jpeg, at) {
        at = next;
        if marker == SOS {
            count += 1;
            at = next + next_marker(jpeg.get(next..).unwrap_or_default());
        }
    }
    count
}

#[cfg(test)]
mod tests;
