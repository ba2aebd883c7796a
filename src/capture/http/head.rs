//! The head of an answer: a status line and headers (RFC 9112 sections 4 and 5), also as RTSP has them
//! (RFC 2326 section 7). Read leniently, as long as it says what it means.

use std::fmt;
use streamsocket_rtsp::headers::Headers;

/// Bytes of a head at most: those of cameras have some hundred, and browsers take no more than this many
/// from a server that sets cookies.
const HEAD_MAX: usize = 16 << 10;

/// Headers at most: cameras send ten.
const HEADERS_MAX: usize = 64;

/// Characters of a reason that are kept: a status line's last word, which is shown.
const REASON_MAX: usize = 60;

/// A head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The status, 100 to 999.
    pub status: u16,
    /// What the server calls it, fit to be shown.
    pub reason: String,
    /// Its headers.
    pub headers: Headers,
}

/// Why something is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It begins with something else than a status line.
    OtherProtocol,
    /// It has more than 16 kB.
    TooLong,
    /// Its headers have characters that cannot be theirs, or there are more than can be meant.
    Headers,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherProtocol => f.write_str("does not speak HTTP"),
            Self::TooLong => write!(f, "answers with more than {HEAD_MAX} bytes of headers"),
            Self::Headers => f.write_str("answers with headers that cannot be read"),
        }
    }
}

impl Head {
    fn parse(bytes: &[u8]) -> Result<Self, Unreadable> {
        let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
        let (line, fields) = bytes.split_at(end);
        let (status, reason) = status(line).ok_or(Unreadable::OtherProtocol)?;
        // The parser knows one protocol, whose status line it is stricter about.
        let canonical = [b"HTTP/1.1 200\r\n", fields].concat();
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = httparse::ParserConfig::default()
            .allow_spaces_after_header_name_in_responses(true)
            .allow_obsolete_multiline_headers_in_responses(true)
            .ignore_invalid_headers_in_responses(true)
            .parse_response(&mut response, &canonical);
        if !parsed.is_ok_and(|parsed| parsed.is_complete()) {
            return Err(Unreadable::Headers);
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(['\r', '\n'], " ");
        let headers = response.headers.iter();
        let headers = headers.map(|it| (it.name, text(it.value).trim().to_owned()));
        Ok(Self { status, reason, headers: headers.collect() })
    }
}

/// Status and reason of a status line such as `HTTP/1.1 200 OK`, `RTSP/1.0 200 OK`, `ICY 200 OK`.
fn status(line: &[u8]) -> Option<(u16, String)> {
    let line = String::from_utf8_lossy(line);
    let (protocol, rest) = line.trim().split_once(char::is_whitespace)?;
    let protocol = protocol.split('/').next()?;
    let known = ["HTTP", "RTSP", "ICY"].iter().any(|it| protocol.eq_ignore_ascii_case(it));
    let (digits, reason) = rest.trim_start().split_at_checked(3).filter(|_| known)?;
    let status = digits.parse().ok().filter(|status| *status >= 100)?;
    let reason = reason.trim().replace(char::is_control, "?");
    Some((status, reason.chars().take(REASON_MAX).collect()))
}

/// What has become of a piece of what a server sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// All of it belongs to the head, and there is more.
    More,
    /// The head, and how many bytes of the piece belong to it.
    Head(Head, usize),
    /// There is no head: a body comes at once, as some servers have it that are older than HTTP/1.0. These
    /// are its first bytes, the piece included.
    Body(Vec<u8>),
}

/// Reads a head that comes in pieces.
#[derive(Debug, Default)]
pub struct HeadReader {
    bytes: Vec<u8>,
    /// Bytes of the line that has begun, without the CR.
    line: usize,
}

impl HeadReader {
    /// Takes the next piece.
    ///
    /// # Errors
    /// What comes is no head.
    pub fn take(&mut self, piece: &[u8]) -> Result<Taken, Unreadable> {
        for (at, &byte) in piece.iter().enumerate() {
            let ended = byte == b'\n' && self.line == 0;
            match byte {
                b'\n' => self.line = 0,
                b'\r' => {}
                _ => self.line += 1,
            }
            // An empty line in front belongs to an answer before (RFC 9112 section 2.2).
            if self.bytes.is_empty() && matches!(byte, b'\r' | b'\n') {
                continue;
            }
            self.bytes.push(byte);
            if ended {
                return Head::parse(&self.bytes).map(|head| Taken::Head(head, at + 1));
            }
            if self.bytes.len() == HEAD_MAX {
                return Err(Unreadable::TooLong);
            }
            if self.bytes.starts_with(&[0xFF, 0xD8, 0xFF]) || self.bytes.starts_with(b"--") {
                let begun = std::mem::take(&mut self.bytes);
                return Ok(Taken::Body([&begun, &piece[at + 1..]].concat()));
            }
        }
        Ok(Taken::More)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Taken, Unreadable> {
        HeadReader::default().take(bytes)
    }

    fn head(text: &str) -> Head {
        match read(text.as_bytes()) {
            Ok(Taken::Head(head, len)) if len == text.len() => head,
            other => panic!("{text:?}: {other:?}"),
        }
    }

    #[test]
    fn a_head_is_read_in_whatever_spelling() {
        for text in [
            "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n",
            "HTTP/1.0 200 OK\nContent-Type: image/jpeg\n\n",
            "\r\n\r\nHTTP/1.1 200 OK\r\nContent-type : image/jpeg \r\n\r\n",
            "http/1.1  200OK\r\nCONTENT-TYPE:image/jpeg\r\n\r\n",
            "RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Type: image/jpeg\r\n\r\n",
            "ICY 200 OK\r\ncontent-type: image/jpeg\r\n\r\n",
            "HTTP/1.1 200 OK\r\nnonsense\r\nb\u{e4}d name: x\r\n: x\r\nContent-Type: image/jpeg\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Type:\r\n image/jpeg\r\n\r\n",
        ] {
            let head = head(text);
            assert_eq!(
                (head.status, head.headers.get("content-type")),
                (200, Some("image/jpeg")),
                "{text:?}"
            );
        }
        let several = head("HTTP/1.1 401\r\nWWW-Authenticate: A\r\nwww-authenticate: B\r\n\r\n");
        assert_eq!(several.headers.all("WWW-Authenticate").collect::<Vec<_>>(), ["A", "B"]);
        assert_eq!(
            (several.status, several.reason.as_str(), several.headers.get("x")),
            (401, "", None)
        );
        assert_eq!(head("HTTP/1.1 404 Not\u{1b} Found\r\n\r\n").reason, "Not? Found");
    }

    #[test]
    fn every_cut_gives_the_same_head() {
        let text = b"HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\n\r\nbody";
        for cut in 0..text.len() - 4 {
            let mut reader = HeadReader::default();
            assert_eq!(reader.take(&text[..cut]), Ok(Taken::More));
            let Ok(Taken::Head(head, len)) = reader.take(&text[cut..]) else {
                panic!("cut at {cut}")
            };
            assert_eq!((head.headers.get("C"), &text[cut + len..]), (Some("d"), &b"body"[..]));
        }
    }

    #[test]
    fn a_body_without_a_head_is_a_body() {
        for body in
            [&[0xFF, 0xD8, 0xFF, 0xE0, 1][..], b"--boundary\r\nContent-Type: image/jpeg\r\n"]
        {
            for cut in 0..=2 {
                let mut reader = HeadReader::default();
                let first = reader.take(&body[..cut]).unwrap();
                let all = if let Taken::Body(begun) = first {
                    [&begun, &body[cut..]].concat()
                } else {
                    let Ok(Taken::Body(all)) = reader.take(&body[cut..]) else { panic!() };
                    all
                };
                assert_eq!(all, body);
            }
        }
    }

    #[test]
    fn what_is_no_head_is_refused() {
        for (bytes, why) in [
            (&b"SSH-2.0-OpenSSH_9.2\r\n\r\n"[..], Unreadable::OtherProtocol),
            (b"HTTP/1.1 OK\r\n\r\n", Unreadable::OtherProtocol),
            (b"HTTP/1.1 20\r\n\r\n", Unreadable::OtherProtocol),
            (b"HTTP/1.1 \xFF\xFF\xFF\r\n\r\n", Unreadable::OtherProtocol),
            (b"HTTP/1.1 200 OK\r\nA: \0\r\n\r\n", Unreadable::Headers),
            (
                &[b"HTTP/1.1 200 OK\r\n", &b"A: b\r\n".repeat(65)[..], b"\r\n"].concat(),
                Unreadable::Headers,
            ),
            (&b"HTTP/1.1 200 OK\r\nA: b\r\n".repeat(1000), Unreadable::TooLong),
            (&[0; 20_000], Unreadable::TooLong),
        ] {
            assert_eq!(read(bytes), Err(why));
            assert!(!why.to_string().is_empty());
        }
    }
}
