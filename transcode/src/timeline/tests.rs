use super::*;

const RATE: u32 = 48_000;
const MILLI: i64 = 1_000_000;
const BEGIN: Wall = Wall(1_790_000_000_000_000_000);

fn after(nanos: i64) -> Wall {
    BEGIN + Delay::from_nanos(nanos)
}

/// Takes 10 ms of samples; what was said of them.
fn push(timeline: &mut Timeline, at: Wall) -> Take {
    let take = timeline.judge(at);
    match take {
        Take::After(silence) => timeline.advance(silence + 480, silence, at),
        Take::Without(frames) => {
            let skipped = frames.min(480);
            let later = Delay::from_nanos(sample_nanos(skipped as u64, RATE));
            timeline.advance(480 - skipped, 0, at + later);
        }
        Take::Anew => {}
    }
    take
}

/// How far the timeline is from `at` after samples up to then.
fn error(timeline: &Timeline, at: Wall) -> i64 {
    (timeline.next.unwrap().1 - at).nanos()
}

#[test]
fn times_follow_the_count_and_not_the_jitter() {
    let mut timeline = Timeline::new(RATE);
    let mut times = Vec::new();
    for number in 0..10_000 {
        // Up to 3 ms early or late, by turns of 7.
        let jitter = (number % 7 - 3) * MILLI;
        assert_eq!(push(&mut timeline, after(number * 10 * MILLI + jitter)), Take::After(0));
        let sample = u64::try_from(number).unwrap() * 480;
        times.push((timeline.time(sample, 0).unwrap() - after(number * 10 * MILLI)).nanos());
    }
    let steps = times.windows(2).map(|pair| (pair[1] - pair[0]).abs());
    assert!(steps.max().unwrap() <= 10 * MILLI / STEERING_MAX, "steps");
    // The first one was 3 ms early; what is left are the turns.
    assert!(times[9000..].iter().all(|error| error.abs() < MILLI / 10), "{:?}", &times[9990..]);
}

#[test]
fn a_clock_that_is_off_is_followed() {
    for ppm in [200, -200] {
        let mut timeline = Timeline::new(RATE);
        for number in 0..180_000 {
            let at = after(number * (10 * MILLI + 10 * ppm));
            assert_eq!(push(&mut timeline, at), Take::After(0), "{ppm}");
        }
        let expected = after(180_000 * (10 * MILLI + 10 * ppm));
        assert!(error(&timeline, expected).abs() <= 2 * MILLI, "{}", error(&timeline, expected));
    }
}

#[test]
fn a_hole_is_filled_and_what_comes_twice_left_out() {
    let mut timeline = Timeline::new(RATE);
    for number in 0..10 {
        push(&mut timeline, after(number * 10 * MILLI));
    }
    assert_eq!(push(&mut timeline, after(600 * MILLI)), Take::After(24_000));
    assert_eq!(error(&timeline, after(610 * MILLI)), 0);
    assert_eq!(timeline.time(4800 + 24_000, 0), Some(after(600 * MILLI)));
    assert_eq!(push(&mut timeline, after(580 * MILLI)), Take::Without(1440));
    assert_eq!(push(&mut timeline, after(590 * MILLI)), Take::Without(960));
    assert_eq!(push(&mut timeline, after(600 * MILLI)), Take::Without(480));
    assert_eq!(push(&mut timeline, after(610 * MILLI)), Take::After(0));
    assert_eq!(error(&timeline, after(620 * MILLI)), 0);
    assert_eq!(push(&mut timeline, after(5000 * MILLI)), Take::Anew);
    assert_eq!(push(&mut timeline, after(-5000 * MILLI)), Take::Anew);
    assert_eq!(push(&mut timeline, Wall(i64::MIN)), Take::Anew);
}

#[test]
fn sound_is_never_10_ms_off_for_what_is_missing() {
    for missing in (1..=20).map(|number| number * MILLI) {
        let mut timeline = Timeline::new(RATE);
        for number in 0..100 {
            push(&mut timeline, after(number * 10 * MILLI));
        }
        let late = after(1000 * MILLI + missing);
        push(&mut timeline, late);
        let off = error(&timeline, late + Delay::from_nanos(10 * MILLI)).abs();
        assert!(off < 9 * MILLI, "{missing} ns are missing: {off} ns off");
    }
}

#[test]
fn a_time_is_that_of_the_sample_with_the_priming_taken_off() {
    let mut timeline = Timeline::new(RATE);
    assert_eq!(timeline.time(0, 1024), None);
    for number in 0..10 {
        push(&mut timeline, after(number * 10 * MILLI));
    }
    let priming = Delay::from_nanos(sample_nanos(1024, RATE));
    assert_eq!(timeline.time(0, 1024), Some(BEGIN - priming));
    assert_eq!(timeline.time(1024, 1024), Some(BEGIN));
    let expected = BEGIN + Delay::from_nanos(sample_nanos(1024, RATE));
    let error = timeline.time(2048, 1024).unwrap() - expected;
    assert!(error.nanos().abs() < 100, "{error:?}");
}

#[test]
fn nothing_grows() {
    let mut timeline = Timeline::new(RATE);
    for number in 0..10_000 {
        push(&mut timeline, after(number * 10 * MILLI));
    }
    assert_eq!(timeline.anchors.len(), ANCHORS_MAX);
}
