//! Memory of queues between threads: bounded in bytes, reused, and freed when less is needed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;

/// Bytes that a queue may hold, shared by both of its ends.
#[derive(Debug)]
pub struct Budget {
    held: AtomicUsize,
    most: usize,
}

impl Budget {
    /// A budget of `most` bytes.
    #[must_use]
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { held: AtomicUsize::new(0), most })
    }

    /// Bytes claimed.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Claims so many bytes until the claim is dropped; `None` if they exceed the budget. If nothing else is claimed,
    /// any number will do.
    #[must_use]
    pub fn claim(self: &Arc<Self>, bytes: usize) -> Option<Claim> {
        let relaxed = Ordering::Relaxed;
        let mut held = self.held.load(relaxed);
        loop {
            let more = held.saturating_add(bytes);
            if held > 0 && more > self.most {
                return None;
            }
            match self.held.compare_exchange_weak(held, more, relaxed, relaxed) {
                Ok(_) => return Some(Claim { bytes, budget: Arc::clone(self) }),
                Err(now) => held = now,
            }
        }
    }
}

/// Bytes claimed of a [`Budget`], to be kept with their buffer.
#[derive(Debug)]
pub struct Claim {
    bytes: usize,
    budget: Arc<Budget>,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Most buffers that are kept for reuse: a queue that runs evenly has one or two on their way, the rest is for bursts.
pub const SPARES_MAX: usize = 32;

/// A buffer of more than so many times the recent need is freed. Growth alone doubles a vector.
const EXCESS: usize = 4;

/// A buffer of up to so many bytes is never freed.
const SMALL_BYTES: usize = 64 * 1024;

/// The recent need is that of the last one to two times so many buffers: some seconds of pictures.
const LOOKED_AT: u32 = 256;

/// The recent need: the largest of the last buffers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Need {
    current: usize,
    past: usize,
    seen: u32,
}

impl Need {
    /// Notes that so many bytes are needed.
    pub fn note(&mut self, bytes: usize) {
        if self.seen >= LOOKED_AT {
            (self.past, self.current, self.seen) = (self.current, 0, 0);
        }
        self.seen += 1;
        self.current = self.current.max(bytes);
    }

    /// Whether a buffer of so many bytes should be freed.
    #[must_use]
    pub fn is_exceeded(&self, bytes: usize) -> bool {
        let most = self.current.max(self.past);
        bytes > SMALL_BYTES.max(most.saturating_mul(EXCESS))
    }
}

/// Used buffers on their way back to be reused.
#[derive(Debug)]
pub struct Spares<T> {
    queue: Receiver<Vec<T>>,
    need: Need,
}

impl<T> Spares<T> {
    /// Those that come by `queue`.
    #[must_use]
    pub fn new(queue: Receiver<Vec<T>>) -> Self {
        Self { queue, need: Need::default() }
    }

    /// The next used buffer, with its contents.
    pub fn spare(&mut self) -> Option<Vec<T>> {
        self.queue.try_recv().ok()
    }

    /// An empty buffer, without memory if none has come back. `length` is the number of elements in the one before.
    pub fn take(&mut self, length: usize) -> Vec<T> {
        self.need.note(length.saturating_mul(size_of::<T>()));
        let mut buffer = self.spare().unwrap_or_default();
        buffer.clear();
        if self.need.is_exceeded(buffer.capacity().saturating_mul(size_of::<T>())) {
            return Vec::new();
        }
        buffer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;

    const MB: usize = 1 << 20;

    #[test]
    fn a_queue_holds_its_bytes_and_no_more() {
        let budget = Budget::new(64 * MB);
        let mut held: Vec<_> = std::iter::from_fn(|| budget.claim(8 * MB)).collect();
        assert_eq!((held.len(), budget.held()), (8, 64 * MB));
        assert!(budget.claim(1).is_none());
        held.pop();
        assert!(budget.claim(8 * MB).is_some());
        drop(held);
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn what_is_alone_finds_room() {
        let budget = Budget::new(MB);
        let alone = budget.claim(8 * MB);
        assert!(alone.is_some() && budget.claim(1).is_none());
    }

    /// Buffers go round; returns the room of the last one.
    fn round(lengths: impl Iterator<Item = usize>) -> usize {
        let (back, queue) = sync_channel::<Vec<u8>>(SPARES_MAX);
        let mut spares = Spares::new(queue);
        let mut last = 0;
        for length in lengths {
            let mut buffer = spares.take(length);
            buffer.resize(length, 1);
            last = buffer.capacity();
            let _ = back.try_send(buffer);
        }
        last
    }

    #[test]
    fn a_buffer_that_grew_is_given_back_when_pictures_are_small_again() {
        let small = || std::iter::repeat_n(100_000, 1000);
        assert_eq!(round(small().chain([8 * MB]).chain(small().take(5))), 8 * MB);
        assert!(round(small().chain([8 * MB]).chain(small())) < MB / 2);
    }

    #[test]
    fn pictures_of_all_sizes_keep_their_buffers() {
        let (back, queue) = sync_channel::<Vec<u8>>(SPARES_MAX);
        let mut spares = Spares::new(queue);
        back.send(Vec::with_capacity(200_000)).unwrap();
        let mut allocated = 0;
        for picture in 0..5000 {
            let buffer = spares.take(60_000 + picture * 7919 % 90_000);
            allocated += usize::from(buffer.capacity() == 0);
            back.send(buffer).unwrap();
        }
        assert_eq!(allocated, 0);
    }
}
