//! HLS playlists as a player of what is live reads them, with low latency (RFC 8216bis). Text in, lists out, which point into
//! the text; times are nanoseconds since 1970.

use std::error::Error;
use std::fmt;
use streamsocket_cmaf::rfc3339;

/// A text that is no playlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// Its line, from 1.
    pub(crate) line: usize,
    what: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "line {} of a playlist: {}", self.line, self.what)
    }
}

impl Error for Malformed {}

/// A multivariant playlist (section 4.4.6).
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Multivariant<'a> {
    /// Its variants, in its order.
    pub(crate) variants: Vec<Variant<'a>>,
    /// Renditions of sound: their group, and their playlist.
    pub(crate) sounds: Vec<(&'a str, &'a str)>,
}

/// One quality of pictures (EXT-X-STREAM-INF).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Variant<'a> {
    /// Bits a second at most.
    pub(crate) bandwidth: u64,
    /// The group with its sound.
    pub(crate) sound: Option<&'a str>,
    /// Its playlist.
    pub(crate) uri: &'a str,
}

/// A media playlist.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Media<'a> {
    /// EXT-X-TARGETDURATION in seconds.
    pub(crate) target: u64,
    /// HOLD-BACK: how far behind its end a player begins.
    pub(crate) hold_back: Option<i64>,
    /// PART-HOLD-BACK: the same with parts.
    pub(crate) part_hold_back: Option<i64>,
    /// CAN-BLOCK-RELOAD: it may be asked for before it is there.
    pub(crate) can_block: bool,
    /// CAN-SKIP-UNTIL: old segments may be left out.
    pub(crate) can_skip: bool,
    /// Segments that are listed, in order.
    pub(crate) segments: Vec<Segment<'a>>,
    /// Segments that were left out before these.
    pub(crate) skipped: u64,
    /// What comes next (EXT-X-PRELOAD-HINT).
    pub(crate) hint: Option<&'a str>,
}

/// A segment, or the parts of one that is not complete.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Segment<'a> {
    /// Its media sequence number.
    pub(crate) number: u64,
    /// When it was captured, if that is said of it or of one before it.
    pub(crate) begin: Option<i64>,
    /// Its length and address, if it is complete.
    pub(crate) whole: Option<(i64, &'a str)>,
    /// Its parts, if they are listed.
    pub(crate) parts: Vec<Part<'a>>,
    /// Its initialisation segment, if it is another one than before.
    pub(crate) init: Option<&'a str>,
    /// Behind EXT-X-DISCONTINUITY.
    pub(crate) discontinuity: bool,
    /// It cannot be loaded (EXT-X-GAP).
    pub(crate) gap: bool,
}

/// A part of a segment (EXT-X-PART).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    /// Its length.
    pub(crate) length: i64,
    /// Its address.
    pub(crate) uri: &'a str,
    /// It begins with a key picture.
    pub(crate) independent: bool,
    /// It cannot be loaded.
    pub(crate) gap: bool,
}

/// An attribute of a tag, without its quotes (section 4.2).
fn attribute<'a>(mut list: &'a str, name: &str) -> Option<&'a str> {
    loop {
        let (key, rest) = list.split_once('=')?;
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => rest.split_at(rest.find(',').unwrap_or(rest.len())),
        };
        if key.trim() == name {
            return Some(value);
        }
        list = rest.strip_prefix(',')?;
    }
}

/// Seconds in decimal, as nanoseconds.
#[expect(clippy::cast_possible_truncation, reason = "checked before; a year is in range")]
fn seconds(text: &str) -> Option<i64> {
    const LONGEST: f64 = 366.0 * 86_400.0;
    let seconds: f64 = text.trim().parse().ok()?;
    (0.0..LONGEST).contains(&seconds).then(|| (seconds * 1e9).round() as i64)
}

/// Lines that say something, with their numbers, behind the first.
fn lines(text: &str) -> Result<impl Iterator<Item = (usize, &str)>, Malformed> {
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim_end()));
    match lines.next() {
        Some((_, "#EXTM3U")) => Ok(lines.filter(|(_, line)| !line.is_empty())),
        _ => Err(Malformed { line: 1, what: "it does not begin with #EXTM3U" }),
    }
}

impl<'a> Multivariant<'a> {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// Says which line is not as it has to be.
    pub(crate) fn read(text: &'a str) -> Result<Self, Malformed> {
        let mut read = Self::default();
        let mut next = None;
        for (line, text) in lines(text)? {
            let wrong = |what| Malformed { line, what };
            if let Some(list) = text.strip_prefix("#EXT-X-STREAM-INF:") {
                let bandwidth = attribute(list, "BANDWIDTH").and_then(|it| it.parse().ok());
                let bandwidth = bandwidth.ok_or(wrong("a variant without BANDWIDTH"))?;
                next = Some((bandwidth, attribute(list, "AUDIO")));
            } else if let Some(list) = text.strip_prefix("#EXT-X-MEDIA:") {
                let (group, uri) = (attribute(list, "GROUP-ID"), attribute(list, "URI"));
                if let (Some("AUDIO"), Some(group), Some(uri)) =
                    (attribute(list, "TYPE"), group, uri)
                {
                    read.sounds.push((group, uri));
                }
            } else if !text.starts_with('#') {
                let (bandwidth, sound) = next.take().ok_or(wrong("no variant has this address"))?;
                read.variants.push(Variant { bandwidth, sound, uri: text });
            }
        }
        Ok(read)
    }
}

impl<'a> Media<'a> {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// Says which line is not as it has to be.
    pub(crate) fn read(text: &'a str) -> Result<Self, Malformed> {
        let mut read = Self::default();
        let (mut first, mut open, mut length) = (0, Segment::default(), None);
        for (line, text) in lines(text)? {
            let wrong = |what| Malformed { line, what };
            let Some(tag) = text.strip_prefix('#') else {
                let length = length.take().ok_or(wrong("a segment without EXTINF"))?;
                open.whole = Some((length, text));
                read.push(std::mem::take(&mut open), first);
                continue;
            };
            let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
            match name {
                "EXTINF" => {
                    let text = value.split(',').next().unwrap_or_default();
                    length = Some(seconds(text).ok_or(wrong("EXTINF is no length"))?);
                }
                "EXT-X-MEDIA-SEQUENCE" => {
                    first = value.parse().map_err(|_| wrong("no number of a segment"))?;
                }
                "EXT-X-SKIP" => {
                    let skipped =
                        attribute(value, "SKIPPED-SEGMENTS").and_then(|it| it.parse().ok());
                    read.skipped = skipped.ok_or(wrong("EXT-X-SKIP without a number"))?;
                }
                "EXT-X-PART" => {
                    open.parts.push(
                        Part::read(value).ok_or(wrong("EXT-X-PART without a length or address"))?,
                    );
                }
                "EXT-X-PROGRAM-DATE-TIME" => {
                    open.begin = Some(rfc3339::parse(value).ok_or(wrong("no time"))?.0);
                }
                "EXT-X-MAP" => open.init = attribute(value, "URI"),
                "EXT-X-DISCONTINUITY" => open.discontinuity = true,
                "EXT-X-GAP" => open.gap = true,
                _ => read.header(name, value).ok_or(wrong("no length"))?,
            }
        }
        if !open.parts.is_empty() {
            read.push(open, first);
        }
        Ok(read)
    }

    /// What is said of the whole playlist.
    fn header(&mut self, name: &str, value: &'a str) -> Option<()> {
        match name {
            "EXT-X-TARGETDURATION" => self.target = value.parse().ok()?,
            "EXT-X-SERVER-CONTROL" => {
                let length = |name| attribute(value, name).and_then(seconds);
                (self.hold_back, self.part_hold_back) =
                    (length("HOLD-BACK"), length("PART-HOLD-BACK"));
                self.can_block = attribute(value, "CAN-BLOCK-RELOAD") == Some("YES");
                self.can_skip = length("CAN-SKIP-UNTIL").is_some();
            }
            "EXT-X-PRELOAD-HINT" if attribute(value, "TYPE") == Some("PART") => {
                self.hint = attribute(value, "URI");
            }
            _ => {}
        }
        Some(())
    }

    /// Appends a segment: its number and, unless it is said, its begin follow from those before.
    fn push(&mut self, mut segment: Segment<'a>, first: u64) {
        segment.number =
            first.saturating_add(self.skipped).saturating_add(self.segments.len() as u64);
        let before = self.segments.last();
        let end = before.and_then(|it| Some(it.begin?.saturating_add(it.whole?.0)));
        segment.begin = segment.begin.or(end);
        self.segments.push(segment);
    }
}

impl<'a> Part<'a> {
    fn read(list: &'a str) -> Option<Self> {
        let is = |name| attribute(list, name) == Some("YES");
        Some(Self {
            length: seconds(attribute(list, "DURATION")?)?,
            uri: attribute(list, "URI")?,
            independent: is("INDEPENDENT"),
            gap: is("GAP"),
        })
    }
}

#[cfg(test)]
mod tests;
