//! Decides which announced sessions are tried, and for how long. Anybody can announce anything: what cannot be joined
//! or stays silent must neither end the search nor delay it. Nothing is opened here and no clock is read.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use streamsocket_media::clock::Monotonic;

/// Most sessions that are tried at the same time: each has its sockets.
const TRIED_MAX: usize = 8;

/// Most of one announcer: one that floods the network leaves room for others.
const OF_ONE_MAX: usize = 2;

/// A session of which no packet comes for so long is silent: senders report once a second.
const SILENT: Duration = Duration::from_secs(5);

/// How long a session that cannot be joined keeps its place, so that its announcer gets no more of them tried.
const HELD: Duration = Duration::from_secs(1);

/// After so long a skipped session is tried again: its sender may have recovered.
const AGAIN: Duration = Duration::from_secs(15);

/// Most skipped sessions that are remembered.
const SKIPPED_MAX: usize = 64;

/// What tells one announced session from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) name: String,
    /// Destination of its packets.
    pub(super) address: SocketAddr,
    /// Who announces it.
    pub(super) announcer: IpAddr,
}

/// After so long without a packet it is looked for in another way: senders report once a second.
const UNHEARD: Duration = Duration::from_secs(2);

/// A session that is being tried.
struct Tried<P> {
    key: Key,
    since: Monotonic,
    /// It was looked for in another way.
    sought: bool,
    /// Its sockets; none if it cannot be joined.
    probe: Option<P>,
}

/// The sessions that are being tried, each with its probe, and those that were.
pub(super) struct Candidates<P> {
    tried: Vec<Tried<P>>,
    skipped: VecDeque<(Key, Monotonic)>,
}

impl<P> Candidates<P> {
    pub(super) const fn new() -> Self {
        Self { tried: Vec::new(), skipped: VecDeque::new() }
    }

    /// Whether an announced session is to be tried now.
    pub(super) fn wants(&self, key: &Key, now: Monotonic) -> bool {
        let of_one = self.tried.iter().filter(|tried| tried.key.announcer == key.announcer);
        let skipped =
            self.skipped.iter().any(|(skipped, at)| skipped == key && now.since(*at) < AGAIN);
        self.tried.len() < TRIED_MAX
            && of_one.count() < OF_ONE_MAX
            && !skipped
            && self.tried.iter().all(|tried| tried.key != *key)
    }

    /// Begins to try a session. Without a probe it cannot be joined and is skipped.
    pub(super) fn begin(&mut self, key: Key, probe: Option<P>, now: Monotonic) {
        if probe.is_none() {
            self.skip(key.clone(), now);
        }
        self.tried.push(Tried { key, since: now, sought: false, probe });
    }

    /// The probes of the sessions that are being tried.
    pub(super) fn probes(&mut self) -> impl Iterator<Item = &mut P> {
        self.tried.iter_mut().filter_map(|tried| tried.probe.as_mut())
    }

    /// Takes a session of which something has come from those that are tried.
    pub(super) fn take(&mut self, is_meant: impl Fn(&P) -> bool) -> Option<Key> {
        let meant = |tried: &Tried<P>| tried.probe.as_ref().is_some_and(&is_meant);
        let at = self.tried.iter().position(meant)?;
        Some(self.tried.remove(at).key)
    }

    /// A session of which nothing has come for a while, and that is to be looked for in another way: each once.
    pub(super) fn unheard(&mut self, now: Monotonic) -> Option<(&Key, &P)> {
        let unheard = |it: &&mut Tried<P>| !it.sought && now.since(it.since) >= UNHEARD;
        let Tried { key, sought, probe, .. } = self.tried.iter_mut().find(unheard)?;
        *sought = true;
        Some((key, probe.as_ref()?))
    }

    /// A session that has been silent for too long and is now skipped.
    pub(super) fn silent(&mut self, now: Monotonic) -> Option<Key> {
        self.tried.retain(|tried| tried.probe.is_some() || now.since(tried.since) < HELD);
        let over = |tried: &Tried<P>| tried.probe.is_some() && now.since(tried.since) >= SILENT;
        let at = self.tried.iter().position(over)?;
        let key = self.tried.remove(at).key;
        self.skip(key.clone(), now);
        Some(key)
    }

    fn skip(&mut self, key: Key, now: Monotonic) {
        self.skipped.retain(|(skipped, _)| *skipped != key);
        if self.skipped.len() >= SKIPPED_MAX {
            self.skipped.pop_front();
        }
        self.skipped.push_back((key, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, announcer: u8) -> Key {
        let address = "239.1.1.1:5004".parse().unwrap();
        Key { name: name.into(), address, announcer: [10, 0, 0, announcer].into() }
    }

    fn at(millis: i64) -> Monotonic {
        Monotonic(millis * 1_000_000)
    }

    #[test]
    fn a_session_that_stays_silent_gives_way_and_is_tried_again() {
        let mut candidates = Candidates::new();
        let dud = key("dud", 1);
        assert!(candidates.wants(&dud, at(0)));
        candidates.begin(dud.clone(), Some(()), at(0));
        assert!(!candidates.wants(&dud, at(100)), "it is being tried");
        assert!(candidates.unheard(at(1900)).is_none());
        assert_eq!(candidates.unheard(at(2000)).map(|(key, ())| key), Some(&dud));
        assert!(candidates.unheard(at(2000)).is_none(), "once is enough");
        assert_eq!(candidates.silent(at(4900)), None);
        assert_eq!(candidates.silent(at(5000)), Some(dud.clone()));
        assert!(!candidates.wants(&dud, at(10_000)));
        assert!(candidates.wants(&dud, at(20_000)));
    }

    #[test]
    fn others_are_tried_meanwhile_also_one_of_the_same_name() {
        let mut candidates = Candidates::new();
        candidates.begin(key("door", 1), Some("the stranger's"), at(0));
        assert!(candidates.wants(&key("door", 2), at(10)));
        candidates.begin(key("door", 2), Some("the true one's"), at(10));
        assert_eq!(candidates.probes().count(), 2);
    }

    #[test]
    fn one_who_floods_the_network_leaves_room_for_others() {
        let mut candidates = Candidates::new();
        let mut tried = 0;
        for number in 0..100_000 {
            let now = at(number / 10);
            while candidates.silent(now).is_some() {}
            let (dud, joins) = (key(&number.to_string(), 1), number % 2 == 0);
            if candidates.wants(&dud, now) {
                tried += 1;
                candidates.begin(dud, joins.then_some(()), now);
            }
            assert!(candidates.wants(&key("true", 2), now));
        }
        assert!(tried <= 40, "{tried} tried in ten seconds");
        assert!(candidates.skipped.len() <= SKIPPED_MAX);
    }
}
