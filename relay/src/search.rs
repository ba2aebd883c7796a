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
    running: usize,
}

impl Searches {
    pub(crate) fn new(waker: Waker) -> Self {
        let (sender, receiver) = channel();
        Self { waker: Arc::new(waker), sender, receiver, running: 0 }
    }

    /// Looks for a group for that session, one of those that `free` lets be. False if too many are looked for already.
    pub(crate) fn begin(
        &mut self,
        key: &Key,
        session: &str,
        interface: Option<&Interface>,
        free: impl Fn(IpAddr) -> bool + Send + 'static,
    ) -> bool {
        if self.running == SEARCHES_MAX {
            return false;
        }
        let (sender, waker) = (self.sender.clone(), Arc::clone(&self.waker));
        let (key, session, interface) = (key.clone(), session.to_owned(), interface.cloned());
        let looks = move || {
            let found = group::find(&session, interface.as_ref(), PORT, free);
            let group = found.map_err(|error| error.to_string());
            // The loop has ended if nobody takes it.
            let _ = sender.send(Found { key, group });
            let _ = waker.wake();
        };
        let begun = std::thread::Builder::new().name("group".into()).spawn(looks);
        self.running += usize::from(begun.is_ok());
        begun.is_ok()
    }

    /// The next one that was found.
    pub(crate) fn found(&mut self) -> Option<Found> {
        let found = self.receiver.try_recv().ok()?;
        self.running = self.running.saturating_sub(1);
        Some(found)
    }
}
