//! A changed configuration, taken on while the session goes on. What can fail is done first; then all
//! is exchanged at once. Streams keep their SSRC, and their numbers and clocks go on, so that viewers
//! stay. Sources, sockets and repair are kept where only the way of sending changes, and opened anew
//! where more does: a device that the session itself still has is waited for, and is there at once.

use super::start::{self, Kept};
use super::watch::Watched;
use super::{Daemon, Error, Network, Video, Wall};
use crate::announce::Announcer;
use crate::capture::source::{self, Setting, VideoSource};
use crate::clock::unix_offset_nanos;
use crate::control::Answer;
use crate::daemon::audio::Audio;
use crate::description::Description;
use crate::options::StreamOptions;
use crate::settings::{self, Settings, Wait};
use std::sync::Arc;
use streamsocket_stream::clock::Monotonic;

/// What a session is exchanged for.
struct Next {
    network: Network,
    description: Description,
    video: Option<Video>,
    audio: Option<Audio>,
}

impl Daemon {
    /// The configuration that these options name can be read again from now on.
    pub fn read_again(&mut self, options: StreamOptions) {
        self.options = options.config.is_some().then_some(options);
    }

    /// Reads the configuration again and takes it on. If it is wrong, or what it names cannot be
    /// opened, the session goes on as it was.
    pub(super) fn reload(&mut self, now: Monotonic) -> Answer {
        self.notifier.reloading(now);
        let result = self.reread(now);
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

    fn reread(&mut self, now: Monotonic) -> Result<bool, Error> {
        let Some(options) = self.options.clone() else {
            return Err(Error("it was started without --config: there is nothing to read".into()));
        };
        let checked = settings::load(options).and_then(|it| it.verify().map(|()| it));
        let new = checked.map_err(|error| Error(error.to_string()))?;
        if new == self.settings {
            return Ok(false);
        }
        if new.name != self.settings.name {
            return Err(Error("name: a session gets another one by a restart only".into()));
        }
        self.take_on(new, now)?;
        Ok(true)
    }

    fn take_on(&mut self, new: Settings, now: Monotonic) -> Result<(), Error> {
        let drawn = self.video.as_ref().is_some_and(|video| {
            matches!(video.source(), VideoSource::Pattern(_) | VideoSource::Preloaded(_))
        });
        let light =
            self.settings.sent_as(&new) == new && !(drawn && self.settings.quality != new.quality);
        let next = if light { None } else { Some(self.prepare(&new, now)?) };
        let description = next.as_ref().map_or(&self.wall.description, |next| &next.description);
        let sdp = description.text().map_err(|_| Error("it cannot be described".into()))?;
        let network = next.as_ref().map_or(&self.network, |next| &next.network);
        let announcer = start::announcer(&new, &sdp, network)?;
        let moved = new.stats != self.settings.stats;
        let stats = new.stats.as_deref().filter(|_| moved).map(start::open_stats).transpose()?;
        if let Some(path) = new.sdp.as_ref().filter(|_| new.sdp != self.settings.sdp) {
            start::write_sdp(path, &sdp)?;
        }
        // Nothing fails from here on.
        if moved {
            self.stats = stats;
        }
        self.wall.sdp.clone_from(&new.sdp);
        self.announce_by(announcer);
        match next {
            Some(next) => self.exchange(next, now)?,
            None => self.adjust(&new, now),
        }
        self.settings = new;
        self.describe_anew(now);
        Ok(())
    }

    /// Opens what the new settings name, beside what is open.
    fn prepare(&self, new: &Settings, now: Monotonic) -> Result<Next, Error> {
        let mut asked = new.clone();
        if new.to == self.settings.to {
            // A group that was found stays: it would be found to be in use, by this session.
            asked.to.clone_from(&self.network.destinations);
        }
        if asked.wait == Wait::Never {
            // For the device that this session has: it is let go of in a moment.
            asked.wait = Wait::Busy;
        }
        let network = start::find_network(&asked, &self.name)?;
        let waker = Arc::clone(&self.waker);
        let setting =
            Setting { epoch: now, unix_offset: unix_offset_nanos(), waker: Arc::clone(&waker) };
        let sources = source::open(&asked, &setting)?;
        let Wall { clock, description: old, .. } = &self.wall;
        let names = (self.name.as_str(), self.cname.as_str());
        let mut description = start::describe(&asked, &network, names, clock.unix_nanos(now));
        description.session_id = old.session_id;
        description.changes = old.changes + 1;
        let kept = Kept {
            now,
            video: self.video.as_ref().map(|video| video.kept(now)),
            audio: self.audio.as_ref().map(|audio| audio.kept(audio.instant(now, clock).0)),
        };
        let opened = (sources, waker);
        let (video, audio) = start::streams(opened, &kept, &asked, &network, &mut description)?;
        Ok(Next { network, description, video, audio })
    }

    /// What was prepared takes the place of what was open, which closes.
    fn exchange(&mut self, next: Next, now: Monotonic) -> Result<(), Error> {
        if let Some(video) = &mut self.video {
            video.finish(now);
        }
        self.leave_streams(&next, now);
        (self.video, self.audio) = (next.video, next.audio);
        (self.network, self.wall.description) = (next.network, next.description);
        self.watched = Watched::default();
        if let Some(video) = &mut self.video {
            video.begin(now);
            video.look(now);
        }
        if let Some(audio) = &mut self.audio {
            audio.begin(now);
            audio.look(now);
        }
        self.watch_rtcp()?;
        self.watch_sources()?;
        self.hasten_reports(now);
        start::say_what_is_sent(self);
        Ok(())
    }

    /// Says goodbye where viewers will hear no more of a stream.
    fn leave_streams(&mut self, next: &Next, now: Monotonic) {
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
    }

    fn announce_by(&mut self, announcer: Option<Announcer>) {
        if let (Some(old), None) = (&mut self.announcer, &announcer) {
            old.delete();
        }
        self.announcer = announcer;
    }
}
