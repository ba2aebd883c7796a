//! Which packets of a publisher are handed on, and which are not: viewers get what was announced, of one source at a time.
//! What is handed on is not changed.

use std::fmt;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_wire::rtcp::{self, SenderInfo};
use streamsocket_wire::rtp;
use streamsocket_wire::rtp::{RtpTime, Sequence, Ssrc};

/// Bytes of a packet at most: UDP over Ethernet. What is larger would reach viewers in fragments.
const PACKET_MAX: usize = 1472;

/// Another source is taken when there has been no packet of the one before for so long: a publisher that begins anew says so,
/// and one packet in between is somebody's mistake.
const SILENT: Duration = Duration::from_millis(500);

/// Compounds of reports a second of a source at most: one reports once in some seconds (RFC 3550 section 6.2), and sooner
/// when it begins, turns or leaves. What viewers get of them all they may have to answer.
const REPORTS_MAX: u32 = 10;

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
    /// Reports that come too often.
    often: u64,
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
            often: self.often + other.often,
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
        let Self { long, broken, format, source, reports, often, stranger } = self;
        let reasons = [
            (long, "too long"),
            (broken, "neither RTP nor RTCP"),
            (format, "in another format than announced"),
            (source, "of another source"),
            (reports, "reports of another source"),
            (often, "reports too often"),
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
    /// Reports in the second that has begun then.
    reported: (Monotonic, u32),
    /// The source has said goodbye.
    pub(crate) gone: bool,
    /// What the last compound that was handed on says of its sender, if it does.
    pub(crate) told: Option<SenderInfo>,
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
            reported: (Monotonic(0), 0),
            gone: false,
            told: None,
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
    pub(crate) fn passes_report(&mut self, report: &[u8], now: Monotonic) -> bool {
        self.told = None;
        if report.len() > PACKET_MAX {
            self.refused.long += 1;
            return false;
        }
        let Ok(packets) = rtcp::packets(report) else {
            self.refused.broken += 1;
            return false;
        };
        let (mut own, mut gone, mut told) = (true, false, None);
        // ffmpeg reports before it sends: whose packets come is not known yet.
        let mut source = self.source;
        for packet in packets {
            match packet {
                Ok(packet) => {
                    if let rtcp::Packet::SenderReport { ssrc, info, .. } = &packet {
                        source = source.or(Some(*ssrc));
                        told = Some(*info);
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
        if !self.may_report(now) {
            self.refused.often += 1;
            return false;
        }
        (self.source, self.told) = (source, told);
        self.gone |= gone;
        true
    }

    /// Counts a report; false if there are too many of them.
    fn may_report(&mut self, now: Monotonic) -> bool {
        if now.since(self.reported.0) >= Duration::from_secs(1) {
            self.reported = (now, 0);
        }
        self.reported.1 = self.reported.1.saturating_add(1);
        self.reported.1 <= REPORTS_MAX
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
            let mut named = sources.clone().peekable();
            named.peek().is_some() && named.all(|it| it == source)
        }
        // Of the group, which is not the publisher's, about others, or about whom is not known.
        GroupSize { .. } | PostRepairLoss { .. } | Unknown { .. } => false,
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
        assert!(guard.passes_report(&report(TWO, TWO, Some(TWO)), at(0)));
        assert!(guard.gone);
        assert!(guard.passes(&packet(ONE, 26, 100), at(910)));
        assert!(!guard.gone);
    }

    #[test]
    fn reports_are_by_the_source_whose_packets_pass() {
        let mut guard = Guard::new(26);
        assert!(!guard.passes_report(&report(ONE, TWO, None), at(0)));
        assert!(guard.passes_report(&report(TWO, TWO, None), at(0)), "before there are packets");
        assert!(guard.passes(&packet(ONE, 26, 100), at(0)));
        assert!(guard.passes_report(&report(ONE, ONE, None), at(0)));
        for wrong in [report(TWO, TWO, None), report(ONE, TWO, None), report(ONE, ONE, Some(TWO))] {
            assert!(!guard.passes_report(&wrong, at(0)));
        }
        assert!(!guard.gone);
        assert!(
            !guard.passes_report(&[0x80, 200, 0, 9], at(0)) && !guard.passes_report(&[], at(0))
        );
        let mut cut = report(ONE, ONE, None);
        cut[3] = 200;
        assert!(!guard.passes_report(&cut, at(0)));
        let Refused { reports, broken, .. } = guard.refused;
        assert_eq!((reports, broken), (4, 3));
        assert_eq!(guard.source(), Some(ONE));
    }

    #[test]
    fn what_is_about_nobody_in_particular_is_not_handed_on() {
        let mut guard = Guard::new(26);
        assert!(guard.passes(&packet(ONE, 26, 100), at(0)));
        let own = report(ONE, ONE, None);
        // BYE of nobody; APP, a feedback, an extended report of another source.
        let of_others: [&[u8]; 4] = [
            &[0x80, 203, 0, 0],
            &[0x80, 204, 0, 2, 0, 0, 0, 2, b'n', b'a', b'm', b'e'],
            &[0x81, 205, 0, 2, 0, 0, 0, 2, 0, 0, 0, 1],
            &[0x80, 207, 0, 1, 0, 0, 0, 2],
        ];
        for more in of_others {
            let compound = [&own, more].concat();
            assert!(!guard.passes_report(&compound, at(0)), "{more:?}");
        }
        assert!(!guard.gone);
        assert_eq!(guard.refused.reports, 4);
        assert!(guard.passes_report(&own, at(0)));
    }

    #[test]
    fn reports_are_few() {
        let mut guard = Guard::new(26);
        let own = report(ONE, ONE, None);
        let mut passed =
            |millis| (0..100).filter(|_| guard.passes_report(&own, at(millis))).count();
        assert_eq!((passed(5000), passed(5999), passed(6000)), (10, 0, 10));
        assert_eq!(guard.refused.to_string(), "280 reports too often");
    }
}
