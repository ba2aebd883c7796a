//! The event loop.
//!
//! Each turn reads the clock once, takes what the sources have, sends what is due, and sets the
//! timer to the earliest deadline. Nothing in a turn blocks.

use super::audio::Audio;
use super::change::Reloading;
use super::error::Error;
use super::state::Daemon;
use super::tokens::{
    ASKED, AUDIO_FIRST, CHANGES, CONTROL_FIRST, EVENTS_MAX, HOTPLUG, RTCP, SIGNAL, TIMER,
};
use super::video::Video;
use crate::clock::monotonic;
use crate::control::{Answer, Request};
use crate::publish::announce::Announcer;
use crate::signals::Asked;
use crate::statistics::Statistics;
use mio::{Events, Token};
use std::time::Duration;
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
                self.dispatch(event.token(), now);
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
        let useless = self.video.as_ref().and_then(Video::useless);
        useless.map_or(Ok(()), |problem| Err(Error(problem)))
    }

    fn begin(&mut self, now: Monotonic) {
        self.began = now;
        if let Some(video) = &mut self.video {
            video.begin(now);
        }
        if let Some(audio) = &mut self.audio {
            audio.begin(now);
        }
        self.notifier.ready();
        if std::mem::take(&mut self.reload_again) {
            self.reload_by_signal(now);
        }
    }

    /// Handles what only an event tells; [`turn`](Self::turn) finds out everything else.
    fn dispatch(&mut self, token: Token, now: Monotonic) {
        match token {
            TIMER => self.timer.fired(),
            SIGNAL => self.read_signals(now),
            RTCP => self.reports_left = true,
            HOTPLUG => self.rescan_devices(now),
            CHANGES => self.hear_of_network(now),
            ASKED => self.announcer.iter_mut().for_each(|announcer| announcer.asked(now)),
            Token(index) if (AUDIO_FIRST..CONTROL_FIRST).contains(&index) => {
                if let Some(audio) = &mut self.audio {
                    audio.handle_event(index - AUDIO_FIRST, now);
                }
            }
            token if self.control.as_ref().is_some_and(|control| control.owns(token)) => {
                self.serve_control(now);
            }
            _ => {}
        }
    }

    fn turn(&mut self, now: Monotonic) -> Result<(), Error> {
        self.finish_reload(now);
        if let Some(audio) = &mut self.audio {
            audio.turn(now, &self.wall.clock)?;
        }
        if let Some(video) = &mut self.video {
            video.turn(now, &self.wall.clock)?;
        }
        if self.reports_left {
            self.receive_reports(now);
        }
        self.send_reports(now);
        if let Some(announcer) = &mut self.announcer {
            announcer.announce(now);
        }
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
        self.retry_network(now);
        self.write_stats(now);
        self.tell_status();
    }

    fn deadline(&self) -> Monotonic {
        let video = self.video.as_ref().and_then(Video::deadline);
        let audio = self.audio.as_ref().and_then(Audio::deadline);
        let announcer = self.announcer.as_ref().map(Announcer::deadline);
        let left = self.reports_left.then_some(self.began);
        let ping = self.notifier.deadline();
        let reload = self.reloading.as_ref().map(Reloading::deadline);
        let others = [self.reports_deadline(), ping, reload, Some(self.tick)];
        let due = [video, audio, announcer, left].into_iter().chain(others);
        due.flatten().min().unwrap_or(self.tick)
    }

    /// Whether all sources that end by themselves have ended, and there was one.
    fn is_over(&self) -> bool {
        let video = self.video.as_ref().filter(|video| video.source().is_finite());
        let audio = self.audio.as_ref().filter(|audio| audio.source().is_finite());
        (video.is_some() || audio.is_some())
            && video.is_none_or(Video::is_over)
            && audio.is_none_or(Audio::is_over)
    }

    fn read_signals(&mut self, now: Monotonic) {
        while let Some(asked) = self.signals.next() {
            if asked == Asked::Reload && self.options.is_some() {
                self.reload_by_signal(now);
            } else {
                self.stopping = true;
            }
        }
    }

    fn serve_control(&mut self, now: Monotonic) {
        let Some(mut control) = self.control.take() else { return };
        control.serve(|request| match request {
            Request::Sdp => Some(Answer::Sdp(self.sdp.clone())),
            Request::Status => Some(Answer::Status(Box::new(Statistics {
                viewer_list: self.viewer_list(now),
                ..self.statistics(now)
            }))),
            Request::Reload => self.reload(now),
            Request::Stop => {
                self.stopping = true;
                Some(Answer::Stopping(true))
            }
        });
        self.control = Some(control);
    }

    fn say_goodbye(&mut self) {
        self.notifier.stopping();
        self.abandon_reload();
        let now = monotonic();
        self.send_byes(now);
        if let Some(announcer) = &mut self.announcer {
            announcer.delete();
        }
        self.write_stats(now);
        for lines in [&self.stats, &self.wall.told].into_iter().flatten() {
            lines.close(CLOSE_PATIENCE);
        }
    }
}
