//! The loop of the main thread: what is presented when, and what the viewer is told meanwhile.

use super::showing::STEP;
use super::stage::Stage;
use super::tiers;
use crate::screen::Screen;
use std::time::Duration;
use streamsocket_subscribe::clock::monotonic;

impl Stage<'_> {
    /// Presents until the time is over, a signal comes or the viewer quits.
    pub(super) fn run(&mut self, mut screen: Option<&mut Screen<'_>>) -> Result<(), String> {
        self.begin(screen.as_deref_mut())?;
        let duration = self.means.options.duration;
        while duration.is_none_or(|duration| monotonic().since(self.began) < duration) {
            let wait = self.present(screen.as_deref_mut())?;
            if !self.wait(wait, screen.as_deref_mut())? {
                break;
            }
            if self.room.is_some() {
                self.gather(screen.as_deref_mut())?;
            } else if let Some(lost) = self.seats.iter_mut().find_map(|seat| seat.threads.lost()) {
                return if self.has_changed() { Ok(()) } else { Err(lost) };
            }
            self.watch_sources(screen.as_deref_mut())?;
            let own = screen.as_deref().filter(|_| self.room.is_none());
            self.seats.iter().for_each(|seat| tiers::tell(&seat.threads, own));
            if monotonic() >= self.tick {
                self.tick(screen.as_deref_mut())?;
            }
            if screen.is_none() {
                self.write_line();
            }
        }
        Ok(())
    }

    /// Has the screen show what there is from the beginning.
    fn begin(&self, screen: Option<&mut Screen<'_>>) -> Result<(), String> {
        let Some(room) = &self.room else {
            let Some(screen) = screen else { return self.tell(0, None) };
            screen.add_only();
            return self.tell(0, Some(screen));
        };
        log::info!("waiting for somebody in the room '{}'", room.name);
        let Some(screen) = screen else { return Ok(()) };
        screen.fit(ROOM_SIZE.0, ROOM_SIZE.1);
        self.say_who_is_there(screen)
    }

    /// Waits for a picture, a key or a signal; false if the program is to end.
    fn wait(&mut self, wait: Duration, screen: Option<&mut Screen<'_>>) -> Result<bool, String> {
        let Some(screen) = screen else {
            match (&self.room, &mut self.seats[..]) {
                (None, [only]) => {
                    // It is a signal that ends this wait.
                    if only.wait(wait) {
                        return Ok(!self.signals.comes_within(wait));
                    }
                }
                _ => std::thread::park_timeout(wait.min(STEP)),
            }
            return Ok(!self.signals.has_come());
        };
        let keys = screen.wait(wait).map_err(|error| error.to_string())?;
        for key in keys {
            if !self.key(key, screen)? {
                return Ok(false);
            }
        }
        Ok(!self.signals.has_come())
    }
}

/// The window of a room begins with the room for four pictures of 640x360.
const ROOM_SIZE: (u32, u32) = (1280, 720);
