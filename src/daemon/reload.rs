//! A changed configuration, taken on while the session goes on. What it names is opened beside the loop,
//! however long that takes; then all is exchanged at once, which cannot fail. Streams keep their SSRC,
//! and their numbers and clocks go on, so that viewers stay. Sources, sockets and repair are kept where
//! only the way of sending changes, and opened anew where more does: a device that the session itself
//! still has is waited for, and is there at once.

use super::opening::{self, Kept, Opened, Order};
use super::watch::Watched;
use super::{Daemon, Error, Network, Wall, start};
use crate::beside::{self, Panicked, Work};
use crate::capture::source::VideoSource;
use crate::control::Answer;
use crate::options::StreamOptions;
use crate::publish::announce::Announcer;
use crate::publish::description::Description;
use crate::settings::{self, Settings, Wait};
use std::sync::Arc;
use std::time::Duration;
use streamsocket_journal::lines::Lines;
use streamsocket_stream::clock::Monotonic;

/// What a configuration names is open within this: an address that answers as late as it may takes
/// 45 s. After it a driver hangs, and its thread is left alone.
const OPENING_MAX: Duration = Duration::from_secs(55);

/// A configuration that is being taken on.
pub(super) struct Reloading {
    work: Work<Result<Option<Changed>, Error>>,
    until: Monotonic,
}

/// What is known of the session when a configuration is read again.
struct Before {
    options: StreamOptions,
    /// Its settings are those of the session so far.
    order: Order,
    network: Network,
    description: Description,
    /// The pictures are made here, in a quality that is theirs from the beginning.
    drawn: bool,
}

/// A changed configuration, and all that it needs.
struct Changed {
    settings: Settings,
    /// What a session is exchanged for, if more than the way of sending changes.
    opened: Option<Opened>,
    announcer: Option<Announcer>,
    /// Where statistics go from now on, if that changes.
    stats: Option<Option<Lines>>,
    /// The description, if it is to be written elsewhere from now on.
    told: Option<String>,
}

impl Reloading {
    /// When it is looked at, if it is not ready before.
    pub(super) const fn deadline(&self) -> Monotonic {
        self.until
    }
}

impl Daemon {
    /// Begins to read the configuration again and to open what it names. If it is wrong, or that cannot
    /// be opened, the session goes on as it was. The answer, if it is known already.
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

    /// The same, asked for by a signal, to which nothing can be answered: it is done in any case.
    pub(super) fn reload_by_signal(&mut self, now: Monotonic) {
        self.reload_again = self.reloading.is_some();
        if !self.reload_again {
            let _said = self.reload(now);
        }
    }

    /// Takes on what has been opened, if it is there.
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

    /// The session ends, and takes nothing on any more.
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
        // Not before it is certain that nobody has given up meanwhile.
        let path = settings.sdp.as_deref().zip(told);
        let told = path.map(|(path, sdp)| start::write_sdp(path, &sdp)).transpose()?.flatten();
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

    /// What was opened takes the place of what was open before, which is closed beside the loop.
    fn exchange(&mut self, mut opened: Opened, watched: Watched, now: Monotonic) {
        if let Some(video) = &mut self.video {
            video.finish(now);
        }
        let Wall { clock, description, .. } = &self.wall;
        // It may have changed while this was opened.
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
        start::say_what_is_sent(self);
        // The interface may have got another address while this was opened.
        self.follow_network(now);
    }

    /// Says goodbye where viewers will hear no more of a stream.
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

    /// Sends in another way what is sent.
    fn adjust(&mut self, new: &Settings, now: Monotonic) {
        let sound = self.audio.as_ref().map(|audio| audio.source().format());
        let sending = start::sending(new, sound);
        if let Some(video) = &mut self.video {
            let normaliser = start::normaliser(video.name(), new, Arc::clone(&self.waker));
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

/// Reads the configuration and opens what it needs; nothing if it is the same as before.
fn reread(before: Before) -> Result<Option<Changed>, Error> {
    let Before { options, mut order, network, mut description, drawn } = before;
    let checked = settings::load(options).and_then(|it| it.verify().map(|()| it));
    let new = checked.map_err(|error| Error(error.to_string()))?;
    let old = order.settings;
    if new == old {
        return Ok(None);
    }
    if new.name != old.name {
        return Err(Error("name: a session gets another one by a restart only".into()));
    }
    let light = old.sent_as(&new) == new && !(drawn && old.quality != new.quality);
    order.settings = asked(&new, &old, &network);
    let mut opened = if light { None } else { Some(opening::open(&order)?) };
    description.resize(start::packet_size(&new));
    if let Some(Opened { description: next, .. }) = &mut opened {
        (next.session_id, next.changes) = (description.session_id, description.changes + 1);
    }
    let described = opened.as_ref().map_or(&description, |opened| &opened.description);
    let undescribed = |_| Error("it cannot be described".into());
    let sdp = described.text().map_err(undescribed)?;
    let sound = described.sound_text().map_err(undescribed)?;
    let network = opened.as_ref().map_or(&network, |opened| &opened.network);
    let announcer = start::announcer(&new, (&sdp, sound.as_deref()), network)?;
    let moved = new.stats != old.stats;
    let stats = moved.then(|| new.stats.as_deref().map(start::open_stats).transpose());
    let stats = stats.transpose()?;
    let told = new.sdp.as_ref().is_some_and(|_| new.sdp != old.sdp).then_some(sdp);
    Ok(Some(Changed { settings: new, opened, announcer, stats, told }))
}

/// What is asked of the machine for these settings while the session before still has its own.
fn asked(new: &Settings, old: &Settings, network: &Network) -> Settings {
    let mut asked = new.clone();
    if new.to == old.to {
        // A group that was found stays: it would be found to be in use, by this session.
        asked.to.clone_from(&network.destinations);
    }
    if asked.wait == Wait::Never {
        // For the device that this session has: it is let go of in a moment.
        asked.wait = Wait::Busy;
    }
    asked
}
