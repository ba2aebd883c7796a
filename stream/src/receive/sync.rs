//! When what was captured is due at this receiver: the sender's wall clock, read off time
//! extensions and sender reports, laid over this machine's monotonic clock, plus the target
//! latency. Picture and sound of a session share one [`Timeline`], which is what keeps them
//! together.

use crate::clock::Monotonic;
use streamsocket_wire::ntp::NtpTime;

/// The offset is the least that was seen within this window: seconds, one bucket each. Long enough
/// to have seen an undelayed packet, short enough to follow clocks that drift apart (100 ppm: 1 ms).
const WINDOW_SECONDS: usize = 10;

const SECOND_NANOS: i64 = 1_000_000_000;

/// RTP time to the sender's wall clock, for one stream.
#[derive(Clone, Copy, Debug)]
pub struct StreamClock {
    rate: u32,
    reference: Option<(i64, NtpTime)>,
}

impl StreamClock {
    /// The clock of a stream with `rate` RTP ticks a second, not yet set.
    #[must_use]
    pub const fn new(rate: u32) -> Self {
        Self { rate, reference: None }
    }

    /// The sender says that `time` (extended RTP time) was captured at `ntp`.
    pub const fn observe(&mut self, time: i64, ntp: NtpTime) {
        self.reference = Some((time, ntp));
    }

    /// Forgets what it knows: the source has changed.
    pub const fn reset(&mut self) {
        self.reference = None;
    }

    /// Capture time of `time` by the sender's wall clock in nanoseconds since 1970, once known.
    #[must_use]
    pub fn unix_nanos(&self, time: i64) -> Option<i64> {
        let (reference, ntp) = self.reference?;
        let ticks = i128::from(time) - i128::from(reference);
        let nanos = ticks * i128::from(SECOND_NANOS) / i128::from(self.rate.max(1));
        Some(ntp.unix_nanos().saturating_add(i64::try_from(nanos).ok()?))
    }
}

/// The sender's wall clock against ours: the smallest difference between arrival and capture that
/// was seen lately, which holds the least queueing.
#[derive(Clone, Copy, Debug)]
pub struct Timeline {
    /// Least arrival minus capture, in nanoseconds, of each second.
    buckets: [Option<i64>; WINDOW_SECONDS],
    at: usize,
    since: Monotonic,
    latency: i64,
}

/// A difference that is smaller than all before by more than this, in nanoseconds, is a step of
/// the sender's clock, not a faster packet.
const STEP_NANOS: i64 = 1_000_000_000;

impl Timeline {
    /// A timeline that presents everything `latency` nanoseconds after its undelayed arrival.
    #[must_use]
    pub const fn new(latency: i64) -> Self {
        Self { buckets: [None; WINDOW_SECONDS], at: 0, since: Monotonic(0), latency }
    }

    /// Forgets the sender's clock: the source has changed.
    pub const fn reset(&mut self) {
        self.buckets = [None; WINDOW_SECONDS];
    }

    /// The target latency, in nanoseconds.
    #[must_use]
    pub const fn latency(&self) -> i64 {
        self.latency
    }

    /// A packet arrived at `arrival` that was captured at `unix_nanos` of the sender's wall clock.
    pub fn observe(&mut self, unix_nanos: i64, arrival: Monotonic) {
        let difference = arrival.0.saturating_sub(unix_nanos);
        let stepped = self
            .offset()
            .is_some_and(|offset| difference.saturating_sub(offset).saturating_abs() > STEP_NANOS);
        if stepped {
            self.reset();
        }
        while arrival.nanos_since(self.since) >= SECOND_NANOS {
            let behind = arrival.nanos_since(self.since) / SECOND_NANOS;
            let skipped = behind - i64::try_from(WINDOW_SECONDS).unwrap_or(0);
            self.since = self.since.offset(skipped.max(0).saturating_mul(SECOND_NANOS));
            self.since = self.since.offset(SECOND_NANOS);
            self.at = (self.at + 1) % WINDOW_SECONDS;
            self.buckets[self.at] = None;
        }
        let bucket = &mut self.buckets[self.at];
        *bucket = Some(bucket.map_or(difference, |least| least.min(difference)));
    }

    /// Our monotonic clock minus the sender's wall clock, undelayed packets taken as instantaneous.
    #[must_use]
    pub fn offset(&self) -> Option<i64> {
        self.buckets.iter().flatten().min().copied()
    }

    /// When what was captured at `unix_nanos` of the sender's wall clock is due here.
    #[must_use]
    pub fn due(&self, unix_nanos: i64) -> Option<Monotonic> {
        let offset = self.offset()?;
        Some(Monotonic(unix_nanos.saturating_add(offset).saturating_add(self.latency)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    #[test]
    fn rtp_time_is_read_off_a_reference() {
        let mut clock = StreamClock::new(90_000);
        assert_eq!(clock.unix_nanos(0), None);
        clock.observe(1000, NtpTime::from_unix_nanos(5 * SECOND_NANOS));
        assert_eq!(clock.unix_nanos(1000 + 90_000), Some(6 * SECOND_NANOS));
        assert_eq!(clock.unix_nanos(1000 - 45_000), Some(4_500 * MS));
    }

    #[test]
    fn the_least_delayed_packet_counts() {
        let mut timeline = Timeline::new(50 * MS);
        for (capture, delay) in [(0, 9), (10, 3), (20, 30)] {
            timeline.observe(capture * MS, Monotonic((1000 + capture + delay) * MS));
        }
        assert_eq!(timeline.due(100 * MS), Some(Monotonic(1153 * MS)));
    }

    #[test]
    fn the_window_forgets() {
        let mut timeline = Timeline::new(0);
        timeline.observe(0, Monotonic(0));
        for second in 1..=12 {
            timeline.observe(second * SECOND_NANOS, Monotonic(second * SECOND_NANOS + 5 * MS));
        }
        assert_eq!(timeline.offset(), Some(5 * MS));
    }

    #[test]
    fn a_long_silence_does_not_loop_and_forgets_all() {
        let mut timeline = Timeline::new(0);
        timeline.observe(0, Monotonic(0));
        timeline.observe(1 << 60, Monotonic((1 << 60) + MS));
        assert_eq!(timeline.offset(), Some(MS));
    }

    #[test]
    fn a_step_of_the_senders_clock_is_followed() {
        let mut timeline = Timeline::new(0);
        timeline.observe(SECOND_NANOS, Monotonic(SECOND_NANOS));
        timeline.observe(90 * SECOND_NANOS, Monotonic(SECOND_NANOS + MS));
        assert_eq!(timeline.offset(), Some(MS - 89 * SECOND_NANOS));
    }
}
