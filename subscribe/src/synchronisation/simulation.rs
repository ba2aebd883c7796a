//! A day of a room, under a virtual clock: two publishers whose clocks are apart and drift, a relay that measures them, and a
//! receiver with a clock of its own.

use super::{SenderClock, Synchronisation};
use crate::counters::Counters;
use crate::in_step::InStep;
use crate::latency::TargetLatency;
use std::sync::Arc;
use std::time::Duration;
use streamsocket_media::clock::{Delay, Monotonic, Wall};
use streamsocket_stream::receive::wall_offset::{Reported, WallOffset};
use streamsocket_wire::rtp::RtpTime;
use streamsocket_wire::sdp::Medium;
use streamsocket_wire::shared_clock::SharedClock;

const MS: i64 = 1_000_000;
const SECOND: i64 = 1000 * MS;

/// True time between two pictures.
const PICTURE: i64 = 100 * MS;

/// What is not judged at the beginning.
const BEGINNING: i64 = 600 * SECOND;

/// How far apart pictures of one instant may be presented, of 99 in 100.
const APART_MAX: i64 = 5 * MS;

/// The histogram: microseconds of a bin, and how many there are on each side.
const BIN: i64 = 250;
const BINS: i64 = 8;

/// A clock: what it reads is true time, and so many nanoseconds, and so many parts in a million more.
#[derive(Clone, Copy)]
struct Clock {
    ahead: i64,
    ppm: i64,
}

impl Clock {
    const fn read(self, true_time: i64) -> i64 {
        true_time + self.ahead + true_time / 1_000_000 * self.ppm
    }
}

const RELAY: Clock = Clock { ahead: 77 * SECOND, ppm: 30 };
const RECEIVER: Clock = Clock { ahead: 5 * SECOND, ppm: -40 };

/// Chance, the same in each run.
struct Chance(u64);

impl Chance {
    /// A number from 0 to 1.
    fn draw(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as f64 / f64::from(1_u32 << 31)
    }

    /// How much later than the soonest: by so much on average, and now and then by 15 times as much.
    fn late(&mut self, mean: Duration) -> i64 {
        let times = if self.draw() < 0.02 { 15.0 } else { 1.0 };
        let late = mean.mul_f64(-(1.0 - self.draw()).ln() * times);
        i64::try_from(late.as_nanos()).unwrap()
    }
}

/// One who publishes, the relay's part of it, and the receiver's.
struct Publisher {
    clock: Clock,
    /// When it is set, and by how much.
    step: (i64, i64),
    /// From capture until a picture is sent.
    prepares: i64,
    /// The shortest way to the relay, and what comes on top of it on average.
    way: i64,
    jitter: Duration,
    reports_every: i64,
    relay: WallOffset,
    sync: Synchronisation,
    counters: Counters,
}

impl Publisher {
    fn new(clock: Clock, step: (i64, i64), ways: (i64, i64), all: &Arc<InStep>) -> Self {
        let now = Monotonic(RECEIVER.read(0));
        let mut sync = Synchronisation::new(TargetLatency::Auto, now);
        sync.keep_in_step(all.member());
        let (prepares, way) = ways;
        Self {
            clock,
            step,
            prepares,
            way,
            jitter: Duration::from_millis(2),
            reports_every: 10,
            relay: WallOffset::new(90_000),
            sync,
            counters: Counters::default(),
        }
    }

    /// The sum of its clock's steps.
    const fn stepped(&self, true_time: i64) -> i64 {
        if true_time < self.step.0 { 0 } else { self.step.1 }
    }

    /// A picture is captured: it goes to the relay and to the receiver, and with it what both say.
    fn turn(&mut self, number: i64, chance: &mut Chance) {
        let time = number * PICTURE;
        let steady = self.clock.read(time);
        if number % self.reports_every == 0 {
            let ticks = steady / 1000 * 90 / 1000;
            let rtp = RtpTime(u32::try_from(ticks & 0xFFFF_FFFF).unwrap());
            let reported = Reported { wall: Wall(steady + self.stepped(time)), time: rtp };
            let arrival = time + self.way + chance.late(self.jitter);
            self.relay.report(reported, Monotonic(RELAY.read(arrival)));
        }
        let round_trip = Duration::from_nanos(self.way.unsigned_abs() * 2);
        let offset = self.relay.at(Monotonic(RELAY.read(time)), round_trip);
        let shared = offset.map(|offset| SharedClock { clock: 1, ahead: offset.nanos() });
        // All that is behind the relay takes a millisecond at least.
        let way = self.way + MS + chance.late(self.jitter);
        let arrival = Monotonic(RECEIVER.read(time + self.prepares + way));
        let capture = Wall(steady);
        self.sync.begin_turn(arrival, Delay::ZERO);
        self.sync.heard(capture, arrival);
        let delay = self.sync.timeline.delay(capture, arrival).unwrap();
        self.sync.measure(Medium::Video, delay, arrival);
        let stepped = Delay::from_nanos(self.stepped(time));
        let sender = SenderClock { stepped, shared, ..SenderClock::default() };
        self.sync.turn(arrival, sender, &self.counters);
    }

    /// When what is captured now is due at the receiver.
    fn due(&self, number: i64) -> i64 {
        self.sync.timeline.due(Wall(self.clock.read(number * PICTURE))).unwrap().0
    }

    fn is_in_step(&self) -> bool {
        self.counters.in_step.get() > 0
    }
}

/// How far apart both present what they captured at one instant, once a second, in microseconds.
fn apart(hours: i64, one: &mut Publisher, other: &mut Publisher) -> Vec<i64> {
    let mut chance = Chance(1);
    let mut apart = Vec::new();
    for number in 0..hours * 3600 * SECOND / PICTURE {
        one.turn(number, &mut chance);
        other.turn(number, &mut chance);
        if number % 10 == 0 && number * PICTURE >= BEGINNING {
            assert!(one.is_in_step() && other.is_in_step(), "after {number} pictures");
            apart.push((one.due(number) - other.due(number)) / 1000);
        }
    }
    apart
}

/// Prints how far apart they are, and returns what 50 and 99 in 100 do not exceed, and none does, in nanoseconds.
fn spread(apart: &[i64]) -> [i64; 3] {
    let mut sizes: Vec<_> = apart.iter().map(|it| it.abs()).collect();
    sizes.sort_unstable();
    let [half, most, all] = [50, 99, 100].map(|share| sizes[(sizes.len() - 1) * share / 100]);
    println!("in step: {} times, apart p50 {half} us, p99 {most} us, max {all} us", sizes.len());
    // What is beyond is in the bins at the ends.
    let bin = |apart: i64| apart.div_euclid(BIN).clamp(-BINS, BINS);
    for number in -BINS..=BINS {
        let count = apart.iter().filter(|it| bin(**it) == number).count();
        let share = 100.0 * count as f64 / apart.len() as f64;
        println!("{:+6.2} ms {count:>6} {share:>6.2} %", (number * BIN) as f64 / 1e3);
    }
    [half, most, all].map(|micros| micros * 1000)
}

#[test]
fn publishers_whose_clocks_are_apart_and_drift_and_are_set_are_in_step_for_a_day() {
    let all = Arc::<InStep>::default();
    let hour = 3600 * SECOND;
    let right = Clock { ahead: 0, ppm: 0 };
    let wrong = Clock { ahead: 500 * MS, ppm: 100 };
    let mut one = Publisher::new(right, (12 * hour, 3 * SECOND), (12 * MS, MS), &all);
    let mut other = Publisher::new(wrong, (18 * hour, -300 * MS), (35 * MS, 4 * MS), &all);
    let [p50, p99, _] = spread(&apart(24, &mut one, &mut other));
    assert!(p50 < APART_MAX / 10 && p99 < APART_MAX, "{p50} {p99}");
}

#[test]
fn so_are_those_that_report_rarely() {
    let all = Arc::<InStep>::default();
    let clocks = [Clock { ahead: 0, ppm: -100 }, Clock { ahead: -500 * MS, ppm: 100 }];
    let publisher = |clock| Publisher {
        reports_every: 50,
        ..Publisher::new(clock, (i64::MAX, 0), (20 * MS, 2 * MS), &all)
    };
    let [mut one, mut other] = clocks.map(publisher);
    let [p50, p99, _] = spread(&apart(2, &mut one, &mut other));
    assert!(p50 < APART_MAX / 10 && p99 < APART_MAX, "{p50} {p99}");
}
