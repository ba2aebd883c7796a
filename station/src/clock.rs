//! The machine's clocks and the one timer of a loop: the only place where the daemon reads the time. The event loop
//! calls it and hands the time on as an argument; threads beside it that wait call it themselves.

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{
    ClockId as TimerClock, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags,
};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::machine;

pub use streamsocket_net::machine::unix_offset_nanos;

/// CLOCK_MONOTONIC now: the clock that V4L2 and ALSA stamp with.
#[must_use]
pub fn monotonic() -> Monotonic {
    Monotonic(machine::monotonic_nanos())
}

/// A timer on CLOCK_MONOTONIC with a descriptor for the event loop: mio's own timeout rounds up to
/// a whole millisecond, which pacing cannot use.
#[derive(Debug)]
pub struct Timer {
    descriptor: TimerFd,
    armed: Option<Monotonic>,
}

impl Timer {
    /// An idle timer.
    ///
    /// # Errors
    /// If the process has too many open files.
    pub fn new() -> nix::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let descriptor = TimerFd::new(TimerClock::CLOCK_MONOTONIC, flags)?;
        Ok(Self { descriptor, armed: None })
    }

    /// What to watch for readability.
    #[must_use]
    pub fn descriptor(&self) -> RawFd {
        self.descriptor.as_fd().as_raw_fd()
    }

    /// Fires at `deadline`, at once if that is past, never if there is none. Without a system call
    /// if that is what it does already.
    ///
    /// # Errors
    /// If the deadline is beyond what the kernel can represent.
    pub fn set(&mut self, deadline: Option<Monotonic>) -> nix::Result<()> {
        if self.armed == deadline {
            return Ok(());
        }
        self.armed = deadline;
        match deadline {
            None => self.descriptor.unset(),
            Some(deadline) => {
                // Zero would disarm it.
                let time = Duration::from_nanos(deadline.0.max(1).unsigned_abs());
                let time = TimeSpec::from_duration(time);
                let flags = TimerSetTimeFlags::TFD_TIMER_ABSTIME;
                self.descriptor.set(Expiration::OneShot(time), flags)
            }
        }
    }

    /// It has fired: the next [`set`](Self::set) arms it again.
    pub const fn fired(&mut self) {
        self.armed = None;
    }
}
