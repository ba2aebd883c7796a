//! When samples were captured. Their times come with jitter, and their clock is not the one that the times are of;
//! the count of samples is even, but says nothing of those that are missing. A timeline follows the count, is
//! steered to the times, and says what to put where some are missing.

use std::collections::VecDeque;
use streamsocket_media::clock::{Delay, Wall, sample_nanos};

/// An error of this size, in nanoseconds, is a hole (or samples twice), not jitter: sound and picture are to be
/// within 10 ms, which a smaller one leaves them until it has been steered away; times of packets are off by less than
/// one.
const STEP: i64 = 8_000_000;

/// Longest hole, in nanoseconds, that is filled with silence. Behind a longer one an encoder begins anew: what is
/// between takes up no memory then.
const HOLE_MAX: i64 = 2_000_000_000;

/// In how many nanoseconds an error goes away: it takes jitter off, and a clock that is 100 ppm off is followed
/// with 0.5 ms of delay.
const STEERING: i64 = 5_000_000_000;

/// Steering is at most one part in so many: 500 ppm, more than clocks of sound cards are off.
const STEERING_MAX: i64 = 2000;

/// Places where the time of a sample is known: more than there are chunks of samples between what goes in and what
/// comes out.
const ANCHORS_MAX: usize = 512;

/// What is to be done with samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Take {
    /// So many sample frames of silence come before them.
    After(usize),
    /// The first ones are left out: they have been there.
    Without(usize),
    /// They belong to another timeline.
    Anew,
}

/// The timeline of one encoder.
#[derive(Debug)]
pub(crate) struct Timeline {
    rate: u32,
    /// Samples up to now, and when the next one is captured.
    next: Option<(u64, Wall)>,
    /// Samples, by their number, whose time is known, in order.
    anchors: VecDeque<(u64, Wall)>,
}

impl Timeline {
    /// For so many sample frames a second.
    pub(crate) const fn new(rate: u32) -> Self {
        Self { rate, next: None, anchors: VecDeque::new() }
    }

    /// What to do with samples of which the first was captured at `at`.
    pub(crate) fn judge(&self, at: Wall) -> Take {
        let Some((_, expected)) = self.next else { return Take::After(0) };
        let error = (at - expected).nanos();
        if error.saturating_abs() > HOLE_MAX {
            return Take::Anew;
        }
        let frames = frames(error.saturating_abs(), self.rate);
        match error {
            STEP.. => Take::After(frames),
            error if error <= -STEP => Take::Without(frames),
            _ => Take::After(0),
        }
    }

    /// So many sample frames have been taken, silence included, of which the first one that was heard has this place
    /// among them and was captured at `at`.
    pub(crate) fn advance(&mut self, frames: usize, first: usize, at: Wall) {
        let [frames, first] = [frames, first].map(|count| u64::try_from(count).unwrap_or(0));
        let span = |count| Delay::from_nanos(sample_nanos(count, self.rate));
        let (index, expected) = self.next.unwrap_or((0, at - span(first)));
        let length = sample_nanos(frames, self.rate);
        let error = (at - span(first) - expected).nanos();
        let most = length / STEERING_MAX;
        let steering = i128::from(error) * i128::from(length) / i128::from(STEERING);
        let steering = i64::try_from(steering).unwrap_or(0).clamp(-most, most);
        let begins = expected + Delay::from_nanos(steering);
        if self.anchors.len() == ANCHORS_MAX {
            self.anchors.pop_front();
        }
        self.anchors.push_back((index, begins));
        self.next = Some((index.saturating_add(frames), begins + span(frames)));
    }

    /// When a sample was captured; `before` of them are taken off its number. None are asked for later that are
    /// earlier.
    pub(crate) fn time(&mut self, number: u64, before: u64) -> Option<Wall> {
        let wanted = number.saturating_sub(before);
        while self.anchors.get(1).is_some_and(|(index, _)| *index <= wanted) {
            self.anchors.pop_front();
        }
        let &(index, at) = self.anchors.front()?;
        let span = |count| Delay::from_nanos(sample_nanos(count, self.rate));
        // Of the two one is zero, but for what is ahead of the first sample.
        let ahead = before.saturating_sub(number);
        Some(at + span(wanted.saturating_sub(index)) - span(index.saturating_sub(wanted) + ahead))
    }
}

/// How many sample frames take so many nanoseconds, to the nearest.
fn frames(nanos: i64, rate: u32) -> usize {
    let frames = (i128::from(nanos) * i128::from(rate) + 500_000_000) / 1_000_000_000;
    usize::try_from(frames).unwrap_or(0)
}

#[cfg(test)]
mod tests;
