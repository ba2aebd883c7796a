//! When to join silent multicast groups again: switches without an IGMP querier forget their members after some
//! minutes, and an interface that was plugged in again has none.

use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_stream::receive::peer::LIFE;

/// Silence before the first attempt, and the time until the second. What is sent between leaving and joining
/// is lost, so a sender that lives is not silent for so long, whatever becomes of its camera; and it is about
/// as long as a viewer waits before looking for the fault elsewhere.
const FIRST: Delay = LIFE;

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

    /// Whether to join again now; `lived` is when the last packet or report came.
    pub(super) fn is_due(&mut self, now: Monotonic, lived: Option<Monotonic>) -> bool {
        if now < self.next {
            return false;
        }
        if let Some(lived) = lived.filter(|lived| now - *lived < FIRST) {
            (self.next, self.wait) = (lived + FIRST, FIRST);
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
        assert_eq!(due, [1400, 4200, 9800, 19_800, 29_800, 39_800]);
    }

    #[test]
    fn a_sender_that_only_reports_is_left_alone() {
        // The longest time between two reports of ours.
        const REPORTS: i64 = 1230;
        let mut rejoin = Rejoin::new(Monotonic(0));
        let due = attempts(&mut rejoin, 600, |now| Some(now / REPORTS * REPORTS));
        assert!(due.is_empty(), "{due:?}");
    }

    #[test]
    fn a_stream_that_comes_is_left_alone_until_it_stops() {
        let mut rejoin = Rejoin::new(Monotonic(0));
        let heard = |now: i64| Some(if now < 20_000 { now - 3 } else { 19_998 });
        let due = attempts(&mut rejoin, 30, heard);
        assert_eq!(due.first(), Some(&21_398), "{due:?}");
    }
}
