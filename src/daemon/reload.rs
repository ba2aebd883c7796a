//! Takes on a changed configuration while the session continues. What it names is opened beside the
//! loop; then everything is exchanged in one step that cannot fail. Streams keep their SSRC,
//! sequence numbers and clocks, so that viewers stay. Sources, sockets and repair are kept if only
//! the way of sending changes, and reopened otherwise; a device that the session itself still has
//! is waited for.

use super::change::{Before, Changed, OPENING_MAX, Reloading, reread};
use super::error::Error;
use super::figures::say_what_is_sent;
use super::opening::{Kept, Opened, Order};
use super::parts;
use super::state::Daemon;
use super::wall::Wall;
use super::watched::Watched;
use crate::beside::{self, Panicked, Work};
use crate::capture::source::VideoSource;
use crate::control::Answer;
use crate::options::StreamOptions;
use crate::publish::announce::Announcer;
use crate::settings::Settings;
use std::sync::Arc;
use streamsocket_media::clock::Monotonic;

impl Daemon {
    /// Begins a reload. If the configuration is wrong, or cannot be opened, the session continues
    /// unchanged. Returns the answer, if it is known already.
    pub(super) fn reload(&mut self, now: Monotonic) -> Option<Answer> {
        if self.reloading.is_some() {
            let busy = "the configuration is being read again already: ask again when that is done";
            return Some(Answer::Error(busy.into()));
        }
        let Some(options) = self.options.clone() else {
            let none = "it was started without --config: there is nothing to read";
            return Some(self.reloaded(Err(Error(none.into()))));
        };
        self.notifier.reloading(now);
        let before = self.before(options);
        match Work::begin("reload", Arc::clone(&self.waker), move || reread(before)) {
            Ok(work) => {
                self.reloading = Some(Reloading { work, until: now + OPENING_MAX });
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
            let _said = self.reload(now);
        }
    }

    /// Takes on what was opened, if it is ready.
    pub(super) fn finish_reload(&mut self, now: Monotonic) {
        let Some(Reloading { work, until }) = &mut self.reloading else { return };
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
        self.reloading = None;
        let result = ended.and_then(|changed| {
            changed.map_or(Ok(false), |changed| self.take_on(changed, now).map(|()| true))
        });
        let answer = self.reloaded(result);
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

    fn reloaded(&self, result: Result<bool, Error>) -> Answer {
        self.notifier.ready();
        match result {
            Ok(changed) => {
                let what = if changed { "changed: applied" } else { "the same as before" };
                log::info!("the configuration is {what}");
                Answer::Reloaded(changed)
            }
            Err(error) => {
                log::error!("{error}; going on as before");
                Answer::Error(format!("{error}; it goes on as before"))
            }
        }
    }

    fn before(&self, options: StreamOptions) -> Before {
        let video = self.video.as_ref();
        let audio = self.audio.as_ref();
        let source = video.map(|video| video.source());
        let drawn = matches!(source, Some(VideoSource::Pattern(_) | VideoSource::Preloaded(_)));
        let read = source.filter(|source| matches!(source, VideoSource::Stream(_)));
        let kept = Kept {
            video: video.map(|video| video.ssrc()),
            audio: audio.map(|audio| (audio.source().format(), audio.ssrc())),
            standard_input: read.map(VideoSource::format),
        };
        let order = Order {
            settings: self.settings.clone(),
            name: self.name.clone(),
            cname: self.cname.clone(),
            waker: Arc::clone(&self.waker),
            kept,
        };
        let (network, description) = (self.network.clone(), self.wall.description.clone());
        Before { options, order, network, description, drawn }
    }

    fn take_on(&mut self, changed: Changed, now: Monotonic) -> Result<(), Error> {
        let Changed { settings, opened, announcer, stats, told } = changed;
        // Only when it is certain that the reload was not given up.
        let path = settings.sdp.as_deref().zip(told);
        let told = path.map(|(path, sdp)| parts::write_sdp(path, &sdp)).transpose()?.flatten();
        let opened = match opened {
            Some(opened) => Some((self.watch_opened(&opened)?, opened)),
            None => None,
        };
        // Nothing fails from here on.
        if let Some(stats) = stats {
            self.stats = stats;
        }
        self.wall.sdp.clone_from(&settings.sdp);
        self.wall.told = told.or(self.wall.told.take());
        self.announce_by(announcer);
        match opened {
            Some((watched, opened)) => self.exchange(opened, watched, now),
            None => self.adjust(&settings, now),
        }
        self.settings = settings;
        self.describe_anew(now);
        Ok(())
    }

    /// Replaces the streams by those that were opened; the old ones are closed beside the loop.
    fn exchange(&mut self, mut opened: Opened, watched: Watched, now: Monotonic) {
        if let Some(video) = &mut self.video {
            video.finish(now);
        }
        let Wall { clock, description, .. } = &self.wall;
        // These may have changed meanwhile.
        opened.description.changes = description.changes + 1;
        opened.description.synchronised = description.synchronised;
        let kept_video = self.video.as_ref().map(|video| video.kept(now));
        let kept_audio = self.audio.as_ref().map(|audio| audio.kept(audio.instant(now, clock).0));
        self.leave_streams(&opened, now);
        self.unwatch();
        let (mut old, audio) = (self.video.take(), self.audio.take());
        self.video = opened.video.map(|video| video.begin(kept_video, now));
        self.audio = opened.audio.map(|audio| audio.begin(kept_audio));
        (self.network, self.wall.description) = (opened.network, opened.description);
        self.watched = watched;
        if let (Some(video), Some(old)) = (&mut self.video, &mut old) {
            video.inherit(old);
        }
        beside::close((old, audio));
        if let Some(video) = &mut self.video {
            video.begin(now);
            video.rescan(now);
        }
        if let Some(audio) = &mut self.audio {
            audio.begin(now);
            audio.rescan(now);
        }
        self.reports_left = true;
        self.schedule_reports(now);
        say_what_is_sent(self);
        // The interface's address may have changed meanwhile.
        self.follow_network(now);
    }

    /// Sends BYE to viewers who will receive no more of a stream.
    fn leave_streams(&mut self, next: &Opened, now: Monotonic) {
        let moved = next.network.destinations != self.network.destinations;
        let described = &next.description;
        let gone = |old: Option<_>, new: Option<_>| old.is_some() && (moved || old != new);
        let old = &self.wall.description;
        let video =
            gone(old.video.as_ref().map(|it| it.1), described.video.as_ref().map(|it| it.1));
        let audio =
            gone(old.audio.as_ref().map(|it| it.1), described.audio.as_ref().map(|it| it.1));
        if let Some(stream) = self.video.as_mut().filter(|_| video) {
            let instant = stream.instant(now, &self.wall.clock);
            stream.transport.bye(instant, &self.cname);
        }
        if let Some(stream) = self.audio.as_mut().filter(|_| audio) {
            let instant = stream.instant(now, &self.wall.clock);
            stream.transport.bye(instant, &self.cname);
        }
    }

    /// Changes only the way of sending.
    fn adjust(&mut self, new: &Settings, now: Monotonic) {
        let sound = self.audio.as_ref().map(|audio| audio.source().format());
        let sending = parts::sending(new, sound);
        if let (Some(video), Some(chosen)) = (&mut self.video, new.videos().next()) {
            let normaliser = parts::normaliser(video.name(), chosen, Arc::clone(&self.waker));
            video.adjust(normaliser, sending, now);
        }
        if let Some(audio) = &mut self.audio {
            audio.adjust(sending.packet_size);
        }
        self.wall.description.resize(sending.packet_size);
    }

    fn announce_by(&mut self, announcer: Option<Announcer>) {
        match (&mut self.announcer, &announcer) {
            (Some(old), None) => old.delete(),
            (Some(old), Some(new)) => old.delete_sound(new),
            (None, _) => {}
        }
        self.announcer = announcer;
        self.watch_announcer();
    }
}
