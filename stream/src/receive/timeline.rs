//! When what the sender captured is due here: its wall clock laid over this machine's monotonic one,
//! plus the latency. Picture and sound of a session share one [`Timeline`]: that keeps them together.
//!
//! The sender's clock is known by the packets that were delayed least; how fast it drifts, by a line
//! through the least delayed ones of each second. What is presented follows by slewing, so that nobody
//! hears or sees it, and jumps only when the sender has.

use streamsocket_media::clock::{Delay, Monotonic, Wall};

/// Seconds that are looked back on: long enough to have seen an undelayed packet on a busy radio, and
/// to tell a drift of some ppm.
const WINDOW_SECONDS: usize = 32;

/// Seconds until a drift can be told.
const DRIFT_SECONDS: usize = 12;

/// Clocks drift by 100 ppm each; more is a mistake, in parts per billion.
const DRIFT_MAX_PPB: i64 = 400_000;

/// How fast the estimate is followed and, apart from that, the latency: parts per billion. Together
/// they stay below 500 ppm, which nobody hears.
const FOLLOW_PPB: i64 = 200_000;
const LATENCY_PPB: i64 = 150_000;

/// For so long after the first packet the estimate is followed at once: little was heard.
const SETTLE: Delay = Delay::from_secs(2);

/// Every packet of a second is early or late by more than this: it is the sender's clock, and not the
/// network.
const JUMP: Delay = Delay::from_secs(1);

const SECOND: Delay = Delay::from_secs(1);

/// The sender's clock against ours, and what is due when.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// Least arrival minus capture of each second, and when.
    buckets: [Option<Least>; WINDOW_SECONDS],
    at: usize,
    since: Monotonic,
    /// The least of the seconds before this one, drift taken into account.
    base: Option<Least>,
    /// How fast the sender's clock loses against ours, in parts per billion.
    drift: Option<i64>,
    began: Option<Monotonic>,
    /// What playout goes by, as of then: our clock minus the sender's.
    followed: Option<(Delay, Monotonic)>,
    /// Where both machines' wall clocks are disciplined: our monotonic clock minus the sender's wall
    /// clock, known without packets.
    disciplined: Option<Delay>,
    latency: Delay,
    target: Delay,
    /// The last packet was too far ahead to be believed.
    ahead: bool,
    /// Capture and arrival of the last packet that was taken into account.
    seen: Option<(Wall, Monotonic)>,
}

#[derive(Clone, Copy, Debug)]
struct Least {
    difference: Delay,
    arrival: Monotonic,
}

impl Timeline {
    /// A timeline that presents everything `latency` after its undelayed arrival.
    #[must_use]
    pub const fn new(latency: Delay) -> Self {
        Self {
            buckets: [None; WINDOW_SECONDS],
            at: 0,
            since: Monotonic(0),
            base: None,
            drift: None,
            began: None,
            followed: None,
            disciplined: None,
            latency,
            target: latency,
            ahead: false,
            seen: None,
        }
    }

    /// Forgets the sender's clock: the source has changed.
    pub const fn reset(&mut self) {
        self.buckets = [None; WINDOW_SECONDS];
        self.base = None;
        self.drift = None;
        self.began = None;
        self.followed = None;
        self.seen = None;
    }

    /// The latency as it is, on its way to its target.
    #[must_use]
    pub const fn latency(&self) -> Delay {
        self.latency
    }

    /// Where the latency is going.
    #[must_use]
    pub const fn target(&self) -> Delay {
        self.target
    }

    /// By how much the sender's clock is faster than ours, in parts per billion, once known.
    #[must_use]
    pub fn drift_ppb(&self) -> Option<i64> {
        self.drift.map(|drift| -drift)
    }

    /// Our monotonic clock minus the sender's wall clock, undelayed packets taken as instantaneous, as what is presented goes
    /// by it.
    #[must_use]
    pub fn followed(&self) -> Option<Delay> {
        self.followed.map(|(followed, _)| followed)
    }

    /// True while little is known of the sender: what is presented may still jump.
    #[must_use]
    pub fn is_settling(&self, now: Monotonic) -> bool {
        self.began.is_none_or(|began| now - began < SETTLE)
    }

    /// The latency is to become this one: slowly, or `at_once` when what comes is late.
    pub const fn set_target(&mut self, latency: Delay, at_once: bool) {
        self.target = latency;
        if at_once {
            self.latency = latency;
        }
    }

    /// Both machines' wall clocks are disciplined, and so our monotonic clock minus the sender's wall
    /// clock (without its steps) is known: every viewer with the same latency then presents the same
    /// thing at the same instant. `None`: they are not, and each viewer goes by its fastest packets.
    pub const fn discipline(&mut self, offset: Option<Delay>) {
        self.disciplined = offset;
    }

    /// A packet arrived at `arrival` that was captured at `capture` of the sender's wall clock
    /// (without its steps). True if the sender's clock has jumped, and with it what is presented.
    pub fn observe(&mut self, capture: Wall, arrival: Monotonic) -> bool {
        // Of many packets of one capture and one arrival, as a batch of a frame has them, the first says it all.
        if !self.ahead && self.seen == Some((capture, arrival)) {
            return false;
        }
        let difference = capture.monotonic_ahead(arrival);
        let mut jumped = false;
        // Nothing is faster than the fastest by so much; of a single packet it is not believed.
        if self.offset(arrival).is_some_and(|known| known - difference > JUMP) {
            if !core::mem::replace(&mut self.ahead, true) {
                return false;
            }
            self.reset();
            jumped = true;
        }
        self.ahead = false;
        jumped |= self.turn(arrival);
        self.began = self.began.or(Some(arrival));
        let bucket = &mut self.buckets[self.at];
        if bucket.is_none_or(|least| difference < least.difference) {
            *bucket = Some(Least { difference, arrival });
        }
        self.follow(arrival);
        self.seen = Some((capture, arrival));
        jumped
    }

    /// Our monotonic clock minus the sender's wall clock at `now`, undelayed packets taken as
    /// instantaneous.
    #[must_use]
    pub fn offset(&self, now: Monotonic) -> Option<Delay> {
        let known = [self.base, self.buckets[self.at]];
        known.iter().flatten().map(|least| self.moved(least, now)).min()
    }

    /// A difference as it is by now: the sender's clock has drifted since.
    fn moved(&self, least: &Least, now: Monotonic) -> Delay {
        least.difference + (now - least.arrival).share(self.drift.unwrap_or(0))
    }

    /// By how much longer than an undelayed packet something took that was complete at `now`.
    #[must_use]
    pub fn delay(&self, capture: Wall, now: Monotonic) -> Option<Delay> {
        let (followed, _) = self.followed?;
        Some(capture.monotonic_ahead(now) - followed)
    }

    /// When what was captured at `capture` of the sender's wall clock (without its steps) is due
    /// here.
    #[must_use]
    pub fn due(&self, capture: Wall) -> Option<Monotonic> {
        let (followed, _) = self.followed?;
        Some(capture.monotonic(followed) + self.latency)
    }

    /// Begins the next second's bucket when it is time. True if a whole second was far off.
    fn turn(&mut self, arrival: Monotonic) -> bool {
        let elapsed = (arrival - self.since).nanos() / SECOND.nanos();
        if elapsed <= 0 {
            return false;
        }
        let (done, before) = (self.buckets[self.at], self.base);
        let before = before.map(|before| self.moved(&before, arrival));
        let late = done.zip(before).map(|(done, before)| done.difference - before);
        if late.is_some_and(|late| late > JUMP) {
            self.reset();
            self.since = arrival;
            return true;
        }
        // After a long silence nothing of the window is left.
        for _ in 0..elapsed.min(i64::try_from(WINDOW_SECONDS).unwrap_or(0)) {
            self.at = (self.at + 1) % WINDOW_SECONDS;
            self.buckets[self.at] = None;
        }
        self.since = self.since + SECOND * elapsed;
        self.drift = self.line().or(self.drift);
        let seconds = self.buckets.iter().flatten();
        self.base = seconds.min_by_key(|least| self.moved(least, arrival)).copied();
        false
    }

    /// The slope of a line through the least differences, by least squares, in parts per billion.
    fn line(&self) -> Option<i64> {
        let origin = self.buckets.iter().flatten().next()?;
        let points = self.buckets.iter().flatten().map(|least| {
            // Milliseconds and microseconds: small enough to be multiplied.
            let x = i128::from((least.arrival - origin.arrival).millis());
            (x, i128::from((least.difference - origin.difference).nanos() / 1_000))
        });
        let count = i128::try_from(points.clone().count()).unwrap_or(0);
        if count < i128::try_from(DRIFT_SECONDS).unwrap_or(0) {
            return None;
        }
        let (x, y) = points.clone().fold((0, 0), |(x, y), point| (x + point.0, y + point.1));
        let (mut xy, mut xx) = (0, 0);
        for point in points {
            let from_mean = point.0 * count - x;
            xy += from_mean * (point.1 * count - y);
            xx += from_mean * from_mean;
        }
        // A microsecond in a millisecond is a million parts in a billion.
        let slope = i64::try_from((xy * 1_000_000).checked_div(xx)?).ok()?;
        Some(slope.clamp(-DRIFT_MAX_PPB, DRIFT_MAX_PPB))
    }

    /// Moves what playout goes by towards what is known.
    fn follow(&mut self, now: Monotonic) {
        let Some(goal) = self.disciplined.or_else(|| self.offset(now)) else { return };
        let settling = self.is_settling(now);
        let Some((followed, then)) = self.followed else {
            self.followed = Some((goal, now));
            self.latency = self.target;
            return;
        };
        let elapsed = now - then;
        if elapsed <= Delay::ZERO {
            return;
        }
        let moved = followed + elapsed.share(self.drift.unwrap_or(0));
        let reach = elapsed.share(FOLLOW_PPB);
        let off = goal - moved;
        let step = if settling { off } else { off.clamp(-reach, reach) };
        self.followed = Some((moved + step, now));
        let reach = elapsed.share(LATENCY_PPB);
        self.latency += (self.target - self.latency).clamp(-reach, reach);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;
    const SECOND_NANOS: i64 = SECOND.nanos();

    fn ms(millis: i64) -> Delay {
        Delay::from_millis(millis)
    }

    #[test]
    fn the_least_delayed_packet_counts() {
        let mut timeline = Timeline::new(ms(50));
        for (capture, delay) in [(0, 9), (10, 3), (20, 30)] {
            timeline.observe(Wall(capture * MS), Monotonic((1000 + capture + delay) * MS));
        }
        assert_eq!(timeline.due(Wall(100 * MS)), Some(Monotonic(1153 * MS)));
        assert_eq!(timeline.delay(Wall(100 * MS), Monotonic(1110 * MS)), Some(ms(7)));
    }

    #[test]
    fn the_window_forgets_and_playout_follows_slowly() {
        let mut timeline = Timeline::new(Delay::ZERO);
        timeline.observe(Wall(0), Monotonic(0));
        for tenth in 1..=600 {
            let at = tenth * 100 * MS;
            timeline.observe(Wall(at), Monotonic(at + 5 * MS));
        }
        assert_eq!(timeline.offset(Monotonic(60_000 * MS)), Some(ms(5)));
        let due = timeline.due(Wall(0)).unwrap().0;
        // At 200 ppm since the window forgot, 28 seconds ago.
        assert!((4 * MS..=5 * MS).contains(&due), "{due}");
    }

    #[test]
    fn drift_is_told_and_followed() {
        for ppm in [-100, 40, 200] {
            let mut timeline = Timeline::new(Delay::ZERO);
            for packet in 0..=24_000_i64 {
                let at = packet * 5 * MS;
                let late = packet * 7_919 % 400 * MS / 10;
                timeline.observe(Wall(at + at / 1_000_000 * ppm), Monotonic(at + late));
            }
            let drift = timeline.drift_ppb().unwrap();
            assert!((drift - ppm * 1000).abs() < 20_000, "{drift} ppb of {ppm} ppm");
            let now = 120_000 * MS;
            let due = timeline.due(Wall(now + now / 1_000_000 * ppm)).unwrap().0 - now;
            assert!(due.abs() < 2 * MS, "off by {due} ns");
        }
    }

    #[test]
    fn a_long_silence_does_not_loop_and_forgets_all() {
        let mut timeline = Timeline::new(Delay::ZERO);
        timeline.observe(Wall(0), Monotonic(0));
        timeline.observe(Wall(1 << 60), Monotonic((1 << 60) + MS));
        timeline.observe(Wall(1 << 60), Monotonic((1 << 60) + MS));
        assert_eq!(timeline.offset(Monotonic((1 << 60) + MS)), Some(ms(1)));
    }

    #[test]
    fn a_jump_of_the_sender_is_followed_but_not_a_second_of_delay() {
        let mut timeline = Timeline::new(Delay::ZERO);
        timeline.observe(Wall(SECOND_NANOS), Monotonic(SECOND_NANOS));
        assert!(!timeline.observe(Wall(90 * SECOND_NANOS), Monotonic(SECOND_NANOS + MS)));
        assert_eq!(
            timeline.due(Wall(SECOND_NANOS)),
            Some(Monotonic(SECOND_NANOS)),
            "it may be a mistake"
        );
        assert!(timeline.observe(Wall(90 * SECOND_NANOS), Monotonic(SECOND_NANOS + MS)));
        assert_eq!(timeline.due(Wall(0)), Some(Monotonic(MS - 89 * SECOND_NANOS)));
        // One packet that took three seconds.
        assert!(!timeline.observe(Wall(90 * SECOND_NANOS), Monotonic(4 * SECOND_NANOS)));
        assert_eq!(timeline.due(Wall(0)), Some(Monotonic(MS - 89 * SECOND_NANOS)));
        // Three seconds in which everything does.
        let jumps = (0..30).map(|tenth| {
            let at = Monotonic(4 * SECOND_NANOS + tenth * 100 * MS);
            timeline.observe(Wall(90 * SECOND_NANOS + tenth * 100 * MS), at)
        });
        assert_eq!(jumps.filter(|jumped| *jumped).count(), 1);
        assert_eq!(timeline.due(Wall(90 * SECOND_NANOS)), Some(Monotonic(4 * SECOND_NANOS)));
    }

    #[test]
    fn the_latency_moves_slowly_or_at_once() {
        let mut timeline = Timeline::new(ms(80));
        timeline.observe(Wall(0), Monotonic(0));
        timeline.set_target(ms(40), false);
        for second in 1..=20 {
            timeline.observe(Wall(second * SECOND_NANOS), Monotonic(second * SECOND_NANOS));
        }
        assert_eq!(timeline.latency(), ms(77));
        timeline.set_target(ms(120), true);
        assert_eq!((timeline.latency(), timeline.target()), (ms(120), ms(120)));
    }

    #[test]
    fn disciplined_clocks_decide() {
        let mut timeline = Timeline::new(ms(80));
        timeline.discipline(Some(ms(-3)));
        timeline.observe(Wall(0), Monotonic(7 * MS));
        assert_eq!(timeline.due(Wall(0)), Some(Monotonic(77 * MS)));
    }
}
