//! Where the frames of one tier end and those of another begin.

use crate::outlet::{CompleteFrame, EncodedSound, Growth, Outlet, PacketSamples};
use streamsocket_media::clock::{Monotonic, Wall};

/// Lets through what was captured after a time.
pub(super) struct Gate<'a> {
    pub(super) outlet: &'a mut dyn Outlet,
    pub(super) after: Option<Wall>,
    /// It has let something through, and does so from now on.
    pub(super) open: bool,
    /// When the last frame was captured that was not let through.
    pub(super) seen: Option<Option<Wall>>,
}

impl Outlet for Gate<'_> {
    fn frame(&mut self, frame: CompleteFrame<'_>) {
        let capture = frame.time.stamp.capture;
        let later = |after: Wall| capture.is_none_or(|capture| capture > after);
        if self.open || self.after.is_some_and(later) {
            self.open = true;
            self.outlet.frame(frame);
        } else {
            self.seen = Some(capture);
        }
    }

    fn growth(&mut self, growth: Growth<'_>) {
        if self.open {
            self.outlet.growth(growth);
        }
    }

    fn samples(&mut self, _samples: PacketSamples<'_>) {}

    fn encoded(&mut self, _sound: EncodedSound<'_>) {}

    fn hole(&mut self, _frames: usize, _due: Monotonic) {}
}
