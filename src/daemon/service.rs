//! Tells the service manager about the session: a status line, and watchdog pings.

use super::state::Daemon;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;

/// Every turn makes the attempts that are due. One that is overdue by so much, many times the
/// length of a slow turn, was forgotten.
const OVERDUE: Duration = Duration::from_secs(5);

impl Daemon {
    /// Pings the service manager: in this turn every source was polled and every deadline checked,
    /// so the loop is alive. No ping while a device is away that nobody tries to reopen.
    pub(super) fn ping(&mut self, now: Monotonic) {
        let video = self.video.as_ref().and_then(|video| video.source().next_attempt());
        let audio = self.audio.as_ref().and_then(|audio| audio.source().next_attempt());
        let tried = [video, audio].into_iter().flatten().all(|due| now < due + OVERDUE);
        self.notifier.ping(now, tried);
    }

    /// Updates the line that `systemctl status` shows; called once a second.
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
