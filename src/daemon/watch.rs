//! Registers descriptors with the loop, also when a device returns with other ones.

use super::opening::Opened;
use super::state::Daemon;
use super::tokens::{ASKED, CHANGES, HOTPLUG, RTCP, SIGNAL, TIMER};
use super::watched::{Watched, watch};
use crate::capture::hotplug::Hotplug;
use crate::publish::announce::Announcer;
use mio::Token;
use mio::unix::SourceFd;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use streamsocket_media::clock::Monotonic;

impl Daemon {
    /// Watches everything that exists from the start.
    pub(super) fn watch_all(&mut self) -> io::Result<()> {
        self.watch(self.timer.descriptor(), TIMER)?;
        self.watch(self.signals.descriptor(), SIGNAL)?;
        if let Some(hotplug) = &self.hotplug {
            self.watch(hotplug.descriptor(), HOTPLUG)?;
        }
        if let Some(changes) = &self.changes {
            self.watch(changes.as_raw_fd(), CHANGES)?;
        }
        self.watch_rtcp()?;
        self.watch_announcer();
        self.watch_sources();
        Ok(())
    }

    /// Watches the socket for viewers' questions. Without it they wait for the next regular
    /// announcement.
    pub(super) fn watch_announcer(&self) {
        let descriptor = self.announcer.as_ref().and_then(Announcer::descriptor);
        if let Some(Err(error)) = descriptor.map(|descriptor| self.watch(descriptor, ASKED)) {
            log::debug!("viewers who look for sessions are not heard: {error}");
        }
    }

    /// Watches every socket that reports may arrive at; those watched already stay so.
    pub(super) fn watch_rtcp(&self) -> io::Result<()> {
        let registry = self.poll.registry();
        self.rtcp_descriptors().try_for_each(|descriptor| watch(registry, descriptor, RTCP))
    }

    /// Watches the sources' descriptors, if they have changed. A failure is retried in the next
    /// turn.
    pub(super) fn watch_sources(&mut self) {
        let registry = self.poll.registry();
        let mut watched = self.watched;
        let video =
            self.video.as_ref().map_or(Ok(()), |video| watched.video(registry, video.source()));
        let audio =
            self.audio.as_ref().map_or(Ok(()), |audio| watched.audio(registry, audio.source()));
        let failed = video.and(audio).err();
        if let Some(error) = failed.as_ref().filter(|_| !watched.failing) {
            log::warn!("a device cannot be watched: {error}; trying again");
        }
        watched.failing = failed.is_some();
        self.watched = watched;
    }

    /// Watches what a reload has opened, beside what the session has.
    pub(super) fn watch_opened(&self, opened: &Opened) -> io::Result<Watched> {
        let registry = self.poll.registry();
        let mut watched = Watched::default();
        if let Some(video) = &opened.video {
            watched.video(registry, &video.source)?;
            video.transport.descriptors().try_for_each(|it| watch(registry, it, RTCP))?;
        }
        if let Some(audio) = &opened.audio {
            watched.audio(registry, &audio.source)?;
            audio.transport.descriptors().try_for_each(|it| watch(registry, it, RTCP))?;
        }
        Ok(watched)
    }

    /// Stops watching sources and sockets, which are about to be closed, but not at once.
    pub(super) fn unwatch(&self) {
        let video = self.video.as_ref().and_then(|video| video.source().descriptor().0);
        let audio = self.audio.as_ref().map(|audio| audio.source().descriptors());
        let sources = video.into_iter().chain(audio.into_iter().flatten());
        for descriptor in sources.chain(self.rtcp_descriptors()) {
            // A failure means that it was not watched.
            let _ = self.poll.registry().deregister(&mut SourceFd(&descriptor));
        }
    }

    /// Devices have come or gone: sources that wait for one look again.
    pub(super) fn rescan_devices(&mut self, now: Monotonic) {
        if !self.hotplug.as_ref().is_some_and(Hotplug::read) {
            return;
        }
        if let Some(video) = &mut self.video {
            video.rescan(now);
        }
        if let Some(audio) = &mut self.audio {
            audio.rescan(now);
        }
    }

    fn watch(&self, descriptor: RawFd, token: Token) -> io::Result<()> {
        watch(self.poll.registry(), descriptor, token)
    }
}
