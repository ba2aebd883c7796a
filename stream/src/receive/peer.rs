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

    /// Whether a packet of this source that comes from there may be the stream's, now or later.
    #[must_use]
    pub fn may_be(&self, from: IpAddr, ssrc: Ssrc) -> bool {
        let described = self.described.contains(&from) || self.ssrc == Some(ssrc);
        self.described.is_empty() || described || self.believes(from)
    }

    /// Whether what `from` reports is said by the source.
    #[must_use]
    pub fn believes(&self, from: IpAddr) -> bool {
        self.current.is_some_and(|current| current.address == from)
    }

    /// Whether the stream comes from there, or has done so.
    #[must_use]
    pub fn heard(&self, from: IpAddr) -> bool {
        self.believes(from) || self.home == Some(from)
    }

    /// The same, or it is described to.
    #[must_use]
    pub fn knows(&self, from: IpAddr) -> bool {
        self.heard(from) || self.described.contains(&from)
    }

    /// From now on it is described to come from there, too, if nothing is known of that address.
    pub fn describe(&mut self, from: IpAddr) {
        if !self.knows(from) {
            if self.described.is_full() {
                self.described.remove(0);
            }
            let pushed = self.described.push(from);
            debug_assert!(pushed.is_ok(), "there is room after a removal");
        }
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
mod tests;
