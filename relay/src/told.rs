//! What viewers of a publisher are told of its clock, and when that is announced.

use streamsocket_media::clock::Delay;
use streamsocket_wire::shared_clock::SharedClock;

/// Announcements say it once more, for who joins, when it has changed by more than this: clocks that are 100 ppm apart take a
/// quarter of an hour, and every change is another description.
const ANNOUNCED_APART: Delay = Delay::from_millis(100);

/// What viewers of a publisher are told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Of each of its tracks, how its source's clock stands.
    pub(crate) clocks: Vec<Option<SharedClock>>,
    /// The same as it was announced.
    announced: Vec<Option<SharedClock>>,
    /// Where its session is asked for one by one.
    pub(crate) url: Option<String>,
}

impl Told {
    /// It is announced now.
    pub(crate) fn announce(&mut self) {
        self.announced.clone_from(&self.clocks);
    }

    /// Whether it is to be announced anew.
    pub(crate) fn is_news(&self) -> bool {
        let of = |clocks: &[Option<SharedClock>], at: usize| clocks.get(at).copied().flatten();
        (0..self.clocks.len()).any(|at| match (of(&self.clocks, at), of(&self.announced, at)) {
            (Some(now), Some(then)) => {
                let moved = Delay::from_nanos(now.ahead) - Delay::from_nanos(then.ahead);
                now.clock != then.clock || moved.abs() > ANNOUNCED_APART
            }
            (now, then) => now.is_some() && then.is_none(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_announced_changes_rarely() {
        let at = |millis: i64| Some(SharedClock { clock: 1, ahead: millis * 1_000_000 });
        let mut told = Told { clocks: vec![None, None], ..Told::default() };
        assert!(!told.is_news(), "nothing is known");
        told.clocks[1] = at(500);
        assert!(told.is_news());
        told.announce();
        for (millis, news) in [(500, false), (600, false), (601, true), (399, true)] {
            told.clocks[1] = at(millis);
            assert_eq!(told.is_news(), news, "{millis}");
        }
        told.clocks[1] = None;
        assert!(!told.is_news(), "what was known is better than nothing");
    }
}
