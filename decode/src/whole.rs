//! A file that is there as a whole. A picture that libjpeg-turbo complains of is an error, never a damaged
//! picture.

use turbojpeg::{Colorspace, DecompressHeader, Decompressor, Subsamp, YuvImage};

use crate::error::Error;
use crate::picture::{ChromaLayout, DecodedPicture, is_shown};

/// Decodes one JPEG at a time. Holds libjpeg-turbo's state, so one lives as long as its thread.
///
/// The Huffman tables of a picture stay in that state: a JPEG without tables (a camera's "AVI1"
/// frame) must be given the default ones before it comes here.
#[derive(Debug)]
pub struct Decoder {
    decompressor: Decompressor,
}

impl Decoder {
    /// # Errors
    /// [`Error::Library`] if libjpeg-turbo cannot set itself up (no memory).
    pub fn new() -> Result<Self, Error> {
        Ok(Self { decompressor: decompressor().map_err(|e| Error::Library(e.to_string()))? })
    }

    /// Decodes `jpeg` into `picture`, without allocating once that is large enough.
    ///
    /// # Errors
    /// A picture that is too large, sampled in a way that has no [`ChromaLayout`], or damaged (including
    /// all that libjpeg calls a warning). `picture` is blank then.
    pub fn decode(&mut self, jpeg: &[u8], picture: &mut DecodedPicture) -> Result<(), Error> {
        picture.clear();
        let decoded = self.decode_planes(jpeg, picture);
        if decoded.is_err() {
            picture.clear();
            // libjpeg-turbo 3 leaves the parser in the middle of a damaged header and would read
            // every later picture as its continuation.
            if let Ok(fresh) = decompressor() {
                self.decompressor = fresh;
            }
        }
        decoded
    }

    fn decode_planes(&mut self, jpeg: &[u8], picture: &mut DecodedPicture) -> Result<(), Error> {
        let header = self.decompressor.read_header(jpeg).map_err(corrupt)?;
        let (subsamp, layout) = check(&header)?;
        let (width, height) = (header.width, header.height);
        picture.reshape(width, height, layout);
        // `decompress_to_yuv` believes the sampling that it is given and writes beyond the buffer
        // if the picture's is another; here it is the picture's own, of these very bytes.
        let planes = YuvImage { pixels: picture.samples_mut(), width, align: 1, height, subsamp };
        match self.decompressor.decompress_to_yuv(jpeg, planes) {
            // Some cameras fill up what is between the picture and its end: it is whole.
            Err(turbojpeg::Error::TurboJpegError(said)) if said.contains(PADDED) => Ok(()),
            result => result.map_err(corrupt),
        }
    }
}

/// What libjpeg-turbo says of bytes between a picture and its end: the first of its complaints, so that
/// nothing was wrong before.
const PADDED: &str = "extraneous bytes before marker 0xd9";

fn decompressor() -> turbojpeg::Result<Decompressor> {
    let mut decompressor = Decompressor::new()?;
    decompressor.set_scan_limit(SCANS_MAX)?;
    Ok(decompressor)
}

fn check(header: &DecompressHeader) -> Result<(Subsamp, ChromaLayout), Error> {
    let &DecompressHeader { width, height, subsamp, colorspace, .. } = header;
    if !is_shown(width, height) {
        return Err(Error::Size { width, height });
    }
    if !matches!(colorspace, Colorspace::YCbCr | Colorspace::Gray) {
        return Err(Error::Colour(colorspace));
    }
    if header.is_lossless {
        return Err(Error::Lossless);
    }
    let layout = layout(subsamp).ok_or(Error::Sampling(subsamp))?;
    Ok((subsamp, layout))
}

const fn layout(sampling: Subsamp) -> Option<ChromaLayout> {
    match sampling {
        Subsamp::Gray => Some(ChromaLayout::Grey),
        Subsamp::None => Some(ChromaLayout::Yuv444),
        Subsamp::Sub2x1 => Some(ChromaLayout::Yuv422),
        Subsamp::Sub2x2 => Some(ChromaLayout::Yuv420),
        Subsamp::Sub1x2 => Some(ChromaLayout::Yuv440),
        Subsamp::Sub4x1 => Some(ChromaLayout::Yuv411),
        _ => None,
    }
}

fn corrupt(error: turbojpeg::Error) -> Error {
    match error {
        turbojpeg::Error::TurboJpegError(message) => Error::Corrupt(message),
        other => Error::Library(other.to_string()),
    }
}

/// Progressive encoders write about ten scans; thousands of empty ones are an attack on the CPU.
const SCANS_MAX: u32 = 64;

#[cfg(test)]
mod tests;
