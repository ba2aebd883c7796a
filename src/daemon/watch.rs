//! Registers descriptors with the loop, also when a device returns with other ones.

use super::input::{Input, OpenedInput};
use super::registry::{Event, Registry};
use super::state::Daemon;
use super::watched::Watched;
use crate::capture::hotplug::Hotplug;
use crate::publish::announce::Announcer;
use crate::publish::transport::Transport;
use std::io;
use std::os::fd::AsRawFd;
use streamsocket_media::clock::Monotonic;

impl Daemon {
    /// Watches everything that exists from the start.
    pub(super) fn watch_all(&mut self) -> io::Result<()> {
        let registry = &mut self.registry;
        registry.watch(self.timer.descriptor(), Event::Timer)?;
        registry.watch(self.signals.descriptor(), Event::Signal)?;
        if let Some(hotplug) = &self.hotplug {
            registry.watch(hotplug.descriptor(), Event::Hotplug)?;
        }
        if let Some(changes) = &self.changes {
            registry.watch(changes.as_raw_fd(), Event::Network)?;
        }
        self.watch_rtcp()?;
        self.watch_announcers();
        self.watch_sources();
        self.watch_listener()
    }

    /// Watches the sockets for viewers' questions. Without them they wait for the next regular
    /// announcement.
    pub(super) fn watch_announcers(&mut self) {
        for (session, it) in self.sessions.iter().enumerate() {
            let descriptor = it.announcer.as_ref().and_then(Announcer::descriptor);
            let watch = |it| self.registry.watch(it, Event::Asked { session });
            if let Some(Err(error)) = descriptor.map(watch) {
                log::debug!("viewers who look for sessions are not heard: {error}");
            }
        }
    }

    /// Watches where players connect, if they do.
    pub(super) fn watch_listener(&mut self) -> io::Result<()> {
        let listener = self.server.listener.as_ref().map(AsRawFd::as_raw_fd);
        listener.map_or(Ok(()), |it| self.registry.watch(it, Event::Connecting))
    }

    /// Watches every socket that reports may arrive at; those watched already stay so.
    pub(super) fn watch_rtcp(&mut self) -> io::Result<()> {
        for (index, input) in self.inputs.iter().enumerate() {
            let transports = input.tracks().map(|track| track.transport());
            watch_reports(&mut self.registry, index, transports)?;
        }
        Ok(())
    }

    /// Watches the sources' descriptors, if they have changed. A failure is retried in the next
    /// turn.
    pub(super) fn watch_sources(&mut self) {
        let Self { registry, watched, inputs, .. } = self;
        let mut failed = None;
        for (index, input) in inputs.iter().enumerate() {
            failed = input.watch(index, watched, registry).err().or(failed);
        }
        if let Some(error) = failed.as_ref().filter(|_| !watched.failing) {
            log::warn!("a device cannot be watched: {error}; trying again");
        }
        watched.failing = failed.is_some();
    }

    /// Watches what a reload has opened, beside what the session has.
    pub(super) fn watch_opened(&mut self, opened: &[OpenedInput]) -> io::Result<Watched> {
        let mut watched = Watched::default();
        for (index, input) in opened.iter().enumerate() {
            input.watch(index, &mut watched, &mut self.registry)?;
            let transports = input.tracks().map(|track| &track.transport);
            watch_reports(&mut self.registry, index, transports)?;
        }
        Ok(watched)
    }

    /// Stops watching sources and sockets, which are about to be closed, but not at once.
    pub(super) fn unwatch(&self) {
        let sources = self.inputs.iter().flat_map(Input::descriptors);
        let sockets = self.tracks().flat_map(|track| track.transport().descriptors());
        sources.chain(sockets).for_each(|descriptor| self.registry.unwatch(descriptor));
    }

    /// Devices have come or gone: sources that wait for one look again.
    pub(super) fn rescan_devices(&mut self, now: Monotonic) {
        if self.hotplug.as_ref().is_some_and(Hotplug::read) {
            self.inputs.iter_mut().for_each(|input| input.rescan(now));
        }
    }
}

/// Watches the sockets of an input's tracks, one for each branch, for reports.
fn watch_reports<'a>(
    registry: &mut Registry,
    input: usize,
    transports: impl Iterator<Item = &'a Transport>,
) -> io::Result<()> {
    for (branch, transport) in transports.enumerate() {
        for descriptor in transport.descriptors() {
            registry.watch(descriptor, Event::Reports { input, branch })?;
        }
    }
    Ok(())
}
