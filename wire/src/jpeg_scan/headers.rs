//! What the headers of a picture say.

use super::marker::{APP0, APP14, DAC, DHT, DQT, DRI, EOI, JPG, SOF0, SOF1, SOI, SOS};
use super::segment::{self, Colours, Huffman, Quantization, Scan, Size};
use super::unfit::Unfit;
use crate::jpeg::Parameters;

/// What the headers of a picture say, and where its coded data begins.
pub(super) fn picture(jpeg: &[u8]) -> Result<(Parameters, usize), Unfit> {
    if !jpeg.starts_with(&[0xFF, 0xD8]) {
        return Err(Unfit::NotJpeg);
    }
    let mut headers = Headers::default();
    let mut at = 2;
    loop {
        let (marker, segment, next) = segment::next(jpeg, at)?;
        if marker == SOS {
            return headers.picture(segment).map(|picture| (picture, next));
        }
        headers.read(marker, segment)?;
        at = next;
    }
}

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

    fn picture(&self, scan: &[u8]) -> Result<Parameters, Unfit> {
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
        Ok(Parameters {
            width: size.width,
            height: size.height,
            sampling,
            restart_interval: self.restart_interval,
            tables: [luma, chroma],
        })
    }
}
