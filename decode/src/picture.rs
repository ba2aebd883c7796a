//! What is decoded: planes of samples, and how they relate.

use streamsocket_wire::jpeg::{PIXELS_MAX, SIDE_MAX};

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

    /// The layout of a picture with this many components, whose luma has so many samples per chroma sample,
    /// across and down.
    pub(crate) const fn of(components: u32, factors: (u32, u32)) -> Option<Self> {
        match (components, factors) {
            (1, (1, 1)) => Some(Self::Grey),
            (3, (1, 1)) => Some(Self::Yuv444),
            (3, (2, 1)) => Some(Self::Yuv422),
            (3, (2, 2)) => Some(Self::Yuv420),
            (3, (1, 2)) => Some(Self::Yuv440),
            (3, (4, 1)) => Some(Self::Yuv411),
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

    pub(crate) fn clear(&mut self) {
        (self.width, self.height) = (0, 0);
    }

    pub(crate) fn reshape(&mut self, width: usize, height: usize, layout: ChromaLayout) {
        let (luma, chroma) = layout.plane_sizes(width, height);
        self.samples.resize(luma.0 * luma.1 + 2 * chroma.0 * chroma.1, 0);
        (self.width, self.height, self.layout) = (width, height, layout);
    }

    /// Y, Cb and Cr one behind the other, to be written.
    pub(crate) fn samples_mut(&mut self) -> &mut [u8] {
        &mut self.samples
    }
}

/// Whether a picture of this size in pixels is decoded: neither empty nor larger than this program shows.
pub(crate) fn is_shown(width: usize, height: usize) -> bool {
    let pixels = width.checked_mul(height);
    let fits = pixels.is_some_and(|pixels| pixels > 0 && pixels <= PIXELS_MAX);
    fits && width <= SIDE_MAX && height <= SIDE_MAX
}
