//! Which frames of a source a tier with fewer frames takes: those that are due by its own rate. At
//! 15 frames a second that is every second one of a source with 30.

use streamsocket_media::FrameRate;
use streamsocket_media::clock::Monotonic;

#[cfg(test)]
mod tests;

/// Frames by which the source's interval is measured: with times that are off by 4 ms it is off by
/// a quarter of one, and after a change it is known again when twice as many have come.
const MEASURED: i64 = 32;

/// A frame that is later than this many intervals ends a measurement: cameras stop and go on.
const GAP_INTERVALS: i64 = 4;

/// The same while nothing is known of the interval, in nanoseconds.
const GAP_NANOS: i64 = 1_000_000_000;

/// Chooses frames by the time of their capture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Selection {
    /// Nanoseconds from one frame to the next, of those that are taken.
    interval: i64,
    /// The same of the source, if known: what it says it does at first, then what was measured.
    given: Option<i64>,
    measurement: Option<Measurement>,
    due: Option<Monotonic>,
}

/// Of the time from one frame of the source to the next.
#[derive(Clone, Copy, Debug)]
struct Measurement {
    since: Monotonic,
    last: Monotonic,
    /// Frames since.
    frames: i64,
}

impl Selection {
    /// Of frames at the rate `source`, if it is known, about as many as `rate` says, and no more;
    /// `None` if that is all of them.
    pub(super) fn new(rate: FrameRate, source: Option<FrameRate>) -> Option<Self> {
        let interval = rate.frame_nanos(1);
        let given = source.map(|source| source.frame_nanos(1)).filter(|given| *given > 0);
        if given.is_some_and(|given| interval - given <= tolerance(interval)) {
            return None;
        }
        Some(Self { interval, given, measurement: None, due: None })
    }

    /// Whether to take the frame that was captured then; frames come in order.
    pub(super) fn takes(&mut self, capture: Monotonic) -> bool {
        self.measure(capture);
        let interval = self.interval;
        // A frame may be early by so much, and is due an interval after the last one, give or take
        // the slack. Of every second or third frame the grid follows the source, whose clock is not
        // exact; otherwise it lies between the frames.
        let given = self.given.unwrap_or(interval);
        let off = interval - (interval + given / 2) / given * given;
        let follows = given < interval && off.abs() <= tolerance(interval);
        let slack = if follows { given / 8 } else { given };
        let due = self.due.unwrap_or(capture);
        if due.nanos_since(capture) > given / 4 {
            return false;
        }
        let next = due.offset(interval);
        let middle = capture.offset(interval);
        self.due = Some(next.clamp(middle.offset(-slack), middle.offset(slack)));
        true
    }

    /// Measures the time from one frame to the next.
    fn measure(&mut self, capture: Monotonic) {
        let began = Measurement { since: capture, last: capture, frames: 0 };
        let Some(Measurement { last, .. }) = self.measurement else {
            self.measurement = Some(began);
            return;
        };
        let gap = self.given.map_or(GAP_NANOS, |given| given.saturating_mul(GAP_INTERVALS));
        let later = capture.nanos_since(last);
        if later > gap.max(self.interval) || later < -self.interval {
            // The source stopped, is another now, or the capture clock was set.
            *self = Self { given: None, measurement: Some(began), due: None, ..*self };
            return;
        }
        let measurement = self.measurement.get_or_insert(began);
        (measurement.last, measurement.frames) = (capture, measurement.frames + 1);
        let elapsed = capture.nanos_since(measurement.since);
        if measurement.frames >= MEASURED {
            self.given = Some(elapsed / measurement.frames).filter(|given| *given > 0);
            self.measurement = Some(began);
        }
    }
}

/// By how much of an interval clocks may be off that are meant to be the same.
const fn tolerance(interval: i64) -> i64 {
    interval / 64
}
