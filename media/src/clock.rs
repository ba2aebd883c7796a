//! The clocks of a session, one type each, so that they cannot be mixed up.

mod delay;

pub use self::delay::Delay;
use core::ops::{Add, Sub};
use core::time::Duration;
use streamsocket_wire::ntp::NtpTime;

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

impl Sub for Monotonic {
    type Output = Delay;
    fn sub(self, earlier: Self) -> Delay {
        Delay::from_nanos(self.nanos_since(earlier))
    }
}

impl Add<Delay> for Monotonic {
    type Output = Self;
    fn add(self, delay: Delay) -> Self {
        self.offset(delay.nanos())
    }
}

impl Sub<Delay> for Monotonic {
    type Output = Self;
    fn sub(self, delay: Delay) -> Self {
        self + -delay
    }
}

/// A point on a wall clock, in nanoseconds since 1970: the sender's, as its packets say it, or this machine's
/// CLOCK_REALTIME. How both relate is not known from the start, and a wall clock may be set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wall(pub i64);

impl Wall {
    /// How far CLOCK_MONOTONIC is ahead of this clock, if it reads `now` at this point.
    #[must_use]
    pub const fn monotonic_ahead(self, now: Monotonic) -> Delay {
        Delay::from_nanos(now.0.saturating_sub(self.0))
    }

    /// What CLOCK_MONOTONIC reads at this point if it is so far ahead of this clock.
    #[must_use]
    pub const fn monotonic(self, ahead: Delay) -> Monotonic {
        Monotonic(self.0.saturating_add(ahead.nanos()))
    }
}

/// Of two points of the same clock.
impl Sub for Wall {
    type Output = Delay;
    fn sub(self, earlier: Self) -> Delay {
        Delay::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Delay> for Wall {
    type Output = Self;
    fn add(self, delay: Delay) -> Self {
        Self(self.0.saturating_add(delay.nanos()))
    }
}

impl Sub<Delay> for Wall {
    type Output = Self;
    fn sub(self, delay: Delay) -> Self {
        self + -delay
    }
}

impl From<NtpTime> for Wall {
    fn from(ntp: NtpTime) -> Self {
        Self(ntp.unix_nanos())
    }
}

/// Time that `frames` sample frames take at `rate` a second, in nanoseconds; the largest there is where
/// that is more.
#[must_use]
pub fn sample_nanos(frames: u64, rate: u32) -> i64 {
    let nanos = u128::from(frames) * 1_000_000_000 / u128::from(rate.max(1));
    i64::try_from(nanos).unwrap_or(i64::MAX)
}

/// The sender's wall clock: CLOCK_MONOTONIC plus an offset, so that it runs as evenly as the
/// clock that media is stamped with. It follows the system's CLOCK_REALTIME slowly, and jumps only
/// when that one has jumped.
#[derive(Clone, Copy, Debug)]
pub struct WallClock {
    offset: i64,
    observed: Monotonic,
}

/// Beyond this error, in nanoseconds, the wall clock is stepped: CLOCK_REALTIME has been set (a Pi
/// boots without a clock), and slewing would take more than half an hour.
pub const STEP_NANOS: i64 = 100_000_000;

/// Slew rate in parts per million: a viewer that follows the wall clock has to resample sound by as
/// much, which nobody hears.
pub const SLEW_PPM: i64 = 50;

impl WallClock {
    /// A clock that reads `unix_nanos` (nanoseconds since 1970) at `now`.
    #[must_use]
    pub const fn new(now: Monotonic, unix_nanos: i64) -> Self {
        Self { offset: unix_nanos.saturating_sub(now.0), observed: now }
    }

    /// Takes notice of what CLOCK_REALTIME reads at `now`, in nanoseconds since 1970. Returns the
    /// size of the step in nanoseconds if the clock had to be stepped.
    pub fn observe(&mut self, now: Monotonic, unix_nanos: i64) -> Option<i64> {
        let error = unix_nanos.saturating_sub(now.0).saturating_sub(self.offset);
        let elapsed = now.nanos_since(self.observed).max(0);
        self.observed = now;
        if error.abs() >= STEP_NANOS {
            self.offset = self.offset.saturating_add(error);
            return Some(error);
        }
        let slew_max = elapsed / (1_000_000 / SLEW_PPM);
        self.offset = self.offset.saturating_add(error.clamp(-slew_max, slew_max));
        None
    }

    /// Wall-clock time of a point on the capture clock.
    #[must_use]
    pub fn ntp(&self, capture: Monotonic) -> NtpTime {
        NtpTime::from_unix_nanos(self.unix_nanos(capture))
    }

    /// The same in nanoseconds since 1970.
    #[must_use]
    pub const fn unix_nanos(&self, capture: Monotonic) -> i64 {
        capture.0.saturating_add(self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn sample_frames_take_their_time_for_days() {
        assert_eq!(sample_nanos(48, 48_000), 1_000_000);
        assert_eq!(sample_nanos(44_100 * 86_400, 44_100), 86_400_000_000_000);
        assert_eq!(sample_nanos(u64::MAX, 0), i64::MAX);
    }

    #[test]
    fn a_wall_clock_is_laid_over_the_monotonic_one() {
        let wall = Wall::from(NtpTime::from_unix_nanos(1_700_000_000 * SECOND));
        let ahead = wall.monotonic_ahead(Monotonic(5));
        let seven = Delay::from_nanos(7);
        assert_eq!((wall + seven).monotonic(ahead), Monotonic(12));
        assert_eq!((wall - (wall + seven), wall + Delay::MAX), (-seven, Wall(i64::MAX)));
        assert_eq!(wall + seven - seven, wall);
    }

    #[test]
    fn points_of_the_monotonic_clock_are_a_delay_apart() {
        let (early, late) = (Monotonic(5), Monotonic(12));
        assert_eq!((late - early, early - late), (Delay::from_nanos(7), Delay::from_nanos(-7)));
        assert_eq!((early + (late - early), late - (late - early)), (late, early));
        assert_eq!(Monotonic(i64::MAX) - Monotonic(i64::MIN), Delay::MAX);
    }

    #[test]
    fn the_wall_clock_is_slewed_for_a_small_error() {
        let mut wall = WallClock::new(Monotonic(0), 1_700_000_000 * SECOND);
        assert_eq!(wall.observe(Monotonic(SECOND), 1_700_000_001 * SECOND + 10_000_000), None);
        // 50 ppm of one second is 50 us of the 10 ms.
        assert_eq!(wall.unix_nanos(Monotonic(SECOND)), 1_700_000_001 * SECOND + 50_000);
    }

    #[test]
    fn the_wall_clock_is_stepped_for_a_large_error() {
        let mut wall = WallClock::new(Monotonic(0), 0);
        let step = wall.observe(Monotonic(SECOND), 3 * 86_400 * SECOND);
        assert_eq!(step, Some(3 * 86_400 * SECOND - SECOND));
        assert_eq!(wall.unix_nanos(Monotonic(2 * SECOND)), 3 * 86_400 * SECOND + SECOND);
    }
}
