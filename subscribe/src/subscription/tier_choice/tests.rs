use super::*;

fn at(millis: i64) -> Monotonic {
    Monotonic(millis * 1_000_000)
}

/// A receiver of 30 pictures a second whose network or machine can have some of the tiers.
struct Receiver {
    choice: TierChoice,
    now: i64,
    seen: Seen,
    situation: Situation,
    /// What was changed, at which millisecond.
    changes: Vec<(i64, usize, Why)>,
}

impl Receiver {
    fn new(count: usize) -> Self {
        let situation = Situation { current: 0, count, worth: 0, unicast: false };
        let (choice, seen) = (TierChoice::new(at(0)), Seen::default());
        Self { choice, now: 0, seen, situation, changes: Vec::new() }
    }

    /// Goes on for so many seconds. Of every ten pictures so many are spoilt, and so many late, of each tier.
    fn run(&mut self, seconds: i64, spoilt: impl Fn(usize) -> u64, late: impl Fn(usize) -> u64) {
        for _ in 0..seconds * 10 {
            self.now += 100;
            let current = self.situation.current;
            // Three pictures, a tenth of which is spoilt if one of ten is.
            self.seen.complete += 30 - 3 * spoilt(current);
            self.seen.incomplete += 3 * spoilt(current);
            self.seen.late += 3 * late(current);
            let scaled = Seen {
                complete: self.seen.complete / 10,
                incomplete: self.seen.incomplete / 10,
                late: self.seen.late / 10,
                ..Seen::default()
            };
            let Some(Change { to, why }) = self.choice.look(at(self.now), scaled, self.situation)
            else {
                continue;
            };
            self.changes.push((self.now, to, why));
            // It is tried beside the one that is received, and taken only if it comes.
            if why == Why::Better && spoilt(to) > 0 {
                self.choice.failed(at(self.now));
                continue;
            }
            self.situation.current = to;
            self.seen = Seen::default();
            self.choice.changed(at(self.now), to < current);
        }
    }
}

fn never(_: usize) -> u64 {
    0
}

#[test]
fn what_arrives_stays() {
    let mut receiver = Receiver::new(3);
    receiver.run(3600, never, never);
    assert_eq!(receiver.changes, []);
    // A picture in fifteen is lost.
    let mut one_of_many = Receiver::new(3);
    one_of_many.run(60, |_| 0, |_| 1);
    assert_eq!(one_of_many.changes, []);
}

#[test]
fn a_link_that_is_cut_is_followed_within_two_seconds_and_no_faster_than_it_settles() {
    let mut receiver = Receiver::new(3);
    receiver.run(20, never, never);
    receiver.run(10, |tier| if tier < 2 { 7 } else { 0 }, never);
    let (first, second) = (receiver.changes[0], receiver.changes[1]);
    assert_eq!((first.1, first.2, second.1, second.2), (1, Why::Lost, 2, Why::Lost));
    assert!(first.0 - 20_000 <= 1000 && second.0 - first.0 <= 1000, "{:?}", receiver.changes);
    assert!(second.0 - first.0 >= 500);
}

#[test]
fn pictures_of_which_nothing_comes_are_lost_as_well() {
    let seen = Seen { complete: 5, packets: 5 * 20, lost: 25 * 20, ..Seen::default() };
    assert_eq!(seen.spoilt(), 25);
    // Half of the packets of each of ten came.
    let seen = Seen { incomplete: 10, packets: 100, lost: 100, ..Seen::default() };
    assert_eq!(seen.spoilt(), 10);
    let nothing = Seen { lost: 40, ..Seen::default() };
    assert_eq!((nothing.spoilt(), Seen::default().spoilt()), (40, 0));
}

#[test]
fn a_better_tier_is_tried_more_and_more_rarely_and_nobody_sees_it() {
    let mut receiver = Receiver::new(2);
    receiver.run(1300, |tier| if tier == 0 { 5 } else { 0 }, never);
    let tried: Vec<_> = receiver.changes.iter().skip(1).map(|it| it.0 / 1000).collect();
    assert!(receiver.changes.iter().skip(1).all(|it| it.2 == Why::Better));
    let gaps: Vec<_> = tried.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let expected = [20, 40, 80, 160, 300, 300, 300];
    assert!(
        gaps.iter().zip(expected).all(|(gap, wait)| (wait..=wait + 1).contains(gap)),
        "{gaps:?}"
    );
    assert_eq!(receiver.situation.current, 1);
}

#[test]
fn a_link_that_is_whole_again_is_used_after_ten_seconds() {
    let mut receiver = Receiver::new(2);
    receiver.run(5, |tier| if tier == 0 { 9 } else { 0 }, never);
    receiver.run(60, never, never);
    let (down, up) = (receiver.changes[0].0, receiver.changes[1]);
    assert_eq!((receiver.changes.len(), up.1, up.2), (2, 0, Why::Better));
    assert!((10_000..=10_300).contains(&(up.0 - down)), "{:?}", receiver.changes);
}

#[test]
fn a_machine_that_is_too_slow_goes_down_and_does_not_swing() {
    let mut receiver = Receiver::new(2);
    // Trying shows nothing of it: only taking the better one does.
    receiver.run(3600, never, |tier| if tier == 0 { 5 } else { 0 });
    assert!(receiver.changes.len() <= 32, "{:?}", receiver.changes);
    let down = receiver.changes.iter().filter(|it| it.2 == Why::Slow).count();
    assert!((2..=16).contains(&down), "{down}");
    let last = receiver.changes.windows(2).last().unwrap();
    assert!(last[1].0 - last[0].0 < 2000 || last[1].0 - last[0].0 >= 300_000);
}

#[test]
fn a_small_window_gets_what_it_can_show_and_a_large_one_all_again() {
    let mut receiver = Receiver::new(3);
    receiver.situation.worth = 1;
    receiver.run(3, never, never);
    assert_eq!(receiver.changes.len(), 1);
    assert_eq!((receiver.changes[0].1, receiver.changes[0].2), (1, Why::Window));
    receiver.run(60, never, never);
    assert_eq!(receiver.changes.len(), 1, "it stays");
    receiver.situation.worth = 0;
    receiver.run(3, never, never);
    assert_eq!(receiver.changes.last().map(|it| (it.1, it.2)), Some((0, Why::Better)));
    // Who drags its edge passes many sizes.
    let mut dragged = Receiver::new(3);
    for step in 0..10 {
        dragged.situation.worth = step % 3;
        dragged.run(1, |_| 0, never);
        dragged.situation.worth = (step + 1) % 3;
    }
    assert_eq!(dragged.changes, []);
}

#[test]
fn what_a_worse_tier_does_not_cure_is_left_to_unicast() {
    let mut receiver = Receiver::new(2);
    receiver.situation.unicast = true;
    receiver.run(60, |_| 3, never);
    let changes: Vec<_> = receiver.changes.iter().map(|it| (it.1, it.2)).collect();
    assert_eq!(changes, [(1, Why::Lost), (0, Why::NoCure)]);
    // Much less is lost of it.
    let mut better = Receiver::new(2);
    better.situation.unicast = true;
    better.run(60, |tier| if tier == 0 { 9 } else { 3 }, never);
    assert_eq!(better.situation.current, 1);
    // Nobody can ask for it: less is lost of less.
    let mut alone = Receiver::new(2);
    alone.run(60, |_| 3, never);
    assert_eq!(alone.situation.current, 1);
}

#[test]
fn what_does_not_come_at_all_is_left_for_the_smallest_tier() {
    let mut receiver = Receiver::new(4);
    receiver.run(5, never, never);
    // Looks at silence: pictures that were due in it, more and more.
    let complete = receiver.seen.complete / 10;
    let silent = |missing| Seen { complete, missing, ..NOTHING };
    let (now, situation) = (receiver.now, receiver.situation);
    let choice = &mut receiver.choice;
    let looks: Vec<_> = [0, 30, 37, 45]
        .into_iter()
        .zip([1, 2, 3, 4])
        .map(|(missing, look)| choice.look(at(now + 1000 * look), silent(missing), situation))
        .collect();
    // Once may be this program, which stood still.
    assert_eq!(looks[..2], [None, None]);
    assert_eq!(looks.iter().flatten().next(), Some(&Change { to: 3, why: Why::Lost }));
    // Half of the packets come: the next tier may.
    let half = Seen { incomplete: 30, packets: 500, lost: 500, ..NOTHING };
    assert_eq!((half.is_hopeless(), Seen { packets: 60, ..half }.is_hopeless()), (false, true));
    assert!(!NOTHING.is_hopeless());
}

#[test]
fn where_the_network_has_become_slower_meanwhile_the_smallest_tier_is_the_best_there_is() {
    let mut receiver = Receiver::new(2);
    receiver.situation.unicast = true;
    receiver.run(1, |_| 6, never);
    assert_eq!(receiver.changes.len(), 1);
    // Then more is lost of the smaller one than was of the larger one, of which next to nothing would come.
    receiver.run(60, |tier| if tier == 0 { 10 } else { 7 }, never);
    let changes: Vec<_> = receiver.changes.iter().map(|it| (it.1, it.2)).collect();
    assert_eq!(changes, [(1, Why::Lost), (0, Why::NoCure), (1, Why::Lost)]);
    let (left, back) = (receiver.changes[1].0, receiver.changes[2].0);
    assert!(back - left <= 2600, "{:?}", receiver.changes);
    receiver.run(600, |tier| if tier == 0 { 10 } else { 7 }, never);
    assert_eq!(receiver.changes.len(), 3, "it stays");
}

#[test]
fn what_a_trial_costs_is_no_reason_to_go_down() {
    let mut receiver = Receiver::new(3);
    receiver.run(1, |tier| if tier == 0 { 9 } else { 0 }, never);
    receiver.run(11, never, never);
    assert_eq!(receiver.changes.last().map(|it| (it.1, it.2)), Some((0, Why::Better)));
    // The larger one is tried beside the next, of which much is lost until the network has forgotten the larger one.
    receiver.situation.current = 1;
    receiver.choice.disturbed(at(receiver.now));
    receiver.run(3, |_| 8, never);
    receiver.run(8, never, never);
    assert_eq!(receiver.changes.len(), 2, "{:?}", receiver.changes);
}
