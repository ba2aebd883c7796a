//! Which frames of a source a tier takes that is to have fewer of them: those that are due by its
//! own rate. Of a source of 30 frames a second at 15 that is every second one.

use streamsocket_media::FrameRate;
use streamsocket_media::clock::Monotonic;

/// Chooses frames by the time of their capture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Selection {
    /// Nanoseconds from one frame to the next, of those that are taken.
    interval: i64,
    /// A frame may be early by so many nanoseconds.
    early: i64,
    /// Frames are due an interval after the last one, give or take so many nanoseconds.
    slack: i64,
    due: Option<Monotonic>,
}

impl Selection {
    /// Of frames at the rate `source` about as many as `rate` says; `None` if that is all of them.
    pub(super) fn new(rate: FrameRate, source: FrameRate) -> Option<Self> {
        let (interval, given) = (rate.frame_nanos(1), source.frame_nanos(1));
        if given < 1 || interval - given < given / 8 {
            return None;
        }
        // Of every second or third frame the grid follows the source, whose clock is not exact;
        // otherwise it lies between the frames.
        let off = interval - (interval + given / 2) / given * given;
        let slack = if off.abs() <= interval / 64 { given / 8 } else { given };
        Some(Self { interval, early: given / 4, slack, due: None })
    }

    /// Whether to take the frame that was captured then; frames come in order.
    pub(super) fn takes(&mut self, capture: Monotonic) -> bool {
        let Self { interval, early, slack, .. } = *self;
        let due = self.due.unwrap_or(capture);
        let ahead = due.nanos_since(capture);
        // Further ahead than it can be: the capture clock was set back.
        if ahead > early && ahead <= interval + slack {
            return false;
        }
        let next = due.offset(interval);
        let middle = capture.offset(interval);
        self.due = Some(next.clamp(middle.offset(-slack), middle.offset(slack)));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(numerator: u32, denominator: u32) -> FrameRate {
        FrameRate { numerator, denominator }
    }

    /// The numbers of the frames that are taken, which are captured `nanos` apart.
    fn taken(selection: &mut Selection, frames: i64, nanos: impl Fn(i64) -> i64) -> Vec<i64> {
        (0..frames).filter(|frame| selection.takes(Monotonic(nanos(*frame)))).collect()
    }

    #[test]
    fn of_30_at_15_it_is_every_second_for_hours() {
        // Cameras are off by some parts in a thousand, and each frame by some milliseconds.
        for period in [33_333_333, 33_366_700, 33_300_000] {
            let mut selection = Selection::new(rate(15, 1), rate(30, 1)).unwrap();
            let jitter = |frame: i64| frame * period + frame * 7_919 % 4_000_000;
            let taken = taken(&mut selection, 200_000, jitter);
            assert!(taken.iter().copied().eq((0..200_000).step_by(2)), "{period}");
        }
    }

    #[test]
    fn rates_that_do_not_divide_are_kept_on_average() {
        for (fps, expected) in [(20, 200), (25, 250), (10, 100), (7, 70), (1, 10)] {
            let mut selection = Selection::new(rate(fps, 1), rate(30, 1)).unwrap();
            let taken = taken(&mut selection, 300, |frame| frame * 33_333_333).len();
            assert!(taken.abs_diff(expected) <= 2, "{fps}: {taken}");
        }
    }

    #[test]
    fn a_source_without_more_frames_is_taken_whole() {
        assert!(Selection::new(rate(30, 1), rate(30, 1)).is_none());
        assert!(Selection::new(rate(30, 1), rate(30_000, 1001)).is_none());
        assert!(Selection::new(rate(30, 1), rate(15, 1)).is_none());
    }

    #[test]
    fn after_a_gap_and_a_step_back_it_goes_on_at_once() {
        let mut selection = Selection::new(rate(15, 1), rate(30, 1)).unwrap();
        let gap = taken(&mut selection, 6, |frame| frame * 33_333_333 + frame / 4 * 5_000_000_000);
        assert_eq!(gap, [0, 2, 4]);
        assert!(selection.takes(Monotonic(-9_000_000_000)));
        assert!(!selection.takes(Monotonic(-8_966_666_667)));
    }
}
