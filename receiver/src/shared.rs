//! What the threads of the program share.

use crate::output_counters::OutputCounters;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use streamsocket_subscribe::counters::Counters;

/// What the threads share.
#[derive(Debug, Default)]
pub struct Shared {
    /// What comes, as the subscription counts it.
    pub input: Arc<Counters>,
    /// What becomes of it.
    pub output: OutputCounters,
    /// The program ends.
    pub quit: AtomicBool,
}
