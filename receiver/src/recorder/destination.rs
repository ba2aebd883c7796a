//! Where a recording goes: a new file, never one that is there; or a pipe, a device, standard output.

use super::error::Error;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

/// Where a recording goes: open, and empty yet. If it stays so, the file goes with it: an empty one
/// would only be taken for a recording.
#[derive(Debug)]
pub struct Destination {
    /// Until the recording begins.
    file: Option<File>,
    path: PathBuf,
    /// Whether it is an ordinary file, of our making.
    seekable: bool,
}

impl Destination {
    /// Opens it: a new file; `-` is standard output; a pipe or a device is written to as it is.
    ///
    /// # Errors
    /// [`Error::Exists`] for a regular file that is there already, or [`Error::Open`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Open { path: path.to_owned(), source };
        let open = |file, seekable| Self { file: Some(file), path: path.to_owned(), seekable };
        if path == Path::new("-") {
            // The handle of the standard library would search every picture for line ends.
            let fd = io::stdout().as_fd().try_clone_to_owned().map_err(failed)?;
            return Ok(open(File::from(fd), false));
        }
        match Self::create(path) {
            Err(Error::Exists(_)) if path.metadata().is_ok_and(|there| !there.is_file()) => {
                let file = OpenOptions::new().write(true).open(path).map_err(failed)?;
                Ok(open(file, false))
            }
            created => created,
        }
    }

    /// Makes a new file.
    ///
    /// # Errors
    /// [`Error::Exists`] if there is something of that name, or [`Error::Open`].
    pub fn create(path: &Path) -> Result<Self, Error> {
        let path = path.to_owned();
        match File::create_new(&path) {
            Ok(file) => Ok(Self { file: Some(file), path, seekable: true }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Error::Exists(path)),
            Err(source) => Err(Error::Open { path, source }),
        }
    }

    /// Whether it is an ordinary file, which another one may follow.
    #[must_use]
    pub const fn is_file(&self) -> bool {
        self.seekable
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn take(mut self) -> Result<(File, PathBuf), Error> {
        let path = std::mem::take(&mut self.path);
        match self.file.take() {
            Some(file) => Ok((file, path)),
            None => Err(Error::Open { path, source: io::ErrorKind::NotFound.into() }),
        }
    }
}

impl Drop for Destination {
    fn drop(&mut self) {
        if self.seekable && self.file.is_some() {
            // One that cannot be removed is empty, at least.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
