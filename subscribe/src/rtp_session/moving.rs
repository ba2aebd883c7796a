//! Other ways for a session's packets while it goes on, and another session that takes its place: by sockets of our own, within a connection, by a group again.

use super::RtpSession;
use super::inlet::Inlet;
use super::joined::Joined;
use crate::plan::StreamPlan;
use mio::{Registry, Token};
use std::io;
use std::net::SocketAddr;
use streamsocket_net::{Interface, ReceiveSocket};
use streamsocket_stream::receive::sync::StreamClock;

/// Sockets for what one sender sends to us alone.
pub(crate) struct Sockets {
    /// RTP.
    pub(crate) rtp: ReceiveSocket,
    /// RTCP.
    pub(crate) rtcp: ReceiveSocket,
    /// Where the sender takes reports.
    pub(crate) report_to: SocketAddr,
}

/// The kinds of packets of a medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// RTP.
    Media,
    /// RTCP.
    Reports,
}

impl RtpSession {
    /// Whether it is received in another way than the plan says.
    pub(crate) const fn has_moved(&self) -> bool {
        self.moved
    }

    /// It stands by for a session of the same sender that has this clock, whose steps are its own: what comes moves nothing.
    pub(crate) const fn set_beside(&mut self, clock: StreamClock) {
        (self.stream.beside, self.stream.stands_by) = (Some(clock), true);
    }

    /// It has taken the place of that one.
    pub(crate) const fn stand_in(&mut self) {
        self.stream.stands_by = false;
    }

    /// Receives RTP there; what is queued where it came so far is read first.
    fn take_rtp(&mut self, rtp: Inlet) {
        self.dropped += self.rtp.kernel_drops();
        self.former = std::mem::replace(&mut self.rtp, rtp);
        self.former.make_ready();
    }

    /// Receives by these sockets instead of those so far, from the sender alone.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn take_sockets(&mut self, sockets: Sockets, registry: &Registry) -> io::Result<()> {
        let Sockets { rtp, rtcp, report_to } = sockets;
        self.moved = true;
        self.take_rtp(Inlet::socket(rtp, Token(self.first_token)));
        self.rtcp = Inlet::socket(rtcp, Token(self.first_token + 1));
        self.repair = Inlet::Closed;
        self.stream.peers.describe(report_to.ip());
        (self.symmetric, self.report_to) = (true, Some(report_to));
        self.register(registry)
    }

    /// Receives repair packets by this socket.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn take_repair(
        &mut self,
        socket: ReceiveSocket,
        registry: &Registry,
    ) -> io::Result<()> {
        self.repair = Inlet::socket(socket, Token(self.first_token + 2));
        self.repair.register(registry)
    }

    /// Receives within a connection to this address instead of by sockets.
    pub(crate) fn link(&mut self, to: SocketAddr) {
        self.moved = true;
        self.take_rtp(Inlet::linked(to));
        self.rtcp = Inlet::linked(to);
        // Nothing is lost on the way.
        self.repair = Inlet::Closed;
        self.stream.peers.describe(to.ip());
        self.report_to = Some(to);
    }

    /// Takes a packet that has come within the connection.
    pub(crate) fn put(&mut self, kind: Kind, packet: &[u8]) {
        match kind {
            Kind::Media => self.rtp.put(packet),
            Kind::Reports => self.rtcp.put(packet),
        }
    }

    /// The reports that are to be sent within the connection.
    pub(crate) fn outgoing(&mut self) -> impl Iterator<Item = Vec<u8>> {
        self.outgoing.drain(..)
    }

    /// Receives as the plan says, instead of by unicast.
    ///
    /// # Errors
    /// As those of [`open`](Self::open): all stays as it was.
    pub(crate) fn join(
        &mut self,
        plan: &StreamPlan,
        interface: Option<&Interface>,
        only_from_sources: bool,
        registry: &Registry,
    ) -> Result<(), String> {
        let joined = Joined::open(plan, interface, only_from_sources, self.first_token);
        let Joined { rtp, rtcp, repair } = joined.map_err(|error| error.to_string())?;
        self.take_rtp(rtp);
        (self.rtcp, self.repair) = (rtcp, repair);
        (self.symmetric, self.report_to, self.moved) = (false, None, false);
        self.register(registry).map_err(|error| error.to_string())
    }
}
