//! The session's wall clock, and the description that says whether it is synchronised.

use crate::publish::description::{Description, reference_clock};
use std::path::PathBuf;
use streamsocket_journal::lines::Lines;
use streamsocket_media::clock::WallClock;

/// The wall clock and the description, which says what that clock is.
pub(super) struct Wall {
    pub(super) clock: WallClock,
    pub(super) description: Description,
    /// The file to write the description to.
    pub(super) sdp: Option<PathBuf>,
    /// The description, being written to a pipe.
    pub(super) told: Option<Lines>,
}

impl Wall {
    /// The reference clock, as viewers are told it.
    pub(super) const fn reference(&self) -> &'static str {
        reference_clock(self.description.synchronised)
    }
}
