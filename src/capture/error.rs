//! Why a source cannot be opened or has stopped, and whether waiting may help.

use std::fmt;

/// Why a source cannot be opened, or stopped giving: one line that says what, where, and what to do.
#[derive(Clone, Debug)]
pub struct Error {
    line: String,
    cause: Cause,
}

/// What an [`Error`] comes from, as far as waiting for it to pass makes a difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// The device is not there; it may be plugged in.
    Absent,
    /// Another program has it, and may give it back.
    Busy,
    /// An address that refuses, or does not answer; it may later.
    Unreachable,
    /// It gave the one picture that it has, and is asked for the next one.
    Still,
    /// It may not be opened: by rights, or until udev has given the new node to its group.
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

    /// The same line, from this cause.
    #[must_use]
    pub fn from_cause(self, cause: Cause) -> Self {
        Self { cause, ..self }
    }

    /// What it comes from.
    #[must_use]
    pub const fn cause(&self) -> Cause {
        self.cause
    }
}

impl Cause {
    /// What the kernel means by an error number.
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
