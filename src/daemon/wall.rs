//! The session's wall clock, and the description that says whether it is kept right.

use crate::publish::description::{Description, reference_clock};
use std::path::PathBuf;
use streamsocket_journal::lines::Lines;
use streamsocket_stream::clock::WallClock;

/// The session's wall clock and the description that says what it is.
pub(super) struct Wall {
    pub(super) clock: WallClock,
    pub(super) description: Description,
    /// Where the user wants the description.
    pub(super) sdp: Option<PathBuf>,
    /// The description on its way to the reader of a pipe.
    pub(super) told: Option<Lines>,
}

impl Wall {
    /// What the wall clock is, as viewers are told.
    pub(super) const fn reference(&self) -> &'static str {
        reference_clock(self.description.synchronised)
    }
}
