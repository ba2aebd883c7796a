//! A signed span of time.

use core::ops::{Add, AddAssign, Div, Mul, Neg, Sub};
use core::time::Duration;

/// How much later one point of a clock is than another, negative if it is earlier: a delay, a latency, an offset
/// between two clocks, the time that work takes. In nanoseconds, up to 292 years each way; what is beyond that is
/// taken for as much, in all arithmetic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Delay(i64);

impl Delay {
    /// None.
    pub const ZERO: Self = Self(0);

    /// The longest.
    pub const MAX: Self = Self(i64::MAX);

    /// Of so many nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Of so many microseconds.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros.saturating_mul(1000))
    }

    /// Of so many milliseconds.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Of so many seconds.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// In nanoseconds.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// In whole milliseconds, rounded towards zero.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0 / 1_000_000
    }

    /// How long it is, whichever is later.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }

    /// As a duration: zero if it is negative.
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }

    /// So many parts in a billion of it; zero if that is beyond what a delay can be.
    #[must_use]
    pub fn share(self, ppb: i64) -> Self {
        // The delays of everyday life fit, and machines divide 64 bits by themselves.
        if let Some(product) = ppb.checked_mul(self.0) {
            return Self(product / 1_000_000_000);
        }
        Self(i64::try_from(i128::from(ppb) * i128::from(self.0) / 1_000_000_000).unwrap_or(0))
    }
}

impl From<Duration> for Delay {
    fn from(span: Duration) -> Self {
        Self(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl Add for Delay {
    type Output = Self;
    fn add(self, more: Self) -> Self {
        Self(self.0.saturating_add(more.0))
    }
}

impl AddAssign for Delay {
    fn add_assign(&mut self, more: Self) {
        *self = *self + more;
    }
}

impl Sub for Delay {
    type Output = Self;
    fn sub(self, less: Self) -> Self {
        Self(self.0.saturating_sub(less.0))
    }
}

impl Neg for Delay {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Mul<i64> for Delay {
    type Output = Self;
    fn mul(self, times: i64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}

impl Div<i64> for Delay {
    type Output = Self;
    /// Divided by a number that is not zero.
    fn div(self, by: i64) -> Self {
        Self(self.0.saturating_div(by))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_these() {
        assert_eq!(Delay::from_secs(-2).nanos(), -2_000_000_000);
        assert_eq!(
            (Delay::from_millis(3).nanos(), Delay::from_micros(3).nanos()),
            (3_000_000, 3_000)
        );
        assert_eq!(
            (Delay::from_nanos(-1_999_999).millis(), Delay::from_millis(7).millis()),
            (-1, 7)
        );
    }

    #[test]
    fn arithmetic_stays_within_what_there_is() {
        let least = Delay::from_nanos(i64::MIN);
        assert_eq!(
            (-least, least.abs(), Delay::MAX + Delay::MAX),
            (Delay::MAX, Delay::MAX, Delay::MAX)
        );
        assert_eq!(
            (least - Delay::MAX, Delay::MAX * 2, least / -1),
            (least, Delay::MAX, Delay::MAX)
        );
        assert_eq!(Delay::from_secs(i64::MAX), Delay::MAX);
        assert_eq!(Delay::from_millis(-8).abs() - Delay::from_millis(9), Delay::from_millis(-1));
    }

    #[test]
    fn a_duration_is_never_negative() {
        assert_eq!(Delay::from_millis(-5).duration(), Duration::ZERO);
        assert_eq!(Delay::from_millis(5).duration(), Duration::from_millis(5));
        assert_eq!(Delay::from(Duration::from_millis(5)), Delay::from_millis(5));
        assert_eq!(Delay::from(Duration::MAX), Delay::MAX);
    }

    #[test]
    fn a_share_is_exact_where_the_product_is_not_of_64_bits() {
        assert_eq!(Delay::from_secs(100_000).share(-400_000), Delay::from_secs(-40));
        assert_eq!(Delay::MAX.share(2_000_000_000), Delay::ZERO);
    }
}
