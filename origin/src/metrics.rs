//! Figures for Prometheus, in its text format (version 0.0.4).

use crate::session::{Session, Sessions};
use crate::track::Figures;
use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;
use streamsocket_archive::{Archive, Counts};
use streamsocket_subscribe::clock::monotonic;

/// A figure: its name, its type, and what it is.
type Figure = (&'static str, &'static str, &'static str);

/// A figure of each session, and where it comes from.
type OfSession = (Figure, fn(&Session) -> f64);

#[expect(clippy::cast_precision_loss, reason = "Prometheus has doubles only")]
const fn count(value: u64) -> f64 {
    value as f64
}

const OF_SESSIONS: [OfSession; 11] = [
    (
        ("streamsocket_origin_live", "gauge", "Whether something has come in the last seconds."),
        |it| f64::from(u8::from(it.is_live(monotonic()))),
    ),
    (("streamsocket_origin_pictures_total", "counter", "Pictures that came whole."), |it| {
        count(it.counters.video.frames_received.get())
    }),
    (
        (
            "streamsocket_origin_pictures_incomplete_total",
            "counter",
            "Pictures of which packets were missing.",
        ),
        |it| count(it.counters.video.frames_incomplete.get()),
    ),
    (
        (
            "streamsocket_origin_packets_repaired_total",
            "counter",
            "Lost packets with pictures that were repaired.",
        ),
        |it| count(it.counters.video.packets_repaired.get()),
    ),
    (
        (
            "streamsocket_origin_pictures_late_total",
            "counter",
            "Pictures left out since an encoder did not keep up.",
        ),
        |it| count(it.faults.late.load(Relaxed)),
    ),
    (
        (
            "streamsocket_origin_pictures_damaged_total",
            "counter",
            "Pictures that could not be decoded.",
        ),
        |it| count(it.faults.damaged.load(Relaxed)),
    ),
    (
        (
            "streamsocket_origin_encoder_failures_total",
            "counter",
            "Encoders that ended, or could not be begun.",
        ),
        |it| count(it.faults.encoders.load(Relaxed)),
    ),
    (
        (
            "streamsocket_origin_clock_ahead_seconds",
            "gauge",
            "By how much numbers are ahead of the sender's clock, which was set.",
        ),
        |it| count(it.faults.ahead.load(Relaxed)) / 1e9,
    ),
    (
        (
            "streamsocket_origin_by_sender_clock",
            "gauge",
            "Whether the sender says when it captures.",
        ),
        |it| f64::from(u8::from(it.faults.by_sender.load(Relaxed))),
    ),
    (
        ("streamsocket_origin_storage_waiting_bytes", "gauge", "Bytes that wait for the disk."),
        |it| it.storage.as_ref().map_or(0.0, |it| count(it.waiting() as u64)),
    ),
    (
        (
            "streamsocket_origin_storage_left_out_total",
            "counter",
            "Segments left out since the disk did not keep up.",
        ),
        |it| it.storage.as_ref().map_or(0.0, |it| count(it.left_out())),
    ),
];

/// A figure of the archive, and where it comes from.
type OfArchive = (Figure, fn(&Counts) -> u64);

const OF_ARCHIVE: [OfArchive; 6] = [
    (("streamsocket_origin_stored_bytes", "gauge", "Bytes that are stored."), |it| it.bytes),
    (("streamsocket_origin_stored_total", "counter", "Segments that were stored."), |it| {
        it.segments
    }),
    (
        (
            "streamsocket_origin_stored_cut_total",
            "counter",
            "Segments stored shorter than they came.",
        ),
        |it| it.cut,
    ),
    (
        (
            "streamsocket_origin_store_failures_total",
            "counter",
            "Segments that could not be stored.",
        ),
        |it| it.failed,
    ),
    (
        (
            "streamsocket_origin_store_refused_total",
            "counter",
            "Segments of numbers that were stored already.",
        ),
        |it| it.refused,
    ),
    (("streamsocket_origin_removed_total", "counter", "Segments that were removed again."), |it| {
        it.removed
    }),
];

/// A figure of each track, and where it comes from.
type OfTrack = (Figure, fn(&Figures) -> u64);

const OF_TRACKS: [OfTrack; 3] = [
    (
        (
            "streamsocket_origin_samples_total",
            "counter",
            "Pictures or blocks of sound that were encoded.",
        ),
        |it| it.samples,
    ),
    (
        (
            "streamsocket_origin_samples_left_out_total",
            "counter",
            "Of these, those that no segment has.",
        ),
        |it| it.left_out,
    ),
    (("streamsocket_origin_held_bytes", "gauge", "Bytes of live segments in memory."), |it| {
        it.held as u64
    }),
];

/// Figures of all sessions, their tracks, and the archive.
pub(crate) fn metrics(sessions: &Sessions, archive: Option<&Archive>) -> String {
    let (all, mut text) = (sessions.all(), String::new());
    for (figure, of) in OF_SESSIONS {
        let values = all.iter().map(|it| (format!("session=\"{}\"", escaped(&it.name)), of(it)));
        write(&mut text, figure, values);
    }
    let mut tracks = Vec::new();
    for session in &all {
        let name = escaped(&session.name);
        tracks.extend(session.tracks().iter().map(|track| {
            (format!("session=\"{name}\",track=\"{}\"", track.name), track.figures())
        }));
    }
    for (figure, of) in OF_TRACKS {
        write(&mut text, figure, tracks.iter().map(|(labels, it)| (labels.clone(), count(of(it)))));
    }
    if let Some(counts) = archive.map(Archive::counts) {
        for (figure, of) in OF_ARCHIVE {
            write(&mut text, figure, [(String::new(), count(of(&counts)))]);
        }
    }
    text
}

fn write(text: &mut String, figure: Figure, values: impl IntoIterator<Item = (String, f64)>) {
    let (name, kind, help) = figure;
    let line = |(labels, value): (String, f64)| match &*labels {
        "" => format!("{name} {value}\n"),
        labels => format!("{name}{{{labels}}} {value}\n"),
    };
    let lines: String = values.into_iter().map(line).collect();
    if !lines.is_empty() {
        // Writing to a string does not fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{lines}");
    }
}

/// A value as it stands in quotes.
fn escaped(name: &str) -> String {
    name.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
