//! What is asked for: files of a track by their names, and what stands behind the `?`.

use percent_encoding::percent_decode_str;
use streamsocket_cmaf::rfc3339;
use streamsocket_media::clock::Wall;

/// What is stored may be of a time that has not come yet, since it is the sender's clock that says when: a day at most, in
/// nanoseconds.
pub(crate) const AHEAD: i64 = 86_400 * 1_000_000_000;

/// A file of a track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum File {
    /// `live.m3u8`.
    Live,
    /// `vod.m3u8`.
    Stored,
    /// `init-ID.mp4`.
    Init(String),
    /// `N.mp4`.
    Segment(u64),
    /// `N.K.mp4`.
    Part(u64, u32),
}

impl File {
    /// The file of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "live.m3u8" => return Some(Self::Live),
            "vod.m3u8" => return Some(Self::Stored),
            _ => {}
        }
        let stem = name.strip_suffix(".mp4")?;
        if let Some(id) = stem.strip_prefix("init-") {
            let is_id = id.len() == 16 && id.bytes().all(|it| it.is_ascii_hexdigit());
            return is_id.then(|| Self::Init(id.to_owned()));
        }
        match stem.split_once('.') {
            Some((number, index)) => {
                Some(Self::Part(plain(number)?, plain(index)?.try_into().ok()?))
            }
            None => plain(stem).map(Self::Segment),
        }
    }
}

/// A number as it is written in names: one name for one file.
fn plain(text: &str) -> Option<u64> {
    let is_plain = text == "0" || text.starts_with(|first: char| matches!(first, '1'..='9'));
    text.parse().ok().filter(|_| is_plain)
}

/// What stands behind the `?`, as far as it means something here.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Query {
    /// `_HLS_msn`: the segment that is waited for (RFC 8216bis section 6.2.5.2).
    pub(crate) msn: Option<u64>,
    /// `_HLS_part`: its part.
    pub(crate) part: Option<u32>,
    /// `_HLS_skip`: the viewer knows the older segments.
    pub(crate) skip: bool,
    /// The span of what is stored.
    pub(crate) from: Option<Wall>,
    pub(crate) to: Option<Wall>,
}

impl Query {
    /// # Errors
    /// One line: what is wrong, and what is expected. What is not known is passed over.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut query = Self::default();
        for pair in text.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let number = || value.parse().map_err(|_| format!("{name}: expected a number"));
            match name {
                "_HLS_msn" => query.msn = Some(number()?),
                "_HLS_part" => {
                    query.part = Some(u32::try_from(number()?).unwrap_or(u32::MAX));
                }
                "_HLS_skip" => query.skip = matches!(value, "YES" | "v2"),
                "from" => query.from = Some(time(name, value)?),
                "to" => query.to = Some(time(name, value)?),
                _ => {}
            }
        }
        if query.part.is_some() && query.msn.is_none() {
            return Err("_HLS_part: expected _HLS_msn, too".to_owned());
        }
        Ok(query)
    }

    /// The span that is asked for; to whatever is stored at `now` if no end is said.
    ///
    /// # Errors
    /// One line: what is missing.
    pub(crate) fn span(&self, now: Wall) -> Result<(Wall, Wall), String> {
        let expected = "from: expected a time, such as 2026-01-02T15:04:05Z";
        let latest = Wall(now.0.saturating_add(AHEAD));
        let (from, to) = (self.from.ok_or(expected)?, self.to.unwrap_or(latest));
        if from < to {
            Ok((from, to))
        } else {
            Err("from: expected a time before that of to".to_owned())
        }
    }
}

/// RFC 3339, or milliseconds since 1970.
fn time(name: &str, value: &str) -> Result<Wall, String> {
    let text = percent_decode_str(value).decode_utf8().unwrap_or_default();
    // In a query a plus means a space.
    let text = text.replace(' ', "+");
    let millis = || text.parse::<i64>().ok().and_then(|it| it.checked_mul(1_000_000)).map(Wall);
    rfc3339::parse(&text).or_else(millis).ok_or_else(|| {
        format!("{name}: expected a time, such as 2026-01-02T15:04:05Z, or milliseconds since 1970")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_has_one_name() {
        assert_eq!(File::named("live.m3u8"), Some(File::Live));
        assert_eq!(File::named("900000000.mp4"), Some(File::Segment(900_000_000)));
        assert_eq!(File::named("900000000.9.mp4"), Some(File::Part(900_000_000, 9)));
        assert_eq!(File::named("0.0.mp4"), Some(File::Part(0, 0)));
        let id = "0123456789abcdef";
        assert_eq!(File::named(&format!("init-{id}.mp4")), Some(File::Init(id.to_owned())));
        for wrong in
            ["", ".mp4", "01.mp4", "+1.mp4", "1.01.mp4", "1.2.3.mp4", "init-.mp4", "1", "-1.mp4"]
        {
            assert_eq!(File::named(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_waited_for_and_a_span_are_read() {
        let query = Query::parse("_HLS_msn=7&_HLS_part=3&_HLS_skip=YES&x=1").unwrap();
        assert_eq!((query.msn, query.part, query.skip), (Some(7), Some(3), true));
        assert!(Query::parse("_HLS_part=3").unwrap_err().contains("_HLS_msn"));
        assert!(Query::parse("_HLS_msn=x").unwrap_err().contains("a number"));
        let span = |text: &str| Query::parse(text)?.span(Wall(5_000_000_000));
        let (from, to) = (Wall(1_000_000_000), Wall(3_000_000_000));
        assert_eq!(span("from=1970-01-01T00:00:01Z&to=3000"), Ok((from, to)));
        assert_eq!(span("from=1970-01-01T01:00:01%2B01:00&to=3000"), Ok((from, to)));
        assert_eq!(span("from=1970-01-01T01:00:01+01:00&to=3000"), Ok((from, to)));
        assert_eq!(span("from=1000"), Ok((from, Wall(5_000_000_000 + AHEAD))));
        for wrong in ["", "from=yesterday", "from=5&to=5", "to=5"] {
            assert!(span(wrong).unwrap_err().contains("expected a time"), "{wrong}");
        }
    }
}
