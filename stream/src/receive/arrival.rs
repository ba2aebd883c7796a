//! When something is due whose sender tells no capture times, neither in time extensions nor in reports: its
//! RTP time says only how far apart packets were captured. It is laid over arrival by the packets that came
//! undelayed, as the sender's wall clock is otherwise.

use super::ticks;
use super::timeline::Timeline;
use streamsocket_media::clock::{Delay, Monotonic, Wall};
use streamsocket_wire::rtp::ExtendedTime;

/// RTP time over arrival, for one stream.
#[derive(Clone, Debug)]
pub struct ArrivalClock {
    rate: u32,
    timeline: Timeline,
}

impl ArrivalClock {
    /// Of a stream with `rate` RTP ticks a second.
    #[must_use]
    pub const fn new(rate: u32) -> Self {
        Self { rate, timeline: Timeline::new(Delay::ZERO) }
    }

    /// Forgets what it knows: the source has changed.
    pub const fn reset(&mut self) {
        self.timeline.reset();
    }

    /// A packet with this RTP time, extended, arrived at `arrival`.
    pub fn observe(&mut self, time: ExtendedTime, arrival: Monotonic) {
        self.timeline.observe(self.even(time), arrival);
    }

    /// When a packet with this RTP time comes if nothing delays it.
    #[must_use]
    pub fn undelayed(&self, time: ExtendedTime) -> Option<Monotonic> {
        self.timeline.due(self.even(time))
    }

    /// RTP time as a clock that nobody has set: it stands for the sender's.
    fn even(&self, time: ExtendedTime) -> Wall {
        Wall(ticks::nanos(time.0, self.rate).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    /// Packets of 5 ms that leave so many at a time: how many of them would be late if each was due 25 ms after
    /// it came undelayed, in per cent.
    fn late(together: i64, ppm: i64) -> i64 {
        let mut clock = ArrivalClock::new(48_000);
        let mut late = 0;
        let packets = 60_000;
        for packet in 0..packets {
            let captured = packet * 5 * MS + packet * 5 * ppm;
            let leaves = (packet / together + 1) * together * 5 * MS;
            let arrival = Monotonic(leaves.max(captured));
            clock.observe(ExtendedTime(packet * 240), arrival);
            let due = clock.undelayed(ExtendedTime(packet * 240)).unwrap() + Delay::from_millis(25);
            late += i64::from(due.0 < arrival.0);
        }
        late * 100 / packets
    }

    #[test]
    fn bursts_of_packets_are_played_evenly() {
        for together in 1..=4 {
            assert_eq!(late(together, 0), 0, "{together} at a time");
        }
    }

    #[test]
    fn what_is_due_follows_evenly_what_comes_in_bursts() {
        let mut clock = ArrivalClock::new(48_000);
        let mut last: Option<Monotonic> = None;
        for packet in 0..60_000_i64 {
            clock.observe(ExtendedTime(packet * 240), Monotonic((packet / 4 + 1) * 20 * MS));
            let due = clock.undelayed(ExtendedTime(packet * 240)).unwrap();
            let step = last.map_or(5 * MS, |last| (due - last).nanos());
            assert!(packet < 5 || (step - 5 * MS).abs() < MS / 100, "{packet}: {step}");
            last = Some(due);
        }
    }

    #[test]
    fn a_clock_that_drifts_is_followed() {
        let mut clock = ArrivalClock::new(90_000);
        for picture in 0..9_000_i64 {
            // The sender's clock is fast by 200 ppm.
            let arrival = Monotonic(picture * 33_326_668 + picture * 7_919 % 9 * MS);
            clock.observe(ExtendedTime(picture * 3000), arrival);
        }
        let off = clock.undelayed(ExtendedTime(9_000 * 3000)).unwrap().0 - 9_000 * 33_326_668;
        assert!(off.abs() < 2 * MS, "{off}");
    }
}
