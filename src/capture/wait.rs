//! Whether to wait for a source that cannot be opened.

use super::error::Cause;

/// What to do about a camera or microphone that cannot be had at the start. One that is lost later
/// is always waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wait {
    /// Wait for it, whether it is busy or not there.
    Always,
    /// Wait for one that another program has; one that is not there is a mistake.
    #[default]
    Busy,
    /// End.
    Never,
}

impl Wait {
    /// Whether what cannot be had because of this is waited for.
    #[must_use]
    pub fn is_for(self, cause: Cause) -> bool {
        match self {
            Self::Always => cause != Cause::Other,
            Self::Busy => cause == Cause::Busy,
            Self::Never => false,
        }
    }
}
