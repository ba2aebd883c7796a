//! A stored segment, wherever it is.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::bucket::Bucket;
use crate::entry::Entry;
use crate::error::Error;

/// A stored segment, to be read.
#[derive(Clone, Debug)]
pub struct Segment {
    /// What the index says of it.
    pub entry: Entry,
    pub(crate) source: Source,
}

/// Where it is.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    File(PathBuf),
    Object(Arc<Bucket>, String),
}

impl Segment {
    /// Its file, if it is on this machine: the initialisation segment, of `entry.init_len` bytes, and then its parts.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.source {
            Source::File(path) => Some(path),
            Source::Object(..) => None,
        }
    }

    /// Its parts, without the initialisation segment in front.
    ///
    /// # Errors
    /// It was removed meanwhile, or cannot be read.
    pub fn bytes(&self) -> Result<Bytes, Error> {
        let init_len = u64::from(self.entry.init_len);
        let path = match &self.source {
            Source::File(path) => path,
            Source::Object(bucket, key) => {
                return bucket
                    .get(key, init_len)?
                    .ok_or_else(|| Error::io("read", Path::new(key))(ErrorKind::NotFound.into()));
            }
        };
        let error = || Error::io("read", path);
        let mut file = File::open(path).map_err(error())?;
        file.seek(SeekFrom::Start(init_len)).map_err(error())?;
        let mut bytes = Vec::new();
        file.take(self.entry.bytes - init_len).read_to_end(&mut bytes).map_err(error())?;
        Ok(bytes.into())
    }
}
