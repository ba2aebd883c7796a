//! The writing side: what comes of a session's segments, part by part, on a thread that may wait for the disk.

use core::time::Duration;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use streamsocket_media::clock::Wall;

use crate::bucket::Bucket;
use crate::disk::{Disk, Held};
use crate::entry::{Entry, InitId};
use crate::error::Error;
use crate::hour::Hour;
use crate::hour_folder::HourFolder;
use crate::names;
use crate::removal::make_room;
use crate::repair::cut;
use crate::tree;
use crate::whole_file;

/// What is known of a segment when it begins.
#[derive(Clone, Copy, Debug)]
pub struct Begin<'a> {
    /// Its number.
    pub number: u64,
    /// When its first frame was captured, or when it begins by its number: it says in which hour it is kept.
    pub begin: Wall,
    /// The initialisation segment: `ftyp` and `moov`.
    pub init: &'a [u8],
    /// The name of that.
    pub init_id: InitId,
}

/// What is known of a segment when it is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Finish {
    /// How long it takes.
    pub duration: Duration,
    /// Frames, or blocks of sound.
    pub frames: u32,
    /// Frames that did not arrive.
    pub lost: u32,
    /// Packets that arrived as repair.
    pub repaired: u32,
}

/// Stores one session; there is one at a time for each. What cannot be stored is said once, in the log, and counted:
/// the segments that come go on as if nothing were the matter, and are stored again as soon as they can be.
///
/// Each part is handed to the kernel when it comes, so that a program that is killed loses the part that it writes at
/// most. A segment's data is on the disk (fdatasync(2)) before the index says that there is one: after a power cut
/// the segments that were being written may be missing, but none is damaged.
#[derive(Debug)]
pub struct Recording {
    disk: Arc<Disk>,
    bucket: Option<Arc<Bucket>>,
    session: String,
    tracks: BTreeMap<String, Track>,
}

/// A track that has had a segment.
#[derive(Debug)]
struct Track {
    path: PathBuf,
    folder: HourFolder,
    /// Segments of that hour that were in the bucket when it began.
    taken: Arc<[Entry]>,
    /// The hour of the last segment: it is not removed while it runs.
    held: Held,
    open: Option<Open>,
}

/// A segment that has begun.
#[derive(Debug)]
struct Open {
    entry: Entry,
    file: File,
    path: PathBuf,
}

impl Recording {
    pub(crate) const fn new(disk: Arc<Disk>, bucket: Option<Arc<Bucket>>, session: String) -> Self {
        Self { disk, bucket, session, tracks: BTreeMap::new() }
    }

    /// Nothing comes for now: hours in which no segment is being written are closed, and may be removed.
    pub fn rest(&mut self) {
        let disk = Arc::clone(&self.disk);
        self.tracks.retain(|_, track| {
            if track.open.is_none() {
                if let Err(error) = track.folder.close() {
                    disk.hear(&error, track.held.hour().begin());
                }
            }
            track.open.is_some()
        });
    }

    /// Begins a segment. If one of that number is stored, it stays, and this one is refused. One of the track that has
    /// begun is finished, as long as its own boxes say.
    pub fn begin(&mut self, track: &str, segment: Begin<'_>) {
        self.close_open(track);
        if let Err(error) = self.try_begin(track, segment) {
            self.hear_of_lost(&error, segment.begin);
        }
    }

    /// Adds a part (`moof` and `mdat`) to the segment of a track that has begun. If it does not fit, the segment ends
    /// with the part before. Without a segment nothing happens.
    pub fn append(&mut self, track: &str, part: &[u8]) {
        let Some(state) = self.tracks.get_mut(track) else { return };
        let Some(open) = &mut state.open else { return };
        let at = open.entry.begin;
        let written = with_room(&self.disk, at, || open.write(part));
        if let Err(error) = written {
            self.disk.hear(&error, at);
            self.close_open(track);
        }
    }

    /// Ends the segment of a track. Returns what the index says of it, or `None` if there is none, or it could not be
    /// stored whole: then it was refused, or is shorter, or is not there, and that was said.
    pub fn finish(&mut self, track: &str, finish: Finish) -> Option<Entry> {
        let open = self.tracks.get_mut(track)?.open.take()?;
        let Finish { duration, frames, lost, repaired } = finish;
        let entry = Entry { duration, frames, lost, repaired, ..open.entry };
        self.index(track, entry, &open.file, &open.path)
    }

    /// Stores a segment that is whole already, which may be older than others: one of those that came before a mark.
    /// Returns whether it was new.
    ///
    /// # Errors
    /// The disk is full, or the folder cannot be written to; nothing is stored then.
    pub fn store(
        &mut self,
        track: &str,
        segment: Begin<'_>,
        finish: Finish,
        parts: &[Bytes],
    ) -> Result<bool, Error> {
        let path = self.disk.tree.make_track(&self.session, track)?;
        self.disk.check_spool()?;
        let hour = Hour::of(segment.begin);
        let _held = self.disk.hold(&self.session, hour);
        let folder = HourFolder::new(&path, hour);
        if self.bucket.is_some() {
            let taken = self.taken(track, hour);
            if has(&folder.entries()?, segment.number) || has(&taken, segment.number) {
                return Ok(false);
            }
        }
        let stored = with_room(&self.disk, segment.begin, || {
            let mut open = open(&path, &folder, segment)?;
            let written = parts.iter().try_for_each(|part| open.write(part));
            written
                .and_then(|()| sync(&open.file, &open.path))
                .map_err(|error| open.remove(error))?;
            let Finish { duration, frames, lost, repaired } = finish;
            let entry = Entry { duration, frames, lost, repaired, ..open.entry };
            folder.append(&entry).map_err(|error| open.remove(error))?;
            Ok(entry.bytes)
        });
        // Unless it is the one that runs.
        if self.tracks.get(track).is_none_or(|track| track.held.hour() != hour) {
            folder.close()?;
        }
        match stored {
            Ok(bytes) => {
                self.disk.counters.segments.add(1);
                self.disk.add_bytes(bytes);
                Ok(true)
            }
            Err(Error::Stored { .. }) => Ok(false),
            Err(error) => {
                self.hear_of_lost(&error, segment.begin);
                Err(error)
            }
        }
    }

    fn try_begin(&mut self, track: &str, segment: Begin<'_>) -> Result<(), Error> {
        let hour = Hour::of(segment.begin);
        let path = self.disk.tree.track(&self.session, track)?;
        self.disk.check_spool()?;
        if self.tracks.get(track).is_none_or(|track| track.held.hour() != hour) {
            let held = self.disk.hold(&self.session, hour);
            let folder = HourFolder::new(&path, hour);
            let taken = self.taken(track, hour);
            let new = Track { path: path.clone(), folder, taken, held, open: None };
            if let Some(before) = self.tracks.insert(track.to_owned(), new) {
                // Unless it is closed, the next start looks through it.
                if let Err(error) = before.folder.close() {
                    self.disk.hear(&error, segment.begin);
                }
            }
        }
        let Some(state) = self.tracks.get_mut(track) else { return Ok(()) };
        if self.bucket.is_some() {
            let entries = state.folder.entries()?;
            if has(&entries, segment.number) || has(&state.taken, segment.number) {
                return Err(Error::Stored { track: track.to_owned(), number: segment.number });
            }
        }
        let (disk, session) = (&self.disk, &self.session);
        state.open = Some(with_room(disk, segment.begin, || {
            disk.tree.make_track(session, track)?;
            open(&path, &state.folder, segment)
        })?);
        Ok(())
    }

    /// What is in the bucket of an hour. If that cannot be asked, nothing: names of objects have more than a number.
    fn taken(&self, track: &str, hour: Hour) -> Arc<[Entry]> {
        let name = (names::folder(&self.session), track.to_owned());
        let listed = self.bucket.as_ref().and_then(|bucket| bucket.entries(&name, hour).ok());
        listed.unwrap_or_default()
    }

    /// Ends a segment before its time: cut after its last whole part, or removed if it has none.
    fn close_open(&mut self, track: &str) {
        let Some(state) = self.tracks.get_mut(track) else { return };
        let Some(open) = state.open.take() else { return };
        match cut(&state.path, open.entry.number, &open.path, self.disk.segment) {
            Ok(Some(entry)) => {
                self.disk.counters.cut.add(1);
                self.index(track, entry, &open.file, &open.path);
            }
            Ok(None) => self.disk.counters.failed.add(1),
            Err(error) => self.hear_of_lost(&error, open.entry.begin),
        }
    }

    /// Writes a segment into the index, or removes it.
    fn index(&self, track: &str, entry: Entry, file: &File, path: &Path) -> Option<Entry> {
        let folder = &self.tracks.get(track)?.folder;
        let indexed = sync(file, path)
            .and_then(|()| with_room(&self.disk, entry.begin, || folder.append(&entry)));
        if let Err(error) = indexed {
            // Without a line of the index nobody finds it; the next start may.
            let _ = fs::remove_file(path);
            self.hear_of_lost(&error, entry.begin);
            return None;
        }
        self.disk.counters.segments.add(1);
        self.disk.add_bytes(entry.bytes);
        self.disk.trouble().hear_stored(entry.begin);
        Some(entry)
    }

    /// Says and counts that a segment is not stored.
    fn hear_of_lost(&self, error: &Error, at: Wall) {
        let counters = &self.disk.counters;
        let is_refused = matches!(error, Error::Stored { .. });
        if is_refused { &counters.refused } else { &counters.failed }.add(1);
        self.disk.hear(error, at);
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let tracks: Vec<_> = self.tracks.keys().cloned().collect();
        for track in tracks {
            self.close_open(&track);
        }
        for track in self.tracks.values() {
            if let Err(error) = track.folder.close() {
                self.disk.hear(&error, track.held.hour().begin());
            }
        }
    }
}

impl Open {
    /// Writes a part, all of it or none.
    fn write(&mut self, part: &[u8]) -> Result<(), Error> {
        self.file.write_all(part).map_err(|cause| {
            // If that fails, too, the file is cut when it is closed, or at the next start.
            let _ = self.file.set_len(self.entry.bytes);
            Error::io("write", &self.path)(cause)
        })?;
        self.entry.bytes += part.len() as u64;
        Ok(())
    }

    fn remove(&self, error: Error) -> Error {
        // Nothing of it is in the index.
        let _ = fs::remove_file(&self.path);
        error
    }
}

/// Makes the file of a segment, with its initialisation segment, which is kept beside as well.
fn open(track: &Path, folder: &HourFolder, segment: Begin<'_>) -> Result<Open, Error> {
    folder.open()?;
    let init = tree::init(track, segment.init_id);
    if !init.is_file() {
        whole_file::write(&init, segment.init)?;
    }
    let path = folder.segment(segment.number);
    let file = match OpenOptions::new().append(true).create_new(true).open(&path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let track = track.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Err(Error::Stored { track, number: segment.number });
        }
        opened => opened.map_err(Error::io("write", &path))?,
    };
    let too_long = || Error::io("write", &path)(io::Error::from(ErrorKind::InvalidInput));
    let init_len = u32::try_from(segment.init.len()).map_err(|_| too_long())?;
    let entry = Entry {
        number: segment.number,
        begin: segment.begin,
        duration: Duration::ZERO,
        bytes: 0,
        init_len,
        frames: 0,
        lost: 0,
        repaired: 0,
        init: segment.init_id,
    };
    let mut open = Open { entry, file, path };
    open.write(segment.init).map_err(|error| open.remove(error))?;
    Ok(open)
}

/// Whether a segment of that number is among these, which are by number.
fn has(entries: &[Entry], number: u64) -> bool {
    entries.binary_search_by_key(&number, |it| it.number).is_ok()
}

fn sync(file: &File, path: &Path) -> Result<(), Error> {
    file.sync_data().map_err(Error::io("write", path))
}

/// Does what needs room on the disk, and again as long as older hours may be removed for it.
fn with_room<T>(
    disk: &Disk,
    at: Wall,
    mut write: impl FnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    loop {
        match write() {
            Err(error) if error.is_full() && make_room(disk, at)? => {}
            done => return done,
        }
    }
}
