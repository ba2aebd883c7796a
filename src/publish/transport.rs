//! The sinks and the RTCP of one track: media packets, repair packets and sender reports to every
//! sink, and the reports of receivers, which come back from there.

use super::seal::ReportSeal;
use super::sink::{Sink, SinkToken, Sinks};
use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::{Datagram, Interface};
use streamsocket_srtp::protection::Protection;
use streamsocket_station::unicast::{Form, Heard, Unicast, UnicastId};
use streamsocket_stream::send::SEAL_RESERVE;
use streamsocket_stream::session::COMPOUND_MAX;
use streamsocket_stream::session::report::{About, Reporter};
use streamsocket_stream::session::viewers::{Viewer, Viewers};
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::rtp::{RtpTime, Ssrc};
use streamsocket_wire::sdp::Medium;

/// The sinks and the RTCP of one track.
pub struct Transport {
    sinks: Sinks,
    unicast: Unicast,
    reporter: Reporter,
    viewers: Viewers,
    /// Seals reports and opens those of viewers, if the track is protected.
    seal: Option<ReportSeal>,
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
        Self { sinks, unicast, reporter, viewers, seal: None, fec_packets: 0, reported: true }
    }

    /// Seals reports from now on, and takes only such reports of viewers.
    pub fn protect(&mut self, seal: Option<ReportSeal>) {
        self.seal = seal;
    }

    /// Seals reports with another key, and goes on where it is.
    pub fn seal_with(&mut self, protection: &Protection) {
        if let Some(seal) = &mut self.seal {
            seal.exchange(protection);
        }
    }

    /// Reports that were sealed so far.
    #[must_use]
    pub fn reports_sealed(&self) -> u32 {
        self.seal.as_ref().map_or(0, ReportSeal::sealed)
    }

    /// Reports that were not authentic.
    #[must_use]
    pub fn reports_refused(&self) -> u64 {
        self.seal.as_ref().map_or(0, ReportSeal::refused)
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

    /// Goes on for the viewers of another one, whose stream is the same.
    pub fn take_over(&mut self, before: &mut Self) {
        self.unicast.take_over(&mut before.unicast);
        std::mem::swap(&mut self.viewers, &mut before.viewers);
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

    /// Whether anybody has reported lately, or is served.
    #[must_use]
    pub fn has_viewers(&self) -> bool {
        !self.viewers.is_empty() || self.unicast.is_playing()
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
    pub fn send_first<'a, P, S>(&mut self, picture: &Batch<P, S>)
    where
        P: Iterator<Item = Datagram<'a>> + Clone,
        S: Iterator<Item = Datagram<'a>> + Clone,
    {
        match &picture.sealed {
            Some(sealed) => {
                self.unicast.send_first(sealed, Form::Media);
                self.unicast.send_first(&picture.plain, Form::Plain);
            }
            None => self.unicast.send_first(&picture.plain, Form::Media),
        }
    }

    /// Sends a batch to every sink.
    pub fn send<'a, P, S>(&mut self, batch: &Batch<P, S>)
    where
        P: Iterator<Item = Datagram<'a>> + Clone,
        S: Iterator<Item = Datagram<'a>> + Clone,
    {
        match &batch.sealed {
            Some(sealed) => {
                self.sinks.iter_mut().for_each(|sink| sink.send(&mut sealed.clone()));
                self.unicast.send(sealed, Form::Media);
                self.unicast.send(&batch.plain, Form::Plain);
            }
            None => {
                self.sinks.iter_mut().for_each(|sink| sink.send(&mut batch.plain.clone()));
                self.unicast.send(&batch.plain, Form::Media);
            }
        }
    }

    /// Sends repair packets to every sink that takes them.
    pub fn send_fec<'a>(&mut self, made: impl Iterator<Item = &'a [u8]> + Clone) {
        let batch = made.map(|packet| Datagram { header: packet, payload: &[] });
        self.fec_packets += batch.clone().count() as u64;
        for sink in self.sinks.iter_mut() {
            sink.send_fec(&mut batch.clone());
        }
        self.unicast.send(&batch, Form::Repair);
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
        let Self { sinks, viewers, seal, .. } = self;
        let mut bytes = [0; COMPOUND_MAX + SEAL_RESERVE];
        let mut each = |bytes: &[u8], from| {
            if let Some(bytes) = opened(seal.as_mut(), bytes) {
                viewers.receive(bytes, from, now);
            }
        };
        let left = sinks.iter_mut().map(|sink| sink.receive(&mut bytes, &mut each));
        self.reported = left.fold(false, |any, left| any | left);
    }

    /// Reads what has come for a viewer that is served by sockets of its own; some may be left.
    pub fn receive_from(&mut self, id: UnicastId, now: Monotonic) -> Heard {
        let Self { unicast, viewers, seal, .. } = self;
        let seal = &mut seal.as_mut().filter(|_| !unicast.is_plain(id));
        unicast.receive(id, &mut |bytes, from, known| {
            let bytes = opened(seal.as_deref_mut(), bytes)?;
            Some(viewers.read(bytes, from, known.take(), now))
        })
    }

    /// Takes a report of a viewer that has come within its connection.
    pub fn take_report(&mut self, id: UnicastId, bytes: &[u8], from: SocketAddr, now: Monotonic) {
        let Self { unicast, viewers, seal, .. } = self;
        let seal = &mut seal.as_mut().filter(|_| !unicast.is_plain(id));
        let read = &mut |bytes: &[u8], from, known: &mut Option<Viewer>| {
            let bytes = opened(seal.as_deref_mut(), bytes)?;
            Some(viewers.read(bytes, from, known.take(), now))
        };
        unicast.take_report(id, bytes, from, read);
    }

    /// Forgets receivers that left without BYE.
    pub fn forget(&mut self, now: Monotonic) {
        self.viewers.forget(now);
    }

    fn send_rtcp(&mut self, packet: &[u8]) {
        let Self { sinks, unicast, seal, .. } = self;
        let sealed = match seal {
            Some(seal) => {
                unicast.send_rtcp(packet, Form::Plain);
                let Some(sealed) = seal.seal(packet) else { return };
                sealed
            }
            None => packet,
        };
        for sink in sinks.iter_mut() {
            sink.send_rtcp(sealed);
        }
        unicast.send_rtcp(sealed, Form::Media);
    }
}

/// A report as it was before it was sealed, if it is to be taken.
fn opened<'a>(seal: Option<&'a mut ReportSeal>, report: &'a [u8]) -> Option<&'a [u8]> {
    match seal {
        Some(seal) => seal.open(report),
        None => Some(report),
    }
}

/// Packets that leave together: as the payloader made them, and sealed, if the track is protected.
pub struct Batch<P, S> {
    /// For unprotected tracks, and for whom a connection is encrypted.
    pub plain: P,
    /// For everybody else, of a protected track.
    pub sealed: Option<S>,
}

/// One instant on a track's clock and on the wall clock.
pub type Instant = (RtpTime, NtpTime);
