//! What the viewer is told: notices, the overlay, the line on a terminal, and the statistics.

use super::seat::Seat;
use super::stage::{SECOND, Stage, write_stats};
use crate::screen::Screen;
use crate::status::{Status, overlay_lines};
use streamsocket_subscribe::clock::monotonic;

impl Stage<'_> {
    /// Notices that sources have come or gone.
    pub(super) fn watch_sources(
        &mut self,
        mut screen: Option<&mut Screen<'_>>,
    ) -> Result<(), String> {
        for index in 0..self.seats.len() {
            if self.seats[index].watch_source() {
                self.tell(index, screen.as_deref_mut())?;
            }
        }
        Ok(())
    }

    /// Says the state of a sender.
    pub(super) fn tell(&self, index: usize, screen: Option<&mut Screen<'_>>) -> Result<(), String> {
        let Some(seat) = self.seats.get(index) else { return Ok(()) };
        let notice = seat.state.notice(&seat.name);
        match &notice {
            Some(notice) => log::info!("{notice}"),
            None => log::info!("receiving {}", seat.name),
        }
        let Some(screen) = screen else { return Ok(()) };
        screen.set_stale(index, seat.state.is_stale());
        let notice = notice.as_deref();
        let shown = if self.room.is_some() {
            screen.set_notice_of(index, notice)
        } else {
            screen.set_notice(notice)
        };
        shown.map_err(|error| error.to_string())
    }

    /// Once a second.
    pub(super) fn tick(&mut self, screen: Option<&mut Screen<'_>>) -> Result<(), String> {
        let now = monotonic();
        self.tick = now + SECOND;
        for seat in &mut self.seats {
            seat.measure(now);
            if let Some(stats) = &self.stats {
                write_stats(stats, &seat.statistics());
            }
        }
        match screen {
            Some(screen) if self.overlay => self.draw_overlay(screen),
            _ => Ok(()),
        }
    }

    /// Writes the status to a terminal, or now and then to a log.
    pub(super) fn write_line(&mut self) {
        let measured = |seat: &Seat| seat.rates.measured.is_some();
        let status = match (&self.room, self.seats.first()) {
            (None, Some(seat)) if measured(seat) => seat.status(),
            (Some(room), Some(_)) if self.seats.iter().any(measured) => {
                of_all(&room.name, &self.seats)
            }
            _ => return,
        };
        // A terminal that is gone is no reason to stop.
        let _ = self.line.update(monotonic(), &status, &mut self.console);
    }

    /// The figures of the only sender, or of the one that has the whole screen; else a line for each.
    pub(super) fn draw_overlay(&self, screen: &mut Screen<'_>) -> Result<(), String> {
        let Some(one) = self.only_visible().filter(|_| self.overlay) else {
            let mut texts: Vec<_> = self.seats.iter().map(|it| it.status().to_string()).collect();
            texts.extend(out_of_step(&self.seats));
            let lines: Vec<_> = texts.iter().map(String::as_str).collect();
            let shown = if self.overlay { &lines[..] } else { &[] };
            return screen.set_overlay(shown).map_err(|error| error.to_string());
        };
        let lines = overlay_lines(&one.status());
        screen.set_overlay(&lines.as_strs()).map_err(|error| error.to_string())
    }

    /// The sender that has the whole screen.
    pub(super) fn only_visible(&self) -> Option<&Seat> {
        match self.room.as_ref().map(|room| room.large) {
            None => self.seats.first(),
            Some(large) => self.seats.iter().find(|seat| Some(seat.number) == large),
        }
    }
}

/// Who is presented by itself, in a line, if anybody is.
fn out_of_step(seats: &[Seat]) -> Option<String> {
    let by_itself = |seat: &&Seat| seat.status().details.in_step == Some(false);
    let names: Vec<_> = seats.iter().filter(by_itself).map(|seat| seat.name.as_str()).collect();
    (!names.is_empty()).then(|| format!("not in step: {}", names.join(", ")))
}

/// What a room's line says: all that is received, and the worst loss.
fn of_all<'a>(room: &'a str, seats: &[Seat]) -> Status<'a> {
    let all = || seats.iter().map(Seat::status);
    let worst = |of: fn(Status<'_>) -> f32| all().map(of).fold(0.0, f32::max);
    Status {
        source: room,
        kbit_s: Some(all().filter_map(|status| status.kbit_s).sum()),
        loss_percent: worst(|status| status.loss_percent),
        loss_before_percent: worst(|status| status.loss_before_percent),
        recorded: all().filter_map(|status| status.recorded).reduce(|all, one| all + one),
        ..Status::default()
    }
}
