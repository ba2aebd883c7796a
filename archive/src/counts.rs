//! What is counted while it is stored, for a metrics page.

use std::sync::atomic::{AtomicU64, Ordering};

/// How often what happened since the archive was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Segments that were stored.
    pub segments: u64,
    /// Of these, segments that are shorter than they came, since the disk was full or the file could not be written.
    pub cut: u64,
    /// Segments of which nothing is stored, since the disk was full or the file could not be written.
    pub failed: u64,
    /// Segments that were refused, since there was one of that number already.
    pub refused: u64,
    /// Segments that were removed, by the retention or to make room.
    pub removed: u64,
    /// Segments that were found without a line of the index at the start, and have one now.
    pub repaired: u64,
    /// Segments that were put into the bucket.
    pub uploaded: u64,
    /// Requests that the bucket did not answer as it should.
    pub upload_failures: u64,
    /// Bytes that wait for the bucket now; without one, all that are stored here.
    pub spooled: u64,
    /// Bytes that are stored now, in a bucket as far as they were counted.
    pub bytes: u64,
}

/// The same, counted by several threads.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) segments: Counter,
    pub(crate) cut: Counter,
    pub(crate) failed: Counter,
    pub(crate) refused: Counter,
    pub(crate) removed: Counter,
    pub(crate) repaired: Counter,
    pub(crate) uploaded: Counter,
    pub(crate) upload_failures: Counter,
    pub(crate) spooled: Counter,
    pub(crate) bytes: Counter,
}

impl Counters {
    pub(crate) fn read(&self) -> Counts {
        Counts {
            segments: self.segments.get(),
            cut: self.cut.get(),
            failed: self.failed.get(),
            refused: self.refused.get(),
            removed: self.removed.get(),
            repaired: self.repaired.get(),
            uploaded: self.uploaded.get(),
            upload_failures: self.upload_failures.get(),
            spooled: self.spooled.get(),
            bytes: self.bytes.get(),
        }
    }
}

/// One figure.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn sub(&self, count: u64) {
        let less = |it: u64| Some(it.saturating_sub(count));
        // It is never refused.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
