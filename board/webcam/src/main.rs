//! A USB webcam with a microphone in userspace. It sits at a port of the kernel's virtual host
//! controller, so that the kernel's own drivers, V4L2 and ALSA are between it and what is tested:
//! `/dev/videoN` and a sound card, to be unplugged and damaged at will.
//!
//! This module is the event loop; everything behind it gets the time as an argument.
#![forbid(unsafe_code)]

mod audio;
mod clip;
mod commands;
mod control;
mod descriptors;
mod model;
mod options;
mod plugged;
mod probe;
mod report;
mod sound;
mod usbip;
mod vhci;
mod video;
mod webcam;

use clap::Parser;
use commands::{Command, Fifo};
use model::Model;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use options::Options;
use report::{SECOND, monotonic};
use std::os::fd::AsFd;
use std::process::ExitCode;
use webcam::Webcam;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            report::problem(message);
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let mut webcam = Webcam::new(Model::new(options)?);
    let mut fifo = options.control.as_deref().map(Fifo::open).transpose()?;
    if !options.unplugged {
        webcam.plug()?;
    }
    loop {
        let user = wait(&webcam, fifo.as_ref())?;
        webcam.turn(monotonic());
        if !webcam.is_plugged() && fifo.is_none() {
            return Err("unplugged, and without --control it stays so".into());
        }
        let commands = fifo.as_mut().filter(|_| user).map(Fifo::read).unwrap_or_default();
        for command in commands {
            if command == Command::Quit {
                return Ok(());
            }
            webcam.obey(command, monotonic());
        }
    }
}

/// Waits for the kernel, the user, or the time; true if the user has something to say.
fn wait(webcam: &Webcam, fifo: Option<&Fifo>) -> Result<bool, String> {
    let timeout = webcam.due().map(|due| {
        let left = (due - monotonic()).max(0);
        TimeSpec::new(left / SECOND, left % SECOND)
    });
    let mut watched: Vec<PollFd<'_>> = Vec::with_capacity(2);
    watched.extend(webcam.socket().map(|socket| PollFd::new(socket, PollFlags::POLLIN)));
    watched.extend(fifo.map(|fifo| PollFd::new(fifo.as_fd(), PollFlags::POLLIN)));
    match ppoll(&mut watched, timeout, None) {
        Ok(_) => {}
        Err(Errno::EINTR) => return Ok(false),
        Err(error) => return Err(format!("ppoll: {error}")),
    }
    let last = watched.last().and_then(PollFd::any).unwrap_or(false);
    Ok(fifo.is_some() && last)
}
