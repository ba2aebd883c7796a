//! The session as the service manager sees it: one line, and pings from the loop.

use super::state::Daemon;
use std::time::Duration;
use streamsocket_stream::clock::Monotonic;

/// A turn begins every attempt that is due. One that is due for so long, many times what a slow turn
/// takes, was forgotten.
const OVERDUE: Duration = Duration::from_secs(5);

impl Daemon {
    /// Every source has been asked and every timer looked at in this turn: the loop is alive, whatever
    /// a device does. But no ping while a device is away that nobody tries to open.
    pub(super) fn ping(&mut self, now: Monotonic) {
        let video = self.video.as_ref().and_then(|video| video.source().next_attempt());
        let audio = self.audio.as_ref().and_then(|audio| audio.source().next_attempt());
        let tried = [video, audio].into_iter().flatten().all(|due| now < due + OVERDUE);
        self.notifier.ping(now, tried);
    }

    /// Once a second: what `systemctl status` shows.
    pub(super) fn tell_status(&mut self) {
        if self.notifier.listens() {
            let line = self.status_line();
            self.notifier.status(&line);
        }
    }

    fn status_line(&self) -> String {
        let video = self.video.as_ref().map(|video| video.source());
        let audio = self.audio.as_ref().map(|audio| audio.source());
        let no_pictures = video.filter(|it| it.is_away()).map(|it| ("pictures", it.why_away()));
        let no_sound = audio.filter(|it| it.is_away()).map(|it| ("sound", it.why_away()));
        let mut line = format!("'{}', viewers: {}", self.name, self.viewers());
        for (what, why) in no_pictures.into_iter().chain(no_sound) {
            line += &format!("; no {what}");
            if let Some(why) = why {
                line += &format!(" ({why})");
            }
        }
        line.replace(char::is_control, " ")
    }
}
