//! A socket that is read only after the poll has reported it.

use crate::clock::monotonic;
use mio::event::Events;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use std::io;
use std::os::fd::AsRawFd;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::{ReceiveSocket, Received};

/// A socket and its readiness. The poll is edge-triggered and reports each arrival once, so a socket stays ready until
/// it has been emptied.
pub(super) struct PolledSocket {
    socket: ReceiveSocket,
    token: Token,
    is_ready: bool,
}

impl PolledSocket {
    /// A socket that is registered by this token.
    pub(super) const fn new(socket: ReceiveSocket, token: Token) -> Self {
        Self { socket, token, is_ready: false }
    }

    /// Registers it with the poll, which reports what came before as well.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn register(&self, registry: &Registry) -> io::Result<()> {
        let descriptor = self.socket.as_raw_fd();
        registry.register(&mut SourceFd(&descriptor), self.token, Interest::READABLE)
    }

    /// Marks it as ready if the poll has reported it.
    pub(super) fn notice(&mut self, events: &Events) {
        self.is_ready |= events.iter().any(|event| event.token() == self.token);
    }

    /// Whether there may be something to read.
    pub(super) const fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// Marks it as ready, whatever the poll has reported.
    pub(super) const fn make_ready(&mut self) {
        self.is_ready = true;
    }

    /// If it is ready, reads until it is empty, by at most so many system calls. `each` gets the datagrams, and the
    /// time just before their call. Returns whether something may be left: the poll will not report that again.
    pub(super) fn read(
        &mut self,
        calls: usize,
        each: &mut dyn FnMut(Received<'_>, Monotonic),
    ) -> bool {
        if !self.is_ready {
            return false;
        }
        for _ in 0..calls {
            let now = monotonic();
            match self.socket.receive(&mut |received| each(received, now)) {
                Ok(_) if self.socket.is_drained() => {
                    self.is_ready = false;
                    return false;
                }
                Ok(_) => {}
                // It stays ready: what is queued behind the error is read in the next turn, whenever that comes.
                Err(_) => return false,
            }
        }
        true
    }

    /// The socket itself.
    pub(super) const fn get(&self) -> &ReceiveSocket {
        &self.socket
    }

    /// The socket itself.
    pub(super) const fn get_mut(&mut self) -> &mut ReceiveSocket {
        &mut self.socket
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::Poll;
    use std::net::UdpSocket;
    use std::time::Duration;

    /// Messages that a call to the kernel takes.
    const BATCH: usize = 16;

    #[test]
    fn what_is_left_is_read_without_another_word_of_the_poll_and_nothing_else_is() {
        let here = "127.0.0.1:0".parse().unwrap();
        let socket = ReceiveSocket::open(here, None, None).unwrap();
        let to = socket.local_addr().unwrap();
        let sender = UdpSocket::bind(here).unwrap();
        let send = |count| {
            for _ in 0..count {
                sender.send_to(b"?", to).unwrap();
            }
        };
        let (mut poll, mut events) = (Poll::new().unwrap(), Events::with_capacity(4));
        let mut socket = PolledSocket::new(socket, Token(7));
        // What comes before the poll knows the socket counts as well.
        send(BATCH + 4);
        socket.register(poll.registry()).unwrap();
        let read = |socket: &mut PolledSocket| {
            let mut count = 0;
            (socket.read(1, &mut |_, _| count += 1), count)
        };
        assert_eq!(read(&mut socket), (false, 0), "the poll was not asked yet");
        for _ in 0..2 {
            poll.poll(&mut events, Some(Duration::from_secs(5))).unwrap();
            socket.notice(&events);
            assert_eq!(read(&mut socket), (true, BATCH));
            assert_eq!(read(&mut socket), (false, 4));
            send(BATCH + 4);
            assert_eq!(read(&mut socket), (false, 0), "the poll was not asked again");
        }
    }
}
