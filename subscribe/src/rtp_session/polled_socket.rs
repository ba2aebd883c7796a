//! A socket that is read when the poll has said that something came, and not otherwise.

use crate::clock::monotonic;
use mio::event::Events;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use std::io;
use std::os::fd::AsRawFd;
use streamsocket_net::{ReceiveSocket, Received};
use streamsocket_stream::clock::Monotonic;

/// A socket with what the poll has said of it. The poll says each thing once (it is edge-triggered), so that it holds
/// until the socket has been emptied.
pub(super) struct PolledSocket {
    socket: ReceiveSocket,
    token: Token,
    is_ready: bool,
}

impl PolledSocket {
    /// One that the poll knows, or will, by that token.
    pub(super) const fn new(socket: ReceiveSocket, token: Token) -> Self {
        Self { socket, token, is_ready: false }
    }

    /// Has the poll watch it. What came before is said, too.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn register(&self, registry: &Registry) -> io::Result<()> {
        let descriptor = self.socket.as_raw_fd();
        registry.register(&mut SourceFd(&descriptor), self.token, Interest::READABLE)
    }

    /// Takes notice of what the poll has said.
    pub(super) fn notice(&mut self, events: &Events) {
        self.is_ready |= events.iter().any(|event| event.token() == self.token);
    }

    /// Whether something may have come.
    pub(super) const fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// Something may have come, whatever the poll has said.
    pub(super) const fn make_ready(&mut self) {
        self.is_ready = true;
    }

    /// Hands over what has come, if anything may have, with when it was asked for: until the socket is empty, or by so
    /// many calls to the kernel. True if something may be left, which has to be asked for without waiting.
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
                // What is behind the error is asked for in the next turn, which does not come any sooner for it.
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
