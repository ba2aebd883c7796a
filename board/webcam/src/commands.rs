//! Commands from a FIFO, one a line.

use crate::report::{self, MILLISECOND};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

/// Bytes of a line at most. The longest command has less than half.
const LINE_MAX: usize = 64;

/// Milliseconds that a frame may take at most: a minute, which no viewer waits for.
const SLOW_MAX: i64 = 60_000;

/// What the webcam can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Plug,
    Unplug,
    Freeze,
    Thaw,
    Error,
    Truncate,
    Double,
    /// Nanoseconds that each frame takes from now on.
    Slow(i64),
    UnplugMidframe,
    Quit,
}

impl Command {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let command = match (words.next()?, words.next()) {
            ("plug", None) => Self::Plug,
            ("unplug", None) => Self::Unplug,
            ("freeze", None) => Self::Freeze,
            ("thaw", None) => Self::Thaw,
            ("error", None) => Self::Error,
            ("truncate", None) => Self::Truncate,
            ("double", None) => Self::Double,
            ("slow", Some(number)) => {
                let milliseconds = number.parse().ok().filter(|it| (0..=SLOW_MAX).contains(it))?;
                Self::Slow(milliseconds * MILLISECOND)
            }
            ("unplug-midframe", None) => Self::UnplugMidframe,
            ("quit", None) => Self::Quit,
            _ => return None,
        };
        words.next().is_none().then_some(command)
    }
}

/// Where commands come from.
#[derive(Debug)]
pub(crate) struct Fifo {
    file: File,
    /// What there is of the next line.
    line: Vec<u8>,
}

impl Fifo {
    /// Opens the FIFO, and makes it if it is not there. It is left there in the end, so that who
    /// writes to it too late does not make a file of it.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let say = |what: &str| format!("{}: {what}", path.display());
        match mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(error) => return Err(say(error.desc())),
        }
        // Also for writing: otherwise it is at its end whenever nobody else writes.
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(OFlag::O_NONBLOCK.bits())
            .open(path)
            .map_err(|error| say(&error.to_string()))?;
        let kind = file.metadata().map_err(|error| say(&error.to_string()))?.file_type();
        if !kind.is_fifo() {
            return Err(say("it is there and no FIFO: remove it, or name another with --control"));
        }
        Ok(Self { file, line: Vec::with_capacity(LINE_MAX) })
    }

    /// The commands that have come. Lines that are none are reported.
    pub(crate) fn read(&mut self) -> Vec<Command> {
        let mut bytes = [0; 4096];
        // Nothing there, or interrupted: there will be another time.
        let len = self.file.read(&mut bytes).unwrap_or(0);
        bytes[..len].iter().filter_map(|byte| self.push(*byte)).collect()
    }

    fn push(&mut self, byte: u8) -> Option<Command> {
        if byte != b'\n' {
            if self.line.len() < LINE_MAX {
                self.line.push(byte);
            }
            return None;
        }
        let line = String::from_utf8_lossy(&self.line).into_owned();
        self.line.clear();
        let command = Command::parse(&line);
        if command.is_none() && !line.trim().is_empty() {
            report::problem(format_args!("'{line}' is no command: see webcam --help"));
        }
        command
    }
}

impl AsFd for Fifo {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_words_and_nothing_else() {
        assert_eq!(Command::parse(" unplug-midframe "), Some(Command::UnplugMidframe));
        assert_eq!(Command::parse("slow 40"), Some(Command::Slow(40 * MILLISECOND)));
        for line in ["", "plugs", "plug in", "slow", "slow x", "slow -1", "slow 1 2", "slow 60001"]
        {
            assert_eq!(Command::parse(line), None, "{line}");
        }
    }
}
