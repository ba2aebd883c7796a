//! What goes wrong again and again is said once.

use std::time::Duration;
use streamsocket_media::clock::Monotonic;

/// How long after the last time the same is said again.
const AGAIN: Duration = Duration::from_secs(60);

/// What went wrong last.
#[derive(Debug, Default)]
pub(crate) struct Complaint(Option<(String, Monotonic)>);

impl Complaint {
    /// Whether that is to be said at `now`: it is something else than the last time, or that was long ago.
    pub(crate) fn is_new(&mut self, why: &str, now: Monotonic) -> bool {
        let last = self.0.replace((why.to_owned(), now));
        last.is_none_or(|(said, at)| said != why || now.since(at) >= AGAIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_said_once_while_it_goes_on() {
        let mut complaint = Complaint::default();
        let mut is_new =
            |why, second: i64| complaint.is_new(why, Monotonic(second * 1_000_000_000));
        assert!(is_new("no ffmpeg", 0));
        assert!((1..90).all(|second| !is_new("no ffmpeg", 2 * second)));
        assert!(is_new("ffmpeg ended", 180) && is_new("no ffmpeg", 182));
        assert!(is_new("no ffmpeg", 242));
    }
}
