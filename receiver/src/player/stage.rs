//! The state of the main thread: those who send, and what the viewer is told of them.

use super::refresh::Refresh;
use super::room::Room;
use super::seat::Seat;
use super::signals::Signals;
use super::threads::Means;
use crate::statistics::Statistics;
use crate::status::StatusLine;
use std::io::{IsTerminal, Write};
use std::time::Duration;
use streamsocket_journal::lines::{CLOSE_PATIENCE, Lines};
use streamsocket_journal::logger;
use streamsocket_media::clock::Monotonic;
use streamsocket_subscribe::clock::monotonic;

/// Between two measurements of rates, and two reports of statistics.
pub(super) const SECOND: Duration = Duration::from_secs(1);

/// The main thread at work.
pub(super) struct Stage<'a> {
    pub(super) means: Means<'a>,
    /// Says that a signal has come.
    pub(super) signals: Signals,
    /// Those who send, in the order of their places on the screen.
    pub(super) seats: Vec<Seat>,
    /// The room that they are in. Without one there is one sender, for as long as the program runs.
    pub(super) room: Option<Room>,
    pub(super) stats: Option<Lines>,
    pub(super) line: StatusLine,
    pub(super) console: Box<dyn Write + Send>,
    pub(super) began: Monotonic,
    pub(super) tick: Monotonic,
    pub(super) refresh: Refresh,
    pub(super) overlay: bool,
    pub(super) snapshot_taken: bool,
}

impl<'a> Stage<'a> {
    pub(super) fn new(means: Means<'a>, signals: Signals, stats: Option<Lines>) -> Self {
        let now = monotonic();
        Self {
            means,
            signals,
            seats: Vec::new(),
            room: None,
            stats,
            line: StatusLine::new(on_terminal()),
            console: logger::console(),
            began: now,
            tick: now + SECOND,
            refresh: Refresh::new(None),
            overlay: false,
            snapshot_taken: false,
        }
    }

    /// Whether the only session has other media than before.
    pub(super) fn has_changed(&self) -> bool {
        self.room.is_none() && self.seats.iter().any(Seat::has_changed)
    }

    /// Ends all threads and sums up: the statistics of each sender, and what did not end well.
    pub(super) fn end(mut self) -> (Vec<Statistics>, Result<(), String>) {
        let _ = self.line.clear(&mut self.console);
        let (mut all, mut result) = (Vec::new(), Ok(()));
        // All at once: each may have something to write.
        self.seats.iter().for_each(|seat| seat.threads.stop());
        for seat in self.seats {
            let (statistics, ended) = seat.end();
            result = result.and(ended);
            all.push(statistics);
        }
        if let Some(room) = self.room {
            result = result.and(room.end());
        }
        if let Some(stats) = self.stats {
            all.iter().for_each(|statistics| write_stats(&stats, statistics));
            stats.close(CLOSE_PATIENCE);
        }
        (all, result)
    }
}

/// Writes a report as a line of its own.
pub(super) fn write_stats(stats: &Lines, statistics: &Statistics) {
    let line = serde_json::to_string(statistics).unwrap_or_default();
    stats.push(line + "\n");
}

/// Whether a live line can be shown.
fn on_terminal() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}
