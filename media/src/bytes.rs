//! The bytes of a unit, whoever owns them. A clone copies nothing and allocates nothing; dropping the last
//! one, on any thread, gives the memory back to where it came from, exactly once.

use crate::slots::Slots;
use core::fmt;
use core::ops::{Deref, Range};
use std::sync::Arc;

/// Bytes that do not change, held as long as there is a clone of them.
#[derive(Clone)]
#[must_use = "dropping the last clone gives the memory back"]
pub struct Bytes(Owner);

#[derive(Clone)]
enum Owner {
    Slot(Slot),
    Pooled(Arc<Vec<u8>>),
    Shared(Arc<[u8]>, Range<usize>),
}

impl Bytes {
    /// The first `length` bytes of a slot of a device, which has one holder more already: these bytes.
    pub fn slot(slots: Arc<dyn Slots>, slot: usize, length: usize) -> Self {
        Self(Owner::Slot(Slot { slots: Some(slots), slot, length }))
    }

    /// A part of what is kept in memory; nothing if it does not lie within.
    pub const fn shared(bytes: Arc<[u8]>, part: Range<usize>) -> Self {
        Self(Owner::Shared(bytes, part))
    }

    /// A buffer that its pool looks at again.
    pub(crate) const fn pooled(buffer: Arc<Vec<u8>>) -> Self {
        Self(Owner::Pooled(buffer))
    }
}

impl From<Vec<u8>> for Bytes {
    /// Bytes of their own, freed with the last clone.
    fn from(bytes: Vec<u8>) -> Self {
        Self::pooled(Arc::new(bytes))
    }
}

impl Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Owner::Slot(slot) => slot.bytes(),
            Owner::Pooled(buffer) => buffer,
            Owner::Shared(bytes, part) => bytes.get(part.clone()).unwrap_or_default(),
        }
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = match self.0 {
            Owner::Slot(_) => "Slot",
            Owner::Pooled(_) => "Pooled",
            Owner::Shared(..) => "Shared",
        };
        write!(f, "{owner}({} bytes)", self.len())
    }
}

/// A slot of a device, held once.
struct Slot {
    /// There until it is dropped.
    slots: Option<Arc<dyn Slots>>,
    slot: usize,
    length: usize,
}

impl Slot {
    fn bytes(&self) -> &[u8] {
        self.slots.as_ref().map_or(&[], |slots| slots.bytes(self.slot, self.length))
    }
}

impl Clone for Slot {
    fn clone(&self) -> Self {
        if let Some(slots) = &self.slots {
            slots.retain(self.slot);
        }
        Self { slots: self.slots.clone(), slot: self.slot, length: self.length }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(slots) = self.slots.take() {
            slots.release(self.slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slots::Holders;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    /// A device of two slots.
    #[derive(Debug)]
    struct Device {
        memory: [[u8; 4]; 2],
        holders: Holders,
        back: [AtomicUsize; 2],
    }

    impl Device {
        fn new() -> Arc<Self> {
            let back = [AtomicUsize::new(0), AtomicUsize::new(0)];
            Arc::new(Self { memory: [*b"jpeg", *b"half"], holders: Holders::new(2), back })
        }

        fn lend(self: &Arc<Self>, slot: usize, length: usize) -> Bytes {
            self.holders.retain(slot);
            Bytes::slot(Arc::clone(self) as Arc<dyn Slots>, slot, length)
        }

        fn back(&self) -> [usize; 2] {
            self.back.each_ref().map(|count| count.load(Ordering::Acquire))
        }
    }

    impl Slots for Device {
        fn bytes(&self, slot: usize, length: usize) -> &[u8] {
            &self.memory[slot][..length]
        }

        fn retain(&self, slot: usize) {
            self.holders.retain(slot);
        }

        fn release(self: Arc<Self>, slot: usize) {
            if self.holders.release(slot) {
                self.back[slot].fetch_add(1, Ordering::AcqRel);
            }
        }
    }

    #[test]
    fn the_last_clone_gives_a_slot_back_once() {
        let device = Device::new();
        let (first, second) = (device.lend(0, 4), device.lend(1, 2));
        assert_eq!((&*first, &*second), (&b"jpeg"[..], &b"ha"[..]));
        let clone = first.clone();
        drop(first);
        assert_eq!((&*clone, device.back()), (&b"jpeg"[..], [0, 0]));
        drop(second);
        assert_eq!(device.back(), [0, 1]);
        drop(clone);
        assert_eq!((device.back(), Arc::strong_count(&device)), ([1, 1], 1));
        drop(device.lend(0, 1));
        assert_eq!(device.back(), [2, 1]);
    }

    #[test]
    fn of_two_threads_one_gives_it_back() {
        let device = Device::new();
        let together = Arc::new(Barrier::new(2));
        for round in 1..=200 {
            let bytes = device.lend(0, 4);
            let threads = [bytes.clone(), bytes].map(|bytes| {
                let together = Arc::clone(&together);
                thread::spawn(move || {
                    together.wait();
                    let more = bytes.clone();
                    drop(bytes);
                    assert_eq!(&*more, b"jpeg");
                })
            });
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            assert_eq!(device.back(), [round, 0]);
        }
    }

    #[test]
    fn a_part_of_what_is_kept_is_counted_and_no_more_than_there_is() {
        let kept: Arc<[u8]> = Arc::from(&b"one two"[..]);
        let part = Bytes::shared(Arc::clone(&kept), 4..7);
        let clone = part.clone();
        drop(part);
        assert_eq!((&*clone, Arc::strong_count(&kept)), (&b"two"[..], 2));
        assert!(Bytes::shared(kept, 5..9).is_empty());
        assert_eq!(format!("{clone:?}"), "Shared(3 bytes)");
    }
}
