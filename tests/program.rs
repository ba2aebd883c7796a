//! Programs as processes: started, listened to, told to end, and never left behind.

use crate::board::monotonic;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// How long anything may take before a test has failed: far more than on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// `streamsocket`, on the loopback interface. It serves nobody over RTSP, for which all tests together would not have
/// enough ports.
pub fn daemon() -> Command {
    let mut command = ours("streamsocket");
    command.args(["--interface", "127.0.0.1", "--rtsp", "off"]);
    command
}

/// The same, as it comes: what it serves over RTSP is for whoever measures it.
pub fn as_it_comes() -> Command {
    let mut command = ours("streamsocket");
    command.args(["--interface", "127.0.0.1"]);
    command
}

/// The same, which serves whoever asks at this port of 127.0.0.1.
pub fn serving_daemon(port: u16) -> Command {
    let mut command = ours("streamsocket");
    command.args(["--interface", "127.0.0.1", "--rtsp", &format!("127.0.0.1:{port}")]);
    command
}

/// `streamsocket-receiver` without a window and on the loopback interface.
pub fn receiver() -> Command {
    let mut command = ours("streamsocket-receiver");
    command.args(["--interface", "127.0.0.1", "--headless"]);
    command
}

/// One of our programs.
pub fn ours(name: &str) -> Command {
    let folder = std::env::var_os("STREAMSOCKET_BINARIES").map_or_else(
        || std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_path_buf(),
        PathBuf::from,
    );
    let path = folder.join(name);
    assert!(path.exists(), "{} is not there: cargo build --workspace", path.display());
    let mut command = Command::new(path);
    command.stdin(Stdio::null()).stdout(Stdio::null()).env_remove("RUST_LOG");
    command
}

/// Another program, out of a package that `scripts/setup test` installs.
pub fn peer(name: &str) -> Command {
    let mut command = Command::new(name);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// A program that runs, and what it says on standard error. Killed when it is dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    name: String,
    lines: Receiver<String>,
    said: Vec<String>,
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code or signal.
    pub status: ExitStatus,
    /// All that it said on standard error.
    pub said: String,
}

impl Program {
    /// Starts it.
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let spawned = command.stderr(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|error| {
            panic!("{name}: {error}: scripts/setup test installs what is missing")
        });
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stderr.split(b'\n').map_while(Result::ok) {
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    break;
                }
            }
        });
        Self { child, name, lines, said: Vec::new() }
    }

    /// Waits until it says something with `text` in it, and returns that line.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> String {
        let end = monotonic() + i64::try_from(PATIENCE.as_nanos()).unwrap();
        loop {
            let left = u64::try_from(end - monotonic()).unwrap_or(0);
            match self.lines.recv_timeout(Duration::from_nanos(left)) {
                Ok(line) => {
                    self.said.push(line);
                    if let Some(line) = self.said.last().filter(|line| line.contains(text)) {
                        return line.clone();
                    }
                }
                Err(error) => panic!(
                    "{} never said '{text}' ({error}), but:\n{}",
                    self.name,
                    self.said.join("\n")
                ),
            }
        }
    }

    /// What it has said until now, line by line.
    pub fn said(&mut self) -> String {
        self.said.extend(self.lines.try_iter());
        self.said.join("\n")
    }

    /// Its standard output, if that was to be piped.
    pub fn stdout(&mut self) -> ChildStdout {
        self.child.stdout.take().expect("standard output is a pipe")
    }

    /// Its process number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// Asks it to end, as Ctrl-C does, and waits until it has.
    #[track_caller]
    pub fn interrupt(self) -> Ended {
        self.signal(Signal::SIGINT);
        self.finish()
    }

    /// Waits until a process that was killed is gone.
    pub fn wait(&mut self) {
        self.child.wait().unwrap();
    }

    /// Waits until it ends.
    #[track_caller]
    pub fn finish(mut self) -> Ended {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.said.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("{} does not end; it said:\n{}", self.name, self.said.join("\n"))
                }
            }
        }
        Ended { status: self.child.wait().unwrap(), said: self.said.join("\n") }
    }

    /// Waits until it ends, which must be with exit code 0.
    #[track_caller]
    pub fn succeed(self) -> String {
        self.finish().succeeded()
    }
}

impl Ended {
    /// What it said, if it ended with exit code 0.
    #[track_caller]
    pub fn succeeded(self) -> String {
        assert!(has_played(self.status, &self.said), "{}: {}", self.status, self.said);
        self.said
    }
}

/// Whether a program has done what it was to. GStreamer's rtspsrc 1.22 fails now and then when it leaves, behind the last
/// picture: it says that it could not send its PAUSE or TEARDOWN, while the server is there and nothing was refused.
#[must_use]
pub fn has_played(status: ExitStatus, said: &str) -> bool {
    let leaving = ["gst_rtspsrc_try_send ", "gst_rtspsrc_pause ", "gst_rtspsrc_close "];
    let mut failed = said.lines().filter(|line| line.contains("gstrtspsrc.c(")).peekable();
    let left = failed.peek().is_some() && said.contains("(Received end-of-file)");
    status.success() || (left && failed.all(|line| leaving.iter().any(|it| line.contains(it))))
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program to its end and returns its standard output; it must succeed.
#[track_caller]
pub fn output(command: &mut Command) -> Vec<u8> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output();
    let output = output.unwrap_or_else(|error| {
        panic!("{name}: {error}: scripts/setup test installs what is missing")
    });
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {}: {said}", output.status);
    output.stdout
}

/// The same as text.
#[track_caller]
pub fn text(command: &mut Command) -> String {
    String::from_utf8(output(command)).unwrap()
}

/// A program of a test's own: what /bin/sh is to do. Another process writes it: of a file that this one has open, whatever
/// another test starts meanwhile has it open as well for a moment, and nobody can run it then (ETXTBSY).
#[track_caller]
pub fn stand_in(path: &Path, script: &str) {
    let mut install = peer("install");
    install.args(["-m", "755", "/dev/stdin"]).arg(path).stdin(Stdio::piped());
    let mut child = install.spawn().unwrap();
    let mut text = child.stdin.take().unwrap();
    text.write_all(format!("#!/bin/sh\n{script}\n").as_bytes()).unwrap();
    drop(text);
    assert!(child.wait().unwrap().success(), "{}", path.display());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn a_player_that_fails_while_it_leaves_has_played() {
        let line = |function: &str| format!("../gst/rtsp/gstrtspsrc.c(6766): {function} (): /G:p0");
        let end = "Could not send message. (Received end-of-file)";
        let said = |functions: &[&str]| {
            functions.iter().map(|it| format!("{}:\n{end}\n", line(it))).collect::<String>()
        };
        let failed = ExitStatus::from_raw(1 << 8);
        assert!(has_played(ExitStatus::from_raw(0), "") && !has_played(failed, ""));
        assert!(has_played(failed, &said(&["gst_rtspsrc_try_send", "gst_rtspsrc_pause"])));
        assert!(has_played(failed, &said(&["gst_rtspsrc_try_send", "gst_rtspsrc_close"])));
        assert!(!has_played(failed, &said(&["gst_rtspsrc_try_send", "gst_rtspsrc_open"])));
        let refused = format!("{}: Unauthorized\n", line("gst_rtspsrc_send"));
        assert!(!has_played(failed, &(refused + &said(&["gst_rtspsrc_close"]))));
    }
}
