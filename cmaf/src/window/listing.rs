//! The media playlist of a live window (RFC 8216bis section 4.4).

use super::live::{Held, Window};
use crate::rfc3339;
use core::fmt::Write as _;
use core::time::Duration;
use streamsocket_media::clock::Wall;

/// Target durations behind which a playlist's oldest segments may be skipped: six is the least
/// (RFC 8216bis section 4.4.3.8).
const SKIP: u32 = 6;

/// Target durations from the end within which parts are listed (RFC 8216bis section 4.4.4.9).
const IN_PARTS: u32 = 3;

/// Least length of a part that is not the last of its segment, in percent of the longest.
const PART_PERCENT_MIN: u32 = 85;

/// Part of a sample by which its length may be said too short.
const ROUNDING: u32 = 100;

/// How many of its own durations a player is to stay behind. Twice is the least for parts, thrice is what RFC 8216bis
/// section 4.4.3.8 advises, and what a player needs that loads one part, has one ready, and plays one.
const BEHIND: u32 = 3;

/// How a playlist is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ask<'a> {
    /// Where the playlists of the other tracks are.
    pub reports: &'a [Report],
    /// Whether the viewer knows the one before, and does without the older segments (`_HLS_skip=YES`).
    pub skip: bool,
    /// What is appended to each address in it, such as `?token=...`; nothing as a rule.
    pub suffix: &'a str,
}

/// How far another track's playlist is (EXT-X-RENDITION-REPORT).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its address, relative to this one's, such as `../low/live.m3u8`.
    pub uri: String,
    /// Its [`Window::position`].
    pub position: (u64, u32),
}

impl Window {
    /// A segment is as long as this at most when rounded (EXT-X-TARGETDURATION), in seconds.
    fn target(&self) -> u64 {
        rounded(self.grid.segment_length() + self.sample).max(1)
    }

    /// Longest part where samples come evenly, in whole milliseconds: as many as begin within a part of the grid.
    fn part_target(&self) -> Duration {
        let (part, sample) = (self.grid.part_length(), self.sample.max(Duration::from_micros(1)));
        // 1/30 s in nanoseconds is a bit less than that: no seventh picture begins within 200 ms.
        let part_less = part.saturating_sub(sample / ROUNDING);
        let samples = part_less.as_nanos().div_ceil(sample.as_nanos());
        let longest = part.as_nanos().max(samples.saturating_mul(sample.as_nanos()));
        let millis = longest.div_ceil(1_000_000);
        Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    /// What is said of a part's length. It lies within bounds (RFC 8216bis section 4.4.4.9), which a picture that came
    /// slightly early or late may break: 5 or 7 of them instead of 6. That is corrected by the segment's own length.
    fn said(&self, length: Duration, is_last: bool) -> f64 {
        let longest = self.part_target();
        let least = if is_last { Duration::ZERO } else { longest * PART_PERCENT_MIN / 100 };
        length.clamp(least, longest).as_secs_f64()
    }

    /// Segments within a number of target durations.
    fn within(&self, targets: u32) -> u64 {
        let span = Duration::from_secs(self.target() * u64::from(targets));
        self.grid.number(Wall(nanos(span))).max(1)
    }

    /// The media playlist; without segments as long as there are none.
    #[must_use]
    pub fn playlist(&self, ask: &Ask<'_>) -> String {
        let mut text = String::with_capacity(8192);
        // Writing into a string does not fail.
        let _ = self.write(&mut text, ask);
        text
    }

    fn write(&self, text: &mut String, ask: &Ask<'_>) -> core::fmt::Result {
        let target = self.target();
        let part = self.part_target().as_secs_f64();
        let behind = part * f64::from(BEHIND);
        let first = self.first_listed().unwrap_or(0);
        writeln!(text, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:{target}")?;
        writeln!(
            text,
            "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL={}.0,PART-HOLD-BACK={behind:.3},HOLD-BACK={}.0",
            target * u64::from(SKIP),
            target * u64::from(BEHIND)
        )?;
        writeln!(text, "#EXT-X-PART-INF:PART-TARGET={part:.3}\n#EXT-X-MEDIA-SEQUENCE:{first}")?;
        if self.broken > 0 || !self.breaks.is_empty() {
            writeln!(text, "#EXT-X-DISCONTINUITY-SEQUENCE:{}", self.broken)?;
        }
        self.segments(text, first, ask)?;
        self.hint(text, ask.suffix)?;
        for Report { uri, position: (msn, part) } in ask.reports {
            let suffix = ask.suffix;
            writeln!(
                text,
                "#EXT-X-RENDITION-REPORT:URI=\"{uri}{suffix}\",LAST-MSN={msn},LAST-PART={part}"
            )?;
        }
        Ok(())
    }

    fn segments(&self, text: &mut String, first: u64, ask: &Ask<'_>) -> core::fmt::Result {
        let Some(last) = self.held.back().map(|last| last.number) else { return Ok(()) };
        let segment = self.grid.segment_length().as_secs_f64();
        let skipped =
            if ask.skip { (last + 1).saturating_sub(first + self.within(SKIP)) } else { 0 };
        if skipped > 0 {
            writeln!(text, "#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}")?;
        }
        let next = self.next().map_or(0, |(number, _)| number);
        let mut map = None;
        for number in first + skipped..=last {
            if self.breaks.contains(&number) {
                writeln!(text, "#EXT-X-DISCONTINUITY")?;
            }
            let Some(held) = self.find(number) else {
                writeln!(text, "#EXT-X-GAP\n#EXTINF:{segment:.5},\n{number}.mp4{}", ask.suffix)?;
                continue;
            };
            if map.replace(&held.track) != Some(&held.track) {
                let id = &held.track;
                writeln!(text, "#EXT-X-MAP:URI=\"init-{id}.mp4{}\"", ask.suffix)?;
            }
            self.segment_of(text, held, number + self.within(IN_PARTS) > next, ask.suffix)?;
        }
        Ok(())
    }

    /// A segment: when it was captured, its parts if they are still listed, and itself if it is complete.
    fn segment_of(
        &self,
        text: &mut String,
        held: &Held,
        parts: bool,
        suffix: &str,
    ) -> core::fmt::Result {
        let (begin, end) = self.extent(held);
        writeln!(text, "#EXT-X-PROGRAM-DATE-TIME:{}", rfc3339::format(begin))?;
        if parts {
            self.parts_of(text, held, suffix)?;
        }
        if held.whole.is_some() {
            // Longer than the target is only what lasts into a gap.
            let longest = self.target() as f64 + 0.499;
            let length = seconds(begin, end).min(longest);
            writeln!(text, "#EXTINF:{length:.5},\n{}.mp4{suffix}", held.number)?;
        }
        Ok(())
    }

    /// From when until when a segment is, with the parts of it that did not come.
    fn extent(&self, held: &Held) -> (Wall, Wall) {
        let (grid, number) = (self.grid, held.number);
        let begin = match held.parts.first() {
            Some(part) if part.index == 0 => part.begin,
            _ => grid.begin(number),
        };
        let end = match held.parts.last() {
            Some(part) if part.index == self.last_index() => {
                Wall(part.begin.0.saturating_add(nanos(part.duration)))
            }
            _ => grid.part_begin(number, grid.parts()),
        };
        (begin, end)
    }

    /// The parts of a segment one after the other, since viewers count them: those that did not come as gaps.
    fn parts_of(&self, text: &mut String, held: &Held, suffix: &str) -> core::fmt::Result {
        let number = held.number;
        let mut came = held.parts.iter().peekable();
        let end = match &held.whole {
            Some(_) => self.grid.parts(),
            None => held.parts.last().map_or(0, |part| part.index + 1),
        };
        for index in 0..end {
            let part = came.next_if(|part| part.index == index);
            let grid = self.grid;
            let gap = grid.part_begin(number, index + 1) - grid.part_begin(number, index);
            let length = part.map_or_else(|| gap.duration(), |part| part.duration);
            let length = self.said(length, index == self.last_index());
            let attribute = match part {
                Some(part) if part.independent => ",INDEPENDENT=YES",
                Some(_) => "",
                None => ",GAP=YES",
            };
            writeln!(
                text,
                "#EXT-X-PART:DURATION={length:.5},URI=\"{number}.{index}.mp4{suffix}\"{attribute}"
            )?;
        }
        Ok(())
    }

    /// The part that comes next: its segment, and its index.
    fn next(&self) -> Option<(u64, u32)> {
        let (number, index) = self.position()?;
        Some(if index >= self.last_index() { (number + 1, 0) } else { (number, index + 1) })
    }

    fn hint(&self, text: &mut String, suffix: &str) -> core::fmt::Result {
        let Some((number, index)) = self.next() else { return Ok(()) };
        writeln!(text, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{number}.{index}.mp4{suffix}\"")
    }
}

/// To the nearest second.
fn rounded(length: Duration) -> u64 {
    length.as_secs() + u64::from(length.subsec_millis() >= 500)
}

fn nanos(length: Duration) -> i64 {
    i64::try_from(length.as_nanos()).unwrap_or(i64::MAX)
}

fn seconds(from: Wall, to: Wall) -> f64 {
    (to - from).duration().as_secs_f64()
}
