//! What a process has cost: times, switches and memory, as the kernel counts them.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use std::ops::Sub;

/// What all children that have ended cost so far, or one between two such readings.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Seconds in the programs' own code.
    pub user: f64,
    /// Seconds in the kernel.
    pub system: f64,
    /// Times that they waited for something.
    pub waits: f64,
}

impl Cost {
    /// What children that have been waited for cost until now.
    pub fn of_children() -> Self {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
        let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
        Self {
            user: seconds(usage.user_time()),
            system: seconds(usage.system_time()),
            waits: usage.voluntary_context_switches() as f64,
        }
    }

    /// Seconds of processor.
    pub fn cpu(&self) -> f64 {
        self.user + self.system
    }

    /// The share of one of so many.
    pub fn each(self, number: f64) -> Self {
        Self { user: self.user / number, system: self.system / number, waits: self.waits / number }
    }
}

impl Sub for Cost {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self {
            user: self.user - other.user,
            system: self.system - other.system,
            waits: self.waits - other.waits,
        }
    }
}

/// Resident memory of a process that runs, in kB.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// All of it.
    pub all: f64,
    /// Without what belongs to files.
    pub own: f64,
}

impl Memory {
    /// Of process `id`; nothing of one that has ended.
    pub fn of(id: u32) -> Option<Self> {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().trim_end_matches(" kB").parse().ok()
        };
        Some(Self { all: line("VmRSS:")?, own: line("RssAnon:")? })
    }
}

/// The middle one.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
