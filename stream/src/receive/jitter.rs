//! How long presentation has to wait: the latency that lets all but a few in ten thousand pictures
//! and packets of sound be ready in time, from how they have been delayed in the last minute.

use super::spread::Spread;
use crate::clock::Monotonic;

/// In so many of 10,000 cases something may be late: half of what anybody notices.
const LATE_ALLOWED: u64 = 5;

/// For what varies between two measurements, in nanoseconds.
const MARGIN_NANOS: i64 = 2_000_000;

/// Bounds of the latency, in nanoseconds: below, a scheduler's tick is late; above, it is no live view
/// any more.
const LATENCY_MIN: i64 = 10_000_000;
const LATENCY_MAX: i64 = 1_000_000_000;

/// The latency is thought over once in so many nanoseconds.
const INTERVAL_NANOS: i64 = 1_000_000_000;

/// A stream that is late this often, one in so many cases, needs its latency at once and not slowly.
const LATE_TOO_OFTEN: u64 = 50;

/// Time that is needed after something is complete, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// To decode a picture.
    pub video: i64,
    /// To bring a packet's sound into the sound card ahead of what it plays.
    pub audio: i64,
}

/// What the latency is to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// In nanoseconds.
    pub latency: i64,
    /// Too much is late already: not slowly.
    pub at_once: bool,
}

/// The delays of a session.
#[derive(Clone, Debug, Default)]
pub struct Jitter {
    video: Spread,
    audio: Spread,
    work: Work,
    /// Since the last decision: how many were seen, and how many were late.
    seen: u64,
    late: u64,
    decided: Option<Monotonic>,
}

impl Jitter {
    /// Says how long it takes from complete to presentable.
    pub const fn set_work(&mut self, work: Work) {
        self.work = work;
    }

    /// How long it takes from complete to presentable.
    #[must_use]
    pub const fn work(&self) -> Work {
        self.work
    }

    /// Forgets the delays: the source has changed.
    pub fn reset(&mut self) {
        *self = Self { work: self.work, ..Self::default() };
    }

    /// A picture was complete `delay` nanoseconds after an undelayed packet would have come; it is
    /// presented `latency` after that.
    pub fn video(&mut self, delay: i64, latency: i64, now: Monotonic) {
        self.video.add(delay, now);
        self.note(delay.saturating_add(self.work.video) > latency);
    }

    /// The same of a packet of sound.
    pub fn audio(&mut self, delay: i64, latency: i64, now: Monotonic) {
        self.audio.add(delay, now);
        self.note(delay.saturating_add(self.work.audio) > latency);
    }

    const fn note(&mut self, late: bool) {
        self.seen += 1;
        self.late += late as u64;
    }

    /// The delay that only a few exceed, in nanoseconds, once there is one.
    #[must_use]
    pub fn needed(&self) -> Option<i64> {
        let of = |spread: &Spread, work: i64| Some(spread.quantile(LATE_ALLOWED)? + work);
        let needed = of(&self.video, self.work.video).max(of(&self.audio, self.work.audio))?;
        Some((needed + MARGIN_NANOS).clamp(LATENCY_MIN, LATENCY_MAX))
    }

    /// What the latency is to become, if it is time to think it over.
    pub fn decide(&mut self, now: Monotonic) -> Option<Target> {
        let decided = *self.decided.get_or_insert(now);
        if now.nanos_since(decided) < INTERVAL_NANOS {
            return None;
        }
        let at_once = self.late * LATE_TOO_OFTEN > self.seen;
        self.decided = Some(now);
        (self.seen, self.late) = (0, 0);
        Some(Target { latency: self.needed()?, at_once })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    /// Ten seconds of sound, delayed by up to `spread` milliseconds.
    fn after(spread: i64, latency: i64) -> Target {
        let mut jitter = Jitter::default();
        jitter.set_work(Work { video: 5 * MS, audio: 10 * MS });
        for packet in 0..2000 {
            let delay = packet * 7_919 % (spread * 100) * MS / 100;
            jitter.audio(delay, latency * MS, Monotonic(packet * 5 * MS));
        }
        jitter.decide(Monotonic(0));
        jitter.decide(Monotonic(10_000 * MS)).unwrap()
    }

    #[test]
    fn the_latency_is_what_nearly_all_need() {
        let target = after(50, 100);
        assert!((61..66).contains(&(target.latency / MS)), "{target:?}");
        assert!(!target.at_once);
    }

    #[test]
    fn what_is_late_already_cannot_wait() {
        assert!(after(50, 40).at_once);
    }

    #[test]
    fn nothing_is_decided_without_delays() {
        let mut jitter = Jitter::default();
        assert_eq!(jitter.decide(Monotonic(0)), None);
        assert_eq!(jitter.decide(Monotonic(2_000 * MS)), None);
    }
}
