//! Does what keys say.

use super::stage::Stage;
use super::tiers;
use crate::screen::{Key, Screen};
use std::sync::atomic::{AtomicBool, Ordering};

impl Stage<'_> {
    /// Does what a key says; false for the end.
    pub(super) fn key(&mut self, key: Key, screen: &mut Screen<'_>) -> Result<bool, String> {
        let volume = &self.means.volume;
        match key {
            Key::Quit => return Ok(false),
            Key::Pause => {
                let paused = toggle(&volume.paused);
                let notice = paused.then_some("paused");
                screen.set_notice(notice).map_err(|error| error.to_string())?;
            }
            Key::Mute => {
                toggle(&volume.muted);
            }
            Key::Fullscreen => screen.toggle_fullscreen().map_err(|error| error.to_string())?,
            Key::Overlay => {
                self.overlay = !self.overlay;
                self.draw_overlay(screen)?;
            }
            Key::Snapshot => {
                if let Some(seat) = self.meant().and_then(|index| self.seats.get(index)) {
                    seat.take_snapshot(None);
                }
            }
            Key::Record => {
                if let Some(seat) = self.meant().and_then(|index| self.seats.get(index)) {
                    let recording = &seat.threads.recording;
                    if recording.is_active() { recording.stop() } else { recording.start_named() }
                }
            }
            Key::Choose(number) if self.room.is_none() => {
                self.seats.iter().for_each(|seat| tiers::choose(&seat.threads, number));
            }
            Key::Choose(place) => self.choose(place, screen)?,
            Key::Next => self.choose_next(screen)?,
        }
        Ok(true)
    }

    /// Whose picture a key is about: that of the one who has the whole screen, else of the one who speaks, else the first.
    fn meant(&self) -> Option<usize> {
        let room = self.room.as_ref();
        let number = room.and_then(|room| room.large.or(room.marked));
        let at = number.and_then(|number| self.seats.iter().position(|it| it.number == number));
        at.or((!self.seats.is_empty()).then_some(0))
    }

    /// Gives the whole screen to the sender in this place, from 1 on; or to all, if it has it, for 0.
    fn choose(&mut self, place: u8, screen: &mut Screen<'_>) -> Result<(), String> {
        let index = usize::from(place).checked_sub(1);
        let number = index.and_then(|index| self.seats.get(index)).map(|seat| seat.number);
        if place > 0 && number.is_none() {
            return Ok(());
        }
        let Some(room) = &mut self.room else { return Ok(()) };
        room.large = number.filter(|number| room.large != Some(*number));
        self.arrange(screen)
    }

    /// Gives the whole screen to the next sender, and after the last one to all.
    fn choose_next(&mut self, screen: &mut Screen<'_>) -> Result<(), String> {
        let Some(room) = &mut self.room else { return Ok(()) };
        let now = self.seats.iter().position(|seat| Some(seat.number) == room.large);
        let next = now.map_or(0, |now| now + 1);
        room.large = self.seats.get(next).map(|seat| seat.number);
        self.arrange(screen)
    }

    /// Has the screen show who has it, and who speaks.
    pub(super) fn arrange(&self, screen: &mut Screen<'_>) -> Result<(), String> {
        let Some(room) = &self.room else { return Ok(()) };
        let place = |number: Option<u64>| {
            self.seats.iter().position(|seat| number.is_some_and(|number| seat.number == number))
        };
        screen.set_large(place(room.large));
        screen.set_marked(place(room.marked));
        if self.overlay { self.draw_overlay(screen) } else { Ok(()) }
    }
}

fn toggle(flag: &AtomicBool) -> bool {
    !flag.fetch_xor(true, Ordering::Relaxed)
}
