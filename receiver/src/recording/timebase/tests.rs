use super::*;
use streamsocket_stream::receive::timeline::Timeline;
use streamsocket_wire::sdp::Medium::{self, Audio, Video};

const MS: i64 = 1_000_000;
const SECOND: i64 = 1000 * MS;
const HOUR: i64 = 3600 * SECOND;

/// A session as the receiver sees it: the timeline's view of a sender whose clock is our time plus `ahead`.
struct World {
    timeline: Timeline,
    timebase: Timebase,
    source: u32,
    /// Recording time minus true time of each picture and packet, in nanoseconds, and the true time.
    placed: Vec<(Medium, i64, i64)>,
}

impl World {
    fn new() -> Self {
        let (timeline, timebase) = (Timeline::new(Delay::ZERO), Timebase::default());
        Self { timeline, timebase, source: 1, placed: Vec::new() }
    }

    /// Pictures and sound of so many seconds, by a clock so far ahead; some are delayed.
    fn run(&mut self, from: i64, until: i64, clock: impl Fn(i64) -> i64) {
        for packet in from / (5 * MS)..until / (5 * MS) {
            let now = packet * 5 * MS;
            self.take(Audio, now, now + packet * 7919 % 9 * MS, &clock);
            if packet % 8 == 0 {
                self.take(Video, now, now + packet * 7919 % 20 * MS, &clock);
            }
        }
    }

    fn take(&mut self, stream: Medium, captured: i64, arrival: i64, clock: &dyn Fn(i64) -> i64) {
        let (capture, arrival) = (Wall(clock(captured)), Monotonic(arrival));
        self.timeline.observe(capture, arrival);
        // As a moment has it: what cannot be believed is taken for undelayed.
        let due = self.timeline.due(capture).unwrap();
        let believed = (due - arrival).abs() < Delay::from_secs(2);
        let undelayed = if believed { due } else { arrival };
        let stamp = Stamp { capture: Some(capture), undelayed, arrival, source: self.source };
        let at = self.timebase.place(stream, &stamp);
        self.placed.push((stream, at.0 - captured, captured));
    }

    /// The placed ones of a span of true time.
    fn within(&self, from: i64, until: i64) -> impl Iterator<Item = i64> {
        let within = self.placed.iter().filter(move |it| (from..until).contains(&it.2));
        within.map(|it| it.1)
    }

    #[track_caller]
    fn assert_in_order(&self) {
        for stream in [Video, Audio] {
            let own = self.placed.iter().filter(|it| it.0 == stream);
            let times: Vec<i64> = own.map(|it| it.1 + it.2).collect();
            assert!(times.is_sorted(), "{stream:?} goes back");
        }
    }
}

fn spread(values: impl Iterator<Item = i64>) -> i64 {
    let values: Vec<i64> = values.collect();
    values.iter().max().unwrap() - values.iter().min().unwrap()
}

#[test]
fn one_source_is_recorded_by_its_own_clock_to_the_nanosecond() {
    let mut world = World::new();
    world.run(0, 60 * SECOND, |now| now + HOUR);
    assert_eq!(spread(world.within(0, 60 * SECOND)), 0);
    assert_eq!(world.timebase.jumps(), 0);
}

#[test]
fn a_sender_that_returns_with_another_clock_is_recorded_at_our_time() {
    for step in [-HOUR, HOUR, -3 * SECOND / 2, 3 * SECOND / 2] {
        let mut world = World::new();
        world.run(0, 10 * SECOND, |now| now);
        world.source = 2;
        world.run(13 * SECOND, 30 * SECOND, |now| now + step);
        let off = world.within(13 * SECOND, 30 * SECOND).map(|off| off.abs() / MS).max().unwrap();
        assert!(off <= 100, "{step}: recorded {off} ms from our time");
        // Once both streams have come, sound and picture are as exact as before.
        assert_eq!(spread(world.within(14 * SECOND, 15 * SECOND)), 0, "{step}");
        assert_eq!(world.timebase.jumps(), 1, "{step}");
        world.assert_in_order();
    }
}

#[test]
fn what_is_still_under_way_when_the_clock_jumps_stays_where_it_belongs() {
    let mut world = World::new();
    world.run(0, 10 * SECOND, |now| now);
    let (old, new) = (|now: i64| now, |now: i64| now - HOUR);
    for packet in 0..20 {
        let now = 10 * SECOND + packet * 5 * MS;
        world.source = 2;
        world.take(Audio, now, now + MS, &new);
        world.source = 1;
        world.take(Video, now, now + 2 * MS, &old);
    }
    world.source = 2;
    world.run(11 * SECOND, 20 * SECOND, new);
    assert_eq!(world.timebase.jumps(), 1);
    assert!(spread(world.within(0, 20 * SECOND)) < 10 * MS);
}

/// A machine that is slow to begin, or stands still, delays what it hands on: that is no other clock, and
/// sound and picture stay together.
#[test]
fn delays_move_nothing_however_long_they_are() {
    let mut world = World::new();
    for packet in 0..4000 {
        let now = packet * 5 * MS;
        let held_up = |from: i64, until: i64| {
            if (from..until).contains(&now) { until - now } else { 0 }
        };
        let first = 1_200 * MS * i64::from(packet < 100);
        let stop = held_up(5 * SECOND, 8 * SECOND) + held_up(12 * SECOND, 12 * SECOND + 700 * MS);
        world.take(Audio, now, now + (first + packet * 7919 % 9 * MS).max(stop), &|now| now + HOUR);
        if packet % 8 == 0 {
            // Pictures take longer all the time.
            world.take(Video, now, now + first.max(stop) + 600 * MS, &|now| now + HOUR);
        }
    }
    assert_eq!((spread(world.within(0, 20 * SECOND)), world.timebase.jumps()), (0, 0));
}

/// A step that one stream alone seems to have seen is taken out of it for half a second, and put back.
#[test]
fn a_step_that_is_put_back_moves_nothing_for_good() {
    for step in [-700 * MS, -300 * MS, -100 * MS, 100 * MS, 300 * MS, 700 * MS] {
        let mut world = World::new();
        world.run(0, 10 * SECOND, |now| now);
        for packet in 0..100 {
            let now = 10 * SECOND + packet * 5 * MS;
            world.take(Audio, now, now + MS, &|now| now + step);
            if packet % 8 == 0 {
                world.take(Video, now, now + 2 * MS, &|now| now);
            }
        }
        world.run(12 * SECOND, 20 * SECOND, |now| now);
        assert_eq!(world.timebase.jumps(), 0, "{step}");
        assert_eq!(spread(world.within(12 * SECOND, 20 * SECOND)), 0, "{step}");
        let kept = world.within(0, 9 * SECOND).next();
        assert_eq!(world.within(19 * SECOND, 20 * SECOND).next(), kept, "{step}");
        world.assert_in_order();
    }
}

/// Each stream finds out by itself that the sender's clock is another: what both had before differs.
#[test]
fn after_a_jump_both_streams_are_together_whichever_noticed_it() {
    for (first, second) in [(Audio, Video), (Video, Audio)] {
        for step in [-3 * SECOND, -SECOND * 11 / 10, SECOND * 11 / 10, 3 * SECOND] {
            let mut world = World::new();
            world.run(0, 10 * SECOND, |now| now);
            // Lost packets make one stream's source a new one, and not the other's.
            world.source = 2;
            for packet in 0..600 {
                let now = 10 * SECOND + packet * 5 * MS;
                world.take(first, now, now + 5 * MS, &|now| now + step);
                world.source = if packet < 100 { 1 } else { 2 };
                world.take(second, now, now + 10 * MS, &|now| now + step);
                world.source = 2;
            }
            world.assert_in_order();
            let apart = spread(world.within(13 * SECOND - 400 * MS, 13 * SECOND));
            assert_eq!(apart, 0, "{first:?} first, {step}");
        }
    }
}

#[test]
fn a_clock_that_drifts_is_followed_and_nobody_hears_it() {
    let mut world = World::new();
    let until = 6 * HOUR;
    world.run(0, until, |now| now + now / 10_000);
    let late = world.within(until - SECOND, until).map(i64::abs).max().unwrap();
    assert!(late < 1510 * MS, "six hours at 100 ppm are 2160 ms, {} are left", late / MS);
    assert_eq!(world.timebase.jumps(), 0);
    world.assert_in_order();
    let apart = world.placed.windows(2).map(|two| (two[1].1 - two[0].1).abs()).max().unwrap();
    assert!(apart < 10_000, "by {apart} ns from one packet to the next");
}

#[test]
fn without_a_clock_of_the_sender_ours_is_all_there_is() {
    let mut timebase = Timebase::default();
    let stamp = |capture, at| {
        let at = Monotonic(at);
        Stamp { capture, undelayed: at, arrival: at, source: 1 }
    };
    assert_eq!(timebase.place(Video, &stamp(None, 5 * SECOND)), Monotonic(5 * SECOND));
    // The first report.
    let at = timebase.place(Video, &stamp(Some(Wall(HOUR)), 6 * SECOND));
    assert_eq!((at, timebase.jumps()), (Monotonic(6 * SECOND), 0));
}

/// A sender's clock may say anything.
#[test]
fn capture_times_may_be_as_far_apart_as_they_like() {
    let mut timebase = Timebase::default();
    for (number, capture) in [0, i64::MAX, i64::MIN, -1, i64::MAX].into_iter().enumerate() {
        let now = Monotonic(i64::try_from(number).unwrap() * SECOND);
        let stamp = Stamp { capture: Some(Wall(capture)), undelayed: now, arrival: now, source: 1 };
        assert_eq!(timebase.place(Video, &stamp), now);
    }
}
