use super::*;

const MS: i64 = 1_000_000;

/// RTP ticks a second.
const RATE: u32 = 90_000;

fn ms(millis: i64) -> Delay {
    Delay::from_millis(millis)
}

fn at(millis: i64) -> Monotonic {
    Monotonic(millis * MS)
}

/// A report that was sent at so many milliseconds, by a wall clock that is so many ahead of ours.
fn report(sent: i64, ahead: i64) -> Reported {
    let ticks = sent * i64::from(RATE) / 1000;
    let time = RtpTime(u32::try_from(ticks & 0xFFFF_FFFF).unwrap());
    Reported { wall: Wall((sent + ahead) * MS), time }
}

/// Ours minus the sender's, if the way is no longer than nothing.
fn known(offset: &WallOffset, now: i64) -> Option<Delay> {
    offset.at(at(now), Duration::ZERO)
}

#[test]
fn the_report_with_the_shortest_way_counts_less_half_of_there_and_back() {
    let mut offset = WallOffset::new(RATE);
    assert_eq!(known(&offset, 0), None);
    for (sent, way) in [(0, 9), (1000, 3), (2000, 30), (6000, 7)] {
        offset.report(report(sent, 500), at(sent + way));
    }
    assert_eq!(known(&offset, 7000), Some(ms(-497)));
    assert_eq!(offset.at(at(7000), Duration::from_millis(6)), Some(ms(-500)));
}

#[test]
fn what_packets_say_counts_until_there_are_reports() {
    let mut offset = WallOffset::new(RATE);
    offset.capture(Wall(500 * MS), at(8));
    assert_eq!(known(&offset, 9), Some(ms(-492)));
    offset.report(report(1000, 500), at(1012));
    offset.capture(Wall(1500 * MS), at(1001));
    assert_eq!(known(&offset, 1020), Some(ms(-488)));
}

/// Ways of 2 ms at least, and more by chance: most of them little, some much.
fn ways() -> impl FnMut() -> i64 {
    let mut state = 7_u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let share = (state >> 33) as f64 / f64::from(1_u32 << 31);
        let late = if state >> 20 & 31 == 0 { 0.09 } else { 0.003 };
        2 * MS + Delay::from(Duration::from_secs_f64(-(1.0 - share).ln() * late)).nanos()
    }
}

#[test]
fn drift_is_followed_however_rare_reports_are() {
    for (ppm, every) in [(100, 1000), (-100, 1000), (100, 5000), (-150, 5000)] {
        let (mut offset, mut way) = (WallOffset::new(RATE), ways());
        let ahead = |at: i64| 500 * MS + at / 1_000_000 * ppm;
        let mut worst = (0, 0);
        for number in 0..3_600_000 / every {
            let sent = number * every * MS;
            let wall = Wall(sent + ahead(sent));
            let ticks = sent / MS * i64::from(RATE) / 1000;
            let time = RtpTime(u32::try_from(ticks & 0xFFFF_FFFF).unwrap());
            let arrival = Monotonic(sent + way());
            offset.report(Reported { wall, time }, arrival);
            let off = offset.at(arrival, Duration::from_millis(4)).unwrap().nanos();
            let off = (off + ahead(arrival.0)).abs();
            let worst = if sent < 300_000 * MS { &mut worst.0 } else { &mut worst.1 };
            *worst = off.max(*worst);
        }
        println!("{ppm} ppm, a report in {every} ms: off by {worst:?} ns at most");
        assert!(worst.0 < 6 * MS && worst.1 < 2 * MS, "{ppm} {every} {worst:?}");
    }
}

#[test]
fn a_clock_that_is_set_is_known_with_the_next_report() {
    for by in [-86_400_000, -150, 120, 86_400_000] {
        let mut offset = WallOffset::new(RATE);
        for second in 0..20 {
            offset.report(report(second * 1000, 0), at(second * 1000 + 3));
        }
        // However late it is itself.
        offset.report(report(20_000, by), at(20_080));
        assert_eq!(known(&offset, 20_080), Some(ms(3 - by)), "{by}");
        offset.report(report(21_000, by), at(21_004));
        assert_eq!(known(&offset, 21_004), Some(ms(3 - by)), "{by}");
    }
}

#[test]
fn rtp_time_that_jumps_alone_moves_nothing() {
    let mut offset = WallOffset::new(RATE);
    for second in 0..20 {
        let jumped = if second < 10 { 0 } else { 10_000 };
        let Reported { wall, .. } = report(second * 1000, 0);
        let Reported { time, .. } = report(second * 1000 + jumped, 0);
        offset.report(Reported { wall, time }, at(second * 1000 + 3));
        assert_eq!(known(&offset, second * 1000 + 3), Some(ms(3)), "{second}");
    }
}

#[test]
fn one_that_is_early_is_not_believed_alone_and_late_ones_only_when_all_are() {
    let mut offset = WallOffset::new(RATE);
    // RTP time goes with the wall clock, so that nothing shows there.
    let mut hear = |sent: i64, ahead: i64| {
        offset.report(report(sent + ahead, 0), at(sent + 3));
        known(&offset, sent + 3).unwrap()
    };
    assert_eq!(hear(0, 0), ms(3));
    assert_eq!((hear(1000, 3000), hear(2000, 0)), (ms(3), ms(3)), "it was a mistake");
    assert_eq!((hear(3000, 3000), hear(4000, 3000)), (ms(3), ms(-2997)), "it was none");
    let back: Vec<_> = (5..20).map(|second| hear(second * 1000, 0).millis()).collect();
    assert_eq!((back[..9].to_vec(), back[9]), (vec![-2997; 9], 3), "{back:?}");
}

#[test]
fn a_shorter_way_is_known_at_once_and_what_is_old_is_forgotten() {
    let mut offset = WallOffset::new(RATE);
    for second in 0..100 {
        offset.report(report(second * 1000, 0), at(second * 1000 + 20));
    }
    offset.report(report(100_000, 0), at(100_002));
    assert_eq!(known(&offset, 100_002), Some(ms(2)));
    for second in 101..150 {
        offset.report(report(second * 1000, 0), at(second * 1000 + 2));
        let known = known(&offset, second * 1000 + 2).unwrap();
        assert!((known - ms(2)).abs() < ms(2), "{second}: {known:?}");
    }
    offset.report(report(500_000, 0), at(500_040));
    assert_eq!(known(&offset, 500_040), Some(ms(40)));
}

#[test]
fn what_cannot_be_panics_nowhere() {
    let mut offset = WallOffset::new(0);
    let ends = [i64::MIN, -1, 0, 1, i64::MAX];
    for (number, wall) in (0_i64..).zip(ends.iter().cycle().take(200)) {
        let time = RtpTime(u32::try_from(number).unwrap().wrapping_mul(0x7FFF_FFFF));
        offset.report(Reported { wall: Wall(*wall), time }, Monotonic(number << 33));
        let _ = offset.at(Monotonic(i64::MAX), Duration::MAX);
    }
}
