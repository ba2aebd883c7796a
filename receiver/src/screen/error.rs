//! What can be wrong with the window.

use core::fmt;

pub(super) fn sdl_error<E: fmt::Display>(what: &'static str) -> impl FnOnce(E) -> Error {
    move |error| Error::Sdl { what, reason: error.to_string() }
}

/// Why there is no window, or nothing in it.
#[derive(Debug)]
pub enum Error {
    /// Neither X11, Wayland nor a console to draw on; SDL's reason.
    NoDisplay(String),
    /// SDL failed.
    Sdl {
        /// At what.
        what: &'static str,
        /// Its reason.
        reason: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDisplay(reason) => {
                write!(f, "no display to open a window on ({reason}): use --headless without one")
            }
            Self::Sdl { what, reason } => write!(f, "screen: {what}: {reason}"),
        }
    }
}

impl core::error::Error for Error {}
