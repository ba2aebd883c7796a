//! Which address the packets of a stream come from, and who may take it over. Anybody in a LAN can send
//! to a group, and a description tells everybody the source's SSRC: neither proves that a packet is the
//! sender's. Its address does, unless somebody forges that.

use core::net::IpAddr;
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_wire::rtp::{Sequence, Ssrc};

/// While the sender gave a sign of life, a packet or a report, within so long, nobody takes
/// its place: reports come every 1.23 s at the latest ([`SENDER_INTERVAL`]), whatever becomes of the camera.
///
/// [`SENDER_INTERVAL`]: crate::session::interval::SENDER_INTERVAL
pub const LIFE: Delay = Delay::from_millis(1400);

/// A sender of which only reports have come, since its camera is out or slow, may lose two of them in a row: so long
/// three may take.
const REPORTS_LIFE: Delay = Delay::from_millis(3800);

/// A newcomer has to have sent so many packets in sequence...
const PROBATION_PACKETS: u16 = 16;

/// ... over so long: one that follows a sender whose address has changed is played two seconds
/// later at the latest.
const PROBATION: Delay = Delay::from_millis(500);

/// Packets that may be missing between two of a newcomer's.
const GAP_MAX: u16 = 100;

/// Newcomers who are watched at the same time, one an address: a stranger takes one of these places.
const NEWCOMERS_MAX: usize = 4;

/// Addresses that a description may name: the sources of its filter.
const DESCRIBED_MAX: usize = 8;

/// A newcomer of which nothing came for so long begins anew: longer than between two pictures of the
/// slowest camera.
const NEWCOMER: Delay = Delay::from_secs(30);

/// A newcomer that has had the stream for so long, while nothing came from where it was before,
/// is where the sender has moved to.
const SETTLED: Delay = Delay::from_secs(60);

/// Who a packet is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It comes from where the stream comes from.
    Ours,
    /// From now on the stream comes from there: the source takes it over.
    TakesOver,
    /// It is somebody else's.
    Stranger,
}

/// Where a stream comes from.
#[derive(Clone, Debug, Default)]
pub struct Peers {
    /// The addresses that the description names; none: it does not.
    described: heapless::Vec<IpAddr, DESCRIBED_MAX>,
    /// The source that it names, which is believed elsewhere, too.
    ssrc: Option<Ssrc>,
    /// Where it belongs otherwise: the address heard first, or the one that the sender has moved to.
    home: Option<IpAddr>,
    /// When something last came from either.
    home_heard: Option<Monotonic>,
    current: Option<Current>,
    /// The last packet, and the last report, of whoever has the stream or may have it at once.
    packet: Option<Monotonic>,
    report: Option<Monotonic>,
    newcomers: heapless::Vec<Newcomer, NEWCOMERS_MAX>,
}

#[derive(Clone, Copy, Debug)]
struct Current {
    address: IpAddr,
    since: Monotonic,
}

#[derive(Clone, Copy, Debug)]
struct Newcomer {
    address: IpAddr,
    ssrc: Ssrc,
    last: Sequence,
    packets: u16,
    since: Monotonic,
    heard: Monotonic,
}

impl Peers {
    /// For a stream that a description may have named the addresses of, eight at most, and its source.
    #[must_use]
    pub fn new(addresses: impl IntoIterator<Item = IpAddr>, ssrc: Option<Ssrc>) -> Self {
        let described = addresses.into_iter().take(DESCRIBED_MAX).collect();
        Self { described, ssrc, ..Self::default() }
    }

    /// Whose a packet is that arrived at `arrival` from `from`.
    pub fn packet(
        &mut self,
        from: IpAddr,
        (ssrc, sequence): (Ssrc, Sequence),
        arrival: Monotonic,
    ) -> Standing {
        let standing = self.standing(from, (ssrc, sequence), arrival);
        if standing == Standing::TakesOver {
            self.newcomers.clear();
            self.current = Some(Current { address: from, since: arrival });
            self.home = self.home.or(Some(from));
        }
        if standing != Standing::Stranger {
            self.packet = self.packet.max(Some(arrival));
            self.lives(from, arrival);
        }
        standing
    }

    fn standing(
        &mut self,
        from: IpAddr,
        (ssrc, sequence): (Ssrc, Sequence),
        arrival: Monotonic,
    ) -> Standing {
        if self.believes(from) {
            return Standing::Ours;
        }
        // The first one is believed, if nothing else is known.
        if self.may_return(from, arrival) || self.described.is_empty() && self.home.is_none() {
            return Standing::TakesOver;
        }
        if !self.described.is_empty() && self.ssrc != Some(ssrc) {
            return Standing::Stranger;
        }
        let passed = self.watch(from, (ssrc, sequence), arrival);
        if passed && !self.is_alive(arrival) { Standing::TakesOver } else { Standing::Stranger }
    }

    /// Whether the stream is theirs at once: they are at a described address, unless another one of these has
    /// it and lives, or at home while nobody is there.
    fn may_return(&self, from: IpAddr, now: Monotonic) -> bool {
        let other = self.current.map(|current| current.address);
        let described_has_it = other.is_some_and(|other| self.described.contains(&other));
        if self.described.contains(&from) {
            return !described_has_it || !self.is_alive(now);
        }
        self.home == Some(from) && !described_has_it
    }

    /// Whether the sender has given a sign of life lately.
    fn is_alive(&self, now: Monotonic) -> bool {
        let (packet, report) = (self.packet, self.report);
        let silent = |since: Monotonic| now - since;
        let reports_only = report.is_some_and(|report| packet.is_none_or(|it| report - it >= LIFE));
        let life = if reports_only { REPORTS_LIFE } else { LIFE };
        packet.max(report).is_some_and(|heard| silent(heard) < life)
    }

    /// Whether what `from` reports is said by the source.
    #[must_use]
    pub fn believes(&self, from: IpAddr) -> bool {
        self.current.is_some_and(|current| current.address == from)
    }

    /// Whether the stream comes from there, or is described to or has done so.
    #[must_use]
    pub fn knows(&self, from: IpAddr) -> bool {
        self.believes(from) || self.home == Some(from) || self.described.contains(&from)
    }

    /// A sender's report came from `from`: it lives. True if somebody else has its place: whoever that is
    /// has to leave.
    pub fn reported(&mut self, from: IpAddr, now: Monotonic) -> bool {
        let returns = !self.believes(from) && self.may_return(from, now);
        if returns || self.believes(from) {
            self.report = self.report.max(Some(now));
            self.lives(from, now);
        }
        // Its packets take the stream over.
        returns && self.current.take().is_some()
    }

    /// The source has said goodbye: nobody is waited for.
    pub fn bye(&mut self) {
        (self.current, self.home_heard) = (None, None);
        (self.packet, self.report) = (None, None);
    }

    fn lives(&mut self, from: IpAddr, now: Monotonic) {
        if self.home == Some(from) || self.described.contains(&from) {
            self.home_heard = self.home_heard.max(Some(now));
        }
        let Some(current) = self.current.filter(|it| it.address == from) else { return };
        let settled = |since: Monotonic| now - since >= SETTLED;
        if settled(current.since) && self.home_heard.is_none_or(settled) {
            (self.home, self.home_heard) = (Some(from), Some(now));
        }
    }

    /// Takes notice of a newcomer's packet; true once it has sent for long enough.
    fn watch(
        &mut self,
        address: IpAddr,
        (ssrc, sequence): (Ssrc, Sequence),
        arrival: Monotonic,
    ) -> bool {
        let first =
            Newcomer { address, ssrc, last: sequence, packets: 1, since: arrival, heard: arrival };
        let Some(known) = self.newcomers.iter_mut().find(|it| it.address == address) else {
            if self.newcomers.is_full() {
                let oldest = self.newcomers.iter().enumerate().min_by_key(|(_, it)| it.heard);
                let oldest = oldest.map_or(0, |(index, _)| index);
                self.newcomers.swap_remove(oldest);
            }
            let pushed = self.newcomers.push(first);
            debug_assert!(pushed.is_ok(), "there is room after a removal");
            return false;
        };
        let step = sequence.0.wrapping_sub(known.last.0);
        let silent = arrival - known.heard >= NEWCOMER;
        if known.ssrc != ssrc || silent || (GAP_MAX..=u16::MAX - GAP_MAX).contains(&step) {
            *known = first;
        } else if (1..GAP_MAX).contains(&step) {
            known.packets = known.packets.saturating_add(1);
            (known.last, known.heard) = (sequence, arrival);
        }
        known.packets >= PROBATION_PACKETS && arrival - known.since >= PROBATION
    }
}

#[cfg(test)]
mod tests {
    use super::Standing::{Ours, Stranger, TakesOver};
    use super::*;

    const MS: i64 = 1_000_000;
    const HOME: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 168, 1, 10));
    const OTHER: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 168, 1, 66));
    const SOURCE: Ssrc = Ssrc(7);

    fn at(millis: i64) -> Monotonic {
        Monotonic(millis * MS)
    }

    /// Lets somebody send from `from` until `to` milliseconds, a packet each 10 ms; returns when the stream was
    /// taken over, if it was.
    fn send(peers: &mut Peers, address: IpAddr, ssrc: Ssrc, (from, to): (i64, i64)) -> Option<i64> {
        let mut times = (from..to).step_by(10).zip(0..);
        let taken = times.find(|(time, sequence)| {
            peers.packet(address, (ssrc, Sequence(*sequence)), at(*time)) == TakesOver
        });
        taken.map(|(time, _)| time)
    }

    fn described() -> Peers {
        let mut peers = Peers::new(Some(HOME), Some(SOURCE));
        assert_eq!(peers.packet(HOME, (SOURCE, Sequence(0)), at(0)), TakesOver);
        assert_eq!(peers.packet(HOME, (SOURCE, Sequence(1)), at(1)), Ours);
        peers
    }

    #[test]
    fn nobody_takes_the_place_of_a_source_that_reports() {
        let mut peers = described();
        for second in 0..3600 {
            assert!(!peers.reported(HOME, at(second * 1230)));
            let span = (second * 1230 + 1, (second + 1) * 1230);
            assert_eq!(send(&mut peers, OTHER, SOURCE, span), None, "{second}");
        }
    }

    #[test]
    fn one_packet_takes_no_stream_however_long_it_was_silent() {
        let mut peers = described();
        for minute in 1..60 {
            let packet = (SOURCE, Sequence(u16::try_from(minute).unwrap()));
            assert_eq!(peers.packet(OTHER, packet, at(minute * 60_000)), Stranger);
        }
    }

    #[test]
    fn a_sender_that_moves_is_followed_within_two_seconds() {
        let taken = send(&mut described(), OTHER, SOURCE, (20, 4000)).unwrap();
        assert!((1_400..2_000).contains(&taken), "{taken}");
        // Without a description the source may be another one, too.
        let mut peers = Peers::default();
        assert_eq!(peers.packet(HOME, (SOURCE, Sequence(0)), at(0)), TakesOver);
        let taken = send(&mut peers, OTHER, Ssrc(9), (20, 4000)).unwrap();
        assert!((1_400..2_000).contains(&taken), "{taken}");
    }

    #[test]
    fn a_description_names_who_may_follow() {
        assert_eq!(send(&mut described(), OTHER, Ssrc(9), (20, 60_000)), None);
    }

    #[test]
    fn the_old_address_takes_its_stream_at_once() {
        let mut peers = described();
        assert!(send(&mut peers, OTHER, SOURCE, (20, 4000)).is_some());
        assert!(peers.believes(OTHER));
        assert_eq!(peers.packet(HOME, (SOURCE, Sequence(0)), at(4001)), TakesOver);
        assert!(peers.believes(HOME));
        // By a report alone it does, too, though its camera is out.
        let mut peers = described();
        assert!(send(&mut peers, OTHER, SOURCE, (20, 4000)).is_some());
        assert!(peers.reported(HOME, at(4001)));
        assert!(!peers.believes(OTHER) && !peers.believes(HOME));
        assert_eq!(send(&mut peers, OTHER, SOURCE, (4002, 5000)), None);
    }

    #[test]
    fn who_has_moved_is_at_home_there_after_a_minute() {
        let mut peers = Peers::default();
        assert_eq!(peers.packet(HOME, (SOURCE, Sequence(0)), at(0)), TakesOver);
        assert!(send(&mut peers, OTHER, SOURCE, (20, 2000)).is_some());
        assert_eq!(send(&mut peers, OTHER, SOURCE, (2000, 70_000)), None);
        assert_eq!(peers.packet(HOME, (SOURCE, Sequence(0)), at(70_001)), Stranger);
        // It says goodbye, and is at once there again with another source.
        peers.bye();
        assert_eq!(peers.packet(OTHER, (Ssrc(9), Sequence(0)), at(70_002)), TakesOver);
    }

    #[test]
    fn the_described_address_has_its_stream_for_ever() {
        let mut peers = described();
        assert!(send(&mut peers, OTHER, SOURCE, (20, 2000)).is_some());
        assert_eq!(send(&mut peers, OTHER, SOURCE, (2000, 600_000)), None);
        // Started anew it has another source.
        assert_eq!(peers.packet(HOME, (Ssrc(9), Sequence(0)), at(600_001)), TakesOver);
        assert_eq!(send(&mut peers, OTHER, SOURCE, (600_002, 601_000)), None);
        assert!(peers.believes(HOME));
    }

    #[test]
    fn of_two_described_addresses_the_first_has_the_stream_until_it_is_silent() {
        let mut peers = Peers::new([HOME, OTHER], None);
        assert_eq!(peers.packet(OTHER, (SOURCE, Sequence(0)), at(0)), TakesOver);
        for time in 1..1000 {
            let packet = |ssrc| (ssrc, Sequence(u16::try_from(time).unwrap()));
            assert_eq!(peers.packet(HOME, packet(Ssrc(9)), at(time)), Stranger);
            assert_eq!(peers.packet(OTHER, packet(SOURCE), at(time)), Ours);
        }
        assert_eq!(send(&mut peers, HOME, Ssrc(9), (1000, 5000)), Some(2400));
        assert!(peers.believes(HOME));
    }

    #[test]
    fn reports_may_be_lost_while_the_camera_is_out() {
        let mut peers = described();
        for report in 1..1000 {
            assert!(!peers.reported(HOME, at(report * 2_500)));
            let span = (report * 2_500 + 1, (report + 1) * 2_500);
            let taken = send(&mut peers, OTHER, SOURCE, span);
            // Before the first report nothing says that there is a camera that is out.
            assert!(taken.is_none(), "{report}: {taken:?}");
        }
    }

    #[test]
    fn a_slow_sender_that_moves_is_followed() {
        let mut peers = described();
        // A picture of ten packets every five seconds.
        let taken = (1..20).find(|picture| {
            (0..10).any(|packet| {
                let sequence = Sequence(u16::try_from(picture * 10 + packet).unwrap());
                let time = at(picture * 5_000 + packet);
                peers.packet(OTHER, (SOURCE, sequence), time) == TakesOver
            })
        });
        assert_eq!(taken, Some(2));
    }

    #[test]
    fn rubbish_between_its_packets_does_not_hold_a_newcomer_up() {
        let mut peers = described();
        let mut taken = None;
        for step in 0_u16..400 {
            let time = at(20 + i64::from(step) * 10);
            for address in 1..=3 {
                let stranger = IpAddr::from([192, 168, 2, address]);
                let random = (SOURCE, Sequence(step.wrapping_mul(40_503)));
                assert_eq!(peers.packet(stranger, random, time), Stranger);
            }
            if peers.packet(OTHER, (SOURCE, Sequence(step)), time) == TakesOver {
                taken = taken.or(Some(20 + i64::from(step) * 10));
            }
        }
        assert!(taken.is_some_and(|taken| taken < 2000), "{taken:?}");
    }

    #[test]
    fn after_a_goodbye_a_newcomer_need_not_wait() {
        let mut peers = described();
        peers.bye();
        let taken = send(&mut peers, OTHER, SOURCE, (20, 4000)).unwrap();
        assert!((500..600).contains(&taken), "{taken}");
    }
}
