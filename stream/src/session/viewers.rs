//! Who receives: a table of bounded size, fed by the reports of receivers, and a count of those who
//! have no place in it.

use super::census::Census;
use super::interval::receiver_interval;
use crate::clock::Monotonic;
use core::net::SocketAddr;
use core::time::Duration;
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::rtcp::{Packet, ReportBlock, packets};
use streamsocket_wire::rtp::Ssrc;

/// Receivers known at most. More may watch; they are counted but not listed, and a forger fills no
/// more.
pub const VIEWERS_MAX: usize = 1024;

/// A receiver that has not reported for so long is gone: five of the longest ordinary intervals
/// (RFC 3550 section 6.3.5). Where they are many, their intervals are longer.
const FORGET_AFTER: Duration = Duration::from_secs(40);

/// Mean intervals after which a receiver of many is gone.
const FORGET_INTERVALS: u32 = 5;

/// The longest that anybody is remembered, in seconds: whoever forges a crowd is forgotten, too.
const FORGET_MAX: Duration = Duration::from_secs(300);

/// Bytes of a name that are kept.
const NAME_MAX: usize = 64;

/// Bytes of a report with its headers (RFC 5760 wants the mean told).
pub const REPORT_SIZE: u16 = 120;

/// A receiver of one stream.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// Its synchronization source.
    pub ssrc: Ssrc,
    /// Where its reports come from.
    pub address: SocketAddr,
    /// Its canonical name, if it has told one: the same for all streams that it receives.
    pub cname: heapless::Vec<u8, NAME_MAX>,
    /// When the last report came.
    pub heard: Monotonic,
    /// What it said about the stream, if anything yet.
    pub block: Option<ReportBlock>,
    /// Packets that repair has left lost, and the packets that this is of, in its last report.
    pub left: Option<(u32, u32)>,
    /// Time to it and back, in nanoseconds (RFC 3550 section 6.4.1).
    pub round_trip: Option<i64>,
}

/// The receivers of one stream.
#[derive(Debug)]
pub struct Viewers {
    stream: Ssrc,
    bandwidth: u64,
    known: Vec<Viewer>,
    census: Census,
    period: Monotonic,
}

impl Viewers {
    /// An empty table for the stream `stream`, which has so many bits a second.
    #[must_use]
    pub fn new(stream: Ssrc, bandwidth: u64) -> Self {
        Self {
            stream,
            bandwidth,
            known: Vec::new(),
            census: Census::default(),
            period: Monotonic(0),
        }
    }

    /// Takes an RTCP packet from `address`; `now` and `ntp` are the same instant. What is malformed is
    /// ignored.
    pub fn receive(&mut self, rtcp: &[u8], address: SocketAddr, now: Monotonic, ntp: NtpTime) {
        let Ok(packets) = packets(rtcp) else { return };
        // A receiver speaks for itself (RFC 3550 section 6.1): a datagram costs one search.
        let mut reporter = None;
        for packet in packets.flatten() {
            match packet {
                Packet::ReceiverReport { ssrc, blocks } if reporter.is_none() => {
                    reporter = Some(ssrc);
                    let block = blocks.into_iter().find(|block| block.ssrc == self.stream);
                    self.report(ssrc, address, block, (now, ntp));
                }
                Packet::Description(chunks) => {
                    let own = chunks.into_iter().find(|chunk| Some(chunk.ssrc) == reporter);
                    let Some((own, cname)) = own.and_then(|own| Some((own.ssrc, own.cname?)))
                    else {
                        continue;
                    };
                    if let Some(known) = self.known(own, address) {
                        known.cname.clear();
                        let cname = cname.get(..NAME_MAX).unwrap_or(cname);
                        let _ = known.cname.extend_from_slice(cname);
                    }
                }
                Packet::PostRepairLoss { ssrc, source, chunks }
                    if source == self.stream && reporter == Some(ssrc) =>
                {
                    if let Some(known) = self.known(ssrc, address) {
                        known.left = Some(chunks.lost());
                    }
                }
                Packet::Bye { sources, .. } => {
                    if let Some(ssrc) = sources.into_iter().find(|ssrc| reporter == Some(*ssrc)) {
                        self.known.retain(|it| it.ssrc != ssrc || it.address.ip() != address.ip());
                    }
                }
                _ => {}
            }
        }
    }

    /// Forgets those that went away without saying so.
    pub fn forget(&mut self, now: Monotonic) {
        let after = self.forget_after();
        self.known.retain(|viewer| now.since(viewer.heard) < after);
        if now.since(self.period) >= after {
            self.period = now;
            self.census.turn();
        }
    }

    /// Receivers, also those that are not in the table.
    #[must_use]
    pub fn len(&self) -> usize {
        // The table is exact as long as all have a place in it.
        let full = self.known.len() == VIEWERS_MAX;
        if full { self.census.estimate().max(VIEWERS_MAX) } else { self.known.len() }
    }

    /// True if none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Those in the table.
    pub fn iter(&self) -> impl Iterator<Item = &Viewer> {
        self.known.iter()
    }

    fn forget_after(&self) -> Duration {
        let members = self.len() as u64;
        let mean = receiver_interval(members, REPORT_SIZE.into(), self.bandwidth);
        FORGET_AFTER.max(mean.min(FORGET_MAX) * FORGET_INTERVALS).min(FORGET_MAX)
    }

    fn known(&mut self, ssrc: Ssrc, address: SocketAddr) -> Option<&mut Viewer> {
        self.known.iter_mut().find(|it| it.ssrc == ssrc && it.address.ip() == address.ip())
    }

    fn report(
        &mut self,
        ssrc: Ssrc,
        address: SocketAddr,
        block: Option<ReportBlock>,
        (now, ntp): (Monotonic, NtpTime),
    ) {
        self.census.count(ssrc);
        let round_trip = block.and_then(|block| round_trip(&block, ntp));
        if let Some(known) = self.known(ssrc, address) {
            (known.address, known.heard) = (address, now);
            known.block = block.or(known.block);
            known.round_trip = round_trip.or(known.round_trip);
        } else if self.known.len() < VIEWERS_MAX {
            let (cname, left) = (heapless::Vec::new(), None);
            let viewer = Viewer { ssrc, address, cname, heard: now, block, left, round_trip };
            self.known.push(viewer);
        }
    }
}

/// A round trip longer than this is a clock that was set meanwhile, or a lie: in 1/65536 s.
const ROUND_TRIP_MAX: u32 = 10 * 65_536;

/// RFC 3550 section 6.4.1: arrival minus LSR minus DLSR.
fn round_trip(block: &ReportBlock, ntp: NtpTime) -> Option<i64> {
    if block.last_sr == 0 {
        return None;
    }
    let middle = u32::try_from(ntp.0 >> 16 & u64::from(u32::MAX)).ok()?;
    let trip = middle.wrapping_sub(block.last_sr).wrapping_sub(block.delay);
    (trip <= ROUND_TRIP_MAX).then(|| i64::from(trip) * 1_000_000_000 / 65_536)
}

#[cfg(test)]
mod tests {
    use super::super::feedback::{About, BANDWIDTH_DEFAULT, Feedback};
    use super::*;
    use crate::receive::fate::Runs;
    use streamsocket_wire::rtcp::Run;
    use streamsocket_wire::rtp::Sequence;

    const STREAM: Ssrc = Ssrc(9);
    /// A second after 1900: its middle is 65536.
    const NTP: NtpTime = NtpTime(1 << 32);

    fn viewers() -> Viewers {
        Viewers::new(STREAM, BANDWIDTH_DEFAULT)
    }

    fn address() -> SocketAddr {
        "192.0.2.7:5555".parse().unwrap()
    }

    fn report(viewers: &mut Viewers, ssrc: u32, at: Monotonic) {
        let block = ReportBlock {
            ssrc: STREAM,
            fraction_lost: 3,
            lost: 4,
            highest: 5,
            jitter: 6,
            last_sr: 32_768,
            delay: 16_384,
        };
        let runs = [Run { received: true, packets: 90 }, Run { received: false, packets: 10 }];
        let fates = Some((Sequence(7), Runs::from_slice(&runs).unwrap()));
        let about = About { cname: "a@b", block: Some(block), fates };
        let mut out = [0; 1024];
        let mut feedback = Feedback::new(Ssrc(ssrc), None);
        let len = feedback.report(at, &about, 0, &mut out).unwrap();
        viewers.receive(&out[..len], address(), at, NTP);
    }

    #[test]
    fn a_receiver_is_known_until_it_says_goodbye() {
        let mut viewers = viewers();
        report(&mut viewers, 1, Monotonic(0));
        report(&mut viewers, 1, Monotonic(0));
        report(&mut viewers, 2, Monotonic(0));
        assert_eq!(viewers.len(), 2);
        let first = viewers.iter().next().unwrap();
        assert_eq!(first.block.unwrap().lost, 4);
        assert_eq!((&first.cname[..], first.left), (&b"a@b"[..], Some((10, 100))));
        assert_eq!(first.round_trip, Some(250_000_000));
        let mut out = [0; 512];
        let len = Feedback::new(Ssrc(1), None).bye("a@b", &mut out).unwrap();
        let other = "192.0.2.8:5555".parse().unwrap();
        viewers.receive(&out[..len], other, Monotonic(0), NTP);
        assert_eq!(viewers.len(), 2, "a goodbye from elsewhere");
        viewers.receive(&out[..len], address(), Monotonic(0), NTP);
        assert_eq!(viewers.iter().map(|viewer| viewer.ssrc).collect::<Vec<_>>(), [Ssrc(2)]);
    }

    #[test]
    fn a_silent_receiver_is_forgotten_and_the_table_is_bounded() {
        let mut viewers = viewers();
        for ssrc in 0..2000_u32 {
            report(&mut viewers, ssrc.wrapping_mul(2_654_435_761), Monotonic(0));
        }
        assert_eq!(viewers.iter().count(), VIEWERS_MAX);
        assert!((1900..2100).contains(&viewers.len()), "{}", viewers.len());
        viewers.forget(Monotonic(41_000_000_000));
        assert!(viewers.is_empty());
    }

    #[test]
    fn a_round_trip_that_cannot_be_is_none() {
        let block = |last_sr, delay| ReportBlock {
            ssrc: STREAM,
            fraction_lost: 0,
            lost: 0,
            highest: 0,
            jitter: 0,
            last_sr,
            delay,
        };
        assert_eq!(round_trip(&block(0, 0), NTP), None);
        assert_eq!(round_trip(&block(65_536, 0), NTP), Some(0));
        assert_eq!(round_trip(&block(65_537, 0), NTP), None, "before it was asked");
    }

    #[test]
    fn rubbish_is_ignored() {
        let mut viewers = viewers();
        for len in 0..64 {
            viewers.receive(&vec![0x81; len], address(), Monotonic(0), NTP);
        }
        assert!(viewers.is_empty());
    }
}
