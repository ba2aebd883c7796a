//! Who comes to a room and who leaves it.

use super::room::{Room, SEATS_MAX};
use super::seat::Seat;
use super::source_state::SourceState;
use super::stage::Stage;
use super::threads::{Among, Hearing};
use crate::level::Level;
use crate::screen::Screen;
use std::sync::Arc;
use streamsocket_subscribe::clock::monotonic;
use streamsocket_subscribe::locate::Change;
use streamsocket_subscribe::plan::Plan;

impl Stage<'_> {
    /// Takes in those who have come, lets go of those who have left, and marks who speaks.
    ///
    /// # Errors
    /// One line: announcements cannot be listened to, or the screen or the sound is gone.
    pub(super) fn gather(&mut self, mut screen: Option<&mut Screen<'_>>) -> Result<(), String> {
        if let Some(lost) = self.room.as_mut().and_then(Room::lost) {
            return Err(lost);
        }
        if self.room.as_mut().is_some_and(Room::hear_own) {
            self.silence_own(screen.as_deref_mut())?;
        }
        while let Some(change) = self.room.as_ref().map_or(Ok(None), Room::change)? {
            match change {
                Change::Found(number, plan) => {
                    self.welcome(number, *plan, screen.as_deref_mut())?;
                }
                Change::Gone(number) => {
                    self.room.iter_mut().for_each(|room| room.forget(number));
                    if let Some(index) = self.seats.iter().position(|it| it.number == number) {
                        log::info!("'{}' has left", self.seats[index].name);
                        self.dismiss(index, screen.as_deref_mut())?;
                    }
                }
            }
        }
        let lost = |seat: &mut Seat| seat.threads.lost();
        let lost = self.seats.iter_mut().enumerate().find_map(|(at, seat)| Some((at, lost(seat)?)));
        if let Some((index, why)) = lost {
            let seat = &self.seats[index];
            let wrong = format!("'{}' is not received any more: {why}", seat.name);
            let (number, plan) = (seat.number, seat.plan.clone());
            self.dismiss(index, screen.as_deref_mut())?;
            if let Some(room) = &mut self.room {
                room.try_later(number, plan, &wrong);
            }
        }
        let to_try = self.room.as_mut().and_then(|room| room.next_to_try(monotonic()));
        if let Some((number, plan)) = to_try {
            self.welcome(number, plan, screen.as_deref_mut())?;
        }
        self.make_room(screen.as_deref_mut())?;
        self.mark_who_speaks(screen)
    }

    /// One has come: there is a place, or it waits for one.
    fn welcome(
        &mut self,
        number: u64,
        plan: Plan,
        screen: Option<&mut Screen<'_>>,
    ) -> Result<(), String> {
        if self.seats.len() < SEATS_MAX {
            return self.seat(number, plan, screen);
        }
        let Some(room) = &mut self.room else { return Ok(()) };
        room.waiting.push_back((number, plan));
        if !std::mem::replace(&mut room.said, true) {
            log::warn!(
                "there are more than {SEATS_MAX} in the room '{}': the others are shown as soon as there is a place",
                room.name
            );
        }
        Ok(())
    }

    /// Has one who has stopped give the place to one who waits.
    fn make_room(&mut self, screen: Option<&mut Screen<'_>>) -> Result<(), String> {
        if self.room.as_ref().is_none_or(|room| room.waiting.is_empty()) {
            return Ok(());
        }
        let stopped = self.seats.iter().position(|seat| seat.state == SourceState::Stopped);
        let Some(index) = stopped else { return Ok(()) };
        let seat = &self.seats[index];
        log::info!("'{}' has stopped, and gives its place away", seat.name);
        let known = (seat.number, seat.plan.clone());
        self.dismiss(index, screen)?;
        if let Some(room) = &mut self.room {
            room.waiting.push_back(known);
        }
        Ok(())
    }

    /// Takes the sound of one away that was known to be left out only after it had come.
    fn silence_own(&mut self, mut screen: Option<&mut Screen<'_>>) -> Result<(), String> {
        let Some(room) = &self.room else { return Ok(()) };
        let is_meant = |seat: &Seat| seat.is_heard && room.leaves_out(&seat.plan);
        let Some(index) = self.seats.iter().position(is_meant) else { return Ok(()) };
        let (number, plan) = (self.seats[index].number, self.seats[index].plan.clone());
        self.dismiss(index, screen.as_deref_mut())?;
        self.welcome(number, plan, screen)
    }

    /// Gives one a place behind the others.
    fn seat(
        &mut self,
        number: u64,
        mut plan: Plan,
        screen: Option<&mut Screen<'_>>,
    ) -> Result<(), String> {
        plan.left_out.iter().for_each(|left_out| log::warn!("{left_out}"));
        if self.means.options.no_repair {
            plan.leave_repair();
        }
        let name = self.free_name(&plan.name);
        let Some(room) = &mut self.room else { return Ok(()) };
        let mixed = || Hearing::Mixed(Arc::clone(&room.mixer));
        let hearing = if room.leaves_out(&plan) { Hearing::LeftOut } else { mixed() };
        let among = Among { level: Arc::<Level>::default(), step: room.in_step.member() };
        let its = (number, name.clone(), plan.clone());
        let seat = match Seat::open(its, &self.means, hearing, Some(among)) {
            Ok(seat) => seat,
            Err(why) => {
                room.try_later(number, plan, &format!("'{name}' is not shown: {why}"));
                return Ok(());
            }
        };
        if let Some(folder) = &mut room.folder {
            match folder.destination(&name) {
                Ok(destination) => seat.record(destination),
                Err(why) => log::warn!("'{name}' is not recorded: {why}"),
            }
        }
        self.seats.push(seat);
        let index = self.seats.len() - 1;
        let Some(screen) = screen else { return self.tell(index, None) };
        screen.add().map_err(|error| error.to_string())?;
        self.tell(index, Some(screen))?;
        self.say_who_is_there(screen)
    }

    /// Takes the place of one away; those who wait may have it.
    fn dismiss(&mut self, index: usize, mut screen: Option<&mut Screen<'_>>) -> Result<(), String> {
        let seat = self.seats.remove(index);
        let Some(room) = &mut self.room else { return Ok(()) };
        let forget = |who: &mut Option<u64>| *who = who.filter(|number| *number != seat.number);
        forget(&mut room.large);
        forget(&mut room.marked);
        room.see_off(seat);
        let next = room.waiting.pop_front();
        if let Some(screen) = screen.as_deref_mut() {
            screen.remove(index);
            self.say_who_is_there(screen)?;
        }
        next.map_or(Ok(()), |(number, plan)| self.seat(number, plan, screen))
    }

    /// A name that nobody in the room has: a second one of a name gets a number.
    fn free_name(&self, name: &str) -> String {
        let is_free = |name: &String| self.seats.iter().all(|seat| seat.name != *name);
        let numbered = (2..).map(|number| format!("{name} ({number})"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered);
        names.find(is_free).unwrap_or_default()
    }

    /// Writes the names, each behind its key, and that nobody is there if so.
    pub(super) fn say_who_is_there(&self, screen: &mut Screen<'_>) -> Result<(), String> {
        let Some(room) = &self.room else { return Ok(()) };
        let failed = |error: crate::screen::Error| error.to_string();
        // What a relay hands on is called after its room.
        let prefix = format!("{}, ", room.name);
        for (index, seat) in self.seats.iter().enumerate() {
            let name = seat.name.strip_prefix(&prefix).unwrap_or(&seat.name);
            let name = format!("{} {name}", index + 1);
            screen.set_name(index, &name).map_err(failed)?;
        }
        let nobody = format!("nobody is in the room {} yet", room.name);
        let notice = self.seats.is_empty().then_some(nobody.as_str());
        screen.set_notice(notice).map_err(failed)?;
        self.arrange(screen)
    }

    /// Draws a frame around the one who speaks.
    fn mark_who_speaks(&mut self, screen: Option<&mut Screen<'_>>) -> Result<(), String> {
        let Some(room) = &mut self.room else { return Ok(()) };
        let now = monotonic();
        let heard = self.seats.iter().filter_map(|seat| Some((seat.number, seat.level.as_ref()?)));
        let levels = heard.map(|(number, level)| (number, level.at(now)));
        let marked = room.speaking.turn(levels, now);
        if std::mem::replace(&mut room.marked, marked) == marked {
            return Ok(());
        }
        if let Some(name) =
            self.seats.iter().find(|it| Some(it.number) == marked).map(|it| &it.name)
        {
            log::debug!("'{name}' speaks");
        }
        screen.map_or(Ok(()), |screen| self.arrange(screen))
    }
}
