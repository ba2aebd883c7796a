//! Of several tracks that follow each other as one.

use super::ReceivedTrack;
use streamsocket_media::clock::Wall;

impl ReceivedTrack {
    /// It is to take the place of another one of the same sender, once it comes.
    pub(in crate::subscription) fn stand_by(&mut self, before: &Self) {
        self.assembly.stands_by = true;
        self.session.set_beside(*before.session.clock());
        self.assembly.source = before.assembly.source;
    }

    /// Whether a new source has begun at either since then: they follow each other no more.
    pub(in crate::subscription) const fn follows(&self, before: &Self) -> bool {
        self.assembly.source == before.assembly.source.wrapping_add(1)
    }

    /// Takes the place of this one. Of what came until then nothing was handed on.
    pub(in crate::subscription) fn take_over(&mut self, before: &Self) {
        let ((frames, incomplete), mut past) = (self.frames(), before.totals());
        past.frames = past.frames.saturating_sub(frames);
        past.incomplete = past.incomplete.saturating_sub(incomplete);
        (self.past, self.assembly.stands_by) = (past, false);
        self.session.stand_in();
    }

    /// Hands on no frame that was captured later.
    pub(in crate::subscription) const fn end_at(&mut self, capture: Wall) {
        self.assembly.until = Some(capture);
    }

    /// Hands on all frames again.
    pub(in crate::subscription) const fn go_on(&mut self) {
        self.assembly.until = None;
    }

    /// When the last frame that was handed on was captured, if known.
    pub(in crate::subscription) const fn handed_on(&self) -> Option<Wall> {
        self.assembly.handed_on
    }
}
