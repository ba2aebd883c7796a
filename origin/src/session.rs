//! The sessions that are received, by their names, with the tracks that are made of them.

use crate::names::{SOUND, TIERS};
use crate::storage::Storage;
use crate::track::{Track, Tracks};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_subscribe::counters::Counters;

/// Sessions at a time: what any machine can encode, and as many again that are only stored.
const SESSIONS_MAX: usize = 64;

/// Names that paths begin with which mean something else.
const TAKEN: [&str; 7] = [".", "..", "", "metrics", "page-files", "status.json", "t"];

/// Longest time without a sample after which a session is still live.
const SILENT: Duration = Duration::from_secs(5);

/// How often what went wrong.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// Pictures that were left out since an encoder did not keep up.
    pub(crate) late: AtomicU64,
    /// JPEGs that could not be decoded.
    pub(crate) damaged: AtomicU64,
    /// Encoders that ended, or could not be begun.
    pub(crate) encoders: AtomicU64,
    /// The time line of capture is ahead of the sender's clock, in nanoseconds.
    pub(crate) ahead: AtomicU64,
    /// The sender says when it captures.
    pub(crate) by_sender: AtomicBool,
}

/// A session.
#[derive(Debug)]
pub(crate) struct Session {
    /// Its name in paths: no other session has it.
    pub(crate) name: String,
    pub(crate) counters: Arc<Counters>,
    pub(crate) storage: Option<Storage>,
    pub(crate) faults: Faults,
    /// There are to be pictures, although there may be no track of them yet.
    pub(crate) with_pictures: AtomicBool,
    /// Somebody receives it.
    received: AtomicBool,
    tracks: RwLock<Tracks>,
}

impl Session {
    pub(crate) fn new(name: String, counters: Arc<Counters>, storage: Option<Storage>) -> Self {
        let (faults, tracks) = (Faults::default(), RwLock::default());
        let with_pictures = AtomicBool::new(false);
        let received = AtomicBool::new(false);
        Self { name, counters, storage, faults, with_pictures, received, tracks }
    }

    /// Its tracks, of pictures first.
    pub(crate) fn tracks(&self) -> Tracks {
        Arc::clone(&self.tracks.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A track by its name.
    pub(crate) fn track(&self, name: &str) -> Option<Arc<Track>> {
        self.tracks().iter().find(|track| track.name == name).cloned()
    }

    /// Adds a track. If there is one of that name, it is that one, with the new one's shape.
    pub(crate) fn add(&self, track: Track) -> Arc<Track> {
        let mut tracks = self.tracks.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = tracks.iter().find(|it| it.name == track.name) {
            there.reshape(track.shape());
            return Arc::clone(there);
        }
        let track = Arc::new(track);
        let mut all: Vec<_> = tracks.iter().cloned().chain([Arc::clone(&track)]).collect();
        all.sort_by_key(|it| TIERS.iter().position(|tier| *tier == it.name).unwrap_or(TIERS.len()));
        *tracks = all.into();
        track
    }

    /// Forgets the tiers that are none of these any more.
    pub(crate) fn keep_tiers(&self, names: &[&str]) {
        let mut tracks = self.tracks.write().unwrap_or_else(PoisonError::into_inner);
        let is_kept = |it: &&Arc<Track>| it.name == SOUND || names.contains(&it.name);
        *tracks = tracks.iter().filter(is_kept).cloned().collect();
    }

    /// Whether something has come of it lately.
    pub(crate) fn is_live(&self, now: Monotonic) -> bool {
        let silent = |track: &Arc<Track>| track.silent(now).is_some_and(|silent| silent < SILENT);
        self.tracks().iter().any(silent)
    }

    /// One fault more.
    pub(crate) fn count(fault: &AtomicU64) {
        fault.fetch_add(1, Ordering::Relaxed);
    }
}

/// Receiving a session: one at a time may.
#[derive(Debug)]
pub(crate) struct Turn(Arc<Session>);

impl Turn {
    /// The turn, unless somebody has it.
    pub(crate) fn take(session: &Arc<Session>) -> Option<Self> {
        let taken = session.received.swap(true, Ordering::AcqRel);
        (!taken).then(|| Self(Arc::clone(session)))
    }

    /// The session.
    pub(crate) fn session(&self) -> Arc<Session> {
        Arc::clone(&self.0)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.received.store(false, Ordering::Release);
    }
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sessions(Arc<RwLock<Vec<Arc<Session>>>>);

impl Sessions {
    /// The session of this name.
    pub(crate) fn named(&self, name: &str) -> Option<Arc<Session>> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|session| session.name == name).cloned()
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        let mut all = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    /// A name for a session that calls itself `own`: another one if that means something else in a path.
    pub(crate) fn name_for(own: &str) -> String {
        if TAKEN.contains(&own) { format!("session-{own}") } else { own.to_owned() }
    }

    /// Adds a session that was made by its name, unless it is there.
    ///
    /// # Errors
    /// One line: why there can be none, and what to do.
    pub(crate) fn add(
        &self,
        name: &str,
        make: impl FnOnce(String) -> Result<Session, String>,
    ) -> Result<Arc<Session>, String> {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = all.iter().find(|session| session.name == name) {
            return Ok(Arc::clone(there));
        }
        if all.len() >= SESSIONS_MAX {
            // One that nobody receives or watches makes room; what is stored of it is found all the same.
            let idle = all.iter().position(|it| Arc::strong_count(it) == 1);
            idle.map(|at| all.remove(at));
        }
        if all.len() >= SESSIONS_MAX {
            return Err(format!(
                "there are {SESSIONS_MAX} sessions already: name those to be received"
            ));
        }
        let session = Arc::new(make(name.to_owned())?);
        all.push(Arc::clone(&session));
        Ok(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::Shape;
    use streamsocket_cmaf::grid::Grid;

    #[test]
    fn a_session_that_comes_again_is_the_same_and_names_that_are_paths_are_others() {
        let sessions = Sessions::default();
        let add = |name: &str| {
            let new = |name| Ok(Session::new(name, Arc::default(), None));
            sessions.add(name, new)
        };
        let one = add("Door").unwrap();
        assert!(Arc::ptr_eq(&one, &add("Door").unwrap()));
        for taken in TAKEN {
            assert!(!TAKEN.contains(&&*Sessions::name_for(taken)), "{taken}");
        }
        assert_eq!(Sessions::name_for("Door"), "Door");
        let others = (0..SESSIONS_MAX - 1).map(|number| add(&number.to_string()).unwrap());
        let mut all: Vec<_> = others.collect();
        assert!(add("one more").unwrap_err().contains("name those"));
        // One that nobody receives any more makes room.
        let gone = all.pop().unwrap().name.clone();
        assert!(add("one more").is_ok() && sessions.named(&gone).is_none());
    }

    #[test]
    fn one_at_a_time_receives_a_session_and_a_track_of_another_size_is_the_same() {
        let session = Arc::new(Session::new("Door".to_owned(), Arc::default(), None));
        let turn = Turn::take(&session).unwrap();
        assert!(Turn::take(&session).is_none());
        drop(turn);
        assert!(Turn::take(&session).is_some());
        let track = |name, side| {
            let shape = Shape { size: Some((side, side)), rate: 30.0, channels: 0, bits: 1 };
            session.add(Track::new(name, shape, Grid::default(), 10, None))
        };
        let high = track("high", 640);
        track("low", 160);
        assert!(Arc::ptr_eq(&high, &track("high", 320)));
        assert_eq!(high.shape().size, Some((320, 320)));
        session.keep_tiers(&["high"]);
        assert_eq!(session.tracks().len(), 1);
    }
}
