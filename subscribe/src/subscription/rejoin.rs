//! When to join silent multicast groups again: switches without an IGMP querier forget their members after some
//! minutes, and an interface that was plugged in again has none.

use streamsocket_media::clock::{Delay, Monotonic};

/// Silence before the first attempt, and the time until the second: a second is what a viewer waits
/// before looking for the fault elsewhere.
const FIRST: Delay = Delay::from_secs(1);

/// Longest time between attempts: each is a message or two to the switch.
const LONGEST: Delay = Delay::from_secs(10);

/// The schedule of attempts.
#[derive(Debug)]
pub(super) struct Rejoin {
    next: Monotonic,
    wait: Delay,
}

impl Rejoin {
    pub(super) fn new(now: Monotonic) -> Self {
        Self { next: now + FIRST, wait: FIRST }
    }

    pub(super) const fn deadline(&self) -> Monotonic {
        self.next
    }

    /// Makes the next attempt due at once, because the network has changed.
    pub(super) const fn hasten(&mut self, now: Monotonic) {
        (self.next, self.wait) = (now, FIRST);
    }

    /// Whether to join again now; `heard` is when the last packet came.
    pub(super) fn is_due(&mut self, now: Monotonic, heard: Option<Monotonic>) -> bool {
        if now < self.next {
            return false;
        }
        if let Some(heard) = heard.filter(|heard| now - *heard < FIRST) {
            (self.next, self.wait) = (heard + FIRST, FIRST);
            return false;
        }
        self.wait = (self.wait * 2).min(LONGEST);
        self.next = now + self.wait;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    /// Milliseconds at which it is due in so many seconds, looked at when it wants to be.
    fn attempts(rejoin: &mut Rejoin, seconds: i64, heard: impl Fn(i64) -> Option<i64>) -> Vec<i64> {
        let mut due = Vec::new();
        while rejoin.deadline() < Monotonic(seconds * 1000 * MS) {
            let now = rejoin.deadline();
            if rejoin.is_due(now, heard(now.0 / MS).map(|at| Monotonic(at * MS))) {
                due.push(now.0 / MS);
            }
        }
        due
    }

    #[test]
    fn silence_is_asked_about_ever_more_rarely() {
        let mut rejoin = Rejoin::new(Monotonic(0));
        let due = attempts(&mut rejoin, 40, |_| None);
        assert_eq!(due, [1000, 3000, 7000, 15_000, 25_000, 35_000]);
    }

    #[test]
    fn a_stream_that_comes_is_left_alone_until_it_stops() {
        let mut rejoin = Rejoin::new(Monotonic(0));
        let heard = |now: i64| Some(if now < 20_000 { now - 3 } else { 19_998 });
        let due = attempts(&mut rejoin, 30, heard);
        assert_eq!(due.first(), Some(&20_998), "{due:?}");
    }
}
