//! The webcam, plugged in or not, and what it is told to do.

use crate::commands::Command;
use crate::model::Model;
use crate::plugged::{Plugged, Turn, Wishes};
use crate::report::{self, monotonic};
use crate::vhci;
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};

/// A webcam.
#[derive(Debug)]
pub(crate) struct Webcam {
    model: Model,
    /// Where it was plugged in last.
    port: Option<u32>,
    plugged: Option<Plugged>,
    wishes: Wishes,
}

impl Webcam {
    /// A webcam that is not plugged in yet.
    pub(crate) fn new(model: Model) -> Self {
        Self { model, port: None, plugged: None, wishes: Wishes::default() }
    }

    pub(crate) const fn is_plugged(&self) -> bool {
        self.plugged.is_some()
    }

    /// What to watch for words of the kernel, if it is to be woken by them.
    pub(crate) fn socket(&self) -> Option<BorrowedFd<'_>> {
        self.plugged.as_ref().filter(|it| it.listens()).map(AsFd::as_fd)
    }

    /// When it has something to do by itself.
    pub(crate) fn due(&self) -> Option<i64> {
        self.plugged.as_ref()?.due(&self.wishes)
    }

    /// Puts the plug in, where it was before if nobody took the place. The webcam is as new: what
    /// it was told before does not count any more.
    pub(crate) fn plug(&mut self) -> Result<(), String> {
        let plug = vhci::plug(self.port)?;
        self.port = Some(plug.port);
        self.wishes = Wishes::default();
        self.plugged = Some(Plugged::new(&self.model, plug.stream));
        self.say(monotonic(), format_args!("plugged port {}", plug.port));
        Ok(())
    }

    /// Pulls the plug.
    fn unplug(&mut self, now: i64, why: &str) {
        // Closing the socket is what the kernel sees.
        if self.plugged.take().is_some() {
            self.say(now, format_args!("unplugged{why}"));
        }
    }

    /// Hears what the kernel has to say, and does what is due.
    pub(crate) fn turn(&mut self, now: i64) {
        let Some(plugged) = &mut self.plugged else { return };
        let heard = plugged.receive(&self.model, now);
        let done = heard.and_then(|()| plugged.turn(&self.model, &mut self.wishes, now));
        match done {
            Ok(Turn::Going) => {}
            Ok(Turn::Unplug) => self.unplug(now, " in the middle of a frame"),
            Err(problem) => self.unplug(now, &format!(": {problem}")),
        }
    }

    /// Does as it is told. `Quit` is not its business.
    pub(crate) fn obey(&mut self, command: Command, now: i64) {
        match command {
            Command::Plug if self.is_plugged() => {}
            Command::Plug => {
                if let Err(problem) = self.plug() {
                    report::problem(problem);
                }
            }
            Command::Unplug => self.unplug(now, ""),
            Command::Freeze => {
                self.wishes.frozen = true;
                self.say(now, "frozen");
            }
            Command::Thaw => {
                self.wishes.frozen = false;
                if let Some(plugged) = &mut self.plugged {
                    plugged.thaw(now);
                }
                self.say(now, "thawed");
            }
            Command::Error => self.wishes.faults.error = true,
            Command::Truncate => self.wishes.faults.truncate = true,
            Command::Double => self.wishes.faults.double = true,
            Command::UnplugMidframe => self.wishes.faults.unplug = true,
            Command::Slow(nanos) => self.wishes.slow = nanos,
            Command::Quit => {}
        }
    }

    fn say(&self, now: i64, what: impl fmt::Display) {
        report::event(&self.model.serial, now, what);
    }
}
