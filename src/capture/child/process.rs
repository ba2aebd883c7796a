//! Child processes: started, listened to, and killed with their owner.

use super::address::{is_secret, line_without_passwords, told};
use super::input::ChildInput;
use super::spawner;
use crate::beside;
use crate::capture::error::Error;
use crate::capture::mjpeg_stream::set_nonblocking;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use std::io::{self, ErrorKind, Read};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::Duration;

/// Longest wait for a file's first bytes, or a camera's answer.
pub(super) const FIRST_WAIT: Duration = Duration::from_secs(15);

/// Bytes kept of a line on standard error.
const LINE_MAX: usize = 300;

/// Starts one of ffmpeg's programs.
pub(super) fn spawn(mut command: Command, input: &ChildInput) -> Result<Child, Error> {
    let told = match input {
        ChildInput::Live(address) if is_secret(address) => told(address),
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

/// A running child. It is killed when this is dropped, and reaped beside the loop.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) child: Child,
    pub(super) errors: Option<ChildStderr>,
    line: Vec<u8>,
    line_ended: bool,
    pub(super) exited: Option<ExitStatus>,
}

impl Process {
    pub(super) fn new(mut child: Child) -> Result<Self, Error> {
        let errors = child.stderr.take();
        let process = Self { child, errors, line: Vec::new(), line_ended: false, exited: None };
        if let Some(errors) = &process.errors {
            set_nonblocking(errors)?;
        }
        Ok(process)
    }

    /// Asks whether it has ended.
    pub(super) fn check(&mut self) {
        match self.child.try_wait() {
            Ok(status) => self.exited = status,
            Err(error) => log::error!("cannot wait for ffmpeg: {error}"),
        }
    }

    /// Reads what it complains about: a full pipe would stop it.
    pub(super) fn listen(&mut self) {
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
    pub(super) fn last_line(&mut self, status: ExitStatus, input: &ChildInput) -> String {
        self.listen();
        let line = String::from_utf8_lossy(&self.line);
        if line.trim().is_empty() {
            return status.to_string();
        }
        match input {
            ChildInput::File(_) => line.trim().to_owned(),
            ChildInput::Live(address) => line_without_passwords(line.trim(), address),
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
pub(super) fn read(input: &mut impl Read, bytes: &mut [u8]) -> io::Result<Option<usize>> {
    loop {
        match input.read(bytes) {
            Ok(read) => return Ok(Some(read)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}
