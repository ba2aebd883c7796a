//! How SDL is to behave, and what it does not say by itself.

use sdl2::rect::Rect;
use sdl2::video::{Window, WindowPos};

/// How SDL is to behave, whatever its defaults are.
pub(super) const HINTS: [(&str, &str); 5] = [
    // The program stops by its own signal handling, not by a window event.
    ("SDL_NO_SIGNAL_HANDLERS", "1"),
    // The desktop keeps its effects: we are a window, not a game.
    ("SDL_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR", "0"),
    ("SDL_RENDER_SCALE_QUALITY", "linear"),
    // On the bare console a picture goes out with the next refresh, not with the one after.
    ("SDL_VIDEO_DOUBLE_BUFFER", "1"),
    // Another window in front of a full-screen picture must not hide it.
    ("SDL_VIDEO_MINIMIZE_ON_FOCUS_LOSS", "0"),
];

/// What draws on the bare console, if nobody wants another. SDL would take desktop OpenGL first, but has a
/// context for OpenGL ES there: without an error, the screen stays black.
pub(super) const CONSOLE_RENDERER: &str = "opengles2";

/// Drivers that SDL falls back to where there is nothing to see.
const INVISIBLE: [&str; 2] = ["offscreen", "dummy"];

/// Whether SDL has opened a window that nobody can see, without being told to.
pub(super) fn is_invisible(driver: &str) -> bool {
    INVISIBLE.contains(&driver) && std::env::var_os("SDL_VIDEODRIVER").is_none()
}

/// Moves the window there; one that does not follow is still a window.
pub(super) fn place(window: &mut Window, place: Rect) {
    window.set_position(WindowPos::Positioned(place.x()), WindowPos::Positioned(place.y()));
    let _ = window.set_size(place.width(), place.height());
}
