//! Numbers and texts that one thread writes and others read. Reading takes no lock, but for quantiles, texts and
//! reasons.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use streamsocket_stream::clock::Monotonic;
use streamsocket_stream::receive::refusal::Refusals;
use streamsocket_stream::receive::spread::Spread;

/// A number that one thread writes and others read.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds to it.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// Replaces it.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Reads it.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A duration in nanoseconds that one thread measures and others read; nothing before the first.
#[derive(Debug)]
pub struct Gauge(AtomicI64);

impl Default for Gauge {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl Gauge {
    /// The newest measurement.
    pub fn set(&self, nanos: i64) {
        self.0.store(nanos.max(i64::MIN + 1), Ordering::Relaxed);
    }

    /// Forgets it.
    pub fn clear(&self) {
        self.0.store(i64::MIN, Ordering::Relaxed);
    }

    /// Follows measurements that vary: the sixteenth part of each new one.
    pub fn average(&self, nanos: i64) {
        self.set(
            self.get()
                .map_or(nanos, |before| before.saturating_add(nanos.saturating_sub(before) / 16)),
        );
    }

    /// Reads it, in nanoseconds.
    #[must_use]
    pub fn get(&self) -> Option<i64> {
        let nanos = self.0.load(Ordering::Relaxed);
        (nanos != i64::MIN).then_some(nanos)
    }

    /// Reads it, in milliseconds.
    #[must_use]
    pub fn millis(&self) -> Option<f64> {
        self.get().map(|nanos| to_f64(nanos) / 1e6)
    }
}

/// A duration that one thread measures again and again and others read quantiles of: of the last
/// minute.
#[derive(Debug, Default)]
pub struct Measured(Mutex<Spread>);

impl Measured {
    /// A measurement.
    pub fn add(&self, nanos: i64, now: Monotonic) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(nanos, now);
    }

    /// Forgets all measurements.
    pub fn reset(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).reset();
    }

    /// The duration, in nanoseconds, that at most `above` in 10,000 exceed.
    #[must_use]
    pub fn quantile(&self, above: u64) -> Option<i64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).quantile(above)
    }

    /// The same, in milliseconds.
    #[must_use]
    pub fn millis(&self, above: u64) -> Option<f64> {
        self.quantile(above).map(|nanos| to_f64(nanos) / 1e6)
    }
}

/// A line of text that one thread writes now and then and another reads.
#[derive(Debug, Default)]
pub struct Note(Mutex<Option<String>>);

impl Note {
    /// Replaces it.
    pub fn set(&self, text: Option<&str>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = text.map(str::to_owned);
    }

    /// Reads it.
    #[must_use]
    pub fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What came and is not presented, by reason: one thread replaces it now and then and others read it.
#[derive(Debug, Default)]
pub struct Refused(Mutex<Refusals>);

impl Refused {
    /// Replaces it, if it has grown.
    pub fn set(&self, refusals: Refusals) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *known != refusals {
            *known = refusals;
        }
    }

    /// Reads it.
    #[must_use]
    pub fn get(&self) -> Refusals {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with a few digits")]
const fn to_f64(value: i64) -> f64 {
    value as f64
}
