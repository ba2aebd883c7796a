//! The sockets and the RTCP of one stream: its outputs, its reports to every destination, and the
//! reports of receivers, which come back to the outputs or, from players that know no better, to
//! the group.

use super::output::Output;
use std::os::fd::{AsRawFd, RawFd};
use streamsocket_net::{Datagram, Interface, ReceiveSocket};
use streamsocket_stream::clock::Monotonic;
use streamsocket_stream::session::COMPOUND_MAX;
use streamsocket_stream::session::report::{About, Reporter};
use streamsocket_stream::session::viewers::Viewers;
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::rtp::{RtpTime, Ssrc};

/// Reports taken from one socket in a turn: a flood of them waits, media does not.
const REPORTS_AT_A_TIME: usize = 64;

/// The sockets and the RTCP of one stream.
pub(crate) struct Transport {
    outputs: Vec<Output>,
    groups: Vec<ReceiveSocket>,
    reporter: Reporter,
    viewers: Viewers,
}

impl Transport {
    /// For the stream `ssrc` of so many bits a second: where it goes, and the groups' RTCP ports to
    /// listen on.
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

    /// Sends from another interface or address from now on, and listens there.
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

    /// Who receives.
    pub(crate) const fn viewers(&self) -> &Viewers {
        &self.viewers
    }

    /// What to watch for reports of receivers.
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

    /// Counts what was sent, for the reports.
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

    /// Makes a report due at once, even if nothing was sent yet: it says why.
    pub(crate) fn tell(&mut self, now: Monotonic) {
        self.reporter.tell(now);
    }

    /// Sends a report; `instant` is now on the stream's clock and on the wall clock.
    pub(crate) fn report(&mut self, now: Monotonic, instant: Instant, about: &About<'_>) {
        let mut out = [0; COMPOUND_MAX];
        self.viewers.ask(instant.1, now);
        match self.reporter.report(now, instant, about, &mut out) {
            Ok(len) => self.send_rtcp(&out[..len]),
            Err(error) => log::error!("a report does not fit its packet: {error}"),
        }
    }

    /// Sends goodbye.
    pub(crate) fn bye(&mut self, instant: Instant, cname: &str) {
        let mut out = [0; COMPOUND_MAX];
        match self.reporter.bye(instant, cname, &mut out) {
            Ok(len) => self.send_rtcp(&out[..len]),
            Err(error) => log::error!("a goodbye does not fit its packet: {error}"),
        }
    }

    /// Takes the reports that have come. True if some were left for the next turn.
    pub(crate) fn receive(&mut self, now: Monotonic) -> bool {
        let mut left = false;
        let mut bytes = [0; COMPOUND_MAX];
        for rtcp in self.outputs.iter().filter_map(Output::rtcp) {
            let mut taken = 0;
            while taken < REPORTS_AT_A_TIME {
                match rtcp.receive(&mut bytes) {
                    Ok(Some((len, from))) => self.viewers.receive(&bytes[..len], from, now),
                    Ok(None) => break,
                    // A refusal that came back from a host: the next read goes on.
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

    /// Forgets receivers that went away without saying so.
    pub(crate) fn forget(&mut self, now: Monotonic) {
        self.viewers.forget(now);
    }

    fn send_rtcp(&mut self, packet: &[u8]) {
        for output in &mut self.outputs {
            output.send_rtcp(packet);
        }
    }
}

/// The same instant on a stream's clock and on the wall clock.
pub(crate) type Instant = (RtpTime, NtpTime);
