//! The tables of docs/delivery.md.

use crate::measured::Measured;
use crate::plan::{Cost, Load, Machine, requests};
use crate::results::Run;
use std::fmt::{self, Write};

/// What machines of a data centre have now, small ones: half of it is used.
const MACHINE: Machine = Machine { cores: 8.0, bits: 10e9, memory: 16e9, used: 0.5 };

/// Tracks of a viewer: pictures and sound.
const TRACKS: f64 = 2.0;
/// Those that a cache asks for in all: pictures in three sizes, and sound.
const TRACKS_OF_ORIGIN: f64 = 4.0;

/// Bits a second of 1280x720 with 30 pictures: high, medium and low as the origin makes them (`transcode/src/plan.rs`), and sound.
const BITS: [f64; 3] = [2_500e3, 1_000e3, 300e3];
const SOUND_BITS: f64 = 128e3;

/// An answer for a name is kept by resolvers for so many seconds (`deploy/dns/zone`).
const TTL: f64 = 5.0;

/// What is planned: a quality of BITS, the length of parts, or of segments where players have no low latency, in seconds.
const WAYS: [(usize, f64, bool); 7] = [
    (2, 0.2, true),
    (0, 0.2, true),
    (2, 0.5, true),
    (0, 0.5, true),
    (0, 1.0, true),
    (2, 2.0, false),
    (0, 2.0, false),
];

/// Every table.
pub(crate) fn all(measured: &Measured) -> String {
    let mut text = String::new();
    // Writing into a string does not fail.
    let _ = layers(&mut text, measured)
        .and_then(|()| targets(&mut text, measured))
        .and_then(|()| costs(&mut text, measured))
        .and_then(|()| plans(&mut text, measured));
    text
}

/// A number, or a dash where there is none.
fn or_dash(value: Option<f64>, digits: usize) -> String {
    value.filter(|it| it.is_finite()).map_or_else(|| "-".to_owned(), |it| format!("{it:.digits$}"))
}

fn layers(text: &mut String, measured: &Measured) -> fmt::Result {
    writeln!(text, "### What each layer carries\n")?;
    writeln!(
        text,
        "| in front | viewers | requests/s | Mbit/s | p50, ms | p95 | p99 | stall, ms | errors | after retry | origin asked | origin, cores | cache | HAProxy | viewers | others |\n|:-|-:|-:|-:|-:|-:|-:|-:|-:|-:|-:|-:|-:|-:|-:|-:|"
    )?;
    for run in &measured.runs {
        let [p50, p95, p99] = run.latency.map(|it| or_dash(Some(it), 0));
        let cache = run.cores("varnish") + run.cores("nginx");
        let full = if measured.is_full(run) { " (full)" } else { "" };
        writeln!(
            text,
            "| {}{full} | {} | {:.0} | {:.1} | {p50} | {p95} | {p99} | {:.0} | {:.0} | {:.0} | {} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
            run.layer,
            run.viewers,
            run.requests,
            run.bytes * 8.0 / 1e6,
            run.stall,
            run.errors[0],
            run.errors[1],
            or_dash(run.asked, 3),
            run.cores("origin"),
            cache,
            run.cores("haproxy"),
            run.cores("viewers"),
            measured.others(run)
        )?;
    }
    writeln!(
        text,
        "\nLatency is from the end of a part's capture to its last byte; \"origin asked\" are requests that reach it for each name that does. Where the machine was full, less than a tenth of it was idle, and times are those of its queues. Others are programs that have nothing to do with it.\n"
    )
}

/// A line of the targets' table.
fn target(
    text: &mut String,
    what: &str,
    bound: f64,
    (reached, is_full): (Option<f64>, bool),
    peer: (&str, Option<f64>),
) -> fmt::Result {
    let met = match reached.filter(|it| it.is_finite()) {
        Some(_) if is_full => "the machine was full",
        Some(reached) if reached <= bound => "yes",
        Some(_) => "no",
        None => "not measured",
    };
    let digits = if bound < 10.0 { 3 } else { 1 };
    let (reached, other) = (or_dash(reached, digits), or_dash(peer.1, digits));
    writeln!(text, "| {what} | {bound} | {reached} | {met} | {}: {other} |", peer.0)
}

fn targets(text: &mut String, measured: &Measured) -> fmt::Result {
    let run = |layer, viewers| measured.run(layer, viewers);
    let full = |run: Option<&Run>| run.is_some_and(|run| measured.is_full(run));
    let asked = |layer| run(layer, 500.0).and_then(|run| run.asked);
    let alone = measured.faultless("origin").map(|run| run.latency[0]);
    let added = |layer| Some(run(layer, 200.0)?.latency[0] - alone?);
    writeln!(text, "### Targets\n\n| | at most | reached | met | peer |\n|:-|-:|-:|:-|:-|")?;
    for (layer, through) in [("varnish", ""), ("haproxy", ", HAProxy before it")] {
        let what = format!(
            "requests that reach the origin for each part and playlist, 500 viewers{through}"
        );
        // However full the machine is, it is asked as often.
        let reached = (asked(layer), false);
        target(text, &what, 1.05, reached, ("nginx without lock", asked("nginx")))?;
    }
    for (layer, through) in [("varnish", ""), ("haproxy", ", HAProxy before it")] {
        let what = format!("p50 that a cache adds, 200 viewers{through}, ms");
        let is_full = full(run(layer, 200.0)) || full(measured.faultless("origin"));
        let reached = (added(layer), is_full);
        target(text, &what, 50.0, reached, ("nginx with lock", added("nginx-lock")))?;
    }
    writeln!(
        text,
        "\nWhat a cache adds is more than what the most viewers of the origin itself have of whom none failed.\n"
    )
}

/// The layers that are planned: their names, which runs are theirs, and their programs.
const LAYERS: [(&str, &str, &str); 3] = [
    ("HAProxy", "haproxy", "haproxy"),
    ("Varnish", "haproxy", "varnish"),
    ("origin", "origin", "origin"),
];

fn costs(text: &mut String, measured: &Measured) -> fmt::Result {
    writeln!(text, "### What a request costs\n")?;
    writeln!(
        text,
        "| | measured with viewers | µs a request | ns a byte | kB a viewer | requests/s of a core |\n|:-|-:|-:|-:|-:|-:|"
    )?;
    let rows = LAYERS.into_iter().chain([
        ("Varnish alone", "varnish", "varnish"),
        ("nginx with lock", "nginx-lock", "nginx"),
        ("nginx without lock", "nginx", "nginx"),
        ("the viewers themselves, HTTP/1.1", "origin", "viewers"),
        ("the viewers themselves, HTTP/2 and TLS", "haproxy", "viewers"),
    ]);
    for (name, layer, program) in rows {
        let (Some(run), Some(cost)) = (measured.largest(layer), measured.cost(layer, program))
        else {
            writeln!(text, "| {name} | not measured | | | | |")?;
            continue;
        };
        let all = measured.a_request(run, program);
        writeln!(
            text,
            "| {name} | {} | {:.1} | {:.2} | {} | {:.0} |",
            run.viewers,
            cost.request * 1e6,
            cost.byte * 1e9,
            or_dash(Some(cost.viewer / 1e3), 0),
            1.0 / all
        )?;
    }
    writeln!(text)
}

/// What a viewer asks for, and what a cache asks for to have it: requests and bytes a second.
struct Way {
    name: String,
    viewer: (f64, f64),
    cache: (f64, f64),
}

/// All that is planned; none where it was not measured how long playlists are.
fn ways(measured: &Measured) -> Option<Vec<Way>> {
    let way = |(quality, seconds, low_latency): (usize, f64, bool)| {
        let layer = if low_latency { "haproxy" } else { "haproxy-plain" };
        let run = measured.largest(layer)?;
        let playlist = run.playlist_bytes / run.playlists;
        let of = |tracks: f64, bits: f64| {
            let requests = requests(seconds, tracks);
            (requests, (bits + SOUND_BITS) / 8.0 + requests / 2.0 * playlist)
        };
        let kind = if low_latency { "parts" } else { "no low latency, segments" };
        Some(Way {
            name: format!("{}, {kind} of {seconds} s", ["high", "medium", "low"][quality]),
            viewer: of(TRACKS, BITS[quality]),
            // All qualities, since some viewer has each of them.
            cache: of(TRACKS_OF_ORIGIN, BITS.iter().sum()),
        })
    };
    WAYS.into_iter().map(way).collect()
}

fn plans(text: &mut String, measured: &Measured) -> fmt::Result {
    writeln!(text, "### 100,000 and a million viewers of one session\n")?;
    let costs = LAYERS.map(|(_, layer, program)| measured.cost(layer, program));
    let ([Some(haproxy), Some(varnish), Some(origin)], Some(ways)) = (costs, ways(measured)) else {
        return writeln!(text, "Not measured: the layers origin and haproxy are needed for it.");
    };
    let Machine { cores, bits, memory, used } = MACHINE;
    writeln!(
        text,
        "Machines have {cores} cores like these, {} Gbit/s and {} GB, of which {:.0} % are used; of each layer there is one more, which may fail. 1280x720, 30 pictures a second.\n",
        bits / 1e9,
        memory / 1e9,
        used * 100.0
    )?;
    writeln!(
        text,
        "| viewers | how | requests/s | Gbit/s | HAProxy, cores | machines | short first | Varnish, cores | machines | short first | origin, requests/s | cores | Mbit/s | DNS, questions/s |\n|-:|:-|-:|-:|-:|-:|:-|-:|-:|:-|-:|-:|-:|-:|"
    )?;
    let asked = measured.largest("haproxy").and_then(|run| run.asked).unwrap_or(1.0);
    for viewers in [100_000.0, 1_000_000.0] {
        for way in &ways {
            plan(text, viewers, way, [haproxy, varnish, origin], asked)?;
        }
    }
    writeln!(
        text,
        "\nDNS at most: as if each viewer had a resolver of its own and asked whenever an answer of {TTL} s is over. What a question costs is not measured.\n"
    )
}

fn plan(
    text: &mut String,
    viewers: f64,
    way: &Way,
    [haproxy, varnish, origin]: [Cost; 3],
    asked: f64,
) -> fmt::Result {
    let load = Load::of(viewers, way.viewer.0, way.viewer.1);
    let [front, caches] = [haproxy, varnish].map(|cost| load.needs(cost, MACHINE));
    let back = Load::behind(caches.machines(), way.cache.0, way.cache.1, asked);
    writeln!(
        text,
        "| {viewers} | {} | {:.0} | {:.1} | {:.0} | {} | {} | {:.0} | {} | {} | {:.0} | {:.2} | {:.0} | {:.0} |",
        way.name,
        load.requests,
        load.bytes * 8.0 / 1e9,
        load.cores(haproxy),
        front.machines(),
        front.first().0,
        load.cores(varnish),
        caches.machines(),
        caches.first().0,
        back.requests,
        back.cores(origin),
        back.bytes * 8.0 / 1e6,
        viewers / TTL
    )
}

#[cfg(test)]
mod tests {
    use super::all;
    use crate::measured::{Measured, tests::run};

    #[test]
    fn what_was_not_measured_is_said() {
        let text = all(&Measured { runs: vec![], processors: 2.0 });
        assert!(text.contains("| HAProxy | not measured |"), "{text}");
        assert!(text.contains("Not measured: the layers"), "{text}");
        assert!(text.contains("| 1.05 | - | not measured | nginx without lock: - |"), "{text}");
    }

    #[test]
    fn targets_are_met_or_not() {
        let mut runs: Vec<_> =
            [("origin", 30.0), ("varnish", 70.0), ("nginx-lock", 285.0), ("haproxy", 90.0)]
                .map(|(layer, half)| {
                    let mut run = run(layer, 200.0, 0.1, 1e6, 30.0);
                    run.latency[0] = half;
                    run
                })
                .to_vec();
        runs.push(run("varnish", 500.0, 0.1, 1e6, 30.0));
        let text = all(&Measured { runs, processors: 2.0 });
        assert!(
            text.contains("200 viewers, ms | 50 | 40.0 | yes | nginx with lock: 255.0 |"),
            "{text}"
        );
        assert!(text.contains("HAProxy before it, ms | 50 | 60.0 | no |"), "{text}");
        assert!(text.contains("500 viewers | 1.05 | 1.000 | yes |"), "{text}");
    }

    #[test]
    fn a_plan_stands_on_what_was_measured() {
        let runs = vec![
            run("origin", 200.0, 0.0, 1e6, 30.0),
            run("haproxy", 200.0, 0.4, 1e7, 30.0),
            run("haproxy-plain", 200.0, 0.1, 1e7, 30.0),
        ];
        let text = all(&Measured { runs, processors: 2.0 });
        // 20 requests a second of 100 us each are 200 cores: 50 machines of 4, and one more. 428 kbit/s, and 10 playlists
        // of 500 bytes.
        let row = "| 100000 | low, parts of 0.2 s | 2000000 | 46.8 | 200 | 51 | processors |";
        assert!(text.contains(row), "{text}");
        // 2 million viewers' worth of 2.6 Mbit/s: 5 Gbit/s of each machine.
        let row = "| 1000000 | high, no low latency, segments of 2 s | 2000000 | 2632.0 | 200 | 528 | network |";
        assert!(text.contains(row), "{text}");
    }
}
