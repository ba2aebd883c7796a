//! How far this machine's monotonic clock is ahead of a sender's wall clock, for who passes a stream on and says so to those
//! who present several of them.
//!
//! A report says by the sender's clock when it was sent, so that it arrives by the offset and its way later than it says:
//! the one that had the shortest way is known to be nearest. [`Timeline`](super::timeline::Timeline) does the same of packets,
//! which come by the hundred each second. Reports come once in one to five seconds, so here more time is looked back on, and
//! how the clocks drift apart is what most pairs of reports say: few of them, each with a way of its own, would tilt a line.

use super::ticks;
use core::time::Duration;
use streamsocket_media::clock::{Delay, Monotonic, Wall};
use streamsocket_wire::rtp::RtpTime;

/// What was heard within so long counts as one, the least delayed of it: at first, so that a drift is told soon, and in the
/// end, so that it is told well.
const BUCKET_FIRST: Delay = Delay::from_secs(2);
const BUCKET_LAST: Delay = Delay::from_secs(16);

/// So many of these are looked back on: in the end four minutes, in which a clock that warms up drifts by less than 1 ppm
/// more.
const BUCKETS: usize = 16;

/// What is older says nothing, if nothing has come for long.
const FORGOTTEN: Delay = Delay::from_secs(300);

/// Pairs of them.
const PAIRS: usize = BUCKETS * (BUCKETS - 1) / 2;

/// So many of these tell a drift: before, one of 100 ppm comes to 2 ms.
const DRIFT_BUCKETS: usize = 5;

/// Clocks drift by 100 ppm each; more is a mistake, in parts per billion.
const DRIFT_MAX_PPB: i64 = 400_000;

/// A wall clock that has moved so much against RTP time and arrival was set: below 100 ms senders slew.
const STEP: Delay = Delay::from_millis(90);

/// RTP time and arrival have gone on alike if they differ by less: the network's part in it.
const ALIKE: Delay = Delay::from_millis(500);

/// What is earlier or later than everything before by more than this is not the network's doing, but the clock's.
const JUMP: Delay = Delay::from_secs(1);

/// What is late by so much has to be so for so long: until then the network may have stood still.
const JUMPED: Delay = Delay::from_secs(8);

/// RTP time of 32 bits is told apart for longer than this, whatever its rate is up to 192 kHz.
const REPORTS_APART: Delay = Delay::from_secs(3600);

/// What a report of the sender says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reported {
    /// When it was sent, by its wall clock.
    pub wall: Wall,
    /// The same instant in RTP time.
    pub time: RtpTime,
}

/// The offset of one sender's wall clock.
#[derive(Clone, Debug)]
pub struct WallOffset {
    /// RTP ticks a second.
    rate: u32,
    /// The least delayed of each bucket, the newest last.
    least: heapless::Deque<Point, BUCKETS>,
    /// When the newest bucket began, and how long each is.
    since: Monotonic,
    bucket: Delay,
    /// How fast the offset grows, in parts per billion.
    drift: i64,
    /// The last report, and when it came.
    last: Option<(Reported, Monotonic)>,
    /// The last one was too early to be believed.
    ahead: bool,
    /// All have been too late since then.
    late: Option<Monotonic>,
}

/// How much later something came than it says, and when.
#[derive(Clone, Copy, Debug)]
struct Point {
    difference: Delay,
    at: Monotonic,
}

impl WallOffset {
    /// That of a stream with `rate` RTP ticks a second.
    #[must_use]
    pub const fn new(rate: u32) -> Self {
        Self {
            rate,
            least: heapless::Deque::new(),
            since: Monotonic(0),
            bucket: BUCKET_FIRST,
            drift: 0,
            last: None,
            ahead: false,
            late: None,
        }
    }

    /// Whether a report has come.
    #[must_use]
    pub const fn is_reported(&self) -> bool {
        self.last.is_some()
    }

    /// Our monotonic clock minus the sender's wall clock at `now`, taken that there and back the shortest way takes
    /// `round_trip`, half of it each. `None` before anything was heard.
    #[must_use]
    pub fn at(&self, now: Monotonic, round_trip: Duration) -> Option<Delay> {
        let way = Delay::from(round_trip) / 2;
        self.undelayed(now).map(|undelayed| undelayed - way)
    }

    /// A report of the sender arrived at `arrival`.
    pub fn report(&mut self, reported: Reported, arrival: Monotonic) {
        if self.last.is_none() {
            // Packets say when they were captured, which may be long before they were sent.
            self.forget();
        }
        if let Some(by) = self.stepped_by(reported, arrival) {
            for point in self.least.iter_mut() {
                point.difference = point.difference - by;
            }
        }
        self.last = Some((reported, arrival));
        self.hear(reported.wall, arrival);
    }

    /// A packet arrived at `arrival` that was captured at `wall`. It is of use until there are reports.
    pub fn capture(&mut self, wall: Wall, arrival: Monotonic) {
        if self.last.is_none() {
            self.hear(wall, arrival);
        }
    }

    /// By how much the wall clock was set since the last report, if RTP time and arrival say alike that it was.
    fn stepped_by(&self, reported: Reported, arrival: Monotonic) -> Option<Delay> {
        let (last, came) = self.last?;
        let elapsed = arrival - came;
        if elapsed > REPORTS_APART {
            return None;
        }
        let sent = ticks::nanos(reported.time.distance(last.time).into(), self.rate)?;
        let sent = Delay::from_nanos(sent);
        let by = (reported.wall - last.wall) - sent;
        (by.abs() >= STEP && (elapsed - sent).abs() < ALIKE).then_some(by)
    }

    fn forget(&mut self) {
        self.least.clear();
        (self.bucket, self.drift, self.ahead, self.late) = (BUCKET_FIRST, 0, false, None);
    }

    fn hear(&mut self, wall: Wall, arrival: Monotonic) {
        let difference = wall.monotonic_ahead(arrival);
        if let Some(known) = self.undelayed(arrival) {
            if known - difference > JUMP {
                // Nothing is faster than the fastest by so much; of a single one it is not believed.
                if !core::mem::replace(&mut self.ahead, true) {
                    return;
                }
                self.forget();
            }
            self.ahead = false;
            let late = difference - known > JUMP;
            let since = *self.late.get_or_insert(arrival);
            if !late {
                self.late = None;
            } else if arrival - since > JUMPED {
                self.forget();
            }
        }
        let point = Point { difference, at: arrival };
        if arrival - self.since >= self.bucket || self.least.is_empty() {
            self.begin(point);
        } else if let Some(least) = self.least.back_mut().filter(|it| difference < it.difference) {
            *least = point;
        }
    }

    /// Begins another bucket.
    fn begin(&mut self, point: Point) {
        self.drift = self.slope().unwrap_or(self.drift);
        self.since = point.at;
        let old = |it: &Point| point.at - it.at > FORGOTTEN;
        while self.least.front().is_some_and(old) {
            self.least.pop_front();
        }
        if self.least.is_full() {
            if self.bucket < BUCKET_LAST {
                self.merge();
            } else {
                self.least.pop_front();
            }
        }
        let pushed = self.least.push_back(point);
        debug_assert!(pushed.is_ok(), "there is room after a removal");
    }

    /// Makes one of every two buckets.
    fn merge(&mut self) {
        self.bucket = self.bucket * 2;
        for _ in 0..self.least.len() / 2 {
            let (Some(one), Some(other)) = (self.least.pop_front(), self.least.pop_front()) else {
                return;
            };
            let moved = one.difference + (other.at - one.at).share(self.drift);
            let least = if moved < other.difference { one } else { other };
            // Two have gone.
            let _ = self.least.push_back(least);
        }
    }

    /// The offset by what was delayed least, its way included.
    fn undelayed(&self, now: Monotonic) -> Option<Delay> {
        let moved = |it: &Point| it.difference + (now - it.at).share(self.drift);
        self.least.iter().map(moved).min()
    }

    /// The median of the slopes between all pairs (Theil and Sen), in parts per billion.
    fn slope(&self) -> Option<i64> {
        if self.least.len() < DRIFT_BUCKETS {
            return None;
        }
        let mut slopes = heapless::Vec::<i64, PAIRS>::new();
        for (index, one) in self.least.iter().enumerate() {
            for other in self.least.iter().skip(index + 1) {
                // Milliseconds: small enough to be divided by.
                let elapsed = (other.at - one.at).millis().max(1);
                let risen = (other.difference - one.difference).nanos();
                // There is room for all pairs.
                let _ = slopes.push(risen.saturating_mul(1000) / elapsed);
            }
        }
        let middle = slopes.len() / 2;
        let (_, median, _) = slopes.select_nth_unstable(middle);
        Some((*median).clamp(-DRIFT_MAX_PPB, DRIFT_MAX_PPB))
    }
}

#[cfg(test)]
mod tests;
