//! Keeps a stream below a rate by leaving whole frames out: half a frame would be none, and a frame
//! that waits would be late.

use core::fmt;
use streamsocket_media::clock::Monotonic;

/// What may be sent at once beyond the rate, in nanoseconds of it: frames vary in size.
const BURST_NANOS: i64 = 250_000_000;

/// The slowest rate that makes sense, in bits a second: one small frame a second.
const RATE_MIN: u64 = 100_000;

/// The fastest, in bits a second: more than any network interface of these machines.
const RATE_MAX: u64 = 100_000_000_000;

/// Lets frames through as long as their bits fit.
#[derive(Debug)]
pub struct BitrateLimit {
    rate: u64,
    /// When what has been sent would be through at that rate.
    free: Option<Monotonic>,
}

impl BitrateLimit {
    /// At most so many bits a second.
    #[must_use]
    pub const fn new(rate: u64) -> Self {
        Self { rate, free: None }
    }

    /// Whether a frame may be sent at `now`, whatever its size: what was sent before has been paid for.
    #[must_use]
    pub fn admits(&self, now: Monotonic) -> bool {
        self.free.is_none_or(|free| free <= now)
    }

    /// So many bytes are sent at `now`.
    pub fn count(&mut self, now: Monotonic, bytes: usize) {
        let earliest = now.offset(-BURST_NANOS);
        let free = self.free.map_or(earliest, |free| free.max(earliest));
        self.free = Some(free.offset(self.span(bytes)));
    }

    fn span(&self, bytes: usize) -> i64 {
        let nanos = bytes as u128 * 8_000_000_000 / u128::from(self.rate.max(1));
        i64::try_from(nanos).unwrap_or(i64::MAX)
    }
}

/// Not a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseRateError;

impl fmt::Display for ParseRateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected bits a second such as 20M (100k at least)")
    }
}

impl core::error::Error for ParseRateError {}

/// Bits a second with an optional `k`, `M` or `G`.
///
/// # Errors
/// If it is none, or below 100k.
pub fn parse_rate(text: &str) -> Result<u64, ParseRateError> {
    let (digits, unit) = match text.char_indices().next_back().ok_or(ParseRateError)? {
        (at, 'k' | 'K') => (&text[..at], 1_000),
        (at, 'M' | 'm') => (&text[..at], 1_000_000),
        (at, 'G' | 'g') => (&text[..at], 1_000_000_000),
        _ => (text, 1),
    };
    let rate = digits.parse::<u64>().ok().and_then(|rate| rate.checked_mul(unit));
    rate.filter(|rate| (RATE_MIN..=RATE_MAX).contains(rate)).ok_or(ParseRateError)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: i64 = 33_333_333;

    /// Frames of so many bytes let through in ten seconds at 30 a second, by a limit of 8 Mbit/s.
    fn admitted(bytes: usize) -> usize {
        let mut limit = BitrateLimit::new(8_000_000);
        let frame = |number| {
            let now = Monotonic(number * INTERVAL);
            let admitted = limit.admits(now);
            if admitted {
                limit.count(now, bytes);
            }
            usize::from(admitted)
        };
        (0..300).map(frame).sum()
    }

    #[test]
    fn what_fits_goes_through_and_the_rest_is_left_out_evenly() {
        assert_eq!(admitted(33_000), 300);
        // 15 Mbit/s: a little more than half, and a quarter of a second of burst.
        let some = admitted(62_500);
        assert!((155..=168).contains(&some), "{some}");
    }

    #[test]
    fn a_frame_larger_than_the_burst_goes_through_now_and_then() {
        // 1 s of the rate each.
        assert!((10..=11).contains(&admitted(1_000_000)));
    }
}
