//! What a file says of itself beyond what a stream can: sizes, duration and index, written over the room that was
//! left for them. At the end, and now and then before, so that a program that is killed leaves them, too.

use super::ebml;
use super::index::{self, Index};
use super::matroska::{self, CLUSTER_DATA_AT, CLUSTER_SIZE_AT, Places, TICK_NANOS, TrackNumber};
use super::output::RecordingOutput;
use std::io;

/// Between two times that it is written, in nanoseconds of the recording: what is lost of the duration when the
/// program is killed, for some hundred bytes.
const SAVE_NANOS: u64 = 2_000_000_000;

/// The room in a file.
#[derive(Debug)]
pub(super) struct Room {
    places: Places,
    index: Index,
    /// Where the open cluster begins, in bytes from the file's beginning.
    cluster: Option<u64>,
    /// The index knows of it.
    noted: bool,
    /// What the duration was when it was last written, in nanoseconds.
    saved: u64,
}

impl Room {
    /// That of a file with those places, indexed by that track.
    pub(super) const fn new(places: Places, track: TrackNumber) -> Self {
        Self { places, index: Index::new(track), cluster: None, noted: false, saved: 0 }
    }

    /// A cluster begins at `at`, and the one before is whole; the recording has that duration until there.
    pub(super) fn begin_cluster(
        &mut self,
        out: &RecordingOutput,
        at: u64,
        nanos: u64,
    ) -> io::Result<()> {
        self.close_cluster(out, at)?;
        if nanos >= self.saved.saturating_add(SAVE_NANOS) {
            self.save(out, nanos)?;
        }
        (self.cluster, self.noted) = (Some(at), false);
        Ok(())
    }

    /// A block of that track lies in the open cluster.
    pub(super) fn note(&mut self, track: TrackNumber, ticks: u64) {
        let Some(at) = self.cluster else { return };
        if track == self.index.track() && !std::mem::replace(&mut self.noted, true) {
            self.index.add(ticks, at - self.places.segment);
        }
    }

    /// The cluster at `at` is not whole, and the file ends there.
    pub(super) fn forget_cluster(&mut self, at: u64) {
        self.cluster = None;
        self.index.forget(at - self.places.segment);
    }

    /// The file ends at `end`, with that duration.
    pub(super) fn finish(&mut self, out: &RecordingOutput, end: u64, nanos: u64) -> io::Result<()> {
        self.close_cluster(out, end)?;
        self.save(out, nanos)?;
        let size = ebml::size_on_eight(end - self.places.segment);
        out.patch(self.places.segment - size.len() as u64, &size)
    }

    fn close_cluster(&mut self, out: &RecordingOutput, end: u64) -> io::Result<()> {
        let Some(at) = self.cluster.take() else { return Ok(()) };
        let size = ebml::size_on_eight(end - at - CLUSTER_DATA_AT);
        out.patch(at + CLUSTER_SIZE_AT, &size)
    }

    fn save(&mut self, out: &RecordingOutput, nanos: u64) -> io::Result<()> {
        self.saved = nanos;
        out.patch(self.places.duration, &matroska::duration(nanos.div_ceil(TICK_NANOS.into())))?;
        if self.index.is_empty() {
            return Ok(());
        }
        self.index.write(out, self.places.index)?;
        out.patch(self.places.seek, &matroska::seek_cues(&self.places))
    }
}

/// What a file's header leaves for the index, in bytes.
pub(super) const INDEX_BYTES: usize = index::BYTES;
