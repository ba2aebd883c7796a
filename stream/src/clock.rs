//! The clocks of a session, one type each, so that they cannot be mixed up.

use core::ops::{Add, Sub};
use core::time::Duration;

/// A point on this machine's CLOCK_MONOTONIC, in nanoseconds: the clock that the kernel stamps
/// captured media with. Comparable only to other points of the same machine and boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monotonic(pub i64);

impl Monotonic {
    /// Nanoseconds from `earlier` to this point, negative if it lies before it.
    #[must_use]
    pub const fn nanos_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Time from `earlier` to this point, zero if it lies before it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.nanos_since(earlier)).unwrap_or(0))
    }

    /// This point moved by a signed number of nanoseconds.
    #[must_use]
    pub const fn offset(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }
}

impl Add<Duration> for Monotonic {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        self.offset(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl Sub<Duration> for Monotonic {
    type Output = Self;
    fn sub(self, span: Duration) -> Self {
        self.offset(i64::try_from(span.as_nanos()).map_or(i64::MIN, |n| -n))
    }
}
