//! The loop's timer. Most deadlines move away with each packet and never come: the timer stays set to an earlier one,
//! so that waiting for packets sets no timer at all.

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;
use streamsocket_media::clock::Monotonic;

/// A timer that goes off at a deadline, or before it.
pub(super) struct Alarm {
    timer: TimerFd,
    set_to: Option<Monotonic>,
}

impl Alarm {
    /// One that is not set.
    ///
    /// # Errors
    /// If the process has too many open files.
    pub(super) fn new() -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        Ok(Self { timer: TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?, set_to: None })
    }

    /// Registers it with the poll.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn register(&self, registry: &Registry, token: Token) -> io::Result<()> {
        let descriptor = self.timer.as_fd().as_raw_fd();
        registry.register(&mut SourceFd(&descriptor), token, Interest::READABLE)
    }

    /// Goes off at `deadline` at the latest, at once if that is past. Without a system call if it does already.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn set(&mut self, deadline: Monotonic) -> io::Result<()> {
        if self.set_to.is_some_and(|set_to| set_to <= deadline) {
            return Ok(());
        }
        // Zero would switch it off.
        let time = Duration::from_nanos(deadline.0.max(1).unsigned_abs());
        let time = Expiration::OneShot(TimeSpec::from_duration(time));
        self.timer.set(time, TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
        self.set_to = Some(deadline);
        Ok(())
    }

    /// It has gone off: the next [`set`](Self::set) is not for nothing. Setting it takes back what the poll could read.
    pub(super) const fn went_off(&mut self) {
        self.set_to = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::monotonic;
    use mio::{Events, Poll};
    use streamsocket_media::clock::Delay;

    #[test]
    fn it_goes_off_at_the_earliest_deadline_and_again_when_it_is_set_again() {
        let (mut poll, mut events) = (Poll::new().unwrap(), Events::with_capacity(4));
        let mut alarm = Alarm::new().unwrap();
        alarm.register(poll.registry(), Token(3)).unwrap();
        for _ in 0..3 {
            let begin = monotonic();
            for millis in [40, 20, 60_000] {
                alarm.set(begin + Delay::from_millis(millis)).unwrap();
            }
            poll.poll(&mut events, Some(Duration::from_secs(5))).unwrap();
            assert_eq!(events.iter().map(|event| event.token()).collect::<Vec<_>>(), [Token(3)]);
            let took = monotonic() - begin;
            assert!(took >= Delay::from_millis(20), "{took:?}");
            alarm.went_off();
        }
        poll.poll(&mut events, Some(Duration::from_millis(50))).unwrap();
        assert!(events.is_empty(), "it is not set");
        alarm.set(Monotonic(0)).unwrap();
        poll.poll(&mut events, Some(Duration::from_secs(5))).unwrap();
        assert_eq!(events.iter().count(), 1, "that was long ago");
    }
}
