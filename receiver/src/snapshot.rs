//! A snapshot: one JPEG as it came over the network, put in a file whole or not at all.

use crate::naming::free_name;
use crate::output_counters::OutputCounters;
use core::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;

/// Snapshots that may wait for the disk: nobody presses a key faster.
pub const SNAPSHOTS_MAX: usize = 2;

/// A picture to be put in a file.
#[derive(Debug)]
pub struct Snapshot {
    /// Which file; without a name the first that is free in the current folder.
    pub path: Option<PathBuf>,
    /// The JPEG.
    pub jpeg: Vec<u8>,
}

/// Writes snapshots until the other end is gone: a disk may take its time, and nobody waits for it.
pub fn run(snapshots: &Receiver<Snapshot>, counters: &OutputCounters) {
    while let Ok(Snapshot { path, jpeg }) = snapshots.recv() {
        // What was asked for by an option decides about the exit code.
        let asked = u64::from(path.is_some());
        let Some(path) = path.or_else(|| free_name("snapshot", "jpg")) else {
            log::warn!("no snapshot: there is no name that is free");
            continue;
        };
        match write(&path, &jpeg) {
            Ok(()) => {
                counters.snapshots.add(1);
                log::info!("snapshot in {}", path.display());
            }
            Err(error) => {
                counters.snapshots_failed.add(asked);
                log::warn!("{error}");
            }
        }
    }
}

/// Writes `jpeg` to `path`: beside it first, then renamed, so that no reader ever sees half a
/// picture. A regular file there is replaced; a pipe or device is written to as it is.
///
/// # Errors
/// The path and the system's reason; no partial file is left behind.
pub fn write(path: &Path, jpeg: &[u8]) -> Result<(), Error> {
    let named = |source| Error { path: path.to_owned(), source };
    match fs::metadata(path) {
        Ok(there) if there.is_dir() => Err(named(io::ErrorKind::IsADirectory.into())),
        Ok(there) if !there.is_file() => OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|mut file| file.write_all(jpeg))
            .map_err(named),
        _ => replace(path, jpeg).map_err(named),
    }
}

fn replace(path: &Path, jpeg: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}", std::process::id()));
    let beside = path.with_file_name(beside);
    // A crashed process of the same number may have left one.
    let _ = fs::remove_file(&beside);
    let written = File::create_new(&beside)
        .and_then(|mut file| file.write_all(jpeg))
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // The first error is the one to report; the remainder may not even exist.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// A snapshot that could not be written.
#[derive(Debug)]
pub struct Error {
    path: PathBuf,
    source: io::Error,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write the snapshot {}: {}", self.path.display(), self.source)
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_snapshot_is_the_bytes_and_replaces_the_last_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("now.jpg");
        write(&path, b"first, the longer one").unwrap();
        write(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(names(folder.path()), ["now.jpg"]);
    }

    #[test]
    fn a_failure_names_the_file_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("no/such/now.jpg");
        let error = write(&missing, b"x").unwrap_err().to_string();
        assert!(error.contains("no/such/now.jpg") && error.contains("No such file"), "{error}");
        assert!(write(folder.path(), b"x").is_err());
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_full_device_is_an_error() {
        let error = write(Path::new("/dev/full"), b"x").unwrap_err().to_string();
        assert!(error.contains("/dev/full") && error.contains("No space left"), "{error}");
    }
}
