//! Signals by which the user ends the program.

use nix::sys::signal::{SigSet, Signal};
use std::rc::Rc;
use std::sync::mpsc::{Receiver as Queue, RecvTimeoutError, Sender, channel};
use std::thread::Builder;
use std::time::Duration;
use streamsocket_net::machine;

/// Says when a signal has come; clones are the same.
#[derive(Clone, Debug)]
pub struct Signals(Rc<Queue<()>>);

impl Signals {
    /// Watches for signals from now on: in this thread, and in those that it starts, they do nothing else any more.
    ///
    /// # Errors
    /// One line: the kernel's, or there is no room for a thread.
    pub fn watch() -> Result<Self, String> {
        let mut set = SigSet::empty();
        set.add(Signal::SIGINT);
        set.add(Signal::SIGTERM);
        // The terminal is gone: a recording is ended well all the same. Under nohup it goes on.
        if !machine::is_ignored(Signal::SIGHUP as u32) {
            set.add(Signal::SIGHUP);
        }
        set.thread_block().map_err(|error| format!("signals cannot be watched: {error}"))?;
        let (sender, signals): (Sender<()>, _) = channel();
        let watch = move || while set.wait().is_ok() && sender.send(()).is_ok() {};
        let thread = Builder::new().name("signals".into()).spawn(watch);
        thread.map_err(|error| format!("no thread can be started: {error}"))?;
        Ok(Self(Rc::new(signals)))
    }

    /// Whether one has come.
    #[must_use]
    pub fn has_come(&self) -> bool {
        self.0.try_recv().is_ok()
    }

    /// Waits for one; whether one has come in that time.
    pub(super) fn comes_within(&self, wait: Duration) -> bool {
        self.0.recv_timeout(wait) != Err(RecvTimeoutError::Timeout)
    }
}
