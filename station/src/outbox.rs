//! What is written to one TCP connection: answers, and interleaved packets of several tracks. Packets and answers are
//! whole, whatever the connection takes at a time.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use streamsocket_net::tcp;
use streamsocket_rtsp::splitter::PREFIX;

/// Pictures of a track that wait at a time: one that is being sent, and the newest. Each has 8 MB at most.
pub const PICTURES_MAX: usize = 2;

/// Pieces of sound of a track that wait at a time: a second or two, some hundred kilobytes.
pub const SOUNDS_MAX: usize = 64;

/// Bytes of answers that wait at most: whoever asks on and reads nothing is let go.
const ANSWERS_MAX: usize = 128 << 10;

/// Memory that is kept when nothing waits: a usual picture or two.
const KEPT_MAX: usize = 512 << 10;

/// A connection, for the loop that reads from it and for the tracks that write to it.
#[derive(Clone, Debug)]
pub struct Connection(Arc<Mutex<Outbox>>);

/// What is to be written, and the connection.
#[derive(Debug)]
pub struct Outbox {
    stream: TcpStream,
    waiting: VecDeque<u8>,
    /// Bytes written so far.
    written: u64,
    /// Of what waits, the answers: where each ends, and its bytes.
    answers: VecDeque<(u64, usize)>,
    gone: bool,
}

impl Connection {
    /// Of a stream that does not block.
    #[must_use]
    pub fn new(stream: TcpStream) -> Self {
        let (waiting, answers) = (VecDeque::new(), VecDeque::new());
        let outbox = Outbox { stream, waiting, written: 0, answers, gone: false };
        Self(Arc::new(Mutex::new(outbox)))
    }

    /// Its outbox. Only the loop has connections, and closes them: nobody waits.
    pub fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outbox {
    /// Reads what has come. `None` when there is nothing, 0 when the client sends no more.
    ///
    /// # Errors
    /// The kernel's.
    pub fn read(&mut self, room: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match self.stream.read(room) {
                Ok(count) => return Ok(Some(count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Adds an answer, and writes what can be written.
    pub fn say(&mut self, answer: &[u8]) {
        // Not everything that comes is answered.
        if answer.is_empty() {
            return;
        }
        self.waiting.extend(answer);
        self.answers.push_back((self.end(), answer.len()));
        let waiting: usize = self.answers.iter().map(|(_, len)| len).sum();
        self.gone |= waiting > ANSWERS_MAX;
        self.write();
    }

    /// Adds an interleaved packet (RFC 2326 section 10.12), in two parts. One that is longer than its length can say
    /// is left out; no track makes such.
    pub fn push(&mut self, channel: u8, header: &[u8], payload: &[u8]) {
        let Ok(len) = u16::try_from(header.len() + payload.len()) else { return };
        let [high, low] = len.to_be_bytes();
        let prefix: [u8; PREFIX] = [b'$', channel, high, low];
        self.waiting.extend(prefix);
        self.waiting.extend(header);
        self.waiting.extend(payload);
    }

    /// Where what comes next begins, in bytes since the connection was made.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.written + self.waiting.len() as u64
    }

    /// Whether all up to there is written.
    #[must_use]
    pub const fn has_written(&self, end: u64) -> bool {
        self.written >= end
    }

    /// The shortest time there and back, as far as the kernel knows one ([`tcp::round_trip_min`]).
    #[must_use]
    pub fn round_trip_min(&self) -> Option<Duration> {
        tcp::round_trip_min(&self.stream)
    }

    /// Writes what can be written.
    pub fn write(&mut self) {
        while !self.gone && !self.waiting.is_empty() {
            let (first, second) = self.waiting.as_slices();
            let slices = [io::IoSlice::new(first), io::IoSlice::new(second)];
            match self.stream.write_vectored(&slices) {
                Ok(0) => self.gone = true,
                Ok(count) => {
                    self.written += count as u64;
                    drop(self.waiting.drain(..count));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.gone = true,
            }
        }
        while self.answers.front().is_some_and(|(end, _)| self.has_written(*end)) {
            self.answers.pop_front();
        }
        if self.gone {
            self.waiting = VecDeque::new();
        } else if self.waiting.is_empty() {
            self.waiting.shrink_to(KEPT_MAX);
        }
    }

    /// What to watch.
    #[must_use]
    pub fn descriptor(&self) -> RawFd {
        self.stream.as_raw_fd()
    }

    /// Whether nothing can be written any more.
    #[must_use]
    pub const fn is_gone(&self) -> bool {
        self.gone
    }

    /// Bytes that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether all is written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// A connection whose far end reads nothing by itself, with the least buffers.
    fn connection() -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let near = listener.accept().unwrap().0;
        near.set_nonblocking(true).unwrap();
        tcp::prepare(&near).unwrap();
        (Connection::new(near), far)
    }

    #[test]
    fn packets_and_answers_arrive_whole_and_in_order() {
        let (near, mut far) = connection();
        let payload = [7; 1000];
        let mut count = 0;
        // Until the kernel takes no more, and then as much again.
        loop {
            near.outbox().push(3, b"head", &payload);
            near.outbox().write();
            count += 1;
            if near.outbox().waiting.len() > 1_000_000 {
                break;
            }
        }
        let end = near.outbox().end();
        assert!(!near.outbox().has_written(end) && !near.outbox().is_empty());
        near.outbox().say(b"RTSP/1.0 200 OK\r\n\r\n");
        let mut all = Vec::new();
        let wanted = count * (PREFIX + 4 + 1000) + 19;
        let mut room = [0; 65_536];
        while all.len() < wanted {
            let len = far.read(&mut room).unwrap();
            all.extend_from_slice(&room[..len]);
            near.outbox().write();
        }
        assert!(near.outbox().has_written(end) && near.outbox().is_empty());
        let one = [&b"$\x03\x03\xechead"[..], &payload].concat();
        assert_eq!(all, [one.repeat(count), b"RTSP/1.0 200 OK\r\n\r\n".to_vec()].concat());
        assert!(near.outbox().waiting.capacity() <= 2 * KEPT_MAX);
    }

    #[test]
    fn what_is_not_answered_is_not_kept() {
        let (near, _far) = connection();
        while near.outbox().waiting() < 100_000 {
            near.outbox().push(3, b"head", &[7; 60_000]);
            near.outbox().write();
        }
        (0..100).for_each(|_| near.outbox().say(b""));
        assert!(near.outbox().answers.is_empty());
    }

    #[test]
    fn whoever_asks_and_reads_nothing_is_let_go() {
        let (near, _far) = connection();
        let mut said = 0;
        while !near.outbox().is_gone() {
            near.outbox().say(&[b'x'; 10_000]);
            said += 1;
            assert!(said < 10_000, "it is never let go");
        }
        assert!(near.outbox().is_empty());
    }

    #[test]
    fn answers_between_pictures_that_always_wait_are_read_and_forgotten() {
        let (near, mut far) = connection();
        let (mut room, mut answers) = (vec![0; 200_000], 0);
        while answers < 2 * ANSWERS_MAX {
            while near.outbox().waiting() < 2_000_000 {
                near.outbox().push(3, b"head", &[7; 60_000]);
                near.outbox().write();
            }
            near.outbox().say(&[b'x'; 200]);
            answers += 200;
            assert!(far.read(&mut room).unwrap() > 0);
            near.outbox().write();
            assert!(!near.outbox().is_gone(), "after {answers} bytes of answers");
            assert!(!near.outbox().is_empty(), "a picture always waits");
        }
    }
}
