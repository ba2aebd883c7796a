//! The descriptors that the loop watches, and what an event of each means. Tokens are given here
//! and nowhere else, one for each meaning: their number stays the same, however often descriptors
//! come and go.

use mio::unix::SourceFd;
use mio::{Interest, Token};
use std::io::{self, ErrorKind};
use std::os::fd::RawFd;

/// Events taken from the kernel at a time; further ones wait for the next turn.
pub(super) const EVENTS_MAX: usize = 64;

/// What a descriptor tells when it is readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The timer has fired.
    Timer,
    /// A signal has come.
    Signal,
    /// Something that was done beside the loop has ended.
    Woken,
    /// The descriptor `index` of the source of an input has something.
    Source {
        /// Which input.
        input: usize,
        /// Which of its descriptors.
        index: usize,
    },
    /// Reports have come for a track.
    Reports {
        /// Its input.
        input: usize,
        /// Which of the input's branches.
        branch: usize,
    },
    /// Devices have come or gone.
    Hotplug,
    /// Links or addresses have changed.
    Network,
    /// Viewers ask for the announcement of a session.
    Asked {
        /// Which session.
        session: usize,
    },
    /// Somebody wants to control the daemon.
    Control,
    /// The relay has sent something, or takes something.
    Relay,
    /// A player connects.
    Connecting,
    /// A player's connection has something, or takes something.
    Player {
        /// Its place.
        place: usize,
    },
    /// Something has come for a viewing by its own sockets.
    Viewer {
        /// Its place.
        place: usize,
    },
}

/// What the loop watches.
pub(super) struct Registry {
    registry: mio::Registry,
    /// The meaning of each token.
    events: Vec<Event>,
}

impl Registry {
    pub(super) const fn new(registry: mio::Registry) -> Self {
        Self { registry, events: Vec::new() }
    }

    /// The loop's own registry, for what registers itself with a token from here.
    pub(super) const fn inner(&self) -> &mio::Registry {
        &self.registry
    }

    /// The token for an event of this meaning.
    pub(super) fn token(&mut self, event: Event) -> Token {
        let known = self.events.iter().position(|known| *known == event);
        Token(known.unwrap_or_else(|| {
            self.events.push(event);
            self.events.len() - 1
        }))
    }

    /// What an event with this token means.
    pub(super) fn event(&self, token: Token) -> Option<Event> {
        self.events.get(token.0).copied()
    }

    /// Watches a descriptor for readability; one that is watched already stays so. Closing it ends
    /// the watch.
    pub(super) fn watch(&mut self, descriptor: RawFd, event: Event) -> io::Result<()> {
        self.register(descriptor, event, Interest::READABLE)
    }

    /// Watches a descriptor for both readability and writability.
    pub(super) fn watch_both(&mut self, descriptor: RawFd, event: Event) -> io::Result<()> {
        self.register(descriptor, event, Interest::READABLE | Interest::WRITABLE)
    }

    fn register(&mut self, descriptor: RawFd, event: Event, interest: Interest) -> io::Result<()> {
        let token = self.token(event);
        match self.registry.register(&mut SourceFd(&descriptor), token, interest) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    /// Stops watching a descriptor, which is about to be closed, but not at once.
    pub(super) fn unwatch(&self, descriptor: RawFd) {
        // A failure means that it was not watched.
        let _ = self.registry.deregister(&mut SourceFd(&descriptor));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::{Events, Poll};
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn an_event_comes_back_as_what_it_means() {
        let mut poll = Poll::new().unwrap();
        let mut registry = Registry::new(poll.registry().try_clone().unwrap());
        let (mut far, near) = UnixStream::pair().unwrap();
        let (_quiet, other) = UnixStream::pair().unwrap();
        let meant = Event::Reports { input: 1, branch: 2 };
        registry.watch(other.as_raw_fd(), Event::Source { input: 1, index: 2 }).unwrap();
        registry.watch(near.as_raw_fd(), meant).unwrap();
        registry.watch(near.as_raw_fd(), meant).unwrap();
        far.write_all(b"x").unwrap();
        let mut events = Events::with_capacity(EVENTS_MAX);
        poll.poll(&mut events, None).unwrap();
        let heard: Vec<_> = events.iter().map(|event| registry.event(event.token())).collect();
        assert_eq!(heard, [Some(meant)]);
    }

    #[test]
    fn a_meaning_has_one_token() {
        let poll = Poll::new().unwrap();
        let mut registry = Registry::new(poll.registry().try_clone().unwrap());
        let (timer, control) = (registry.token(Event::Timer), registry.token(Event::Control));
        assert_ne!(timer, control);
        assert_eq!(registry.token(Event::Timer), timer);
        assert_eq!(registry.event(control), Some(Event::Control));
        assert_eq!(registry.event(Token(7)), None);
    }
}
