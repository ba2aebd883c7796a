//! Why a session cannot begin, or has to end.

use std::fmt;

/// Why a session could not begin, or had to end: one line.
#[derive(Debug)]
pub struct Error(pub String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl From<crate::capture::Error> for Error {
    fn from(error: crate::capture::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self(format!("the event loop failed: {error}"))
    }
}

impl From<nix::Error> for Error {
    fn from(error: nix::Error) -> Self {
        Self(format!("the event loop failed: {error}"))
    }
}
