//! What the index says of a segment.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;
use streamsocket_media::clock::Wall;

/// The name of an initialisation segment: a hash of what is in it, written as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InitId(pub u64);

impl fmt::Display for InitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Text that is not 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnInitId;

impl fmt::Display for NotAnInitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an initialisation segment has 16 digits of 0 to 9 and a to f")
    }
}

impl core::error::Error for NotAnInitId {}

impl FromStr for InitId {
    type Err = NotAnInitId;

    fn from_str(text: &str) -> Result<Self, NotAnInitId> {
        let id = u64::from_str_radix(text, 16).map(Self).map_err(|_| NotAnInitId)?;
        // One way of writing it alone: it is a name in URLs.
        if id.to_string() == text { Ok(id) } else { Err(NotAnInitId) }
    }
}

/// A stored segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number: capture time through the length of segments.
    pub number: u64,
    /// When its first frame was captured.
    pub begin: Wall,
    /// How long it takes, by its own boxes or as it was said.
    pub duration: Duration,
    /// Bytes of its file, those of the initialisation segment included.
    pub bytes: u64,
    /// Of these, how many the initialisation segment in front has.
    pub init_len: u32,
    /// Frames, or blocks of sound.
    pub frames: u32,
    /// Frames that did not arrive.
    pub lost: u32,
    /// Packets that arrived as repair.
    pub repaired: u32,
    /// The initialisation segment in front.
    pub init: InitId,
}

impl Entry {
    /// When it ends.
    #[must_use]
    pub fn end(&self) -> Wall {
        let nanos = i64::try_from(self.duration.as_nanos()).unwrap_or(i64::MAX);
        Wall(self.begin.0.saturating_add(nanos))
    }

    /// Whether some of it lies between two points, the second not included.
    #[must_use]
    pub fn is_within(&self, from: Wall, to: Wall) -> bool {
        self.begin < to && self.end() > from
    }
}

/// A line of the index, without its end: number, begin and duration in nanoseconds, bytes, those of the
/// initialisation segment, frames, lost, repaired, and the name of the initialisation segment.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, begin, duration, bytes, init_len, frames, lost, repaired, init } = self;
        let (begin, duration) = (begin.0, duration.as_nanos());
        write!(
            f,
            "{number} {begin} {duration} {bytes} {init_len} {frames} {lost} {repaired} {init}"
        )
    }
}

impl Entry {
    /// Reads a line of the index.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(' ');
        let entry = Self {
            number: number(fields.next())?,
            begin: Wall(number(fields.next())?),
            duration: Duration::from_nanos(number(fields.next())?),
            bytes: number(fields.next())?,
            init_len: number(fields.next())?,
            frames: number(fields.next())?,
            lost: number(fields.next())?,
            repaired: number(fields.next())?,
            init: number(fields.next())?,
        };
        (fields.next().is_none() && u64::from(entry.init_len) <= entry.bytes).then_some(entry)
    }
}

fn number<T: FromStr>(field: Option<&str>) -> Option<T> {
    field?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            number: 862_345_678,
            begin: Wall(1_724_691_356_000_000_001),
            duration: Duration::from_nanos(1_999_999_999),
            bytes: 625_000,
            init_len: 700,
            frames: 60,
            lost: 1,
            repaired: 2,
            init: InitId(0x00ab),
        }
    }

    #[test]
    fn a_line_says_all_of_an_entry() {
        let line = "862345678 1724691356000000001 1999999999 625000 700 60 1 2 00000000000000ab";
        assert_eq!(entry().to_string(), line);
        assert_eq!(Entry::parse(line), Some(entry()));
    }

    #[test]
    fn no_beginning_of_a_line_is_one() {
        let line = entry().to_string();
        for length in 0..line.len() {
            assert_eq!(Entry::parse(&line[..length]), None, "{length} bytes");
        }
        assert_eq!(Entry::parse(&format!("{line} 1")), None);
        assert_eq!(Entry::parse(&line.replace("625000", "699")), None, "shorter than its init");
    }

    #[test]
    fn an_init_id_is_written_in_one_way() {
        assert_eq!("00000000000000ab".parse(), Ok(InitId(0xab)));
        for text in ["", "ab", "00000000000000AB", "+0000000000000ab", "000000000000000ab"] {
            assert_eq!(text.parse::<InitId>(), Err(NotAnInitId), "{text}");
        }
    }
}
