//! The loop: waits, takes what has come, and does what is due.

use crate::camera::Camera;
use crate::event::Event;
use crate::state::Relay;
use mio::{Events, Poll};
use std::io::ErrorKind;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_station::announce::Announcer;
use streamsocket_station::clock::{Timer, monotonic};
use streamsocket_station::signals::{Asked, Signals};

/// Events taken from the kernel at a time; further ones wait for the next turn.
const EVENTS_MAX: usize = 64;

/// Between two looks at what goes on slowly: connections that are old, places that are left.
const LOOK: Duration = Duration::from_secs(1);

/// Runs until a signal ends it.
///
/// # Errors
/// One line: the kernel refuses to wait.
pub(crate) fn run(
    relay: &mut Relay,
    poll: &mut Poll,
    timer: &mut Timer,
    signals: &Signals,
) -> Result<(), String> {
    let mut events = Events::with_capacity(EVENTS_MAX);
    let failed = |error: &dyn std::fmt::Display| format!("the event loop cannot wait: {error}");
    loop {
        timer.set(relay.deadline()).map_err(|error| failed(&error))?;
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(failed(&error)),
            _ => {}
        }
        let now = monotonic();
        for event in &events {
            match Event::of(event.token()) {
                Event::Timer => timer.fired(),
                Event::Signal => {
                    while let Some(asked) = signals.next() {
                        match asked {
                            Asked::Stop => {
                                relay.end(now);
                                return Ok(());
                            }
                            Asked::Reload => relay.reload.begin(),
                        }
                    }
                }
                // Cameras that were connected to are looked at in each turn.
                Event::Found => {
                    relay.take_found(now);
                    relay.take_reloaded(now);
                }
                Event::Camera(number) => relay.rouse_camera(number),
                Event::Room(number) => {
                    relay.notices.get_mut(number).into_iter().for_each(|it| it.asked(now));
                }
                Event::Connecting => relay.unaccepted = true,
                Event::Connection(place) => relay.rouse(place),
                Event::Asked(slot) => relay.asked(slot, now),
                Event::Packets { slot, track } => relay.hear_packets(slot, track, now),
                Event::Reports { slot, track } => relay.hear_reports(slot, track, now),
            }
        }
        relay.turn(now);
    }
}

impl Relay {
    fn rouse(&mut self, place: usize) {
        if let Some(open) = self.connections.get_mut(place) {
            open.left = true;
        }
    }

    fn asked(&mut self, slot: usize, now: Monotonic) {
        let publisher = self.publishers.get_mut(slot);
        if let Some(announcer) = publisher.and_then(|it| it.announcer.as_mut()) {
            announcer.asked(now);
        }
    }

    /// Does what is due.
    fn turn(&mut self, now: Monotonic) {
        if self.unaccepted {
            self.accept(now);
        }
        for place in 0..self.connections.places() {
            let Some(open) = self.connections.get_mut(place) else { continue };
            if let Some((_, answer)) = open.later.take_if(|(at, _)| *at <= now) {
                open.say(&answer);
                open.left = true;
            }
            if open.left {
                self.serve(place, now);
            }
        }
        for (_, publisher) in self.publishers.iter_mut() {
            for (_, track) in &mut publisher.tracks {
                if track.left[0] {
                    track.hear_packets(now);
                }
                if track.left[1] {
                    track.hear_reports(now);
                }
            }
            if let Some(announcer) = &mut publisher.announcer {
                announcer.announce(now);
            }
        }
        self.end_silent(now);
        self.ask_cameras(now);
        self.notices.iter_mut().for_each(|notice| notice.announce(now));
        if now >= self.look {
            self.look = now + LOOK;
            self.look_around(now);
        }
    }

    /// Ends those of which nothing comes any more.
    fn end_silent(&mut self, now: Monotonic) {
        let silent = self.publishers.iter().filter(|(_, it)| it.gone_at() <= now);
        let silent: Vec<_> = silent.map(|(slot, it)| (slot, it.connection)).collect();
        for (slot, connection) in silent {
            self.leave(slot, now, "nothing has come from its publisher for 5 s");
            self.connections.end(connection);
        }
    }

    fn look_around(&mut self, now: Monotonic) {
        self.tell_clocks(now);
        self.places.forget(now);
        for place in self.connections.old(now) {
            if self.publishers.by(place).is_none() && self.viewings.by(place).is_none() {
                self.connections.end(place);
            }
        }
        for place in self.connections.overdue(now).into_iter().chain(self.viewings.idle(now)) {
            self.lose(place, now);
        }
        for (_, publisher) in self.publishers.iter_mut().filter(|(_, it)| !it.warned) {
            let (_, refused) = publisher.counts();
            if !refused.is_empty() {
                publisher.warned = true;
                log::warn!(
                    "'{}': some of its packets are not handed on: {refused}",
                    publisher.title
                );
            }
        }
    }

    /// When to take a turn even if nothing has come.
    fn deadline(&self) -> Option<Monotonic> {
        let accepting = self.unaccepted.then(|| self.connections.admits_again());
        let publishers = self.publishers.iter().flat_map(|(_, it)| {
            let left = it.tracks.iter().any(|(_, track)| track.left.contains(&true));
            let announcing = it.announcer.as_ref().map(|it| it.deadline());
            [Some(it.gone_at()), announcing, left.then_some(Monotonic(0))].into_iter().flatten()
        });
        let idle = self.connections.is_empty() && self.publishers.iter().next().is_none();
        let looking = (!idle).then_some(self.look);
        let cameras = self.cameras.iter().filter_map(Camera::deadline);
        let others = [accepting, looking, self.connections.deadline()].into_iter().flatten();
        let notices = self.notices.iter().map(Announcer::deadline);
        publishers.chain(others).chain(cameras).chain(notices).min()
    }
}
