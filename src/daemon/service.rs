//! Tells the service manager about the session: a status line, and watchdog pings.

use super::input::Input;
use super::state::Daemon;
use crate::publish::relay::Relay;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;

/// Every turn makes the attempts that are due. One that is overdue by so much, many times the
/// length of a slow turn, was forgotten.
const OVERDUE: Duration = Duration::from_secs(5);

impl Daemon {
    /// Pings the service manager: in this turn every source was polled and every deadline checked,
    /// so the loop is alive. No ping while a device is away that nobody tries to reopen.
    pub(super) fn ping(&mut self, now: Monotonic) {
        let mut attempts = self.inputs.iter().filter_map(Input::next_attempt);
        let tried = attempts.all(|due| now < due + OVERDUE);
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
        let mut line = format!("'{}', viewers: {}", self.name, self.viewers());
        if self.paused {
            line += "; paused";
        }
        for input in self.inputs.iter().filter(|input| input.is_away()) {
            line += if input.is_sound() { "; no sound" } else { "; no pictures" };
            if let Some(why) = input.why_away() {
                line += &format!(" ({why})");
            }
        }
        if let Some(why) = self.relay.as_ref().and_then(Relay::why) {
            line += &format!("; not published ({why})");
        }
        line.replace(char::is_control, " ")
    }
}
