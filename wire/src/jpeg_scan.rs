//! Reads the headers of a JPEG file (ITU-T T.81 annex B) and says whether RFC 2435 can carry the
//! picture as it is, and where its coded data lies. The coded data itself is never decoded.
//!
//! RTP carries baseline pictures of three components, 4:2:2 or 4:2:0 with luma first, the default
//! Huffman tables, and two 8-bit quantization tables. Everything else is [`Unfit`], with the reason.

mod end;
mod scanner;
mod segment;
mod unfit;

pub use self::end::without_markers;
pub use self::scanner::Scanner;
pub use self::unfit::Unfit;

use self::segment::{Colours, Huffman, Quantization, Scan, Size};
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
pub struct Frame {
    /// Pixels.
    pub width: u16,
    /// Pixels.
    pub height: u16,
    /// Chroma sampling.
    pub sampling: Sampling,
    /// Units between restart markers; 0: none.
    pub restart_interval: u16,
    /// Quantization tables of luma and chroma, in zigzag order.
    pub tables: [[u8; 64]; 2],
    /// Where the coded data lies in the file: behind the scan header, before EOI.
    pub data: Range<usize>,
    /// Whether an EOI follows it. Without one the camera leaves it away, or the picture is cut off:
    /// only decoding it tells.
    pub ended: bool,
}

/// Reads the headers of `jpeg`. What comes in front of the picture or behind it does not matter: a
/// second picture, padding, no EOI.
///
/// # Errors
/// Why RTP cannot carry the picture as it is.
pub fn scan(jpeg: &[u8]) -> Result<Frame, Unfit> {
    let (layout, start) = layout(jpeg)?;
    layout.frame(jpeg, start)
}

/// What the headers of a picture say, and where its coded data begins.
fn layout(jpeg: &[u8]) -> Result<(Layout, usize), Unfit> {
    if !jpeg.starts_with(&[0xFF, 0xD8]) {
        return Err(Unfit::NotJpeg);
    }
    let mut headers = Headers::default();
    let mut at = 2;
    loop {
        let (marker, segment, next) = segment::next(jpeg, at)?;
        if marker == SOS {
            return headers.layout(segment).map(|layout| (layout, next));
        }
        headers.read(marker, segment)?;
        at = next;
    }
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
            at = end::next_marker(jpeg, next);
        }
    }
    count
}

/// A frame, but for where its coded data ends.
#[derive(Clone, Debug)]
struct Layout {
    width: u16,
    height: u16,
    sampling: Sampling,
    restart_interval: u16,
    tables: [[u8; 64]; 2],
}

impl Layout {
    fn frame(&self, jpeg: &[u8], start: usize) -> Result<Frame, Unfit> {
        let (data, ended) = end::coded_data(jpeg, start)?;
        let &Self { width, height, sampling, restart_interval, tables } = self;
        Ok(Frame { width, height, sampling, restart_interval, tables, data, ended })
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
const APP0: u8 = 0xE0;
const APP14: u8 = 0xEE;

/// What the segments before the scan have said.
#[derive(Debug, Default)]
struct Headers {
    size: Option<Size>,
    quantization: Quantization,
    huffman: Huffman,
    restart_interval: u16,
    colours: Colours,
}

impl Headers {
    fn read(&mut self, marker: u8, segment: &[u8]) -> Result<(), Unfit> {
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
            APP0 | APP14 => self.colours.read(segment),
            JPG | SOI | EOI => return Err(Unfit::Truncated),
            // Applications, comments and what else there is say nothing about the picture.
            _ => {}
        }
        Ok(())
    }

    fn layout(&self, scan: &[u8]) -> Result<Layout, Unfit> {
        let size = self.size.ok_or(Unfit::Truncated)?;
        let scan = Scan::parse(scan)?;
        if !scan.is_of(&size.components) {
            return Err(Unfit::Scans);
        }
        if self.colours.are_rgb(&size.components) {
            return Err(Unfit::Colours);
        }
        let sampling = size.sampling()?;
        let [luma, blue, red] = size.components.map(|component| component.table);
        let luma = self.quantization.table(luma)?;
        let chroma = self.quantization.table(blue)?;
        if self.quantization.table(red)? != chroma {
            return Err(Unfit::QuantizationTables);
        }
        // Last, since this alone can be mended without decoding.
        if !scan.uses_default_tables() || !self.huffman.is_default() {
            return Err(Unfit::HuffmanTables);
        }
        Ok(Layout {
            width: size.width,
            height: size.height,
            sampling,
            restart_interval: self.restart_interval,
            tables: [luma, chroma],
        })
    }
}

#[cfg(test)]
mod tests;
