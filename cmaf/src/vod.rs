//! Media playlists of what is stored (RFC 8216bis section 4.4.3.5, type VOD).
//!
//! Tracks that are played together have the same time line: what any of them has is in the playlist of each, as a gap in
//! those that do not have it, and what none has is in none, behind a discontinuity in all.

use crate::grid::Grid;
use crate::rfc3339;
use core::fmt::Write as _;
use core::ops::RangeInclusive;
use core::time::Duration;
use std::collections::BTreeMap;
use streamsocket_media::clock::Wall;

/// A segment that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its number.
    pub number: u64,
    /// When its first sample was captured.
    pub begin: Wall,
    /// Until the end of its last.
    pub duration: Duration,
    /// [`crate::track::Track::id`] of its init segment.
    pub init: String,
}

/// Numbers that follow each other without a gap in all tracks together, and without another init segment in any of them.
/// `tracks` are the segments of each, by their numbers.
#[must_use]
pub fn runs(tracks: &[&[Stored]]) -> Vec<RangeInclusive<u64>> {
    // Of each number: whether a track has another init segment from it on.
    let mut numbers = BTreeMap::<u64, bool>::new();
    for track in tracks {
        let mut before = None;
        for Stored { number, init, .. } in *track {
            let is_other = before.replace(init).is_some_and(|before| before != init);
            *numbers.entry(*number).or_default() |= is_other;
        }
    }
    let mut runs = Vec::<RangeInclusive<u64>>::new();
    for (number, is_other) in numbers {
        match runs.last_mut() {
            Some(run) if run.end() + 1 == number && !is_other => *run = *run.start()..=number,
            _ => runs.push(number..=number),
        }
    }
    runs
}

/// The playlist of a track: its segments, by their numbers, and the [`runs`] of it and those that it is played with.
/// `suffix` is appended to each address, such as `?token=...`.
#[must_use]
pub fn playlist(
    grid: Grid,
    stored: &[Stored],
    runs: &[RangeInclusive<u64>],
    suffix: &str,
) -> String {
    let mut text = String::with_capacity(512 + stored.len() * 96);
    // Writing into a string does not fail.
    let _ = write(&mut text, grid, stored, runs, suffix);
    text
}

fn write(
    text: &mut String,
    grid: Grid,
    stored: &[Stored],
    runs: &[RangeInclusive<u64>],
    suffix: &str,
) -> core::fmt::Result {
    let longest = stored.iter().map(|stored| stored.duration).max().unwrap_or_default();
    let longest = longest.max(grid.segment_length());
    let target = longest.as_secs() + u64::from(longest.subsec_millis() >= 500);
    writeln!(text, "#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-TARGETDURATION:{}", target.max(1))?;
    writeln!(text, "#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MEDIA-SEQUENCE:0")?;
    let mut stored = stored.iter().peekable();
    let mut map = None;
    for (run, numbers) in runs.iter().enumerate() {
        if run > 0 {
            writeln!(text, "#EXT-X-DISCONTINUITY")?;
        }
        for number in numbers.clone() {
            while stored.next_if(|stored| stored.number < number).is_some() {}
            let segment = stored.next_if(|stored| stored.number == number);
            if let Some(Stored { init, .. }) =
                segment.filter(|s| map.replace(&s.init) != Some(&s.init))
            {
                writeln!(text, "#EXT-X-MAP:URI=\"init-{init}.mp4{suffix}\"")?;
            }
            if number == *numbers.start() {
                let begin = segment.map_or(grid.begin(number), |segment| segment.begin);
                writeln!(text, "#EXT-X-PROGRAM-DATE-TIME:{}", rfc3339::format(begin))?;
            }
            let length = segment.map_or(grid.segment_length(), |segment| segment.duration);
            if segment.is_none() {
                writeln!(text, "#EXT-X-GAP")?;
            }
            writeln!(text, "#EXTINF:{:.5},\n{number}.mp4{suffix}", length.as_secs_f64())?;
        }
    }
    writeln!(text, "#EXT-X-ENDLIST")
}
