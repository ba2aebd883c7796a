use super::*;

const MS: i64 = 1_000_000;

fn ms(millis: i64) -> Delay {
    Delay::from_millis(millis)
}

/// Ten seconds of sound, delayed by up to `spread` milliseconds.
fn after(spread: i64, latency: i64) -> Target {
    let mut jitter = Jitter::default();
    jitter.set_work(Work { video: ms(5), audio: ms(10) });
    for packet in 0..2000 {
        let delay = ms(packet * 7_919 % (spread * 100)) / 100;
        jitter.audio(delay, ms(latency), Monotonic(packet * 5 * MS));
    }
    jitter.decide(Monotonic(0));
    jitter.decide(Monotonic(10_000 * MS)).unwrap()
}

#[test]
fn the_latency_is_what_nearly_all_need() {
    let target = after(50, 100);
    assert!((61..66).contains(&target.latency.millis()), "{target:?}");
    assert!(!target.at_once);
}

#[test]
fn what_is_late_already_cannot_wait() {
    assert!(after(50, 40).at_once);
}

#[test]
fn nothing_is_decided_without_delays() {
    let mut jitter = Jitter::default();
    assert_eq!(jitter.decide(Monotonic(0)), None);
    assert_eq!(jitter.decide(Monotonic(2_000 * MS)), None);
}

/// Sound for so many seconds, packets of 5 ms each delayed by 2 ms, but for what was captured in spans that
/// something stood still in: it comes at their end. What is needed at the end, in milliseconds.
fn needed_after(stops: &[(i64, i64)], seconds: i64) -> i64 {
    let mut jitter = Jitter::default();
    for packet in 0..seconds * 200 {
        let captured = packet * 5;
        let stop = stops.iter().find(|(at, span)| (*at..at + span).contains(&captured));
        let arrival = stop.map_or(captured, |(at, span)| at + span) + 2;
        let (delay, arrival) = (ms(arrival - captured), Monotonic(arrival * MS));
        jitter.heard(delay, arrival, arrival);
        jitter.audio(delay, ms(100), arrival);
    }
    jitter.needed().unwrap().millis()
}

#[test]
fn what_waited_while_the_sender_stood_still_is_no_jitter() {
    for span in [400, 1000, 3000, 15_000] {
        assert_eq!(needed_after(&[(10_000, span)], 30), LATENCY_MIN.millis(), "{span} ms");
    }
}

#[test]
fn what_the_network_does_again_and_again_is() {
    let stalls: Vec<_> = (1..10).map(|at| (at * 5000, 400)).collect();
    assert!((380..450).contains(&needed_after(&stalls, 60)), "{}", needed_after(&stalls, 60));
    // Shorter than anybody stands still.
    let waits: Vec<_> = (1..10).map(|at| (at * 5000, 200)).collect();
    assert!((180..230).contains(&needed_after(&waits, 60)));
}

#[test]
fn a_picture_a_second_is_measured_as_others_are() {
    let mut jitter = Jitter::default();
    for picture in 0..50 {
        let (delay, arrival) = (ms(40), Monotonic((picture * 1000 + 40) * MS));
        jitter.heard(ms(2), arrival - ms(38), arrival);
        jitter.heard(delay, arrival, arrival);
        jitter.video(delay, ms(100), arrival);
    }
    assert!((40..46).contains(&jitter.needed().unwrap().millis()));
}

#[test]
fn what_waited_while_we_stood_still_is_no_jitter() {
    let mut jitter = Jitter::default();
    let resumed = Monotonic(20_000 * MS);
    for packet in 0..100 {
        let arrival = Monotonic(packet * 5 * MS);
        jitter.heard(ms(1), arrival, resumed);
        // Given up, or repaired, only now.
        jitter.audio(resumed - arrival, ms(100), resumed);
    }
    assert_eq!((jitter.needed(), jitter.stopped()), (None, Some(resumed)));
    let later = resumed + ms(10);
    jitter.heard(ms(3), later, later);
    jitter.audio(ms(3), ms(100), later);
    assert!(jitter.needed().is_some());
}
