//! Sources that ffmpeg reads for us, in a child process: files that are neither MJPEG nor WAV, and
//! network cameras. Pictures come over one pipe and sound over another, from a child each: each is
//! throttled by its own pipe without holding up the other. A camera therefore sees two connections
//! when both are wanted.
//!
//! A child ends with us: it is killed when its source is dropped, and by the kernel if we are.

mod address;
mod audio;
mod first_wait;
mod parent_death;
mod probe;
mod spawner;
mod video;

pub(crate) use address::without_password;
pub use audio::ChildAudio;
pub use probe::{Probe, ProbedVideo, probe};
pub use video::{ChildVideo, VideoSettings, preload};

use self::address::{BY_PIPE, is_secret, line_without_passwords, told};
use super::mjpeg_stream::set_nonblocking;
use super::{Cause, Error};
use crate::beside;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, pipe2};
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::Duration;
use streamsocket_stream::clock::Monotonic;

/// Longest wait for a file's first bytes, or a camera's answer.
const FIRST_WAIT: Duration = Duration::from_secs(15);
/// A camera that is connected but silent for so long is connected to again.
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// How often a child that gives nothing is looked after.
const SUPERVISION: Duration = Duration::from_millis(100);
/// First and longest wait before a camera is tried again.
const BACKOFF_MIN: Duration = Duration::from_millis(500);
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// Bytes that the pipe should hold: several pictures, so that the child works ahead. This is what
/// an ordinary user may have.
const PIPE_LEN: i32 = 1 << 20;
/// Bytes kept of a line on standard error.
const LINE_MAX: usize = 300;

/// What ffmpeg is to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A file, played at its rate.
    File(PathBuf),
    /// The address of a camera, `http://`, `https://` or `rtsp://`.
    Live(String),
}

impl Input {
    /// Whether it is played as it arrives, and tried again when it ends.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Live(_))
    }

    /// Its address, if it speaks HTTP without TLS.
    #[must_use]
    pub fn http(&self) -> Option<&str> {
        let Self::Live(address) = self else { return None };
        address.starts_with("http://").then_some(address)
    }

    /// What it comes from that it cannot be read: a camera may answer later.
    const fn cause(&self) -> Cause {
        match self {
            Self::File(_) => Cause::Other,
            Self::Live(_) => Cause::Unreachable,
        }
    }

    /// The options that name it. A file is named so that nothing in it is taken for a protocol.
    fn options(&self) -> Vec<OsString> {
        let mut options = Vec::new();
        if let Self::Live(address) = self {
            options.extend(["-fflags", "nobuffer"].map(OsString::from));
            if is_secret(address) {
                options.extend(BY_PIPE.map(OsString::from));
                return options;
            }
        }
        let name = match self {
            Self::File(path) => {
                let mut name = OsString::from("file:");
                name.push(path);
                name
            }
            Self::Live(address) => {
                if address.starts_with("rtsp") {
                    options.extend(["-rtsp_transport", "tcp"].map(OsString::from));
                }
                OsString::from(address)
            }
        };
        options.push("-i".into());
        options.push(name);
        options
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Live(address) => f.write_str(&without_password(address)),
        }
    }
}

/// Starts one of ffmpeg's programs.
fn spawn(mut command: Command, input: &Input) -> Result<Child, Error> {
    let told = match input {
        Input::Live(address) if is_secret(address) => told(address),
        _ => Ok(Stdio::null()),
    };
    command.stderr(Stdio::piped());
    let spawned = told.and_then(|stdin| {
        command.stdin(stdin);
        spawner::spawn(command)
    });
    spawned.map_err(|error| {
        Error::new(match error.kind() {
            ErrorKind::NotFound => format!("ffmpeg is needed for {input}: apt install ffmpeg"),
            _ => format!("cannot start ffmpeg for {input}: {error}"),
        })
    })
}

/// What a pipe that has nothing more for now means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blocked {
    /// The child is at work.
    Wait,
    /// The child has ended since the pipe was read: read it once more.
    Again,
    /// The file has been read to its end.
    Ended,
    /// The camera is gone; what it began is void, and it will be tried again.
    Lost,
}

/// A child, its pipe, and its supervision. The pipe stays the same when the child is replaced, so
/// that the loop registers it once.
#[derive(Debug)]
struct Feed {
    input: Input,
    options: Vec<OsString>,
    out: File,
    writer: OwnedFd,
    process: Option<Process>,
    /// Whether a child that ends is replaced.
    revived: bool,
    /// When to look after the child, or try again.
    attention: Monotonic,
    heard: Option<Monotonic>,
    backoff: Duration,
    /// Why it is gone, until it is back: one line.
    lost: Option<String>,
}

impl Feed {
    /// Starts ffmpeg with these output options; it writes to the pipe.
    fn start(input: &Input, output: &[&str]) -> Result<Self, Error> {
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
        // Else what is smaller than its buffer waits there for what comes next.
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
        // Its own group: an interrupt from the keyboard is for us, who then end it in order.
        command.args(&self.options).stdout(writer).process_group(0);
        Process::new(spawn(command, &self.input)?)
    }

    /// From now on a child that ends is replaced, if the input is live.
    fn opened(&mut self) {
        self.revived = self.input.is_live();
        self.heard = None;
    }

    /// The child has given something.
    fn received(&mut self, now: Monotonic) {
        self.heard = Some(now);
        self.backoff = BACKOFF_MIN;
        if self.lost.take().is_some() {
            log::info!("{} is back", self.input);
        }
    }

    /// Looks after the child when its pipe has nothing more.
    fn blocked(&mut self, now: Monotonic) -> Result<Blocked, Error> {
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

    /// Ends the child, forgets what it wrote, and starts another one.
    fn rerun(&mut self) -> Result<(), Error> {
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

/// A running child. It is killed when this is dropped, and reaped beside the loop.
#[derive(Debug)]
struct Process {
    child: Child,
    errors: Option<ChildStderr>,
    line: Vec<u8>,
    line_ended: bool,
    exited: Option<ExitStatus>,
}

impl Process {
    fn new(mut child: Child) -> Result<Self, Error> {
        let errors = child.stderr.take();
        let process = Self { child, errors, line: Vec::new(), line_ended: false, exited: None };
        if let Some(errors) = &process.errors {
            set_nonblocking(errors)?;
        }
        Ok(process)
    }

    /// Asks whether it has ended.
    fn check(&mut self) {
        match self.child.try_wait() {
            Ok(status) => self.exited = status,
            Err(error) => log::error!("cannot wait for ffmpeg: {error}"),
        }
    }

    /// Reads what it complains about: a full pipe would stop it.
    fn listen(&mut self) {
        let mut bytes = [0; 1024];
        while let Some(errors) = &mut self.errors {
            match errors.read(&mut bytes) {
                Ok(0) => self.errors = None,
                Ok(read) => self.note(&bytes[..read]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    /// Keeps the last line that is not empty.
    fn note(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if matches!(byte, b'\n' | b'\r') {
                self.line_ended = true;
                continue;
            }
            if std::mem::take(&mut self.line_ended) {
                self.line.clear();
            }
            if self.line.len() < LINE_MAX {
                self.line.push(*byte);
            }
        }
    }

    /// The last that it said, or else how it ended.
    fn last_line(&mut self, status: ExitStatus, input: &Input) -> String {
        self.listen();
        let line = String::from_utf8_lossy(&self.line);
        if line.trim().is_empty() {
            return status.to_string();
        }
        match input {
            Input::File(_) => line.trim().to_owned(),
            Input::Live(address) => line_without_passwords(line.trim(), address),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.exited.is_none() {
            // Fails only if it has ended just now; to reap it is right in any case.
            let _ended = self.child.kill();
            let id = i32::try_from(self.child.id()).map(Pid::from_raw);
            // Not reaped yet, so that no other process has its number.
            beside::later(move || {
                if let Some(Err(error)) = id.ok().map(|id| waitpid(id, None)) {
                    log::error!("cannot wait for ffmpeg: {error}");
                }
            });
        }
    }
}

/// Reads from a non-blocking pipe; `None` when it has nothing more for now.
fn read(input: &mut impl Read, bytes: &mut [u8]) -> io::Result<Option<usize>> {
    loop {
        match input.read(bytes) {
            Ok(read) => return Ok(Some(read)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
