//! The one event loop of the daemon, and the only place that knows both the engine and the edges.
//!
//! Each turn of the loop reads the clock once, takes what the sources have, sends what is due, and
//! sets the timer to the earliest thing that will be due next. Nothing in a turn waits.

mod audio;
mod launch;
mod link;
mod network;
mod opening;
mod rate;
mod reload;
mod rtcp;
mod service;
mod start;
mod video;
mod wall;
mod watch;

use self::audio::Audio;
use self::link::Network;
use self::reload::Reloading;
use self::video::Video;
use self::wall::Wall;
use self::watch::Watched;
use crate::capture::hotplug::Hotplug;
use crate::clock::{Timer, monotonic};
use crate::control::server::Server;
use crate::control::{Answer, Request};
use crate::notify::Notifier;
use crate::options::StreamOptions;
use crate::publish::announce::Announcer;
use crate::publish::output::Sent;
use crate::settings::Settings;
use crate::signals::{Asked, Signals};
use crate::statistics::{DestinationStatistics, Statistics};
use mio::{Events, Poll, Token, Waker};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use streamsocket_journal::lines::{CLOSE_PATIENCE, Lines};
use streamsocket_net::Changes;
use streamsocket_stream::clock::Monotonic;

pub use self::launch::start;
pub use self::network::{NoWay, try_ways};

/// Events taken from the kernel at a time; more wait for the next turn.
const EVENTS_MAX: usize = 64;

/// Between two looks at CLOCK_REALTIME and two reports of statistics.
const TICK: Duration = Duration::from_secs(1);

const TIMER: Token = Token(0);
const SIGNAL: Token = Token(1);
const WAKER: Token = Token(2);
const VIDEO: Token = Token(3);
const RTCP: Token = Token(4);
const HOTPLUG: Token = Token(5);
const CHANGES: Token = Token(6);
const ASKED: Token = Token(7);
/// The microphone's descriptors, one token each, up to [`CONTROL_FIRST`].
const AUDIO_FIRST: usize = 16;
/// The control socket and its clients.
const CONTROL_FIRST: usize = 64;

/// Why a session could not begin, or had to end: one line.
#[derive(Debug)]
pub struct Error(pub String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl From<crate::capture::Error> for Error {
    fn from(error: crate::capture::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self(format!("the event loop failed: {error}"))
    }
}

impl From<nix::Error> for Error {
    fn from(error: nix::Error) -> Self {
        Self(format!("the event loop failed: {error}"))
    }
}

/// A session that streams.
pub struct Daemon {
    poll: Poll,
    timer: Timer,
    signals: Signals,
    wall: Wall,
    name: String,
    cname: String,
    sdp: String,
    began: Monotonic,
    tick: Monotonic,
    video: Option<Video>,
    audio: Option<Audio>,
    /// Reports have come that were not all read: no new edge will say so.
    reports_left: bool,
    announcer: Option<Announcer>,
    /// Ears for devices that come and go, if this machine lets us.
    hotplug: Option<Hotplug>,
    /// Ears for links and addresses that change.
    changes: Option<Changes>,
    network: Network,
    /// Of which devices the descriptors are watched.
    watched: Watched,
    control: Option<Server>,
    stats: Option<Lines>,
    notifier: Notifier,
    waker: Arc<Waker>,
    settings: Settings,
    /// What to read the configuration again with, if there is one.
    options: Option<StreamOptions>,
    /// A configuration that is being taken on.
    reloading: Option<Reloading>,
    /// Once more, when that is done: a signal has asked for it meanwhile.
    reload_again: bool,
    stopping: bool,
}

impl Daemon {
    /// The session description.
    #[must_use]
    pub fn sdp(&self) -> &str {
        &self.sdp
    }

    /// Streams until the sources end, a signal comes or somebody says stop; then says goodbye.
    ///
    /// # Errors
    /// One line, if a source is lost or the event loop fails. Goodbye is said even then.
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

    /// How long to wait for an event: not at all if something is due, until the timer fires otherwise.
    fn patience(&mut self, now: Monotonic) -> Result<Option<Duration>, Error> {
        let deadline = self.deadline();
        if deadline <= now {
            return Ok(Some(Duration::ZERO));
        }
        self.timer.set(Some(deadline))?;
        Ok(None)
    }

    /// A file of which not one picture could be sent is a mistake to be told.
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

    /// What only an event says; everything else is found out by [`turn`](Self::turn).
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

    /// True when everything that ends by itself has ended, and there was such a thing.
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

    fn write_stats(&mut self, now: Monotonic) {
        let Some(lines) = &self.stats else { return };
        let Ok(mut report) = serde_json::to_vec(&self.statistics(now)) else { return };
        report.push(b'\n');
        lines.push(report);
    }

    /// What the session did so far, without the list of its viewers.
    #[must_use]
    pub fn statistics(&self, now: Monotonic) -> Statistics {
        let mut sent: Vec<(SocketAddr, Sent, Option<String>)> = Vec::new();
        let video = self.video.as_ref().map(Video::outputs);
        let audio = self.audio.as_ref().map(Audio::outputs);
        for outputs in video.into_iter().flatten().chain(audio.into_iter().flatten()) {
            for (index, output) in outputs.iter().enumerate() {
                let fault = || output.fault().map(str::to_owned);
                match sent.get_mut(index) {
                    Some((_, all, failing)) => {
                        *all += output.sent();
                        *failing = failing.take().or_else(fault);
                    }
                    None => sent.push((output.destination(), output.sent(), fault())),
                }
            }
        }
        let destinations = sent.into_iter().map(|(address, sent, failing)| DestinationStatistics {
            address: address.to_string(),
            packets: sent.packets,
            bytes: sent.bytes,
            packets_dropped: sent.dropped,
            failing,
        });
        Statistics {
            unix_nanos: self.wall.clock.unix_nanos(now),
            uptime_seconds: now.since(self.began).as_secs_f64(),
            name: self.name.clone(),
            destinations: destinations.collect(),
            viewers: self.viewers(),
            viewer_list: Vec::new(),
            video: self.video.as_ref().map(|video| video.statistics(now)),
            audio: self.audio.as_ref().map(Audio::statistics),
        }
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

fn seconds(nanos: i64) -> f64 {
    let sign = if nanos < 0 { -1.0 } else { 1.0 };
    sign * Duration::from_nanos(nanos.unsigned_abs()).as_secs_f64()
}
