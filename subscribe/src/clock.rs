//! This machine's clocks. Event loops read them, and threads that wait until something is due; all else gets the time
//! as an argument.

use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_net::machine;

/// CLOCK_MONOTONIC now.
#[must_use]
pub fn monotonic() -> Monotonic {
    Monotonic(machine::monotonic_nanos())
}

/// CLOCK_MONOTONIC now, and CLOCK_REALTIME minus it.
#[must_use]
pub fn clocks() -> (Monotonic, Delay) {
    let (monotonic, offset) = machine::clocks_nanos();
    (Monotonic(monotonic), Delay::from_nanos(offset))
}

/// CLOCK_REALTIME minus CLOCK_MONOTONIC now.
#[must_use]
pub fn unix_offset() -> Delay {
    Delay::from_nanos(machine::unix_offset_nanos())
}
