//! Why there is no picture.

use core::fmt;

use streamsocket_wire::jpeg::{PIXELS_MAX, SIDE_MAX};
use turbojpeg::{Colorspace, Subsamp};

/// Why a JPEG could not be decoded.
#[derive(Debug)]
pub enum Error {
    /// libjpeg-turbo failed for a reason of its own.
    Library(String),
    /// The picture is empty or larger than this program accepts.
    Size {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// Colours that are no YUV (RGB, CMYK).
    Colour(Colorspace),
    /// Chroma sampling without a layout.
    Sampling(Subsamp),
    /// Lossless JPEG, which has no planes to take over.
    Lossless,
    /// The data is damaged, cut, or no JPEG; libjpeg's own words.
    Corrupt(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Library(message) => write!(f, "JPEG decoder: {message}"),
            Self::Size { width, height } => write!(
                f,
                "JPEG of {width}x{height}: only up to {SIDE_MAX}x{SIDE_MAX} and {} megapixels",
                PIXELS_MAX / 1_000_000
            ),
            Self::Colour(space) => write!(f, "JPEG in {space:?} colours: only YCbCr and grey"),
            Self::Sampling(sampling) => write!(f, "JPEG with {sampling:?} chroma sampling"),
            Self::Lossless => f.write_str("lossless JPEG: only baseline and progressive"),
            Self::Corrupt(message) => write!(f, "damaged JPEG: {message}"),
        }
    }
}

impl core::error::Error for Error {}
