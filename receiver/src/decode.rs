//! JPEG to planar YUV, as the file has it: no colour conversion, no scaling. What shows the planes
//! converts them. A picture that libjpeg-turbo complains of is an error, never a damaged picture.

use core::fmt;

use streamsocket_wire::jpeg::{PIXELS_MAX, SIDE_MAX};
use turbojpeg::{Colorspace, DecompressHeader, Decompressor, Subsamp, YuvImage};

/// How the chroma planes relate to the luma plane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ChromaLayout {
    /// Luma only.
    #[default]
    Grey,
    /// Chroma at full resolution.
    Yuv444,
    /// Chroma at half the width.
    Yuv422,
    /// Chroma at half the width and half the height.
    Yuv420,
    /// Chroma at half the height.
    Yuv440,
    /// Chroma at a quarter of the width.
    Yuv411,
}

impl ChromaLayout {
    /// Luma samples per chroma sample, across and down; (1, 1) for grey.
    #[must_use]
    pub const fn factors(self) -> (usize, usize) {
        match self {
            Self::Grey | Self::Yuv444 => (1, 1),
            Self::Yuv422 => (2, 1),
            Self::Yuv420 => (2, 2),
            Self::Yuv440 => (1, 2),
            Self::Yuv411 => (4, 1),
        }
    }

    const fn of(sampling: Subsamp) -> Option<Self> {
        match sampling {
            Subsamp::Gray => Some(Self::Grey),
            Subsamp::None => Some(Self::Yuv444),
            Subsamp::Sub2x1 => Some(Self::Yuv422),
            Subsamp::Sub2x2 => Some(Self::Yuv420),
            Subsamp::Sub1x2 => Some(Self::Yuv440),
            Subsamp::Sub4x1 => Some(Self::Yuv411),
            _ => None,
        }
    }

    /// Size of the luma plane and of one chroma plane. Luma is padded to whole chroma samples,
    /// which is how libjpeg-turbo lays the planes out.
    const fn plane_sizes(self, width: usize, height: usize) -> ((usize, usize), (usize, usize)) {
        let (across, down) = self.factors();
        let (columns, rows) = (width.div_ceil(across), height.div_ceil(down));
        let chroma = if matches!(self, Self::Grey) { (0, 0) } else { (columns, rows) };
        ((columns * across, rows * down), chroma)
    }
}

/// One plane of a picture: `height` rows of `width` bytes, without gaps.
#[derive(Clone, Copy, Debug)]
pub struct Plane<'a> {
    /// The samples, full range (0..=255), ITU-R BT.601.
    pub data: &'a [u8],
    /// Bytes in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// A decoded picture, whose memory is used again for the next one.
#[derive(Debug, Default)]
pub struct DecodedPicture {
    samples: Vec<u8>,
    width: usize,
    height: usize,
    layout: ChromaLayout,
}

impl DecodedPicture {
    /// A blank picture without memory; it grows with the first picture decoded into it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A blank picture with memory for any layout up to this size in pixels.
    #[must_use]
    pub fn with_capacity(width: usize, height: usize) -> Self {
        // 4:1:1 pads the luma to a multiple of four, 4:4:4 has three planes.
        let samples = width.next_multiple_of(4) * height.next_multiple_of(2) * 3;
        Self { samples: Vec::with_capacity(samples), ..Self::default() }
    }

    /// Width in pixels; 0 if blank.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels; 0 if blank.
    #[must_use]
    pub const fn height(&self) -> usize {
        self.height
    }

    /// Layout of the chroma planes.
    #[must_use]
    pub const fn layout(&self) -> ChromaLayout {
        self.layout
    }

    /// Whether nothing has been decoded into it, or the last decoding failed.
    #[must_use]
    pub const fn is_blank(&self) -> bool {
        self.width == 0
    }

    /// Bytes of memory that it has.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.samples.capacity()
    }

    /// Y, Cb and Cr. The chroma planes of a grey picture are empty. Planes may be up to three
    /// columns and one row larger than the picture when its size is no multiple of the chroma's.
    #[must_use]
    pub fn planes(&self) -> [Plane<'_>; 3] {
        let (luma, chroma) = self.layout.plane_sizes(self.width, self.height);
        let (luma_len, chroma_len) = (luma.0 * luma.1, chroma.0 * chroma.1);
        let (y, rest) = self.samples.split_at(luma_len);
        let (u, rest) = rest.split_at(chroma_len);
        let plane = |data, (width, height)| Plane { data, width, height };
        [plane(y, luma), plane(u, chroma), plane(&rest[..chroma_len], chroma)]
    }

    fn clear(&mut self) {
        (self.width, self.height) = (0, 0);
    }

    fn reshape(&mut self, width: usize, height: usize, layout: ChromaLayout) {
        let (luma, chroma) = layout.plane_sizes(width, height);
        self.samples.resize(luma.0 * luma.1 + 2 * chroma.0 * chroma.1, 0);
        (self.width, self.height, self.layout) = (width, height, layout);
    }
}

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
        let planes =
            YuvImage { pixels: &mut picture.samples[..], width, align: 1, height, subsamp };
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
    let pixels = width.checked_mul(height);
    let fits = pixels.is_some_and(|pixels| pixels > 0 && pixels <= PIXELS_MAX);
    if !fits || width > SIDE_MAX || height > SIDE_MAX {
        return Err(Error::Size { width, height });
    }
    if !matches!(colorspace, Colorspace::YCbCr | Colorspace::Gray) {
        return Err(Error::Colour(colorspace));
    }
    if header.is_lossless {
        return Err(Error::Lossless);
    }
    let layout = ChromaLayout::of(subsamp).ok_or(Error::Sampling(subsamp))?;
    Ok((subsamp, layout))
}

fn corrupt(error: turbojpeg::Error) -> Error {
    match error {
        turbojpeg::Error::TurboJpegError(message) => Error::Corrupt(message),
        other => Error::Library(other.to_string()),
    }
}

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

/// Progressive encoders write about ten scans; thousands of empty ones are an attack on the CPU.
const SCANS_MAX: u32 = 64;

#[cfg(test)]
mod tests;
