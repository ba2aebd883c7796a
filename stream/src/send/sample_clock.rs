//! The sound card's clock against the machine's: a delay-locked loop from the count of samples to
//! capture time. Time stamps of a card jitter by a bus's or a period's length, and a busy machine
//! reads them late; the card itself runs evenly, by some rate that is not the nominal one.
//!
//! The loop's gains are those of a least-squares line through all stamps so far, until they are
//! those of one through the last minute.

use streamsocket_media::clock::Monotonic;

/// How much of the past counts, in nanoseconds: stamps that jitter by a millisecond a hundred times a
/// second then give the rate to 2 ppm, and a card that warms up is followed.
const MEMORY_NANOS: i64 = 60_000_000_000;

/// A stamp that is later than expected by more than this, in nanoseconds, was read late: it counts
/// as if it were so much late. An earlier one cannot have been read early: it is the truth.
const LATE_NANOS: i64 = 2_000_000;

/// Cards are off by 200 ppm at most, converters of other drivers by some more; a rate beyond is a
/// mistake of the stamps.
const RATE_ERROR_MAX_PPM: i128 = 1000;

/// Every stamp of so much sound, in nanoseconds, is late: then it is not the reader.
const MISSING_WINDOW_NANOS: i64 = 1_000_000_000;

/// And by more than this, in nanoseconds: samples are missing that nobody has told us of.
const MISSING_NANOS: i64 = 15_000_000;

/// Binary digits behind a nanosecond.
const FRACTION: u32 = 32;

const MILLION: i128 = 1_000_000;

/// From sample frames to capture time.
#[derive(Clone, Copy, Debug)]
pub struct SampleClock {
    /// Nanoseconds of a sample frame, with its fraction, by its name and as it is.
    nominal: i128,
    period: i128,
    /// The sample frame seen last, and its capture time with its fraction.
    count: u64,
    capture: i128,
    state: State,
    /// Least lateness of this stretch of sound, and how long it is.
    least: i64,
    stretch: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing was seen.
    New,
    /// Sound of so many nanoseconds was seen in all, and since the last break.
    Locked { seen: i64, unbroken: i64 },
}

impl SampleClock {
    /// The clock of a card that is said to take `rate` sample frames a second.
    #[must_use]
    pub fn new(rate: u32) -> Self {
        let nominal = (1_000_000_000_i128 << FRACTION) / i128::from(rate.max(1));
        Self {
            nominal,
            period: nominal,
            count: 0,
            capture: 0,
            state: State::New,
            least: i64::MAX,
            stretch: 0,
        }
    }

    /// Capture time of the sample frame `count`.
    #[must_use]
    pub fn capture(&self, count: u64) -> Monotonic {
        let frames = i128::from(count) - i128::from(self.count);
        Monotonic(whole(self.capture.saturating_add(frames.saturating_mul(self.period))))
    }

    /// Sample frames, rounded, in so many nanoseconds.
    #[must_use]
    pub fn frames(&self, nanos: i64) -> i64 {
        let nanos = i128::from(nanos) << FRACTION;
        i64::try_from((nanos + self.period / 2).div_euclid(self.period)).unwrap_or(0)
    }

    /// By how much the card is faster than it says, in parts per million; `None` until enough was
    /// seen to tell.
    #[must_use]
    pub fn ppm(&self) -> Option<i32> {
        let State::Locked { seen, .. } = self.state else { return None };
        let off = (self.nominal - self.period) * MILLION / self.period;
        (seen >= MEMORY_NANOS / 4).then(|| i32::try_from(off).unwrap_or(0))
    }

    /// The sample frame `count` is stamped with `stamp`. Returns how much later than by the count it
    /// was captured, in nanoseconds, if samples are missing before it.
    pub fn observe(&mut self, count: u64, stamp: Monotonic) -> Option<i64> {
        let State::Locked { seen, unbroken } = self.state else {
            self.settle(count, stamp, 0);
            return None;
        };
        let expected = self.capture(count);
        let late = stamp.nanos_since(expected);
        let frames = i128::from(count) - i128::from(self.count);
        let passed = whole(frames.max(0).saturating_mul(self.period));
        self.advance(count);
        if late < -LATE_NANOS {
            self.capture = i128::from(stamp.0) << FRACTION;
            self.least = i64::MAX;
            self.stretch = 0;
            return None;
        }
        if self.is_missing(late, passed) {
            return Some(late);
        }
        let seen = (seen + passed).min(MEMORY_NANOS);
        let unbroken = (unbroken + passed).min(MEMORY_NANOS);
        self.state = State::Locked { seen, unbroken };
        self.correct(late.min(LATE_NANOS), passed, seen, unbroken);
        None
    }

    /// Capture has begun anew: the sample frame `count` is stamped with `stamp`, and the card's rate
    /// is what it was.
    pub fn resume(&mut self, count: u64, stamp: Monotonic) {
        let seen = match self.state {
            State::New => 0,
            State::Locked { seen, .. } => seen,
        };
        self.settle(count, stamp, seen);
    }

    fn settle(&mut self, count: u64, stamp: Monotonic, seen: i64) {
        self.count = count;
        self.capture = i128::from(stamp.0) << FRACTION;
        self.state = State::Locked { seen, unbroken: 0 };
        self.least = i64::MAX;
        self.stretch = 0;
    }

    fn advance(&mut self, count: u64) {
        let frames = i128::from(count) - i128::from(self.count);
        self.capture = self.capture.saturating_add(frames.saturating_mul(self.period));
        self.count = count;
    }

    fn is_missing(&mut self, late: i64, passed: i64) -> bool {
        self.least = self.least.min(late);
        self.stretch = self.stretch.saturating_add(passed);
        if self.stretch < MISSING_WINDOW_NANOS {
            return false;
        }
        let missing = self.least > MISSING_NANOS;
        self.least = i64::MAX;
        self.stretch = 0;
        missing
    }

    /// Moves phase and rate towards a stamp, `passed` nanoseconds of sound after the last one.
    fn correct(&mut self, late: i64, passed: i64, seen: i64, unbroken: i64) {
        let (late, passed) = (i128::from(late), i128::from(passed));
        let (seen, unbroken) = (i128::from(seen.max(1)), i128::from(unbroken.max(1)));
        // At the beginning of a line its end weighs 4/n, after a break a mean 1/n.
        let all = (late << FRACTION) * (4 * passed) / seen;
        let anew = (late << FRACTION) * passed / unbroken;
        let phase = if seen > unbroken && anew.abs() > all.abs() { anew } else { all };
        let limit = late.abs() << FRACTION;
        self.capture += phase.clamp(-limit, limit);
        // A stamp that was read late says nothing of the rate. The slope of a line of n points moves by 6/n^2 of an error at its end.
        let slope = (late << FRACTION) * passed / seen * 6 * self.nominal / (seen << FRACTION);
        let limit = self.nominal * RATE_ERROR_MAX_PPM / MILLION;
        let begun = seen * 8 > i128::from(MEMORY_NANOS);
        if begun && late < i128::from(LATE_NANOS) {
            self.period = (self.period + slope).clamp(self.nominal - limit, self.nominal + limit);
        }
    }
}

fn whole(fixed: i128) -> i64 {
    let whole = (fixed + (1 << (FRACTION - 1))) >> FRACTION;
    i64::try_from(whole).unwrap_or(if whole < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    /// A card that is off by `ppm`, read every 5 ms for `seconds`; `late` says how much late, in
    /// nanoseconds, the stamp of a reading is. Returns the clock and its greatest error after half
    /// of the time, in nanoseconds.
    fn follow(ppm: i64, seconds: u64, late: &mut dyn FnMut(u64) -> i64) -> (SampleClock, i64) {
        let mut clock = SampleClock::new(48_000);
        let mut worst = 0;
        for reading in 0..seconds * 200 {
            let count = reading * 240;
            let truth = i128::from(count) * 1_000_000_000 * 1_000_000
                / (48_000 * (1_000_000 + i128::from(ppm)));
            let truth = Monotonic(i64::try_from(truth).unwrap());
            assert_eq!(clock.observe(count, truth.offset(late(reading))), None);
            if reading > seconds * 100 {
                worst = worst.max(clock.capture(count).nanos_since(truth).abs());
            }
        }
        (clock, worst)
    }

    /// A number below `below` out of a count: the same each time.
    fn noise(count: u64, below: i64) -> i64 {
        let mixed = (count + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        i64::try_from((mixed >> 33) % below.unsigned_abs()).unwrap()
    }

    #[test]
    fn the_true_rate_is_known_to_a_few_ppm() {
        for ppm in [-200, 0, 50, 200] {
            let (clock, worst) = follow(ppm, 120, &mut |reading| noise(reading, MS));
            let known = i64::from(clock.ppm().unwrap());
            assert!((known - ppm).abs() <= 3, "{known} ppm of {ppm}");
            // The mean lateness, and little of its jitter.
            assert!(worst < 700_000, "{ppm} ppm: off by {worst} ns");
        }
    }

    #[test]
    fn stamps_that_are_read_late_move_nothing() {
        let mut late = |reading| if reading % 50 == 7 { 300 * MS } else { noise(reading, MS) };
        let (clock, worst) = follow(100, 120, &mut late);
        let known = clock.ppm().unwrap();
        assert!((97..=103).contains(&known) && worst < MS, "{known} ppm, off by {worst} ns");
    }

    #[test]
    fn a_first_stamp_that_was_late_is_corrected_at_once() {
        let (_, worst) = follow(0, 1, &mut |reading| if reading == 0 { 80 * MS } else { 0 });
        assert!(worst < MS, "off by {worst} ns");
    }

    #[test]
    fn after_a_break_the_rate_is_kept() {
        let (mut clock, _) = follow(200, 60, &mut |_| 0);
        let before = clock.ppm();
        clock.resume(10_000_000, Monotonic(500_000 * MS));
        assert_eq!((clock.capture(10_000_000), clock.ppm()), (Monotonic(500_000 * MS), before));
    }
}
