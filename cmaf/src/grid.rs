//! The grid that capture time is divided by: segments, and parts within them. It begins at 1970, so that a segment's
//! number says when it was captured, whoever makes it.

use core::fmt;
use core::time::Duration;
use streamsocket_media::clock::Wall;

/// Shortest segment: each begins with a key picture, and those are large.
const SEGMENT_MIN: Duration = Duration::from_millis(500);

/// Longest segment: a live window holds several in memory, and plain players are three behind.
const SEGMENT_MAX: Duration = Duration::from_secs(30);

/// Shortest part: each is a request of every viewer.
const PART_MIN: Duration = Duration::from_millis(50);

/// Lengths of segments and parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    segment: Duration,
    part: Duration,
}

/// Segments of 2 s in parts of 200 ms.
impl Default for Grid {
    fn default() -> Self {
        Self { segment: Duration::from_secs(2), part: Duration::from_millis(200) }
    }
}

impl Grid {
    /// A grid of segments of a length, in parts of another. The last part of a segment is shorter where the one is not
    /// a multiple of the other.
    ///
    /// # Errors
    ///
    /// If a segment is not 0.5 to 30 s long, or a part not 50 ms to a segment.
    pub fn new(segment: Duration, part: Duration) -> Result<Self, GridError> {
        if !(SEGMENT_MIN..=SEGMENT_MAX).contains(&segment) {
            return Err(GridError::Segment(segment));
        }
        if !(PART_MIN..=segment).contains(&part) {
            return Err(GridError::Part(part));
        }
        Ok(Self { segment, part })
    }

    /// Length of a segment.
    #[must_use]
    pub const fn segment_length(self) -> Duration {
        self.segment
    }

    /// Length of a part.
    #[must_use]
    pub const fn part_length(self) -> Duration {
        self.part
    }

    /// Number of the segment that a time falls into; 0 before 1970.
    #[must_use]
    pub fn number(self, at: Wall) -> u64 {
        self.part(at).0
    }

    /// When a segment begins; the last time there is for what lies beyond it.
    #[must_use]
    pub fn begin(self, number: u64) -> Wall {
        Wall(number.checked_mul(nanos(self.segment)).map_or(i64::MAX, clamp))
    }

    /// When a part begins.
    #[must_use]
    pub fn part_begin(self, number: u64, index: u32) -> Wall {
        let offset = u64::from(index).saturating_mul(nanos(self.part)).min(nanos(self.segment));
        Wall(self.begin(number).0.saturating_add(clamp(offset)))
    }

    /// The segment and the part of it that a time falls into.
    #[must_use]
    pub fn part(self, at: Wall) -> (u64, u32) {
        let at = u64::try_from(at.0).unwrap_or(0);
        let (segment, part) = (nanos(self.segment), nanos(self.part));
        let index = u32::try_from(at % segment / part).unwrap_or(u32::MAX);
        (at / segment, index)
    }

    /// Parts of a segment.
    #[must_use]
    pub fn parts(self) -> u32 {
        u32::try_from(nanos(self.segment).div_ceil(nanos(self.part))).unwrap_or(u32::MAX)
    }
}

/// Nanoseconds, of which [`Grid::new`] has made sure that there are not too many and not none.
fn nanos(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX).max(1)
}

fn clamp(nanos: u64) -> i64 {
    i64::try_from(nanos).unwrap_or(i64::MAX)
}

/// Why lengths are no grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GridError {
    /// The segment is too short or too long.
    Segment(Duration),
    /// The part is.
    Part(Duration),
}

impl fmt::Display for GridError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Segment(length) => write!(f, "a segment of {length:?}: give 0.5 s to 30 s"),
            Self::Part(length) => {
                write!(f, "a part of {length:?}: give 50 ms to a segment's length")
            }
        }
    }
}

impl std::error::Error for GridError {}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn a_time_gives_the_segment_and_the_part() {
        let grid = Grid::default();
        assert_eq!(grid.part(Wall(1_800_000_000 * SECOND)), (900_000_000, 0));
        assert_eq!(grid.part(Wall(1_800_000_001 * SECOND + 999_999_999)), (900_000_000, 9));
        assert_eq!(grid.begin(900_000_000), Wall(1_800_000_000 * SECOND));
        assert_eq!(grid.part_begin(900_000_000, 9), Wall(1_800_000_000 * SECOND + 1_800_000_000));
        assert_eq!((grid.part(Wall(-1)), grid.begin(u64::MAX)), ((0, 0), Wall(i64::MAX)));
    }

    #[test]
    fn a_last_part_is_shorter_where_parts_do_not_fill_a_segment() {
        let grid = Grid::new(Duration::from_secs(1), Duration::from_millis(300)).unwrap();
        assert_eq!(grid.parts(), 4);
        assert_eq!(grid.part(Wall(SECOND - 1)), (0, 3));
        assert_eq!(grid.part_begin(0, 4), Wall(SECOND));
    }

    #[test]
    fn lengths_that_are_no_grid_are_refused() {
        let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
        assert_eq!(Grid::new(minute, second), Err(GridError::Segment(minute)));
        assert_eq!(Grid::new(second, minute), Err(GridError::Part(minute)));
        assert_eq!(Grid::new(second, Duration::ZERO), Err(GridError::Part(Duration::ZERO)));
    }
}
