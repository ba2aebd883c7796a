//! What the camera shows: the pictures of one size in one format, round and round. JPEGs are
//! played as they are in their file, byte by byte; YUYV pictures are a ramp that moves.

use crate::options::Size;
use std::fs;
use std::ops::Range;
use std::path::Path;

/// Bytes of a YUYV pixel.
const PIXEL: usize = 2;

/// Grey: the colour difference of nothing.
const NEUTRAL: u8 = 128;

/// Ramps start over after as many pictures as a byte has values.
const RAMPS: usize = 256;

/// Pictures of one size in one format.
#[derive(Debug)]
pub(crate) struct Clip {
    /// Pixels.
    pub size: Size,
    pictures: Pictures,
}

#[derive(Debug)]
enum Pictures {
    /// A file, and where each picture lies in it.
    Jpeg { file: Vec<u8>, places: Vec<Range<usize>> },
    /// A picture and a bit: picture n starts n pixels into it.
    Ramp(Vec<u8>),
}

impl Clip {
    /// The JPEGs of a file. Its first picture says the size.
    pub(crate) fn mjpeg(path: &Path) -> Result<Self, String> {
        let say = |what: &str| format!("{}: {what}", path.display());
        let file = fs::read(path).map_err(|error| say(&error.to_string()))?;
        Self::from_jpegs(file).map_err(say)
    }

    fn from_jpegs(file: Vec<u8>) -> Result<Self, &'static str> {
        let mut places = Vec::new();
        let mut size = None;
        let mut at = 0;
        while at < file.len() {
            let jpeg = jpeg(&file[at..]).ok_or(
                "not all of it is JPEGs one after the other: make it with 'ffmpeg -c:v mjpeg -f mjpeg'",
            )?;
            size = size.or(jpeg.size);
            places.push(at..at + jpeg.len);
            at += jpeg.len;
        }
        let size = size.ok_or("there is no picture in it")?;
        Ok(Self { size, pictures: Pictures::Jpeg { file, places } })
    }

    /// Picture n has `(i + n) % 256` as luma of pixel number i, and no colour.
    pub(crate) fn ramp(size: Size) -> Self {
        let pixels = usize::from(size.width) * usize::from(size.height) + RAMPS;
        let luma = (0..=u8::MAX).cycle().take(pixels);
        Self { size, pictures: Pictures::Ramp(luma.flat_map(|luma| [luma, NEUTRAL]).collect()) }
    }

    /// True for MJPEG, false for YUYV.
    pub(crate) const fn is_jpeg(&self) -> bool {
        matches!(self.pictures, Pictures::Jpeg { .. })
    }

    /// Picture number `number`, which may be any.
    pub(crate) fn picture(&self, number: u64) -> &[u8] {
        match &self.pictures {
            Pictures::Jpeg { file, places } => {
                &file[places[remainder(number, places.len())].clone()]
            }
            Pictures::Ramp(pixels) => {
                let start = remainder(number, RAMPS) * PIXEL;
                &pixels[start..start + self.pixels() * PIXEL]
            }
        }
    }

    /// Bytes that a frame may have. Cameras say two bytes a pixel for MJPEG as well; this one has
    /// room for two pictures in one frame, too.
    pub(crate) fn frame_max(&self) -> usize {
        let raw = self.pixels() * PIXEL;
        match &self.pictures {
            Pictures::Jpeg { places, .. } => {
                let largest = places.iter().map(Range::len).max().unwrap_or(0);
                raw.max(2 * largest)
            }
            Pictures::Ramp(_) => raw,
        }
    }

    fn pixels(&self) -> usize {
        usize::from(self.size.width) * usize::from(self.size.height)
    }
}

/// `number` modulo a count of things in memory.
#[allow(clippy::cast_possible_truncation, reason = "less than the count, which is a usize")]
const fn remainder(number: u64, count: usize) -> usize {
    (number % count as u64) as usize
}

/// A JPEG at the start of some bytes.
#[derive(Debug, PartialEq, Eq)]
struct Jpeg {
    len: usize,
    size: Option<Size>,
}

/// Follows the markers (ITU-T T.81 annex B) from SOI to EOI. Thumbnails lie inside segments, and
/// are skipped with them.
fn jpeg(bytes: &[u8]) -> Option<Jpeg> {
    if !bytes.starts_with(&[0xFF, 0xD8]) {
        return None;
    }
    let mut size = None;
    let mut at = 2;
    loop {
        let [0xFF, marker] = bytes.get(at..at + 2)? else { return None };
        match marker {
            // EOI
            0xD9 => return Some(Jpeg { len: at + 2, size }),
            // A byte to fill.
            0xFF => at += 1,
            _ => {
                let segment = bytes.get(at + 2..)?;
                let length = usize::from(u16::from_be_bytes([*segment.first()?, *segment.get(1)?]));
                if is_frame(*marker) {
                    size = size.or(frame_size(segment));
                }
                at += 2 + length;
                if *marker == 0xDA {
                    at += coded_len(bytes.get(at..)?)?;
                }
            }
        }
    }
}

/// SOF0 to SOF15, without DHT, JPG and DAC, which have numbers among them.
const fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC)
}

/// T.81 B.2.2: length, precision, height, width.
fn frame_size(segment: &[u8]) -> Option<Size> {
    let [_, _, _, height @ .., _, _] = segment.first_chunk::<7>()?;
    let [_, _, _, _, _, width @ ..] = segment.first_chunk::<7>()?;
    Some(Size { width: u16::from_be_bytes(*width), height: u16::from_be_bytes(*height) })
}

/// Bytes of coded data before the next marker that is not part of it: 0xFF00 and RST are.
fn coded_len(bytes: &[u8]) -> Option<usize> {
    bytes.windows(2).position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xD0..=0xD7))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A JPEG as far as its markers go, with a thumbnail, RST and a stuffed byte in it.
    fn picture(width: u8, filler: u8) -> Vec<u8> {
        let mut bytes = vec![0xFF, 0xD8];
        bytes.extend([0xFF, 0xE1, 0, 6, 0xFF, 0xD8, 0xFF, 0xD9]);
        bytes.extend([0xFF, 0xC0, 0, 8, 8, 0, 48, 0, width, 0]);
        bytes.extend([0xFF, 0xDA, 0, 3, 0, filler, 0xFF, 0, 0xFF, 0xD3, filler]);
        bytes.extend([0xFF, 0xD9]);
        bytes
    }

    #[test]
    fn jpegs_come_out_as_they_went_in_and_over_again() {
        let (first, second) = (picture(64, 1), picture(64, 2));
        let clip = Clip::from_jpegs([first.clone(), second.clone()].concat()).unwrap();
        assert_eq!(clip.size, Size { width: 64, height: 48 });
        assert_eq!(clip.picture(0), first);
        assert_eq!(clip.picture(1), second);
        assert_eq!(clip.picture(u64::MAX), second);
        assert!(clip.frame_max() >= first.len() + second.len());
    }

    #[test]
    fn a_file_with_anything_else_in_it_is_refused() {
        assert!(Clip::from_jpegs(Vec::new()).is_err());
        let whole = picture(64, 1);
        for len in 1..whole.len() {
            assert!(Clip::from_jpegs(whole[..len].to_vec()).is_err(), "{len} bytes");
        }
        assert!(Clip::from_jpegs([whole, vec![0]].concat()).is_err());
    }

    #[test]
    fn a_ramp_moves_by_a_pixel_each_picture() {
        let clip = Clip::ramp(Size { width: 32, height: 16 });
        assert_eq!(clip.picture(0).len(), 32 * 16 * PIXEL);
        assert_eq!(clip.frame_max(), 32 * 16 * PIXEL);
        for (number, pixel) in [(0, 0), (3, 100), (255, 511), (256, 7)] {
            let luma = clip.picture(number)[pixel * PIXEL];
            assert_eq!(u64::from(luma), (pixel as u64 + number) % 256);
        }
    }
}
