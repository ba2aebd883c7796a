//! Why a setting cannot be used.

use std::fmt;

/// A value that cannot be used: one line with the option, the value, and what is expected.
#[derive(Debug)]
pub struct Error(pub(super) String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // On one line, and for a terminal, which obeys control characters.
        f.write_str(&self.0.replace(char::is_control, "?"))
    }
}

impl std::error::Error for Error {}

pub(super) fn wrong(option: &str, value: &str, expected: impl fmt::Display) -> Error {
    Error(format!("--{option} {value}: {expected}"))
}

/// A table of a configuration file, by its index among those of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Track(usize),
    Tier(usize),
}

/// What cannot be used, and the table that it is in, if it is in one.
pub(super) struct Wrong {
    pub(super) error: Error,
    pub(super) table: Option<Table>,
}

impl From<Error> for Wrong {
    fn from(error: Error) -> Self {
        Self { error, table: None }
    }
}
