//! How far the relay's clock is ahead of that of each source, and how viewers are told: who presents several sources adds it,
//! and has all their times by one clock. Packets stay as they are.

use crate::offer::Announced;
use std::io;
use std::time::Duration;
use streamsocket_media::clock::{Delay, Monotonic, Wall};
use streamsocket_net::machine;
use streamsocket_stream::receive::wall_offset::{Reported, WallOffset};
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::rtcp::{Items, SenderInfo, Shared, Writer};
use streamsocket_wire::rtp::{Packet, Ssrc};
use streamsocket_wire::shared_clock::SharedClock;

/// Bytes of what viewers are told at most: an empty report (8), a name (4 + 4 + 2 + 255), and the item (3 + 7 + 46), filled
/// up to a word.
const TOLD_MAX: usize = 8 + 265 + 56 + 4;

/// The relay's clock: CLOCK_MONOTONIC, laid over the wall clock as it is when the relay starts, so that nobody sets it.
pub(crate) struct RelayClock {
    /// Another one after each start.
    number: u64,
    /// By how much it is ahead of CLOCK_MONOTONIC.
    ahead: Delay,
    /// The source that tells viewers of it.
    ssrc: Ssrc,
    cname: String,
}

impl RelayClock {
    /// The clock of a relay that starts now.
    ///
    /// # Errors
    /// The kernel's: there are no random numbers.
    pub(crate) fn start() -> io::Result<Self> {
        let number = u64::from_be_bytes(machine::random_bytes()?);
        let ssrc = Ssrc(machine::random()?);
        let cname = format!("relay-{:08x}@{}", ssrc.0, machine::host_name());
        Ok(Self { number, ahead: Delay::from_nanos(machine::unix_offset_nanos()), ssrc, cname })
    }

    /// What tells viewers how that source's clock stands against this one: a compound with an empty report in front (RFC 3550
    /// section 6.1).
    fn telling<'a>(&self, of: Ssrc, clock: SharedClock, out: &'a mut [u8]) -> Option<&'a [u8]> {
        // Nobody is two sources of one session (section 8.2).
        let own = if of == self.ssrc { Ssrc(of.0.wrapping_add(1)) } else { self.ssrc };
        let shared = Some(Shared { of, clock });
        let items = Items { cname: &self.cname, shared, ..Items::default() };
        let mut writer = Writer::new(out);
        writer.receiver_report(own, &[]).and_then(|()| writer.description(own, &items)).ok()?;
        let len = writer.finish();
        out.get(..len)
    }
}

/// The wall clock of a track's source, by what it says of it.
pub(crate) struct SourceClock {
    offset: WallOffset,
    rate: u32,
    source: Option<Ssrc>,
    /// Id of the header extension that says when a packet was captured (RFC 6051).
    ntp64_id: Option<u8>,
    bytes: [u8; TOLD_MAX],
}

impl SourceClock {
    pub(crate) fn new(media: &Announced) -> Self {
        let (rate, ntp64_id) = (media.clock_rate, media.ntp64_id);
        let offset = WallOffset::new(rate);
        Self { offset, rate, source: None, ntp64_id, bytes: [0; TOLD_MAX] }
    }

    /// Another source has another clock.
    fn of(&mut self, source: Ssrc) -> &mut WallOffset {
        if self.source.replace(source) != Some(source) {
            self.offset = WallOffset::new(self.rate);
        }
        &mut self.offset
    }

    /// A report of that source has come.
    pub(crate) fn report(&mut self, source: Ssrc, info: &SenderInfo, arrival: Monotonic) {
        // Who has no wall clock says so (RFC 3550 section 6.4.1).
        if info.ntp != NtpTime(0) {
            let reported = Reported { wall: Wall::from(info.ntp), time: info.time };
            self.of(source).report(reported, arrival);
        }
    }

    /// A packet of that source has come `now`. It is looked at only as long as no report has.
    pub(crate) fn packet(&mut self, source: Ssrc, packet: &[u8], now: impl FnOnce() -> Monotonic) {
        let known = self.source == Some(source) && self.offset.is_reported();
        let Some(id) = self.ntp64_id.filter(|_| !known) else { return };
        let packet = Packet::parse(packet).ok();
        let ntp = packet.and_then(|packet| packet.extension()?.ntp64(id));
        if let Some(ntp) = ntp {
            self.of(source).capture(Wall::from(ntp), now());
        }
    }

    /// How the clock of that source stands against the relay's, if there and back the shortest way takes `round_trip`.
    pub(crate) fn shared(
        &self,
        source: Ssrc,
        relay: &RelayClock,
        round_trip: Duration,
        now: Monotonic,
    ) -> Option<SharedClock> {
        let offset = self.offset.at(now, round_trip).filter(|_| self.source == Some(source))?;
        Some(SharedClock { clock: relay.number, ahead: (offset + relay.ahead).nanos() })
    }

    /// What viewers are told of it.
    pub(crate) fn telling(
        &mut self,
        source: Ssrc,
        relay: &RelayClock,
        clock: SharedClock,
    ) -> Option<&[u8]> {
        relay.telling(source, clock, &mut self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offer::announced;
    use streamsocket_wire::rtcp::{self, packets};
    use streamsocket_wire::rtp::RtpTime;

    const ONE: Ssrc = Ssrc(1);
    const MS: i64 = 1_000_000;

    fn relay() -> RelayClock {
        let ahead = Delay::from_secs(100);
        RelayClock { number: 9, ahead, ssrc: Ssrc(5), cname: "x".repeat(300) }
    }

    fn clock() -> SourceClock {
        let sdp = "v=0\r\ns=x\r\nc=IN IP4 0.0.0.0\r\nm=video 0 RTP/AVP 26\r\na=control:0\r\n\
                   a=extmap:3 urn:ietf:params:rtp-hdrext:ntp-64\r\n";
        SourceClock::new(&announced(sdp).unwrap()[0])
    }

    fn info(wall: i64) -> SenderInfo {
        let ntp = NtpTime::from_unix_nanos(wall * MS);
        SenderInfo { ntp, time: RtpTime(0), packets: 1, octets: 1 }
    }

    /// Nanoseconds by which the relay's clock is ahead.
    fn ahead(clock: &SourceClock, source: Ssrc) -> Option<i64> {
        let trip = Duration::from_millis(4);
        let shared = clock.shared(source, &relay(), trip, Monotonic(2000 * MS))?;
        assert_eq!(shared.clock, 9);
        Some(shared.ahead)
    }

    #[test]
    fn the_relays_clock_is_ahead_by_what_reports_say_less_half_of_the_way() {
        let mut clock = clock();
        assert_eq!(ahead(&clock, ONE), None);
        let mut packet = [0; 28];
        packet[..2].copy_from_slice(&[0x90, 26]);
        packet[12..17].copy_from_slice(&[0xBE, 0xDE, 0, 3, 0x37]);
        packet[17..25].copy_from_slice(&info(900).ntp.0.to_be_bytes());
        clock.packet(ONE, &packet, || Monotonic(1000 * MS));
        assert_eq!(ahead(&clock, ONE), Some(100_098 * MS));
        clock.report(ONE, &info(960), Monotonic(1010 * MS));
        assert_eq!(ahead(&clock, ONE), Some(100_048 * MS));
        packet[17..25].copy_from_slice(&info(1200).ntp.0.to_be_bytes());
        clock.packet(ONE, &packet, || Monotonic(1100 * MS));
        let without = SenderInfo { ntp: NtpTime(0), ..info(0) };
        clock.report(ONE, &without, Monotonic(1100 * MS));
        assert_eq!(ahead(&clock, ONE), Some(100_048 * MS));
        // Another source's is not known.
        assert_eq!(ahead(&clock, Ssrc(2)), None);
        clock.report(Ssrc(2), &info(0), Monotonic(1100 * MS));
        assert_eq!((ahead(&clock, ONE), ahead(&clock, Ssrc(2))), (None, Some(101_098 * MS)));
    }

    #[test]
    fn viewers_are_told_by_another_source_that_never_is_the_publishers() {
        let (mut clock, relay) = (clock(), relay());
        for (of, by) in [(ONE, Ssrc(5)), (Ssrc(5), Ssrc(6))] {
            let told = SharedClock { clock: 9, ahead: i64::MIN };
            let bytes = clock.telling(of, &relay, told).unwrap();
            let packets: Vec<_> = packets(bytes).unwrap().map(Result::unwrap).collect();
            let [rtcp::Packet::ReceiverReport { ssrc, .. }, rtcp::Packet::Description(chunks)] =
                &*packets
            else {
                panic!("{packets:?}")
            };
            let chunk = chunks.clone().next().unwrap();
            assert_eq!((*ssrc, chunk.ssrc), (by, by));
            assert_eq!(chunk.shared, Some(Shared { of, clock: told }));
        }
    }
}
