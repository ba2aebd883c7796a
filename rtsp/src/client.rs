//! A client's connection: one request after the other, each answered before the next, with name and password where
//! they are asked for.

use crate::credentials::{CHALLENGE, Credentials, client, is_stale};
use crate::message::{Message, Method, Start};
use crate::splitter::{Broken, Element, Limits, Splitter};
use http_auth::PasswordClient;
use std::fmt;
use std::ops::Range;

/// What a server sends in one piece: descriptions of a kilobyte or two, and packets of any length.
const LIMITS: Limits = Limits { body: 64 << 10, packet: u16::MAX as usize };

/// Characters of a server's reason that are shown.
const REASON_MAX: usize = 60;

/// Refusals of one request for its password at most: two, one of them for an old nonce.
const REFUSALS_MAX: usize = 2;

/// What comes of a connection's bytes.
#[derive(Debug)]
pub enum Heard {
    /// The answer to the request that is open, whatever its status but 401.
    Answer(Message),
    /// The request has to be sent once more, as these bytes.
    Again(Vec<u8>),
    /// An interleaved packet.
    Packet {
        /// Its channel.
        channel: u8,
        /// Where it [is](Client::packet), until more is read.
        at: Range<usize>,
    },
    /// Nothing until more has been read.
    Nothing,
}

/// Why a server does not do what was asked for: some words, for behind its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It does not speak RTSP.
    Broken(Broken),
    /// It answers with this status and reason.
    Refused(u16, String),
    /// It asks for a name and a password, and the address has none.
    Password,
    /// It does not take the name and password that the address has.
    WrongPassword,
    /// It asks for a password in a way that is not known.
    OtherAuthentication,
    /// It answers nothing.
    Silent,
    /// It says nothing of how packets come, or something else than was asked for.
    NoTransport,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(broken) => broken.fmt(f),
            Self::Refused(404, _) => f.write_str("has nothing at this address (404)"),
            Self::Refused(403, _) => f.write_str("does not serve this machine (403)"),
            Self::Refused(status, reason) => write!(f, "answers {status} {reason}"),
            Self::Password => f.write_str(
                "wants a name and a password: put them into the address, as in rtsp://NAME:PASSWORD@HOST/",
            ),
            Self::WrongPassword => f.write_str("does not take this name and password"),
            Self::OtherAuthentication => {
                f.write_str("asks for a password in a way that is not known here")
            }
            Self::Silent => f.write_str("does not answer"),
            Self::NoTransport => f.write_str("does not say how packets come"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

/// A connection to a server.
#[derive(Debug)]
pub struct Client {
    splitter: Splitter,
    credentials: Option<Credentials>,
    /// Answers the challenges of this connection.
    login: Option<PasswordClient>,
    agent: String,
    /// The number of the last request.
    cseq: u32,
    /// The request that is open, without number and password, and how often it was refused for its password.
    asked: Option<(Message, usize)>,
}

impl Client {
    /// For a connection that was just made.
    #[must_use]
    pub fn new(credentials: Option<Credentials>, agent: &str) -> Self {
        let (splitter, agent) = (Splitter::new(LIMITS), agent.to_owned());
        Self { splitter, credentials, login: None, agent, cseq: 0, asked: None }
    }

    /// The bytes of a request, which is open until it is answered; one that was open before is forgotten.
    pub fn ask(&mut self, request: Message) -> Vec<u8> {
        self.asked = Some((request, 0));
        self.send()
    }

    /// Whether a request is open.
    #[must_use]
    pub const fn is_asking(&self) -> bool {
        self.asked.is_some()
    }

    fn send(&mut self) -> Vec<u8> {
        let Some((request, _)) = &self.asked else { return Vec::new() };
        self.cseq += 1;
        let mut message = request.clone().with("CSeq", self.cseq).with("User-Agent", &self.agent);
        if let (Start::Request { method, url, .. }, Some(credentials), Some(login)) =
            (&request.start, &self.credentials, &mut self.login)
        {
            if let Some(said) = credentials.respond(login, method.name(), url) {
                message = message.with("Authorization", said);
            }
        }
        message.bytes()
    }

    /// Where to read the next bytes to; say with [`filled`](Self::filled) how many.
    pub fn room(&mut self) -> &mut [u8] {
        self.splitter.room()
    }

    /// So many bytes were read to [`room`](Self::room).
    pub fn filled(&mut self, count: usize) {
        self.splitter.filled(count);
    }

    /// What comes next of what was read.
    ///
    /// # Errors
    /// Nothing more will come of the connection.
    pub fn take(&mut self) -> Result<Heard, Failure> {
        let message = match self.splitter.take()? {
            None => return Ok(Heard::Nothing),
            Some(Element::Packet { channel, at }) => return Ok(Heard::Packet { channel, at }),
            Some(Element::Message(message)) => message,
        };
        let Start::Answer { status, .. } = message.start else { return self.refuse(&message) };
        // The answer to a request that was given up.
        let number = message.headers.get("CSeq").and_then(|it| it.parse().ok());
        if self.asked.is_none() || number.is_some_and(|number: u32| number != self.cseq) {
            return Ok(Heard::Again(Vec::new()));
        }
        if status == 401 {
            return self.challenged(&message).map(Heard::Again);
        }
        self.asked = None;
        Ok(Heard::Answer(message))
    }

    /// The bytes of an interleaved packet that was just taken.
    #[must_use]
    pub fn packet(&self, at: Range<usize>) -> &[u8] {
        self.splitter.packet(at)
    }

    /// Servers may ask as well (RFC 2326 section 10.1); this client does nothing for them.
    fn refuse(&self, request: &Message) -> Result<Heard, Failure> {
        let answer = match request.start {
            Start::Request { method: Method::Options, .. } => Message::answer(200, "OK"),
            _ => Message::answer(501, "Not Implemented"),
        };
        let answer = answer.with("CSeq", request.headers.get("CSeq").unwrap_or("0"));
        Ok(Heard::Again(answer.bytes()))
    }

    fn challenged(&mut self, refusal: &Message) -> Result<Vec<u8>, Failure> {
        if self.credentials.is_none() {
            return Err(Failure::Password);
        }
        let Some((_, refusals)) = &mut self.asked else { return Ok(Vec::new()) };
        let answered = *refusals > 0 || self.login.is_some();
        *refusals += 1;
        if *refusals > REFUSALS_MAX || answered && !is_stale(refusal.headers.all(CHALLENGE)) {
            return Err(Failure::WrongPassword);
        }
        self.login = client(refusal.headers.all(CHALLENGE));
        if self.login.is_none() {
            return Err(Failure::OtherAuthentication);
        }
        Ok(self.send())
    }
}

/// The answer itself, if it is a good one.
///
/// # Errors
/// [`Failure::Refused`].
pub fn good(answer: Message) -> Result<Message, Failure> {
    match &answer.start {
        Start::Answer { status: 200..=299, .. } | Start::Request { .. } => Ok(answer),
        Start::Answer { status, reason } => {
            let shown = reason.chars().take(REASON_MAX);
            let shown = shown.map(|it| if it.is_control() { '?' } else { it }).collect();
            Err(Failure::Refused(*status, shown))
        }
    }
}
