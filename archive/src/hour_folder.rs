//! The folder of an hour of a track: files of segments, `N.mp4`, and beside them the index, a line for each. An hour
//! that is over has a summary as well; without one it may have been written to when the program ended, and is repaired
//! at the next start.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::entry::Entry;
use crate::error::Error;
use crate::hour::Hour;
use crate::summary::Summary;
use crate::whole_file;

/// A line for each segment.
const INDEX: &str = "index";

/// The figures of an hour to which nothing is added.
const SUMMARY: &str = "summary";

/// What a folder is called while it is removed, behind its name.
pub(crate) const REMOVED: &str = ".removed";

/// The folder of an hour of a track.
#[derive(Clone, Debug)]
pub(crate) struct HourFolder {
    hour: Hour,
    path: PathBuf,
}

impl HourFolder {
    /// The folder of an hour, which need not be there.
    pub(crate) fn new(track: &Path, hour: Hour) -> Self {
        Self { hour, path: track.join(hour.to_string()) }
    }

    pub(crate) const fn hour(&self) -> Hour {
        self.hour
    }

    /// Where a segment is.
    pub(crate) fn segment(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number}.mp4"))
    }

    /// Makes the folder, and says that it is being written to.
    pub(crate) fn open(&self) -> Result<(), Error> {
        fs::create_dir_all(&self.path).map_err(Error::io("make", &self.path))?;
        let summary = self.path.join(SUMMARY);
        match fs::remove_file(&summary) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(Error::io("remove", &summary)(error))
            }
            _ => Ok(()),
        }
    }

    /// Says that nothing is written any more.
    pub(crate) fn close(&self) -> Result<(), Error> {
        let summary = Summary::of(self.hour, &self.entries()?);
        whole_file::write(&self.path.join(SUMMARY), summary.to_string().as_bytes())
    }

    /// Whether nothing is written.
    pub(crate) fn is_closed(&self) -> bool {
        self.path.join(SUMMARY).is_file()
    }

    /// What is stored, by number. What is torn or damaged in the index is left out.
    pub(crate) fn entries(&self) -> Result<Vec<Entry>, Error> {
        let path = self.path.join(INDEX);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            read => read.map_err(Error::io("read", &path))?,
        };
        Ok(entries(&bytes))
    }

    /// What is stored and has not gone into a bucket.
    pub(crate) fn present(&self) -> Result<Vec<Entry>, Error> {
        let mut entries = self.entries()?;
        entries.retain(|it| self.segment(it.number).is_file());
        Ok(entries)
    }

    /// What is stored, in figures.
    pub(crate) fn summary(&self) -> Result<Summary, Error> {
        let line = fs::read_to_string(self.path.join(SUMMARY)).unwrap_or_default();
        let Some(summary) = Summary::parse(self.hour, &line) else {
            return Ok(Summary::of(self.hour, &self.entries()?));
        };
        Ok(summary)
    }

    /// Adds a line to the index: all of it, or none.
    pub(crate) fn append(&self, entry: &Entry) -> Result<(), Error> {
        let path = self.path.join(INDEX);
        let error = || Error::io("write", &path);
        let mut file = OpenOptions::new().append(true).create(true).open(&path).map_err(error())?;
        let length = file.metadata().map_err(error())?.len();
        file.write_all(format!("{entry}\n").as_bytes()).map_err(|cause| {
            // If that fails, too, the next start leaves the torn line out.
            let _ = file.set_len(length);
            error()(cause)
        })
    }

    /// Replaces the index.
    pub(crate) fn rewrite(&self, entries: &[Entry]) -> Result<(), Error> {
        let lines: String = entries.iter().map(|entry| format!("{entry}\n")).collect();
        whole_file::write(&self.path.join(INDEX), lines.as_bytes())
    }

    /// The files of segments, each with its number.
    pub(crate) fn files(&self) -> Result<Vec<(u64, PathBuf)>, Error> {
        let listed = fs::read_dir(&self.path).map_err(Error::io("read", &self.path))?;
        let number = |path: &Path| -> Option<u64> {
            let number = path.file_name()?.to_str()?.strip_suffix(".mp4")?.parse().ok()?;
            // Written otherwise ("07") it is somebody else's.
            (self.segment(number) == path).then_some(number)
        };
        let paths = listed.filter_map(Result::ok).map(|it| it.path());
        Ok(paths.filter_map(|path| Some((number(&path)?, path))).collect())
    }

    /// Removes the folder at once, as a reader sees it, and the day's with its last hour.
    pub(crate) fn remove(&self) -> Result<(), Error> {
        let mut gone = self.path.clone().into_os_string();
        gone.push(REMOVED);
        let gone = PathBuf::from(gone);
        fs::rename(&self.path, &gone).map_err(Error::io("remove", &self.path))?;
        fs::remove_dir_all(&gone).map_err(Error::io("remove", &gone))?;
        if let Some(day) = self.path.parent() {
            // It is not empty, as a rule.
            let _ = fs::remove_dir(day);
        }
        Ok(())
    }

    /// Removes all segments but these, which are in order.
    pub(crate) fn keep(&self, kept: &[Entry]) -> Result<(), Error> {
        self.open()?;
        self.rewrite(kept)?;
        for (number, path) in self.files()? {
            if kept.binary_search_by_key(&number, |it| it.number).is_err() {
                fs::remove_file(&path).map_err(Error::io("remove", &path))?;
            }
        }
        self.close()
    }
}

/// The entries of an index, by number; of two with one number the later.
fn entries(index: &[u8]) -> Vec<Entry> {
    let whole = index.iter().rposition(|it| *it == b'\n').map_or(0, |end| end + 1);
    let lines = index[..whole].split(|it| *it == b'\n');
    let entry = |line: &[u8]| Entry::parse(core::str::from_utf8(line).ok()?);
    let mut entries: Vec<_> = lines.filter_map(entry).rev().collect();
    entries.sort_by_key(|it| it.number);
    entries.dedup_by_key(|it| it.number);
    entries
}
