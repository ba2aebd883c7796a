//! Text on the screen: white 8x8 letters on a translucent box, in a texture of their own that is
//! drawn anew only when the text changes.

use font8x8::legacy::{BASIC_LEGACY, LATIN_LEGACY, NOTHING_TO_DISPLAY};
use sdl2::pixels::PixelFormatEnum;
use sdl2::rect::Rect;
use sdl2::render::{BlendMode, ScaleMode, Texture, TextureCreator, WindowCanvas};
use sdl2::video::WindowContext;

use super::error::{Error, sdl_error};

/// A box of text with room for a fixed number of letters.
pub(super) struct Label<'w> {
    texture: Texture<'w>,
    /// ARGB, a row of the full width after the other.
    pixels: Vec<u8>,
    columns: usize,
    rows: usize,
    /// The part in use, in pixels; (0, 0) without text.
    used: (u32, u32),
}

impl<'w> Label<'w> {
    pub(super) fn new(
        creator: &'w TextureCreator<WindowContext>,
        columns: usize,
        rows: usize,
    ) -> Result<Self, Error> {
        let (width, height) = size(columns, rows);
        let mut texture = creator
            .create_texture_streaming(PixelFormatEnum::ARGB8888, pixels(width), pixels(height))
            .map_err(sdl_error("text"))?;
        texture.set_blend_mode(BlendMode::Blend);
        texture.set_scale_mode(ScaleMode::Nearest);
        let pixels = vec![0; width * height * PIXEL_BYTES];
        Ok(Self { texture, pixels, columns, rows, used: (0, 0) })
    }

    /// Sets the lines. What does not fit is cut.
    pub(super) fn set<'t>(&mut self, lines: impl Iterator<Item = &'t str>) -> Result<(), Error> {
        for pixel in self.pixels.chunks_exact_mut(PIXEL_BYTES) {
            pixel.copy_from_slice(&BACKGROUND.to_ne_bytes());
        }
        let (mut columns, mut rows) = (0, 0);
        for line in lines.take(self.rows) {
            for (column, letter) in line.chars().take(self.columns).enumerate() {
                self.draw_letter(column, rows, letter);
                columns = columns.max(column + 1);
            }
            rows += 1;
        }
        if columns == 0 {
            self.used = (0, 0);
            return Ok(());
        }
        let (width, height) = size(columns, rows);
        self.used = (pixels(width), pixels(height));
        let part = Rect::new(0, 0, self.used.0, self.used.1);
        let pitch = size(self.columns, self.rows).0 * PIXEL_BYTES;
        self.texture.update(part, &self.pixels, pitch).map_err(sdl_error("text"))
    }

    /// Draws the text, if there is any, where `place` puts a text of its size.
    pub(super) fn draw(
        &self,
        canvas: &mut WindowCanvas,
        place: impl FnOnce((u32, u32)) -> Rect,
    ) -> Result<(), Error> {
        if self.used == (0, 0) {
            return Ok(());
        }
        let part = Rect::new(0, 0, self.used.0, self.used.1);
        canvas.copy(&self.texture, Some(part), Some(place(self.used))).map_err(sdl_error("text"))
    }

    fn draw_letter(&mut self, column: usize, row: usize, letter: char) {
        let width = size(self.columns, self.rows).0;
        let (left, top) = (PADDING + column * LETTER, PADDING + row * LINE);
        for (y, bits) in glyph(letter).into_iter().enumerate() {
            for x in (0..LETTER).filter(|x| bits >> x & 1 == 1) {
                let at = ((top + y) * width + left + x) * PIXEL_BYTES;
                self.pixels[at..at + PIXEL_BYTES].copy_from_slice(&INK.to_ne_bytes());
            }
        }
    }
}

/// Eight rows from the top, the leftmost pixel in the lowest bit.
fn glyph(letter: char) -> [u8; 8] {
    let code = u32::from(letter) as usize;
    match code {
        0..=0x1f | 0x7f..=0x9f => NOTHING_TO_DISPLAY,
        0x20..=0x7e => BASIC_LEGACY[code],
        0xa0..=0xff => LATIN_LEGACY[code - 0xa0],
        _ => BASIC_LEGACY[usize::from(b'?')],
    }
}

const fn size(columns: usize, rows: usize) -> (usize, usize) {
    (columns * LETTER + 2 * PADDING, rows * LINE + 2 * PADDING - (LINE - LETTER))
}

fn pixels(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

const LETTER: usize = 8;
/// Two pixels of air between lines.
const LINE: usize = 10;
const PADDING: usize = 4;
const PIXEL_BYTES: usize = 4;
const INK: u32 = 0xffff_ffff;
/// Black, dark enough to read on a white picture and clear enough to see through.
const BACKGROUND: u32 = 0xa000_0000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_the_fonts() {
        assert_eq!(glyph('!'), [0x18, 0x3c, 0x3c, 0x18, 0x18, 0x00, 0x18, 0x00]);
        assert_ne!(glyph('\u{fc}'), glyph('u'));
        assert_ne!(glyph('\u{fc}'), NOTHING_TO_DISPLAY);
        assert_eq!(glyph('\u{4e00}'), glyph('?'));
        for code in 0..=0x2ff {
            let _ = glyph(char::from_u32(code).unwrap());
        }
    }
}
