//! Opens what comes of a protected stream (SRTP), with whichever key it was sealed, and seals our own reports.

use super::candidates::{Candidates, Found};
use std::net::IpAddr;
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_net::machine;
use streamsocket_srtp::master_key::MasterKey;
use streamsocket_srtp::open::{PacketOpener, Refused, ReportOpener};
use streamsocket_srtp::packet::Head;
use streamsocket_srtp::seal::ReportSealer;
use streamsocket_srtp::suite::Suite;
use streamsocket_stream::receive::refusal::Reason;
use streamsocket_stream::receive::source::SILENCE;

/// While a stream is heard, a counter that is higher is searched for once in so long, a twentieth of a processor at most...
const CONTESTED: Delay = Delay::from_secs(10);

/// ... and if so many packets were not authentic, or came again.
const CONTESTED_MIN: u32 = 64;

/// Packets that other keys are tried on in [`WHILE`], when the one that opened the last packet does not open this one:
/// a sender that changes its key is known at once, and a flood costs little more than one hash a packet.
const OTHERS_MAX: u32 = 64;

/// The time for [`OTHERS_MAX`].
const WHILE: Delay = Delay::from_millis(100);

/// Opens a stream's packets, and reports in both directions.
pub(crate) struct Unsealing {
    ways: Vec<Way>,
    suites: Vec<Suite>,
    /// That which opened the last packet.
    current: usize,
    candidates: Candidates,
    /// The last packet that was authentic.
    heard: Option<Monotonic>,
    others: (Monotonic, u32),
    /// When what was heard was doubted last, and packets since then that were refused.
    contested: (Monotonic, u32),
    packet: Vec<u8>,
    report: Vec<u8>,
    own: Option<(usize, ReportSealer)>,
    sealed: Vec<u8>,
}

/// A key in a suite.
struct Way {
    key: MasterKey,
    suite: Suite,
    packets: PacketOpener,
    reports: ReportOpener,
}

impl Unsealing {
    /// With each of these keys in each of these suites, for a stream whose source its description may name.
    pub(crate) fn new(keys: &[MasterKey], suites: &[Suite]) -> Self {
        Self {
            ways: ways(keys, suites).map(|(key, suite)| Way::new(key, suite)).collect(),
            suites: suites.to_vec(),
            current: 0,
            candidates: Candidates::default(),
            heard: None,
            others: (Monotonic(0), 0),
            contested: (Monotonic(0), 0),
            packet: Vec::new(),
            report: Vec::new(),
            own: None,
            sealed: Vec::new(),
        }
    }

    /// Has these keys from now on; those that it has had go on where they are.
    pub(crate) fn take_keys(&mut self, keys: &[MasterKey]) {
        let current = self.ways.get(self.current).map(|way| (way.key.clone(), way.suite));
        let mut before = std::mem::take(&mut self.ways);
        for (key, suite) in ways(keys, &self.suites) {
            let same = before.iter().position(|way| way.key == *key && way.suite == suite);
            let same = same.map(|at| before.swap_remove(at));
            self.ways.push(same.unwrap_or_else(|| Way::new(key, suite)));
        }
        let current = current.and_then(|(key, suite)| {
            self.ways.iter().position(|way| way.key == key && way.suite == suite)
        });
        self.current = current.unwrap_or(0);
        // What is sealed and searched for next is with these.
        self.own = self.own.take().map(|(_, own)| (usize::MAX, own));
        self.candidates = Candidates::default();
    }

    /// The packet as it was before it was sealed.
    ///
    /// # Errors
    /// Why it is refused.
    pub(crate) fn open(
        &mut self,
        packet: &[u8],
        from: IpAddr,
        now: Monotonic,
    ) -> Result<&[u8], Reason> {
        self.take_found();
        let Some(way) = self.ways.get_mut(self.current) else { return Err(Reason::Forged) };
        let refused = match way.packets.open(packet, &mut self.packet) {
            Ok(()) => return Ok(&self.packet),
            Err(refused) => refused,
        };
        if refused == Refused::Malformed {
            return Err(Reason::NotRtp);
        }
        if refused != Refused::Replayed && self.opens_otherwise(packet, now) {
            return Ok(&self.packet);
        }
        // Until then whatever is not authentic is a stranger's, and costs one hash. Then the stream may go on with a
        // counter that is not known.
        let silent = self.heard.is_none_or(|heard| now - heard >= SILENCE);
        if silent || self.is_contested(now) {
            let openers = self.ways.iter().map(|way| &way.packets);
            self.candidates.push(packet, (from, now), openers);
        }
        Err(if refused == Refused::Replayed { Reason::Replayed } else { Reason::Forged })
    }

    /// The packet that was opened last is of the source that is received.
    pub(crate) fn admitted(&mut self, ssrc: u32, now: Monotonic) {
        self.heard = Some(now);
        self.candidates.clear();
        if let Some(way) = self.ways.get_mut(self.current) {
            way.packets.keep(ssrc);
        }
    }

    /// Whether a search is worth its while though the stream is heard: what is heard may be somebody's recording of it,
    /// and the stream itself, whose counter is higher, what seems to be forged, or to have come before.
    fn is_contested(&mut self, now: Monotonic) -> bool {
        let (since, forged) = &mut self.contested;
        *forged += 1;
        let due = *forged >= CONTESTED_MIN && now - *since >= CONTESTED;
        if due {
            (*since, *forged) = (now, 0);
        }
        due
    }

    /// A packet that was made from repair packets, as it was before it was sealed, if it is authentic.
    pub(crate) fn open_made(&mut self, packet: &[u8]) -> Option<&[u8]> {
        let way = self.ways.get_mut(self.current)?;
        way.packets.open_made(packet, &mut self.packet).ok().map(|()| &self.packet[..])
    }

    /// Whether another key, or suite, opens a packet; if so it is the one from now on.
    fn opens_otherwise(&mut self, packet: &[u8], now: Monotonic) -> bool {
        let Some(head) = Head::parse(packet).filter(|_| self.ways.len() > 1) else { return false };
        if now - self.others.0 >= WHILE {
            self.others = (now, 0);
        }
        if self.others.1 >= OTHERS_MAX {
            return false;
        }
        self.others.1 += 1;
        let current = self.current;
        let newest = self.ways.get(current).and_then(|way| way.packets.newest(head.ssrc));
        for (next, way) in self.ways.iter_mut().enumerate().filter(|(next, _)| *next != current) {
            if let Some(newest) = newest {
                way.packets.follow(head.ssrc, newest);
            }
            if way.packets.open(packet, &mut self.packet).is_ok() {
                log::info!("what comes is protected with another key of the key file");
                self.current = next;
                return true;
            }
        }
        false
    }

    /// Takes on what a search has found.
    fn take_found(&mut self) {
        let Some(Found { opener, packet, rollovers }) = self.candidates.found() else { return };
        log::debug!("the sequence number has rolled over {rollovers} times");
        if let Some(way) = self.ways.get_mut(opener) {
            way.packets.learn(&packet, rollovers);
            self.current = opener;
        }
    }

    /// A report as it was before it was sealed, if it is authentic.
    pub(crate) fn open_report(&mut self, report: &[u8]) -> Option<&[u8]> {
        let Self { ways, current, report: opened, .. } = self;
        let order = [*current].into_iter().chain((0..ways.len()).filter(|it| it != current));
        let mut opens = |at: usize| {
            let way: Option<&mut Way> = ways.get_mut(at);
            way.is_some_and(|way| way.reports.open(report, opened).is_ok())
        };
        let authentic = order.into_iter().any(&mut opens);
        authentic.then_some(&self.report[..])
    }

    /// The sealed form of a report of ours, with the key that the sender has.
    pub(crate) fn seal(&mut self, report: &[u8]) -> Option<&[u8]> {
        let way = self.ways.get(self.current)?;
        // Indices go on with another key, since the SSRC does. They begin by chance: of all receivers that ever report with
        // a key two may have the same SSRC.
        let first = || machine::random().unwrap_or(0) >> 2;
        let sealed = self.own.as_ref().map_or_else(first, |(_, own)| own.sealed());
        let same = self.own.take_if(|(current, _)| *current == self.current);
        let make = || (self.current, ReportSealer::new(&way.key, way.suite, sealed));
        let (_, own) = self.own.insert(same.unwrap_or_else(make));
        own.seal(report, &mut self.sealed).then_some(&self.sealed[..])
    }
}

impl Way {
    fn new(key: &MasterKey, suite: Suite) -> Self {
        Self {
            key: key.clone(),
            suite,
            packets: PacketOpener::new(key, suite),
            reports: ReportOpener::new(key, suite),
        }
    }
}

/// Each key in each suite.
fn ways<'a>(
    keys: &'a [MasterKey],
    suites: &'a [Suite],
) -> impl Iterator<Item = (&'a MasterKey, Suite)> {
    keys.iter().flat_map(|key| suites.iter().map(move |suite| (key, *suite)))
}

#[cfg(test)]
mod tests;
