//! The archive: what is stored, and how it is read.

use std::fs;
use std::io::ErrorKind;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use core::time::Duration;
use streamsocket_media::clock::Wall;

use crate::bucket::{self, Bucket, BucketAddress};
use crate::counts::Counts;
use crate::disk::Disk;
use crate::entry::{Entry, InitId};
use crate::error::Error;
use crate::events::{self, Event};
use crate::expiry;
use crate::hour::Hour;
use crate::hour_folder::HourFolder;
use crate::names;
use crate::recording::Recording;
use crate::removal;
use crate::retention::Retention;
use crate::segment::{Segment, Source};
use crate::summary::Summary;
use crate::tree::{self, EVER};
use crate::uploader::Uploader;
use crate::whole_file;

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
    /// A bucket (S3).
    Bucket {
        /// Where that is.
        address: BucketAddress,
        /// A folder on this machine for what is not there yet.
        spool: PathBuf,
        /// How many bytes may wait in it; beyond, what comes is not stored.
        spool_bytes: u64,
    },
}

/// What is stored of all sessions. Clones are of the same; each call may wait for the disk or the bucket, and so does
/// dropping the last clone: none belongs into an asynchronous task.
#[derive(Clone, Debug)]
pub struct Archive {
    disk: Arc<Disk>,
    bucket: Option<Arc<Bucket>>,
    /// Ends with the last clone.
    uploader: Option<Arc<Uploader>>,
}

impl Archive {
    /// Opens an archive, and puts in order what was being written when the program ended.
    ///
    /// # Errors
    /// The folder cannot be made, read or written to, or another program stores in it.
    pub fn open(place: Place, retention: Retention) -> Result<Self, Error> {
        Self::open_with(place, retention, Duration::ZERO)
    }

    /// The same of files whose times begin with their segment, which players take for their length: a segment begins at
    /// its number times `segment`.
    ///
    /// # Errors
    /// As those of [`open`](Self::open).
    pub fn open_with(place: Place, retention: Retention, segment: Duration) -> Result<Self, Error> {
        let (address, spool, most) = match place {
            Place::Local(root) => {
                let disk = Arc::new(Disk::open(root, retention, None, segment)?);
                return Ok(Self { disk, bucket: None, uploader: None });
            }
            Place::Bucket { address, spool, spool_bytes } => (address, spool, spool_bytes),
        };
        let bucket = Arc::new(Bucket::open(&address, retention)?);
        // What is spooled goes by being uploaded alone.
        let disk = Arc::new(Disk::open(spool, Retention::default(), Some(most), segment)?);
        let uploader = Uploader::start(Arc::clone(&disk), Arc::clone(&bucket))?;
        Ok(Self { disk, bucket: Some(bucket), uploader: Some(Arc::new(uploader)) })
    }

    /// Whether it is on this machine alone.
    #[must_use]
    pub const fn is_local(&self) -> bool {
        self.bucket.is_none()
    }

    /// The writing side of a session. There is to be one at a time for each.
    #[must_use]
    pub fn record(&self, session: &str) -> Recording {
        Recording::new(Arc::clone(&self.disk), self.bucket.clone(), session.to_owned())
    }

    /// Removes what the retention no longer keeps; `now` is this machine's clock. To be called once a minute or so, on
    /// a thread that may wait for the disk.
    ///
    /// # Errors
    /// Something could not be removed; it is tried again the next time.
    pub fn retain(&self, now: Wall) -> Result<(), Error> {
        match &self.bucket {
            Some(bucket) => expiry::retain(&self.disk, bucket, now),
            None => removal::retain(&self.disk, now),
        }
    }

    /// Uploads all that is finished and not in the bucket yet, which is done beside everything else anyway. Without a
    /// bucket it does nothing.
    ///
    /// # Errors
    /// The bucket did not take it.
    pub fn upload(&self) -> Result<(), Error> {
        self.uploader.as_ref().map_or(Ok(()), |it| it.upload())
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
        let mut sessions = self.disk.tree.sessions()?;
        for folder in self.bucket.iter().flat_map(|bucket| bucket.sessions()) {
            sessions.extend(match names::session(&folder) {
                Some(names::Folder::Session(name)) => Some(name),
                _ => self.object(&format!("{folder}/{}", names::NAME_FILE))?.and_then(|name| {
                    String::from_utf8(name.into()).ok().filter(|it| names::is_long(it))
                }),
            });
        }
        sessions.sort();
        sessions.dedup();
        Ok(sessions)
    }

    fn object(&self, key: &str) -> Result<Option<Bytes>, Error> {
        self.bucket.as_ref().map_or(Ok(None), |bucket| bucket.get(key, 0))
    }

    /// The hours of a track that may have something stored, in order.
    fn stored_hours(
        &self,
        session: &str,
        track: &str,
        within: &RangeInclusive<Hour>,
    ) -> Result<Vec<Hour>, Error> {
        let path = self.disk.tree.track(session, track)?;
        let folders = tree::hours(&path, within)?;
        let mut hours: Vec<_> = folders.iter().map(HourFolder::hour).collect();
        if let Some(bucket) = &self.bucket {
            hours.extend(bucket.hours(&names::folder(session), within));
            hours.sort_unstable();
            hours.dedup();
        }
        Ok(hours)
    }

    /// The segments of an hour, by number: of the spool and of the bucket.
    fn entries(&self, session: &str, track: &str, hour: Hour) -> Result<Vec<Entry>, Error> {
        let folder = HourFolder::new(&self.disk.tree.track(session, track)?, hour);
        let Some(bucket) = &self.bucket else { return folder.entries() };
        // In this order: what is uploaded meanwhile is in both.
        let mut entries = folder.present()?;
        let name = (names::folder(session), track.to_owned());
        entries.extend(bucket.entries(&name, hour)?.iter());
        entries.sort_by_key(|it| it.number);
        entries.dedup_by_key(|it| it.number);
        Ok(entries)
    }

    /// The highest number of a track's segments in its last hour.
    ///
    /// # Errors
    /// The folder cannot be read, or no track has such a name.
    pub fn newest(&self, session: &str, track: &str) -> Result<Option<u64>, Error> {
        for hour in self.stored_hours(session, track, &EVER)?.into_iter().rev() {
            if let Some(last) = self.entries(session, track, hour)?.last() {
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
        for hour in self.stored_hours(session, track, &hours)? {
            let entries = self.entries(session, track, hour)?.into_iter();
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
        let path = self.disk.tree.track(session, track)?;
        for hour in self.stored_hours(session, track, &hours)?.into_iter().rev() {
            let file = HourFolder::new(&path, hour).segment(number);
            // Without a bucket the index is read only where there is a file. One without a line is being written.
            if self.bucket.is_none() && !file.is_file() {
                continue;
            }
            let entries = self.entries(session, track, hour)?;
            let Ok(at) = entries.binary_search_by_key(&number, |it| it.number) else { continue };
            let source = match &self.bucket {
                Some(bucket) if !file.is_file() => {
                    let name = (names::folder(session), track.to_owned());
                    Source::Object(Arc::clone(bucket), bucket::key(&name, hour, &entries[at]))
                }
                _ => Source::File(file),
            };
            return Ok(Some(Segment { entry: entries[at], source }));
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
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.object(&bucket::init_key(&(names::folder(session), track.to_owned()), id))
            }
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
        let hours = self.stored_hours(session, track, &within)?;
        let last = hours.len().saturating_sub(HOURS_MAX);
        let path = self.disk.tree.track(session, track)?;
        let mut found = Vec::new();
        for hour in &hours[last..] {
            found.push(if self.bucket.is_some() {
                Summary::of(*hour, &self.entries(session, track, *hour)?)
            } else {
                HourFolder::new(&path, *hour).summary()?
            });
        }
        // Another track may have something then.
        found.retain(|it| it.entries > 0);
        Ok(found)
    }

    /// Marks an event: the segments of its span, stored before or after, are kept as long as it says.
    ///
    /// # Errors
    /// The label is too long, there are [`events::EVENTS_MAX`] already, or the file cannot be written.
    pub fn mark(&self, session: &str, event: &Event) -> Result<(), Error> {
        let _alone = self.disk.held();
        self.disk.tree.make_session(session)?;
        self.fetch_events(session)?;
        events::add(&self.disk.tree.events(session), event)
    }

    /// Removes an event by when it was marked; its segments are kept as all others then. Returns whether there was one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn unmark(&self, session: &str, at: Wall) -> Result<bool, Error> {
        let _alone = self.disk.held();
        self.fetch_events(session)?;
        events::remove(&self.disk.tree.events(session), at)
    }

    /// A session's events, in the order in which they were marked.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn events(&self, session: &str) -> Result<Vec<Event>, Error> {
        let path = self.disk.tree.events(session);
        if !path.exists() {
            let key = format!("{}/{}", names::folder(session), names::EVENTS_FILE);
            return Ok(self.object(&key)?.map_or_else(Vec::new, |it| events::parse(&it)));
        }
        events::read(&path)
    }

    /// Brings a session's events here from the bucket, if a spool is new, so that they are not replaced by others.
    fn fetch_events(&self, session: &str) -> Result<(), Error> {
        if self.bucket.is_none() {
            return Ok(());
        }
        self.disk.tree.make_session(session)?;
        let path = self.disk.tree.events(session);
        let key = format!("{}/{}", names::folder(session), names::EVENTS_FILE);
        match self.object(&key) {
            Ok(Some(events)) if !path.exists() => whole_file::write(&path, &events),
            Err(error) if !path.exists() => Err(error),
            _ => Ok(()),
        }
    }
}
