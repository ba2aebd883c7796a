//! Looks for a group to which nobody sends, which takes a second: beside the loop.

use crate::description::PORT;
use crate::places::Key;
use crate::publishers::PUBLISHERS_MAX;
use mio::Waker;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use streamsocket_net::Interface;
use streamsocket_station::group;

/// Searches at a time: after a restart all publishers that there may be come at once.
const SEARCHES_MAX: usize = PUBLISHERS_MAX;

/// Those for one address, so that nobody takes all: cameras behind it that come at once have their turn a second later.
const OF_ADDRESS_MAX: usize = SEARCHES_MAX / 4;

/// Who waits for a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asker {
    /// The number of the connection.
    pub(crate) connection: u64,
    /// Where it counts as being.
    pub(crate) address: IpAddr,
}

/// What was found for whom.
pub(crate) struct Found {
    pub(crate) key: Key,
    pub(crate) group: Result<IpAddr, String>,
}

/// Searches that go on.
pub(crate) struct Searches {
    waker: Arc<Waker>,
    sender: Sender<Found>,
    receiver: Receiver<Found>,
    /// Those for whom one runs, though they may have left.
    running: Vec<(Key, Asker)>,
}

impl Searches {
    pub(crate) fn new(waker: Arc<Waker>) -> Self {
        let (sender, receiver) = channel();
        Self { waker, sender, receiver, running: Vec::new() }
    }

    /// Looks for a group for that session, one of those that `free` lets be, unless that is done already. False if
    /// too many are looked for, one for the same connection or some for the same address.
    pub(crate) fn begin(
        &mut self,
        asker: Asker,
        key: &Key,
        session: &str,
        interface: Option<&Interface>,
        free: impl Fn(IpAddr) -> bool + Send + 'static,
    ) -> bool {
        if self.running.iter().any(|(it, _)| it == key) {
            return true;
        }
        if !self.may_begin(asker) {
            return false;
        }
        let (sender, waker) = (self.sender.clone(), Arc::clone(&self.waker));
        let begins = (key.clone(), asker);
        let (key, session, interface) = (key.clone(), session.to_owned(), interface.cloned());
        let looks = move || {
            let found = group::find(&session, interface.as_ref(), PORT, free);
            let group = found.map_err(|error| error.to_string());
            // The loop has ended if nobody takes it.
            let _ = sender.send(Found { key, group });
            let _ = waker.wake();
        };
        let begun = std::thread::Builder::new().name("group".into()).spawn(looks);
        self.running.extend(begun.is_ok().then_some(begins));
        begun.is_ok()
    }

    /// The next one that was found.
    pub(crate) fn found(&mut self) -> Option<Found> {
        let found = self.receiver.try_recv().ok()?;
        if let Some(at) = self.running.iter().position(|(key, _)| *key == found.key) {
            self.running.swap_remove(at);
        }
        Some(found)
    }

    fn may_begin(&self, asker: Asker) -> bool {
        let of_address = self.running.iter().filter(|(_, it)| it.address == asker.address).count();
        self.running.len() < SEARCHES_MAX
            && of_address < OF_ADDRESS_MAX
            && self.running.iter().all(|(_, it)| it.connection != asker.connection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_are_bounded_in_all_of_an_address_and_of_a_connection() {
        let poll = mio::Poll::new().unwrap();
        let waker = Waker::new(poll.registry(), mio::Token(0)).unwrap();
        let mut searches = Searches::new(Arc::new(waker));
        let key = |connection: u64| Key { room: "lesson".into(), name: connection.to_string() };
        let mut begin = |connection: u64, last| {
            let asker = Asker { connection, address: [10, 0, 0, last].into() };
            let may = searches.may_begin(asker);
            searches.running.extend(may.then(|| (key(connection), asker)));
            may
        };
        assert!(begin(0, 1) && !begin(0, 1) && !begin(0, 2));
        assert_eq!((1..40).filter(|it| begin(*it, 1)).count(), OF_ADDRESS_MAX - 1);
        let others = (40..100).filter(|it| begin(*it, u8::try_from(*it).unwrap())).count();
        assert_eq!(others, SEARCHES_MAX - OF_ADDRESS_MAX);
        let asker = Asker { connection: 0, address: [10, 0, 0, 1].into() };
        // Whoever asks for a name anew waits for what is found for it already.
        assert!(searches.begin(asker, &key(0), "lesson, 0", None, |_| true));
        assert_eq!(searches.running.len(), SEARCHES_MAX);
        assert!(!searches.begin(asker, &key(1000), "lesson, 1000", None, |_| true));
        searches.sender.send(Found { key: key(0), group: Err(String::new()) }).unwrap();
        assert!(searches.found().is_some() && searches.may_begin(asker));
    }
}
