//! Takes raw pictures apart for the encoder: planes of luma and chroma in JPEG's full range (ITU-R BT.601), or
//! the packed colours as they are.

use crate::planes::{Planes, Rows};
use streamsocket_media::{Layout, RawFormat};
use turbojpeg::{Image, PixelFormat};

/// A raw picture as the encoder takes it.
pub enum Encodable<'a> {
    /// It was written to the planes.
    Planes,
    /// Its pixels as they are.
    Image(Image<&'a [u8]>),
}

/// Prepares a picture for the encoder, in `planes` if it has to be taken apart. `None` if it has
/// fewer bytes than its format needs.
pub fn encodable<'a>(
    format: &RawFormat,
    bytes: &'a [u8],
    planes: &mut Planes,
) -> Option<Encodable<'a>> {
    let (width, height) = (usize::from(format.width), usize::from(format.height));
    let stride = usize::try_from(format.stride).ok()?.max(row(format.layout, width));
    if width == 0 || height == 0 || bytes.len() < least_bytes(format, stride) {
        return None;
    }
    let luma = Rows::plain(bytes, stride);
    let from = |at: usize| bytes.get(at..).unwrap_or_default();
    let packed = |at: usize, step: usize| Rows { bytes: from(at), stride, step };
    let (luma, chromas) = match format.layout {
        Layout::Rgb => {
            let colours = PixelFormat::RGB;
            return Some(Encodable::Image(Image {
                pixels: bytes,
                width,
                pitch: stride,
                height,
                format: colours,
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
    if !format.full_range {
        planes.map(&LUMA_FULL, &CHROMA_FULL);
    }
    Some(Encodable::Planes)
}

/// Fewest bytes of a picture: up to the last sample, since the last row's padding may be missing.
fn least_bytes(format: &RawFormat, stride: usize) -> usize {
    let (width, height) = (usize::from(format.width), usize::from(format.height));
    let rows = height.div_ceil(2);
    let whole = (height - 1) * stride + row(format.layout, width);
    match format.layout {
        Layout::Nv12 => stride * height + (rows - 1) * stride + width.next_multiple_of(2),
        Layout::I420 => {
            let half = stride / 2;
            stride * height + half * rows + (rows - 1) * half + width.div_ceil(2).min(half)
        }
        _ => whole,
    }
}

/// Bytes of a row without padding.
const fn row(layout: Layout, width: usize) -> usize {
    match layout {
        Layout::Nv12 | Layout::I420 | Layout::Grey => width,
        Layout::Yuyv | Layout::Uyvy => width.div_ceil(2) * 4,
        Layout::Rgb => width * 3,
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
            encodable(&format(full_range), &[16, 240, 235, 128], &mut planes).unwrap();
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
                let stride = (stride as usize).max(row(layout, width.into()));
                let bytes = vec![7; least_bytes(&format, stride)];
                let mut planes = Planes::default();
                assert!(encodable(&format, &bytes, &mut planes).is_some(), "{format:?}");
                assert!(encodable(&format, &bytes[1..], &mut planes).is_none(), "{format:?}");
            }
        }
    }
}
