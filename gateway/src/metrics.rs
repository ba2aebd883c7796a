//! Figures for Prometheus, in its text format (version 0.0.4).

use crate::sessions::{Session, Sessions};
use std::fmt::Write;

/// A figure: its name, its type, what it is, and where it comes from.
type Metric = (&'static str, &'static str, &'static str, fn(&Session) -> Option<f64>);

/// All of them, of each session.
const METRICS: [Metric; 11] = [
    ("streamsocket_viewers", "gauge", "Connections that the session is streamed to.", |it| {
        Some(count(it.viewers() as u64))
    }),
    (
        "streamsocket_pictures_per_second",
        "gauge",
        "Pictures a second that came whole in the last seconds.",
        Session::rate,
    ),
    (
        "streamsocket_latency_seconds",
        "gauge",
        "From when the last picture was captured until it was here whole.",
        Session::latency,
    ),
    ("streamsocket_pictures_total", "counter", "Pictures that came whole.", |it| {
        Some(count(it.counters.video.frames_received.get()))
    }),
    (
        "streamsocket_pictures_incomplete_total",
        "counter",
        "Pictures given up because packets were missing.",
        |it| Some(count(it.counters.video.frames_incomplete.get())),
    ),
    ("streamsocket_received_bytes_total", "counter", "Bytes of RTP packets with pictures.", |it| {
        Some(count(it.counters.video.bytes.get()))
    }),
    ("streamsocket_packets_total", "counter", "RTP packets with pictures that came.", |it| {
        Some(count(it.counters.video.packets.get()))
    }),
    (
        "streamsocket_packets_lost_total",
        "counter",
        "RTP packets with pictures that were lost, including those repaired.",
        |it| Some(count(it.counters.video.packets_lost.get())),
    ),
    (
        "streamsocket_packets_repaired_total",
        "counter",
        "Lost RTP packets with pictures that were repaired.",
        |it| Some(count(it.counters.video.packets_repaired.get())),
    ),
    (
        "streamsocket_sound_packets_lost_total",
        "counter",
        "RTP packets with sound that were lost, including those repaired.",
        |it| it.plan.audio.as_ref().map(|_| count(it.counters.audio.packets_lost.get())),
    ),
    (
        "streamsocket_jitter_seconds",
        "gauge",
        "Interarrival jitter of the pictures (RFC 3550).",
        |it| it.counters.video.jitter.millis().map(|millis| millis / 1e3),
    ),
];

#[expect(clippy::cast_precision_loss, reason = "Prometheus has doubles only")]
const fn count(value: u64) -> f64 {
    value as f64
}

/// The figures of all sessions.
pub(crate) fn metrics(sessions: &Sessions) -> String {
    let (all, mut text) = (sessions.all(), String::new());
    for (name, kind, help, of) in METRICS {
        let values = all.iter().filter_map(|it| Some((escaped(&it.name), of(it)?)));
        let lines: String =
            values.map(|(it, value)| format!("{name}{{session=\"{it}\"}} {value}\n")).collect();
        if !lines.is_empty() {
            // Writing to a string does not fail.
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{lines}");
        }
    }
    text
}

/// A value as it stands in quotes.
fn escaped(name: &str) -> String {
    name.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped() {
        assert_eq!(escaped("a \"b\" \\c\n"), "a \\\"b\\\" \\\\c\\n");
    }
}
