//! Errors of sources, each with a cause that decides whether to wait.

use crate::worker;
use std::fmt;

/// Why a source cannot be opened, or has stopped: one line with the source, the reason and the
/// remedy.
#[derive(Clone, Debug)]
pub struct Error {
    line: String,
    cause: Cause,
}

/// The cause of an [`Error`], as far as it decides whether to wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// The device does not exist; it may be plugged in.
    Absent,
    /// Another program uses it, and may release it.
    Busy,
    /// An address refuses or does not answer; it may do so later.
    Unreachable,
    /// A still camera gave its picture, and is asked for the next one.
    Still,
    /// Permission denied; udev may not have given a new node to its group yet.
    Forbidden,
    /// Anything else.
    #[default]
    Other,
}

impl Error {
    /// An error with this line.
    pub fn new(line: impl Into<String>) -> Self {
        Self { line: line.into(), cause: Cause::Other }
    }

    /// The same error with this cause.
    #[must_use]
    pub fn from_cause(self, cause: Cause) -> Self {
        Self { cause, ..self }
    }

    /// The cause.
    #[must_use]
    pub const fn cause(&self) -> Cause {
        self.cause
    }
}

impl From<worker::Error> for Error {
    fn from(error: worker::Error) -> Self {
        Self::new(error.to_string())
    }
}

impl Cause {
    /// The cause that an error number of the kernel stands for.
    #[must_use]
    pub const fn of(errno: i32) -> Self {
        match errno {
            libc::ENOENT | libc::ENXIO | libc::ENODEV => Self::Absent,
            libc::EBUSY => Self::Busy,
            libc::EACCES | libc::EPERM => Self::Forbidden,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl std::error::Error for Error {}
