//! Which packets of a publisher are handed on, and which are not: viewers get what was announced, of one source at a time.
//! What is handed on is not changed.

use std::fmt;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_wire::rtcp;
use streamsocket_wire::rtp;
use streamsocket_wire::rtp::{RtpTime, Sequence, Ssrc};

/// Bytes of a packet at most: UDP over Ethernet. What is larger would reach viewers in fragments.
const PACKET_MAX: usize = 1472;

/// Another source is taken when there has been no packet of the one before for so long: a publisher that begins anew says so,
/// and one packet in between is somebody's mistake.
const SILENT: Duration = Duration::from_millis(500);

/// What is not handed on, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Longer than a packet may be.
    long: u64,
    /// Neither RTP nor RTCP.
    broken: u64,
    /// In another format than was announced.
    format: u64,
    /// Of another source.
    source: u64,
    /// Reports of another source, or about one: programs send some before they send packets, and nobody misses them.
    reports: u64,
    /// From elsewhere.
    stranger: u64,
}

impl Refused {
    /// So many from elsewhere.
    pub(crate) fn strangers(count: u64) -> Self {
        Self { stranger: count, ..Self::default() }
    }

    /// Those of two together.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self {
            long: self.long + other.long,
            broken: self.broken + other.broken,
            format: self.format + other.format,
            source: self.source + other.source,
            reports: self.reports + other.reports,
            stranger: self.stranger + other.stranger,
        }
    }

    /// Whether nothing was refused that anybody would miss.
    pub(crate) fn is_empty(&self) -> bool {
        Self { reports: 0, ..*self } == Self::default()
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { long, broken, format, source, reports, stranger } = self;
        let reasons = [
            (long, "too long"),
            (broken, "neither RTP nor RTCP"),
            (format, "in another format than announced"),
            (source, "of another source"),
            (reports, "reports of another source"),
            (stranger, "from elsewhere"),
        ];
        let mut before = "";
        for (count, reason) in reasons.into_iter().filter(|(count, _)| **count > 0) {
            write!(f, "{before}{count} {reason}")?;
            before = ", ";
        }
        Ok(())
    }
}

/// Judges the packets of one track.
#[derive(Debug)]
pub(crate) struct Guard {
    payload_type: u8,
    source: Option<Ssrc>,
    /// When the last packet of it came; none if only reports have.
    last: Option<Monotonic>,
    newest: Option<(Sequence, RtpTime)>,
    /// The source has said goodbye.
    pub(crate) gone: bool,
    /// Packets that were handed on.
    pub(crate) packets: u64,
    pub(crate) refused: Refused,
}

impl Guard {
    pub(crate) fn new(payload_type: u8) -> Self {
        let refused = Refused::default();
        Self {
            payload_type,
            source: None,
            last: None,
            newest: None,
            gone: false,
            packets: 0,
            refused,
        }
    }

    /// The source whose packets are handed on.
    pub(crate) const fn source(&self) -> Option<Ssrc> {
        self.source
    }

    /// Sequence number and RTP time of the packet that is likely to come next; none if none has come.
    pub(crate) fn next(&self) -> Option<(Sequence, RtpTime)> {
        self.newest.map(|(sequence, time)| (sequence.next(), time))
    }

    /// Whether a packet is handed on.
    pub(crate) fn passes(&mut self, packet: &[u8], now: Monotonic) -> bool {
        if packet.len() > PACKET_MAX {
            self.refused.long += 1;
            return false;
        }
        let Ok(parsed) = rtp::Packet::parse(packet) else {
            self.refused.broken += 1;
            return false;
        };
        let header = parsed.header();
        if header.payload_type != self.payload_type {
            self.refused.format += 1;
            return false;
        }
        if self.source != Some(header.ssrc) {
            let alive = self.last.is_some_and(|last| now.since(last) < SILENT);
            if alive && !self.gone {
                self.refused.source += 1;
                return false;
            }
            self.gone = false;
        }
        (self.source, self.last) = (Some(header.ssrc), Some(now));
        self.newest = Some((header.sequence, header.time));
        self.packets += 1;
        true
    }

    /// Whether a compound of reports is handed on: all of it is by the source whose packets are.
    pub(crate) fn passes_report(&mut self, report: &[u8]) -> bool {
        if report.len() > PACKET_MAX {
            self.refused.long += 1;
            return false;
        }
        let Ok(packets) = rtcp::packets(report) else {
            self.refused.broken += 1;
            return false;
        };
        let (mut own, mut gone) = (true, false);
        // ffmpeg reports before it sends: whose packets come is not known yet.
        let mut source = self.source;
        for packet in packets {
            match packet {
                Ok(packet) => {
                    if let (None, rtcp::Packet::SenderReport { ssrc, .. }) = (source, &packet) {
                        source = Some(*ssrc);
                    }
                    own &= source.is_some_and(|it| is_by(&packet, it, &mut gone));
                }
                Err(_) => {
                    self.refused.broken += 1;
                    return false;
                }
            }
        }
        if !own {
            self.refused.reports += 1;
            return false;
        }
        self.source = source;
        self.gone |= gone;
        true
    }
}

/// Whether a packet of a compound is by that source alone; `gone` if it says goodbye.
fn is_by(packet: &rtcp::Packet<'_>, source: Ssrc, gone: &mut bool) -> bool {
    use rtcp::Packet::{
        Bye, Description, GroupSize, PostRepairLoss, ReceiverReport, SenderReport, Unknown,
    };
    match packet {
        SenderReport { ssrc, .. } | ReceiverReport { ssrc, .. } => *ssrc == source,
        Description(of) => of.clone().all(|it| it.ssrc == source),
        Bye { sources, .. } => {
            *gone = true;
            sources.clone().all(|it| it == source)
        }
        // Of the group, which is not the publisher's, and about others.
        GroupSize { .. } | PostRepairLoss { .. } => false,
        Unknown { .. } => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamsocket_wire::ntp::NtpTime;
    use streamsocket_wire::rtcp::{Items, SenderInfo, Writer};
    use streamsocket_wire::rtp::Header;

    const ONE: Ssrc = Ssrc(1);
    const TWO: Ssrc = Ssrc(2);

    fn at(millis: i64) -> Monotonic {
        Monotonic(millis * 1_000_000)
    }

    fn packet(ssrc: Ssrc, payload_type: u8, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        let (sequence, time) = (Sequence(1), RtpTime(1));
        let header =
            Header { marker: false, payload_type, sequence, time, ssrc, has_extension: false };
        header.emit(&mut bytes).unwrap();
        bytes
    }

    fn report(by: Ssrc, named: Ssrc, goodbye: Option<Ssrc>) -> Vec<u8> {
        let mut bytes = vec![0; 500];
        let mut writer = Writer::new(&mut bytes);
        let info = SenderInfo { ntp: NtpTime(1), time: RtpTime(1), packets: 1, octets: 1 };
        writer.sender_report(by, &info, &[]).unwrap();
        writer.description(named, &Items { cname: "x@y", ..Items::default() }).unwrap();
        goodbye.into_iter().for_each(|it| writer.bye(&[it], None).unwrap());
        let len = writer.finish();
        bytes.truncate(len);
        bytes
    }

    #[test]
    fn what_was_announced_passes_and_nothing_else() {
        let mut guard = Guard::new(26);
        assert!(guard.passes(&packet(ONE, 26, 1472), at(0)));
        assert!(!guard.passes(&packet(ONE, 26, 1473), at(0)));
        assert!(!guard.passes(&packet(ONE, 96, 100), at(0)));
        assert!(!guard.passes(b"hello", at(0)) && !guard.passes(&[], at(0)));
        assert!(!guard.passes(&vec![0x80; 65_000], at(0)));
        let Refused { long, broken, format, .. } = guard.refused;
        assert_eq!((guard.packets, long, broken, format), (1, 2, 2, 1));
        assert_eq!(
            guard.refused.to_string(),
            "2 too long, 2 neither RTP nor RTCP, 1 in another format than announced"
        );
    }

    #[test]
    fn a_source_gives_way_only_when_it_is_silent_or_gone() {
        let mut guard = Guard::new(26);
        let mut passes = |ssrc, millis| guard.passes(&packet(ssrc, 26, 100), at(millis));
        assert!(passes(ONE, 0));
        assert!(!passes(TWO, 1) && !passes(TWO, 499));
        assert!(passes(ONE, 400));
        assert!(!passes(TWO, 899));
        assert!(passes(TWO, 900));
        assert!(!passes(ONE, 901));
        assert_eq!(guard.refused.source, 4);
        assert!(guard.passes_report(&report(TWO, TWO, Some(TWO))));
        assert!(guard.gone);
        assert!(guard.passes(&packet(ONE, 26, 100), at(910)));
        assert!(!guard.gone);
    }

    #[test]
    fn reports_are_by_the_source_whose_packets_pass() {
        let mut guard = Guard::new(26);
        assert!(!guard.passes_report(&report(ONE, TWO, None)));
        assert!(guard.passes_report(&report(TWO, TWO, None)), "before there are packets");
        assert!(guard.passes(&packet(ONE, 26, 100), at(0)));
        assert!(guard.passes_report(&report(ONE, ONE, None)));
        for wrong in [report(TWO, TWO, None), report(ONE, TWO, None), report(ONE, ONE, Some(TWO))] {
            assert!(!guard.passes_report(&wrong));
        }
        assert!(!guard.gone);
        assert!(!guard.passes_report(&[0x80, 200, 0, 9]) && !guard.passes_report(&[]));
        let mut cut = report(ONE, ONE, None);
        cut[3] = 200;
        assert!(!guard.passes_report(&cut));
        let Refused { reports, broken, .. } = guard.refused;
        assert_eq!((reports, broken), (4, 3));
        assert_eq!(guard.source(), Some(ONE));
    }
}
