//! The keys that protected sessions are received with. They may change while a subscription runs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use streamsocket_srtp::master_key::MasterKey;

/// Keys, and whether nothing is received without them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// Each is tried.
    pub keys: Vec<MasterKey>,
    /// The user has named them: sessions that are not protected are refused.
    pub required: bool,
}

/// Keys that several threads have, one of which may exchange them.
#[derive(Clone, Debug, Default)]
pub struct KeyRing(Arc<Held>);

#[derive(Debug, Default)]
struct Held {
    keys: Mutex<Arc<Keys>>,
    changes: AtomicU64,
}

impl KeyRing {
    /// These keys.
    #[must_use]
    pub fn new(keys: Keys) -> Self {
        Self(Arc::new(Held { keys: Mutex::new(Arc::new(keys)), changes: AtomicU64::new(0) }))
    }

    /// The keys as they are now.
    #[must_use]
    pub fn get(&self) -> Arc<Keys> {
        Arc::clone(&self.lock())
    }

    /// How often they were exchanged: a loop may ask that in each turn, and for the keys if it is another number.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.0.changes.load(Ordering::Acquire)
    }

    /// Has these keys instead. Whether they are required stays.
    pub fn exchange(&self, keys: Vec<MasterKey>) {
        let mut held = self.lock();
        *held = Arc::new(Keys { keys, required: held.required });
        drop(held);
        self.0.changes.fetch_add(1, Ordering::Release);
    }

    /// Whether anybody else has them.
    pub(crate) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Keys>> {
        self.0.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamsocket_srtp::master_key::MASTER_LEN;

    #[test]
    fn whoever_has_a_ring_sees_that_its_keys_are_others_now() {
        let key = |byte| MasterKey::new(&[byte; MASTER_LEN]);
        let ring = KeyRing::new(Keys { keys: vec![key(1)], required: true });
        let other = ring.clone();
        let (before, changes) = (other.get(), other.changes());
        ring.exchange(vec![key(2), key(1)]);
        assert_ne!(other.changes(), changes);
        assert_eq!(*other.get(), Keys { keys: vec![key(2), key(1)], required: true });
        assert_eq!(before.keys, [key(1)], "who has them still has them");
        assert_eq!(*KeyRing::default().get(), Keys::default());
        assert!(ring.is_shared());
        drop(other);
        assert!(!ring.is_shared());
    }
}
