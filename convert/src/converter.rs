//! Converts one picture at a time into one that RTP can carry (RFC 2435): rewritten without loss,
//! or encoded anew, at its size or smaller.

use crate::planes::{Planes, Rows};
use crate::quality;
use crate::raw::{Encodable, encodable};
use crate::rearrange::{self, Rearranger};
use crate::sampling::{factors, sample_counts};
use streamsocket_media::{RawFormat, Scale};
use streamsocket_wire::jpeg::{PIXELS_MAX, SIDE_MAX};
use streamsocket_wire::jpeg_scan::{self, Scanned, Unfit};
use turbojpeg::{
    Colorspace, Compressor, DecompressHeader, Decompressor, Image, OutputBuf, PixelFormat,
    ScalingFactor, Subsamp, Transform, Transformer, YuvImage,
};

/// Most scans in a picture: progressive ones have ten, hostile ones thousands, and each costs as
/// much as a picture.
const SCANS_MAX: usize = 64;

/// Quality of a raw picture that is to be made smaller: what is lost by it is less than what the smaller
/// picture shows, and one way of scaling does for all layouts.
const RAW_QUALITY: u8 = 95;

/// A conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The same coefficients, entropy-coded as RTP requires.
    Rewrite,
    /// Decoded and re-encoded, with this quality or that of its own tables.
    Encode(Option<u8>),
    /// Decoded at this scale and encoded with this quality or that of its own tables. A smaller picture
    /// has details that its own tables were too coarse for: the quality may be the higher one.
    Scale(Scale, Option<u8>),
    /// A raw picture, encoded at this scale with this quality.
    EncodeRaw(RawFormat, Scale, u8),
}

/// Why a picture could not be converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Damaged or cut off.
    Damaged,
    /// RTP cannot carry it, for this reason.
    Unfit(Unfit),
    /// Larger than receivers accept.
    TooLarge,
    /// So many scans that decoding would take too long.
    TooManyScans,
}

/// Whether receivers accept a picture of this size in pixels.
#[must_use]
pub const fn is_shown(width: usize, height: usize) -> bool {
    width <= SIDE_MAX && height <= SIDE_MAX && width * height <= PIXELS_MAX
}

/// Buffers that are reused for each picture. The state of libjpeg-turbo is not reused: it would
/// supply a picture's missing tables from the one before.
#[derive(Debug)]
pub struct Converter {
    rearranger: Rearranger,
    input: Vec<u8>,
    samples: Vec<u8>,
    planes: Planes,
}

/// A converted picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its parsed headers, and where its coded data lies.
    pub scanned: Scanned,
    /// Whether the samples are unchanged.
    pub lossless: bool,
}

impl Default for Converter {
    fn default() -> Self {
        Self::new()
    }
}

impl Converter {
    /// Allocates nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            rearranger: Rearranger::default(),
            input: Vec::new(),
            samples: Vec::new(),
            planes: Planes::default(),
        }
    }

    /// Writes to `out` a picture that can be sent.
    ///
    /// # Errors
    /// Why the picture cannot be converted.
    pub fn convert(
        &mut self,
        bytes: &[u8],
        remedy: Remedy,
        out: &mut Vec<u8>,
    ) -> Result<Made, Refusal> {
        out.clear();
        if let Remedy::EncodeRaw(format, scale, quality) = remedy {
            let encoded = self.convert_raw(&format, bytes, (scale, quality))?;
            return finished(&encoded, false, out);
        }
        self.complete(bytes);
        let header = self.header()?;
        if remedy == Remedy::Rewrite && is_carried(&header) {
            let rewritten = self.rewrite()?;
            match jpeg_scan::scan(&rewritten) {
                Err(Unfit::Sampling(rearrange::FACTORS)) => {
                    if self.rearranger.rearrange(&rewritten, out).is_some() {
                        if let Ok(scanned) = jpeg_scan::scan(out) {
                            return Ok(Made { scanned, lossless: true });
                        }
                    }
                }
                Ok(_) => return finished(&rewritten, true, out),
                Err(_) => {}
            }
        }
        let own = own_quality(&self.input);
        let (scale, quality) = match remedy {
            Remedy::Scale(scale, quality) => (scale, quality.unwrap_or(own)),
            Remedy::Encode(Some(quality)) => (Scale::Full, quality.min(own)),
            _ => (Scale::Full, own),
        };
        let encoded = self.encode(&header, scale, quality)?;
        finished(&encoded, false, out)
    }

    /// Appends EOI, whose absence the library reports as damage.
    fn complete(&mut self, jpeg: &[u8]) {
        self.input.clear();
        self.input.extend_from_slice(jpeg);
        self.input.extend_from_slice(&[0xFF, 0xD9]);
    }

    fn rewrite(&self) -> Result<OutputBuf<'static>, Refusal> {
        let mut transform = Transform::default();
        transform.copy_none = true;
        let mut output = OutputBuf::new_owned();
        let mut transformer = Transformer::new().map_err(|_| Refusal::Damaged)?;
        intact(transformer.transform(&transform, &self.input, &mut output))?;
        Ok(output)
    }

    fn header(&self) -> Result<DecompressHeader, Refusal> {
        let mut decompressor = Decompressor::new().map_err(|_| Refusal::Damaged)?;
        let header = decompressor.read_header(&self.input).map_err(|_| Refusal::Damaged)?;
        let &DecompressHeader { width, height, .. } = &header;
        if !is_shown(width, height) {
            return Err(Refusal::TooLarge);
        }
        if jpeg_scan::scans(&self.input) > SCANS_MAX {
            return Err(Refusal::TooManyScans);
        }
        Ok(header)
    }

    fn encode(
        &mut self,
        header: &DecompressHeader,
        scale: Scale,
        quality: u8,
    ) -> Result<OutputBuf<'static>, Refusal> {
        if matches!(header.colorspace, Colorspace::CMYK | Colorspace::YCCK) {
            return Err(Refusal::Unfit(Unfit::Components(4)));
        }
        let scaled = header.scaled(factor(scale));
        let known = matches!(
            header.subsamp,
            Subsamp::None
                | Subsamp::Sub2x1
                | Subsamp::Sub2x2
                | Subsamp::Sub1x2
                | Subsamp::Sub4x1
                | Subsamp::Gray
        );
        if known && matches!(header.colorspace, Colorspace::YCbCr | Colorspace::Gray) {
            self.decode_samples(&scaled, scale)?;
            if is_carried(&scaled) {
                return self.encode_samples(&scaled, quality);
            }
            self.fill_planes(&scaled);
            return self.encode_planes(quality);
        }
        self.decode_colours(&scaled, scale)?;
        let DecompressHeader { width, height, .. } = scaled;
        let (pixels, pitch) = (&self.samples[..], width * 3);
        encode_colours(Image { pixels, width, pitch, height, format: PixelFormat::RGB }, quality)
    }

    /// Decodes without colour conversion a picture that then has this header.
    fn decode_samples(&mut self, scaled: &DecompressHeader, scale: Scale) -> Result<(), Refusal> {
        let &DecompressHeader { width, height, subsamp, .. } = scaled;
        let (luma, chroma) = sample_counts(scaled);
        self.samples.resize(luma + 2 * chroma, 0);
        // The library trusts this sampling, which was read from these very bytes.
        let image = YuvImage { pixels: &mut self.samples[..], width, align: 1, height, subsamp };
        let mut decompressor = decompressor(scale)?;
        intact(decompressor.decompress_to_yuv(&self.input, image))
    }

    /// Encodes what was decoded, in a sampling that RTP carries, sample for sample.
    fn encode_samples(
        &self,
        scaled: &DecompressHeader,
        quality: u8,
    ) -> Result<OutputBuf<'static>, Refusal> {
        let &DecompressHeader { width, height, subsamp, .. } = scaled;
        let image = YuvImage { pixels: &self.samples[..], width, align: 1, height, subsamp };
        let mut output = OutputBuf::new_owned();
        let encoded = compressor(quality)
            .and_then(|mut compressor| compressor.compress_yuv(image, &mut output));
        encoded.map_err(|_| Refusal::Damaged).map(|()| output)
    }

    /// Brings what was decoded into a sampling that RTP carries.
    fn fill_planes(&mut self, scaled: &DecompressHeader) {
        let &DecompressHeader { width, height, .. } = scaled;
        let (luma, chroma) = sample_counts(scaled);
        let (across, down) = factors(scaled.subsamp);
        let columns = width.div_ceil(across);
        let (y, rest) = self.samples.split_at(luma);
        let (u, v) = rest.split_at(chroma);
        let chromas = (chroma > 0)
            .then(|| ([Rows::plain(u, columns), Rows::plain(v, columns)], (across, down)));
        self.planes.fill((width, height), Rows::plain(y, columns * across), chromas);
    }

    fn decode_colours(&mut self, scaled: &DecompressHeader, scale: Scale) -> Result<(), Refusal> {
        let &DecompressHeader { width, height, .. } = scaled;
        self.samples.resize(width * height * 3, 0);
        let (pixels, pitch) = (&mut self.samples[..], width * 3);
        let image = Image { pixels, width, pitch, height, format: PixelFormat::RGB };
        let mut decompressor = decompressor(scale)?;
        intact(decompressor.decompress(&self.input, image))
    }

    fn convert_raw(
        &mut self,
        format: &RawFormat,
        bytes: &[u8],
        wanted: (Scale, u8),
    ) -> Result<OutputBuf<'static>, Refusal> {
        let (scale, quality) = wanted;
        if scale == Scale::Full {
            return self.encode_raw(format, bytes, quality);
        }
        let whole = self.encode_raw(format, bytes, RAW_QUALITY)?;
        self.complete(&whole);
        let header = self.header()?;
        self.encode(&header, scale, quality)
    }

    fn encode_raw(
        &mut self,
        format: &RawFormat,
        bytes: &[u8],
        quality: u8,
    ) -> Result<OutputBuf<'static>, Refusal> {
        match encodable(format, bytes, &mut self.planes).ok_or(Refusal::Damaged)? {
            Encodable::Planes => self.encode_planes(quality),
            Encodable::Image(image) => encode_colours(image, quality),
        }
    }

    fn encode_planes(&self, quality: u8) -> Result<OutputBuf<'static>, Refusal> {
        let mut output = OutputBuf::new_owned();
        let mut compressor = compressor(quality).map_err(|_| Refusal::Damaged)?;
        let encoded = compressor.compress_yuv_planes(&self.planes.image(), &mut output);
        encoded.map_err(|_| Refusal::Damaged).map(|()| output)
    }
}

fn encode_colours(image: Image<&[u8]>, quality: u8) -> Result<OutputBuf<'static>, Refusal> {
    let mut output = OutputBuf::new_owned();
    let encoded = compressor(quality).and_then(|mut compressor| {
        compressor.set_subsamp(Subsamp::Sub2x1)?;
        compressor.compress(image, &mut output)
    });
    encoded.map_err(|_| Refusal::Damaged).map(|()| output)
}

/// A decoder that makes pictures as large as this.
fn decompressor(scale: Scale) -> Result<Decompressor, Refusal> {
    let decompressor = Decompressor::new().and_then(|mut decompressor| {
        decompressor.set_scaling_factor(factor(scale))?;
        Ok(decompressor)
    });
    decompressor.map_err(|_| Refusal::Damaged)
}

const fn factor(scale: Scale) -> ScalingFactor {
    match scale {
        Scale::Full => ScalingFactor::ONE,
        Scale::Half => ScalingFactor::ONE_HALF,
        Scale::Quarter => ScalingFactor::ONE_QUARTER,
    }
}

fn compressor(quality: u8) -> turbojpeg::Result<Compressor> {
    let mut compressor = Compressor::new()?;
    compressor.set_quality(quality.clamp(1, 100).into())?;
    Ok(compressor)
}

/// Copies an encoded picture to `out`, if it can be sent.
fn finished(made: &[u8], lossless: bool, out: &mut Vec<u8>) -> Result<Made, Refusal> {
    let scanned = jpeg_scan::scan(made).map_err(Refusal::Unfit)?;
    out.clear();
    out.extend_from_slice(made);
    Ok(Made { scanned, lossless })
}

/// Whether RTP carries this sampling and colour space, however they are coded.
const fn is_carried(header: &DecompressHeader) -> bool {
    matches!(header.subsamp, Subsamp::Sub2x1 | Subsamp::Sub2x2)
        && matches!(header.colorspace, Colorspace::YCbCr)
}

/// The quality that a picture was encoded with, judging by its quantization tables.
fn own_quality(jpeg: &[u8]) -> u8 {
    let [luma, chroma] = jpeg_scan::tables(jpeg);
    luma.map_or(quality::UNKNOWN, |luma| quality::of(&luma, chroma.as_ref()))
}

/// Any complaint of libjpeg-turbo counts as damage, except for surplus bytes before EOI: the
/// picture is complete then.
fn intact(result: turbojpeg::Result<()>) -> Result<(), Refusal> {
    const PADDED: &str = "extraneous bytes before marker 0xd9";
    match result {
        Err(turbojpeg::Error::TurboJpegError(said)) if said.contains(PADDED) => Ok(()),
        other => other.map_err(|_| Refusal::Damaged),
    }
}

#[cfg(test)]
mod tests;
