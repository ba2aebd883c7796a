//! Puts pictures on the screen when they are due.

use super::stage::{SECOND, Stage};
use crate::screen::Screen;
use std::sync::atomic::Ordering;
use std::time::Duration;
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_subscribe::clock::monotonic;

/// Longest wait of the loop: keys and the status want a look.
pub(super) const STEP: Duration = Duration::from_millis(100);

/// Of several senders, pictures that are due within so long are put on the screen together: half a refresh of most
/// displays. Each by itself would have all of the screen drawn again.
const TOGETHER: Delay = Delay::from_millis(8);

impl Stage<'_> {
    /// Shows the pictures that are due; says how long until the next. Of each sender it shows no more than one: where
    /// drawing takes longer than the time between two, there is always another, and keys and signals would wait.
    pub(super) fn present(&mut self, screen: Option<&mut Screen<'_>>) -> Result<Duration, String> {
        let (now, lead) = (monotonic(), self.refresh.lead());
        let mut due = 0;
        for seat in &mut self.seats {
            due += usize::from(seat.take_due(lead, now));
        }
        if due == 0 {
            return Ok(self.until_next(now));
        }
        if due < self.seats.len() {
            let others = self.seats.iter_mut().filter(|seat| seat.showing().is_none());
            for seat in others {
                seat.take_due(lead, now + TOGETHER);
            }
        }
        if self.means.volume.paused.load(Ordering::Relaxed) {
            self.seats.iter_mut().for_each(super::seat::Seat::leave_out);
        } else {
            self.show(screen)?;
        }
        Ok(self.until_next(monotonic()))
    }

    /// How long the loop may wait, as far as pictures are concerned.
    fn until_next(&self, now: Monotonic) -> Duration {
        let lead = self.refresh.lead();
        let waits = self.seats.iter().filter_map(|seat| seat.until_next(lead, now));
        waits.min().unwrap_or(STEP).min(STEP)
    }

    fn show(&mut self, screen: Option<&mut Screen<'_>>) -> Result<(), String> {
        let seen = self.put_on(screen)?;
        let (lead, alone) = (self.refresh.lead(), self.room.is_none());
        for seat in &mut self.seats {
            if seat.seen(seen, lead) && alone {
                self.tick = seen + SECOND;
            }
        }
        if let (Some(path), false) = (&self.means.options.snapshot, self.snapshot_taken) {
            self.snapshot_taken =
                self.seats.first().is_some_and(|seat| seat.take_snapshot(Some(path.clone())));
        }
        Ok(())
    }

    /// Puts pictures on the screen, if there is one; says when they are seen.
    fn put_on(&mut self, screen: Option<&mut Screen<'_>>) -> Result<Monotonic, String> {
        let began = monotonic();
        let Some(screen) = screen else { return Ok(self.refresh.seen(began, began, monotonic())) };
        let large = self.room.as_ref().and_then(|room| room.large);
        let mut visible = false;
        for (index, seat) in self.seats.iter().enumerate() {
            let Some(decoded) = seat.showing() else { continue };
            if let Err(error) = screen.put(index, &decoded.picture) {
                if self.room.is_none() {
                    return Err(error.to_string());
                }
                // It is no reason to see nobody else.
                log::warn!("'{}' cannot be shown: {error}", seat.name);
                continue;
            }
            visible |= large.is_none_or(|large| large == seat.number);
        }
        if !visible {
            return Ok(monotonic());
        }
        screen.compose().map_err(|error| error.to_string())?;
        let drawn = monotonic();
        screen.present();
        let seen = self.refresh.seen(began, drawn, monotonic());
        self.refresh.set_period(screen.refresh());
        Ok(seen)
    }
}
