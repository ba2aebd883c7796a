//! Listens for announcements (SAP, RFC 2974), and asks senders for them. While it waits, it polls the sessions that
//! are being tried as well.

use super::candidates::Candidates;
use super::probe::Probe;
use crate::plan::{Error, Plan};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::{Datagram, Interface, ReceiveSocket, SendSocket};
use streamsocket_wire::sap::{
    ASKED, Announcement, GROUP_ADMIN, GROUP_GLOBAL, GROUP_SITE, GROUP_SOUND, PORT, PORT_ASKED,
};

/// Time to live of requests to announce: senders in other networks are waited for.
const ASKING_TTL: u8 = 1;

/// When senders are asked to announce at once, in milliseconds from the start: repeatedly, since a request may be lost,
/// or be answered before the switch has learnt of our membership.
const ASKING_MILLIS: [i64; 3] = [0, 250, 1000];

/// Sockets in the groups that announcements go to.
pub(super) struct SapListener {
    sockets: Vec<ReceiveSocket>,
    /// Sockets to ask senders by.
    questions: Vec<SendSocket>,
    began: Monotonic,
    asked: usize,
}

impl SapListener {
    pub(super) fn open(interface: Option<&Interface>, now: Monotonic) -> Result<Self, Error> {
        let groups = [GROUP_ADMIN, GROUP_GLOBAL, GROUP_SOUND].map(IpAddr::V4);
        let groups = groups.into_iter().chain([IpAddr::V6(GROUP_SITE)]);
        let opened =
            groups.map(|group| ReceiveSocket::open(SocketAddr::new(group, PORT), interface, None));
        let (mut sockets, mut why) = (Vec::new(), None);
        for socket in opened {
            // A network may lack IPv4 or IPv6.
            match socket {
                Ok(socket) => sockets.push(socket),
                Err(error) => why = why.or(Some(error)),
            }
        }
        match why {
            Some(error) if sockets.is_empty() => Err(Error(format!(
                "announcements cannot be heard: {error}; name an SDP file or rtp://ADDRESS:PORT"
            ))),
            _ => Ok(Self { sockets, questions: questions(interface), began: now, asked: 0 }),
        }
    }

    /// Asks senders to announce at once, if that is due.
    fn ask(&mut self, now: Monotonic) {
        let due = |millis: &i64| self.began.offset(millis * 1_000_000) <= now;
        if !ASKING_MILLIS.get(self.asked).is_some_and(due) {
            return;
        }
        self.asked += 1;
        for socket in &mut self.questions {
            let question = Datagram { header: ASKED, payload: &[] };
            if let Err(error) = socket.send(&mut std::iter::once(question)) {
                log::debug!("{}: {error}", socket.destination());
            }
        }
    }

    /// Waits for datagrams, from `now` on for at most `wait`, and passes the announcements among them to `each`, with
    /// their senders. Returns a candidate of which packets have come, if there is one.
    ///
    /// # Errors
    /// One line, if a socket for announcements fails.
    pub(super) fn listen(
        &mut self,
        now: Monotonic,
        wait: Duration,
        candidates: &mut Candidates<Probe>,
        each: &mut dyn FnMut(&Announcement<'_>, IpAddr),
    ) -> Result<Option<Plan>, Error> {
        self.ask(now);
        let timeout = PollTimeout::try_from(wait).unwrap_or(PollTimeout::ZERO);
        let tried = candidates.probes().flat_map(|probe| probe.sockets());
        let sockets = self.sockets.iter().chain(tried);
        let mut descriptors: Vec<_> =
            sockets.map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN)).collect();
        // If it was interrupted, what is there is read all the same.
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

/// Sockets to the groups in which senders take requests. Without any, the next announcements are waited for.
fn questions(interface: Option<&Interface>) -> Vec<SendSocket> {
    let groups = [IpAddr::V4(GROUP_ADMIN), IpAddr::V6(GROUP_SITE)];
    let open = |group| SendSocket::open(SocketAddr::new(group, PORT_ASKED), interface, ASKING_TTL);
    groups.into_iter().filter_map(|group| open(group).ok()).collect()
}
