//! What the webcam says on standard error: one line an event, `webcam SERIAL NANOSECONDS WHAT`,
//! where the time is CLOCK_MONOTONIC's, the clock that V4L2 and ALSA stamp with.

use nix::time::{ClockId, clock_gettime};
use std::fmt;
use std::io::{self, Write};

/// Nanoseconds in a second.
pub(crate) const SECOND: i64 = 1_000_000_000;

/// Nanoseconds in a millisecond.
pub(crate) const MILLISECOND: i64 = 1_000_000;

/// CLOCK_MONOTONIC in nanoseconds. Only the event loop asks.
pub(crate) fn monotonic() -> i64 {
    // Reading this clock cannot fail on Linux.
    clock_gettime(ClockId::CLOCK_MONOTONIC)
        .map_or(0, |time| time.tv_sec() * SECOND + time.tv_nsec())
}

/// Says that something happened at that time.
pub(crate) fn event(serial: &str, nanos: i64, what: impl fmt::Display) {
    line(format_args!("webcam {serial} {nanos} {what}"));
}

/// Says what went wrong.
pub(crate) fn problem(what: impl fmt::Display) {
    line(format_args!("webcam: {what}"));
}

fn line(text: fmt::Arguments<'_>) {
    // One write a line, so that the lines of several webcams do not mix. Where standard error is
    // closed there is nobody to tell.
    let _ = io::stderr().write_all(format!("{text}\n").as_bytes());
}
