//! The signals that speak to a program, by a descriptor: which one means what. Nothing else is done here.

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::fs::File;
use std::os::fd::{AsRawFd, RawFd};
use streamsocket_net::machine;

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// To end: SIGINT, SIGTERM, or a terminal that is gone.
    Stop,
    /// To read the configuration again, if there is one: SIGHUP.
    Reload,
}

/// Ears for SIGINT, SIGTERM and SIGHUP.
#[derive(Debug)]
pub struct Signals {
    descriptor: SignalFd,
    /// Whether this was started from a terminal, which says by SIGHUP, too, that it closes.
    from_terminal: bool,
}

impl Signals {
    /// Blocks the signals, in every thread that is started later too. A SIGHUP that is ignored, as nohup(1)
    /// wants it, stays so.
    ///
    /// # Errors
    /// What signalfd(2) says.
    pub fn listen() -> Result<Self, nix::Error> {
        let mut set = SigSet::empty();
        set.add(Signal::SIGINT);
        set.add(Signal::SIGTERM);
        if !machine::is_ignored(Signal::SIGHUP as u32) {
            set.add(Signal::SIGHUP);
        }
        set.thread_block()?;
        let descriptor =
            SignalFd::with_flags(&set, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        Ok(Self { descriptor, from_terminal: has_terminal() })
    }

    /// To be watched for reading.
    #[must_use]
    pub fn descriptor(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }

    /// What the next signal asks for; nothing if none has come.
    pub fn next(&self) -> Option<Asked> {
        let signal = self.descriptor.read_signal().ok()??.ssi_signo;
        log::debug!("signal {signal}");
        if signal != Signal::SIGHUP as u32 {
            return Some(Asked::Stop);
        }
        if self.from_terminal && !has_terminal() {
            log::info!("the terminal has closed");
            return Some(Asked::Stop);
        }
        Some(Asked::Reload)
    }
}

/// Whether this process has a terminal (tty(4)).
fn has_terminal() -> bool {
    File::open("/dev/tty").is_ok()
}
