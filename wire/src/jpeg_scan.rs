//! Reads the headers of a JPEG file (ITU-T T.81 annex B) and says whether RFC 2435 can carry the
//! picture as it is, and where its coded data lies. The coded data itself is never decoded.
//!
//! RTP carries baseline pictures of three components, 4:2:2 or 4:2:0 with luma first, the default
//! Huffman tables, and two 8-bit quantization tables. Everything else is [`Unfit`], with the reason.

mod end;
mod segment;
mod unfit;

pub use self::unfit::Unfit;

use self::segment::{Huffman, Quantization, Scan, Size};
use core::ops::Range;

/// How often chroma is sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// 4:2:2, coded as 2x1, 1x1, 1x1.
    S422,
    /// 4:2:0, coded as 2x2, 1x1, 1x1.
    S420,
}

/// A picture that RTP can carry as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Pixels.
    pub width: u16,
    /// Pixels.
    pub height: u16,
    /// Chroma sampling.
    pub sampling: Sampling,
    /// Units between restart markers; 0: none.
    pub restart_interval: u16,
    /// Quantization tables of luma and chroma, in zigzag order.
    pub tables: [&'a [u8; 64]; 2],
    /// Where the coded data lies in the file: behind the scan header, before EOI.
    pub data: Range<usize>,
}

/// Reads the headers of `jpeg`. What comes in front of the picture or behind it does not matter: a
/// second picture, padding, no EOI.
///
/// # Errors
/// Why RTP cannot carry the picture as it is.
pub fn scan(jpeg: &[u8]) -> Result<Frame<'_>, Unfit> {
    if !jpeg.starts_with(&[0xFF, 0xD8]) {
        return Err(Unfit::NotJpeg);
    }
    let mut headers = Headers::default();
    let mut at = 2;
    loop {
        let (marker, segment, next) = segment::next(jpeg, at)?;
        if marker == SOS {
            return headers.frame(segment, end::coded_data(jpeg, next)?);
        }
        headers.read(marker, segment)?;
        at = next;
    }
}

const SOF0: u8 = 0xC0;
const SOF1: u8 = 0xC1;
const DHT: u8 = 0xC4;
const JPG: u8 = 0xC8;
const DAC: u8 = 0xCC;
const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;
const DQT: u8 = 0xDB;
const DRI: u8 = 0xDD;

/// What the segments before the scan have said.
#[derive(Debug, Default)]
struct Headers<'a> {
    size: Option<Size>,
    quantization: Quantization<'a>,
    huffman: Huffman,
    restart_interval: u16,
}

impl<'a> Headers<'a> {
    fn read(&mut self, marker: u8, segment: &'a [u8]) -> Result<(), Unfit> {
        match marker {
            SOF0 | SOF1 => self.size = Some(Size::parse(segment)?),
            DHT => self.huffman.read(segment)?,
            DQT => self.quantization.read(segment)?,
            DRI => {
                let interval = segment.get(..2).ok_or(Unfit::Truncated)?;
                self.restart_interval = u16::from_be_bytes([interval[0], interval[1]]);
            }
            0xC2 | 0xC6 => return Err(Unfit::Progressive),
            0xC3 | 0xC5 | 0xC7 => return Err(Unfit::Lossless),
            DAC | 0xC9..=0xCB | 0xCD..=0xCF => return Err(Unfit::Arithmetic),
            JPG | SOI | EOI => return Err(Unfit::Truncated),
            // Applications, comments and what else there is say nothing about the picture.
            _ => {}
        }
        Ok(())
    }

    fn frame(&self, scan: &[u8], data: Range<usize>) -> Result<Frame<'a>, Unfit> {
        let size = self.size.ok_or(Unfit::Truncated)?;
        let scan = Scan::parse(scan)?;
        if !scan.is_of(&size.components) {
            return Err(Unfit::Scans);
        }
        if !scan.uses_default_tables() || !self.huffman.is_default() {
            return Err(Unfit::HuffmanTables);
        }
        let [luma, blue, red] = size.components.map(|component| component.table);
        let luma = self.quantization.table(luma)?;
        let chroma = self.quantization.table(blue)?;
        if self.quantization.table(red)? != chroma {
            return Err(Unfit::QuantizationTables);
        }
        Ok(Frame {
            width: size.width,
            height: size.height,
            sampling: size.sampling()?,
            restart_interval: self.restart_interval,
            tables: [luma, chroma],
            data,
        })
    }
}

#[cfg(test)]
mod tests;
