//! The bytes of a captured frame, whoever owns them, and the pool that generated and read frames
//! come from. Nothing is copied and nothing is allocated per frame: dropping the bytes gives the
//! memory back to where it came from, exactly once.

use super::camera::ring::Lease;
use std::fmt;
use std::ops::{Deref, Range};
use std::sync::{Arc, Mutex, PoisonError};

/// Buffers of a pool at most: two frames on their way out, one being filled, one queued by the
/// worker, and as many to spare.
pub const POOL_MAX: usize = 8;

/// The bytes of one frame.
pub enum FrameBytes {
    /// A buffer of a camera, in the camera's own memory.
    Leased(Lease),
    /// A buffer from a [`Pool`], which it returns to.
    Pooled(Pooled),
    /// A part of a file that is kept in memory.
    Shared(Arc<[u8]>, Range<usize>),
}

impl Deref for FrameBytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Self::Leased(lease) => lease,
            Self::Pooled(pooled) => &pooled.bytes,
            Self::Shared(bytes, range) => bytes.get(range.clone()).unwrap_or_default(),
        }
    }
}

impl fmt::Debug for FrameBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = match self {
            Self::Leased(_) => "Leased",
            Self::Pooled(_) => "Pooled",
            Self::Shared(..) => "Shared",
        };
        write!(f, "{owner}({} bytes)", self.len())
    }
}

/// A fixed number of byte buffers that grow to the size of the frames once and are then reused.
#[derive(Clone, Debug)]
pub struct Pool {
    free: Arc<Mutex<heapless::Vec<Vec<u8>, POOL_MAX>>>,
}

impl Pool {
    /// A pool of `count` buffers (at most [`POOL_MAX`]) with room for `capacity` bytes each.
    #[must_use]
    pub fn new(count: usize, capacity: usize) -> Self {
        let free = (0..count.min(POOL_MAX)).map(|_| Vec::with_capacity(capacity)).collect();
        Self { free: Arc::new(Mutex::new(free)) }
    }

    /// An empty buffer, or `None` while all are in use.
    #[must_use]
    pub fn take(&self) -> Option<Pooled> {
        let bytes = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        Some(Pooled { bytes, pool: self.clone() })
    }
}

/// A buffer on loan from a [`Pool`].
#[derive(Debug)]
pub struct Pooled {
    bytes: Vec<u8>,
    pool: Pool,
}

impl Pooled {
    /// The buffer, to be filled.
    pub const fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        let mut free = self.pool.free.lock().unwrap_or_else(PoisonError::into_inner);
        let returned = free.push(bytes);
        debug_assert!(returned.is_ok(), "a pool gets back what it lent");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_when_it_is_dropped() {
        let pool = Pool::new(1, 4);
        let mut first = pool.take().unwrap();
        first.bytes_mut().extend_from_slice(b"jpeg");
        assert!(pool.take().is_none());
        let frame = FrameBytes::Pooled(first);
        assert_eq!(&*frame, b"jpeg");
        drop(frame);
        let again = pool.take().unwrap();
        assert!(again.bytes.is_empty() && again.bytes.capacity() >= 4);
    }
}
