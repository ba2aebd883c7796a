//! Packets that may be a stream's whose roll-over counter is not known, and the search for it, on a thread of its own.
//! Strangers may send as well: some packets of all that come are tried together, so that each search has some of the
//! stream's.

use std::net::IpAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread::{Builder, JoinHandle};
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_net::machine;
use streamsocket_srtp::open::PacketOpener;
use streamsocket_srtp::search::{GUESSES_MAX, Search};

/// Packets that are tried together.
const TOGETHER: usize = 16;

/// Of those, packets of one address: a stranger leaves room for the stream.
const OF_ADDRESS_MAX: usize = TOGETHER / 2;

/// The first counters, which are tried for all packets before any higher one: 15 hours of 1080p30. Each next range is
/// [`WIDER`] times as wide.
const FIRST: u32 = 1 << 12;

const WIDER: u32 = 16;

/// The next search of the program begins so long after one that has found nothing has begun: 2^20 guesses a second.
const WHILE: Delay = Delay::from_secs(1);

/// When the next search may begin, in nanoseconds of the monotonic clock; at the end of time while one runs.
static NEXT: AtomicI64 = AtomicI64::new(0);

/// The one search that runs. The next one may begin when it is dropped.
struct Turn {
    began: Monotonic,
    found: bool,
}

impl Turn {
    fn take(now: Monotonic) -> Option<Self> {
        let order = Ordering::Relaxed;
        let next = NEXT.load(order);
        if next > now.0 || NEXT.compare_exchange(next, i64::MAX, order, order).is_err() {
            return None;
        }
        Some(Self { began: now, found: false })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next = if self.found { self.began } else { self.began + WHILE };
        NEXT.store(next.0, Ordering::Relaxed);
    }
}

/// Whether a search of the program's runs.
#[cfg(test)]
pub(super) fn is_any_searching() -> bool {
    NEXT.load(Ordering::Relaxed) == i64::MAX
}

/// What a search has found.
pub(super) struct Found {
    /// Which of the openers opens it.
    pub(super) opener: usize,
    /// A packet of the stream.
    pub(super) packet: Vec<u8>,
    /// How often the sequence number has rolled over.
    pub(super) rollovers: u32,
}

/// A packet that may be the stream's.
struct Candidate {
    packet: Vec<u8>,
    from: IpAddr,
    searches: Vec<Search>,
}

/// Packets that may be the stream's.
#[derive(Default)]
pub(super) struct Candidates {
    waiting: Vec<Candidate>,
    /// Packets that came while others waited.
    came: u32,
    search: Option<JoinHandle<Option<Found>>>,
}

impl Candidates {
    /// Something authentic has come: nothing is searched for.
    pub(super) fn clear(&mut self) {
        if self.came > 0 {
            self.waiting.clear();
            self.came = 0;
        }
    }

    /// A packet has come that none of these opens. It is tried at once, or may be one of those that are tried next. The next
    /// search begins when it may, whether or not this packet is among them.
    pub(super) fn push<'a>(
        &mut self,
        packet: &[u8],
        (from, now): (IpAddr, Monotonic),
        openers: impl Iterator<Item = &'a PacketOpener>,
    ) {
        self.came = self.came.saturating_add(1);
        if let Some(place) = self.place(from) {
            let searches = openers.filter_map(|opener| opener.search(packet)).collect();
            let candidate = Candidate { packet: packet.to_vec(), from, searches };
            match self.waiting.get_mut(place) {
                Some(it) => *it = candidate,
                None => self.waiting.push(candidate),
            }
        }
        if let Some(turn) = self.search.is_none().then(|| Turn::take(now)).flatten() {
            let waiting = std::mem::take(&mut self.waiting);
            self.came = 0;
            let begun = Builder::new().name("search".into()).spawn(move || search(&waiting, turn));
            let begun = begun.map_err(|error| log::debug!("no thread for a search: {error}"));
            self.search = begun.ok();
        }
    }

    /// Where a packet of this address goes: into a free place, or one by chance, so that all that have come are as
    /// likely to be tried.
    fn place(&self, from: IpAddr) -> Option<usize> {
        let of_address = self.waiting.iter().filter(|it| it.from == from).count();
        if self.waiting.len() < TOGETHER && of_address < OF_ADDRESS_MAX {
            return Some(self.waiting.len());
        }
        let chance = usize::try_from(machine::random().ok()? % self.came.max(1)).ok()?;
        let full = of_address >= OF_ADDRESS_MAX;
        let fits = |it: &(usize, &Candidate)| !full || it.1.from == from;
        let mut places = self.waiting.iter().enumerate().filter(fits).map(|(place, _)| place);
        places.nth(chance)
    }

    /// Whether a search is under way.
    #[cfg(test)]
    pub(super) fn is_searching(&self) -> bool {
        self.search.as_ref().is_some_and(|search| !search.is_finished())
    }

    /// Whether a search has begun whose end was not taken yet.
    #[cfg(test)]
    pub(super) const fn has_begun(&self) -> bool {
        self.search.is_some()
    }

    /// What the search has found that has ended since the last call, if anything.
    pub(super) fn found(&mut self) -> Option<Found> {
        let ended = self.search.take_if(|search| search.is_finished())?;
        ended.join().ok().flatten()
    }
}

/// Searches for the counter of any of these: the first ones for all of them, then all for one by chance.
fn search(candidates: &[Candidate], mut turn: Turn) -> Option<Found> {
    let chance = usize::try_from(machine::random().unwrap_or(0)).unwrap_or(0);
    let one = candidates.get(chance % candidates.len().max(1))?;
    let count = |searches: usize| u32::try_from(searches).unwrap_or(u32::MAX);
    let all = count(candidates.iter().map(|it| it.searches.len()).sum());
    let left = GUESSES_MAX.saturating_sub(FIRST.saturating_mul(all));
    let most = FIRST + left / count(one.searches.len()).max(1);
    let found = among(candidates, 0..FIRST).or_else(|| {
        let one = std::slice::from_ref(one);
        let mut from = FIRST;
        // Step by step, so that no key waits for all counters of another.
        std::iter::from_fn(|| {
            let to = from.saturating_mul(WIDER).min(most);
            let range = from..to;
            from = to;
            (!range.is_empty()).then_some(range)
        })
        .find_map(|range| among(one, range))
    });
    turn.found = found.is_some();
    found
}

/// The counter of any of these that is one of those.
fn among(candidates: &[Candidate], counters: Range<u32>) -> Option<Found> {
    let mut all =
        candidates.iter().flat_map(|it| it.searches.iter().enumerate().map(move |way| (it, way)));
    all.find_map(|(candidate, (opener, search))| {
        let rollovers = search.among(counters.clone())?;
        Some(Found { opener, packet: candidate.packet.clone(), rollovers })
    })
}
