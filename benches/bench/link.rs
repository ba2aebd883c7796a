//! Tiers under a link that changes: what a receiver takes, what it loses, and how late its pictures are, second by second.
//! Two machines at a switch, in network namespaces; this needs root.

use crate::plot::{Panel, draw_panels};
use crate::report::{number, progress, table as printed};
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use streamsocket_tests::board::on;
use streamsocket_tests::clip::clip;
use streamsocket_tests::lan::Lan;
use streamsocket_tests::program::{Program, ours};
use streamsocket_tests::report::track;
use streamsocket_tests::session::file;

/// What the link carries, in Mbit/s, and for how many seconds: all, a third of what the session needs, a tenth, all again.
const LINK: [(Option<u32>, usize); 4] = [(None, 8), (Some(12), 20), (Some(3), 20), (None, 52)];

/// Of the statistics, second by second.
struct Second {
    /// The tier that is received; none is the session itself.
    tier: String,
    /// Mbit/s that arrived, and those of the link, if it is limited.
    rate: f64,
    limit: Option<u32>,
    /// Per cent of the packets, after repair.
    lost: f64,
    /// From capture to decoded and due, in milliseconds.
    latency: f64,
    pictures: u64,
    incomplete: u64,
}

/// The table; the curves are drawn into docs.
pub(crate) fn table(_rounds: u32) -> String {
    let heading = "## A link that changes";
    let Some(lan) = Lan::new("link") else {
        return format!("{heading}\n\nNot measured: it needs root.\n");
    };
    let (daemon, mut viewer) = (send(&lan), view(&lan));
    let mut lines = BufReader::new(viewer.stdout()).lines();
    viewer.wait_for("receiving");
    let (mut seconds, mut before) = (Vec::new(), None);
    for (limit, long) in LINK {
        let has = limit.map_or("all".to_owned(), |mbit| format!("{mbit} Mbit/s"));
        progress("link", 0, 1, &format!("{has} for {long} s"));
        if (limit.is_some() || !seconds.is_empty()) && !lan.limit(limit) {
            return format!("{heading}\n\nNot measured: this kernel has no token bucket filter.\n");
        }
        for line in (&mut lines).take(long) {
            let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
            seconds.extend(before.as_ref().map(|before| second(before, &line, limit)));
            before = Some(line);
        }
    }
    viewer.interrupt().succeeded();
    daemon.interrupt().succeeded();
    plot(&seconds);
    format!(
        "{heading}\n\n{}\n![Tiers under a link that changes](performance-link.svg)\n",
        rows(&seconds)
    )
}

/// A session of 29 Mbit/s, with a tier of 4, and one of half a Mbit/s.
fn send(lan: &Lan) -> Program {
    let mut daemon = ours("streamsocket");
    daemon.args(["--video", &file(&clip("1280x720")), "--loop", "--fps", "30", "--audio", "tone"]);
    daemon.args(["--tier", "mid=1/2,15", "--tier", "low=1/4,10", "--name", lan.sender.name()]);
    let mut daemon = Program::start(&mut on(lan.sender.name(), &daemon));
    daemon.wait_for("goes to");
    daemon
}

fn view(lan: &Lan) -> Program {
    let mut receiver = ours("streamsocket-receiver");
    receiver.args([lan.sender.name(), "--headless", "--mute", "--stats", "-"]);
    Program::start(on(lan.viewer.name(), &receiver).stdout(Stdio::piped()))
}

fn second(before: &serde_json::Value, now: &serde_json::Value, limit: Option<u32>) -> Second {
    let count = |of: &serde_json::Value, name: &str| track(of, "video")[name].as_u64().unwrap_or(0);
    let more = |name: &str| count(now, name).saturating_sub(count(before, name));
    let lost = more("packets_lost").saturating_sub(more("packets_repaired"));
    let tier = track(now, "video")["tier"].as_str().unwrap_or("all").to_owned();
    Second {
        tier,
        rate: more("bytes") as f64 * 8e-6,
        limit,
        lost: 100.0 * lost as f64 / (more("packets") + lost).max(1) as f64,
        latency: now["latency_target_ms"].as_f64().unwrap_or(0.0),
        pictures: more("frames_received"),
        incomplete: more("frames_incomplete"),
    }
}

fn plot(seconds: &[Second]) {
    let level = |second: &Second| match second.tier.as_str() {
        "low" => 1.0,
        "mid" => 2.0,
        _ => 3.0,
    };
    let points = |value: &dyn Fn(&Second) -> f64| seconds.iter().map(value).collect();
    draw_panels(
        "docs/performance-link.svg",
        "seconds",
        &[
            Panel { name: "tier (3: the session itself)", points: points(&level) },
            Panel { name: "Mbit/s that arrive", points: points(&|it| it.rate) },
            Panel { name: "% of packets lost", points: points(&|it| it.lost) },
            Panel { name: "latency aimed at, ms", points: points(&|it| it.latency) },
        ],
    );
}

/// A row for each time in which link and tier stayed the same.
fn rows(seconds: &[Second]) -> String {
    let same = |a: &Second, b: &Second| a.limit == b.limit && a.tier == b.tier;
    let mut begin = 0;
    let row = |part: &[Second]| {
        let from = begin;
        begin += part.len();
        let mean = |value: &dyn Fn(&Second) -> f64| {
            number(part.iter().map(value).sum::<f64>() / part.len() as f64)
        };
        let sum = |value: &dyn Fn(&Second) -> u64| part.iter().map(value).sum::<u64>().to_string();
        vec![
            format!("{} s", from + 1),
            part[0].limit.map_or("all".to_owned(), |mbit| mbit.to_string()),
            part[0].tier.clone(),
            part.len().to_string(),
            mean(&|it| it.rate),
            mean(&|it| it.lost),
            sum(&|it| it.pictures),
            sum(&|it| it.incomplete),
        ]
    };
    let rows: Vec<Vec<String>> = seconds.chunk_by(same).map(row).collect();
    let columns = [
        "from",
        "link, Mbit/s",
        "tier",
        "for s",
        "Mbit/s",
        "% lost",
        "pictures whole",
        "not whole",
    ];
    printed("1280x720 and tiers of half and quarter size, `--tier auto`", &columns, &rows)
}
