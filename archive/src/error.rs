//! Why something is not stored, or not read, in one line.

use core::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What went wrong, where, and what to do.
#[derive(Debug)]
pub enum Error {
    /// The file system or the bucket refused something.
    Io {
        /// What was tried, as in "cannot ... PATH": "write", "read".
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The disk is full, and nothing older may be removed.
    Full {
        /// What could not be written.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Another program stores in this folder.
    InUse(PathBuf),
    /// A track cannot have this name.
    Track(String),
    /// There is a segment of that number already: the clock was set back.
    Stored {
        /// Of which track.
        track: String,
        /// The number.
        number: u64,
    },
    /// A span with more segments than one answer has.
    Span {
        /// How many it has at most.
        most: usize,
    },
    /// An event's label that is too long.
    Label {
        /// How many bytes it may have.
        most: usize,
    },
    /// As many events as one session keeps.
    Events {
        /// How many these are.
        most: usize,
    },
    /// The bucket does not take what is spooled.
    Spool {
        /// Where that is.
        path: PathBuf,
        /// How many bytes may wait.
        most: u64,
    },
    /// A configuration that cannot be.
    Configuration(String),
}

impl Error {
    /// An error of the file system, of a full disk where it says so.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| {
            if is_full(&source) {
                Self::Full { path, source }
            } else {
                Self::Io { action, path, source }
            }
        }
    }

    /// Whether it is a full disk, which may have room again.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }
}

/// Whether there is no room: on the disk, for this user, or in a file as large as it may be.
fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { action, path, source }
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                let path = path.display();
                write!(
                    f,
                    "cannot {action} {path}: {source}: give the folder to the user that this program runs as"
                )
            }
            Self::Io { action, path, source } => {
                write!(f, "cannot {action} {}: {source}", path.display())
            }
            Self::Full { path, source } => {
                let path = path.display();
                write!(
                    f,
                    "cannot write {path}: {source}: make room, or keep less (age and bytes of the retention)"
                )
            }
            Self::InUse(path) => {
                let path = path.display();
                write!(f, "another program stores in {path}: end it, or store in another folder")
            }
            Self::Track(name) => {
                write!(f, "no track is called {name:?}: small letters, digits and - make a name")
            }
            Self::Stored { track, number } => write!(
                f,
                "segment {number} of {track} is stored already: was the sender's clock set back? What is stored stays"
            ),
            Self::Span { most } => {
                write!(
                    f,
                    "the span has more than {most} segments: ask for a shorter one, such as a day"
                )
            }
            Self::Label { most } => write!(f, "the label has more than {most} bytes: shorten it"),
            Self::Events { most } => {
                write!(
                    f,
                    "there are {most} events already: remove some, or mark with a time until when to keep them"
                )
            }
            Self::Spool { path, most } => {
                let path = path.display();
                write!(
                    f,
                    "{most} bytes wait in {path} for the bucket: look at what is said of it, at the network and the credentials"
                )
            }
            Self::Configuration(what) => f.write_str(what),
        }
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } | Self::Full { source, .. } => Some(source),
            _ => None,
        }
    }
}
