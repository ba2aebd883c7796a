//! All that is kept of those who are served one by one.

use super::connections::Connections;
use super::listener::Listener;
use super::viewings::Viewings;
use crate::publish::output::Sent;
use crate::publish::unicast::{UnicastId, UnicastSink};
use crate::settings::{Listening, Serving};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::RawFd;
use std::time::Duration;
use streamsocket_control::Vouch;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::neighbours::is_near;
use streamsocket_rtsp::conversation::Gate;
use streamsocket_rtsp::users::Users;

/// Between two reports that players ask for by beginning to play: all viewers get them.
const REPORT_GAP: Duration = Duration::from_secs(1);

/// What was sent to viewers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Packets.
    pub sent: Sent,
    /// Pictures and pieces of sound that connections had no room for.
    pub left_out: u64,
}

impl Totals {
    /// Adds what was sent to one more.
    pub fn add(&mut self, sink: &UnicastSink) {
        self.sent += sink.sent();
        self.left_out += sink.left_out();
    }
}

/// What is kept of those who are served one by one.
#[derive(Debug, Default)]
pub struct Server {
    /// Where they connect; nowhere if nobody is served.
    pub listener: Option<Listener>,
    /// Their connections.
    pub connections: Connections,
    /// What they watch.
    pub viewings: Viewings,
    /// Who may.
    pub gate: Gate,
    /// What was sent to those who are served no more.
    pub totals: Totals,
    /// Connections may wait to be taken, for which no event will come.
    pub unaccepted: bool,
    /// A player waits for reports.
    pub unreported: bool,
    reported: Monotonic,
    at: Option<Listening>,
    allow: Vec<IpNet>,
    sinks: u64,
}

impl Server {
    /// Opens what the settings name. A port that nobody has chosen and that cannot be had is no error: everybody else
    /// is served.
    ///
    /// # Errors
    /// One line: what was chosen cannot be had.
    pub fn open(serving: &Serving) -> Result<Option<Listener>, String> {
        let Some(at) = serving.at else { return Ok(None) };
        match Listener::open(at) {
            Ok(listener) => Ok(Some(listener)),
            Err(why) if at.chosen => Err(why),
            Err(why) => {
                log::warn!("nobody is served over RTSP: {why}");
                Ok(None)
            }
        }
    }

    /// Serves as these settings say, by this listener.
    pub fn adopt(&mut self, serving: &Serving, listener: Option<Listener>) {
        self.listener = listener;
        self.at = serving.at;
        self.admit(serving);
    }

    /// Serves those whom these settings name.
    pub fn admit(&mut self, serving: &Serving) {
        self.allow.clone_from(&serving.allow);
        self.gate.users.clone_from(&serving.users);
        self.gate.sha256_only = serving.sha256_only;
        let Self { connections, gate, allow, .. } = self;
        connections.judge(|peer| serves(&gate.users, allow, peer));
    }

    /// A connection that waits, and where it comes from. `None` if none waits, or no more may be taken at the moment.
    pub fn accept(&mut self, now: Monotonic) -> Option<(TcpStream, SocketAddr)> {
        let Self { listener, connections, .. } = self;
        let accepted = connections.may_admit(now).then(|| listener.as_ref()?.accept());
        // Without any that waits the next one is an event.
        self.unaccepted = accepted.is_none();
        accepted?
    }

    /// Takes that connection; returns its place, and the descriptor to watch. `None` if there is no room for it.
    pub fn welcome(
        &mut self,
        stream: TcpStream,
        peer: SocketAddr,
        now: Monotonic,
    ) -> Option<(usize, RawFd)> {
        let Self { connections, viewings, gate, allow, .. } = self;
        let served = |peer| serves(&gate.users, allow, peer);
        let idle = |place| !viewings.is_watched_by(place);
        let place = connections.admit(stream, peer, served, idle, now)?;
        Some((place, connections.descriptor(place)?))
    }

    /// Takes a connection for that of who is named. False if there is none that waits for that.
    pub fn vouch(&mut self, vouch: &Vouch) -> bool {
        let Self { connections, gate, allow, .. } = self;
        connections.vouch(vouch, |peer| serves(&gate.users, allow, peer))
    }

    /// Whether reports are due that players wait for: not more often than one after another.
    pub fn is_to_report(&mut self, now: Monotonic) -> bool {
        let due = self.unreported && now.since(self.reported) >= REPORT_GAP;
        if due {
            (self.unreported, self.reported) = (false, now);
        }
        due
    }

    /// When to take a turn even if nothing is readable.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        let accepting = self.unaccepted.then(|| self.connections.admits_again());
        let reporting = self.unreported.then(|| self.reported + REPORT_GAP);
        let left = self.viewings.iter().any(|(_, it)| it.left).then_some(Monotonic(0));
        let connections = self.connections.deadline();
        [accepting, reporting, left, connections].into_iter().flatten().min()
    }

    /// Whether these settings name another place to listen at.
    #[must_use]
    pub fn moves(&self, serving: &Serving) -> bool {
        self.at != serving.at
    }

    /// The port that players find, if there is one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.listener.as_ref().map(Listener::port)
    }

    /// Whether a player is served at all: with users from wherever it asks, else from near.
    #[must_use]
    pub fn serves(&self, peer: IpAddr) -> bool {
        serves(&self.gate.users, &self.allow, peer)
    }

    /// A number for one more sink.
    pub const fn next_sink(&mut self) -> UnicastId {
        self.sinks += 1;
        UnicastId(self.sinks)
    }
}

fn serves(users: &Users, allow: &[IpNet], peer: IpAddr) -> bool {
    let allowed = || allow.iter().any(|network| network.contains(&peer));
    !users.is_empty() || allowed() || is_near(peer)
}
