//! Measures how many pictures a second a source really delivers.

use std::time::Duration;
use streamsocket_media::clock::Monotonic;

/// So long pictures are counted: a burst of some does not show, a change soon does.
const WINDOW: Duration = Duration::from_secs(5);

/// A rate that is measured.
#[derive(Debug, Default)]
pub(super) struct RealRate {
    /// The picture that is counted from, and how many have come since.
    window: Option<(Monotonic, u32)>,
    /// What was measured, and when.
    measured: Option<(Monotonic, f64)>,
}

impl RealRate {
    /// A picture has come.
    pub(super) fn count(&mut self, now: Monotonic) {
        let Some((began, frames)) = &mut self.window else {
            self.window = Some((now, 0));
            return;
        };
        *frames += 1;
        let elapsed = now.since(*began);
        if elapsed >= WINDOW {
            self.measured = Some((now, f64::from(*frames) / elapsed.as_secs_f64()));
            self.window = Some((now, 0));
        }
    }

    /// Pictures a second; `None` if none was measured lately.
    pub(super) fn at(&self, now: Monotonic) -> Option<f64> {
        let (at, rate) = self.measured?;
        (now.since(at) < 2 * WINDOW).then_some(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_of_the_last_seconds_is_known_until_it_is_old() {
        const SECOND: i64 = 1_000_000_000;
        let mut rate = RealRate::default();
        for picture in 0..50 {
            rate.count(Monotonic(picture * SECOND / 10));
            assert_eq!(rate.at(Monotonic(picture * SECOND / 10)), None);
        }
        rate.count(Monotonic(5 * SECOND));
        assert_eq!(rate.at(Monotonic(5 * SECOND)), Some(10.0));
        assert_eq!(rate.at(Monotonic(16 * SECOND)), None);
        for picture in 1..=100 {
            rate.count(Monotonic(5 * SECOND + picture * SECOND / 20));
        }
        assert_eq!(rate.at(Monotonic(10 * SECOND)), Some(20.0));
    }
}
