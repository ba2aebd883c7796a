//! Latency: what is wanted of it, and what it is from capture to presentation.

use crate::cells::{Gauge, Measured};
use crate::clock::unix_offset;
use streamsocket_stream::clock::Monotonic;

/// The median, as so many in 10,000 above it.
pub const P50: u64 = 5000;

/// What 5 per cent exceed, as so many in 10,000.
pub const P95: u64 = 500;

/// What 1 per cent exceeds, as so many in 10,000.
pub const P99: u64 = 100;

/// How long after capture things are presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetLatency {
    /// As little as is needed.
    Auto,
    /// So many milliseconds beyond the fastest way through the network.
    Fixed(u16),
}

/// When something is presented: its capture by the sender's wall clock, if that is known, and when it
/// would have come without any delay.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// Nanoseconds since 1970.
    pub wall: Option<i64>,
    /// On our monotonic clock.
    pub undelayed: Monotonic,
}

/// Wall clocks that agree are not this far apart, in nanoseconds.
const CLOCKS_APART_NANOS: i64 = 500_000_000;

/// From capture to presentation, as it is measured there.
#[derive(Debug, Default)]
pub struct Latency {
    /// By both machines' wall clocks.
    absolute: Measured,
    /// Beyond the fastest way through the network.
    relative: Measured,
    /// Presentation minus the time it was due, on average.
    pub lateness: Gauge,
}

impl Latency {
    /// What was due at `due` was presented at `at`.
    pub fn add(&self, origin: Origin, due: Monotonic, at: Monotonic) {
        self.lateness.average(at.nanos_since(due));
        let relative = at.nanos_since(origin.undelayed);
        self.relative.add(relative, at);
        if let Some(wall) = origin.wall {
            let absolute = at.0.saturating_add(unix_offset()).saturating_sub(wall);
            // A clock that was just set, the sender does not know for a second.
            if absolute.saturating_sub(relative).saturating_abs() < CLOCKS_APART_NANOS {
                self.absolute.add(absolute, at);
            }
        }
    }

    /// Forgets what was measured while the latency was looked for.
    pub fn reset(&self) {
        for measured in [&self.absolute, &self.relative] {
            measured.reset();
        }
    }

    /// That which can be believed.
    #[must_use]
    pub fn shown(&self, clocks: WallClocks) -> &Measured {
        if clocks == WallClocks::Unknown { &self.relative } else { &self.absolute }
    }
}

/// What is known of the two machines' wall clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WallClocks {
    /// Not that they agree: latencies are those beyond the fastest way through the network.
    Unknown,
    /// Both are kept right by somebody.
    Synchronised,
    /// They are one: sender and receiver are the same machine.
    Same,
}

impl WallClocks {
    /// As it is reported.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "not known to agree",
            Self::Synchronised => "synchronised",
            Self::Same => "the same machine",
        }
    }
}
