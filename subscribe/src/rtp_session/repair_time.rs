//! Limits the time that repair takes: on a slow machine, packets that came must not wait for those that did not.

use streamsocket_media::clock::Monotonic;

/// Repair may take a quarter of the time.
const SHARE: i64 = 4;

/// How far it may get ahead of that share, in nanoseconds until it has evened out again: bursts of losses are rare, and
/// the largest frame takes 20 ms on a PC.
const AHEAD_NANOS: i64 = 300_000_000;

/// Time spent on repair, against the share that it has.
#[derive(Debug, Default)]
pub(super) struct RepairTime {
    /// When what was spent has evened out.
    free: Monotonic,
}

impl RepairTime {
    /// Whether repair may run now.
    pub(super) fn allows(&self, now: Monotonic) -> bool {
        self.free.nanos_since(now) <= AHEAD_NANOS
    }

    /// Notes that a repair has taken so many nanoseconds, until `now`.
    pub(super) fn spend(&mut self, nanos: i64, now: Monotonic) {
        self.free = self.free.max(now).offset(nanos.max(0).saturating_mul(SHARE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    /// Repairs of a second that is asked for so many of, each of which takes so many milliseconds.
    fn done(asked: i64, takes: i64) -> i64 {
        let mut time = RepairTime::default();
        let mut now = Monotonic(0);
        let mut done = 0;
        for number in 0..10 * asked {
            now = now.max(Monotonic(number * 1000 * MS / asked));
            if time.allows(now) {
                now = now.offset(takes * MS);
                time.spend(takes * MS, now);
                done += 1;
            }
        }
        done / 10
    }

    #[test]
    fn what_is_quick_is_always_done_and_what_is_slow_takes_a_quarter() {
        assert_eq!(done(50, 1), 50);
        let slow = done(50, 30);
        assert!((8..=10).contains(&slow), "{slow}");
    }
}
