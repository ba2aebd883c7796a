//! JPEG to planes in 4:2:0, as large or smaller.

use crate::error::Error;
use crate::plan::Scale;
use std::sync::{Mutex, PoisonError};
use streamsocket_convert::sampling::{factors, sample_counts};
use turbojpeg::{Colorspace, DecompressHeader, Decompressor, ScalingFactor, Subsamp, YuvImage};

/// Most scans in a picture: progressive ones have ten, hostile ones thousands, and each costs as much as a
/// picture.
const SCANS_MAX: u32 = 64;

/// Neutral chroma.
const NEUTRAL: u8 = 128;

/// A decoded picture: full range, ITU-R BT.601, as JFIF has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decoded<'a> {
    /// Luma, Cb and Cr.
    pub(crate) planes: [&'a [u8]; 3],
    /// Bytes from one row to the next, of luma and of chroma.
    pub(crate) strides: [usize; 2],
    /// Width and height in pixels, even.
    pub(crate) size: (usize, usize),
}

/// Decodes pictures of one size at one scale; its memory is used again for the next one.
#[derive(Debug)]
pub(crate) struct Decoder {
    /// Never locked: in a mutex, what was decoded can be read by several threads.
    decompressor: Mutex<Decompressor>,
    factor: ScalingFactor,
    /// Width and height of the JPEGs.
    from: (usize, usize),
    /// Width and height of what is made of them.
    size: (usize, usize),
    samples: Vec<u8>,
    /// How the last picture was sampled, unless it was damaged.
    last: Option<Subsamp>,
    /// Chroma in 4:2:0 of a picture that has it otherwise.
    chroma: Vec<u8>,
    /// A JPEG that lacks its end, with one.
    completed: Vec<u8>,
}

impl Decoder {
    /// For JPEGs of `from`, width and height.
    ///
    /// # Errors
    /// [`Error::Start`] if libjpeg-turbo refuses: no memory.
    pub(crate) fn new(from: (usize, usize), scale: Scale) -> Result<Self, Error> {
        let factor = ScalingFactor::new(scale.numerator().into(), 8);
        let decompressor = Mutex::new(decompressor(factor)?);
        let size = scale.size(from);
        let [samples, chroma, completed] = [const { Vec::new() }; 3];
        Ok(Self { decompressor, factor, from, size, last: None, samples, chroma, completed })
    }

    /// Decodes a picture.
    ///
    /// # Errors
    /// [`Error::Jpeg`] if it is damaged or cannot be decoded, [`Error::SizeChanged`].
    pub(crate) fn decode(&mut self, jpeg: &[u8]) -> Result<Decoded<'_>, Error> {
        self.last = None;
        match self.planes(jpeg) {
            Ok(subsamp) => {
                self.make_420(subsamp);
                self.last = Some(subsamp);
                Ok(self.as_420(subsamp))
            }
            Err(error) => {
                // libjpeg-turbo 3 leaves the parser in the middle of a damaged header and would read every later
                // picture as its continuation.
                self.decompressor = Mutex::new(decompressor(self.factor)?);
                Err(error)
            }
        }
    }

    fn planes(&mut self, jpeg: &[u8]) -> Result<Subsamp, Error> {
        // Its absence counts as damage in libjpeg-turbo, and what is left out by a camera may be no more than this.
        const END: [u8; 2] = [0xFF, 0xD9];
        let jpeg = if jpeg.ends_with(&END) {
            jpeg
        } else {
            self.completed.clear();
            self.completed.extend_from_slice(jpeg);
            self.completed.extend_from_slice(&END);
            &self.completed
        };
        let decompressor = self.decompressor.get_mut().unwrap_or_else(PoisonError::into_inner);
        let header = decompressor.read_header(jpeg).map_err(damaged)?;
        let to = (header.width, header.height);
        check(&header)?;
        if to != self.from {
            return Err(Error::SizeChanged { from: self.from, to });
        }
        let scaled = header.scaled(self.factor);
        let (luma, chroma) = sample_counts(&scaled);
        self.samples.resize(luma + 2 * chroma, 0);
        let DecompressHeader { width, height, subsamp, .. } = scaled;
        // The library trusts this sampling, which was read from these very bytes.
        let image = YuvImage { pixels: &mut self.samples[..], width, align: 1, height, subsamp };
        match decompressor.decompress_to_yuv(jpeg, image) {
            // Some cameras fill up what is between the picture and its end: it is whole.
            Err(turbojpeg::Error::TurboJpegError(said)) if said.contains(PADDED) => Ok(subsamp),
            result => result.map_err(damaged).map(|()| subsamp),
        }
    }

    /// What was decoded last, unless that failed.
    pub(crate) fn last(&self) -> Option<Decoded<'_>> {
        self.last.map(|subsamp| self.as_420(subsamp))
    }

    /// Columns and rows of the planes of chroma that were decoded, and how many samples of luma there are in a row,
    /// and in all.
    fn layout(&self, subsamp: Subsamp) -> ((usize, usize), (usize, usize)) {
        let scaled = (self.factor.scale(self.from.0), self.factor.scale(self.from.1));
        let (across, down) = factors(subsamp);
        let (columns, rows) = (scaled.0.div_ceil(across), scaled.1.div_ceil(down));
        ((columns, rows), (columns * across, columns * across * rows * down))
    }

    /// Makes chroma for each 2x2 pixels of what has it otherwise.
    fn make_420(&mut self, subsamp: Subsamp) {
        let ((columns, rows), (_, luma)) = self.layout(subsamp);
        let (width, height) = (self.size.0 / 2, self.size.1 / 2);
        self.chroma.clear();
        if subsamp == Subsamp::Gray {
            self.chroma.resize(2 * width * height, NEUTRAL);
            return;
        }
        let (across, down) = factors(subsamp);
        if (across, down) == (2, 2) {
            return;
        }
        let chroma = &self.samples[luma..];
        for plane in chroma.chunks_exact((columns * rows).max(1)) {
            for y in 0..height {
                let row = |y: usize| &plane[y.min(rows - 1) * columns..][..columns];
                let pair = if down == 1 { (row(2 * y), row(2 * y + 1)) } else { (row(y), row(y)) };
                mean(pair, across, width, &mut self.chroma);
            }
        }
    }

    /// The planes, with chroma for each 2x2 pixels.
    fn as_420(&self, subsamp: Subsamp) -> Decoded<'_> {
        let ((columns, _), (stride, luma)) = self.layout(subsamp);
        let (luma, decoded) = self.samples.split_at(luma);
        let is_420 = subsamp == Subsamp::Sub2x2;
        let chroma = if is_420 { decoded } else { &self.chroma };
        let (blue, red) = chroma.split_at(chroma.len() / 2);
        let strides = [stride, if is_420 { columns } else { self.size.0 / 2 }];
        Decoded { planes: [luma, blue, red], strides, size: self.size }
    }
}

/// Appends the mean of two rows of chroma, sampled once per `across` pixels, as one sampled once per two, so wide
/// as the picture is.
fn mean((upper, lower): (&[u8], &[u8]), across: usize, width: usize, out: &mut Vec<u8>) {
    let rows = upper.iter().zip(lower).map(|(a, b)| a.midpoint(*b));
    match across {
        2 => out.extend(rows.take(width)),
        4 => out.extend(rows.flat_map(|sample| [sample; 2]).take(width)),
        _ => {
            let pairs = upper.chunks_exact(2).zip(lower.chunks_exact(2));
            let sum = |pair: &[u8]| u16::from(pair[0]) + u16::from(pair[1]);
            let means =
                pairs.map(|(a, b)| u8::try_from((sum(a) + sum(b) + 2) / 4).unwrap_or(u8::MAX));
            out.extend(means.take(width));
        }
    }
}

/// What libjpeg-turbo says of bytes between a picture and its end: the first of its complaints, so that nothing
/// was wrong before.
const PADDED: &str = "extraneous bytes before marker 0xd9";

fn damaged(error: turbojpeg::Error) -> Error {
    Error::Jpeg(error.to_string())
}

fn decompressor(factor: ScalingFactor) -> Result<Decompressor, Error> {
    let made = Decompressor::new().and_then(|mut decompressor| {
        decompressor.set_scan_limit(SCANS_MAX)?;
        decompressor.set_scaling_factor(factor)?;
        Ok(decompressor)
    });
    made.map_err(|error| Error::Start(format!("JPEG decoder: {error}")))
}

fn check(header: &DecompressHeader) -> Result<(), Error> {
    let &DecompressHeader { subsamp, colorspace, is_lossless, .. } = header;
    if !matches!(colorspace, Colorspace::YCbCr | Colorspace::Gray) {
        return Err(Error::Jpeg(format!(
            "{colorspace:?} colours: only YCbCr and grey are decoded"
        )));
    }
    let known = matches!(
        subsamp,
        Subsamp::None
            | Subsamp::Sub2x1
            | Subsamp::Sub2x2
            | Subsamp::Sub1x2
            | Subsamp::Sub4x1
            | Subsamp::Gray
    );
    if !known || is_lossless {
        return Err(Error::Jpeg("lossless, or chroma sampled in a way that is not decoded".into()));
    }
    Ok(())
}
