//! The sockets and the RTCP of one stream: media and sender reports to every destination, and the
//! reports of receivers, which come back to these sockets or, from plain players, to the group.

use super::output::Output;
use std::os::fd::{AsRawFd, RawFd};
use streamsocket_media::clock::Monotonic;
use streamsocket_net::{Datagram, Interface, ReceiveSocket};
use streamsocket_stream::session::COMPOUND_MAX;
use streamsocket_stream::session::report::{About, Reporter};
use streamsocket_stream::session::viewers::Viewers;
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::rtp::{RtpTime, Ssrc};

/// Reports read from one socket in a turn: a flood of them waits, media does not.
const REPORTS_AT_A_TIME: usize = 64;

/// The sockets and the RTCP of one stream.
pub(crate) struct Transport {
    outputs: Vec<Output>,
    groups: Vec<ReceiveSocket>,
    reporter: Reporter,
    viewers: Viewers,
}

impl Transport {
    /// For the stream `ssrc` with an estimated `bandwidth` in bit/s. `groups` are sockets on the
    /// groups' RTCP ports.
    pub(crate) fn new(
        ssrc: Ssrc,
        bandwidth: u64,
        outputs: Vec<Output>,
        groups: Vec<ReceiveSocket>,
    ) -> Self {
        let (reporter, viewers) = (Reporter::new(ssrc), Viewers::new(ssrc, bandwidth));
        Self { outputs, groups, reporter, viewers }
    }

    pub(crate) fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// Sends and listens on another interface or address from now on.
    pub(crate) fn reopen(&mut self, interface: &Interface, ttl: u8) -> Result<(), String> {
        let outputs = self.outputs.iter_mut().map(|output| output.reopen(interface, ttl));
        let reopened = outputs.fold(Ok(()), Result::and);
        for group in &mut self.groups {
            group.leave();
            if let Err(error) = group.rejoin() {
                log::debug!("reports of players to the group are not heard: {error}");
            }
        }
        reopened
    }

    /// The known receivers.
    pub(crate) const fn viewers(&self) -> &Viewers {
        &self.viewers
    }

    /// The descriptors to watch for reports of receivers.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = RawFd> {
        let own = self.outputs.iter().filter_map(|output| Some(output.rtcp()?.as_raw_fd()));
        own.chain(self.groups.iter().map(AsRawFd::as_raw_fd))
    }

    /// Sends a batch to every destination.
    pub(crate) fn send<'a, I>(&mut self, batch: I)
    where
        I: Iterator<Item = Datagram<'a>> + Clone,
    {
        for output in &mut self.outputs {
            output.send(&mut batch.clone());
        }
    }

    /// Counts packets and payload octets for the sender reports.
    pub(crate) fn count(&mut self, packets: usize, octets: usize, now: Monotonic) {
        self.reporter.count(packets, octets, now);
    }

    /// When the next report is due.
    pub(crate) const fn deadline(&self) -> Option<Monotonic> {
        self.reporter.deadline()
    }

    /// Makes the next report due at once.
    pub(crate) fn schedule(&mut self, now: Monotonic) {
        self.reporter.schedule(now);
    }

    /// Makes a report due at once, even before the first packet: it says why there is none.
    pub(crate) fn tell(&mut self, now: Monotonic) {
        self.reporter.tell(now);
    }

    /// Sends a report. `instant` is `now` on the stream's clock and on the wall clock.
    pub(crate) fn report(&mut self, now: Monotonic, instant: Instant, about: &About<'_>) {
        let mut out = [0; COMPOUND_MAX];
        self.viewers.ask(instant.1, now);
        match self.reporter.report(now, instant, about, &mut out) {
            Ok(len) => self.send_rtcp(&out[..len]),
            Err(error) => log::error!("a report does not fit its packet: {error}"),
        }
    }

    /// Sends RTCP BYE.
    pub(crate) fn bye(&mut self, instant: Instant, cname: &str) {
        let mut out = [0; COMPOUND_MAX];
        match self.reporter.bye(instant, cname, &mut out) {
            Ok(len) => self.send_rtcp(&out[..len]),
            Err(error) => log::error!("a goodbye does not fit its packet: {error}"),
        }
    }

    /// Reads the reports that have arrived. True if some are left for the next turn.
    pub(crate) fn receive(&mut self, now: Monotonic) -> bool {
        let mut left = false;
        let mut bytes = [0; COMPOUND_MAX];
        for rtcp in self.outputs.iter().filter_map(Output::rtcp) {
            let mut taken = 0;
            while taken < REPORTS_AT_A_TIME {
                match rtcp.receive(&mut bytes) {
                    Ok(Some((len, from))) => self.viewers.receive(&bytes[..len], from, now),
                    Ok(None) => break,
                    // An ICMP error of an earlier packet: the next read goes on.
                    Err(_) => {}
                }
                taken += 1;
            }
            left |= taken == REPORTS_AT_A_TIME;
        }
        for socket in &mut self.groups {
            let viewers = &mut self.viewers;
            let mut each = |got: streamsocket_net::Received<'_>| {
                viewers.receive(got.data, got.from, now);
            };
            left |= socket.receive(&mut each).is_ok_and(|taken| taken > 0);
        }
        left
    }

    /// Forgets receivers that left without BYE.
    pub(crate) fn forget(&mut self, now: Monotonic) {
        self.viewers.forget(now);
    }

    fn send_rtcp(&mut self, packet: &[u8]) {
        for output in &mut self.outputs {
            output.send_rtcp(packet);
        }
    }
}

/// One instant on a stream's clock and on the wall clock.
pub(crate) type Instant = (RtpTime, NtpTime);
