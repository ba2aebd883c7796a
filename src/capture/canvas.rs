//! Draws the built-in picture, in planar YUV 4:2:2 with full range, as JPEG stores it (JFIF 1.02).
//!
//! From top to bottom: a quarter that is black, and white in frames that flash; half of colour bars
//! with a block that crosses them once every four seconds and the frame's number; a quarter of
//! black with the time.

use font8x8::legacy::BASIC_LEGACY;
use turbojpeg::{Subsamp, YuvPlanesImage};

/// A colour: luma, blue difference, red difference.
type Colour = [u8; 3];
const BLACK: Colour = [0, 128, 128];
const WHITE: Colour = [255, 128, 128];
/// White, yellow, cyan, green, magenta, red and blue at 75 % (ITU-R BT.601).
const BARS: [Colour; 7] = [
    [191, 128, 128],
    [169, 32, 143],
    [134, 160, 32],
    [112, 64, 48],
    [79, 192, 208],
    [57, 96, 223],
    [22, 223, 112],
];
/// Pixels of a character, in both directions.
const GLYPH: usize = 8;
/// What the whole JPEG is made of: nothing is drawn across the border of two such blocks.
const BLOCK: usize = 8;
/// Time that the moving block needs from left to right.
const CROSSING_NANOS: u64 = 4_000_000_000;
/// Longest text: a time of day.
const TIME_LEN: usize = 12;
/// Digits of a frame number: a year at 60 frames a second needs ten.
const NUMBER_LEN: usize = 10;
const NANOS_PER_MILLISECOND: i64 = 1_000_000;
const MILLISECONDS_PER_DAY: i64 = 86_400_000;

/// What is different in each frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene {
    /// Index of the frame.
    pub(super) index: u64,
    /// Whether the band at the top is white.
    pub(super) flash: bool,
    /// Time of the frame since the first one, in nanoseconds.
    pub(super) nanos: i64,
    /// Time of day, in nanoseconds since 1970.
    pub(super) unix_nanos: i64,
}

/// The picture, drawn anew from frame to frame.
#[derive(Debug)]
pub(super) struct Canvas {
    width: usize,
    height: usize,
    planes: [Vec<u8>; 3],
    band: usize,
    bars_end: usize,
}

impl Canvas {
    /// A picture of this size, both a multiple of 8 and at least 48.
    pub(super) fn new(width: usize, height: usize) -> Self {
        let planes =
            [vec![0; width * height], vec![0; width / 2 * height], vec![0; width / 2 * height]];
        let band = (height / 4).next_multiple_of(BLOCK);
        Self { width, height, planes, band, bars_end: height - band }
    }

    /// Rows of the band that flashes.
    #[cfg(test)]
    pub(super) const fn band(&self) -> usize {
        self.band
    }

    /// Draws a frame.
    pub(super) fn draw(&mut self, scene: &Scene) {
        self.fill(0, 0, self.width, self.band, if scene.flash { WHITE } else { BLACK });
        for (bar, colour) in BARS.iter().enumerate() {
            let left = (bar * self.width / BARS.len()) & !1;
            let right = ((bar + 1) * self.width / BARS.len()) & !1;
            self.fill(left, self.band, right - left, self.bars_end - self.band, *colour);
        }
        let side = (self.band / 2).min(self.width / 4) & !1;
        let travel = u64::try_from(self.width - side).unwrap_or(0);
        let phase = u64::try_from(scene.nanos).unwrap_or(0) % CROSSING_NANOS;
        let left = usize::try_from(phase * travel / CROSSING_NANOS).unwrap_or(0) & !1;
        self.fill(left, self.bars_end - side, side, side, WHITE);

        let scale = (self.width / (TIME_LEN * GLYPH + 2)).min(self.band / (GLYPH + 2)).max(1);
        self.text(&digits::<NUMBER_LEN>(scene.index), self.band, scale);
        self.fill(0, self.bars_end, self.width, self.height - self.bars_end, BLACK);
        self.text(&time_of_day(scene.unix_nanos), self.bars_end, scale);
    }

    /// The picture for the compressor.
    pub(super) fn image(&self) -> YuvPlanesImage<&[u8]> {
        YuvPlanesImage {
            y_plane: &self.planes[0],
            u_plane: &self.planes[1],
            v_plane: &self.planes[2],
            width: self.width,
            height: self.height,
            y_stride: self.width,
            u_stride: self.width / 2,
            v_stride: self.width / 2,
            subsamp: Subsamp::Sub2x1,
        }
    }

    /// Fills a rectangle whose left side and width are even.
    fn fill(&mut self, left: usize, top: usize, width: usize, height: usize, colour: Colour) {
        for y in top..top + height {
            self.planes[0][y * self.width + left..][..width].fill(colour[0]);
            for (plane, value) in self.planes[1..].iter_mut().zip(&colour[1..]) {
                plane[(y * self.width + left) / 2..][..width / 2].fill(*value);
            }
        }
    }

    /// Writes text in white on black, with a margin, at the left of this row; its end, where the
    /// digits that change are, if it is too long.
    fn text(&mut self, text: &[u8], top: usize, scale: usize) {
        let fits = (self.width - 2 * scale) / (GLYPH * scale);
        let text = &text[text.len().saturating_sub(fits)..];
        self.fill(0, top, (text.len() * GLYPH + 2) * scale, (GLYPH + 2) * scale, BLACK);
        for (column, character) in text.iter().enumerate() {
            let glyph = BASIC_LEGACY.get(usize::from(*character)).unwrap_or(&[0; GLYPH]);
            for (row, bits) in glyph.iter().enumerate() {
                for bit in (0..GLYPH).filter(|bit| bits >> bit & 1 == 1) {
                    let left = (column * GLYPH + bit + 1) * scale;
                    for y in top + (row + 1) * scale..top + (row + 2) * scale {
                        self.planes[0][y * self.width + left..][..scale].fill(WHITE[0]);
                    }
                }
            }
        }
    }
}

/// A number in decimal with leading zeros; its last digits if it is too long.
fn digits<const N: usize>(mut number: u64) -> [u8; N] {
    let mut text = [b'0'; N];
    for digit in text.iter_mut().rev() {
        *digit += u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
    text
}

/// HH:MM:SS.mmm, rounded down.
fn time_of_day(unix_nanos: i64) -> [u8; TIME_LEN] {
    let milliseconds =
        (unix_nanos.div_euclid(NANOS_PER_MILLISECOND)).rem_euclid(MILLISECONDS_PER_DAY);
    let milliseconds = u64::try_from(milliseconds).unwrap_or(0);
    let [a, b] = digits(milliseconds / 3_600_000);
    let [c, d] = digits(milliseconds / 60_000 % 60);
    let [e, f] = digits(milliseconds / 1000 % 60);
    let [g, h, i] = digits(milliseconds % 1000);
    [a, b, b':', c, d, b':', e, f, b'.', g, h, i]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_what_it_should_be() {
        assert_eq!(&digits::<10>(1_234), b"0000001234");
        assert_eq!(&digits::<3>(54_321), b"321");
        assert_eq!(&time_of_day(0), b"00:00:00.000");
        assert_eq!(&time_of_day(-1), b"23:59:59.999");
        assert_eq!(&time_of_day(1_700_000_000_123_999_999), b"22:13:20.123");
    }

    #[test]
    fn every_size_can_be_drawn() {
        for width in (64..=2040).step_by(8) {
            for height in (48..=2040).step_by(248).chain([56, 64, 72, 80, 1080]) {
                let mut canvas = Canvas::new(width, height);
                let scene =
                    Scene { index: u64::MAX, flash: true, nanos: 3_999_999_999, unix_nanos: -1 };
                canvas.draw(&scene);
                assert_eq!(canvas.image().y_plane[0], WHITE[0]);
            }
        }
    }
}
