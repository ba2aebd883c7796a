//! How long presentation has to wait: the latency at which all but a few in ten thousand pictures and
//! packets of sound are ready in time, by their delays in the last minute. What was held up because one
//! of the two machines stood still says nothing of the network between them.

use super::spread::Spread;
use streamsocket_media::clock::{Delay, Monotonic};

/// In so many of 10,000 cases something may be late: half of what anybody notices.
const LATE_ALLOWED: u64 = 5;

/// For what varies between two measurements.
const MARGIN: Delay = Delay::from_millis(2);

/// Bounds of the latency: below, a scheduler's tick is late; above, it is no live view any more.
const LATENCY_MIN: Delay = Delay::from_millis(10);
const LATENCY_MAX: Delay = Delay::from_secs(1);

/// The latency is thought over once in so long.
const INTERVAL: Delay = Delay::from_secs(1);

/// A stream that is late this often, one in so many cases, needs its latency at once and not slowly.
const LATE_TOO_OFTEN: u64 = 50;

/// A machine that does nothing for so long stands still: no scheduler and no radio that anybody can live
/// with takes as long again and again.
const STOP: Delay = Delay::from_millis(300);

/// More shorter stops than this within [`STOPS_WITHIN`] are the network's, which takes its time again and
/// again. Those that no latency makes up for never are.
const STOPS_MAX: usize = 2;
const STOPS_WITHIN: Delay = Delay::from_secs(60);

/// Time that is needed after something is complete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// To decode a picture.
    pub video: Delay,
    /// To bring a packet's sound into the sound card ahead of what it plays.
    pub audio: Delay,
}

/// What the latency is to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// How long presentation is to wait.
    pub latency: Delay,
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
    /// When the last packet arrived, and the last silence.
    heard: Option<Monotonic>,
    silence: Option<(Monotonic, Monotonic)>,
    /// What would have come before was held up by a stop.
    stopped: Option<Monotonic>,
    /// When the last short stops ended.
    stops: [Option<Monotonic>; STOPS_MAX],
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

    /// A packet of either stream arrived, `delay` after an undelayed one would have, and is
    /// looked at now. Called before what becomes of it is measured.
    pub fn heard(&mut self, delay: Delay, arrival: Monotonic, now: Monotonic) {
        if now - arrival >= STOP {
            // We were not there to take it.
            self.stopped = self.stopped.max(Some(now));
        }
        let before = self.heard.replace(arrival).unwrap_or(arrival);
        if arrival - before >= STOP {
            self.silence = Some((before, arrival));
        }
        let Some((from, until)) = self.silence.filter(|_| delay >= STOP) else { return };
        let due = arrival - delay;
        // A slow stream is silent as well, but nothing was captured meanwhile.
        if due >= from - STOP && due < until && self.stopped < Some(until) {
            let long = until - from >= LATENCY_MAX;
            if long || self.is_seldom(until) {
                self.stopped = Some(until);
            }
        }
    }

    /// Whether stops are as rare as those of a machine; this one ended at `until`.
    fn is_seldom(&mut self, until: Monotonic) -> bool {
        if self.stops.contains(&Some(until)) {
            return false;
        }
        let recent =
            |stop: &Option<Monotonic>| stop.is_some_and(|stop| until - stop < STOPS_WITHIN);
        let seldom = !self.stops.iter().all(recent);
        self.stops.rotate_left(1);
        self.stops[STOPS_MAX - 1] = Some(until);
        seldom
    }

    /// Since when what is captured is not held up by a stop any more, if there was one.
    #[must_use]
    pub const fn stopped(&self) -> Option<Monotonic> {
        self.stopped
    }

    /// Whether a delay until `now` is the network's.
    fn is_jitter(&self, delay: Delay, now: Monotonic) -> bool {
        let due = now - delay;
        self.stopped.is_none_or(|stopped| due >= stopped)
    }

    /// A picture was complete `delay` after an undelayed packet would have come; it is
    /// presented `latency` after that.
    pub fn video(&mut self, delay: Delay, latency: Delay, now: Monotonic) {
        if !self.is_jitter(delay, now) {
            return;
        }
        self.video.add(delay, now);
        self.note(delay + self.work.video > latency);
    }

    /// The same of a packet of sound.
    pub fn audio(&mut self, delay: Delay, latency: Delay, now: Monotonic) {
        if !self.is_jitter(delay, now) {
            return;
        }
        self.audio.add(delay, now);
        self.note(delay + self.work.audio > latency);
    }

    const fn note(&mut self, late: bool) {
        self.seen += 1;
        self.late += late as u64;
    }

    /// The delay that only a few exceed, once there is one.
    #[must_use]
    pub fn needed(&self) -> Option<Delay> {
        let of = |spread: &Spread, work: Delay| Some(spread.quantile(LATE_ALLOWED)? + work);
        let needed = of(&self.video, self.work.video).max(of(&self.audio, self.work.audio))?;
        Some((needed + MARGIN).clamp(LATENCY_MIN, LATENCY_MAX))
    }

    /// What the latency is to become, if it is time to think it over.
    pub fn decide(&mut self, now: Monotonic) -> Option<Target> {
        let decided = *self.decided.get_or_insert(now);
        if now - decided < INTERVAL {
            return None;
        }
        let at_once = self.late * LATE_TOO_OFTEN > self.seen;
        self.decided = Some(now);
        (self.seen, self.late) = (0, 0);
        Some(Target { latency: self.needed()?, at_once })
    }
}

#[cfg(test)]
mod tests;
