//! The wall clock of all tracks, and whether it is synchronised.

use crate::publish::description::reference_clock;
use streamsocket_media::clock::WallClock;

/// The wall clock.
pub(super) struct ReferenceClock {
    pub(super) clock: WallClock,
    /// Whether the machine's clock, which it follows, is synchronised.
    pub(super) synchronised: bool,
}

impl ReferenceClock {
    /// The reference clock, as viewers are told it.
    pub(super) const fn reference(&self) -> &'static str {
        reference_clock(self.synchronised)
    }
}
