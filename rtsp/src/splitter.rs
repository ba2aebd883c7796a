//! Takes apart what comes over a connection: messages, and between them interleaved packets
//! (RFC 2326 section 10.12).

use crate::message::{Message, Unreadable};
use std::fmt;
use std::ops::Range;

/// Bytes of a first line and headers at most: players send less than one kilobyte.
pub const HEAD_MAX: usize = 8 << 10;

/// Bytes read at a time, at least: an interleaved packet as usual, and more.
const READ_MIN: usize = 2 << 10;

/// Bytes in front of an interleaved packet: `$`, the channel, the length.
pub const PREFIX: usize = 4;

/// How much one end lets the other send in one piece.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a body.
    pub body: usize,
    /// Bytes of an interleaved packet; what is longer is passed over.
    pub packet: usize,
}

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub enum Element {
    /// A request or an answer.
    Message(Message),
    /// An interleaved packet.
    Packet {
        /// Its channel.
        channel: u8,
        /// Where it [is](Splitter::packet), until more is read.
        at: Range<usize>,
    },
}

/// Why a connection cannot be taken apart any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// It does not speak RTSP.
    Unreadable,
    /// Headers of more than 8 kB.
    LongHead,
    /// A body of more bytes than there may be.
    LongBody,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => f.write_str("does not speak RTSP"),
            Self::LongHead => write!(f, "sends more than {HEAD_MAX} bytes of headers"),
            Self::LongBody => f.write_str("sends a body that is too long"),
        }
    }
}

impl std::error::Error for Broken {}

impl From<Unreadable> for Broken {
    fn from(Unreadable: Unreadable) -> Self {
        Self::Unreadable
    }
}

/// Takes a connection's bytes apart. Holds one element and what came with it.
#[derive(Debug)]
pub struct Splitter {
    limits: Limits,
    bytes: Vec<u8>,
    /// What is not taken apart yet.
    left: Range<usize>,
    /// Bytes of it in which no end of a head was found.
    searched: usize,
    /// Bytes of a packet that are still to be passed over.
    skip: usize,
}

impl Splitter {
    /// For a connection that has sent nothing yet.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self { limits, bytes: Vec::new(), left: 0..0, searched: 0, skip: 0 }
    }

    /// Where to read the next bytes to; say with [`filled`](Self::filled) how many. Never empty, as
    /// long as elements are [taken](Self::take) before more is read.
    pub fn room(&mut self) -> &mut [u8] {
        if self.left.start > 0 {
            self.bytes.copy_within(self.left.clone(), 0);
            self.left = 0..self.left.len();
        }
        let wanted = self.left.end + READ_MIN;
        if self.bytes.len() < wanted {
            self.bytes.resize(wanted.next_power_of_two(), 0);
        }
        &mut self.bytes[self.left.end..]
    }

    /// So many bytes were read to [`room`](Self::room).
    pub fn filled(&mut self, count: usize) {
        self.left.end = (self.left.end + count).min(self.bytes.len());
    }

    /// The next element; `None` until more has been read.
    ///
    /// # Errors
    /// What comes is not RTSP, or too much of it: nothing further can be made of the connection.
    pub fn take(&mut self) -> Result<Option<Element>, Broken> {
        let skipped = self.skip.min(self.left.len());
        self.skip -= skipped;
        self.left.start += skipped;
        self.skip_empty_lines();
        match self.bytes[self.left.clone()] {
            [] => Ok(None),
            [b'$', ..] => Ok(self.take_packet()),
            _ => self.message().map(|message| message.map(Element::Message)),
        }
    }

    /// Empty lines in front of a message belong to nothing (RFC 2326 section 4.1).
    fn skip_empty_lines(&mut self) {
        if self.searched > 0 {
            return;
        }
        let left = &self.bytes[self.left.clone()];
        self.left.start += left.iter().take_while(|byte| b"\r\n".contains(byte)).count();
    }

    /// The bytes of an interleaved packet that was just taken.
    #[must_use]
    pub fn packet(&self, at: Range<usize>) -> &[u8] {
        self.bytes.get(at).unwrap_or_default()
    }

    fn take_packet(&mut self) -> Option<Element> {
        let left = &self.bytes[self.left.clone()];
        let &[_, channel, high, low, ..] = left else { return None };
        let len = usize::from(u16::from_be_bytes([high, low]));
        if len > self.limits.packet {
            let there = (PREFIX + len).min(left.len());
            self.skip = PREFIX + len - there;
            self.left.start += there;
            // What follows is for the next call: a caller asks until there is nothing.
            return Some(Element::Packet { channel, at: 0..0 });
        }
        if left.len() < PREFIX + len {
            return None;
        }
        let begin = self.left.start + PREFIX;
        self.left.start = begin + len;
        Some(Element::Packet { channel, at: begin..begin + len })
    }

    fn message(&mut self) -> Result<Option<Message>, Broken> {
        let left = &self.bytes[self.left.clone()];
        let Some(head) = head_len(left, self.searched) else {
            // An end may lie across what comes next.
            self.searched = left.len().saturating_sub(3);
            return if left.len() > HEAD_MAX { Err(Broken::LongHead) } else { Ok(None) };
        };
        if head > HEAD_MAX {
            return Err(Broken::LongHead);
        }
        let mut message = Message::parse(&left[..head])?;
        let body = message.content_length()?;
        if body > self.limits.body {
            return Err(Broken::LongBody);
        }
        let Some(bytes) = left.get(head..head + body) else { return Ok(None) };
        message.body = bytes.to_vec();
        self.left.start += head + body;
        self.searched = 0;
        Ok(Some(message))
    }
}

/// Bytes up to the empty line that ends a head, and with it; those before `searched` have none.
fn head_len(bytes: &[u8], searched: usize) -> Option<usize> {
    let ends = bytes.iter().enumerate().skip(searched).filter(|(_, byte)| **byte == b'\n');
    ends.map(|(at, _)| at + 1).find_map(|after| match bytes.get(after..)? {
        [b'\n', ..] => Some(after + 1),
        [b'\r', b'\n', ..] => Some(after + 2),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { body: 100, packet: 50 };

    fn feed(splitter: &mut Splitter, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = splitter.room();
            let count = room.len().min(bytes.len());
            room[..count].copy_from_slice(&bytes[..count]);
            splitter.filled(count);
            bytes = &bytes[count..];
        }
    }

    /// All elements of what comes in pieces of so many bytes, in words.
    fn split(bytes: &[u8], piece: usize) -> (Vec<String>, Option<Broken>) {
        let (mut splitter, mut all) = (Splitter::new(LIMITS), Vec::new());
        for piece in bytes.chunks(piece) {
            feed(&mut splitter, piece);
            loop {
                match splitter.take() {
                    Ok(Some(Element::Message(it))) => {
                        all.push(format!("{:?} {}", it.start, it.body.len()));
                    }
                    Ok(Some(Element::Packet { channel, at })) => {
                        all.push(format!("{channel}: {}", splitter.packet(at).len()));
                    }
                    Ok(None) => break,
                    Err(broken) => return (all, Some(broken)),
                }
            }
        }
        (all, None)
    }

    #[test]
    fn every_cut_gives_the_same_elements() {
        let mut bytes = b"\r\nOPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n$\x01\x00\x03abc".to_vec();
        bytes.extend(b"SET_PARAMETER rtsp://x/ RTSP/1.0\nContent-Length: 4\n\n$\x02\n\n");
        bytes.extend([b'$', 3, 0, 60]);
        bytes.extend([b'$'; 60]);
        bytes.extend(b"$\x04\x00\x00RTSP/1.0 200 OK\r\n\r\n");
        let (whole, broken) = split(&bytes, bytes.len());
        assert_eq!((whole.len(), broken), (6, None), "{whole:?}");
        assert_eq!([&whole[1], &whole[3], &whole[4]], ["1: 3", "3: 0", "4: 0"]);
        assert!(whole[2].ends_with(" 4") && whole[5].contains("200"), "{whole:?}");
        for piece in 1..bytes.len() {
            assert_eq!(split(&bytes, piece), (whole.clone(), None), "pieces of {piece}");
        }
    }

    #[test]
    fn too_much_is_refused_before_it_is_kept() {
        let long = [&b"OPTIONS * RTSP/1.0\r\nA: "[..], &[b'x'; HEAD_MAX]].concat();
        let body = b"OPTIONS * RTSP/1.0\r\nContent-Length: 101\r\n\r\n";
        for (bytes, why) in [
            (&long[..], Broken::LongHead),
            (&[&long[..], b"\r\n\r\n"].concat(), Broken::LongHead),
            (body, Broken::LongBody),
            (b"GET / HTTP/1.0\r\n\r\n", Broken::Unreadable),
            (
                b"OPTIONS * RTSP/1.0\r\nContent-Length: 99999999999999999999\r\n\r\n",
                Broken::Unreadable,
            ),
        ] {
            for piece in [1, 1000, bytes.len()] {
                assert_eq!(split(bytes, piece), (Vec::new(), Some(why)));
            }
        }
    }

    #[test]
    fn what_is_kept_does_not_grow() {
        let mut splitter = Splitter::new(LIMITS);
        for _ in 0..1000 {
            feed(&mut splitter, b"$\x00\x00\x20");
            feed(&mut splitter, &[7; 0x20]);
            assert!(splitter.take().unwrap().is_some() && splitter.take().unwrap().is_none());
        }
        assert!(splitter.bytes.len() <= 2 * READ_MIN, "{}", splitter.bytes.len());
    }
}
