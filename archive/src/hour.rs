//! Hours of UTC, the folders that segments are kept in.

use core::fmt;
use core::time::Duration;
use streamsocket_media::clock::Wall;
use time::{Date, Month, OffsetDateTime, Time};

/// Nanoseconds of an hour.
const NANOS: i64 = 3_600_000_000_000;

/// Seconds of an hour.
const SECONDS: i64 = 3600;

/// An hour of UTC, counted since 1970. It is written `YYYY-MM-DD/HH`, as its folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(pub i64);

impl Hour {
    /// The hour that `at` lies in.
    #[must_use]
    pub const fn of(at: Wall) -> Self {
        Self(at.0.div_euclid(NANOS))
    }

    /// When it begins.
    #[must_use]
    pub const fn begin(self) -> Wall {
        Wall(self.0.saturating_mul(NANOS))
    }

    /// When the next one begins.
    #[must_use]
    pub const fn end(self) -> Wall {
        self.next().begin()
    }

    /// The hour after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The hour before it.
    #[must_use]
    pub const fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// Whether it was over for `age` or longer at `now`.
    pub(crate) fn is_older(self, age: Duration, now: Wall) -> bool {
        let age = i64::try_from(age.as_nanos()).unwrap_or(i64::MAX);
        now.0.saturating_sub(self.end().0) >= age
    }

    /// The hour of a folder `YYYY-MM-DD` and one in it, `HH`; none if they are not written so.
    pub(crate) fn parse(day: &str, hour: &str) -> Option<Self> {
        let mut fields = day.split('-').map(|it| it.parse::<u16>().ok());
        let (year, month, of_month) = (fields.next()??, fields.next()??, fields.next()??);
        let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
        let date = Date::from_calendar_date(year.into(), month, u8::try_from(of_month).ok()?);
        let time = Time::from_hms(hour.parse().ok()?, 0, 0).ok()?;
        let found = Self(date.ok()?.with_time(time).assume_utc().unix_timestamp() / SECONDS);
        // Written otherwise ("7" instead of "07") it is somebody else's folder.
        (found.to_string() == format!("{day}/{hour}")).then_some(found)
    }
}

impl fmt::Display for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.saturating_mul(SECONDS);
        // A `Wall` reaches from 1677 to 2262: each hour of one is a date.
        let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (year, month, day) = at.to_calendar_date();
        write!(f, "{year:04}-{:02}-{day:02}/{:02}", u8::from(month), at.hour())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_written_as_folders_and_read_again() {
        for (nanos, text) in [
            (0, "1970-01-01/00"),
            (-1, "1969-12-31/23"),
            (1_709_251_199_999_999_999, "2024-02-29/23"),
            (1_709_251_200_000_000_000, "2024-03-01/00"),
            (i64::MAX, "2262-04-11/23"),
            (i64::MIN, "1677-09-21/00"),
        ] {
            let hour = Hour::of(Wall(nanos));
            assert_eq!(hour.to_string(), text);
            let (day, of_day) = text.split_once('/').unwrap();
            assert_eq!(Hour::parse(day, of_day), Some(hour));
        }
    }

    #[test]
    fn other_folders_are_no_hours() {
        for (day, hour) in [
            ("2024-02-30", "00"),
            ("2024-2-03", "00"),
            ("2024-02-03", "7"),
            ("2024-02-03", "24"),
            ("2024-02-03", "07.removed"),
            ("2024-02-03-01", "07"),
            ("events", "07"),
            ("", ""),
        ] {
            assert_eq!(Hour::parse(day, hour), None, "{day}/{hour}");
        }
    }

    #[test]
    fn an_hour_is_older_once_all_of_it_is() {
        let (hour, age) = (Hour(10), Duration::from_secs(60));
        let due = hour.end().0 + 60_000_000_000;
        assert!(!hour.is_older(age, Wall(due - 1)));
        assert!(hour.is_older(age, Wall(due)));
    }
}
