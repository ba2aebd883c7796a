//! How often reports are sent (RFC 3550 section 6.2 and appendix A.7).

use core::time::Duration;

/// The part of the session bandwidth that RTCP takes, in percent (section 6.2).
const SHARE_PERCENT: u64 = 5;

/// Of that, the receivers' part, in percent.
const RECEIVERS_PERCENT: u64 = 75;

/// Senders report about once a second: a player that joins late hears no sound and picture in step
/// before the first report. The reduced minimum of section 6.2 (360 s over the bandwidth in kbit/s)
/// would allow far more.
pub const SENDER_INTERVAL: Duration = Duration::from_secs(1);

/// Receivers report no more often than this (section 6.2).
pub const RECEIVER_INTERVAL_MIN: Duration = Duration::from_secs(5);

/// The compensation of appendix A.7 for the mean of a randomized, reconsidered timer: e - 3/2,
/// in thousandths.
const COMPENSATION_MILLI: u64 = 1218;

/// Mean interval of the reports of one of `members` receivers, for reports of `size` bytes
/// (headers included) in a session of `bandwidth` bits a second.
#[must_use]
pub fn receiver_interval(members: u64, size: u64, bandwidth: u64) -> Duration {
    let allowed = (bandwidth / 8 * SHARE_PERCENT / 100 * RECEIVERS_PERCENT / 100).max(1);
    let millis = members.max(1).saturating_mul(size).saturating_mul(1000) / allowed;
    Duration::from_millis(millis).max(RECEIVER_INTERVAL_MIN)
}

/// The interval to wait: the mean one times a random factor between 1/2 and 3/2, compensated.
/// `random` is any 32 random bits.
#[must_use]
pub fn randomize(mean: Duration, random: u32) -> Duration {
    let factor = 500 + u64::from(random) * 1000 / u64::from(u32::MAX);
    let nanos = u64::try_from(mean.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos((nanos / COMPENSATION_MILLI).saturating_mul(factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_receivers_report_at_the_minimum() {
        assert_eq!(receiver_interval(3, 100, 20_000_000), RECEIVER_INTERVAL_MIN);
    }

    #[test]
    fn many_receivers_share_their_part_of_the_bandwidth() {
        // 10,000 reports of 100 bytes at 3.75 % of 8 Mbit/s.
        let interval = receiver_interval(10_000, 100, 8_000_000);
        assert_eq!(interval, Duration::from_millis(26_666));
    }

    #[test]
    fn the_wait_is_spread_around_the_mean() {
        let mean = Duration::from_millis(1218);
        assert_eq!(randomize(mean, 0), Duration::from_millis(500));
        assert_eq!(randomize(mean, u32::MAX), Duration::from_millis(1500));
    }
}
