//! Values that one thread writes and others read. [`Count`] and [`Gauge`] take no lock.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_stream::receive::refusal::Refusals;
use streamsocket_stream::receive::spread::Spread;

/// A count of something.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds `more`.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// Sets it to `value`.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// The count.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The latest measurement of a duration or an instant, in nanoseconds. It has none at first.
#[derive(Debug)]
pub struct Gauge(AtomicI64);

impl Default for Gauge {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl Gauge {
    /// Sets it to a measurement.
    pub fn set(&self, nanos: i64) {
        self.0.store(nanos.max(i64::MIN + 1), Ordering::Relaxed);
    }

    /// Forgets the measurement.
    pub fn clear(&self) {
        self.0.store(i64::MIN, Ordering::Relaxed);
    }

    /// Follows measurements that vary: moves by a sixteenth of the way to each.
    pub fn average(&self, delay: Delay) {
        let average = self.delay().map_or(delay, |before| before + (delay - before) / 16);
        self.set(average.nanos());
    }

    /// The measurement, in nanoseconds.
    #[must_use]
    pub fn get(&self) -> Option<i64> {
        let nanos = self.0.load(Ordering::Relaxed);
        (nanos != i64::MIN).then_some(nanos)
    }

    /// The measurement, of a duration.
    #[must_use]
    pub fn delay(&self) -> Option<Delay> {
        self.get().map(Delay::from_nanos)
    }

    /// The measurement, in milliseconds.
    #[must_use]
    pub fn millis(&self) -> Option<f64> {
        self.get().map(|nanos| to_f64(nanos) / 1e6)
    }
}

/// The distribution of a duration in the last minute.
#[derive(Debug, Default)]
pub struct Measured(Mutex<Spread>);

impl Measured {
    /// Adds a measurement.
    pub fn add(&self, delay: Delay, now: Monotonic) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(delay, now);
    }

    /// Forgets all measurements.
    pub fn reset(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).reset();
    }

    /// The duration that at most `above` of 10,000 measurements exceed.
    #[must_use]
    pub fn quantile(&self, above: u64) -> Option<Delay> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).quantile(above)
    }

    /// The same, in milliseconds.
    #[must_use]
    pub fn millis(&self, above: u64) -> Option<f64> {
        self.quantile(above).map(|delay| to_f64(delay.nanos()) / 1e6)
    }
}

/// A line of text, or none.
#[derive(Debug, Default)]
pub struct Note(Mutex<Option<String>>);

impl Note {
    /// Replaces the text.
    pub fn set(&self, text: Option<&str>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = text.map(str::to_owned);
    }

    /// The text.
    #[must_use]
    pub fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What came and was refused, by reason.
#[derive(Debug, Default)]
pub struct Refused(Mutex<Refusals>);

impl Refused {
    /// Replaces the counts.
    pub fn set(&self, refusals: Refusals) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *known != refusals {
            *known = refusals;
        }
    }

    /// The counts.
    #[must_use]
    pub fn get(&self) -> Refusals {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with a few digits")]
const fn to_f64(value: i64) -> f64 {
    value as f64
}
