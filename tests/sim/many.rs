//! What one relay carries, and ten thousand viewers of several: the tables.

use crate::relays::{Death, Order, Outcome, PLACES, Plan, run};
use crate::scenario;
use crate::world::{SECOND, Time};

/// Time until a death, and twice as long after it.
const UNTIL: Time = 60 * SECOND;

/// Viewers of each kind: of ten, one has a cable and takes the pictures as they are, four have a good wireless link and
/// take those of half the size, and five take a quarter.
const CROWD: [usize; 3] = [1000, 4000, 5000];

/// One relay with these viewers.
fn one(name: &str, viewers: [usize; 3]) -> Outcome {
    let (order, death, seed) = (Order::Chance, None, scenario::seed());
    let outcome = run(&Plan { relays: 1, viewers, order, death, length: 30 * SECOND, seed });
    let Outcome { wire, cpu, delays: [half, most], lost, .. } = outcome;
    println!(
        "{name:44} {:4} viewers {wire:6.0} Mbit/s, {cpu:5.1} % of a core; p50 {half:6.2} p99 {most:6.2} ms, lost {lost:5.2} %",
        viewers.iter().sum::<usize>()
    );
    outcome
}

#[test]
fn what_a_relay_carries_on_a_gigabit() {
    for (name, viewers) in [
        ("1280x720 at 30", [33, 0, 0]),
        ("half as large at 15", [0, PLACES, 0]),
        ("a quarter as large at 10", [0, 0, PLACES]),
        ("one, four and five of ten", [13, 51, 64]),
    ] {
        let outcome = one(name, viewers);
        assert!(outcome.lost == 0.0 && outcome.begun.is_some(), "{name}");
        assert!(outcome.wire < 1000.0 && outcome.delays[1] < 1000.0 / 15.0, "{name}: {outcome:?}");
    }
    // More than the wire carries: what waits is as long as the queue, and the rest is lost.
    for (name, viewers) in [
        ("1280x720 at 30, more than the wire carries", [36, 0, 0]),
        ("1280x720 at 30, as many as are taken", [PLACES, 0, 0]),
    ] {
        let outcome = one(name, viewers);
        let over = 100.0 - 100_000.0 / outcome.wire;
        assert!((outcome.lost - over).abs() < 2.0, "{name}: {outcome:?}");
        assert!(outcome.delays[0] > 100.0, "{name}");
    }
}

/// Ten thousand viewers of so many relays, one of which dies.
fn many(relays: usize, order: Order, death: Death) -> Outcome {
    let (seed, length) = (scenario::seed(), 3 * UNTIL);
    let outcome = run(&Plan { relays, viewers: CROWD, order, death: Some(death), length, seed });
    let Outcome { viewers, wire, cpu, delays, lost, begun, back, asked } = &outcome;
    let seconds = |it: &Option<f64>| it.map_or("   not".to_owned(), |it| format!("{it:6.1}"));
    println!(
        "{relays:3} relays, {:17}, {}: {:3} to {:3} viewers, at most {wire:4.0} Mbit/s and {cpu:4.1} % of a core; p99 \
         {:5.2} ms, lost {lost:.2} %; all play after {} s; again, half after {}, all after {} s, asked {asked} times",
        if order == Order::Next { "the next is asked" } else { "any is asked" },
        if death == Death::Off { "off   " } else { "killed" },
        viewers[0],
        viewers[1],
        delays[1],
        seconds(begun),
        seconds(&back[0]),
        seconds(&back[1]),
    );
    outcome
}

#[test]
fn ten_thousand_viewers_of_several_relays_play_again_when_one_dies() {
    for (relays, order, death, most) in [
        (82, Order::Next, Death::Killed, None),
        (82, Order::Chance, Death::Killed, None),
        (90, Order::Next, Death::Killed, None),
        (90, Order::Chance, Death::Killed, Some(30.0)),
        (100, Order::Next, Death::Killed, None),
        (100, Order::Chance, Death::Killed, Some(20.0)),
        (100, Order::Chance, Death::Off, Some(60.0)),
    ] {
        let outcome = many(relays, order, death);
        assert!(outcome.lost == 0.0 && outcome.wire < 1000.0, "{outcome:?}");
        if let Some(most) = most {
            assert!(outcome.back[1].is_some_and(|back| back < most), "{outcome:?}");
        }
    }
}
