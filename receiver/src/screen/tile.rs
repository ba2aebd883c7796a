//! The picture of one sender, its name, and what there is to say of it.

use super::error::{Error, sdl_error};
use super::iyuv::Converter;
use super::label::Label;
use super::layout;
use sdl2::pixels::{Color, PixelFormatEnum};
use sdl2::rect::Rect;
use sdl2::render::{ScaleMode, Texture, TextureCreator, WindowCanvas};
use sdl2::video::WindowContext;
use streamsocket_decode::DecodedPicture;

/// The picture on the GPU.
struct Uploaded<'w> {
    texture: Texture<'w>,
    width: u32,
    height: u32,
}

/// What is written on a picture beside others.
struct Words<'w> {
    name: Label<'w>,
    notice: Label<'w>,
}

/// A part of the screen.
pub(super) struct Tile<'w> {
    picture: Option<Uploaded<'w>>,
    /// Whether the picture is an old one.
    pub(super) stale: bool,
    /// Nothing is written on a picture that is alone.
    words: Option<Words<'w>>,
}

impl<'w> Tile<'w> {
    /// One for a picture that is alone.
    pub(super) const fn alone() -> Self {
        Self { picture: None, stale: false, words: None }
    }

    /// One for a picture beside others.
    pub(super) fn named(creator: &'w TextureCreator<WindowContext>) -> Result<Self, Error> {
        let words = Words {
            name: Label::new(creator, NAME_COLUMNS, 1)?,
            notice: Label::new(creator, NOTICE_COLUMNS, NOTICE_ROWS)?,
        };
        Ok(Self { words: Some(words), ..Self::alone() })
    }

    /// Takes a picture over, and says what size it has; a blank one leaves nothing.
    pub(super) fn upload(
        &mut self,
        creator: &'w TextureCreator<WindowContext>,
        converter: &mut Converter,
        picture: &DecodedPicture,
    ) -> Result<Option<(u32, u32)>, Error> {
        let Some(planes) = converter.planes(picture) else {
            self.picture = None;
            return Ok(None);
        };
        let (width, height) = (planes.width, planes.height);
        let mut uploaded = match self.picture.take() {
            Some(same) if (same.width, same.height) == (width, height) => same,
            _ => create(creator, width, height)?,
        };
        let [y, u, v] = planes.data;
        let pitch = planes.chroma_pitch;
        uploaded
            .texture
            .update_yuv(None, y, planes.luma_pitch, u, pitch, v, pitch)
            .map_err(sdl_error("picture"))?;
        self.picture = Some(uploaded);
        Ok(Some((width, height)))
    }

    /// Writes a name on the picture.
    pub(super) fn set_name(&mut self, name: &str) -> Result<(), Error> {
        self.words.as_mut().map_or(Ok(()), |words| words.name.set(std::iter::once(name)))
    }

    /// Writes a message in the middle of it.
    pub(super) fn set_notice(&mut self, text: &str) -> Result<(), Error> {
        let lines = layout::wrap(text, NOTICE_COLUMNS);
        self.words.as_mut().map_or(Ok(()), |words| words.notice.set(lines))
    }

    /// Draws all of it there, with a frame if it is `marked`.
    pub(super) fn draw(
        &mut self,
        canvas: &mut WindowCanvas,
        place: Rect,
        marked: bool,
    ) -> Result<(), Error> {
        let mut seen = place;
        if let Some(picture) = &mut self.picture {
            let light = if self.stale { STALE_LIGHT } else { u8::MAX };
            picture.texture.set_color_mod(light, light, light);
            let own = layout::letterbox((picture.width, picture.height), place.size());
            seen = layout::within(own, place);
            canvas.copy(&picture.texture, None, Some(seen)).map_err(sdl_error("picture"))?;
        }
        let Some(Words { name, notice }) = &self.words else { return Ok(()) };
        // Larger than what is read from near by.
        let scale = layout::text_scale(place.size()) + 1;
        name.draw(canvas, |size| layout::foot(size, scale, seen))?;
        notice.draw(canvas, |size| {
            layout::within(layout::centred(size, scale, place.size()), place)
        })?;
        if marked {
            canvas.set_draw_color(MARK);
            let sides = layout::frame(seen, MARK_PIXELS * scale);
            canvas.fill_rects(&sides).map_err(sdl_error("frame"))?;
        }
        Ok(())
    }
}

fn create<'w>(
    creator: &'w TextureCreator<WindowContext>,
    width: u32,
    height: u32,
) -> Result<Uploaded<'w>, Error> {
    let mut texture = creator
        .create_texture_streaming(PixelFormatEnum::IYUV, width, height)
        .map_err(sdl_error("picture"))?;
    texture.set_scale_mode(ScaleMode::Linear);
    Ok(Uploaded { texture, width, height })
}

/// What is left of a stale picture's light: to be told from a live one at a glance, and still seen.
const STALE_LIGHT: u8 = 96;
/// Of who speaks: a green that no camera's test picture has.
const MARK: Color = Color::RGB(64, 224, 64);
/// Thickness of the frame, for each pixel of the text's letters.
const MARK_PIXELS: u32 = 2;
/// A name and the key in front of it; what is longer is cut.
const NAME_COLUMNS: usize = 32;
/// Fewer columns than where a picture is alone, so that letters can be larger.
const NOTICE_COLUMNS: usize = 28;
const NOTICE_ROWS: usize = 6;
