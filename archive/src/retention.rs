//! How long, and how much of it, is kept.

use core::time::Duration;

/// Whichever comes first. Whole hours go, the oldest first, of all tracks of a session at once; never the hour that is
/// being written, and never one that is not over. Segments of events stay as long as their events say, and count as
/// bytes; of their hours all else is removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// How long after its end an hour is kept; without, for good.
    pub age: Option<Duration>,
    /// How many bytes of files are kept; without, any number.
    pub bytes: Option<u64>,
}

impl Retention {
    /// Whether anything may be removed at all.
    #[must_use]
    pub const fn removes(self) -> bool {
        self.age.is_some() || self.bytes.is_some()
    }
}
