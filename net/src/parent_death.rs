//! A child that dies with its parent, however that ends: `kill -9` gives the parent no time to end it, and a
//! child whose camera is silent does not notice that nobody reads its pipe.

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{getpid, getppid};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The kernel kills the child when the thread that starts it ends (PR_SET_PDEATHSIG in prctl(2)).
pub fn die_with_us(command: &mut Command) {
    tie(command, Signal::SIGKILL);
}

/// The kernel asks the child to end (SIGTERM) when the thread that starts it ends: it can say goodbye then.
pub fn end_with_us(command: &mut Command) {
    tie(command, Signal::SIGTERM);
}

fn tie(command: &mut Command, signal: Signal) {
    let us = getpid();
    let tie = move || {
        set_pdeathsig(signal)?;
        // If we have died meanwhile there will be no signal.
        if getppid() == us { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    };
    // SAFETY: between fork and exec only what is async-signal-safe may be done (signal-safety(7)): two system
    // calls are, and nothing is allocated or locked; an error of one `ErrorKind` is a number.
    unsafe { command.pre_exec(tie) };
}
