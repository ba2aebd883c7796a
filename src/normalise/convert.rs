//! One picture at a time, made into one that RTP can carry: rewritten without loss, or encoded anew.

use super::planes::{Planes, Rows};
use super::quality;
use super::raw::{Encodable, RawFormat};
use super::rearrange::{self, Rearranger};
use streamsocket_wire::jpeg_header::HUFFMAN_DEFAULT;
use streamsocket_wire::jpeg_scan::{self, Frame, Unfit};
use turbojpeg::{
    Colorspace, Compressor, DecompressHeader, Decompressor, Image, OutputBuf, OwnedBuf,
    PixelFormat, Subsamp, Transform, Transformer, YuvImage,
};

/// Pixels of a picture at most: twice what 4K has, and 60 MB of memory when it is decoded.
const PIXELS_MAX: usize = 20_000_000;

/// Scans of a progressive picture at most: usual ones have ten, hostile ones thousands.
const SCANS_MAX: u32 = 64;

/// What may be done to a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// The same coefficients, coded as RTP wants it.
    Rewrite,
    /// Decoded and encoded, with this quality or that of its own tables.
    Encode(Option<u8>),
    /// Encoded with this quality.
    EncodeRaw(RawFormat, u8),
}

/// Why there is no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is damaged or cut off.
    Damaged,
    /// It cannot be sent, for this reason.
    Unfit(Unfit),
    /// It is too large to be decoded here.
    TooLarge,
}

/// libjpeg-turbo's state and the memory that is used again for each picture.
pub(super) struct Converter {
    decompressor: Decompressor,
    transformer: Transformer,
    compressor: Compressor,
    rearranger: Rearranger,
    input: Vec<u8>,
    samples: Vec<u8>,
    planes: Planes,
    output: Option<OwnedBuf>,
}

impl Converter {
    pub(super) fn new() -> turbojpeg::Result<Self> {
        Ok(Self {
            decompressor: decompressor()?,
            transformer: Transformer::new()?,
            compressor: Compressor::new()?,
            rearranger: Rearranger::new(),
            input: Vec::new(),
            samples: Vec::new(),
            planes: Planes::default(),
            output: None,
        })
    }

    /// Makes `out` a picture that can be sent.
    pub(super) fn convert(
        &mut self,
        bytes: &[u8],
        remedy: Remedy,
        out: &mut Vec<u8>,
    ) -> Result<Frame, Refusal> {
        let mut output = OutputBuf::owned(self.output.take().unwrap_or_else(OwnedBuf::new));
        let mut made = match remedy {
            Remedy::EncodeRaw(format, quality) => {
                self.encode_raw(&format, bytes, quality, &mut output)
            }
            Remedy::Encode(quality) => self.encode(bytes, quality, &mut output),
            Remedy::Rewrite => self.rewrite(bytes, &mut output),
        };
        let mut scanned = jpeg_scan::scan(&output);
        out.clear();
        if remedy == Remedy::Rewrite && made.is_ok() {
            if scanned == Err(Unfit::Sampling(rearrange::FACTORS)) {
                scanned = self
                    .rearranger
                    .rearrange(&output, out)
                    .map_or(scanned, |()| jpeg_scan::scan(out));
            }
            if scanned.is_err() {
                out.clear();
                made = self.encode(bytes, None, &mut output);
                scanned = jpeg_scan::scan(&output);
            }
        }
        if out.is_empty() {
            out.extend_from_slice(&output);
        }
        self.output = Some(output.into_owned());
        if made.is_err() {
            self.begin_anew();
        }
        made?;
        scanned.map_err(Refusal::Unfit)
    }

    /// What a library leaves behind after an error must not reach the next picture.
    fn begin_anew(&mut self) {
        if let (Ok(decompressor), Ok(transformer)) = (decompressor(), Transformer::new()) {
            (self.decompressor, self.transformer) = (decompressor, transformer);
        }
    }

    /// The picture with the Huffman tables that it has if it brings none (ITU-T T.81 K.3), and with
    /// an end: the library would take those of the picture before, and calls a missing end damage.
    fn complete(&mut self, jpeg: &[u8]) {
        self.input.clear();
        self.input.extend_from_slice(&[0xFF, 0xD8]);
        self.input.extend_from_slice(&HUFFMAN_DEFAULT);
        self.input.extend_from_slice(jpeg.get(2..).unwrap_or_default());
        self.input.extend_from_slice(&[0xFF, 0xD9]);
    }

    fn rewrite(&mut self, jpeg: &[u8], output: &mut OutputBuf<'_>) -> Result<(), Refusal> {
        self.complete(jpeg);
        self.header()?;
        let mut transform = Transform::default();
        transform.copy_none = true;
        intact(self.transformer.transform(&transform, &self.input, output))
    }

    fn header(&mut self) -> Result<DecompressHeader, Refusal> {
        let header = self.decompressor.read_header(&self.input).map_err(|_| Refusal::Damaged)?;
        let pixels = header.width.saturating_mul(header.height);
        if pixels == 0 || pixels > PIXELS_MAX {
            return Err(Refusal::TooLarge);
        }
        Ok(header)
    }

    fn encode(
        &mut self,
        jpeg: &[u8],
        quality: Option<u8>,
        output: &mut OutputBuf<'_>,
    ) -> Result<(), Refusal> {
        self.complete(jpeg);
        let header = self.header()?;
        if matches!(header.colorspace, Colorspace::CMYK | Colorspace::YCCK) {
            return Err(Refusal::Unfit(Unfit::Components(4)));
        }
        self.set_quality(quality.unwrap_or_else(|| own_quality(jpeg)))?;
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
            self.decode_planes(&header)?;
            self.encode_planes(output)
        } else {
            self.decode_colours(&header)?;
            let image = Image {
                pixels: &self.samples[..],
                width: header.width,
                pitch: header.width * 3,
                height: header.height,
                format: PixelFormat::RGB,
            };
            self.compressor.set_subsamp(Subsamp::Sub2x1).map_err(|_| Refusal::Damaged)?;
            self.compressor.compress(image, output).map_err(|_| Refusal::Damaged)
        }
    }

    /// Decodes into the planes, without a detour over other colours.
    fn decode_planes(&mut self, header: &DecompressHeader) -> Result<(), Refusal> {
        let &DecompressHeader { width, height, subsamp, .. } = header;
        let (across, down) = if subsamp == Subsamp::Gray { (1, 1) } else { subsamp.size() };
        let (columns, rows) = (width.div_ceil(across), height.div_ceil(down));
        let (luma, chroma) = (columns * across * rows * down, columns * rows);
        let chromas = if subsamp == Subsamp::Gray { 0 } else { 2 };
        self.samples.resize(luma + chromas * chroma, 0);
        // The sampling is the picture's own, of these very bytes: the library believes it.
        let image = YuvImage { pixels: &mut self.samples[..], width, align: 1, height, subsamp };
        intact(self.decompressor.decompress_to_yuv(&self.input, image))?;
        let (y, rest) = self.samples.split_at(luma);
        let (u, v) = rest.split_at(if chromas == 0 { 0 } else { chroma });
        let chromas = (chromas > 0)
            .then(|| ([Rows::plain(u, columns), Rows::plain(v, columns)], (across, down)));
        self.planes.fill((width, height), Rows::plain(y, columns * across), chromas);
        Ok(())
    }

    fn decode_colours(&mut self, header: &DecompressHeader) -> Result<(), Refusal> {
        let &DecompressHeader { width, height, .. } = header;
        self.samples.resize(width * height * 3, 0);
        let (pixels, pitch) = (&mut self.samples[..], width * 3);
        let image = Image { pixels, width, pitch, height, format: PixelFormat::RGB };
        intact(self.decompressor.decompress(&self.input, image))
    }

    fn encode_raw(
        &mut self,
        format: &RawFormat,
        bytes: &[u8],
        quality: u8,
        output: &mut OutputBuf<'_>,
    ) -> Result<(), Refusal> {
        self.set_quality(quality)?;
        match format.encodable(bytes, &mut self.planes).ok_or(Refusal::Damaged)? {
            Encodable::Planes => self.encode_planes(output),
            Encodable::Image(image) => {
                self.compressor.set_subsamp(Subsamp::Sub2x1).map_err(|_| Refusal::Damaged)?;
                self.compressor.compress(image, output).map_err(|_| Refusal::Damaged)
            }
        }
    }

    fn set_quality(&mut self, quality: u8) -> Result<(), Refusal> {
        self.compressor.set_quality(quality.clamp(1, 100).into()).map_err(|_| Refusal::Damaged)
    }

    fn encode_planes(&mut self, output: &mut OutputBuf<'_>) -> Result<(), Refusal> {
        let encoded = self.compressor.compress_yuv_planes(&self.planes.image(), output);
        encoded.map_err(|_| Refusal::Damaged)
    }
}

/// The quality that a picture was encoded with, as its tables say it.
fn own_quality(jpeg: &[u8]) -> u8 {
    let [luma, chroma] = jpeg_scan::tables(jpeg);
    luma.map_or(quality::UNKNOWN, |luma| quality::of(&luma, chroma.as_ref()))
}

/// Whatever libjpeg-turbo complains of is damage, but for bytes between the picture and its end, which
/// is then as complete as it would be without them.
fn intact(result: turbojpeg::Result<()>) -> Result<(), Refusal> {
    const PADDED: &str = "extraneous bytes before marker 0xd9";
    match result {
        Err(turbojpeg::Error::TurboJpegError(said)) if said.contains(PADDED) => Ok(()),
        other => other.map_err(|_| Refusal::Damaged),
    }
}

fn decompressor() -> turbojpeg::Result<Decompressor> {
    let mut decompressor = Decompressor::new()?;
    decompressor.set_scan_limit(SCANS_MAX)?;
    Ok(decompressor)
}
