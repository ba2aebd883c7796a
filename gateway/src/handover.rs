//! The change from one tier to another, picture by picture: no picture twice, none in the wrong order, and none missed
//! for longer than the slower of the two takes. Nothing is received here and no clock is read. All times are those of
//! capture, in nanoseconds.

/// A picture of the tier so far is held back where the next one is about to have the same: within this part of the time
/// between two of those, and this time, before one is due.
const EARLY_OF: i64 = 4;
const EARLY_MAX: i64 = 25_000_000;

/// What did not come of the next tier after so many of its intervals, and after this time, is not waited for.
const INTERVALS_MAX: i64 = 2;
const WAIT_MAX: i64 = 100_000_000;

/// A capture time further back than this is of a clock that was set, or of a camera that was begun anew.
const ORDER_MAX: i64 = 2_000_000_000;

/// How far a change has come.
#[derive(Debug, Default)]
pub(crate) struct Handover {
    /// The picture that was sent last.
    last: Option<i64>,
    /// The last one of the next tier, and the time between two of them.
    coming: Option<(i64, i64)>,
    /// The tier has just changed: what it has that was sent before is left out.
    changed: bool,
}

impl Handover {
    /// Whether a picture of the tier so far is to be sent.
    pub(crate) fn takes(&mut self, captured: i64) -> bool {
        let again = self.last.is_some_and(|last| {
            let behind = last.saturating_sub(captured);
            (0..ORDER_MAX).contains(&behind)
        });
        if again && self.changed {
            return false;
        }
        if let Some((of_next, interval)) = self.coming {
            let ahead = captured.saturating_sub(of_next);
            let patience = interval.saturating_mul(INTERVALS_MAX).saturating_add(WAIT_MAX);
            let early = (interval / EARLY_OF).min(EARLY_MAX);
            if ahead >= interval - early && ahead <= patience {
                return false;
            }
        }
        (self.last, self.changed) = (Some(captured), false);
        true
    }

    /// Whether the next tier, of which this picture has come and one comes in each interval, takes over with it.
    pub(crate) fn takes_over(&mut self, captured: i64, interval: i64) -> bool {
        let takes_over = self.last.is_none_or(|last| captured > last);
        if takes_over {
            (self.last, self.coming, self.changed) = (Some(captured), None, true);
        } else {
            self.coming = Some((captured, interval));
        }
        takes_over
    }

    /// There is no next tier any more, or another one: what was sent is left out of that, too.
    pub(crate) const fn forget(&mut self) {
        (self.coming, self.changed) = (None, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    /// What is sent in two seconds, by capture time in milliseconds, and from when on it is the next tier's, of a session
    /// and a tier with so many milliseconds between two pictures, which take so long.
    fn sent(intervals: [i64; 2], delays: [i64; 2]) -> (Vec<i64>, Option<usize>) {
        let mut handover = Handover::default();
        let mut events: Vec<(i64, usize, i64)> = Vec::new();
        for which in [0, 1] {
            let own = (0..2000 / intervals[which]).map(|n| n * intervals[which]);
            events.extend(own.map(|at| (at + delays[which], which, at)));
        }
        // The next one is joined after half a second.
        events.retain(|(at, which, _)| *which == 0 || *at >= 500);
        events.sort_unstable();
        let (mut sent, mut changed) = (Vec::new(), None);
        for (_, which, captured) in events {
            let takes = match (which, changed) {
                (0, Some(_)) => false,
                (0, None) => handover.takes(captured * MS),
                (_, Some(_)) => handover.takes(captured * MS),
                (_, None) => {
                    let over = handover.takes_over(captured * MS, intervals[1] * MS);
                    if over {
                        changed = Some(sent.len());
                    }
                    over
                }
            };
            if takes {
                sent.push(captured);
            }
        }
        (sent, changed)
    }

    #[test]
    fn no_picture_is_repeated_or_missed_at_a_change() {
        for (intervals, delays) in [
            ([33, 33], [20, 25]),
            ([33, 33], [25, 20]),
            ([33, 66], [20, 28]),
            ([33, 99], [20, 24]),
            ([66, 33], [28, 20]),
            ([99, 33], [24, 20]),
            ([40, 66], [20, 30]),
            ([33, 495], [20, 30]),
        ] {
            let (sent, changed) = sent(intervals, delays);
            assert!(changed.is_some_and(|at| at > 0 && at < sent.len()), "{intervals:?}");
            let gaps: Vec<_> = sent.windows(2).map(|two| two[1] - two[0]).collect();
            let longest = intervals[0].max(intervals[1]);
            let right = gaps.iter().all(|gap| (1..=longest).contains(gap));
            let first = changed.map_or(0, |at| gaps[at - 1]);
            assert!(right && first <= 2 * intervals[0], "{intervals:?} {delays:?}: {gaps:?}");
        }
    }

    #[test]
    fn a_tier_that_comes_no_more_is_not_waited_for() {
        let mut handover = Handover::default();
        assert!(handover.takes(0));
        assert!(!handover.takes_over(0, 33 * MS));
        let sent = (1..30).filter(|n| handover.takes(n * 33 * MS)).count();
        assert!((24..29).contains(&sent), "{sent}");
        handover.forget();
        assert!(handover.takes(30 * 33 * MS));
    }

    #[test]
    fn a_clock_that_was_set_back_holds_nothing_up() {
        let mut handover = Handover::default();
        assert!(handover.takes(100_000 * MS));
        assert!(handover.takes_over(100_033 * MS, 33 * MS));
        assert!(!handover.takes(100_033 * MS), "it was sent");
        assert!(handover.takes(50_000 * MS));
    }
}
