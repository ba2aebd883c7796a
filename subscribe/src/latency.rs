//! Latency from capture to presentation: as it is wanted, and as it is measured.

use crate::cells::{Gauge, Measured};
use crate::clock::unix_offset;
use streamsocket_media::clock::{Delay, Monotonic, Wall};

/// The median: so many of 10,000 measurements exceed it.
pub const P50: u64 = 5000;

/// The 95th percentile: so many of 10,000 measurements exceed it.
pub const P95: u64 = 500;

/// The 99th percentile: so many of 10,000 measurements exceed it.
pub const P99: u64 = 100;

/// The latency that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetLatency {
    /// As low as the network allows.
    Auto,
    /// So many milliseconds on top of what the fastest packet takes.
    Fixed(u16),
}

/// What latency is measured from.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// Capture by the sender's wall clock, if known.
    pub wall: Option<Wall>,
    /// When it would have arrived undelayed.
    pub undelayed: Monotonic,
}

/// Wall clocks that differ by this do not agree.
const CLOCKS_APART: Delay = Delay::from_millis(500);

/// Measured latency of a stream.
#[derive(Debug, Default)]
pub struct Latency {
    /// From capture, by both machines' wall clocks.
    absolute: Measured,
    /// From undelayed arrival.
    relative: Measured,
    /// How much later than due things are presented on average, in nanoseconds.
    pub lateness: Gauge,
}

impl Latency {
    /// Notes that what was due at `due` was presented at `at`.
    pub fn add(&self, origin: Origin, due: Monotonic, at: Monotonic) {
        self.lateness.average(at - due);
        let relative = at - origin.undelayed;
        self.relative.add(relative, at);
        if let Some(wall) = origin.wall {
            let absolute = Wall(at.0) + unix_offset() - wall;
            // The sender learns of a step of its clock up to a second later.
            if (absolute - relative).abs() < CLOCKS_APART {
                self.absolute.add(absolute, at);
            }
        }
    }

    /// Forgets the measurements, for instance those made while the latency was being found.
    pub fn reset(&self) {
        for measured in [&self.absolute, &self.relative] {
            measured.reset();
        }
    }

    /// The measurement that can be trusted.
    #[must_use]
    pub fn shown(&self, clocks: WallClocks) -> &Measured {
        if clocks == WallClocks::Unknown { &self.relative } else { &self.absolute }
    }
}

/// How the wall clocks of sender and receiver relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WallClocks {
    /// They are not known to agree: latencies count from undelayed arrival.
    Unknown,
    /// Both are synchronised to a reference.
    Synchronised,
    /// Sender and receiver run on the same machine.
    Same,
}

impl WallClocks {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "not known to agree",
            Self::Synchronised => "synchronised",
            Self::Same => "the same machine",
        }
    }
}
