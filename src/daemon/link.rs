//! The network under the session: an interface that goes down and comes back, or gets another address,
//! is followed. Streams go on with the same numbers; only where packets come from changes.

use super::{Daemon, RTCP};
use crate::output::Output;
use crate::settings::Destination;
use mio::Interest;
use mio::unix::SourceFd;
use std::io;
use std::net::IpAddr;
use streamsocket_net::{Changes, Interface};
use streamsocket_stream::clock::Monotonic;

/// Where a session goes and by which interface.
pub(super) struct Network {
    pub(super) interface: Option<Interface>,
    pub(super) destinations: Vec<Destination>,
    pub(super) origin: IpAddr,
    pub(super) ttl: u8,
}

impl Network {
    /// The interface as it is now, if it is usable and packets would have to leave from another
    /// address or by another adapter than until now.
    fn moved(&self) -> Option<Interface> {
        let known = self.interface.as_ref()?;
        let mut found = Interface::named(&known.name).ok().filter(|found| found.up)?;
        let kept = known.address.filter(|kept| found.addresses.contains(&IpAddr::V4(*kept)));
        found.address = kept.or(found.address);
        let same = found.index == known.index && found.address == known.address;
        (!same && found.address.is_some()).then_some(found)
    }
}

impl Daemon {
    /// Links or addresses have changed.
    pub(super) fn hear_of_network(&mut self, now: Monotonic) {
        if self.changes.as_ref().is_some_and(Changes::read) {
            self.follow_network(now);
        }
    }

    /// Looks again while sending fails: not every change is told.
    pub(super) fn retry_network(&mut self, now: Monotonic) {
        if self.outputs().any(Output::is_failing) {
            self.follow_network(now);
        }
    }

    fn outputs(&self) -> impl Iterator<Item = &Output> {
        let video = self.video.iter().flat_map(|video| video.outputs());
        let audio = self.audio.iter().flat_map(|audio| audio.outputs());
        video.chain(audio).flatten()
    }

    fn follow_network(&mut self, now: Monotonic) {
        let Some(interface) = self.network.moved() else { return };
        if let Err(error) = self.reopen(&interface, now) {
            // It is tried again with the next news, or when sending fails.
            log::debug!("{interface}: {error}");
            return;
        }
        log::info!("{} is now sent from {interface}", self.name);
        self.network.interface = Some(interface);
    }

    fn reopen(&mut self, interface: &Interface, now: Monotonic) -> Result<(), String> {
        let ttl = self.network.ttl;
        if let Some(video) = &mut self.video {
            video.reopen(interface, ttl)?;
        }
        if let Some(audio) = &mut self.audio {
            audio.reopen(interface, ttl)?;
        }
        self.watch_rtcp().map_err(|error| error.to_string())?;
        let to_group = |to: &Destination| to.address.is_ipv4() && to.address.is_multicast();
        if let (Some(address), true) =
            (interface.address, self.network.destinations.first().is_some_and(to_group))
        {
            self.network.origin = IpAddr::V4(address);
            self.wall.description.origin = self.network.origin;
            self.wall.description.changes += 1;
            if let Some(announcer) = &mut self.announcer {
                announcer.move_to(self.network.origin, interface)?;
            }
            self.describe_anew(now);
        }
        self.hasten_reports(now);
        Ok(())
    }

    /// Watches every socket that reports may come to; those that are watched already stay so.
    pub(super) fn watch_rtcp(&self) -> io::Result<()> {
        for descriptor in self.rtcp_descriptors() {
            let mut source = SourceFd(&descriptor);
            match self.poll.registry().register(&mut source, RTCP, Interest::READABLE) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}
