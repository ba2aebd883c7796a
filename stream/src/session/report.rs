//! The sender's side of RTCP for one stream: sender reports with the name of the session, the size
//! of the group, and goodbye.

use super::interval::{SENDER_INTERVAL, randomize};
use streamsocket_media::clock::Monotonic;
use streamsocket_wire::Error;
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::rtcp::{Items, SenderInfo, Writer};
use streamsocket_wire::rtp::{RtpTime, Ssrc};

/// Reports on a stream that we send.
#[derive(Debug)]
pub struct Reporter {
    ssrc: Ssrc,
    packets: u32,
    octets: u32,
    next: Option<Monotonic>,
}

impl Reporter {
    /// A reporter for the stream `ssrc`. Nothing is due before the first packet.
    #[must_use]
    pub const fn new(ssrc: Ssrc) -> Self {
        Self { ssrc, packets: 0, octets: 0, next: None }
    }

    /// Counts packets of `octets` payload bytes in all. The first ones make a report due at once:
    /// plain players cannot align picture and sound before it.
    pub fn count(&mut self, packets: usize, octets: usize, now: Monotonic) {
        self.packets = self.packets.wrapping_add(low_bits(packets));
        self.octets = self.octets.wrapping_add(low_bits(octets));
        self.next = self.next.or(Some(now));
    }

    /// When the next report is due.
    #[must_use]
    pub const fn deadline(&self) -> Option<Monotonic> {
        self.next
    }

    /// Makes the next report due at once: the clock has been stepped.
    pub fn schedule(&mut self, now: Monotonic) {
        self.next = self.next.map(|next| next.min(now));
    }

    /// Makes a report due at once, even before the first packet: it has to say why there is none.
    pub fn tell(&mut self, now: Monotonic) {
        self.next = Some(self.next.map_or(now, |next| next.min(now)));
    }

    /// Writes the compound packet of a report: `time` and `ntp` are the same instant on both
    /// clocks, `members` the receivers known to listen. Returns its length.
    ///
    /// # Errors
    /// If `out` is too small.
    pub fn report(
        &mut self,
        now: Monotonic,
        instant: (RtpTime, NtpTime),
        about: &About<'_>,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        self.next = Some(now + randomize(SENDER_INTERVAL, about.random));
        let About { cname, note, clock, .. } = *about;
        let items = Items { cname, note, clock, shared: None };
        let mut writer = self.open(instant, &items, out)?;
        writer.group_size(self.ssrc, about.members, about.report_size)?;
        Ok(writer.finish())
    }

    /// Writes the compound packet that ends the stream.
    ///
    /// # Errors
    /// If `out` is too small.
    pub fn bye(
        &self,
        instant: (RtpTime, NtpTime),
        cname: &str,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        let mut writer = self.open(instant, &Items { cname, ..Items::default() }, out)?;
        writer.bye(&[self.ssrc], None)?;
        Ok(writer.finish())
    }

    fn open<'a>(
        &self,
        (time, ntp): (RtpTime, NtpTime),
        items: &Items<'_>,
        out: &'a mut [u8],
    ) -> Result<Writer<'a>, Error> {
        let info = SenderInfo { ntp, time, packets: self.packets, octets: self.octets };
        let mut writer = Writer::new(out);
        writer.sender_report(self.ssrc, &info, &[])?;
        writer.description(self.ssrc, items)?;
        Ok(writer)
    }
}

/// What a report says besides the stream's own numbers.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// Canonical name of the session (RFC 3550 section 6.5.1).
    pub cname: &'a str,
    /// Why the stream has nothing to send at the moment, if so (RFC 3550 section 6.5.7).
    pub note: Option<&'a str>,
    /// What the wall clock is, as the description's `ts-refclk` says it (RFC 7273 section 4).
    pub clock: Option<&'a str>,
    /// Receivers known.
    pub members: u32,
    /// Mean size of an RTCP packet in this session, in bytes (RFC 5760 section 7.1.6).
    pub report_size: u16,
    /// 32 random bits, for the next interval.
    pub random: u32,
}

#[expect(clippy::cast_possible_truncation, reason = "sender reports count modulo 2^32")]
const fn low_bits(count: usize) -> u32 {
    count as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamsocket_wire::rtcp::{Packet, packets};

    const INSTANT: (RtpTime, NtpTime) = (RtpTime(77), NtpTime(88));

    #[test]
    fn the_first_packet_makes_a_report_due_at_once() {
        let mut reporter = Reporter::new(Ssrc(4));
        assert_eq!(reporter.deadline(), None);
        reporter.count(3, 300, Monotonic(10));
        assert_eq!(reporter.deadline(), Some(Monotonic(10)));
        let about = About {
            cname: "a@b",
            note: None,
            clock: None,
            members: 2,
            report_size: 100,
            random: 0,
        };
        let mut out = [0; super::super::COMPOUND_MAX];
        let len = reporter.report(Monotonic(10), INSTANT, &about, &mut out).unwrap();
        assert!(reporter.deadline() > Some(Monotonic(10 + 400_000_000)));
        let mut kinds = Vec::new();
        for packet in packets(&out[..len]).unwrap() {
            match packet.unwrap() {
                Packet::SenderReport { ssrc, info, .. } => {
                    assert_eq!((ssrc, info.packets, info.octets), (Ssrc(4), 3, 300));
                    assert_eq!((info.time, info.ntp), INSTANT);
                    kinds.push("sr");
                }
                Packet::Description(_) => kinds.push("sdes"),
                Packet::GroupSize { .. } => kinds.push("rsi"),
                _ => kinds.push("other"),
            }
        }
        assert_eq!(kinds, ["sr", "sdes", "rsi"]);
    }
}
