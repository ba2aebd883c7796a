//! JPEG to planar YUV, as the file has it: no colour conversion, no scaling. What shows the planes
//! converts them. A picture that libjpeg-turbo complains of is an error, never a damaged picture.

use core::fmt;

use turbojpeg::{Colorspace, DecompressHeader, Decompressor, Subsamp, YuvImage};

/// How the chroma planes relate to the luma plane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Layout {
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

impl Layout {
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
pub struct Picture {
    samples: Vec<u8>,
    width: usize,
    height: usize,
    layout: Layout,
}

impl Picture {
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
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// Whether nothing has been decoded into it, or the last decoding failed.
    #[must_use]
    pub const fn is_blank(&self) -> bool {
        self.width == 0
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

    fn reshape(&mut self, width: usize, height: usize, layout: Layout) {
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
    /// A picture that is too large, sampled in a way that has no [`Layout`], or damaged (including
    /// all that libjpeg calls a warning). `picture` is blank then.
    pub fn decode(&mut self, jpeg: &[u8], picture: &mut Picture) -> Result<(), Error> {
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

    fn decode_planes(&mut self, jpeg: &[u8], picture: &mut Picture) -> Result<(), Error> {
        let header = self.decompressor.read_header(jpeg).map_err(corrupt)?;
        let (subsamp, layout) = check(&header)?;
        let (width, height) = (header.width, header.height);
        picture.reshape(width, height, layout);
        // `decompress_to_yuv` believes the sampling that it is given and writes beyond the buffer
        // if the picture's is another; here it is the picture's own, of these very bytes.
        let planes =
            YuvImage { pixels: &mut picture.samples[..], width, align: 1, height, subsamp };
        self.decompressor.decompress_to_yuv(jpeg, planes).map_err(corrupt)
    }
}

fn decompressor() -> turbojpeg::Result<Decompressor> {
    let mut decompressor = Decompressor::new()?;
    decompressor.set_scan_limit(SCANS_MAX)?;
    Ok(decompressor)
}

fn check(header: &DecompressHeader) -> Result<(Subsamp, Layout), Error> {
    let &DecompressHeader { width, height, subsamp, colorspace, .. } = header;
    let pixels = width.checked_mul(height);
    let fits = pixels.is_some_and(|pixels| pixels > 0 && pixels <= PIXELS_MAX);
    if !fits || width > WIDTH_MAX || height > HEIGHT_MAX {
        return Err(Error::Size { width, height });
    }
    if !matches!(colorspace, Colorspace::YCbCr | Colorspace::Gray) {
        return Err(Error::Colour(colorspace));
    }
    if header.is_lossless {
        return Err(Error::Lossless);
    }
    let layout = Layout::of(subsamp).ok_or(Error::Sampling(subsamp))?;
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
                "JPEG of {width}x{height}: only up to {WIDTH_MAX}x{HEIGHT_MAX} and {} megapixels",
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

/// More than any screen or camera of the Pi's; keeps a forged header from asking for gigabytes.
const WIDTH_MAX: usize = 8192;
const HEIGHT_MAX: usize = 8192;
/// 16.8 megapixels: the largest camera modules in use have 16.
const PIXELS_MAX: usize = 4096 * 4096;
/// Progressive encoders write about ten scans; thousands of empty ones are an attack on the CPU.
const SCANS_MAX: u32 = 64;

#[cfg(test)]
mod tests {
    use turbojpeg::{Compressor, Image, PixelFormat};

    use super::*;

    const LAYOUTS: [(Subsamp, Layout); 6] = [
        (Subsamp::Gray, Layout::Grey),
        (Subsamp::None, Layout::Yuv444),
        (Subsamp::Sub2x1, Layout::Yuv422),
        (Subsamp::Sub2x2, Layout::Yuv420),
        (Subsamp::Sub1x2, Layout::Yuv440),
        (Subsamp::Sub4x1, Layout::Yuv411),
    ];

    /// Large smooth shapes and some noise, so that the scan has bits worth damaging.
    fn jpeg(width: usize, height: usize, subsamp: Subsamp) -> Vec<u8> {
        let mut seed = 1_u32;
        let mut pixels = Vec::with_capacity(width * height * 3);
        for i in 0..width * height {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = seed.to_be_bytes()[0] / 8;
            let (x, y) = (i % width, i / width);
            pixels.extend([x * 3, y * 2, x + y].map(|v| u8::try_from(v % 220).unwrap() + noise));
        }
        let image = Image {
            pixels: &pixels[..],
            width,
            pitch: width * 3,
            height,
            format: PixelFormat::RGB,
        };
        let mut compressor = Compressor::new().unwrap();
        compressor.set_subsamp(subsamp).unwrap();
        compressor.set_quality(80).unwrap();
        compressor.compress_to_vec(image).unwrap()
    }

    #[test]
    fn planes_are_those_of_the_file_in_every_layout() {
        let mut decoder = Decoder::new().unwrap();
        let mut picture = Picture::new();
        for (width, height) in [(64, 48), (61, 47), (1, 1)] {
            for (subsamp, layout) in LAYOUTS {
                let jpeg = jpeg(width, height, subsamp);
                decoder.decode(&jpeg, &mut picture).unwrap();
                assert_eq!(
                    (picture.width(), picture.height(), picture.layout()),
                    (width, height, layout)
                );
                // The one-call form lays out with a row alignment of 4 in a buffer of its own.
                let expected = turbojpeg::decompress_to_yuv(&jpeg).unwrap();
                let mut rest = &expected.pixels[..];
                for (index, plane) in picture.planes().into_iter().enumerate() {
                    let pitch = if index == 0 { expected.y_width() } else { expected.uv_width() };
                    for (row, samples) in plane.data.chunks(plane.width.max(1)).enumerate() {
                        assert_eq!(
                            samples,
                            &rest[row * pitch..][..plane.width],
                            "{layout:?} {index}"
                        );
                    }
                    rest = rest.get(plane.height * pitch..).unwrap_or(&[]);
                }
            }
        }
    }

    #[test]
    fn memory_is_used_again() {
        let mut decoder = Decoder::new().unwrap();
        let mut picture = Picture::with_capacity(64, 48);
        let memory = picture.samples.as_ptr();
        for (subsamp, _) in LAYOUTS {
            decoder.decode(&jpeg(64, 48, subsamp), &mut picture).unwrap();
            assert_eq!(picture.samples.as_ptr(), memory);
        }
    }

    #[test]
    fn cut_data_is_an_error_at_every_length() {
        let mut decoder = Decoder::new().unwrap();
        let mut picture = Picture::new();
        let jpeg = jpeg(64, 48, Subsamp::Sub2x1);
        decoder.decode(&jpeg, &mut picture).unwrap();
        for len in 0..jpeg.len() - 2 {
            assert!(decoder.decode(&jpeg[..len], &mut picture).is_err(), "{len} bytes");
            assert!(picture.is_blank());
            // And it leaves no trace in the decoder.
            decoder.decode(&jpeg, &mut picture).unwrap();
        }
    }

    #[test]
    fn a_hole_in_the_scan_is_an_error() {
        let mut decoder = Decoder::new().unwrap();
        let mut picture = Picture::new();
        let whole = jpeg(320, 240, Subsamp::Sub2x1);
        let middle = whole.len() / 2;
        let mut holed = whole.clone();
        holed.drain(middle..middle + 1400);
        let error = decoder.decode(&holed, &mut picture).unwrap_err();
        assert!(matches!(error, Error::Corrupt(_)), "{error}");
        assert!(picture.is_blank());
    }

    #[test]
    fn damage_never_panics() {
        let mut decoder = Decoder::new().unwrap();
        let mut picture = Picture::new();
        let whole = jpeg(64, 48, Subsamp::Sub2x2);
        for at in 0..whole.len() {
            for value in [0x00, 0xff, whole[at] ^ 0x10] {
                let mut damaged = whole.clone();
                damaged[at] = value;
                if decoder.decode(&damaged, &mut picture).is_ok() {
                    assert!(picture.planes()[0].data.len() >= picture.width() * picture.height());
                }
            }
        }
    }

    #[test]
    fn sizes_and_colours_are_bounded() {
        let mut decoder = Decoder::new().unwrap();
        let mut picture = Picture::new();
        let mut huge = jpeg(64, 48, Subsamp::Sub2x2);
        let frame = huge.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
        huge[frame + 5..frame + 9].copy_from_slice(&[0x1f, 0xff, 0x1f, 0xff]);
        let error = decoder.decode(&huge, &mut picture).unwrap_err();
        assert!(matches!(error, Error::Size { width: 8191, height: 8191 }), "{error}");
        assert_eq!(picture.samples.capacity(), 0);

        let image = Image {
            pixels: &[0; 4 * 64][..],
            width: 8,
            pitch: 32,
            height: 8,
            format: PixelFormat::CMYK,
        };
        let cmyk = Compressor::new().unwrap().compress_to_vec(image).unwrap();
        let error = decoder.decode(&cmyk, &mut picture).unwrap_err();
        assert!(matches!(error, Error::Colour(Colorspace::YCCK)), "{error}");
    }
}
