//! Takes on a changed configuration while the session continues. What it names is opened beside the
//! loop; then everything is exchanged in one step that cannot fail. Streams keep their SSRC,
//! sequence numbers and clocks, so that viewers stay. Sources, sockets and repair are kept if only
//! the way of sending changes, and reopened otherwise; a device that the session itself still has
//! is waited for.

use super::change::{Before, Changed, OPENING_MAX, Reloading, last_id, reread};
use super::error::Error;
use super::figures::say_what_is_sent;
use super::input::{Input, OpenedInput};
use super::kept::KeptTracks;
use super::opening::Order;
use super::parts;
use super::session::Session;
use super::state::Daemon;
use super::video::Adjusting;
use super::watched::Watched;
use crate::beside::{self, Panicked, Work};
use crate::options::StreamOptions;
use crate::publish::network::Network;
use crate::settings::{self, InputSettings, Settings, USERS_FILE};
use crate::source::VideoSource;
use std::path::Path;
use std::sync::Arc;
use streamsocket_control::Answer;
use streamsocket_control::overrides::Overrides;
use streamsocket_media::clock::Monotonic;

/// What those hear who want something else while the configuration is read again.
const BUSY: &str = "the configuration is being read again already: ask again when that is done";

impl Daemon {
    /// Begins a reload. If the configuration is wrong, or cannot be opened, the session continues
    /// unchanged. Returns the answer, if it is known already.
    pub(super) fn reload(&mut self, set: Option<Overrides>, now: Monotonic) -> Option<Answer> {
        if self.paused && set.is_none() {
            let paused = "it is paused: the configuration is read when it resumes";
            return Some(Answer::Error(paused.into()));
        }
        let users = self.options.users.as_deref().unwrap_or_else(|| Path::new(USERS_FILE));
        let has_files = self.options.config.is_some() || self.options.key_file.is_some();
        if !has_files && set.is_none() && !users.exists() {
            let none = "it was started without --config: there is nothing to read";
            return Some(self.reloaded(Err(Error(none.into()))));
        }
        let before = self.overrides.clone();
        let overrides = set.map_or(before.clone(), |set| set.over(before));
        if self.paused {
            let options = self.options_with(&overrides);
            // Kept for when it resumes, if it is right.
            let check =
                || settings::load(options).map(|_| None).map_err(|it| Error(it.to_string()));
            return self.begin_work(overrides, now, check);
        }
        self.open_anew(overrides, now)
    }

    /// Captures and sends again what was paused.
    pub(super) fn resume(&mut self, now: Monotonic) -> Option<Answer> {
        if !self.paused {
            return Some(Answer::Resumed(false));
        }
        self.open_anew(self.overrides.clone(), now)
    }

    /// Begins to open what the options name, but for what is said here.
    fn open_anew(&mut self, overrides: Overrides, now: Monotonic) -> Option<Answer> {
        let before = self.before(now, self.options_with(&overrides));
        self.begin_work(overrides, now, move || reread(before))
    }

    fn options_with(&self, overrides: &Overrides) -> StreamOptions {
        StreamOptions { overrides: overrides.clone(), ..self.options.clone() }
    }

    /// Begins what is done beside the loop; `overrides` are kept if it succeeds.
    fn begin_work(
        &mut self,
        overrides: Overrides,
        now: Monotonic,
        work: impl FnOnce() -> Result<Option<Changed>, Error> + Send + 'static,
    ) -> Option<Answer> {
        if self.reloading.is_some() {
            return Some(Answer::Error(BUSY.into()));
        }
        self.notifier.reloading(now);
        match Work::begin("reload", Arc::clone(&self.waker), work) {
            Ok(work) => {
                self.reloading = Some(Reloading { work, overrides, until: now + OPENING_MAX });
                None
            }
            Err(error) => {
                let failed = Error(format!("no thread can be started to open anything: {error}"));
                Some(self.reloaded(Err(failed)))
            }
        }
    }

    /// A reload by signal, which nobody waits for: one in progress is followed by another.
    pub(super) fn reload_by_signal(&mut self, now: Monotonic) {
        self.reload_again = self.reloading.is_some();
        if !self.reload_again {
            if let Some(Answer::Error(why)) = self.reload(None, now).filter(|_| self.paused) {
                log::warn!("the configuration is not read: {why}");
            }
        }
    }

    /// Takes on what was opened, if it is ready.
    pub(super) fn finish_reload(&mut self, now: Monotonic) {
        let Some(Reloading { work, until, .. }) = &mut self.reloading else { return };
        let ended = match work.take() {
            Some(Ok(ended)) => ended,
            Some(Err(Panicked)) => {
                Err(Error("opening what it names panicked: this is a bug, please report it".into()))
            }
            None if now >= *until => {
                let seconds = OPENING_MAX.as_secs();
                Err(Error(format!("what it names could not be opened in {seconds} s")))
            }
            None => return,
        };
        let overrides = self.reloading.take().map(|reloading| reloading.overrides);
        let paused = self.paused;
        let result = ended.and_then(|changed| {
            changed.map_or(Ok(false), |changed| self.take_on(changed, now).map(|()| true))
        });
        if let (Ok(_), Some(overrides)) = (&result, overrides) {
            self.overrides = overrides;
        }
        let answer = match self.reloaded(result) {
            Answer::Reloaded(_) if paused && !self.paused => Answer::Resumed(true),
            answer => answer,
        };
        self.answer_reload(&answer);
        if std::mem::take(&mut self.reload_again) {
            self.reload_by_signal(now);
        }
    }

    /// Gives up a reload, since the session ends.
    pub(super) fn abandon_reload(&mut self) {
        if self.reloading.take().is_some() {
            self.answer_reload(&Answer::Error("it ends".into()));
        }
    }

    fn answer_reload(&mut self, answer: &Answer) {
        if let Some(control) = &mut self.control {
            control.answer_later(answer);
        }
    }

    fn reloaded(&mut self, result: Result<bool, Error>) -> Answer {
        self.notifier.ready();
        match result {
            Ok(true) if self.paused => {
                self.paused = false;
                log::info!("resumed");
                Answer::Reloaded(true)
            }
            Ok(_) if self.paused => {
                log::info!("what was asked for is kept until it resumes");
                Answer::Reloaded(true)
            }
            Ok(changed) => {
                let what = if changed { "changed: applied" } else { "the same as before" };
                log::info!("the configuration is {what}");
                Answer::Reloaded(changed)
            }
            Err(error) => {
                let what = if self.paused { "it stays paused" } else { "it goes on as before" };
                log::error!("{error}; {what}");
                Answer::Error(format!("{error}; {what}"))
            }
        }
    }

    /// Releases the camera and the microphone. The session ends for its viewers; its group, its name and its options
    /// stay.
    pub(super) fn pause(&mut self, now: Monotonic) -> Answer {
        if self.reloading.is_some() {
            return Answer::Error(BUSY.into());
        }
        if self.paused {
            return Answer::Paused(false);
        }
        let (network, watched) = (self.network.clone(), Watched::default());
        self.exchange(Exchange { network, inputs: Vec::new(), watched }, now);
        self.announce_by(Vec::new(), true);
        self.follow_relay(false, now);
        self.paused = true;
        log::info!("paused: the camera and the microphone are released");
        Answer::Paused(true)
    }

    fn before(&self, now: Monotonic, options: StreamOptions) -> Before {
        let sources = self.inputs.iter().filter_map(|input| match input {
            Input::Video(input) => Some(input.source()),
            Input::Audio(_) => None,
        });
        let is_drawn = |source: &VideoSource| {
            matches!(source, VideoSource::Pattern(_) | VideoSource::Preloaded(_))
        };
        let drawn = sources.clone().any(is_drawn);
        let mut read = sources.filter(|source| matches!(source, VideoSource::Stream(_)));
        let order = Order {
            settings: self.settings.clone(),
            name: self.name.clone(),
            cname: Arc::clone(&self.cname),
            waker: Arc::clone(&self.waker),
            kept: self.kept(now),
            standard_input: read.next().map(VideoSource::format),
            network: None,
        };
        let descriptions = self.sessions.iter().map(|it| it.description.clone()).collect();
        let (network, last_id) = (self.network.clone(), self.last_id);
        Before { options, paused: self.paused, order, network, descriptions, last_id, drawn }
    }

    fn kept(&self, now: Monotonic) -> KeptTracks {
        KeptTracks(self.inputs.iter().flat_map(|input| input.kept(now)).collect())
    }

    fn take_on(&mut self, changed: Changed, now: Monotonic) -> Result<(), Error> {
        let Changed { settings, opened, sessions, stats, moved } = changed;
        // Only when it is certain that the reload was not given up.
        let file = settings.sdp.as_deref().zip(sessions.first()).filter(|_| moved);
        let told = file.map(|(path, it)| parts::write_sdp(path, &it.sdp)).transpose()?.flatten();
        self.serve_as(&settings.serving)?;
        let opened = match opened {
            Some((network, inputs)) => {
                let watched = self.watch_opened(&inputs)?;
                Some(Exchange { network, inputs, watched })
            }
            None => None,
        };
        // Nothing fails from here on.
        if let Some(stats) = stats {
            self.stats = stats;
        }
        self.told = told.or(self.told.take());
        let exchanged = opened.is_some();
        if settings.protection != self.settings.protection {
            self.end_told();
        }
        match opened {
            Some(exchange) => self.exchange(exchange, now),
            None => self.adjust(&settings, now),
        }
        self.settings = settings;
        self.announce_by(sessions, exchanged);
        if exchanged {
            say_what_is_sent(self);
            // The interface's address may have changed meanwhile.
            self.follow_network(now);
        }
        self.describe_anew(now);
        self.follow_relay(false, now);
        Ok(())
    }

    /// Replaces the inputs by those that were opened; the old ones are closed beside the loop.
    fn exchange(&mut self, exchange: Exchange, now: Monotonic) {
        let Exchange { network, inputs, watched } = exchange;
        let wall = &self.wall.clock;
        for input in &mut self.inputs {
            if let Input::Video(input) = input {
                input.finish(now, wall);
            }
        }
        self.leave_tracks(&inputs, now);
        // Behind the last report of each, so that none of the next ones has its index.
        let kept = self.kept(now);
        self.unwatch();
        let mut old = std::mem::take(&mut self.inputs);
        self.inputs = inputs.into_iter().map(|input| input.begin(&kept, now)).collect();
        (self.network, self.watched) = (network, watched);
        for input in &mut self.inputs {
            old.iter_mut().for_each(|before| input.inherit(before));
        }
        let mut before: Vec<_> = old.iter_mut().flat_map(Input::tracks_mut).collect();
        for track in self.inputs.iter_mut().flat_map(Input::tracks_mut) {
            before.iter_mut().for_each(|before| track.take_over(before));
        }
        self.end_orphans();
        beside::close(old);
        for input in &mut self.inputs {
            input.begin(now);
            input.rescan(now);
        }
        self.schedule_reports(now);
    }

    /// Sends BYE to viewers who will receive no more of a track.
    fn leave_tracks(&mut self, next: &[OpenedInput], now: Monotonic) {
        let Self { inputs, wall, cname, .. } = self;
        for track in inputs.iter_mut().flat_map(Input::tracks_mut) {
            let goes_on = next.iter().flat_map(OpenedInput::tracks).any(|it| it.continues(track));
            if !goes_on {
                track.bye(now, &wall.clock, cname);
            }
        }
    }

    /// Changes only the way of sending.
    fn adjust(&mut self, new: &Settings, now: Monotonic) {
        if let Some(protection) = &new.protection {
            if new.protection != self.settings.protection {
                let tracks = self.inputs.iter_mut().flat_map(Input::tracks_mut);
                tracks.for_each(|track| track.protect(protection, now));
            }
        }
        let sounds: Vec<_> = self.inputs.iter().filter_map(Input::sound).collect();
        let mut nth = 0;
        for input in &mut self.inputs {
            match input {
                Input::Video(input) => {
                    let index = input.index();
                    if let Some(InputSettings::Video(video)) = new.inputs.get(index) {
                        let sound = sounds.get(nth).copied();
                        let adjusting =
                            Adjusting { settings: new, video, sound, waker: &self.waker };
                        input.adjust(&adjusting, now);
                    }
                    nth += 1;
                }
                Input::Audio(input) => input.adjust(new, now),
            }
        }
    }

    /// Announces these sessions from now on, which take the place of those before; of other tracks,
    /// if they were `exchanged`.
    fn announce_by(&mut self, mut sessions: Vec<Session>, exchanged: bool) {
        let packet_size = parts::packet_size(&self.settings);
        for old in &mut self.sessions {
            let mut next = sessions.iter_mut().find(|next| next.tier() == old.tier());
            // The description may have changed meanwhile.
            match &mut next {
                Some(next) if exchanged => {
                    next.description.changes = old.description.changes + 1;
                }
                Some(next) => {
                    next.description.clone_from(&old.description);
                    next.description.resize(packet_size);
                    next.description.move_to(self.settings.room.as_deref());
                }
                None => {}
            }
            match (&mut old.announcer, next.and_then(|next| next.announcer.as_ref())) {
                (Some(old), None) => old.delete(),
                (Some(old), Some(new)) => old.delete_sound(new),
                (None, _) => {}
            }
        }
        for session in &mut sessions {
            session.description.synchronised = self.wall.synchronised;
            session.description.rtsp = self.server.port();
        }
        self.last_id = last_id(sessions.iter().map(|it| &it.description), self.last_id);
        self.sessions = sessions;
        self.watch_announcers();
    }
}

/// New inputs, to take the place of those that there are.
struct Exchange {
    network: Network,
    inputs: Vec<OpenedInput>,
    watched: Watched,
}
