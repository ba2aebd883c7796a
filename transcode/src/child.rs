//! ffmpeg, run as a child that lives as long as somebody wants it.

use crate::error::Error;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use streamsocket_net::parent_death::die_with_us;

/// Bytes that are read of what it complained about.
const COMPLAINT_MAX: usize = 4096;

/// Milliseconds for which it may take nothing in, or give nothing, before it counts as dead: it needs some tens of
/// milliseconds for a picture, and a second to start on a board that is busy.
pub(crate) const PATIENCE_MILLIS: u16 = 5000;

/// A running ffmpeg. It is killed and reaped when this is dropped.
#[derive(Debug)]
pub(crate) struct Ffmpeg {
    child: Child,
    errors: Option<ChildStderr>,
    /// What it is wanted for.
    what: &'static str,
}

/// Its ends of the pipes.
pub(crate) struct Pipes {
    pub(crate) input: ChildStdin,
    pub(crate) output: ChildStdout,
}

impl Ffmpeg {
    /// Starts ffmpeg with these options for `what` ("AAC").
    pub(crate) fn start(what: &'static str, options: &[&str]) -> Result<(Self, Pipes), Error> {
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-hide_banner", "-loglevel", "error"]).args(options);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A process group of its own: an interrupt from the keyboard is for us, and we end the child.
        command.process_group(0);
        let mut child = spawn(command).map_err(|error| {
            Error::Start(match error.kind() {
                ErrorKind::NotFound => format!("ffmpeg is needed for {what}: apt install ffmpeg"),
                _ => format!("cannot start ffmpeg for {what}: {error}"),
            })
        })?;
        let pipes = (child.stdin.take(), child.stdout.take());
        let errors = child.stderr.take();
        let started = Self { child, errors, what };
        match pipes {
            (Some(input), Some(output)) => Ok((started, Pipes { input, output })),
            _ => Err(Error::Start(format!("no pipes to ffmpeg for {what}"))),
        }
    }

    /// Ends it, and says why it is of no use: its last words, or else `symptom`.
    pub(crate) fn ended(&mut self, symptom: &str) -> Error {
        self.end();
        let mut said = Vec::new();
        if let Some(errors) = self.errors.take() {
            let _incomplete = errors.take(COMPLAINT_MAX as u64).read_to_end(&mut said);
        }
        let said = String::from_utf8_lossy(&said);
        let last = said.lines().rev().map(str::trim).find(|line| !line.is_empty());
        let hint = if said.contains("Unknown encoder") || said.contains("Unrecognized option") {
            "; it is too old or lacks an encoder: install ffmpeg 5.1 or later, with libx264 (apt install ffmpeg)"
        } else {
            ""
        };
        Error::Ended(format!("ffmpeg for {} {}{hint}", self.what, last.unwrap_or(symptom)))
    }

    /// Kills and reaps it.
    pub(crate) fn end(&mut self) {
        // Fails only if it has ended just now.
        let _ended = self.child.kill();
        if let Err(error) = self.child.wait() {
            log::error!("cannot wait for ffmpeg: {error}");
        }
    }
}

impl Drop for Ffmpeg {
    fn drop(&mut self) {
        self.end();
    }
}

/// Makes writes to a pipe fail where they would wait, and the pipe so large, if the system lets it be.
pub(crate) fn prepare(pipe: &impl AsFd, bytes: i32) -> io::Result<()> {
    fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    if let Err(error) = fcntl(pipe, FcntlArg::F_SETPIPE_SZ(bytes)) {
        log::debug!("a pipe to ffmpeg keeps its size: {error}");
    }
    Ok(())
}

/// Writes all of it to a pipe that does not wait.
///
/// # Errors
/// `TimedOut` if nothing is taken for [`PATIENCE_MILLIS`], and what the system says.
pub(crate) fn write_all(pipe: &mut (impl Write + AsFd), mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match pipe.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let mut waiting = [PollFd::new(pipe.as_fd(), PollFlags::POLLOUT)];
                if poll(&mut waiting, PollTimeout::from(PATIENCE_MILLIS))? == 0 {
                    return Err(ErrorKind::TimedOut.into());
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What is wanted of the thread that starts children: whoever wants it waits for the answer.
struct Wanted {
    command: Command,
    answer: SyncSender<io::Result<Child>>,
}

/// Places in the queue: the tiers and the sound of a session.
const QUEUE: usize = 4;

/// Starts a child that lives as long as the program, whatever thread this is called on: the kernel ties it to the
/// thread that made it (PR_SET_PDEATHSIG in prctl(2)), and those that encode end with their session.
fn spawn(command: Command) -> io::Result<Child> {
    static THREAD: OnceLock<Option<SyncSender<Wanted>>> = OnceLock::new();
    let gone = || io::Error::other("the thread that starts programs is not there");
    let thread = THREAD.get_or_init(start_thread).as_ref().ok_or_else(gone)?;
    let (answer, answered) = sync_channel(1);
    thread.send(Wanted { command, answer }).map_err(|_| gone())?;
    answered.recv().map_err(|_| gone())?
}

fn start_thread() -> Option<SyncSender<Wanted>> {
    let (sender, wanted) = sync_channel(QUEUE);
    let started = thread::Builder::new().name("children".into()).spawn(move || serve(&wanted));
    started
        .map(|_| sender)
        .map_err(|error| log::error!("no thread to start programs: {error}"))
        .ok()
}

fn serve(wanted: &Receiver<Wanted>) {
    while let Ok(Wanted { mut command, answer }) = wanted.recv() {
        die_with_us(&mut command);
        if let Err(refused) = answer.send(command.spawn()) {
            // Nobody waits for it any more.
            if let Ok(mut child) = refused.0 {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}
