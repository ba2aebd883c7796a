//! The simulator: the engine's real stages on both sides, with virtual time, clocks that are wrong and
//! networks that are bad. A day takes seconds, and the same seed gives the same figures.
//!
//! `make sim` prints its tables.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's way to fail")]
#![allow(clippy::print_stdout, reason = "the tables")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_wrap,
    reason = "figures with a few digits"
)]

mod crowd;
mod figures;
mod many;
mod relays;
mod repair;
mod scenario;
mod sender;
mod viewer;
mod world;

use repair::Loss;
use scenario::Scenario;
use viewer::Viewer;
use world::{HOUR, MS, SECOND};

/// Runs a scenario and prints its line of the table.
fn run(scenario: &Scenario) -> (Viewer, [f64; 2]) {
    let mut halves = Vec::new();
    let half = scenario.length / 2 / SECOND * SECOND;
    let viewer = scenario.run(|second, viewer| {
        if second == half {
            halves.push(viewer.figures.latency);
        }
    });
    let figures = &viewer.figures;
    let before = halves.first().copied().unwrap_or_default();
    let mean = |(sum, count): (i128, i64)| sum as f64 / count.max(1) as f64 / 1e6;
    let after = (figures.latency.0 - before.0, figures.latency.1 - before.1);
    println!(
        "{:34} {:6.2} h  A/V p50 {:4.2} p99 {:4.2} max {:5.2} ms, trend {:+6.3} ppm; latency {:5.1} then \
         {:5.1}, aimed at {:5.1} ms; late {:.3} %, \
         off it {:.3} %; skipped {}, bridged {}, dry {}, jumps {}; drift {:+} ppm",
        scenario.name,
        scenario.length as f64 / HOUR as f64,
        figures.offset(50),
        figures.offset(99),
        figures.greatest(),
        figures.trend(),
        mean(before),
        mean(after),
        viewer.latency().1 as f64 / 1e6,
        figures.late_share(),
        figures.off_target_share(),
        figures.skipped,
        figures.bridged,
        figures.dry,
        figures.jumped,
        viewer.drift_ppm(),
    );
    let means = [mean(before), mean(after)];
    (viewer, means)
}

/// Runs it, and asserts what holds for every session.
#[track_caller]
fn in_step(scenario: &Scenario) -> Viewer {
    let (viewer, [before, after]) = run(scenario);
    let figures = &viewer.figures;
    assert!(after <= before * 1.05, "{}: the latency grows", scenario.name);
    let name = scenario.name;
    assert!(figures.latency.1 > 100, "{name}: nothing was shown");
    assert!(figures.offset(99) <= 5.0, "{name}: sound and picture are apart");
    // Over a day nothing, over a minute less than a tenth of a millisecond.
    let drifted = figures.trend() * scenario.length as f64 / 1e12;
    assert!(drifted.abs() < 2.0, "{name}: sound and picture drift apart by {drifted} ms");
    viewer
}

/// And that nothing was late or missing after the beginning.
#[track_caller]
fn undisturbed(scenario: &Scenario) -> Viewer {
    let viewer = in_step(scenario);
    let figures = &viewer.figures;
    assert_eq!((figures.dry, figures.jumped), (0, 0), "{}", scenario.name);
    assert!(figures.late_share() <= 0.1, "{}", scenario.name);
    assert!(figures.off_target_share() <= 0.1, "{}", scenario.name);
    viewer
}

#[test]
fn a_day_with_clocks_that_are_wrong() {
    for (sender_ppm, viewer_ppm) in [(100, -100), (-100, 100)] {
        let scenario = Scenario {
            sender_ppm,
            viewer_ppm,
            card_ppm: 200,
            speaker_ppm: -150,
            ..Scenario::new("a day, clocks 200 ppm apart", 24 * HOUR)
        };
        let viewer = undisturbed(&scenario);
        assert!((viewer.drift_ppm() - (sender_ppm - viewer_ppm)).abs() <= 3);
    }
}

#[test]
fn jitter_costs_latency_and_nothing_else() {
    let mut before = 0;
    for (name, jitter) in [
        ("no jitter", 0),
        ("5 ms of jitter", 5 * MS),
        ("20 ms of jitter", 20 * MS),
        ("50 ms of jitter", 50 * MS),
    ] {
        let scenario = Scenario { jitter, card_ppm: 200, ..Scenario::new(name, HOUR) };
        let latency = undisturbed(&scenario).latency().1;
        assert!(latency > before && latency < jitter * 5 / 4 + 40 * MS, "{name}: {latency}");
        before = latency;
    }
}

#[test]
fn a_wall_clock_that_is_set_moves_nothing() {
    const DAYS: i64 = 3 * 86_400 * SECOND;
    const MINUTE: i64 = 60 * SECOND;
    for (name, steps) in [
        ("set by three days", &[(5 * MINUTE, DAYS)][..]),
        ("set back by two seconds", &[(5 * MINUTE, -2 * SECOND)]),
        ("set by 0.3 s and back", &[(3 * MINUTE, SECOND * 3 / 10), (6 * MINUTE, -SECOND * 3 / 10)]),
        ("off by 80 ms, slewed", &[(3 * MINUTE, 80 * MS)]),
    ] {
        let scenario = Scenario {
            steps,
            card_ppm: -100,
            latency: Some(80 * MS),
            ..Scenario::new(name, HOUR / 6)
        };
        let viewer = undisturbed(&scenario);
        assert!((viewer.figures.mean_latency() - 80.0).abs() < 5.0, "{name}");
    }
}

#[test]
fn overruns_of_the_card_keep_sound_where_it_belongs() {
    let scenario =
        Scenario { overruns: true, card_ppm: 200, ..Scenario::new("an overrun a minute", HOUR) };
    undisturbed(&scenario);
}

#[test]
fn a_sender_that_is_restarted_is_back_in_step() {
    for (name, steps) in
        [("restarted", &[][..]), ("clock set, then restarted", &[(60 * SECOND, 2 * SECOND)])]
    {
        let restart = Some(120 * SECOND);
        let scenario = Scenario { restart, steps, ..Scenario::new(name, HOUR / 10) };
        in_step(&scenario);
    }
}

#[test]
fn loss_and_reordering_do_not_move_what_arrives() {
    let scenario = Scenario {
        jitter: 5 * MS,
        reordered: 50,
        lost: 50,
        card_ppm: 100,
        ..Scenario::new("2 % lost, 2 % reordered", HOUR)
    };
    in_step(&scenario);
}

#[test]
fn frames_of_all_sizes_are_paced_and_in_step() {
    let scenario = Scenario {
        large_frames: true,
        jitter: 5 * MS,
        ..Scenario::new("frames of 3 to 80 packets, paced", HOUR / 2)
    };
    undisturbed(&scenario);
}

/// Runs a scenario that is disturbed at a time for so long, and asserts that a second later nothing is
/// left of it.
#[track_caller]
fn back_within_a_second(scenario: &Scenario, (at, span): (i64, i64)) {
    let mut latencies = Vec::new();
    let viewer = scenario.run(|second, viewer| latencies.push((second, viewer.figures.newest)));
    let of = |seconds: i64| {
        let at = latencies.iter().find(|(second, _)| *second == at + span + seconds * SECOND);
        at.unwrap().1
    };
    let before = of(-6);
    println!(
        "{:34} latency {:.1} ms before, {:.1} and {:.1} ms a second and ten after it; last trouble {:.2} s \
         after it",
        scenario.name,
        before as f64 / 1e6,
        of(1) as f64 / 1e6,
        of(10) as f64 / 1e6,
        (viewer.figures.troubled - at - span) as f64 / 1e9,
    );
    assert!((of(1) - before).abs() * 10 < before);
    assert!((of(10) - before).abs() * 10 < before);
    assert!(viewer.figures.troubled < at + span + SECOND);
}

#[test]
fn after_a_stall_the_latency_is_back_within_a_second() {
    let pause = (60 * SECOND, 5 * SECOND);
    let scenario = |name| Scenario { speaker_ppm: 100, ..Scenario::new(name, 120 * SECOND) };
    let stalled = Scenario { stall: Some(pause), ..scenario("the viewer is stopped for 5 s") };
    back_within_a_second(&stalled, pause);
    let away = Scenario { away: Some(pause), ..scenario("the network is away for 5 s") };
    back_within_a_second(&away, pause);
}

#[test]
fn a_card_with_a_delay_of_its_own_is_allowed_for() {
    let mut settled = Vec::new();
    let scenario = Scenario {
        behind: 287 * MS,
        jitter: 5 * MS,
        ..Scenario::new("a card with 287 ms of its own", 120 * SECOND)
    };
    let viewer = scenario.run(|_, viewer| settled.push(viewer.figures.skipped));
    let (latency, skipped) = (viewer.latency().0, viewer.figures.skipped);
    println!(
        "{:34} latency {:.1} ms; {skipped} packets of sound left out, {} of them in the first 3 s",
        scenario.name,
        latency as f64 / 1e6,
        settled[2]
    );
    assert_eq!(skipped, settled[2]);
    assert!((287 * MS..330 * MS).contains(&latency), "{latency}");
    assert!(viewer.figures.offset(99) < 5.0, "{}", viewer.figures.offset(99));
}

/// Runs a scenario that stands still for so long, and asserts that a minute later the latency is what it was.
#[track_caller]
fn what_it_was_within_a_minute(scenario: &Scenario, (at, span): (i64, i64)) {
    let mut latencies = Vec::new();
    scenario.run(|second, viewer| latencies.push((second, viewer.latency().0)));
    let of = |seconds: i64| {
        let look = (at + span) / SECOND * SECOND + seconds * SECOND;
        latencies.iter().find(|(second, _)| *second == look).unwrap().1
    };
    let before = latencies.iter().rfind(|(second, _)| *second < at).unwrap().1;
    let worst = (2..60).map(of).max().unwrap();
    println!(
        "{:34} {:5.1} s: latency {:.1} ms before, {:.1} ms at most, {:.1} ms a minute later",
        scenario.name,
        span as f64 / 1e9,
        before as f64 / 1e6,
        worst as f64 / 1e6,
        of(60) as f64 / 1e6,
    );
    assert!((of(60) - before).abs() < 20 * MS, "{}", scenario.name);
}

#[test]
fn a_stop_of_either_side_leaves_the_latency_what_it_was() {
    for span in [400 * MS, 1200 * MS, 3 * SECOND, 15 * SECOND] {
        // At several places within a second, by which the timeline counts.
        for offset in [0, 350 * MS, 700 * MS, 950 * MS] {
            let stop = (60 * SECOND + offset, span);
            let scenario = |name| Scenario { jitter: 5 * MS, ..Scenario::new(name, 150 * SECOND) };
            let held = Scenario { held: Some(stop), ..scenario("the sender stands still") };
            what_it_was_within_a_minute(&held, stop);
            let stalled = Scenario { stall: Some(stop), ..scenario("the viewer stands still") };
            what_it_was_within_a_minute(&stalled, stop);
        }
    }
}

/// Frames of 39, 117 and 250 kB at the usual packet size, and frames of one packet; as many of each are tried.
const FRAME_PACKETS: [(usize, &str); 4] =
    [(1, "1 kB"), (28, "39 kB"), (84, "117 kB"), (180, "250 kB")];

/// Frames of 1.1 MB, and of nearly as many packets as a block has: fewer, since each takes longer.
const LARGE_PACKETS: [(usize, &str); 2] = [(820, "1.1 MB"), (3900, "5.4 MB")];
const LARGE_FEWER: u64 = 20;

/// Frames a cell of the table: SIM_FRAMES=N, or few, since each repair takes 0.6 ms.
fn frames_tried() -> u64 {
    std::env::var("SIM_FRAMES").ok().and_then(|frames| frames.parse().ok()).unwrap_or(500)
}

#[test]
fn what_is_lost_is_repaired() {
    let (seed, tried) = (scenario::seed(), frames_tried());
    let fewer = tried / LARGE_FEWER;
    println!(
        "frames and samples intact, per cent, of {tried} frames each ({fewer} of the large ones), seed {seed}"
    );
    let large = LARGE_PACKETS.map(|frame| (frame, fewer));
    for ((packets, size), tried) in
        FRAME_PACKETS.map(|frame| (frame, tried)).into_iter().chain(large)
    {
        for share in ["0", "10", "20"] {
            let mut overhead = 0;
            let mut cells = String::new();
            for loss in LOSSES {
                let outcome = repair::run(packets, share, loss, tried, seed);
                let (frames, samples) = (outcome.frames_percent(), outcome.samples_percent());
                overhead = outcome.overhead;
                cells += &format!(" | {} {frames:6.2} {samples:6.2}", loss.name);
                // A few frames are too few to tell such a share.
                let slack = if tried < 10_000 { 1.5 } else { 0.0 };
                let target = match (loss.per_mille, loss.burst) {
                    _ if share != "20" => 0.0,
                    (0..=50, 1) => 99.9,
                    (0..=30, _) => 99.5,
                    _ => 90.0,
                };
                assert!(frames >= target - slack, "{size}, {share} %, {}: {frames} %", loss.name);
                assert!(samples >= target - slack, "{size}, {share} %, {}: {samples} %", loss.name);
            }
            println!(
                "{size:>6} ({packets:3} packets), --repair {share:>2} (+{overhead:3} %){cells}"
            );
        }
    }
}

const LOSSES: [Loss; 10] = [
    Loss::new("0 %", 0, 1),
    Loss::new("0.1 %", 1, 1),
    Loss::new("1 %", 10, 1),
    Loss::new("5 %", 50, 1),
    Loss::new("10 %", 100, 1),
    Loss::new("bursts 1 %", 10, 4),
    Loss::new("bursts 3 %", 30, 4),
    Loss::new("bursts 5 %", 50, 4),
    Loss { reordered: 50, ..Loss::new("1 %, reordered", 10, 1) },
    Loss { doubled: 50, ..Loss::new("1 %, doubled", 10, 1) },
];

#[test]
fn ten_thousand_receivers_report_within_their_share() {
    const BANDWIDTH: u64 = 20_000_000;
    for (name, arrival) in [("within a minute", 60 * SECOND), ("at once", SECOND)] {
        let crowd = crowd::run(10_000, BANDWIDTH, arrival, 240, scenario::seed());
        let mean = |range: core::ops::Range<usize>| {
            let shares = &crowd.shares[range];
            shares.iter().sum::<f64>() / shares.len() as f64
        };
        let most = crowd.shares.iter().fold(0.0, |most: f64, share| most.max(*share));
        println!(
            "10,000 receivers who come {name}, of 20 Mbit/s: reports take {:.2} % in the first minute,              {:.2} % in the last; {most:.2} % in the worst second; counted as {}",
            mean(0..60),
            mean(180..240),
            crowd.counted,
        );
        assert!(mean(180..240) <= 5.0 && mean(0..60) <= 5.0);
        assert!((9_500..10_500).contains(&crowd.counted), "{}", crowd.counted);
        // Nobody can know of a crowd before it has spoken.
        assert!(arrival == SECOND || most <= 5.5, "{most}");
    }
}
