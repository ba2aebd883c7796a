//! The hours of a session for a time line: how much is stored of each, and from when until when.

use serde_json::json;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use streamsocket_archive::{Archive, Entry, Error, Summary};
use streamsocket_media::clock::Wall;

/// Stretches that are named of an hour at most; more are drawn as one.
const STRETCHES_MAX: usize = 200;

/// Pauses that are shorter are none, in nanoseconds: pictures come early and late.
const PAUSE: i64 = 500_000_000;

/// Hours that are remembered at most: a month of one session, as a page asks for it again each minute. With
/// [`STRETCHES_MAX`] of each they are 2.5 MB.
const REMEMBERED_MAX: usize = 32 * 24;

/// From when until when something is stored, in milliseconds since 1970.
type Stretch = [i64; 2];

/// What an index said of an hour.
#[derive(Debug)]
struct Read {
    session: String,
    track: &'static str,
    summary: Summary,
    stretches: Vec<Stretch>,
}

/// What indexes have said of hours: each is read once for as long as nothing is added to it.
#[derive(Debug, Default)]
pub(crate) struct Hours {
    read: Mutex<VecDeque<Read>>,
}

impl Hours {
    /// An hour, as a time line takes it.
    ///
    /// # Errors
    /// Its index cannot be read.
    pub(crate) fn shown(
        &self,
        archive: &Archive,
        session: &str,
        track: &'static str,
        summary: &Summary,
    ) -> Result<serde_json::Value, Error> {
        let stretches = match self.remembered(session, track, summary) {
            Some(stretches) => stretches,
            None => {
                let hour = summary.hour;
                let entries = archive.span(session, track, hour.begin(), hour.end())?;
                let stretches = stretches(&entries);
                self.remember(Read {
                    session: session.to_owned(),
                    track,
                    summary: *summary,
                    stretches: stretches.clone(),
                });
                stretches
            }
        };
        Ok(json!({
            "begin": millis(summary.begin()),
            "entries": summary.entries,
            "seconds": summary.stored.as_secs_f64(),
            "bytes": summary.bytes,
            "lost": summary.lost,
            "spans": stretches,
        }))
    }

    fn remembered(&self, session: &str, track: &str, summary: &Summary) -> Option<Vec<Stretch>> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it =
            |it: &&Read| it.summary == *summary && it.track == track && it.session == session;
        read.iter().find(is_it).map(|it| it.stretches.clone())
    }

    fn remember(&self, new: Read) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let is_other = |it: &Read| {
            it.summary.hour != new.summary.hour
                || it.track != new.track
                || it.session != new.session
        };
        read.retain(is_other);
        if read.len() >= REMEMBERED_MAX {
            read.pop_front();
        }
        read.push_back(new);
    }
}

/// The stretches of segments that follow each other.
fn stretches(entries: &[Entry]) -> Vec<Stretch> {
    let mut stretches: Vec<[Wall; 2]> = Vec::new();
    for entry in entries {
        let is_full = stretches.len() >= STRETCHES_MAX;
        match stretches.last_mut() {
            Some([_, end]) if is_full || entry.begin.0 - end.0 <= PAUSE => *end = entry.end(),
            _ => stretches.push([entry.begin, entry.end()]),
        }
    }
    stretches.into_iter().map(|stretch| stretch.map(millis)).collect()
}

/// Milliseconds since 1970.
pub(crate) const fn millis(at: Wall) -> i64 {
    at.0.div_euclid(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use streamsocket_archive::Hour;

    fn read(hour: i64, entries: u32) -> Read {
        let stored = Duration::from_secs(2) * entries;
        let (bytes, lost, repaired, gaps) = (1000, 0, 0, 0);
        let summary = Summary { hour: Hour(hour), entries, stored, bytes, lost, repaired, gaps };
        let stretches = vec![[0, i64::from(entries) * 2000]];
        Read { session: "Door".into(), track: "low", summary, stretches }
    }

    #[test]
    fn an_hour_is_read_again_only_if_something_was_added_and_the_oldest_are_forgotten() {
        let hours = Hours::default();
        let known = |it: &Read| hours.remembered("Door", "low", &it.summary);
        hours.remember(read(1, 10));
        assert_eq!(known(&read(1, 10)), Some(vec![[0, 20_000]]));
        assert_eq!(known(&read(1, 11)), None);
        assert_eq!(hours.remembered("Garden", "low", &read(1, 10).summary), None);
        assert_eq!(hours.remembered("Door", "audio", &read(1, 10).summary), None);
        hours.remember(read(1, 11));
        assert_eq!((known(&read(1, 10)), known(&read(1, 11))), (None, Some(vec![[0, 22_000]])));
        for hour in 2..2 + i64::try_from(REMEMBERED_MAX).unwrap() {
            hours.remember(read(hour, 1));
        }
        assert_eq!((known(&read(1, 11)), known(&read(2, 1))), (None, Some(vec![[0, 2000]])));
        assert_eq!(hours.read.lock().unwrap().len(), REMEMBERED_MAX);
    }
}
