//! The sockets of a search: on which announcements are heard, and on which it is tried whether anything comes
//! of a session.

use super::candidates::Candidates;
use crate::intake::asked_of;
use crate::plan::{Error, Plan};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;
use streamsocket_net::{Interface, ReceiveSocket};
use streamsocket_wire::sap::{Announcement, GROUP_ADMIN, GROUP_GLOBAL, GROUP_SITE, PORT};
use streamsocket_wire::{rtcp, rtp};

/// Ears for one session.
pub(super) struct Probe {
    plan: Plan,
    /// Each with the payload type that its packets have; none for reports.
    sockets: Vec<(ReceiveSocket, Option<u8>)>,
}

impl Probe {
    /// Joins a session, as the receiver will.
    ///
    /// # Errors
    /// One line: why it cannot be joined.
    pub(super) fn open(plan: Plan, interface: Option<&Interface>) -> Result<Self, Error> {
        let source = (plan.source, plan.only_from_source);
        let mut sockets = Vec::new();
        for stream in [&plan.video, &plan.audio].into_iter().flatten() {
            let types = [(stream.rtp, Some(stream.payload_type)), (stream.rtcp, None)];
            for (address, payload_type) in types {
                let opened = ReceiveSocket::open(address, interface, asked_of(stream, source));
                let socket = opened.map_err(|error| Error(error.to_string()))?;
                sockets.push((socket, payload_type));
            }
        }
        Ok(Self { plan, sockets })
    }

    /// The session, if something came of it: packets of its streams, or reports.
    fn heard(&mut self) -> Option<Plan> {
        let wanted = self.plan.source.filter(|_| self.plan.only_from_source);
        let mut heard = false;
        for (socket, payload_type) in &mut self.sockets {
            // What cannot be received from is silent.
            let _ = socket.receive(&mut |received| {
                let known = match payload_type {
                    Some(known) => rtp::Packet::parse(received.data)
                        .is_ok_and(|packet| packet.header().payload_type == *known),
                    None => rtcp::packets(received.data).is_ok(),
                };
                heard |= known && wanted.is_none_or(|wanted| wanted == received.from.ip());
            });
        }
        heard.then(|| self.plan.clone())
    }
}

/// The sockets on which announcements are heard.
pub(super) struct Ears {
    sockets: Vec<ReceiveSocket>,
}

impl Ears {
    pub(super) fn open(interface: Option<&Interface>) -> Result<Self, Error> {
        let groups = [IpAddr::V4(GROUP_ADMIN), IpAddr::V4(GROUP_GLOBAL), IpAddr::V6(GROUP_SITE)];
        let opened =
            groups.map(|group| ReceiveSocket::open(SocketAddr::new(group, PORT), interface, None));
        let (mut sockets, mut why) = (Vec::new(), None);
        for socket in opened {
            // A network without IPv4, or without IPv6, has the other.
            match socket {
                Ok(socket) => sockets.push(socket),
                Err(error) => why = why.or(Some(error)),
            }
        }
        match why {
            Some(error) if sockets.is_empty() => Err(Error(format!(
                "announcements cannot be heard: {error}; name an SDP file or rtp://ADDRESS:PORT"
            ))),
            _ => Ok(Self { sockets }),
        }
    }

    /// Waits so long at most, and hands over the announcements that have come, each with who sent it. What is
    /// none is passed over. Returns a session that something came of.
    pub(super) fn listen(
        &mut self,
        wait: Duration,
        candidates: &mut Candidates<Probe>,
        each: &mut dyn FnMut(&Announcement<'_>, IpAddr),
    ) -> Result<Option<Plan>, Error> {
        let timeout = PollTimeout::try_from(wait).unwrap_or(PollTimeout::ZERO);
        let tried = candidates.probes().flat_map(|probe| probe.sockets.iter());
        let sockets = self.sockets.iter().chain(tried.map(|(socket, _)| socket));
        let mut descriptors: Vec<_> =
            sockets.map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN)).collect();
        // Interrupted or not, what is there is read.
        let _ = poll(&mut descriptors, timeout);
        drop(descriptors);
        if let Some(plan) = candidates.probes().find_map(Probe::heard) {
            return Ok(Some(plan));
        }
        for socket in &mut self.sockets {
            let taken = socket.receive(&mut |received| {
                if let Ok(announcement) = Announcement::parse(received.data) {
                    each(&announcement, received.from.ip());
                }
            });
            taken.map_err(|error| Error(format!("announcements cannot be heard: {error}")))?;
        }
        Ok(None)
    }
}
