//! A request or an answer (RFC 2326 sections 4 to 7).

use crate::headers::Headers;
use std::fmt;

/// Headers of a message at most: players send ten.
const HEADERS_MAX: usize = 64;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its first line.
    pub start: Start,
    /// Its headers.
    pub headers: Headers,
    /// What follows them.
    pub body: Vec<u8>,
}

/// The first line of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Of a request.
    Request {
        /// What is wanted.
        method: Method,
        /// Of what: an absolute URL, or `*`.
        url: String,
        /// Whether it is of RTSP/1.0.
        known: bool,
    },
    /// Of an answer.
    Answer {
        /// 100 to 999.
        status: u16,
        /// The same in words.
        reason: String,
    },
}

/// What a request wants (RFC 2326 section 10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// What the server can do.
    Options,
    /// What there is.
    Describe,
    /// What the client is going to send.
    Announce,
    /// A track, by a transport.
    Setup,
    /// Packets.
    Play,
    /// Packets of the client's.
    Record,
    /// No packets for a while.
    Pause,
    /// The end.
    Teardown,
    /// A parameter; without any, a sign of life.
    GetParameter,
    /// The same.
    SetParameter,
    /// Something that this program does not do.
    Other(String),
}

impl Method {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Options => "OPTIONS",
            Self::Describe => "DESCRIBE",
            Self::Announce => "ANNOUNCE",
            Self::Setup => "SETUP",
            Self::Play => "PLAY",
            Self::Record => "RECORD",
            Self::Pause => "PAUSE",
            Self::Teardown => "TEARDOWN",
            Self::GetParameter => "GET_PARAMETER",
            Self::SetParameter => "SET_PARAMETER",
            Self::Other(name) => name,
        }
    }

    /// The method of this name.
    fn named(name: &str) -> Self {
        let known = [
            Self::Options,
            Self::Describe,
            Self::Announce,
            Self::Setup,
            Self::Play,
            Self::Record,
            Self::Pause,
            Self::Teardown,
            Self::GetParameter,
            Self::SetParameter,
        ];
        let known = known.into_iter().find(|it| it.name() == name);
        known.unwrap_or_else(|| Self::Other(name.to_owned()))
    }
}

/// The bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a message of RTSP")
    }
}

impl std::error::Error for Unreadable {}

impl Message {
    /// A request of this method for this URL.
    #[must_use]
    pub fn request(method: Method, url: &str) -> Self {
        let start = Start::Request { method, url: url.to_owned(), known: true };
        Self { start, headers: Headers::default(), body: Vec::new() }
    }

    /// An answer.
    #[must_use]
    pub fn answer(status: u16, reason: &str) -> Self {
        let start = Start::Answer { status, reason: reason.to_owned() };
        Self { start, headers: Headers::default(), body: Vec::new() }
    }

    /// The same with one more header. What would end its line is left out of the value.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.headers.push(name, value.to_string().replace(['\r', '\n', '\0'], ""));
        self
    }

    /// Reads a first line and headers, up to the empty line and with it; there is no body yet.
    ///
    /// # Errors
    /// They are not RTSP's, or there are too many.
    pub fn parse(head: &[u8]) -> Result<Self, Unreadable> {
        let end = head.iter().position(|byte| *byte == b'\n').ok_or(Unreadable)? + 1;
        let (line, fields) = head.split_at(end);
        let line = std::str::from_utf8(line).map_err(|_| Unreadable)?;
        let start = start(line.trim_end()).ok_or(Unreadable)?;
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let httparse::Status::Complete((_, parsed)) =
            httparse::parse_headers(fields, &mut headers).map_err(|_| Unreadable)?
        else {
            return Err(Unreadable);
        };
        let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
        let headers = parsed.iter().map(|it| (it.name, text(it.value))).collect();
        Ok(Self { start, headers, body: Vec::new() })
    }

    /// Bytes of the body that the headers announce.
    ///
    /// # Errors
    /// They announce no number.
    pub fn content_length(&self) -> Result<usize, Unreadable> {
        self.headers.get("Content-Length").map_or(Ok(0), |it| it.parse().map_err(|_| Unreadable))
    }

    /// The message as it is sent, with the length of its body.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let first = match &self.start {
            Start::Request { method, url, .. } => format!("{} {url} RTSP/1.0", method.name()),
            Start::Answer { status, reason } => format!("RTSP/1.0 {status} {reason}"),
        };
        let mut text = first.replace(['\r', '\n'], "") + "\r\n";
        for (name, value) in self.headers.iter() {
            text = text + name + ": " + value + "\r\n";
        }
        if !self.body.is_empty() {
            text = text + "Content-Length: " + &self.body.len().to_string() + "\r\n";
        }
        [(text + "\r\n").as_bytes(), &self.body].concat()
    }
}

/// Reads a first line.
fn start(line: &str) -> Option<Start> {
    let mut words = line.split_ascii_whitespace();
    let first = words.next()?;
    if let Some(version) = first.strip_prefix("RTSP/") {
        let _ = version.chars().next().filter(char::is_ascii_digit)?;
        let status = words.next()?.parse().ok().filter(|it| (100..1000).contains(it))?;
        return Some(Start::Answer { status, reason: words.collect::<Vec<_>>().join(" ") });
    }
    let (url, version) = (words.next()?, words.next()?.strip_prefix("RTSP/")?);
    let token = |it: u8| it.is_ascii_alphanumeric() || b"-_.".contains(&it);
    if words.next().is_some() || !first.bytes().all(token) {
        return None;
    }
    let (method, url) = (Method::named(first), url.to_owned());
    Some(Start::Request { method, url, known: version == "1.0" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let message = Message::request(Method::Setup, "rtsp://pi:8554/trackID=v")
            .with("CSeq", 3)
            .with("Transport", "RTP/AVP;unicast\r\nEvil: 1");
        let bytes = message.bytes();
        assert_eq!(Message::parse(&bytes), Ok(message.clone()));
        assert_eq!(message.headers.get("transport"), Some("RTP/AVP;unicastEvil: 1"));
        let mut answer = Message::answer(401, "Unauthorized")
            .with("WWW-Authenticate", "Digest a")
            .with("WWW-Authenticate", "Digest b");
        answer.body = b"text".to_vec();
        let bytes = answer.bytes();
        let (head, body) = bytes.split_at(bytes.len() - 4);
        let read = Message::parse(head).unwrap();
        assert_eq!((read.content_length(), body), (Ok(4), &b"text"[..]));
        assert_eq!(
            read.headers.all("www-authenticate").collect::<Vec<_>>(),
            ["Digest a", "Digest b"]
        );
        assert_eq!(read.start, answer.start);
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for text in [
            "",
            "\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "OPTIONS *\r\n\r\n",
            "OPTIONS * RTSP/1.0 x\r\n\r\n",
            "OPT(ONS * RTSP/1.0\r\n\r\n",
            "OPTIONS * RTSP/1.0\r\nname value\r\n\r\n",
            "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n",
            "RTSP/1.0 20 OK\r\n\r\n",
            "RTSP/x 200 OK\r\n\r\n",
        ] {
            assert_eq!(Message::parse(text.as_bytes()), Err(Unreadable), "{text:?}");
        }
        let many = format!("OPTIONS * RTSP/1.0\r\n{}\r\n", "a: b\r\n".repeat(HEADERS_MAX + 1));
        assert_eq!(Message::parse(many.as_bytes()), Err(Unreadable));
        let length = |it| Message::answer(200, "OK").with("Content-Length", it).content_length();
        assert_eq!(
            (length("-1"), length("7"), length("7 ")),
            (Err(Unreadable), Ok(7), Err(Unreadable))
        );
    }

    #[test]
    fn other_versions_and_methods_are_known_as_such() {
        for (line, name, of_ours) in [
            ("PLAY rtsp://x/ RTSP/1.0", "PLAY", true),
            ("PLAY rtsp://x/ RTSP/2.0", "PLAY", false),
            ("ANNOUNCE rtsp://x/ RTSP/1.0", "ANNOUNCE", true),
            ("REDIRECT rtsp://x/ RTSP/1.0", "REDIRECT", true),
            ("play rtsp://x/ RTSP/1.0", "play", true),
        ] {
            let read = Message::parse(format!("{line}\n\n").as_bytes()).unwrap();
            let Start::Request { method, known, .. } = read.start else { panic!("{line}") };
            assert_eq!((method.name(), known), (name, of_ours));
            assert_eq!(matches!(method, Method::Other(_)), name == "REDIRECT" || name == "play");
        }
    }
}
