//! Which YUV a picture's samples are, which the sdl2 crate has no safe call for.

use sdl2::sys::{SDL_SetYUVConversionMode, SDL_YUV_CONVERSION_MODE};

/// Has SDL convert YUV as JPEG means it (JFIF): ITU-R BT.601, 0..=255. Its default takes 16..=235,
/// which makes every picture too hard, and BT.709 for large ones.
#[expect(unsafe_code, reason = "no safe binding; it stores one integer")]
pub(super) fn set_full_range() {
    // SAFETY: it writes a static variable of SDL that its renderers read; they are created later
    // and on this thread, where SDL has been initialised.
    unsafe {
        SDL_SetYUVConversionMode(SDL_YUV_CONVERSION_MODE::SDL_YUV_CONVERSION_JPEG);
    }
}
