//! What is asked and answered until pictures come: redirects (RFC 9110 section 15.4), challenges for a
//! password, and answers that hold something else.

use super::body::Body;
use super::head::{Head, HeadReader, Taken};
use std::fmt::Write as _;
use streamsocket_rtsp::address::{Address, Redirect};
use streamsocket_rtsp::credentials::{CHALLENGE, is_stale};

/// The scheme and its port.
const SCHEME: (&str, u16) = ("http", 80);

/// Redirects at most: one to another path, and one to another host, are what cameras do.
const REDIRECTS_MAX: usize = 5;

/// Times that a password is given to one address: once, and once more if only the nonce was old.
const CHALLENGES_MAX: usize = 2;

/// Bytes of a body that are looked at for what it is, where the server does not say.
const SNIFFED_MAX: usize = 512;

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// More of the answer.
    More,
    /// A new connection to the [address](Exchange::address), and the [request](Exchange::request).
    Again,
    /// Pictures.
    Pictures {
        /// How what comes is framed.
        body: Body,
        /// The content that has come with the head.
        content: Vec<u8>,
        /// It may be one picture, to be asked for again.
        still: bool,
    },
}

/// Why no pictures come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It is something else, which others may be able to read: what it is.
    Foreign(String),
    /// Nobody will get pictures there: why, to be put behind the address.
    Failed(String),
}

/// What an answer holds, as far as its head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Stream,
    Picture,
    Page,
    Unknown,
}

/// An exchange with a server, which may send us to another one.
#[derive(Debug)]
pub struct Exchange {
    address: Address,
    authorization: Option<String>,
    challenges: usize,
    redirects: usize,
    reader: HeadReader,
    /// A body whose first bytes have to say what it is.
    sniffed: Option<Sniffed>,
}

#[derive(Debug)]
struct Sniffed {
    body: Body,
    content: Vec<u8>,
    kind: Kind,
    named: String,
}

impl Exchange {
    /// An exchange that begins with this address. `None` if it is none.
    #[must_use]
    pub fn begin(address: &str) -> Option<Self> {
        let address = Address::parse(address, SCHEME.0, SCHEME.1)?;
        Some(Self {
            address,
            authorization: None,
            challenges: 0,
            redirects: 0,
            reader: HeadReader::default(),
            sniffed: None,
        })
    }

    /// Where to connect to.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// What to send when connected.
    #[must_use]
    pub fn request(&self) -> String {
        let Address { target, .. } = &self.address;
        let mut request = format!(
            "GET {target} HTTP/1.1\r\nHost: {}\r\nUser-Agent: streamsocket/{}\r\nAccept: */*\r\n",
            self.address.host_header(SCHEME.1),
            env!("CARGO_PKG_VERSION"),
        );
        if let Some(authorization) = &self.authorization {
            let _ = write!(request, "Authorization: {authorization}\r\n");
        }
        request.push_str("Connection: close\r\n\r\n");
        request
    }

    /// Takes the next piece of the answer.
    ///
    /// # Errors
    /// No pictures will come of this.
    pub fn take(&mut self, mut piece: &[u8]) -> Result<Step, Ended> {
        if self.sniffed.is_some() {
            return self.sniff(piece, false);
        }
        loop {
            match self.reader.take(piece).map_err(|why| Ended::Failed(why.to_string()))? {
                Taken::More => return Ok(Step::More),
                Taken::Body(content) => {
                    return Ok(Step::Pictures { body: Body::whole(), content, still: false });
                }
                Taken::Head(head, len) => {
                    self.reader = HeadReader::default();
                    piece = &piece[len..];
                    // An interim answer (RFC 9110 section 15.2).
                    if head.status >= 200 {
                        return self.answered(&head, piece);
                    }
                }
            }
        }
    }

    /// The connection has ended.
    ///
    /// # Errors
    /// Why no pictures came: always, unless what came at the end is one.
    pub fn end(&mut self) -> Result<Step, Ended> {
        if self.sniffed.is_some() {
            return self.sniff(&[], true);
        }
        Err(Ended::Failed("ends the connection without an answer".into()))
    }

    fn answered(&mut self, head: &Head, rest: &[u8]) -> Result<Step, Ended> {
        match head.status {
            200..=299 => self.content(head, rest),
            301 | 302 | 303 | 307 | 308 => self.redirect(head),
            401 => self.challenge(head),
            status => Err(Ended::Failed(format!("answers {status} {}", head.reason).trim().into())),
        }
    }

    fn redirect(&mut self, head: &Head) -> Result<Step, Ended> {
        let Some(location) = head.headers.get("Location") else {
            return Err(Ended::Failed("redirects to nowhere".into()));
        };
        if self.redirects == REDIRECTS_MAX {
            return Err(Ended::Failed(format!("redirects more than {REDIRECTS_MAX} times")));
        }
        match self.address.redirected(location, SCHEME.0, SCHEME.1) {
            Redirect::To(address) => self.address = address,
            Redirect::Elsewhere => return Err(Ended::Foreign("a redirect".into())),
        }
        self.redirects += 1;
        // What was answered to one request answers no other.
        (self.authorization, self.challenges) = (None, 0);
        Ok(Step::Again)
    }

    fn challenge(&mut self, head: &Head) -> Result<Step, Ended> {
        let failed = |why: &str| Err(Ended::Failed(why.into()));
        let Some(credentials) = &self.address.credentials else {
            return failed("wants a name and a password, as in http://NAME:PASSWORD@...");
        };
        let refused = self.challenges == CHALLENGES_MAX
            || self.challenges > 0 && !is_stale(head.headers.all(CHALLENGE));
        if refused {
            return failed("does not accept the name and password");
        }
        self.authorization =
            credentials.authorization(head.headers.all(CHALLENGE), "GET", &self.address.target);
        if self.authorization.is_none() {
            return Err(Ended::Foreign("another authentication than Basic or Digest".into()));
        }
        self.challenges += 1;
        Ok(Step::Again)
    }

    fn content(&mut self, head: &Head, rest: &[u8]) -> Result<Step, Ended> {
        let named = head.headers.get("Content-Type").unwrap_or_default();
        let kind = kind(named);
        let mut body = Body::of(head);
        let mut content = rest.to_vec();
        let len = body.unframe(&mut content);
        content.truncate(len);
        if matches!(kind, Kind::Stream | Kind::Picture) {
            return Ok(Step::Pictures { body, content, still: kind == Kind::Picture });
        }
        let named = if named.is_empty() { "something without a type" } else { named }.to_owned();
        self.sniffed = Some(Sniffed { body, content, kind, named });
        self.sniff(&[], false)
    }

    /// Takes the next piece of a body whose type says little: pictures, or a part that they may come in, are
    /// known by their first bytes.
    fn sniff(&mut self, piece: &[u8], ended: bool) -> Result<Step, Ended> {
        let Some(mut sniffed) = self.sniffed.take() else { return Ok(Step::More) };
        let mut piece = piece.to_vec();
        let len = sniffed.body.unframe(&mut piece);
        sniffed.content.extend_from_slice(&piece[..len]);
        let begin = &sniffed.content[..sniffed.content.len().min(SNIFFED_MAX)];
        let begin = begin.trim_ascii_start();
        if begin.starts_with(&[0xFF, 0xD8, 0xFF]) || begin.starts_with(b"--") {
            // Where one picture is all that comes, it is asked for again.
            let still = begin.starts_with(&[0xFF, 0xD8]);
            let Sniffed { body, content, .. } = sniffed;
            return Ok(Step::Pictures { body, content, still });
        }
        let undecided = begin.len() < 3 && sniffed.content.len() < SNIFFED_MAX;
        if undecided && !ended && !sniffed.body.is_ended() {
            self.sniffed = Some(sniffed);
            return Ok(Step::More);
        }
        Err(match sniffed.kind {
            Kind::Page => {
                Ended::Failed("answers with a web page: name the address of its stream".into())
            }
            _ => Ended::Foreign(sniffed.named),
        })
    }
}

/// What a content type promises. Cameras spell that of a JPEG in many ways.
fn kind(content_type: &str) -> Kind {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let (main, sub) = kind.split_once('/').unwrap_or((&kind, ""));
    let jpeg = sub.contains("jpeg") || sub.contains("jpg");
    match main {
        "multipart" => Kind::Stream,
        "video" if jpeg => Kind::Stream,
        "image" if jpeg => Kind::Picture,
        "text" if sub == "html" => Kind::Page,
        _ => Kind::Unknown,
    }
}

#[cfg(test)]
mod tests;
