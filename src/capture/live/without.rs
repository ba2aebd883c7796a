//! Decides at the start whether to wait for a source that cannot be opened.

use crate::capture::error::Error;
use crate::capture::wait::Wait;

/// Returns the reason, logged, if the session is to begin without the source.
///
/// # Errors
/// The reason, if it is not to be waited for.
pub fn go_on_without(why: Error, wait: Wait) -> Result<Error, Error> {
    if !wait.is_for(why.cause()) {
        return Err(why);
    }
    log::warn!("{why}; waiting for it");
    Ok(why)
}
