use super::*;

fn ms(millis: i64) -> Delay {
    Delay::from_millis(millis)
}

fn second(second: i64) -> Monotonic {
    Monotonic(0) + Delay::from_secs(second)
}

/// Of one that is known by these clocks and needs so much, just heard.
fn said(by_wall: Option<i64>, by_relay: Option<(u64, i64)>, latency: i64) -> Said {
    let by_relay = by_relay.map(|(clock, under_way)| (clock, ms(under_way)));
    let (by_wall, latency) = (by_wall.map(ms), ms(latency));
    Said { by_wall, by_relay, latency, settling: false, heard: second(0) }
}

/// By the wall clock, of which undelayed packets come at once: the latency in milliseconds.
fn wall(member: &Member, need: i64) -> Option<i64> {
    member.agree(said(Some(0), None, need), second(0)).map(Delay::millis)
}

/// By the clock of a relay, of one that is under way for so long and needs 20 ms.
fn relay(member: &Member, clock: u64, under_way: i64) -> Option<i64> {
    member.agree(said(None, Some((clock, under_way)), 20), second(0)).map(Delay::millis)
}

#[test]
fn all_are_as_late_as_the_latest_and_stay_so_while_it_varies() {
    let all = Arc::<InStep>::default();
    let [one, two] = [all.member(), all.member()];
    let nothing = said(None, None, 30);
    assert_eq!(one.agree(nothing, second(0)), None, "nobody knows");
    assert_eq!(wall(&one, 30), Some(40));
    let settling = Said { settling: true, ..said(Some(5), None, 300) };
    assert_eq!(two.agree(settling, second(0)), Some(ms(300)), "what it needs, and nobody waits");
    let settling = Said { latency: ms(3), ..settling };
    assert_eq!(two.agree(settling, second(0)), Some(ms(35)), "what the others do");
    assert_eq!(wall(&two, 80), Some(90));
    for varied in [75, 90, 70, 31] {
        assert_eq!((wall(&two, varied), wall(&one, 20)), (Some(90), Some(90)), "{varied}");
    }
    assert_eq!((wall(&two, 29), wall(&one, 20)), (Some(39), Some(39)), "it is worth it");
    drop(two);
    assert_eq!(wall(&one, 35), Some(39));
    assert_eq!(one.agree(nothing, second(0)), None, "nobody knows any more");
}

#[test]
fn who_has_left_or_is_silent_is_not_waited_for() {
    let all = Arc::<InStep>::default();
    let [one, two] = [all.member(), all.member()];
    assert_eq!((wall(&two, 400), wall(&one, 30)), (Some(410), Some(410)));
    let at = |second: Monotonic| Said { heard: second, ..said(Some(0), None, 30) };
    let late = Monotonic(1_999_999_999);
    assert_eq!(one.agree(at(late), late), Some(ms(410)));
    assert_eq!(one.agree(at(second(2)), second(2)), Some(ms(40)), "it is silent");
    let all = Arc::<InStep>::default();
    let [one, two] = [all.member(), all.member()];
    assert_eq!((wall(&two, 400), wall(&one, 30)), (Some(410), Some(410)));
    drop(two);
    assert_eq!(wall(&one, 30), Some(40));
}

#[test]
fn who_is_far_from_the_others_is_left_out() {
    let all = Arc::<InStep>::default();
    let [one, two, slow] = [all.member(), all.member(), all.member()];
    assert_eq!((wall(&one, 30), wall(&two, 50), wall(&slow, 1300)), (Some(40), Some(60), None));
    assert_eq!(wall(&one, 30), Some(60), "nobody waits for it");
    assert_eq!((wall(&slow, 500), wall(&slow, 420)), (None, Some(430)), "it is back");
    assert_eq!((wall(&slow, 540), wall(&one, 30)), (Some(550), Some(550)), "and stays");
    // One that seems to be early delays nobody either.
    let early = said(Some(-9_000), None, 20);
    assert_eq!(slow.agree(early, second(0)), None);
    assert_eq!(wall(&one, 30), Some(60));
    // Of two nobody knows who is right: neither waits for the other.
    drop(one);
    assert_eq!(
        (slow.agree(said(Some(3_000), None, 20), second(0)), wall(&two, 50)),
        (None, Some(60))
    );
}

#[test]
fn by_a_relays_clock_all_are_compared_whatever_it_reads() {
    let far = -1_700_000_000_000;
    let all = Arc::<InStep>::default();
    let [one, two] = [all.member(), all.member()];
    assert_eq!(relay(&one, 1, far + 5), Some(30));
    assert_eq!((relay(&two, 1, far + 45), relay(&one, 1, far + 5)), (Some(30), Some(70)));
    // It drifts, which moves neither.
    for drifted in 1..1000 {
        let both = (relay(&one, 1, far + 5 + drifted), relay(&two, 1, far + 45 + drifted));
        assert_eq!(both, (Some(70), Some(30)), "{drifted}");
    }
    // Nor does the end of the one that it was known by.
    let third = all.member();
    assert_eq!(relay(&third, 1, far + 1044), Some(30));
    drop(one);
    assert_eq!((relay(&two, 1, far + 1044), relay(&third, 1, far + 1044)), (Some(30), Some(30)));
}

#[test]
fn what_is_said_anew_of_one_moves_it_and_not_the_others() {
    let all = Arc::<InStep>::default();
    let [one, two, three] = [all.member(), all.member(), all.member()];
    for _ in 0..2 {
        assert!(relay(&one, 1, 0).is_some() && relay(&two, 1, 0).is_some());
        assert_eq!(relay(&three, 1, 40), Some(30));
    }
    assert_eq!(relay(&two, 1, 0), Some(70));
    assert_eq!(relay(&one, 1, 30), Some(40));
    assert_eq!((relay(&two, 1, 0), relay(&three, 1, 40)), (Some(70), Some(30)));
    assert_eq!(relay(&one, 1, -3_000), None);
    assert_eq!((relay(&two, 1, 0), relay(&three, 1, 40)), (Some(70), Some(30)));
}

#[test]
fn only_what_is_known_by_one_clock_is_compared_and_that_by_which_most_are() {
    let all = Arc::<InStep>::default();
    let [one, two, three] = [all.member(), all.member(), all.member()];
    let by = |member: &Member, said: Said| member.agree(said, second(0)).map(Delay::millis);
    let both = |under_way, latency| said(Some(under_way), Some((7, under_way - 1000)), latency);
    assert_eq!(by(&one, both(5, 20)), Some(30));
    assert_eq!(by(&two, said(Some(5), None, 50)), Some(60));
    assert_eq!(by(&one, both(5, 20)), Some(60), "by the wall clock");
    // Another one is known by the relay alone.
    assert_eq!(by(&three, said(None, Some((7, -900)), 20)), None);
    let four = all.member();
    assert_eq!(by(&four, said(None, Some((7, -900)), 20)), Some(30), "they are three now");
    assert_eq!((by(&one, both(5, 20)), by(&two, said(Some(5), None, 50))), (Some(125), None));
    // Of two relays nothing is known of each other.
    drop((one, two));
    assert_eq!(by(&three, said(None, Some((8, -900)), 20)), None);
    assert_eq!(by(&four, said(None, Some((7, -900)), 20)), Some(30));
}
