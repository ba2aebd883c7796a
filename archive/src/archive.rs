//! The archive: what is stored, and how it is read.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use core::time::Duration;
use streamsocket_media::clock::Wall;

use crate::counts::Counts;
use crate::disk::Disk;
use crate::entry::{Entry, InitId};
use crate::error::Error;
use crate::events::{self, Event};
use crate::hour::Hour;
use crate::hour_folder::HourFolder;
use crate::recording::Recording;
use crate::removal;
use crate::retention::Retention;
use crate::summary::Summary;
use crate::tree::{self, EVER};

/// Most segments of one span: a day of 2 s each. A playlist of them has 5 MB; whoever wants more asks for several.
pub const SPAN_SEGMENTS_MAX: usize = 43_200;

/// Most hours of one time line: a year.
pub const HOURS_MAX: usize = 24 * 366;

/// Longest time that a segment may reach into an hour from the one before it: some segments' lengths.
const REACH: Duration = Duration::from_secs(60);

/// Where an archive is kept.
#[derive(Clone, Debug)]
pub enum Place {
    /// A folder on this machine.
    Local(PathBuf),
}

/// What is stored of all sessions. Clones are of the same; each call may wait for the disk.
#[derive(Clone, Debug)]
pub struct Archive {
    disk: Arc<Disk>,
}

/// A stored segment, to be read.
#[derive(Clone, Debug)]
pub struct Segment {
    /// What the index says of it.
    pub entry: Entry,
    path: PathBuf,
}

impl Segment {
    /// Its file, if it is on this machine: the initialisation segment, of `entry.init_len` bytes, and then its parts.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        Some(&self.path)
    }

    /// Its parts, without the initialisation segment in front.
    ///
    /// # Errors
    /// It was removed meanwhile, or cannot be read.
    pub fn bytes(&self) -> Result<Bytes, Error> {
        let error = || Error::io("read", &self.path);
        let init_len = u64::from(self.entry.init_len);
        let mut file = File::open(&self.path).map_err(error())?;
        file.seek(SeekFrom::Start(init_len)).map_err(error())?;
        let mut bytes = Vec::new();
        file.take(self.entry.bytes - init_len).read_to_end(&mut bytes).map_err(error())?;
        Ok(bytes.into())
    }
}

impl Archive {
    /// Opens an archive, and puts in order what was being written when the program ended.
    ///
    /// # Errors
    /// The folder cannot be made, read or written to, or another program stores in it.
    pub fn open(place: Place, retention: Retention) -> Result<Self, Error> {
        let Place::Local(root) = place;
        Ok(Self { disk: Arc::new(Disk::open(root, retention)?) })
    }

    /// The writing side of a session. There is to be one at a time for each.
    #[must_use]
    pub fn record(&self, session: &str) -> Recording {
        Recording::new(Arc::clone(&self.disk), session.to_owned())
    }

    /// Removes what the retention no longer keeps; `now` is this machine's clock. To be called once a minute or so, on
    /// a thread that may wait for the disk.
    ///
    /// # Errors
    /// Something could not be removed; it is tried again the next time.
    pub fn retain(&self, now: Wall) -> Result<(), Error> {
        removal::retain(&self.disk, now)
    }

    /// What was counted since the archive was opened, and the bytes that are stored now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.disk.counters.read()
    }

    /// What keeps segments from being stored, while something does: the line that was logged.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.disk.trouble().line().map(str::to_owned)
    }

    /// Bytes that are stored now.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.counts().bytes
    }

    /// The names of all sessions of which something is stored.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn sessions(&self) -> Result<Vec<String>, Error> {
        self.disk.tree.sessions()
    }

    /// The highest number of a track's segments in its last hour.
    ///
    /// # Errors
    /// The folder cannot be read, or no track has such a name.
    pub fn newest(&self, session: &str, track: &str) -> Result<Option<u64>, Error> {
        let hours = tree::hours(&self.disk.tree.track(session, track)?, &EVER)?;
        for hour in hours.iter().rev() {
            if let Some(last) = hour.entries()?.last() {
                return Ok(Some(last.number));
            }
        }
        Ok(None)
    }

    /// The segments of a track of which something lies between two points, by number.
    ///
    /// # Errors
    /// There are more than [`SPAN_SEGMENTS_MAX`], the folder cannot be read, or no track has such a name.
    pub fn span(
        &self,
        session: &str,
        track: &str,
        from: Wall,
        to: Wall,
    ) -> Result<Vec<Entry>, Error> {
        let mut span = Vec::new();
        let reach = i64::try_from(REACH.as_nanos()).unwrap_or(i64::MAX);
        let hours = Hour::of(Wall(from.0.saturating_sub(reach)))..=Hour::of(to);
        for hour in tree::hours(&self.disk.tree.track(session, track)?, &hours)? {
            let entries = hour.entries()?.into_iter();
            span.extend(entries.filter(|it| it.is_within(from, to)));
            if span.len() > SPAN_SEGMENTS_MAX {
                return Err(Error::Span { most: SPAN_SEGMENTS_MAX });
            }
        }
        Ok(span)
    }

    /// A segment by its number. `near` is when it begins, give or take an hour (its number times the length of
    /// segments); without it all hours are looked through, the last first.
    ///
    /// # Errors
    /// The folder cannot be read, or no track has such a name.
    pub fn segment(
        &self,
        session: &str,
        track: &str,
        number: u64,
        near: Option<Wall>,
    ) -> Result<Option<Segment>, Error> {
        let hours = near.map_or(EVER, |near| {
            let hour = Hour::of(near);
            hour.before()..=hour.next()
        });
        let hours = tree::hours(&self.disk.tree.track(session, track)?, &hours)?;
        for hour in hours.iter().rev().filter(|it| it.segment(number).is_file()) {
            let entries = hour.entries()?;
            // One without a line is being written.
            if let Ok(at) = entries.binary_search_by_key(&number, |it| it.number) {
                return Ok(Some(Segment { entry: entries[at], path: hour.segment(number) }));
            }
        }
        Ok(None)
    }

    /// An initialisation segment of a track.
    ///
    /// # Errors
    /// The folder cannot be read, or no track has such a name.
    pub fn init(&self, session: &str, track: &str, id: InitId) -> Result<Option<Bytes>, Error> {
        let path = tree::init(&self.disk.tree.track(session, track)?, id);
        match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            read => read.map(|it| Some(it.into())).map_err(Error::io("read", &path)),
        }
    }

    /// The hours of a track that have something stored between two points, in order: the last [`HOURS_MAX`] of them.
    ///
    /// # Errors
    /// The folder cannot be read, or no track has such a name.
    pub fn hours(
        &self,
        session: &str,
        track: &str,
        from: Wall,
        to: Wall,
    ) -> Result<Vec<Summary>, Error> {
        let within = Hour::of(from)..=Hour::of(to);
        let hours = tree::hours(&self.disk.tree.track(session, track)?, &within)?;
        let last = hours.len().saturating_sub(HOURS_MAX);
        hours[last..].iter().map(HourFolder::summary).collect()
    }

    /// Marks an event: the segments of its span, stored before or after, are kept as long as it says.
    ///
    /// # Errors
    /// The label is too long, there are [`events::EVENTS_MAX`] already, or the file cannot be written.
    pub fn mark(&self, session: &str, event: &Event) -> Result<(), Error> {
        let _alone = self.disk.held();
        self.disk.tree.make_session(session)?;
        events::add(&self.disk.tree.events(session), event)
    }

    /// Removes an event by when it was marked; its segments are kept as all others then. Returns whether there was one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn unmark(&self, session: &str, at: Wall) -> Result<bool, Error> {
        let _alone = self.disk.held();
        events::remove(&self.disk.tree.events(session), at)
    }

    /// A session's events, in the order in which they were marked.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn events(&self, session: &str) -> Result<Vec<Event>, Error> {
        events::read(&self.disk.tree.events(session))
    }
}
