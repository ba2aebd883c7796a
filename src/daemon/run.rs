//! The event loop.
//!
//! Each turn reads the clock once, takes what the sources have, sends what is due, and sets the
//! timer to the earliest deadline. Nothing in a turn blocks.

use super::change::Reloading;
use super::error::Error;
use super::input::Input;
use super::registry::{EVENTS_MAX, Event};
use super::session::Session;
use super::state::Daemon;
use crate::clock::monotonic;
use crate::publish::announce::Announcer;
use crate::publish::description::Described;
use crate::publish::relay::Relay;
use crate::publish::track::Track;
use crate::publish::viewers;
use crate::signals::Asked;
use crate::statistics::Statistics;
use mio::Events;
use std::time::Duration;
use streamsocket_control::{Answer, Command, Request};
use streamsocket_journal::lines::CLOSE_PATIENCE;
use streamsocket_media::clock::Monotonic;

/// Interval of housekeeping: the wall clock, viewers, the network, statistics.
const TICK: Duration = Duration::from_secs(1);

impl Daemon {
    /// Streams until the sources end, a signal arrives or a command asks for the end; then sends
    /// BYE.
    ///
    /// # Errors
    /// One line, if a source is lost or the event loop fails. BYE is sent even then.
    pub fn run(&mut self) -> Result<(), Error> {
        let result = self.stream().and_then(|()| self.was_of_use());
        self.say_goodbye();
        result
    }

    fn stream(&mut self) -> Result<(), Error> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        let mut now = monotonic();
        self.begin(now);
        loop {
            self.turn(now)?;
            self.watch_sources();
            if self.stopping || self.is_over() {
                return Ok(());
            }
            let patience = self.patience(now)?;
            match self.poll.poll(&mut events, patience) {
                Err(error) if error.kind() != std::io::ErrorKind::Interrupted => {
                    return Err(error.into());
                }
                _ => {}
            }
            now = monotonic();
            for event in &events {
                if let Some(event) = self.registry.event(event.token()) {
                    self.dispatch(event, now);
                }
            }
        }
    }

    /// How long to wait for an event: not at all if something is due, else until the timer fires.
    fn patience(&mut self, now: Monotonic) -> Result<Option<Duration>, Error> {
        let deadline = self.deadline();
        if deadline <= now {
            return Ok(Some(Duration::ZERO));
        }
        self.timer.set(Some(deadline))?;
        Ok(None)
    }

    /// A file of which no picture could be sent is an error.
    fn was_of_use(&self) -> Result<(), Error> {
        let useless = self.inputs.iter().find_map(Input::useless);
        useless.map_or(Ok(()), |problem| Err(Error(problem)))
    }

    fn begin(&mut self, now: Monotonic) {
        self.began = now;
        self.inputs.iter_mut().for_each(|input| input.begin(now));
        self.notifier.ready();
        if std::mem::take(&mut self.reload_again) {
            self.reload_by_signal(now);
        }
    }

    /// Handles what only an event tells; [`turn`](Self::turn) finds out everything else.
    fn dispatch(&mut self, event: Event, now: Monotonic) {
        match event {
            Event::Timer => self.timer.fired(),
            Event::Signal => self.read_signals(now),
            Event::Woken => {}
            Event::Source { input, index } => {
                if let Some(input) = self.inputs.get_mut(input) {
                    input.handle_event(index, now);
                }
            }
            Event::Reports { input, branch } => {
                let track = self.inputs.get_mut(input).and_then(|it| it.tracks_mut().nth(branch));
                track.into_iter().for_each(|track| track.transport_mut().hear());
            }
            Event::Hotplug => self.rescan_devices(now),
            Event::Network => self.hear_of_network(now),
            Event::Relay => self.rouse_relay(),
            Event::Asked { session } => {
                let announcer = self.sessions.get_mut(session).and_then(|it| it.announcer.as_mut());
                announcer.into_iter().for_each(|announcer| announcer.asked(now));
            }
            Event::Control => self.serve_control(now),
            Event::Connecting => self.server.unaccepted = true,
            Event::Player { place } => self.server.connections.rouse(place),
            Event::Viewer { place } => self.hear_viewer(place, now),
        }
    }

    fn turn(&mut self, now: Monotonic) -> Result<(), Error> {
        self.finish_reload(now);
        // Pictures may be many packets: sound goes before them.
        for first in [true, false] {
            let mut inputs = self.inputs.iter_mut().filter(|input| input.is_sound() == first);
            inputs.try_for_each(|input| input.turn(now, &self.wall.clock))?;
        }
        self.serve_players(now);
        self.contribute(now)?;
        self.receive_reports(now);
        self.send_reports(now);
        let announcers = self.sessions.iter_mut().filter_map(|it| it.announcer.as_mut());
        announcers.for_each(|announcer| announcer.announce(now));
        if now >= self.tick {
            self.tick(now);
        }
        self.ping(now);
        Ok(())
    }

    fn tick(&mut self, now: Monotonic) {
        self.tick = now + TICK;
        self.watch_wall(now);
        self.forget_viewers(now);
        self.forget_players(now);
        self.retry_network(now);
        self.write_stats(now);
        self.tell_status();
    }

    fn deadline(&self) -> Monotonic {
        let inputs = self.inputs.iter().filter_map(Input::deadline);
        let announcers = self.sessions.iter().filter_map(|session| session.announcer.as_ref());
        let announcers = announcers.map(Announcer::deadline);
        let left = self.tracks().any(|track| track.transport().is_reported());
        let left = left.then_some(self.began);
        let ping = self.notifier.deadline();
        let reload = self.reloading.as_ref().map(Reloading::deadline);
        let players = self.server.deadline();
        let relay = self.relay.as_ref().and_then(Relay::deadline);
        let others =
            [self.reports_deadline(), ping, reload, left, players, relay].into_iter().flatten();
        inputs.chain(announcers).chain(others).fold(self.tick, Monotonic::min)
    }

    /// Whether all sources that end by themselves have ended, and there was one.
    fn is_over(&self) -> bool {
        let mut finite = self.inputs.iter().filter(|input| input.is_finite()).peekable();
        finite.peek().is_some() && finite.all(Input::is_over)
    }

    fn read_signals(&mut self, now: Monotonic) {
        while let Some(asked) = self.signals.next() {
            if asked == Asked::Reload && self.options.config.is_some() {
                self.reload_by_signal(now);
            } else {
                self.stopping = true;
            }
        }
    }

    fn serve_control(&mut self, now: Monotonic) {
        let Some(mut control) = self.control.take() else { return };
        control.serve(|Request { command, tier, set, vouch, text }| match command {
            Command::Sdp => Some(self.answer_sdp(tier.as_deref())),
            Command::Status => Some(self.answer_status(text, now)),
            Command::Viewers => Some(self.answer_viewers(text, now)),
            Command::Reload => self.reload(set, now),
            Command::Pause => Some(self.pause(now)),
            Command::Resume => self.resume(now),
            Command::Vouch => Some(self.vouch(vouch.as_ref(), now)),
            Command::Stop => {
                self.stopping = true;
                Some(Answer::Stopping(true))
            }
        });
        self.control = Some(control);
    }

    fn answer_status(&self, text: bool, now: Monotonic) -> Answer {
        let statistics = self.statistics(now);
        if text {
            return Answer::Text(statistics.text());
        }
        let viewer_list = self.viewer_list(now);
        Answer::figures(Answer::Status, &Statistics { viewer_list, ..statistics })
    }

    fn answer_viewers(&self, text: bool, now: Monotonic) -> Answer {
        let list = self.viewer_list(now);
        if text {
            return Answer::Text(viewers::text(&list, self.viewers()));
        }
        Answer::figures(Answer::Viewers, &list)
    }

    /// The description of the session, or of its tier of this name.
    fn answer_sdp(&self, tier: Option<&str>) -> Answer {
        if self.paused {
            return Answer::Error("it is paused: there is nothing to describe".into());
        }
        let rollovers = |described: &Described| {
            self.tracks().find(|track| *track.id() == described.id).and_then(Track::rollovers)
        };
        let text = |it: &Session| it.description.text_with(&rollovers).unwrap_or_default();
        let texts: Vec<_> = self.sessions.iter().map(|it| (it.tier(), text(it))).collect();
        let texts: Vec<_> = texts.iter().map(|(tier, text)| (*tier, text.as_str())).collect();
        Answer::sdp(&texts, tier)
    }

    fn say_goodbye(&mut self) {
        self.notifier.stopping();
        self.abandon_reload();
        let now = monotonic();
        self.send_byes(now);
        self.leave_relay(now);
        let announcers = self.sessions.iter_mut().filter_map(|it| it.announcer.as_mut());
        announcers.for_each(Announcer::delete);
        self.write_stats(now);
        for lines in [&self.stats, &self.told].into_iter().flatten() {
            lines.close(CLOSE_PATIENCE);
        }
    }
}
