//! Limits the time that repair takes: on a slow machine, packets that came must not wait for those that did not.

use streamsocket_media::clock::{Delay, Monotonic};

/// Repair may take a quarter of the time.
const SHARE: i64 = 4;

/// How far it may get ahead of that share until it has evened out again: bursts of losses are rare, and
/// the largest frame takes 20 ms on a PC.
const AHEAD: Delay = Delay::from_millis(300);

/// Time spent on repair, against the share that it has.
#[derive(Debug, Default)]
pub(crate) struct RepairTime {
    /// When what was spent has evened out.
    free: Monotonic,
}

impl RepairTime {
    /// Whether repair may run now.
    pub(crate) fn allows(&self, now: Monotonic) -> bool {
        self.free - now <= AHEAD
    }

    /// Notes that a repair has taken so long, until `now`.
    pub(crate) fn spend(&mut self, taken: Delay, now: Monotonic) {
        self.free = self.free.max(now) + taken.max(Delay::ZERO) * SHARE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Repairs of a second that is asked for so many of, each of which takes so long.
    fn done(asked: i64, takes: Delay) -> i64 {
        let mut time = RepairTime::default();
        let mut now = Monotonic(0);
        let mut done = 0;
        for number in 0..10 * asked {
            now = now.max(Monotonic(0) + Delay::from_secs(number) / asked);
            if time.allows(now) {
                now = now + takes;
                time.spend(takes, now);
                done += 1;
            }
        }
        done / 10
    }

    #[test]
    fn what_is_quick_is_always_done_and_what_is_slow_takes_a_quarter() {
        assert_eq!(done(50, Delay::from_millis(1)), 50);
        let slow = done(50, Delay::from_millis(30));
        assert!((8..=10).contains(&slow), "{slow}");
    }
}
