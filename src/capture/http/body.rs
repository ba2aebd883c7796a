//! The body of an answer, out of the framing that it is sent in (RFC 9112 sections 6 and 7).

use super::head::Head;

/// Digits of a chunk's size at most: as many as 64 bits have.
const DIGITS_MAX: u32 = 16;

/// A body. Its content is in what comes, at the same or an earlier place, so that it is taken out there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    framing: Framing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// Up to the end of the connection.
    Whole,
    /// So many bytes, by what the server says.
    Length { left: u64 },
    /// In chunks.
    Chunked(Chunk),
    /// The last chunk has come.
    Ended,
}

/// Where in a chunk the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunk {
    /// At its size: the value of so many digits.
    Size { value: u64, digits: u32 },
    /// Behind its size.
    Extension { size: u64 },
    /// In its data.
    Data { left: u64 },
}

/// Where the size of a chunk is due.
const SIZE: Framing = Framing::Chunked(Chunk::Size { value: 0, digits: 0 });

impl Body {
    /// The body of an answer with this head. A length is only as good as the server's word: what comes
    /// beyond it counts, too.
    #[must_use]
    pub fn of(head: &Head) -> Self {
        let codings = head.headers.all("Transfer-Encoding");
        let chunked = codings
            .flat_map(|it| it.split(','))
            .any(|it| it.trim().eq_ignore_ascii_case("chunked"));
        let length = head.headers.get("Content-Length").and_then(|length| length.parse().ok());
        let framing = match length {
            _ if chunked => SIZE,
            Some(left) => Framing::Length { left },
            None => Framing::Whole,
        };
        Self { framing }
    }

    /// A body that goes on to the end of the connection.
    #[must_use]
    pub const fn whole() -> Self {
        Self { framing: Framing::Whole }
    }

    /// Whether all that was announced has come, if that was.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        matches!(self.framing, Framing::Ended | Framing::Length { left: 0 })
    }

    /// Whether nothing more can come.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        matches!(self.framing, Framing::Ended)
    }

    /// Takes what has come, and leaves of it the content, at its front; returns the length of that. Where the
    /// size of a chunk is due and something else comes, that and all after it is content: then the server has
    /// said it sends chunks, and does not.
    pub fn unframe(&mut self, bytes: &mut [u8]) -> usize {
        let (mut at, mut content) = (0, 0);
        while let Some(&byte) = bytes.get(at) {
            let run = match &mut self.framing {
                Framing::Ended => return content,
                Framing::Whole => bytes.len() - at,
                Framing::Length { left } => {
                    let rest = bytes.len() - at;
                    *left = left.saturating_sub(rest as u64);
                    rest
                }
                Framing::Chunked(Chunk::Data { left }) => {
                    let run = usize::try_from(*left)
                        .map_or(bytes.len() - at, |it| it.min(bytes.len() - at));
                    *left -= run as u64;
                    if *left == 0 {
                        self.framing = SIZE;
                    }
                    run
                }
                Framing::Chunked(chunk) => {
                    let framing = chunk.step(byte);
                    // A byte that has no place here belongs to the content.
                    at += usize::from(framing != Framing::Whole);
                    self.framing = framing;
                    continue;
                }
            };
            bytes.copy_within(at..at + run, content);
            at += run;
            content += run;
        }
        content
    }
}

impl Chunk {
    /// What a byte makes of a chunk that has no data yet.
    fn step(self, byte: u8) -> Framing {
        let begun = |size| {
            if size == 0 { Framing::Ended } else { Framing::Chunked(Self::Data { left: size }) }
        };
        match self {
            Self::Size { value, digits } => {
                let digit = char::from(byte).to_digit(16);
                match (byte, digit) {
                    // Behind the data before, or, in front of any digit, for no reason.
                    (b'\r' | b'\n' | b' ' | b'\t', _) if digits == 0 => Framing::Chunked(self),
                    (_, Some(digit)) if digits < DIGITS_MAX => Framing::Chunked(Self::Size {
                        value: value << 4 | u64::from(digit),
                        digits: digits + 1,
                    }),
                    (b'\n', _) => begun(value),
                    (b'\r' | b';' | b' ' | b'\t', _) => {
                        Framing::Chunked(Self::Extension { size: value })
                    }
                    _ => Framing::Whole,
                }
            }
            Self::Extension { size } if byte == b'\n' => begun(size),
            Self::Extension { .. } | Self::Data { .. } => Framing::Chunked(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::head::{HeadReader, Taken};
    use super::*;

    fn body(headers: &str) -> Body {
        let text = format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n");
        let Ok(Taken::Head(head, _)) = HeadReader::default().take(text.as_bytes()) else {
            panic!()
        };
        Body::of(&head)
    }

    /// The content of a body that comes in pieces of this size.
    fn content(mut body: Body, bytes: &[u8], piece: usize) -> (String, Body) {
        let mut content = Vec::new();
        for piece in bytes.chunks(piece) {
            let mut piece = piece.to_vec();
            let len = body.unframe(&mut piece);
            content.extend_from_slice(&piece[..len]);
        }
        (String::from_utf8(content).unwrap(), body)
    }

    #[test]
    fn chunks_are_put_together_whatever_the_pieces_are() {
        for bytes in [
            &b"5\r\nhello\r\n06\r\n world\r\n0\r\n\r\n"[..],
            b"5\nhello\n6\n world\n0\n\n",
            b"5;name=\"value\"\r\nhello\r\n6 \r\n world\r\n0;last\r\nTrailer: x\r\n\r\nmore",
            b"\r\n5\r\nhello6\r\n world0\r\n",
        ] {
            for piece in 1..=bytes.len() {
                let (content, body) =
                    content(body("Transfer-Encoding: gzip, Chunked"), bytes, piece);
                assert_eq!(content, "hello world");
                assert!(body.is_ended() && body.is_complete());
            }
        }
    }

    #[test]
    fn what_is_said_to_be_chunked_and_is_not_is_taken_as_it_is() {
        for (bytes, expected) in [
            (
                "--boundary\r\nContent-Type: image/jpeg\r\n",
                "--boundary\r\nContent-Type: image/jpeg\r\n",
            ),
            ("5\r\nhelloXworld", "helloXworld"),
            ("ffffffffffffffff1\r\nx", "1\r\nx"),
            ("5-\r\nx", "-\r\nx"),
        ] {
            for piece in 1..=bytes.len() {
                let (content, body) =
                    content(body("Transfer-Encoding: chunked"), bytes.as_bytes(), piece);
                assert_eq!(content, expected);
                assert!(!body.is_ended());
            }
        }
    }

    #[test]
    fn a_length_ends_nothing_but_says_what_is_complete() {
        let (content_, body_) = content(body("Content-Length: 5"), b"hello world", 3);
        assert_eq!(content_, "hello world");
        assert!(body_.is_complete() && !body_.is_ended());
        let (_, body_) = content(body("Content-Length: 12"), b"hello world", 3);
        assert!(!body_.is_complete());
        // No length at all, or one that is none.
        for headers in ["X: y", "Content-Length: -1", "Content-Length: 99999999999999999999"] {
            let (content, body) = content(body(headers), b"hello", 2);
            assert_eq!(content, "hello");
            assert!(!body.is_complete());
        }
        let (_, body_) =
            content(body("Transfer-Encoding: chunked"), b"fffffffffffffff\r\nhello", 2);
        assert!(!body_.is_complete());
    }
}
