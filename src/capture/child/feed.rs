//! A child process with the pipe that it writes to, and its supervision.

use super::input::ChildInput;
use super::process::{Process, spawn};
use crate::capture::error::Error;
use crate::capture::mjpeg_stream::set_nonblocking;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::pipe2;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;

/// A camera that is connected but silent for so long is reconnected.
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// Interval of checks on a child that writes nothing.
pub(super) const SUPERVISION: Duration = Duration::from_millis(100);
/// Shortest and longest wait before a camera is tried again.
const BACKOFF_MIN: Duration = Duration::from_millis(500);
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// Size of the pipe in bytes: several pictures, so that the child works ahead. An ordinary user may
/// have so much.
const PIPE_LEN: i32 = 1 << 20;
/// Why a pipe has nothing to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blocked {
    /// The child is working.
    Wait,
    /// The child has ended since the last read: read once more.
    Again,
    /// The file was read to its end.
    Ended,
    /// The camera is gone: a partial picture is void, and the camera will be tried again.
    Lost,
}

/// A child, its pipe, and its supervision. The pipe stays the same when the child is replaced, so
/// that the loop registers it once.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) input: ChildInput,
    options: Vec<OsString>,
    pub(super) out: File,
    writer: OwnedFd,
    pub(super) process: Option<Process>,
    /// Whether a child that ends is replaced.
    pub(super) revived: bool,
    /// When to check on the child, or try again.
    pub(super) attention: Monotonic,
    heard: Option<Monotonic>,
    backoff: Duration,
    /// Why the camera is gone, until it is back: one line.
    pub(super) lost: Option<String>,
}

impl Feed {
    /// Starts ffmpeg with these output options, writing to the pipe.
    pub(super) fn start(input: &ChildInput, output: &[&str]) -> Result<Self, Error> {
        let failed = |error| Error::new(format!("cannot make a pipe for ffmpeg: {error}"));
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC).map_err(failed)?;
        if let Err(error) = fcntl(&writer, FcntlArg::F_SETPIPE_SZ(PIPE_LEN)) {
            log::debug!("the pipe from ffmpeg keeps its size: {error}");
        }
        set_nonblocking(&reader)?;
        let mut options: Vec<OsString> =
            ["-nostdin", "-hide_banner", "-loglevel", "error"].map(OsString::from).into();
        options.extend(input.options());
        options.extend(output.iter().map(OsString::from));
        // Otherwise ffmpeg holds back what does not fill its buffer.
        options.extend(["-flush_packets", "1", "pipe:1"].map(OsString::from));
        let mut feed = Self {
            input: input.clone(),
            options,
            out: File::from(reader),
            writer,
            process: None,
            revived: false,
            attention: Monotonic(0),
            heard: None,
            backoff: BACKOFF_MIN,
            lost: None,
        };
        feed.process = Some(feed.spawn()?);
        Ok(feed)
    }

    fn spawn(&self) -> Result<Process, Error> {
        let writer = self
            .writer
            .try_clone()
            .map_err(|error| Error::new(format!("cannot share a pipe with ffmpeg: {error}")))?;
        let mut command = Command::new("ffmpeg");
        // A process group of its own: an interrupt from the keyboard is for us, and we end the
        // child.
        command.args(&self.options).stdout(writer).process_group(0);
        Process::new(spawn(command, &self.input)?)
    }

    /// From now on a child that ends is replaced, if the input is live.
    pub(super) fn opened(&mut self) {
        self.revived = self.input.is_live();
        self.heard = None;
    }

    /// The child has written something.
    pub(super) fn received(&mut self, now: Monotonic) {
        self.heard = Some(now);
        self.backoff = BACKOFF_MIN;
        if self.lost.take().is_some() {
            log::info!("{} is back", self.input);
        }
    }

    /// Checks on the child when its pipe is empty.
    pub(super) fn blocked(&mut self, now: Monotonic) -> Result<Blocked, Error> {
        let due = now >= self.attention;
        self.attention = if due { now + SUPERVISION } else { self.attention };
        let Some(process) = &mut self.process else {
            if !self.revived {
                return Ok(Blocked::Ended);
            }
            if due {
                self.revive(now);
            }
            return Ok(Blocked::Wait);
        };
        process.listen();
        let Some(status) = process.exited else {
            process.check();
            if process.exited.is_some() {
                return Ok(Blocked::Again);
            }
            let silent = now.since(*self.heard.get_or_insert(now));
            if self.revived && silent > SILENCE_MAX {
                self.lose(now, "has sent nothing for 15 s");
                return Ok(Blocked::Lost);
            }
            return Ok(Blocked::Wait);
        };
        let line = process.last_line(status, &self.input);
        if self.revived {
            self.lose(now, &format!("has ended: {line}"));
            return Ok(Blocked::Lost);
        }
        self.process = None;
        if status.success() {
            return Ok(Blocked::Ended);
        }
        let error = Error::new(format!("ffmpeg cannot read {}: {line}", self.input));
        Err(error.from_cause(self.input.cause()))
    }

    /// Ends the child, discards what it wrote, and starts another one.
    pub(super) fn rerun(&mut self) -> Result<(), Error> {
        self.process = None;
        let mut rest = [0; 4096];
        while matches!(self.out.read(&mut rest), Ok(1..)) {}
        self.process = Some(self.spawn()?);
        Ok(())
    }

    fn lose(&mut self, now: Monotonic, why: &str) {
        self.process = None;
        self.attention = now + self.backoff;
        self.backoff = (self.backoff * 2).min(BACKOFF_MAX);
        let why = format!("{} {why}", self.input);
        if self.lost.is_none() {
            log::warn!("{why}; trying again");
        }
        self.lost = Some(why);
    }

    fn revive(&mut self, now: Monotonic) {
        self.heard = Some(now);
        match self.spawn() {
            Ok(process) => self.process = Some(process),
            Err(error) => self.lose(now, &error.to_string()),
        }
    }
}
