//! Follows the network: an interface that goes down and comes back, or gets another address.
//! Tracks continue with the same numbers; only their source address changes.

use super::state::Daemon;
use crate::publish::relay::Relay;
use crate::publish::sink::Sink;
use crate::settings::Destination;
use std::net::IpAddr;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::{Changes, Interface};

impl Daemon {
    /// Links or addresses have changed.
    pub(super) fn hear_of_network(&mut self, now: Monotonic) {
        if self.changes.as_ref().is_some_and(Changes::read) {
            self.follow_network(now);
            if let Some(open) = self.relay.as_mut().and_then(Relay::open_mut) {
                open.look_around();
            }
        }
    }

    /// Checks the network while sending fails: the kernel does not report every change.
    pub(super) fn retry_network(&mut self, now: Monotonic) {
        if self.sinks().any(Sink::is_failing) {
            self.follow_network(now);
        }
    }

    fn sinks(&self) -> impl Iterator<Item = &Sink> {
        self.tracks().flat_map(|track| track.transport().sinks().iter())
    }

    pub(super) fn follow_network(&mut self, now: Monotonic) {
        let Some(interface) = self.network.usable() else { return };
        let index = self.network.interface.as_ref().map(|known| known.index);
        let left = |sink: &Sink| sink.has_left(&interface.addresses);
        if index == Some(interface.index) && !self.sinks().any(left) {
            return;
        }
        if let Err(error) = self.reopen(&interface, now) {
            // Tried again with the next change, or when sending fails.
            log::debug!("{interface}: {error}");
            return;
        }
        log::info!("{} is now sent from {interface}", self.name);
        self.network.interface = Some(interface);
    }

    fn reopen(&mut self, interface: &Interface, now: Monotonic) -> Result<(), String> {
        let ttl = self.network.ttl;
        let reopened = self.tracks_mut().map(|track| track.reopen(interface, ttl));
        let reopened = reopened.fold(Ok(()), Result::and);
        // Sockets that could be opened are watched and used, even if others failed.
        let watched = self.watch_rtcp().map_err(|error| error.to_string());
        let first = self.network.destinations().first().map(Destination::address);
        let own = interface.addresses.iter().find(|own| match first {
            Some(IpAddr::V6(_)) => own.is_ipv6(),
            // To a relay alone it goes from where IPv4 does, if there is any.
            _ => interface.address.map_or(own.is_ipv6(), |address| **own == address),
        });
        if let Some(origin) = own.filter(|own| **own != self.network.origin) {
            self.network.origin = *origin;
            for session in &mut self.sessions {
                session.description.origin = *origin;
                session.description.changes += 1;
            }
        }
        let origin = self.network.origin;
        let announcers = self.sessions.iter_mut().filter_map(|it| it.announcer.as_mut());
        let moved = announcers.map(|announcer| announcer.move_to(origin, interface));
        let moved = moved.fold(Ok(()), Result::and);
        self.watch_announcers();
        self.describe_anew(now);
        self.schedule_reports(now);
        reopened.and(watched).and(moved)
    }
}
