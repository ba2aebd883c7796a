//! Who receives: a table of bounded size, fed by the reports of receivers, and a count of those who
//! have no place in it.
//!
//! Anybody can send a report. Proven is a receiver that has echoed two sender reports of ours, some time
//! apart (RFC 3550 section 6.4.1), which every player does. The others are few, and give way.

use super::census::Census;
use super::echo::Asked;
use super::interval::receiver_interval;
use core::net::SocketAddr;
use core::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::rtcp::{Packet, ReportBlock, packets};
use streamsocket_wire::rtp::Ssrc;

/// Receivers known at most: 200 kB. More may watch; they are counted but not listed.
pub const VIEWERS_MAX: usize = 1024;

/// Unproven receivers at most: so many join within some seconds, and a forger adds no more.
pub const UNPROVEN_MAX: usize = 64;

/// Unproven receivers of one address at most: somebody who starts a few players at once, or one stranger.
const UNPROVEN_OF_ADDRESS_MAX: usize = 4;

/// Proven receivers of one address at most: more than anybody watches on one machine, and what a stranger
/// gets who takes part for as long as he wants to be counted.
const PROVEN_OF_ADDRESS_MAX: usize = 32;

/// From a receiver's first echo to the one that proves it: less than the shortest interval of reports (2.1
/// s, RFC 3550 section 6.3.1), more than a burst of forged ones takes.
const PROOF_AFTER: Duration = Duration::from_secs(2);

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
    /// What speaks for it.
    pub proof: Proof,
}

/// What speaks for a receiver, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proof {
    /// Nothing: a report, which can be made up.
    None,
    /// It has heard a sender report, and said so first at that time.
    Echo(Monotonic),
    /// It goes on hearing them.
    Proven,
}

impl Viewer {
    /// Whether it takes part for certain: it has echoed our reports.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.proof == Proof::Proven
    }
}

/// The receivers of one stream.
#[derive(Debug)]
pub struct Viewers {
    stream: Ssrc,
    bandwidth: u64,
    known: Vec<Viewer>,
    asked: Asked,
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
            asked: Asked::default(),
            census: Census::default(),
            period: Monotonic(0),
        }
    }

    /// A sender report that says `ntp` leaves now, which receivers will echo.
    pub fn ask(&mut self, ntp: NtpTime, now: Monotonic) {
        self.asked.ask(ntp, now);
    }

    /// Takes an RTCP packet from `address`. What is malformed is ignored.
    pub fn receive(&mut self, rtcp: &[u8], address: SocketAddr, now: Monotonic) {
        let Ok(packets) = packets(rtcp) else { return };
        // A receiver speaks for itself (RFC 3550 section 6.1): a datagram costs one search.
        let mut reporter = None;
        for packet in packets.flatten() {
            match packet {
                Packet::ReceiverReport { ssrc, blocks } if reporter.is_none() => {
                    reporter = Some(ssrc);
                    let block = blocks.into_iter().find(|block| block.ssrc == self.stream);
                    self.report(ssrc, address, block, now);
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

    /// What a receiver says in an RTCP packet that has come from `address`, who is none of those in the table; `None`
    /// if it says nothing, or goodbye. What `known` said before stays where it says nothing new.
    #[must_use]
    pub fn read(
        &self,
        rtcp: &[u8],
        address: SocketAddr,
        known: Option<Viewer>,
        now: Monotonic,
    ) -> Option<Viewer> {
        let mut alone = Self::new(self.stream, self.bandwidth);
        alone.asked = self.asked.clone();
        alone.known.extend(known);
        alone.receive(rtcp, address, now);
        alone.known.pop()
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
        // The table is exact as long as all have a place in it. The census counts only those that echo.
        let known = self.known.len();
        if self.is_pressed() { self.census.estimate().max(known) } else { known }
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

    /// Whether a newcomer finds no place that is free.
    fn is_pressed(&self) -> bool {
        let unproven = self.known.iter().filter(|it| !it.is_proven()).count();
        unproven >= UNPROVEN_MAX || self.known.len() >= VIEWERS_MAX
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
        now: Monotonic,
    ) {
        let round_trip = block.and_then(|block| self.asked.round_trip(&block, now));
        if round_trip.is_some() {
            self.census.count(address.ip());
        }
        if self.known(ssrc, address).is_none() && !self.admit(ssrc, address, now) {
            return;
        }
        let full = self.of(address, true).count() >= PROVEN_OF_ADDRESS_MAX;
        let Some(known) = self.known(ssrc, address) else { return };
        (known.address, known.heard) = (address, now);
        known.block = block.or(known.block);
        known.round_trip = round_trip.or(known.round_trip);
        known.proof = match known.proof {
            Proof::None if round_trip.is_some() => Proof::Echo(now),
            Proof::Echo(first)
                if round_trip.is_some() && now.since(first) >= PROOF_AFTER && !full =>
            {
                Proof::Proven
            }
            proof => proof,
        };
    }

    /// Makes a place for another one, which may take that of an unproven one. False if there is none.
    fn admit(&mut self, ssrc: Ssrc, address: SocketAddr, now: Monotonic) -> bool {
        let room = if self.of(address, false).count() >= UNPROVEN_OF_ADDRESS_MAX {
            self.drop_unproven(|it| it.address.ip() == address.ip())
        } else {
            !self.is_pressed() || self.drop_unproven(|_| true)
        };
        if room {
            let (cname, proof) = (heapless::Vec::new(), Proof::None);
            let (block, left, round_trip) = (None, None, None);
            let heard = now;
            self.known.push(Viewer { ssrc, address, cname, heard, block, left, round_trip, proof });
        }
        room
    }

    /// Forgets the one among these that nothing speaks for, unheard for longest. Who has echoed once
    /// keeps its place until it is proven or forgotten: else nobody of a crowd that comes at once would.
    fn drop_unproven(&mut self, among: impl Fn(&Viewer) -> bool) -> bool {
        let without = |it: &Viewer| it.proof == Proof::None && among(it);
        let unproven = self.known.iter().enumerate().filter(|(_, it)| without(it));
        let oldest = unproven.min_by_key(|(_, it)| it.heard).map(|(index, _)| index);
        oldest.map(|index| self.known.remove(index)).is_some()
    }

    fn of(&self, address: SocketAddr, proven: bool) -> impl Iterator<Item = &Viewer> {
        let own = move |it: &&Viewer| it.address.ip() == address.ip();
        self.known.iter().filter(own).filter(move |it| it.is_proven() == proven)
    }
}

#[cfg(test)]
mod tests;
