//! Devices for as long as the session: the camera and the microphone behind a `Plug`, so that
//! they may be pulled out, freeze, or belong to somebody else for a while. The session's format is
//! that of the first one opened; what comes later is made to fit.

mod address;
mod camera;
mod microphone;
mod reached;

pub use address::{LivePictures, LiveSound};
pub use camera::LiveCamera;
pub use microphone::{LiveMicrophone, MicrophoneName};
pub use reached::{Reached, Sound, http_pictures};

use super::Error;
use crate::settings::Wait;

/// Whether to go on without what could not be opened at the start.
///
/// # Errors
/// The reason itself, if not.
pub(super) fn go_on_without(why: Error, wait: Wait) -> Result<Error, Error> {
    if !wait.is_for(why.cause()) {
        return Err(why);
    }
    log::warn!("{why}; waiting for it");
    Ok(why)
}
