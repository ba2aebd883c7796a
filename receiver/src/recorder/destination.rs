//! Where a recording goes: a new file, one that is to be replaced, a pipe, a device, standard output.

use super::error::Error;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

/// Where a recording goes: open, and nothing of it is written yet. If it stays so, a new file goes with it:
/// an empty one would only be taken for a recording. One that is to be replaced stays what it is.
#[derive(Debug)]
pub struct Destination {
    /// Until the recording begins.
    file: Option<File>,
    path: PathBuf,
    /// Whether it is an ordinary file.
    seekable: bool,
    /// Whether it is of our making.
    created: bool,
}

impl Destination {
    /// Opens it: a new file; `-` is standard output; a pipe or a device is written to as it is.
    ///
    /// # Errors
    /// [`Error::Exists`] for a regular file that is there already, or [`Error::Open`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Open { path: path.to_owned(), source };
        if path == Path::new("-") {
            // The handle of the standard library would search every picture for line ends.
            let fd = io::stdout().as_fd().try_clone_to_owned().map_err(failed)?;
            return Ok(Self::there(File::from(fd), path, false));
        }
        match Self::create(path) {
            Err(Error::Exists(_)) if path.metadata().is_ok_and(|there| !there.is_file()) => {
                let file = OpenOptions::new().write(true).open(path).map_err(failed)?;
                Ok(Self::there(file, path, false))
            }
            created => created,
        }
    }

    /// As [`Self::open`], but a regular file that is there already is replaced, once the recording begins.
    ///
    /// # Errors
    /// [`Error::Open`].
    pub fn overwrite(path: &Path) -> Result<Self, Error> {
        match Self::open(path) {
            Err(Error::Exists(path)) => match OpenOptions::new().write(true).open(&path) {
                Ok(file) => Ok(Self::there(file, &path, true)),
                Err(source) => Err(Error::Open { path, source }),
            },
            opened => opened,
        }
    }

    /// What was there before.
    fn there(file: File, path: &Path, seekable: bool) -> Self {
        Self { file: Some(file), path: path.to_owned(), seekable, created: false }
    }

    /// Makes a new file.
    ///
    /// # Errors
    /// [`Error::Exists`] if there is something of that name, or [`Error::Open`].
    pub fn create(path: &Path) -> Result<Self, Error> {
        let path = path.to_owned();
        match File::create_new(&path) {
            Ok(file) => Ok(Self { file: Some(file), path, seekable: true, created: true }),
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
        let Some(file) = self.file.take() else {
            return Err(Error::Open { path, source: io::ErrorKind::NotFound.into() });
        };
        if self.seekable && !self.created {
            if let Err(source) = file.set_len(0) {
                return Err(Error::Open { path, source });
            }
        }
        Ok((file, path))
    }
}

impl Drop for Destination {
    fn drop(&mut self) {
        if self.created && self.file.is_some() {
            // One that cannot be removed is empty, at least.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
