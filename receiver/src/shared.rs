//! State that the program's threads share.

use crate::output_counters::OutputCounters;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use streamsocket_subscribe::counters::Counters;
use streamsocket_subscribe::tiers::Tiers;

/// State that the program's threads share.
#[derive(Debug, Default)]
pub struct Shared {
    /// The subscription's counts and measurements.
    pub input: Arc<Counters>,
    /// Counts of what is made of it.
    pub output: OutputCounters,
    /// The tiers of the session, and which of them is received.
    pub tiers: Tiers,
    /// The session has other media than before: it is to be played anew.
    pub changed: AtomicBool,
    /// The program is to end.
    pub quit: AtomicBool,
}
