//! When to begin with a picture, and when it has been seen: the display's refresh, as arithmetic on
//! moments. Nothing is drawn here and no clock is read.

use std::time::Duration;
use streamsocket_media::clock::{Delay, Monotonic};

/// What drawing a picture is taken to need at most: beyond, the machine was busy.
const DRAWING_MAX: Delay = Delay::from_millis(30);

/// Weight of the past in what drawing takes on average: half a second at 30 pictures a second.
const DRAWING_WEIGHT: i64 = 16;

/// A display makes the program wait if it does so for one picture in so many. A picture whose moment
/// is evenly spread over a refresh waits for more than a quarter of it three times out of four.
const WAITED_SHARE: u32 = 20;

/// Pictures that are counted before the older ones count half: moments that are nearly in step with
/// the refreshes keep their place in them for many seconds.
const TAKEN_MAX: u32 = 2048;

/// How a display takes pictures.
///
/// One that refreshes periodically shows a picture at the first refresh after it was handed over. To
/// be seen as near to its due time as the refreshes allow, a picture is handed over half a period
/// before: then it is at most half a period early or late, and not late on the average.
#[derive(Clone, Debug)]
pub(super) struct Refresh {
    /// Between two refreshes; zero if what is drawn is seen at once.
    period: Delay,
    /// What drawing takes, on average.
    drawing: Delay,
    /// Pictures handed over lately, and how many of them were waited for.
    taken: u32,
    waited: u32,
}

impl Refresh {
    /// With the time between two refreshes, if pictures wait for them.
    pub(super) fn new(period: Option<Duration>) -> Self {
        Self {
            period: period.unwrap_or_default().into(),
            drawing: Delay::ZERO,
            taken: 0,
            waited: 0,
        }
    }

    /// The window has come to another display.
    pub(super) fn set_period(&mut self, period: Option<Duration>) {
        self.period = period.unwrap_or_default().into();
    }

    /// How long before its due time a picture is begun.
    pub(super) fn lead(&self) -> Delay {
        self.drawing + self.period / 2
    }

    /// When a picture is seen that was begun, drawn and handed over at these moments.
    ///
    /// A display that takes it at once into a queue of its own shows it later, at its next refresh:
    /// on average half a period.
    pub(super) fn seen(
        &mut self,
        began: Monotonic,
        drawn: Monotonic,
        given: Monotonic,
    ) -> Monotonic {
        let waited = given - drawn >= self.period / 4;
        if self.taken >= TAKEN_MAX {
            (self.taken, self.waited) = (self.taken / 2, self.waited / 2);
        }
        self.taken += 1;
        self.waited += u32::from(waited);
        let queued = self.period == Delay::ZERO || self.waited * WAITED_SHARE < self.taken;
        // Drawing may be done only while it is handed over.
        let done = if queued { given } else { drawn };
        let drawing = (done - began).min(DRAWING_MAX);
        self.drawing += (drawing - self.drawing) / DRAWING_WEIGHT;
        if queued { given + self.period / 2 } else { given }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: i64 = 16_666_667;
    const DRAWING: i64 = 2_000_000;

    /// The first refresh at or after a moment.
    fn refresh_after(at: i64, period: i64) -> i64 {
        (at + period - 1).div_euclid(period) * period
    }

    /// Shows pictures that are due so far apart; how early or late each is, and is said to be.
    fn play(interval: i64, queues: bool) -> Vec<(i64, i64)> {
        let mut refresh = Refresh::new(Some(Duration::from_nanos(PERIOD.unsigned_abs())));
        let mut errors = Vec::new();
        for number in 1..=2000 {
            let due = 100_000_000 + number * interval;
            let began = due - refresh.lead().nanos();
            let drawn = began + DRAWING;
            let visible = refresh_after(drawn, PERIOD);
            let given = if queues { drawn } else { visible };
            let seen = refresh.seen(Monotonic(began), Monotonic(drawn), Monotonic(given));
            errors.push((visible - due, seen.0 - due));
        }
        // What drawing takes has been learnt by then; the others are whole rounds of the period.
        errors.drain(..500);
        errors.truncate(1500);
        errors
    }

    fn mean(errors: impl Iterator<Item = i64>) -> i64 {
        let errors: Vec<i64> = errors.collect();
        errors.iter().sum::<i64>() / i64::try_from(errors.len()).unwrap()
    }

    #[test]
    fn a_picture_is_seen_at_the_refresh_that_is_nearest() {
        // 29.97 a second on a display of 60: the moment wanders through the period.
        for queues in [false, true] {
            let errors = play(33_366_667, queues);
            let furthest = errors.iter().map(|(seen, _)| seen.abs()).max().unwrap();
            assert!(furthest <= PERIOD / 2 + 200_000, "{furthest} with queue {queues}");
            let (seen, said) = (mean(errors.iter().map(|e| e.0)), mean(errors.iter().map(|e| e.1)));
            assert!(seen.abs() < 300_000, "{seen} on average, with queue {queues}");
            assert!((said - seen).abs() < 300_000, "said {said}, was {seen}, queue {queues}");
        }
    }

    #[test]
    fn pictures_in_step_with_the_refreshes_stay_at_the_same_ones() {
        // Each of them half a period of the display apart from an edge of the other's.
        let errors = play(2 * PERIOD, false);
        let steps = errors.windows(2).filter(|two| (two[0].0 - two[1].0).abs() > 1000).count();
        assert_eq!(steps, 0, "the cadence is even");
    }

    #[test]
    fn without_a_refresh_a_picture_is_begun_by_what_drawing_takes_and_seen_at_once() {
        let mut refresh = Refresh::new(None);
        for number in 0..100 {
            let began = Monotonic(number * 40_000_000);
            let drawn = began + Delay::from_nanos(DRAWING);
            let given = drawn + Delay::from_micros(9);
            assert_eq!(refresh.seen(began, drawn, given), given);
        }
        assert!((refresh.lead().nanos() - DRAWING).abs() < 200_000, "{:?}", refresh.lead());
    }
}
