//! Devices for as long as the session: the camera and the microphone behind a `Plug`, so that
//! they may be pulled out, freeze, or belong to somebody else for a while. The session's format is
//! that of the first one opened; what comes later is made to fit.

mod address;
mod camera;
mod microphone;

pub use address::{LivePictures, LiveSound};
pub use camera::LiveCamera;
pub use microphone::{LiveMicrophone, MicrophoneName};

use super::{Cause, Error};
use crate::settings::Wait;

/// Whether to go on without what could not be opened at the start.
///
/// # Errors
/// The reason itself, if not.
pub(super) fn go_on_without(why: Error, wait: Wait) -> Result<Error, Error> {
    let worth_it = match wait {
        Wait::Always => why.cause() != Cause::Other,
        Wait::Busy => why.cause() == Cause::Busy,
        Wait::Never => false,
    };
    if !worth_it {
        return Err(why);
    }
    log::warn!("{why}; waiting for it");
    Ok(why)
}
