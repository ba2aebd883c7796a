//! The segments before the coded data (ITU-T T.81 B.2).

use super::unfit::Unfit;
use crate::jpeg::Sampling;
use crate::jpeg_header::{CHROMA_AC, CHROMA_DC, LUMA_AC, LUMA_DC};

/// The marker at `at`, its segment without the length, and where the next marker is. Fill bytes in
/// front of the marker are skipped (B.1.1.2).
pub(super) fn next(jpeg: &[u8], at: usize) -> Result<(u8, &[u8], usize), Unfit> {
    let rest = jpeg.get(at..).unwrap_or_default();
    if rest.first().is_some_and(|byte| *byte != 0xFF) {
        return Err(Unfit::Truncated);
    }
    let fill = rest.iter().take_while(|byte| **byte == 0xFF).count();
    let (marker, rest) = rest.get(fill..).and_then(<[u8]>::split_first).ok_or(Unfit::Truncated)?;
    // Markers without a segment: TEM, RST, SOI, EOI.
    if matches!(marker, 0x01 | 0xD0..=0xD9) {
        return Ok((*marker, &[], at + fill + 1));
    }
    let length = rest.get(..2).ok_or(Unfit::Truncated)?;
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    let segment = rest.get(2..length).ok_or(Unfit::Truncated)?;
    Ok((*marker, segment, at + fill + 1 + length))
}

/// One component of the frame header.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Component {
    id: u8,
    factors: u8,
    pub(super) table: u8,
}

/// The frame header (B.2.2).
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) width: u16,
    pub(super) height: u16,
    pub(super) components: [Component; 3],
}

impl Size {
    pub(super) fn parse(segment: &[u8]) -> Result<Self, Unfit> {
        let [precision, h1, h0, w1, w0, count, rest @ ..] = segment else {
            return Err(Unfit::Truncated);
        };
        if *precision != 8 {
            return Err(Unfit::Precision(*precision));
        }
        if *count != 3 {
            return Err(Unfit::Components(*count));
        }
        let (height, width) = (u16::from_be_bytes([*h1, *h0]), u16::from_be_bytes([*w1, *w0]));
        if height == 0 || width == 0 {
            return Err(Unfit::Empty);
        }
        let mut components = [Component::default(); 3];
        if rest.len() < 9 {
            return Err(Unfit::Truncated);
        }
        for (component, bytes) in components.iter_mut().zip(rest.chunks_exact(3)) {
            *component = Component { id: bytes[0], factors: bytes[1], table: bytes[2] };
        }
        Ok(Self { width, height, components })
    }

    pub(super) fn sampling(&self) -> Result<Sampling, Unfit> {
        match self.components.map(|component| component.factors) {
            [0x21, 0x11, 0x11] => Ok(Sampling::S422),
            [0x22, 0x11, 0x11] => Ok(Sampling::S420),
            other => Err(Unfit::Sampling(other)),
        }
    }
}

/// The scan header (B.2.3): component and tables, three times.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan {
    components: [(u8, u8); 3],
}

impl Scan {
    pub(super) fn parse(segment: &[u8]) -> Result<Self, Unfit> {
        match segment {
            [3, a, ta, b, tb, c, tc, _, _, _, ..] => {
                Ok(Self { components: [(*a, *ta), (*b, *tb), (*c, *tc)] })
            }
            [3, ..] | [] => Err(Unfit::Truncated),
            _ => Err(Unfit::Scans),
        }
    }

    /// True if these are its components, in this order.
    pub(super) fn is_of(&self, components: &[Component; 3]) -> bool {
        self.components.map(|(id, _)| id) == components.map(|component| component.id)
    }

    /// True if luma is coded with the tables 0 and both chromas with the tables 1.
    pub(super) fn uses_default_tables(&self) -> bool {
        self.components.map(|(_, tables)| tables) == [0x00, 0x11, 0x11]
    }
}

/// The quantization tables seen (B.2.4.1), by id.
#[derive(Debug, Default)]
pub(super) struct Quantization {
    tables: [Option<[u8; 64]>; 4],
}

impl Quantization {
    pub(super) fn read(&mut self, mut segment: &[u8]) -> Result<(), Unfit> {
        while let Some((head, rest)) = segment.split_first() {
            let (precision, id) = (head >> 4, usize::from(head & 0x0F));
            let len = if precision == 0 { 64 } else { 128 };
            let table = rest.get(..len).ok_or(Unfit::Truncated)?;
            let slot = self.tables.get_mut(id).ok_or(Unfit::QuantizationTables)?;
            // A table whose values need 16 bits leaves the slot empty: only a picture that uses it
            // is unfit.
            *slot = if precision == 0 { table.try_into().ok() } else { narrowed(table) };
            segment = rest.get(len..).unwrap_or_default();
        }
        Ok(())
    }

    pub(super) fn table(&self, id: u8) -> Result<[u8; 64], Unfit> {
        let table = self.tables.get(usize::from(id)).copied().flatten();
        table.ok_or(Unfit::QuantizationTables)
    }
}

/// A table of 16-bit values in 8 bits, if they fit.
fn narrowed(table: &[u8]) -> Option<[u8; 64]> {
    let mut narrow = [0; 64];
    for (value, wide) in narrow.iter_mut().zip(table.chunks_exact(2)) {
        *value = u8::try_from(u16::from_be_bytes([wide[0], wide[1]])).ok()?;
    }
    Some(narrow)
}

/// What the application segments say of the colours: as libjpeg takes them.
#[derive(Debug, Default)]
pub(super) struct Colours {
    jfif: bool,
    /// The transform flag of Adobe's segment.
    adobe: Option<u8>,
}

impl Colours {
    pub(super) fn read(&mut self, segment: &[u8]) {
        if segment.starts_with(b"JFIF\0") {
            self.jfif = true;
        } else if segment.starts_with(b"Adobe") {
            self.adobe = segment.get(11).copied();
        }
    }

    /// True for red, green and blue, which RTP has no type for.
    pub(super) fn are_rgb(&self, components: &[Component; 3]) -> bool {
        match self.adobe {
            _ if self.jfif => false,
            Some(transform) => transform == 0,
            None => components.map(|component| component.id) == *b"RGB",
        }
    }
}

/// Which of the four tables of a baseline picture have been defined otherwise than by default. None
/// defined at all means the defaults, as MJPEG has it.
#[derive(Debug, Default)]
pub(super) struct Huffman {
    custom: [bool; 4],
}

impl Huffman {
    pub(super) fn read(&mut self, mut segment: &[u8]) -> Result<(), Unfit> {
        while let Some((head, rest)) = segment.split_first() {
            let counts = rest.get(..16).ok_or(Unfit::Truncated)?;
            let len = 16 + counts.iter().map(|count| usize::from(*count)).sum::<usize>();
            let table = rest.get(..len).ok_or(Unfit::Truncated)?;
            let default: Option<(usize, &[u8])> = match head {
                0x00 => Some((0, &LUMA_DC)),
                0x10 => Some((1, &LUMA_AC)),
                0x01 => Some((2, &CHROMA_DC)),
                0x11 => Some((3, &CHROMA_AC)),
                // Tables that no scan of ours uses.
                _ => None,
            };
            if let Some((index, default)) = default {
                self.custom[index] = table != default;
            }
            segment = rest.get(len..).unwrap_or_default();
        }
        Ok(())
    }

    pub(super) fn is_default(&self) -> bool {
        self.custom == [false; 4]
    }
}
