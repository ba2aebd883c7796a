//! The session's wall clock: it follows the system's, and viewers are told whether that one is kept
//! right, in the description and in every report.

use super::{Daemon, seconds, start};
use crate::clock::unix_offset_nanos;
use crate::publish::announce::Texts;
use crate::publish::description::{Description, reference_clock};
use std::path::PathBuf;
use streamsocket_journal::lines::Lines;
use streamsocket_net::machine;
use streamsocket_stream::clock::{Monotonic, WallClock};

/// The session's wall clock and the description that says what it is.
pub(super) struct Wall {
    pub(super) clock: WallClock,
    pub(super) description: Description,
    /// Where the user wants the description.
    pub(super) sdp: Option<PathBuf>,
    /// The description on its way to the reader of a pipe.
    pub(super) told: Option<Lines>,
}

impl Wall {
    /// What the wall clock is, as viewers are told.
    pub(super) const fn reference(&self) -> &'static str {
        reference_clock(self.description.synchronised)
    }
}

impl Daemon {
    /// Looks at the system's clock: once a second.
    pub(super) fn watch_wall(&mut self, now: Monotonic) {
        if let Some(step) = self.wall.clock.observe(now, now.0 + unix_offset_nanos()) {
            log::info!("the system's clock was set by {:+.3} s: followed", seconds(step));
            self.schedule_reports(now);
        }
        let synchronised = machine::is_synchronised();
        if synchronised != self.wall.description.synchronised {
            let now_is = if synchronised { "is synchronised now" } else { "is not synchronised" };
            log::info!("the system's clock {now_is}");
            self.wall.description.synchronised = synchronised;
            self.wall.description.changes += 1;
            self.schedule_reports(now);
            self.describe_anew(now);
        }
    }

    pub(super) fn describe_anew(&mut self, now: Monotonic) {
        let Ok(sdp) = self.wall.description.text() else { return };
        let sound = self.wall.description.sound_text().ok().flatten();
        let texts = Texts { session: &sdp, sound: sound.as_deref() };
        if let Some(Err(error)) = self.announcer.as_mut().map(|it| it.replace(texts, now)) {
            log::warn!("{error}");
        }
        // A pipe has been read and is done with.
        let file = self.wall.sdp.as_ref().filter(|path| path.is_file());
        if let Some(Err(error)) = file.map(|path| start::write_sdp(path, &sdp)) {
            log::warn!("{error}");
        }
        self.sdp = sdp;
    }
}
