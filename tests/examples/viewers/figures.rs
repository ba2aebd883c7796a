//! What all viewers count together, and how it is said at the end.

use crate::track::{Faults, Landed};
use serde_json::{Value, json};

/// Ages and delays are told apart by this much.
const STEP_NANOS: i64 = 100_000;
/// Those of more than 10 s are counted as that.
const STEPS: usize = 100_000;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Playlists of all kinds.
    Playlist,
    /// Initialisation segments.
    Init,
    /// Parts.
    Part,
    /// Whole segments.
    Segment,
}

const KINDS: [(Kind, &str); 4] = [
    (Kind::Playlist, "playlist"),
    (Kind::Init, "init"),
    (Kind::Part, "part"),
    (Kind::Segment, "segment"),
];

/// How many there were of each length of time.
#[derive(Debug)]
pub(crate) struct Spread {
    counts: Vec<u32>,
    total: u64,
}

impl Default for Spread {
    fn default() -> Self {
        Self { counts: vec![0; STEPS + 1], total: 0 }
    }
}

impl Spread {
    /// Counts one, in nanoseconds; less than none is none.
    pub(crate) fn add(&mut self, nanos: i64) {
        let step = usize::try_from(nanos / STEP_NANOS).unwrap_or(0).min(STEPS);
        self.counts[step] = self.counts[step].saturating_add(1);
        self.total += 1;
    }

    /// So many percent of all were as short as this, in milliseconds; none if there were none.
    #[expect(clippy::cast_precision_loss, reason = "a hundred thousand steps")]
    pub(crate) fn percentile(&self, percent: u64) -> Option<f64> {
        let rank = (self.total * percent).div_ceil(100).max(1);
        let mut below = 0;
        let step = self.counts.iter().position(|&count| {
            below += u64::from(count);
            below >= rank
        })?;
        Some(step as f64 * (STEP_NANOS as f64 / 1e6))
    }

    fn said(&self) -> Value {
        let [p50, p95, p99] = [50, 95, 99].map(|percent| self.percentile(percent));
        json!({"p50": p50, "p95": p95, "p99": p99, "count": self.total})
    }
}

/// Of one kind of request.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    answered: u64,
    bytes: u64,
    failed: u64,
    lost: u64,
}

/// What all viewers count.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    asked: [Asked; KINDS.len()],
    ages: Spread,
    first_bytes: Spread,
    /// The longest time between two parts of a track.
    pub(crate) longest_gap: i64,
    /// Times that a player ran out of what to play, and how long the longest was.
    pub(crate) stalls: (u64, i64),
    /// Connections that were made.
    pub(crate) connections: u64,
    /// The first failures, in words.
    said: Vec<String>,
}

/// So many failures are said in words.
const SAID_MAX: usize = 10;

impl Figures {
    /// An answer came whole.
    pub(crate) fn answered(&mut self, kind: Kind, bytes: usize) {
        let asked = &mut self.asked[kind as usize];
        asked.answered += 1;
        asked.bytes += bytes as u64;
    }

    /// An attempt failed. The last one of its request: it is lost.
    pub(crate) fn failed(&mut self, kind: Kind, is_last: bool, why: &str) {
        let asked = &mut self.asked[kind as usize];
        asked.failed += 1;
        asked.lost += u64::from(is_last);
        if self.said.len() < SAID_MAX {
            self.said.push(why.to_owned());
        }
    }

    /// Something was loaded of which it is known when it was captured.
    pub(crate) fn landed(&mut self, landed: &Landed) {
        if !landed.old {
            self.ages.add(landed.arrival.last.saturating_sub(landed.captured.1));
            self.first_bytes.add(landed.arrival.first.saturating_sub(landed.captured.1));
        }
    }

    /// A track had nothing for so long.
    pub(crate) fn paused(&mut self, nanos: i64) {
        self.longest_gap = self.longest_gap.max(nanos);
    }

    /// A player had nothing to play for so long.
    pub(crate) fn stalled(&mut self, nanos: i64) {
        self.stalls = (self.stalls.0 + 1, self.stalls.1.max(nanos));
    }

    /// As JSON; `faults` are those of all viewers.
    pub(crate) fn said(&self, faults: Faults) -> Value {
        let of = |get: fn(&Asked) -> u64| -> Value {
            let each =
                KINDS.map(|(kind, name)| (name.to_owned(), get(&self.asked[kind as usize]).into()));
            Value::Object(each.into_iter().collect())
        };
        let all = |get: fn(&Asked) -> u64| -> u64 { self.asked.iter().map(get).sum() };
        json!({
            "requests": of(|it| it.answered),
            "all_requests": all(|it| it.answered),
            "bytes": of(|it| it.bytes),
            "all_bytes": all(|it| it.bytes),
            "errors": of(|it| it.failed),
            "all_errors": all(|it| it.failed),
            "errors_after_retry": of(|it| it.lost),
            "all_errors_after_retry": all(|it| it.lost),
            "connections": self.connections,
            "latency_ms": self.ages.said(),
            "first_byte_ms": self.first_bytes.said(),
            "longest_gap_ms": self.longest_gap / 1_000_000,
            "stalls": self.stalls.0,
            "longest_stall_ms": self.stalls.1 / 1_000_000,
            "missing": faults.missing,
            "times_that_do_not_go_on": faults.times,
            "gaps_said": faults.said,
            "given_up": faults.given_up,
            "failures": self.said,
        })
    }
}

/// A player that plays as soon as it has something, and waits when it has nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Playback {
    /// How far what it plays is behind its capture.
    behind: Option<i64>,
}

impl Playback {
    /// How long it has waited for this, in nanoseconds: 0 if it came in time.
    pub(crate) fn came(&mut self, landed: &Landed) -> i64 {
        let needs = landed.arrival.last.saturating_sub(landed.captured.0);
        let behind = *self.behind.get_or_insert(needs);
        let waited = needs.saturating_sub(behind).max(0);
        self.behind = Some(behind.saturating_add(waited));
        waited
    }
}

#[cfg(test)]
mod tests {
    use super::{Figures, Kind, Playback, Spread};
    use crate::track::{Arrival, Faults, Landed};

    const MS: i64 = 1_000_000;

    fn landed(begin: i64, at: i64) -> Landed {
        let arrival = Arrival { first: (at - 1) * MS, last: at * MS };
        Landed { captured: (begin * MS, (begin + 200) * MS), arrival, old: false }
    }

    #[test]
    fn percentiles_are_of_what_was_counted() {
        let mut spread = Spread::default();
        assert_eq!(spread.percentile(50), None);
        for ms in 1..=100 {
            spread.add(ms * MS);
        }
        assert_eq!(
            [50, 95, 99, 100].map(|it| spread.percentile(it).unwrap()),
            [50.0, 95.0, 99.0, 100.0]
        );
        let mut spread = Spread::default();
        spread.add(-5);
        spread.add(3_600_000 * MS);
        assert_eq!([50, 99].map(|it| spread.percentile(it).unwrap()), [0.0, 10_000.0]);
    }

    #[test]
    fn a_player_waits_for_what_comes_late_once() {
        let mut player = Playback::default();
        // It is 300 ms behind then.
        assert_eq!(player.came(&landed(0, 300)), 0);
        assert_eq!(player.came(&landed(200, 310)), 0);
        assert_eq!(player.came(&landed(400, 650)), 0);
        assert_eq!(player.came(&landed(600, 1100)), 200 * MS);
        assert_eq!(player.came(&landed(800, 1300)), 0);
        assert_eq!(player.came(&landed(1000, 1501)), MS);
    }

    #[test]
    fn requests_are_counted_by_kind() {
        let mut figures = Figures::default();
        figures.answered(Kind::Part, 700);
        figures.answered(Kind::Part, 300);
        figures.answered(Kind::Playlist, 50);
        figures.failed(Kind::Part, false, "refused");
        figures.failed(Kind::Part, true, "refused");
        figures.landed(&landed(0, 230));
        figures.landed(&Landed { old: true, ..landed(0, 900) });
        figures.stalled(5 * MS);
        figures.stalled(3 * MS);
        let said = figures.said(Faults { missing: 2, ..Faults::default() });
        assert_eq!(said["requests"]["part"], 2);
        assert_eq!((&said["all_requests"], &said["all_bytes"]), (&3.into(), &1050.into()));
        assert_eq!(
            (&said["errors"]["part"], &said["errors_after_retry"]["part"]),
            (&2.into(), &1.into())
        );
        assert_eq!(
            (&said["latency_ms"]["p50"], &said["latency_ms"]["count"]),
            (&30.0.into(), &1.into())
        );
        assert_eq!(said["first_byte_ms"]["p99"], 29.0);
        assert_eq!((&said["stalls"], &said["longest_stall_ms"]), (&2.into(), &5.into()));
        assert_eq!(said["missing"], 2);
    }
}
