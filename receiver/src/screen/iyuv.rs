//! A picture's planes as SDL takes them: 4:2:0, even sizes. The layouts that cameras send go
//! there as they are; only rare ones are converted.

use streamsocket_decode::{ChromaLayout, DecodedPicture, Plane};

/// Planes to upload. Each is exactly as long as its pitch times its rows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Planes<'a> {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) data: [&'a [u8]; 3],
    pub(super) luma_pitch: usize,
    pub(super) chroma_pitch: usize,
}

/// Converts, in memory that is used again.
#[derive(Debug, Default)]
pub(super) struct Converter {
    chroma: Vec<u8>,
}

impl Converter {
    /// The planes of a picture less its last column or row if those are odd; `None` if nothing
    /// is left.
    pub(super) fn planes<'a>(&'a mut self, picture: &'a DecodedPicture) -> Option<Planes<'a>> {
        let (width, height) = (picture.width() & !1, picture.height() & !1);
        if width == 0 || height == 0 {
            return None;
        }
        let [luma, blue, red] = picture.planes();
        let rows = height / 2;
        let (u, v, chroma_pitch) = match picture.layout() {
            ChromaLayout::Yuv420 => (blue.data, red.data, blue.width),
            // Every other chroma row: a pitch of two rows. The GPU gets no more than it shows.
            ChromaLayout::Yuv422 => (blue.data, red.data, 2 * blue.width),
            layout => {
                let columns = width / 2;
                self.convert(layout, [blue, red], columns, rows);
                let (u, v) = self.chroma.split_at(columns * rows);
                (u, v, columns)
            }
        };
        Some(Planes {
            width: u32::try_from(width).ok()?,
            height: u32::try_from(height).ok()?,
            data: [
                luma.data.get(..luma.width * height)?,
                u.get(..chroma_pitch * rows)?,
                v.get(..chroma_pitch * rows)?,
            ],
            luma_pitch: luma.width,
            chroma_pitch,
        })
    }

    /// Chroma of half the width and height, in `self.chroma`, one plane after the other.
    fn convert(
        &mut self,
        layout: ChromaLayout,
        planes: [Plane<'_>; 2],
        width: usize,
        height: usize,
    ) {
        self.chroma.clear();
        self.chroma.resize(2 * width * height, NEUTRAL);
        if layout == ChromaLayout::Grey {
            return;
        }
        let (across, down) = layout.factors();
        for (plane, out) in planes.into_iter().zip(self.chroma.chunks_exact_mut(width * height)) {
            for (row, out) in out.chunks_exact_mut(width).enumerate() {
                let lines = [2 * row, 2 * row + 1].map(|y| &plane.data[y / down * plane.width..]);
                for (column, out) in out.iter_mut().enumerate() {
                    let (left, right) = (2 * column / across, (2 * column + 1) / across);
                    *out = mean([lines[0][left], lines[0][right], lines[1][left], lines[1][right]]);
                }
            }
        }
    }
}

fn mean(samples: [u8; 4]) -> u8 {
    let sum: u16 = samples.into_iter().map(u16::from).sum();
    // A mean of bytes is a byte.
    u8::try_from((sum + 2) / 4).unwrap_or(u8::MAX)
}

/// Chroma of no colour.
const NEUTRAL: u8 = 128;

#[cfg(test)]
mod tests {
    use turbojpeg::{Compressor, Subsamp, YuvImage};

    use super::*;
    use streamsocket_decode::Decoder;

    /// A picture of one luma, whose left half and right half have different chroma.
    fn picture(subsamp: Subsamp, width: usize, height: usize) -> DecodedPicture {
        let mut image = YuvImage { pixels: Vec::new(), width, align: 1, height, subsamp };
        let (luma, chroma) = (image.y_size(), image.uv_size());
        image.pixels.resize(luma.0 * luma.1, 100);
        for (left, right) in [(60, 200), (180, 90)] {
            for _ in 0..if subsamp == Subsamp::Gray { 0 } else { chroma.1 } {
                image
                    .pixels
                    .extend((0..chroma.0).map(|x| if x * 2 < chroma.0 { left } else { right }));
            }
        }
        let mut compressor = Compressor::new().unwrap();
        compressor.set_quality(100).unwrap();
        compressor.set_subsamp(subsamp).unwrap();
        let jpeg = compressor.compress_yuv_to_vec(image.as_deref()).unwrap();
        let mut picture = DecodedPicture::new();
        Decoder::new().unwrap().decode(&jpeg, &mut picture).unwrap();
        picture
    }

    #[test]
    fn every_layout_keeps_its_colours() {
        let mut converter = Converter::default();
        for subsamp in
            [Subsamp::None, Subsamp::Sub2x1, Subsamp::Sub2x2, Subsamp::Sub1x2, Subsamp::Sub4x1]
        {
            for (width, height) in [(64, 32), (67, 33)] {
                let picture = picture(subsamp, width, height);
                let planes = converter.planes(&picture).unwrap();
                let even = [width, height].map(|size| u32::try_from(size & !1).unwrap());
                assert_eq!([planes.width, planes.height], even);
                let [y, u, v] = planes.data;
                assert_eq!(y.len(), planes.luma_pitch * (height & !1));
                for row in 0..height / 2 {
                    let at = row * planes.chroma_pitch;
                    let ends = [at, at + width / 2 - 1].map(|at| (u[at], v[at]));
                    for (ours, theirs) in ends.into_iter().zip([(60, 180), (200, 90)]) {
                        assert!(ours.0.abs_diff(theirs.0) < 3, "{subsamp:?} {ours:?} {theirs:?}");
                        assert!(ours.1.abs_diff(theirs.1) < 3, "{subsamp:?} {ours:?} {theirs:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn grey_has_no_colour() {
        let mut converter = Converter::default();
        // Memory left from a coloured picture.
        let coloured = picture(Subsamp::None, 64, 32);
        assert!(converter.planes(&coloured).is_some());
        let grey = picture(Subsamp::Gray, 32, 16);
        let planes = converter.planes(&grey).unwrap();
        assert_eq!(planes.data[1..], [[NEUTRAL; 16 * 8]; 2]);
    }

    #[test]
    fn too_small_to_show_is_nothing() {
        let mut converter = Converter::default();
        assert_eq!(converter.planes(&DecodedPicture::new()), None);
        assert_eq!(converter.planes(&picture(Subsamp::Sub2x2, 1, 8)), None);
    }
}
