//! What to do at the start about a source that cannot be opened.

use crate::capture::error::Error;
use crate::settings::Wait;

/// Whether to go on without what could not be opened at the start.
///
/// # Errors
/// The reason itself, if not.
pub(in crate::capture) fn go_on_without(why: Error, wait: Wait) -> Result<Error, Error> {
    if !wait.is_for(why.cause()) {
        return Err(why);
    }
    log::warn!("{why}; waiting for it");
    Ok(why)
}
