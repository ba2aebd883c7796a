//! Follows the system's clock, and publishes a new description when something in it changes.

use super::parts;
use super::state::Daemon;
use crate::clock::unix_offset_nanos;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::machine;

impl Daemon {
    /// Checks the system's clock; called once a second.
    pub(super) fn watch_wall(&mut self, now: Monotonic) {
        if let Some(step) = self.wall.clock.observe(now, now.0 + unix_offset_nanos()) {
            log::info!("the system's clock was set by {:+.3} s: followed", seconds(step));
            self.schedule_reports(now);
        }
        let synchronised = machine::is_synchronised();
        if synchronised != self.wall.synchronised {
            let now_is = if synchronised { "is synchronised now" } else { "is not synchronised" };
            log::info!("the system's clock {now_is}");
            self.wall.synchronised = synchronised;
            for session in &mut self.sessions {
                session.description.synchronised = synchronised;
                session.description.changes += 1;
            }
            self.schedule_reports(now);
            self.describe_anew(now);
        }
    }

    /// Publishes the descriptions as they are now.
    pub(super) fn describe_anew(&mut self, now: Monotonic) {
        for session in &mut self.sessions {
            session.describe_anew(now);
        }
        // A pipe was written once, and is done with.
        let file = self.settings.sdp.as_ref().filter(|path| path.is_file());
        let whole = self.sessions.first();
        if let Some(Err(error)) =
            file.zip(whole).map(|(path, session)| parts::write_sdp(path, &session.sdp))
        {
            log::warn!("{error}");
        }
    }
}

fn seconds(nanos: i64) -> f64 {
    let sign = if nanos < 0 { -1.0 } else { 1.0 };
    sign * Duration::from_nanos(nanos.unsigned_abs()).as_secs_f64()
}
