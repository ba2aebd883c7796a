//! How a duration is spread: a histogram of the last minute that tells quantiles. Fixed memory, no
//! allocation.

use streamsocket_media::clock::{Delay, Monotonic};

/// A measurement is forgotten after one to two of these.
const HALF: Delay = Delay::from_secs(30);

/// The finest step of the scale: a 32nd of a millisecond.
const UNIT: Delay = Delay::from_nanos(31_250);

/// Steps of each doubling: a quantile is known to 6 per cent.
const STEPS: usize = 16;

/// Doublings beyond the first 2 * STEPS units: up to 33 seconds.
const DOUBLINGS: usize = 15;

const BINS: usize = 2 * STEPS + DOUBLINGS * STEPS;

/// A histogram of durations.
#[derive(Clone, Debug)]
pub struct Spread {
    current: [u32; BINS],
    past: [u32; BINS],
    total: u64,
    turned: Option<Monotonic>,
}

impl Default for Spread {
    fn default() -> Self {
        Self { current: [0; BINS], past: [0; BINS], total: 0, turned: None }
    }
}

impl Spread {
    /// Takes a measurement. Less than nothing counts as nothing.
    pub fn add(&mut self, delay: Delay, now: Monotonic) {
        let turned = *self.turned.get_or_insert(now);
        if now - turned >= HALF {
            self.turned = Some(now);
            self.past = core::mem::replace(&mut self.current, [0; BINS]);
            self.total = self.past.iter().map(|count| u64::from(*count)).sum();
        }
        let bin = &mut self.current[bin(delay)];
        *bin = bin.saturating_add(1);
        self.total += 1;
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Measurements that are remembered.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.total
    }

    /// The duration that at most `above` in 10,000 measurements exceed; the greatest
    /// one if there are too few to say so. `None` before the first.
    #[must_use]
    pub fn quantile(&self, above: u64) -> Option<Delay> {
        let allowed = self.total * above / 10_000;
        let mut seen = 0;
        for index in (0..BINS).rev() {
            seen += u64::from(self.current[index]) + u64::from(self.past[index]);
            if seen > allowed {
                return Some(upper_edge(index));
            }
        }
        None
    }
}

fn bin(delay: Delay) -> usize {
    let units = usize::try_from(delay.nanos().max(0) / UNIT.nanos()).unwrap_or(usize::MAX);
    if units < 2 * STEPS {
        return units;
    }
    let doubling = (units / STEPS).ilog2() as usize;
    let index = doubling * STEPS + (units >> doubling);
    index.min(BINS - 1)
}

fn upper_edge(bin: usize) -> Delay {
    let units = if bin < 2 * STEPS {
        bin + 1
    } else {
        let doubling = bin / STEPS - 1;
        (bin - doubling * STEPS + 1) << doubling
    };
    UNIT * i64::try_from(units).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Delay = Delay::from_millis(1);

    #[test]
    fn every_duration_lies_below_its_upper_edge_by_little() {
        for nanos in (0..40_000).map(|step| step * 777_777) {
            let edge = upper_edge(bin(Delay::from_nanos(nanos))).nanos();
            assert!(
                edge > nanos && edge - nanos <= (nanos / 15).max(UNIT.nanos()),
                "{nanos}: {edge}"
            );
        }
        assert_eq!((bin(Delay::from_nanos(-5)), bin(Delay::MAX)), (0, BINS - 1));
    }

    #[test]
    fn quantiles_of_what_was_measured() {
        let mut spread = Spread::default();
        assert_eq!(spread.quantile(0), None);
        for millis in 0..1000 {
            spread.add(MS * millis, Monotonic(0));
        }
        let near = |above, millis| {
            let quantile = spread.quantile(above).unwrap().millis();
            assert!((millis..=millis * 107 / 100).contains(&quantile), "{quantile} of {millis}");
        };
        near(5000, 500);
        near(500, 950);
        near(1, 999);
    }

    #[test]
    fn a_minute_later_it_is_forgotten() {
        let mut spread = Spread::default();
        spread.add(MS * 900, Monotonic(0));
        for second in 1..=61 {
            spread.add(MS, Monotonic(0) + Delay::from_secs(second));
        }
        assert!(spread.quantile(0).unwrap() < MS * 2);
        assert!(spread.count() <= 60);
    }
}
