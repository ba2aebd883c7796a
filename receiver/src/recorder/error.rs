//! Why there is no recording, or no more of it.

use core::fmt;
use std::io;
use std::path::PathBuf;

/// Why a recording could not be made or went no further.
#[derive(Debug)]
pub enum Error {
    /// There is a file of that name already.
    Exists(PathBuf),
    /// The file could not be created or opened.
    Open {
        /// Where.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file could not be written to: the disk is full, or the reader of a pipe has gone.
    Write {
        /// Where.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
        /// Whether there is something that can be played.
        kept: bool,
    },
    /// The recording was started without that track.
    NoTrack(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(path) => {
                write!(f, "{} exists: record to another name, or add --overwrite", path.display())
            }
            Self::Open { path, source } => {
                write!(f, "cannot record to {}: {source}", path.display())
            }
            Self::Write { source, .. } if source.kind() == io::ErrorKind::BrokenPipe => {
                f.write_str("recording ended: the program that read it has gone")
            }
            Self::Write { path, source, kept: true } => {
                write!(f, "recording to {} ended: {source}; it plays up to here", path.display())
            }
            Self::Write { path, source, kept: false } => {
                write!(f, "cannot record to {}: {source}; the file is removed", path.display())
            }
            Self::NoTrack(track) => write!(f, "the recording has no {track} track"),
        }
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Open { source, .. } | Self::Write { source, .. } => Some(source),
            Self::Exists(_) | Self::NoTrack(_) => None,
        }
    }
}
