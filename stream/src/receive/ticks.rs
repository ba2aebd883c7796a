//! How long so many ticks of RTP time are. Every packet asks several times: none of it is done in 128 bits, which no
//! machine divides by itself.

/// Nanoseconds in a second.
const SECOND: i64 = 1_000_000_000;

/// How many nanoseconds so many ticks are at `rate` ticks a second, towards zero; `None` beyond what 64 bits hold.
pub(super) fn nanos(ticks: i64, rate: u32) -> Option<i64> {
    let rate = i64::from(rate.max(1));
    let (seconds, left) = (ticks / rate, ticks % rate);
    // What is left is below 2^32.
    seconds.checked_mul(SECOND)?.checked_add(left * SECOND / rate)
}

/// How many ticks so many nanoseconds are, towards zero; at most what 64 bits hold.
pub(super) fn ticks(nanos: i64, rate: u32) -> i64 {
    let rate = i64::from(rate);
    let (seconds, left) = (nanos / SECOND, nanos % SECOND);
    seconds.saturating_mul(rate).saturating_add(left * rate / SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_in_128_bits() {
        let values = (0..63).flat_map(|bit| [-2, -1, 0, 1, 12_345].map(|by| (1_i64 << bit) + by));
        let values = values.chain([i64::MAX, 90_000 * 86_400, 1_764_374_400_123_456_789]);
        for value in values.flat_map(|value| [value, -value]) {
            for rate in [1, 3, 8_000, 44_100, 90_000, 1 << 31, u32::MAX] {
                let (wide, rate_wide) = (i128::from(value), i128::from(rate));
                let expected = i64::try_from(wide * i128::from(SECOND) / rate_wide).ok();
                assert_eq!(nanos(value, rate), expected, "{value} at {rate}");
                let expected = i64::try_from(wide * rate_wide / i128::from(SECOND));
                let most = if value < 0 { i64::MIN } else { i64::MAX };
                assert_eq!(ticks(value, rate), expected.unwrap_or(most), "{value} at {rate}");
            }
        }
    }
}
