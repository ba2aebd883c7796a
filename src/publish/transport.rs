//! The sinks and the RTCP of one track: media packets, repair packets and sender reports to every
//! sink, and the reports of receivers, which come back from there.

use super::sink::{Sink, SinkToken, Sinks};
use super::unicast::{Heard, Unicast, UnicastId};
use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::{Datagram, Interface};
use streamsocket_stream::session::COMPOUND_MAX;
use streamsocket_stream::session::report::{About, Reporter};
use streamsocket_stream::session::viewers::Viewers;
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::rtp::{RtpTime, Ssrc};
use streamsocket_wire::sdp::Medium;

/// The sinks and the RTCP of one track.
pub struct Transport {
    sinks: Sinks,
    unicast: Unicast,
    reporter: Reporter,
    viewers: Viewers,
    fec_packets: u64,
    /// Reports may be there to be read: their socket has said so, or some were left.
    reported: bool,
}

impl Transport {
    /// For the track `ssrc` with an estimated `bandwidth` in bit/s.
    #[must_use]
    pub fn new(ssrc: Ssrc, bandwidth: u64, sinks: Sinks) -> Self {
        let (reporter, viewers) = (Reporter::new(ssrc), Viewers::new(ssrc, bandwidth));
        let unicast = Unicast::default();
        Self { sinks, unicast, reporter, viewers, fec_packets: 0, reported: true }
    }

    /// The sinks.
    #[must_use]
    pub const fn sinks(&self) -> &Sinks {
        &self.sinks
    }

    /// Those who are served one by one.
    #[must_use]
    pub const fn unicast(&self) -> &Unicast {
        &self.unicast
    }

    /// The same, to be changed.
    pub const fn unicast_mut(&mut self) -> &mut Unicast {
        &mut self.unicast
    }

    /// Attaches a sink.
    ///
    /// # Errors
    /// One line: there are as many as there may be.
    pub fn attach(&mut self, sink: Sink) -> io::Result<SinkToken> {
        self.sinks.attach(sink)
    }

    /// Detaches a sink; `None` if it is not attached any more.
    pub fn detach(&mut self, token: SinkToken) -> Option<Sink> {
        self.sinks.detach(token)
    }

    /// Sends and listens on another interface or address from now on.
    ///
    /// # Errors
    /// One line, of the last sink that goes on as before.
    pub fn reopen(&mut self, interface: &Interface, ttl: u8) -> Result<(), String> {
        let sinks = self.sinks.iter_mut().map(|sink| sink.reopen(interface, ttl));
        sinks.fold(Ok(()), Result::and)
    }

    /// The known receivers.
    #[must_use]
    pub const fn viewers(&self) -> &Viewers {
        &self.viewers
    }

    /// The descriptors to watch for reports of receivers.
    pub fn descriptors(&self) -> impl Iterator<Item = RawFd> {
        self.sinks.iter().flat_map(Sink::descriptors)
    }

    /// A picture begins, or a piece of sound that is sent at once: what is sent until the next one is of it.
    pub fn begin(&mut self, medium: Medium) {
        self.unicast.begin(medium);
    }

    /// Whether there are viewers, served one by one, whose first picture is still to come.
    #[must_use]
    pub fn has_new(&self) -> bool {
        self.unicast.has_new()
    }

    /// Sends a picture to them, all at once.
    pub fn send_first<'a>(&mut self, picture: impl Iterator<Item = Datagram<'a>> + Clone) {
        self.unicast.send_first(picture);
    }

    /// Sends a batch to every sink.
    pub fn send<'a>(&mut self, batch: impl Iterator<Item = Datagram<'a>> + Clone) {
        for sink in self.sinks.iter_mut() {
            sink.send(&mut batch.clone());
        }
        self.unicast.send(batch, false);
    }

    /// Sends repair packets to every sink that takes them.
    pub fn send_fec<'a>(&mut self, made: impl Iterator<Item = &'a [u8]> + Clone) {
        let batch = made.map(|packet| Datagram { header: packet, payload: &[] });
        self.fec_packets += batch.clone().count() as u64;
        for sink in self.sinks.iter_mut() {
            sink.send_fec(&mut batch.clone());
        }
        self.unicast.send(batch, true);
    }

    /// Repair packets sent to each sink.
    #[must_use]
    pub const fn fec_packets(&self) -> u64 {
        self.fec_packets
    }

    /// Counts packets and payload octets for the sender reports.
    pub fn count(&mut self, packets: usize, octets: usize, now: Monotonic) {
        self.reporter.count(packets, octets, now);
    }

    /// When the next report is due.
    #[must_use]
    pub const fn deadline(&self) -> Option<Monotonic> {
        self.reporter.deadline()
    }

    /// Makes the next report due at once.
    pub fn schedule(&mut self, now: Monotonic) {
        self.reporter.schedule(now);
    }

    /// Makes a report due at once, even before the first packet: it says why there is none.
    pub fn tell(&mut self, now: Monotonic) {
        self.reporter.tell(now);
    }

    /// Sends a report. `instant` is `now` on the track's clock and on the wall clock.
    pub fn report(&mut self, now: Monotonic, instant: Instant, about: &About<'_>) {
        let mut out = [0; COMPOUND_MAX];
        self.viewers.ask(instant.1, now);
        match self.reporter.report(now, instant, about, &mut out) {
            Ok(len) => self.send_rtcp(&out[..len]),
            Err(error) => log::error!("a report does not fit its packet: {error}"),
        }
    }

    /// Sends RTCP BYE.
    pub fn bye(&mut self, instant: Instant, cname: &str) {
        let mut out = [0; COMPOUND_MAX];
        match self.reporter.bye(instant, cname, &mut out) {
            Ok(len) => self.send_rtcp(&out[..len]),
            Err(error) => log::error!("a goodbye does not fit its packet: {error}"),
        }
    }

    /// Reports have arrived: a descriptor says so.
    pub const fn hear(&mut self) {
        self.reported = true;
    }

    /// Whether reports may be there, for which no further event will come.
    #[must_use]
    pub const fn is_reported(&self) -> bool {
        self.reported
    }

    /// Reads the reports that have arrived; some may be left for the next turn.
    pub fn receive(&mut self, now: Monotonic) {
        let Self { sinks, viewers, .. } = self;
        let mut bytes = [0; COMPOUND_MAX];
        let mut each = |bytes: &[u8], from| viewers.receive(bytes, from, now);
        let left = sinks.iter_mut().map(|sink| sink.receive(&mut bytes, &mut each));
        self.reported = left.fold(false, |any, left| any | left);
    }

    /// Reads what has come for a viewer that is served by sockets of its own; some may be left.
    pub fn receive_from(&mut self, id: UnicastId, now: Monotonic) -> Heard {
        let Self { unicast, viewers, .. } = self;
        unicast.receive(id, &mut |bytes, from, known| viewers.read(bytes, from, known, now))
    }

    /// Takes a report of a viewer that has come within its connection.
    pub fn take_report(&mut self, id: UnicastId, bytes: &[u8], from: SocketAddr, now: Monotonic) {
        let Self { unicast, viewers, .. } = self;
        let read = &mut |bytes: &[u8], from, known| viewers.read(bytes, from, known, now);
        unicast.take_report(id, bytes, from, read);
    }

    /// Forgets receivers that left without BYE.
    pub fn forget(&mut self, now: Monotonic) {
        self.viewers.forget(now);
    }

    fn send_rtcp(&mut self, packet: &[u8]) {
        for sink in self.sinks.iter_mut() {
            sink.send_rtcp(packet);
        }
        self.unicast.send_rtcp(packet);
    }
}

/// One instant on a track's clock and on the wall clock.
pub type Instant = (RtpTime, NtpTime);
