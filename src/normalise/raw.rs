//! Pictures as cameras without JPEG give them: which formats there are, and how their bytes lie
//! (the kernel's documentation of V4L2 pixel formats).

use super::planes::{Planes, Rows};
use turbojpeg::{Image, PixelFormat};

/// How the bytes of a raw picture lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// V4L2_PIX_FMT_NV12: luma, then both chromas in turn, 4:2:0.
    Nv12,
    /// V4L2_PIX_FMT_YUV420: three planes, 4:2:0.
    I420,
    /// V4L2_PIX_FMT_YUYV: luma, blue, luma, red, 4:2:2.
    Yuyv,
    /// V4L2_PIX_FMT_UYVY: blue, luma, red, luma, 4:2:2.
    Uyvy,
    /// V4L2_PIX_FMT_RGB24.
    Rgb,
    /// V4L2_PIX_FMT_GREY.
    Grey,
}

impl Layout {
    /// All, with their four-character codes: those that take the least to encode first, and colours
    /// before grey.
    pub const ALL: [(Self, [u8; 4]); 6] = [
        (Self::Nv12, *b"NV12"),
        (Self::I420, *b"YU12"),
        (Self::Yuyv, *b"YUYV"),
        (Self::Uyvy, *b"UYVY"),
        (Self::Rgb, *b"RGB3"),
        (Self::Grey, *b"GREY"),
    ];

    /// The layout of this four-character code.
    #[must_use]
    pub fn of(fourcc: [u8; 4]) -> Option<Self> {
        Self::ALL.iter().find(|(_, code)| *code == fourcc).map(|(layout, _)| *layout)
    }

    /// Bytes of a row at least.
    const fn row(self, width: usize) -> usize {
        match self {
            Self::Nv12 | Self::I420 | Self::Grey => width,
            Self::Yuyv | Self::Uyvy => width.div_ceil(2) * 4,
            Self::Rgb => width * 3,
        }
    }
}

/// A raw picture's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawFormat {
    /// How the bytes lie.
    pub layout: Layout,
    /// Pixels.
    pub width: u16,
    /// Pixels.
    pub height: u16,
    /// Bytes from one row to the next; of the luma, if there are planes.
    pub stride: u32,
    /// Whether luma goes from 0 to 255 as in JPEG, and not from 16 to 235 (ITU-R BT.601).
    pub full_range: bool,
}

/// A picture as the encoder takes it.
pub(super) enum Encodable<'a> {
    /// It is in the planes now.
    Planes,
    /// It is this.
    Image(Image<&'a [u8]>),
}

impl RawFormat {
    /// Prepares a picture for the encoder, in `planes` if it has to be taken apart. `None` if it has
    /// fewer bytes than its format says.
    pub(super) fn encodable<'a>(
        &self,
        bytes: &'a [u8],
        planes: &mut Planes,
    ) -> Option<Encodable<'a>> {
        let (width, height) = (usize::from(self.width), usize::from(self.height));
        let stride = usize::try_from(self.stride).ok()?.max(self.layout.row(width));
        if width == 0 || height == 0 || bytes.len() < self.least_bytes(stride) {
            return None;
        }
        let luma = Rows::plain(bytes, stride);
        let from = |at: usize| bytes.get(at..).unwrap_or_default();
        let packed = |at: usize, step: usize| Rows { bytes: from(at), stride, step };
        let (luma, chromas) = match self.layout {
            Layout::Rgb => {
                let format = PixelFormat::RGB;
                return Some(Encodable::Image(Image {
                    pixels: bytes,
                    width,
                    pitch: stride,
                    height,
                    format,
                }));
            }
            Layout::Grey => (luma, None),
            Layout::Yuyv => (packed(0, 2), Some(([packed(1, 4), packed(3, 4)], (2, 1)))),
            Layout::Uyvy => (packed(1, 2), Some(([packed(0, 4), packed(2, 4)], (2, 1)))),
            Layout::Nv12 => {
                let chromas = stride * height;
                let [blue, red] = [chromas, chromas + 1].map(|at| packed(at, 2));
                (luma, Some(([blue, red], (2, 2))))
            }
            Layout::I420 => {
                let (half, rows) = (stride / 2, height.div_ceil(2));
                let blue = stride * height;
                let [blue, red] = [blue, blue + half * rows].map(|at| Rows::plain(from(at), half));
                (luma, Some(([blue, red], (2, 2))))
            }
        };
        planes.fill((width, height), luma, chromas);
        if !self.full_range {
            planes.map(&LUMA_FULL, &CHROMA_FULL);
        }
        Some(Encodable::Planes)
    }

    /// Bytes of a picture, up to the last sample: the last row's padding may be missing.
    fn least_bytes(&self, stride: usize) -> usize {
        let (width, height) = (usize::from(self.width), usize::from(self.height));
        let rows = height.div_ceil(2);
        let whole = (height - 1) * stride + self.layout.row(width);
        match self.layout {
            Layout::Nv12 => stride * height + (rows - 1) * stride + width.next_multiple_of(2),
            Layout::I420 => {
                let half = stride / 2;
                stride * height + half * rows + (rows - 1) * half + width.div_ceil(2).min(half)
            }
            _ => whole,
        }
    }
}

/// Luma from 16..=235 to 0..=255 (ITU-R BT.601 section 2.5.3).
static LUMA_FULL: [u8; 256] = full_range(16, 219);

/// Chroma from 16..=240 to 0..=255, around 128.
static CHROMA_FULL: [u8; 256] = full_range(16, 224);

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=255")]
const fn full_range(first: i32, span: i32) -> [u8; 256] {
    let mut table = [0; 256];
    let mut at: i32 = 0;
    while at < 256 {
        // Chroma is centred: 128 stays 128.
        let value = if span == 219 {
            ((at - first) * 510 / span + 1) / 2
        } else {
            let off = (at - 128) * 510;
            128 + (off + if off < 0 { -span } else { span }) / (2 * span)
        };
        table[at as usize] = if value < 0 {
            0
        } else if value > 255 {
            255
        } else {
            value as u8
        };
        at += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_stretched() {
        assert_eq!([0, 16, 125, 235, 255].map(|at| LUMA_FULL[at]), [0, 0, 127, 255, 255]);
        assert_eq!([0, 16, 128, 240, 255].map(|at| CHROMA_FULL[at]), [0, 0, 128, 255, 255]);
    }

    #[test]
    fn a_picture_of_the_narrow_range_is_stretched() {
        let format = |full_range| RawFormat {
            layout: Layout::Yuyv,
            width: 2,
            height: 1,
            stride: 4,
            full_range,
        };
        let planes = |full_range| {
            let mut planes = Planes::default();
            format(full_range).encodable(&[16, 240, 235, 128], &mut planes).unwrap();
            let image = planes.image();
            [image.y_plane, image.u_plane, image.v_plane].concat()
        };
        assert_eq!(planes(false), [0, 255, 255, 128]);
        assert_eq!(planes(true), [16, 235, 240, 128]);
    }

    #[test]
    fn a_picture_that_is_too_short_is_refused() {
        for (layout, _) in Layout::ALL {
            for (width, height, stride) in [(6_u16, 4_u16, 0), (5, 3, 16), (1, 1, 0), (6, 4, 37)] {
                let format = RawFormat { layout, width, height, stride, full_range: true };
                let stride = (stride as usize).max(layout.row(width.into()));
                let bytes = vec![7; format.least_bytes(stride)];
                let mut planes = Planes::default();
                assert!(format.encodable(&bytes, &mut planes).is_some(), "{format:?}");
                assert!(format.encodable(&bytes[1..], &mut planes).is_none(), "{format:?}");
            }
        }
    }
}
