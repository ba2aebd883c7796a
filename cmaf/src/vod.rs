//! Media playlists of what is stored (RFC 8216bis section 4.4.3.5, type VOD).
//!
//! Tracks that are played together have the same time line: what any of them has is in the playlist of each, as a gap in
//! those that do not have it, and what none has is in none, behind a discontinuity in all.

use crate::grid::Grid;
use crate::rfc3339;
use core::fmt::Write as _;
use core::time::Duration;
use std::collections::BTreeMap;
use streamsocket_media::clock::Wall;

/// Shortest gap: a segment of no length is none.
const GAP_MIN: Duration = Duration::from_millis(1);

/// What is missing between two segments for at least so long, in nanoseconds, is seen in the lengths that playlists say:
/// less is how exactly a frame of sound begins.
const HOLE_MIN: i64 = 50_000_000;

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

/// Segments that follow each other without a gap in all tracks together, and without another init segment in any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Number of the first.
    pub first: u64,
    /// That of the last.
    pub last: u64,
    /// When the last ends in the track in which it ends last.
    pub end: Wall,
}

/// The runs of tracks: of each its segments, by their numbers.
#[must_use]
pub fn runs(tracks: &[&[Stored]]) -> Vec<Run> {
    // Of each number: whether a track has another init segment from it on, when it begins, and when it ends.
    let mut numbers = BTreeMap::<u64, (bool, Wall, Wall)>::new();
    for track in tracks {
        let mut before = None;
        for Stored { number, begin, duration, init } in *track {
            let is_other = before.replace(init).is_some_and(|before| before != init);
            let entry = numbers.entry(*number).or_insert((false, *begin, *begin));
            let (has_other, first, end) = entry;
            *has_other |= is_other;
            *first = (*first).min(*begin);
            *end = (*end).max(after(*begin, *duration));
        }
    }
    let mut runs = Vec::<Run>::new();
    for (number, (is_other, begin, end)) in numbers {
        let follows = |run: &Run| run.last + 1 == number && begin.0 - run.end.0 < HOLE_MIN;
        match runs.last_mut() {
            Some(run) if follows(run) && !is_other => {
                *run = Run { last: number, end, ..*run };
            }
            _ => runs.push(Run { first: number, last: number, end }),
        }
    }
    runs
}

fn after(begin: Wall, length: Duration) -> Wall {
    Wall(begin.0.saturating_add(i64::try_from(length.as_nanos()).unwrap_or(i64::MAX)))
}

/// The playlist of a track: its segments, by their numbers, and the [`runs`] of it and those that it is played with.
/// `suffix` is appended to each address, such as `?token=...`.
#[must_use]
pub fn playlist(grid: Grid, stored: &[Stored], runs: &[Run], suffix: &str) -> String {
    let mut text = String::with_capacity(512 + stored.len() * 96);
    // Writing into a string does not fail.
    let _ = write(&mut text, grid, stored, runs, suffix);
    text
}

fn write(
    text: &mut String,
    grid: Grid,
    stored: &[Stored],
    runs: &[Run],
    suffix: &str,
) -> core::fmt::Result {
    let longest = stored.iter().map(|stored| stored.duration);
    let longest = longest.chain(holes(grid, stored, runs).map(|(_, length)| length)).max();
    let longest = longest.unwrap_or_default().max(grid.segment_length());
    let target = longest.as_secs() + u64::from(longest.subsec_millis() >= 500);
    writeln!(text, "#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-TARGETDURATION:{}", target.max(1))?;
    writeln!(text, "#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MEDIA-SEQUENCE:0")?;
    // Players wait at a gap that nothing comes after.
    let end = stored.last().map_or(0, |last| last.number + 1);
    let mut holes = holes(grid, stored, runs).peekable();
    let mut stored = stored.iter().peekable();
    let mut map = None;
    for (count, run) in runs.iter().filter(|run| run.first < end).enumerate() {
        if count > 0 {
            writeln!(text, "#EXT-X-DISCONTINUITY")?;
        }
        for number in run.first..=run.last.min(end - 1) {
            while stored.next_if(|stored| stored.number < number).is_some() {}
            let segment = stored.next_if(|stored| stored.number == number);
            if let Some(Stored { init, .. }) = segment {
                if map.replace(init) != Some(init) {
                    writeln!(text, "#EXT-X-MAP:URI=\"init-{init}.mp4{suffix}\"")?;
                }
            }
            if number == run.first {
                let begin = segment.map_or(grid.begin(number), |segment| segment.begin);
                writeln!(text, "#EXT-X-PROGRAM-DATE-TIME:{}", rfc3339::format(begin))?;
            }
            if segment.is_none() {
                writeln!(text, "#EXT-X-GAP")?;
            }
            while holes.next_if(|(of, _)| *of < number).is_some() {}
            let hole = holes.next_if(|(of, _)| *of == number).map(|(_, length)| length);
            let next = stored.peek().filter(|next| next.number == number + 1).map(|it| it.begin);
            let own =
                || segment.map_or_else(|| gap(grid, run, number, next), |found| found.duration);
            let length = hole.unwrap_or_else(own);
            writeln!(text, "#EXTINF:{:.5},\n{number}.mp4{suffix}", length.as_secs_f64())?;
        }
    }
    writeln!(text, "#EXT-X-ENDLIST")
}

/// Segments of a run behind which something is missing of their track, by their numbers: they are said to be as long as it
/// takes until the next begins, or the grid's next segment if that one is missing, so that what follows keeps its time.
fn holes<'a>(
    grid: Grid,
    stored: &'a [Stored],
    runs: &'a [Run],
) -> impl Iterator<Item = (u64, Duration)> + 'a {
    stored.windows(2).filter_map(move |pair| {
        let [one, next] = pair else { return None };
        let run = runs.get(runs.partition_point(|run| run.last < one.number))?;
        let next_begin = match one.number.checked_add(1).filter(|number| *number <= run.last)? {
            number if number == next.number => next.begin,
            number => grid.begin(number),
        };
        let until = next_begin.0 - one.begin.0;
        let length = Duration::from_nanos(u64::try_from(until).ok()?);
        let missing = length.checked_sub(one.duration)?;
        (missing.as_nanos() >= u128::from(HOLE_MIN.unsigned_abs())).then_some((one.number, length))
    })
}

/// Length of a segment that a track does not have: until its `next` begins, and the last of a run is as long as those that
/// have it.
fn gap(grid: Grid, run: &Run, number: u64, next: Option<Wall>) -> Duration {
    let length = grid.segment_length();
    let until = |end: Wall| {
        let nanos = u64::try_from(end.0.saturating_sub(grid.begin(number).0));
        Duration::from_nanos(nanos.unwrap_or(0))
    };
    match next {
        _ if number >= run.last => until(run.end).clamp(GAP_MIN, length),
        Some(next) => until(next).clamp(length, length * 2),
        None => length,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn stored(number: u64, millis: u64, init: &str) -> Stored {
        let begin = Grid::default().begin(number);
        Stored { number, begin, duration: Duration::from_millis(millis), init: init.to_owned() }
    }

    fn run(first: u64, last: u64, end: i64) -> Run {
        Run { first, last, end: Wall(end) }
    }

    #[test]
    fn tracks_have_one_time_line() {
        let pictures = [
            stored(1, 2000, "a"),
            stored(2, 1900, "a"),
            stored(6, 2000, "a"),
            stored(7, 2000, "b"),
        ];
        let sound =
            [stored(2, 2000, "s"), stored(3, 1000, "s"), stored(7, 2000, "s"), stored(8, 40, "s")];
        let runs = runs(&[&pictures, &sound]);
        assert_eq!(
            runs,
            [run(1, 3, 7 * SECOND), run(6, 6, 14 * SECOND), run(7, 8, 16_040_000_000)]
        );
        let expected = "\
#EXTM3U
#EXT-X-VERSION:8
#EXT-X-TARGETDURATION:2
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-MAP:URI=\"init-a.mp4?t\"
#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:02.000Z
#EXTINF:2.00000,
1.mp4?t
#EXTINF:2.00000,
2.mp4?t
#EXT-X-GAP
#EXTINF:1.00000,
3.mp4?t
#EXT-X-DISCONTINUITY
#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:12.000Z
#EXTINF:2.00000,
6.mp4?t
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI=\"init-b.mp4?t\"
#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:14.000Z
#EXTINF:2.00000,
7.mp4?t
#EXT-X-ENDLIST
";
        assert_eq!(playlist(Grid::default(), &pictures, &runs, "?t"), expected);
        let sound = playlist(Grid::default(), &sound, &runs, "");
        assert_eq!(sound.matches("#EXT-X-GAP").count(), 2, "1 and 6");
        assert_eq!(sound.matches("#EXT-X-DISCONTINUITY").count(), 2);
    }

    #[test]
    fn nothing_stored_is_an_empty_list() {
        let text = playlist(Grid::default(), &[], &runs(&[&[]]), "");
        assert!(text.ends_with("MEDIA-SEQUENCE:0\n#EXT-X-ENDLIST\n"));
        let of_others = [run(1, 2, 6 * SECOND)];
        assert_eq!(playlist(Grid::default(), &[], &of_others, ""), text);
    }

    #[test]
    fn what_is_missing_within_segments_moves_nothing() {
        // Of the pictures, and then of all.
        let late = Stored { begin: Wall(11_200_000_000), ..stored(5, 800, "a") };
        let four = Stored { begin: Wall(8_500_000_000), ..stored(4, 1000, "a") };
        let pictures = [stored(1, 2000, "a"), stored(2, 140, "a"), four, late];
        let sound = [1, 2, 3, 4].map(|number| stored(number, 2000, "s"));
        let cut = Stored { duration: Duration::from_millis(1500), ..sound[3].clone() };
        let sound = [&sound[..3], &[cut]].concat();
        let runs = runs(&[&pictures, &sound]);
        assert_eq!(runs, [run(1, 4, 9_500_000_000), run(5, 5, 12 * SECOND)]);
        let text = playlist(Grid::default(), &pictures, &runs, "");
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with("#EXT-X-MAP")).collect();
        let expected = [
            "#EXTINF:2.00000,",
            "1.mp4",
            "#EXTINF:2.00000,",
            "2.mp4",
            "#EXT-X-GAP",
            "#EXTINF:2.50000,",
            "3.mp4",
            "#EXTINF:1.00000,",
            "4.mp4",
            "#EXT-X-DISCONTINUITY",
            "#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:11.200Z",
            "#EXTINF:0.80000,",
            "5.mp4",
        ];
        assert_eq!(lines[6..lines.len() - 1], expected, "{text}");
    }

    #[test]
    fn a_long_segment_raises_the_target() {
        let stored = [stored(1, 3600, "a")];
        let text = playlist(Grid::default(), &stored, &runs(&[&stored]), "");
        assert!(text.contains("TARGETDURATION:4\n"));
    }
}
