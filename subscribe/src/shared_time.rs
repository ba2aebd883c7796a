//! How far a relay's clock is ahead of a sender's wall clock without its steps. The relay hears of a step at another time than
//! the stream shows it: until both know of it, all is as it was.

use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_wire::shared_clock::SharedClock;

/// What changes by more at once is a step that only one of the two knows of yet: clocks drift by less in a minute.
const APART: Delay = Delay::from_millis(50);

/// It is more than that if it lasts: senders report once in five seconds at least, and the relay says so a second later.
const PATIENCE: Delay = Delay::from_secs(8);

/// A relay's clock against the sender's.
#[derive(Debug, Default)]
pub(crate) struct SharedTime {
    /// Which clock it is, and how far it is ahead.
    known: Option<(u64, Delay)>,
    /// Since when something else has been said.
    apart: Option<Monotonic>,
}

impl SharedTime {
    /// Takes what the relay says of the sender's wall clock, whose steps have the sum `stepped`.
    pub(crate) fn look(&mut self, told: Option<SharedClock>, stepped: Delay, now: Monotonic) {
        let told = told.map(|it| (it.clock, Delay::from_nanos(it.ahead) + stepped));
        if let (Some((clock, ahead)), Some((before, known))) = (told, self.known) {
            if clock == before && (ahead - known).abs() > APART {
                let since = *self.apart.get_or_insert(now);
                if now - since < PATIENCE {
                    return;
                }
            }
        }
        (self.known, self.apart) = (told, None);
    }

    /// Which clock it is, and how far it is ahead.
    pub(crate) const fn get(&self) -> Option<(u64, Delay)> {
        self.known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(time: &mut SharedTime, ahead: i64, stepped: i64, second: i64) -> Option<i64> {
        let told = Some(SharedClock { clock: 1, ahead: ahead * 1_000_000 });
        time.look(told, Delay::from_millis(stepped), Monotonic(second * 1_000_000_000));
        time.get().map(|(_, ahead)| ahead.millis())
    }

    #[test]
    fn a_step_moves_nothing_whoever_hears_of_it_first() {
        let mut time = SharedTime::default();
        assert_eq!(look(&mut time, -500, 0, 0), Some(-500));
        // The stream shows it, then the relay says so.
        assert_eq!(look(&mut time, -500, 10_000, 1), Some(-500));
        assert_eq!(look(&mut time, -500, 10_000, 6), Some(-500));
        assert_eq!(look(&mut time, -10_498, 10_000, 7), Some(-498));
        // The other way round.
        assert_eq!(look(&mut time, -98, 10_000, 8), Some(-498));
        assert_eq!(look(&mut time, -98, -401, 9), Some(-499));
    }

    #[test]
    fn what_lasts_is_believed_and_another_clock_at_once() {
        let mut time = SharedTime::default();
        look(&mut time, 0, 0, 0);
        let seen: Vec<_> = (1..11).map(|second| look(&mut time, 100, 0, second).unwrap()).collect();
        assert_eq!(seen, [0, 0, 0, 0, 0, 0, 0, 0, 100, 100]);
        time.look(Some(SharedClock { clock: 2, ahead: 7 }), Delay::ZERO, Monotonic(0));
        assert_eq!(time.get(), Some((2, Delay::from_nanos(7))));
        time.look(None, Delay::ZERO, Monotonic(0));
        assert_eq!(time.get(), None);
    }
}
