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
        let mut selection = Selection::new(rate(15, 1), Some(rate(30, 1))).unwrap();
        let jitter = |frame: i64| frame * period + frame * 7_919 % 4_000_000;
        let taken = taken(&mut selection, 200_000, jitter);
        assert!(taken.iter().copied().eq((0..200_000).step_by(2)), "{period}");
    }
}

#[test]
fn rates_that_do_not_divide_are_kept_on_average() {
    for (fps, expected) in [(20, 200), (25, 250), (10, 100), (7, 70), (1, 10)] {
        let mut selection = Selection::new(rate(fps, 1), Some(rate(30, 1))).unwrap();
        let taken = taken(&mut selection, 300, |frame| frame * 33_333_333).len();
        assert!(taken.abs_diff(expected) <= 2, "{fps}: {taken}");
    }
}

#[test]
fn a_source_without_more_frames_is_taken_whole() {
    assert!(Selection::new(rate(30, 1), Some(rate(30, 1))).is_none());
    assert!(Selection::new(rate(30, 1), Some(rate(30_000, 1001))).is_none());
    assert!(Selection::new(rate(30, 1), Some(rate(15, 1))).is_none());
}

#[test]
fn after_a_gap_and_a_step_back_it_goes_on_at_once() {
    let mut selection = Selection::new(rate(15, 1), Some(rate(30, 1))).unwrap();
    let gap = taken(&mut selection, 6, |frame| frame * 33_333_333 + frame / 4 * 5_000_000_000);
    assert_eq!(gap, [0, 2, 4]);
    assert!(selection.takes(Monotonic(-9_000_000_000)));
    assert!(!selection.takes(Monotonic(-8_966_666_667)));
}

/// Frames a second that are taken of `of` a second, some seconds after the source has changed.
fn settled(selection: &mut Selection, from: i64, of: i64) -> f64 {
    let period = 1_000_000_000 / of;
    let mut at = |first: i64, frames| {
        taken(selection, frames, |frame| from + (first + frame) * period).len()
    };
    at(0, 5 * of);
    let seconds = 20;
    f64::from(u32::try_from(at(5 * of, seconds * of)).unwrap()) / 20.0
}

#[test]
fn of_a_source_whose_rate_is_not_known_no_more_are_taken() {
    for (fps, of, expected) in [
        (30, 60, 30.0),
        (30, 30, 30.0),
        (30, 25, 25.0),
        (27, 60, 27.0),
        (15, 60, 15.0),
        (15, 30, 15.0),
        (15, 10, 10.0),
        (60, 30, 30.0),
    ] {
        let mut selection = Selection::new(rate(fps, 1), None).unwrap();
        let taken = settled(&mut selection, 0, of);
        assert!((expected - taken).abs() <= 0.15, "{fps} of {of}: {taken}");
    }
}

#[test]
fn of_a_source_that_gives_fewer_than_it_says_as_many_as_there_may_be() {
    let mut selection = Selection::new(rate(15, 1), Some(rate(30, 1))).unwrap();
    for (nth, of) in [30, 20, 24, 16, 15, 12, 10, 5, 20, 30].into_iter().enumerate() {
        // Without a gap, so that nothing but the frames tells of the change.
        let from = i64::try_from(nth).unwrap() * 25_000_000_000;
        let taken = settled(&mut selection, from, of);
        let expected = of.min(15);
        assert!(
            (taken - f64::from(i32::try_from(expected).unwrap())).abs() <= 0.15,
            "{of}: {taken}"
        );
    }
}

#[test]
fn frames_that_come_in_pairs_are_taken_if_there_may_be_so_many() {
    let mut selection = Selection::new(rate(30, 1), None).unwrap();
    let pairs = |frame: i64| frame / 2 * 66_666_667 + frame % 2 * 1_000_000;
    assert!(taken(&mut selection, 600, pairs).len() >= 590);
}
