//! Memory that a device fills slot by slot, as its readers see it: they hold slots, and the device has one
//! back when nobody holds it any more.

use core::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Slots of a device's memory, lent out by their numbers. [`Bytes`](crate::Bytes) is who holds them.
pub trait Slots: fmt::Debug + Send + Sync {
    /// The first `length` bytes of a slot; called by those alone who hold it.
    fn bytes(&self, slot: usize, length: usize) -> &[u8];

    /// One more holds the slot; called by one who does.
    fn retain(&self, slot: usize);

    /// One less holds the slot: the device has it back when that was the last one. On any thread.
    fn release(self: Arc<Self>, slot: usize);
}

/// How many hold each slot of a device.
#[derive(Debug)]
pub struct Holders(Box<[AtomicUsize]>);

impl Holders {
    /// For so many slots, which nobody holds.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        Self((0..slots).map(|_| AtomicUsize::new(0)).collect())
    }

    /// One more holds the slot.
    pub fn retain(&self, slot: usize) {
        if let Some(holders) = self.0.get(slot) {
            // As in `Arc`: who retains holds it already, and has nothing to hand over.
            holders.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// One less holds the slot; true if nobody does any more.
    #[must_use = "the last one gives the slot back"]
    pub fn release(&self, slot: usize) -> bool {
        // What the others have read is read before the device writes there again.
        self.0.get(slot).is_some_and(|holders| holders.fetch_sub(1, Ordering::AcqRel) == 1)
    }
}
