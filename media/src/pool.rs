//! Buffers for units that are read from a file or a pipe, or encoded. They grow once to the size of the units
//! and are reused: nothing is allocated for each unit.

use crate::bytes::Bytes;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Buffers of a pool at most: two units on their way out, one being filled, one queued by a worker, and
/// as many to spare.
pub const POOL_MAX: usize = 8;

/// The buffers that are not being filled. Those that nobody reads are free: the pool holds the only
/// reference to them.
type Kept = Mutex<heapless::Vec<Arc<Vec<u8>>, POOL_MAX>>;

/// A fixed number of buffers.
#[derive(Debug)]
pub struct Pool {
    kept: Arc<Kept>,
}

impl Pool {
    /// A pool of `count` buffers (at most [`POOL_MAX`]) with room for `capacity` bytes each.
    #[must_use]
    pub fn new(count: usize, capacity: usize) -> Self {
        let kept = (0..count.min(POOL_MAX)).map(|_| Arc::new(Vec::with_capacity(capacity)));
        Self { kept: Arc::new(Mutex::new(kept.collect())) }
    }

    /// An empty buffer, or `None` while all are in use.
    #[must_use]
    pub fn take(&self) -> Option<PoolBuffer> {
        let mut kept = lock(&self.kept);
        // Only the exclusive reference says for sure that nobody reads it, nor has just done so. The one
        // used last is still in the processor's cache.
        let free = kept.iter_mut().rposition(|buffer| Arc::get_mut(buffer).is_some())?;
        let mut buffer = PoolBuffer { buffer: kept.remove(free), pool: Arc::clone(&self.kept) };
        drop(kept);
        buffer.bytes_mut().clear();
        Some(buffer)
    }
}

fn lock(kept: &Kept) -> MutexGuard<'_, heapless::Vec<Arc<Vec<u8>>, POOL_MAX>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A buffer of a [`Pool`] that is being filled. Dropped, it is free again.
#[derive(Debug)]
pub struct PoolBuffer {
    /// The only reference.
    buffer: Arc<Vec<u8>>,
    pool: Arc<Kept>,
}

impl PoolBuffer {
    /// The buffer, to be filled.
    pub fn bytes_mut(&mut self) -> &mut Vec<u8> {
        // Copies nothing, since there is no other reference.
        Arc::make_mut(&mut self.buffer)
    }

    /// What it was filled with; the buffer is free again when the last clone of that is dropped.
    pub fn freeze(self) -> Bytes {
        Bytes::pooled(Arc::clone(&self.buffer))
    }
}

impl Drop for PoolBuffer {
    fn drop(&mut self) {
        let kept = lock(&self.pool).push(Arc::clone(&self.buffer));
        debug_assert!(kept.is_ok(), "a pool gets back what it lent");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    fn filled(pool: &Pool, bytes: &[u8]) -> Option<Bytes> {
        let mut buffer = pool.take()?;
        buffer.bytes_mut().extend_from_slice(bytes);
        Some(buffer.freeze())
    }

    #[test]
    fn a_buffer_is_not_used_again_while_a_clone_lives() {
        let pool = Pool::new(2, 4);
        let first = filled(&pool, b"one").unwrap();
        let other = filled(&pool, b"two").unwrap();
        assert!(pool.take().is_none());
        let clone = first.clone();
        drop(first);
        assert!(pool.take().is_none());
        drop(clone);
        assert_eq!(&*filled(&pool, b"three").unwrap(), b"three");
        assert_eq!(&*other, b"two");
    }

    #[test]
    fn what_is_not_frozen_is_free_again() {
        let pool = Pool::new(1, 0);
        let mut buffer = pool.take().unwrap();
        buffer.bytes_mut().push(1);
        assert!(pool.take().is_none());
        drop(buffer);
        assert!(pool.take().unwrap().bytes_mut().is_empty());
    }

    #[test]
    fn the_buffer_used_last_is_used_first() {
        let pool = Pool::new(3, 8);
        let place = |pool: &Pool| filled(pool, b"jpeg").unwrap().as_ptr();
        let first = place(&pool);
        assert_eq!([place(&pool), place(&pool)], [first; 2]);
    }

    #[test]
    fn the_memory_stays_the_same() {
        let pool = Pool::new(1, 0);
        let place = |bytes: &Bytes| bytes.as_ptr();
        let first = place(&filled(&pool, &[7; 1000]).unwrap());
        for length in [1000, 3, 999] {
            let bytes = filled(&pool, &vec![7; length]).unwrap();
            assert_eq!((place(&bytes), bytes.len()), (first, length));
        }
    }

    #[test]
    fn bytes_outlive_their_pool_and_end_on_any_thread() {
        let pool = Pool::new(1, 0);
        for _ in 0..100 {
            let bytes = filled(&pool, b"jpeg").unwrap();
            let clone = bytes.clone();
            let thread = thread::spawn(move || assert_eq!(&*clone, b"jpeg"));
            drop(bytes);
            thread.join().unwrap();
        }
        let bytes = filled(&pool, b"last").unwrap();
        drop(pool);
        assert_eq!(&*bytes, b"last");
    }
}
