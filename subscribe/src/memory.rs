//! Memory of what waits between threads: bounded in bytes, whatever a message holds, and given back when
//! less is needed. Nothing is allocated here but buffers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;

/// What a queue may hold, shared by both of its ends.
#[derive(Debug)]
pub struct Budget {
    held: AtomicUsize,
    most: usize,
}

impl Budget {
    /// One of so many bytes.
    #[must_use]
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { held: AtomicUsize::new(0), most })
    }

    /// Bytes that are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Room for so many bytes more, until the claim is dropped. What is alone always finds room.
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

/// Room in a [`Budget`]: it goes with the buffer that takes it.
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

/// Buffers that come back are kept for the next burst, so many at most: a queue that runs evenly has one or two
/// of them on their way.
pub const SPARES_MAX: usize = 32;

/// A buffer with room for so many times what has been needed lately is given back: a vector that grows
/// doubles.
const EXCESS: usize = 4;

/// A buffer of so many bytes is never too large to be kept.
const SMALL_BYTES: usize = 64 * 1024;

/// Buffers that are looked back on, once to twice: some seconds of pictures.
const LOOKED_AT: u32 = 256;

/// The most that was needed lately.
#[derive(Clone, Copy, Debug, Default)]
pub struct Need {
    current: usize,
    past: usize,
    seen: u32,
}

impl Need {
    /// So many bytes are needed.
    pub fn note(&mut self, bytes: usize) {
        if self.seen >= LOOKED_AT {
            (self.past, self.current, self.seen) = (self.current, 0, 0);
        }
        self.seen += 1;
        self.current = self.current.max(bytes);
    }

    /// Whether a buffer of so many bytes is larger than is of use.
    #[must_use]
    pub fn is_exceeded(&self, bytes: usize) -> bool {
        let most = self.current.max(self.past);
        bytes > SMALL_BYTES.max(most.saturating_mul(EXCESS))
    }
}

/// The end of a queue of buffers where they are taken to be filled anew.
#[derive(Debug)]
pub struct Spares<T> {
    queue: Receiver<Vec<T>>,
    need: Need,
}

impl<T> Spares<T> {
    /// Takes them from there.
    #[must_use]
    pub fn new(queue: Receiver<Vec<T>>) -> Self {
        Self { queue, need: Need::default() }
    }

    /// A spare buffer, as it came back.
    pub fn spare(&mut self) -> Option<Vec<T>> {
        self.queue.try_recv().ok()
    }

    /// An empty buffer; the one before held `length` elements. Without a spare one it is without memory.
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
