//! How near pictures come to others, as libjpeg-turbo decodes them.

use turbojpeg::{Image, PixelFormat, Subsamp};

/// How near a received picture comes to one of the originals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Likeness {
    /// The same pixels.
    Exact,
    /// This peak signal to noise ratio, in decibels: of the plane where it is lowest, or of luma alone if
    /// chroma is sampled otherwise.
    Psnr(f64),
    /// It cannot be decoded without a complaint.
    Broken,
}

/// Planes of a picture, whose size may have been rounded up to whole blocks.
pub struct Planes(turbojpeg::YuvImage<Vec<u8>>);

impl Planes {
    /// Width and height in pixels.
    #[must_use]
    pub const fn size(&self) -> [usize; 2] {
        [self.0.width, self.0.height]
    }

    /// What libjpeg-turbo makes of a JPEG; `None` if it complains.
    #[must_use]
    pub fn of(jpeg: &[u8]) -> Option<Self> {
        let end = jpeg.windows(2).rposition(|pair| pair == [0xFF, 0xD9]).unwrap_or(jpeg.len());
        // Zeros between the picture and its end, and an end that is missing, are no damage; the last
        // byte of a picture may be zero as well.
        let kept = jpeg[..end].iter().rposition(|byte| *byte != 0)? + 1;
        [end, kept].into_iter().find_map(|len| Self::of_complete(&jpeg[..len]))
    }

    fn of_complete(picture: &[u8]) -> Option<Self> {
        let complete = [picture, &[0xFF, 0xD9]].concat();
        let header = turbojpeg::read_header(&complete).ok()?;
        if header.colorspace == turbojpeg::Colorspace::RGB {
            return Self::of_colours(&complete);
        }
        turbojpeg::decompress_to_yuv(&complete).ok().map(Self)
    }

    /// Luma of red, green and blue (ITU-R BT.601), and no chroma.
    fn of_colours(jpeg: &[u8]) -> Option<Self> {
        let Image { pixels, width, height, .. } =
            turbojpeg::decompress(jpeg, PixelFormat::RGB).ok()?;
        let luma = |rgb: &[u8]| {
            let [red, green, blue] = [rgb[0], rgb[1], rgb[2]].map(f64::from);
            let luma = 0.114f64.mul_add(blue, 0.299f64.mul_add(red, 0.587 * green)).round();
            (0..=u8::MAX).find(|value| f64::from(*value) >= luma).unwrap_or(u8::MAX)
        };
        let (pixels, subsamp) = (pixels.chunks_exact(3).map(luma).collect(), Subsamp::Gray);
        Some(Self(turbojpeg::YuvImage { pixels, width, align: 1, height, subsamp }))
    }

    /// Compares luma, and chroma if it is sampled alike, within the size of the `original`.
    #[must_use]
    pub fn likeness(&self, original: &Self) -> Likeness {
        let (received, original) = (&self.0, &original.0);
        if received.width < original.width || received.height < original.height {
            return Likeness::Broken;
        }
        let alike = received.subsamp == original.subsamp;
        let (mut same, mut least) = (alike, f64::INFINITY);
        for plane in 0..if alike { 3 } else { 1 } {
            let Some((a, b)) = rows(received, plane).zip(rows(original, plane)) else { break };
            let mut squares = 0.0;
            for y in 0..b.height {
                let one = &received.pixels[a.start + y * a.stride..][..b.width];
                let other = &original.pixels[b.start + y * b.stride..][..b.width];
                let square = |(a, b): (&u8, &u8)| f64::from(a.abs_diff(*b)).powi(2);
                squares += one.iter().zip(other).map(square).sum::<f64>();
                same &= one == other;
            }
            let mean = squares / (b.width * b.height) as f64;
            least = least.min(10.0 * (255.0 * 255.0 / mean).log10());
        }
        if same { Likeness::Exact } else { Likeness::Psnr(least) }
    }
}

/// Where a plane lies.
struct Rows {
    start: usize,
    stride: usize,
    width: usize,
    height: usize,
}

/// Of an image whose rows are aligned.
fn rows(image: &turbojpeg::YuvImage<Vec<u8>>, plane: usize) -> Option<Rows> {
    let grey = image.subsamp == Subsamp::Gray;
    if grey && plane > 0 {
        return None;
    }
    let (across, down) = if grey { (1, 1) } else { image.subsamp.size() };
    let (columns, lines) = (image.width.div_ceil(across), image.height.div_ceil(down));
    let luma = (columns * across).next_multiple_of(image.align);
    let chroma = columns.next_multiple_of(image.align);
    let chromas = luma * lines * down;
    Some(match plane {
        0 => Rows { start: 0, stride: luma, width: image.width, height: image.height },
        _ => Rows {
            start: chromas + (plane - 1) * chroma * lines,
            stride: chroma,
            width: columns,
            height: lines,
        },
    })
}
