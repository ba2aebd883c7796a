//! Times as playlists and addresses have them (RFC 3339).

use streamsocket_media::clock::Wall;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A time in UTC with milliseconds, such as `2026-01-02T03:04:05.678Z`: digits that JavaScript's dates keep.
#[must_use]
pub fn format(at: Wall) -> String {
    // The nanoseconds of an i64 end in 2262: no year that cannot be written.
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second, milli) = time.to_hms_milli();
    format!(
        "{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z",
        u8::from(month)
    )
}

/// The time that a text says: with `Z` or an offset, with a fraction or without. `None` for what is no time, and for
/// those that nanoseconds since 1970 do not reach.
#[must_use]
pub fn parse(text: &str) -> Option<Wall> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(time.unix_timestamp_nanos()).ok().map(Wall)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn times_are_read_as_they_are_written() {
        let at = Wall(1_767_323_045 * SECOND + 678_000_000);
        assert_eq!(format(at), "2026-01-02T03:04:05.678Z");
        assert_eq!(parse(&format(at)), Some(at));
        assert_eq!(parse("2026-01-02T03:04:05Z"), Some(Wall(1_767_323_045 * SECOND)));
        assert_eq!(parse("2026-01-02T05:04:05.678+02:00"), Some(at));
        assert_eq!(format(Wall(i64::MIN)), "1677-09-21T00:12:43.145Z");
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "2026-01-02",
            "2026-01-02T03:04:05",
            "2026-13-02T03:04:05Z",
            "9999-01-01T00:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
