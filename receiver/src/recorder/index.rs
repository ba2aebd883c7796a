//! The index of a file (Cues, RFC 9559 section 5.1.5): where in it which time is, so that a player finds it
//! without reading all that lies before. It has its room in front of the pictures, and says more coarsely where
//! things are when that is full.

use super::ebml;
use super::matroska::{CUES, TICK_NANOS, TrackNumber, VOID_HEAD_LEN, void_head};
use super::output::RecordingOutput;
use std::io;

/// Entries at most: 190 kB of each file, a tenth of a second of large pictures; one for each second of two
/// hours, or for each 16 of a day.
const POINTS_MAX: usize = 8192;

/// Entries are at least so far apart at first, in ticks: a quarter of a second, so that every cluster has one.
const APART_TICKS: u64 = 250_000_000 / TICK_NANOS as u64;

/// CuePoint (2), CueTime (2 + 6), CueTrackPositions (2), CueTrack (3), CueClusterPosition (2 + 6).
const POINT_LEN: usize = 23;

/// ID (4), size (8).
const HEAD_LEN: usize = 12;

/// What a file has for it, in bytes; behind the last entry a void always fits.
pub(super) const BYTES: usize = HEAD_LEN + POINTS_MAX * POINT_LEN + VOID_HEAD_LEN;

/// Where something is.
#[derive(Clone, Copy, Debug)]
struct Point {
    ticks: u64,
    /// Its cluster, in bytes from the beginning of the Segment's data.
    cluster: u64,
}

/// What the index says, and how much of it is in the file.
#[derive(Debug)]
pub(super) struct Index {
    track: TrackNumber,
    apart: u64,
    points: Vec<Point>,
    written: usize,
}

impl Index {
    /// An index of that track, which is that of pictures if there are any.
    pub(super) const fn new(track: TrackNumber) -> Self {
        Self { track, apart: APART_TICKS, points: Vec::new(), written: 0 }
    }

    pub(super) const fn track(&self) -> TrackNumber {
        self.track
    }

    pub(super) fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// A block of the track at `ticks` lies in that cluster.
    pub(super) fn add(&mut self, ticks: u64, cluster: u64) {
        if self.is_near(ticks) {
            return;
        }
        if self.points.len() == POINTS_MAX {
            self.thin();
            if self.is_near(ticks) {
                return;
            }
        }
        self.points.push(Point { ticks, cluster });
    }

    /// Whether the last entry is near enough to find that by; also what comes late is.
    fn is_near(&self, ticks: u64) -> bool {
        self.points.last().is_some_and(|last| ticks < last.ticks.saturating_add(self.apart))
    }

    /// Leaves out every second entry.
    fn thin(&mut self) {
        self.apart = self.apart.saturating_mul(2);
        let mut number = 0_usize;
        self.points.retain(|_| {
            number += 1;
            number % 2 == 1
        });
        self.written = 0;
    }

    /// That cluster is no longer in the file.
    pub(super) fn forget(&mut self, cluster: u64) {
        self.points.retain(|point| point.cluster < cluster);
        self.written = self.written.min(self.points.len());
    }

    /// Writes what is new of it into its room at `at`. A program that is killed meanwhile leaves a void.
    pub(super) fn write(&mut self, out: &RecordingOutput, at: u64) -> io::Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        out.patch(at, &void_head(BYTES))?;
        let begin = HEAD_LEN + self.written * POINT_LEN;
        let end = HEAD_LEN + self.points.len() * POINT_LEN;
        let mut bytes = Vec::with_capacity(end - begin + VOID_HEAD_LEN);
        for point in &self.points[self.written..] {
            bytes.extend_from_slice(&self.point(*point));
        }
        bytes.extend_from_slice(&void_head(BYTES - end));
        out.patch(at + begin as u64, &bytes)?;
        let mut head = [0; HEAD_LEN];
        head[..4].copy_from_slice(CUES.encoded().as_bytes());
        head[4..].copy_from_slice(&ebml::size_on_eight((end - HEAD_LEN) as u64));
        out.patch(at, &head)?;
        self.written = self.points.len();
        Ok(())
    }

    fn point(&self, Point { ticks, cluster }: Point) -> [u8; POINT_LEN] {
        let [_, _, time @ ..] = ticks.to_be_bytes();
        let [_, _, place @ ..] = cluster.to_be_bytes();
        let mut bytes = [0; POINT_LEN];
        bytes[..4].copy_from_slice(&[0xbb, 0x80 | 21, 0xb3, 0x80 | 6]);
        bytes[4..10].copy_from_slice(&time);
        bytes[10..17].copy_from_slice(&[
            0xb7,
            0x80 | 11,
            0xf7,
            0x81,
            self.track.number(),
            0xf1,
            0x80 | 6,
        ]);
        bytes[17..].copy_from_slice(&place);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000 / TICK_NANOS as u64;

    #[test]
    fn a_day_has_room_and_no_time_is_far_from_an_entry() {
        let mut index = Index::new(TrackNumber::Video);
        for cluster in 0..24 * 3600 * 3 {
            index.add(cluster * SECOND / 3, cluster * 1_000_000);
        }
        assert!((POINTS_MAX / 2..=POINTS_MAX).contains(&index.points.len()));
        let times: Vec<u64> = index.points.iter().map(|point| point.ticks).collect();
        let apart = times.windows(2).map(|two| two[1] - two[0]).max().unwrap();
        assert!(apart <= 22 * SECOND, "{apart}");
        assert_eq!(times[0], 0);
        assert!(24 * 3600 * SECOND - times.last().unwrap() <= apart);
    }

    #[test]
    fn what_comes_late_is_no_entry() {
        let mut index = Index::new(TrackNumber::Video);
        for (ticks, cluster) in [(0, 0), (SECOND, 10), (SECOND / 2, 20), (SECOND + 1, 30)] {
            index.add(ticks, cluster);
        }
        assert_eq!(index.points.len(), 2);
        index.forget(10);
        assert_eq!(index.points.len(), 1);
    }

    #[test]
    fn an_entry_is_as_the_rfc_has_it() {
        let bytes =
            Index::new(TrackNumber::Audio).point(Point { ticks: 0x0102, cluster: 0x0304_0506 });
        let time = [0xbb, 0x95, 0xb3, 0x86, 0, 0, 0, 0, 1, 2];
        let place = [0xb7, 0x8b, 0xf7, 0x81, 2, 0xf1, 0x86, 0, 0, 3, 4, 5, 6];
        assert_eq!(bytes[..], [&time[..], &place].concat());
    }
}
