//! The server's side of a connection: from its bytes to what is asked for. It refuses by itself what
//! is no request, and who may not; what remains is for the caller to answer, in order.

use crate::digest::{Asked, Login, Secret, Verdict};
use crate::failures::{Failures, origin};
use crate::message::{Message, Method, Start};
use crate::splitter::{Broken, Element, Limits, Splitter};
use crate::target::Target;
use crate::transport::{Offer, Transport, offers, record_offers};
use crate::users::Users;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use streamsocket_media::clock::Monotonic;

/// What a client sends in one piece: parameters that mean nothing here, and reports.
const LIMITS: Limits = Limits { body: 4 << 10, packet: 1500 };

/// What one that publishes sends: a description, of which those of eight media take half, and packets as they go over
/// Ethernet.
const PUBLISHER_LIMITS: Limits = Limits { body: 16 << 10, packet: 1500 };

/// Characters of what a client calls itself that are kept.
const AGENT_MAX: usize = 64;

/// What is said of this program in each answer.
const SERVER: &str = concat!("StreamSocket/", env!("CARGO_PKG_VERSION"));

/// Who may.
#[derive(Debug, Default)]
pub struct Gate {
    /// Those who are asked for a name and a password; if there are none, nobody is.
    pub users: Users,
    /// Players that know only MD5 are kept out.
    pub sha256_only: bool,
    /// Who has guessed wrong.
    pub failures: Failures,
}

/// What comes of a connection's bytes.
#[derive(Debug)]
pub enum Turn<'a> {
    /// A request, for the caller to answer.
    Asked(Request),
    /// A request that is answered here: with these bytes, after this time.
    Answered(Vec<u8>, Duration),
    /// An interleaved packet: a report of the client's.
    Packet {
        /// Its channel.
        channel: u8,
        /// Itself.
        bytes: &'a [u8],
    },
    /// Nothing until then: somebody at that address has guessed wrong.
    Later(Monotonic),
    /// Nothing until more has been read.
    Nothing,
    /// It cannot go on. These bytes are the last ones.
    Broken(Vec<u8>, Broken),
}

/// A request that is to be answered.
#[derive(Clone, Debug)]
pub struct Request {
    /// What for.
    pub wanted: Wanted,
    /// The session that it is of, as the client says.
    pub session: Option<String>,
    /// What the client calls itself, fit to be shown.
    pub agent: Option<String>,
    /// Whose name and password it came with.
    pub user: Option<String>,
    pub(crate) cseq: String,
    pub(crate) role: Role,
}

/// What a server does for who connects to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It sends: clients are told what there is, and play it.
    Sends,
    /// It is sent to as well: clients announce what they have, and record it here.
    Takes,
}

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A description.
    Describe(Target),
    /// A track, by one of these transports.
    Setup(Target, Vec<Transport<Offer>>),
    /// Packets of all that was set up.
    Play(Target),
    /// To say what the client is going to send: a description, unless it is no text or says that it is something else.
    Announce(Target, Option<String>),
    /// To send a track, by one of these transports.
    Contribute(Target, Vec<Transport<Offer>>),
    /// To begin to send all that was set up.
    Record(Target),
    /// No packets for a while.
    Pause,
    /// The end of a session.
    Teardown,
    /// What the server can do.
    Options,
    /// A sign of life.
    Alive,
}

/// A connection of a client.
#[derive(Debug)]
pub struct Conversation {
    /// Where the client has reached us.
    local: String,
    /// Where guesses count as this client's.
    origin: IpAddr,
    splitter: Splitter,
    login: Login,
    role: Role,
    /// A request that is to be judged later.
    held: Option<Message>,
    /// Who asks here has shown that he may.
    known: bool,
}

impl Conversation {
    /// With a client at `peer` who has reached us at `local`; `secret` is nobody else's.
    #[must_use]
    pub fn new(local: SocketAddr, peer: IpAddr, secret: Secret, now: Monotonic) -> Self {
        Self::of(Role::Sends, local, peer, secret, now)
    }

    /// The same of a server that plays this role.
    #[must_use]
    pub fn of(role: Role, local: SocketAddr, peer: IpAddr, secret: Secret, now: Monotonic) -> Self {
        let splitter = Splitter::new(match role {
            Role::Sends => LIMITS,
            Role::Takes => PUBLISHER_LIMITS,
        });
        let origin = origin(peer, local.ip());
        let (local, login) = (local.to_string(), Login::new(secret, now));
        Self { local, origin, splitter, login, role, held: None, known: false }
    }

    /// Somebody who is believed says that the client is at `peer`, and has reached us at `local`.
    pub fn vouched(&mut self, local: SocketAddr, peer: IpAddr) {
        (self.local, self.origin) = (local.to_string(), origin(peer, local.ip()));
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
    pub fn take(&mut self, gate: &mut Gate, now: Monotonic) -> Turn<'_> {
        let Self { local, origin, splitter, login, role, held, known } = self;
        let role = *role;
        let taken = match held.take() {
            Some(message) => Ok(Some(Element::Message(message))),
            None => splitter.take(),
        };
        match taken {
            Ok(None) => Turn::Nothing,
            Ok(Some(Element::Packet { channel, at })) => {
                Turn::Packet { channel, bytes: splitter.packet(at) }
            }
            Ok(Some(Element::Message(message))) => {
                // Whoever has got it right here is not held up by others at his address.
                let guesses = !*known && message.headers.get("Authorization").is_some();
                let until = gate.failures.until(*origin, now).filter(|_| guesses);
                if let Some(until) = until {
                    *held = Some(message);
                    return Turn::Later(until);
                }
                match (Client { local, origin: *origin, login, role, gate, now }).hear(&message) {
                    Heard::Request(request) => {
                        *known |= request.user.is_some();
                        Turn::Asked(request)
                    }
                    Heard::Refused(bytes, after) => Turn::Answered(bytes, after),
                    // Nothing was asked.
                    Heard::Answer => Turn::Answered(Vec::new(), Duration::ZERO),
                }
            }
            Err(broken) => {
                let status = match broken {
                    Broken::Unreadable => (400, "Bad Request"),
                    Broken::LongHead | Broken::LongBody => (413, "Request Entity Too Large"),
                };
                Turn::Broken(plain(status).bytes(), broken)
            }
        }
    }
}

/// An answer to nothing in particular.
fn plain((status, reason): (u16, &str)) -> Message {
    Message::answer(status, reason).with("Server", SERVER)
}

/// An answer to the request of this number.
pub(crate) fn answer(cseq: &str, status: (u16, &str)) -> Message {
    plain(status).with("CSeq", cseq)
}

/// What a request of this method is for; `None` if it is one that nobody here knows.
fn wanted(message: &Message, method: &Method, target: Target) -> Option<Wanted> {
    Some(match method {
        Method::Options => Wanted::Options,
        Method::Describe => Wanted::Describe(target),
        Method::Announce => Wanted::Announce(target, description(message)),
        Method::Setup => {
            let header = message.headers.get("Transport").unwrap_or_default();
            match record_offers(header) {
                Some(offers) => Wanted::Contribute(target, offers),
                None => Wanted::Setup(target, offers(header)),
            }
        }
        Method::Play => Wanted::Play(target),
        Method::Record => Wanted::Record(target),
        Method::Pause => Wanted::Pause,
        Method::Teardown => Wanted::Teardown,
        Method::GetParameter | Method::SetParameter => Wanted::Alive,
        Method::Other(_) => return None,
    })
}

/// The description in a message, if that is what it brings.
fn description(message: &Message) -> Option<String> {
    let kind = message.headers.get("Content-Type").and_then(|it| it.split(';').next());
    let _ = kind.filter(|it| it.trim().eq_ignore_ascii_case("application/sdp"))?;
    std::str::from_utf8(&message.body).ok().map(str::to_owned)
}

/// Whoever has sent a message.
struct Client<'a> {
    local: &'a str,
    origin: IpAddr,
    login: &'a mut Login,
    role: Role,
    gate: &'a mut Gate,
    now: Monotonic,
}

enum Heard {
    Request(Request),
    Refused(Vec<u8>, Duration),
    Answer,
}

impl Client<'_> {
    fn hear(&mut self, message: &Message) -> Heard {
        let Start::Request { method, url, known } = &message.start else { return Heard::Answer };
        let at_once = |message: Message| Heard::Refused(message.bytes(), Duration::ZERO);
        let Some(cseq) = message.headers.get("CSeq").filter(|it| it.parse::<u64>().is_ok()) else {
            return at_once(plain((400, "Bad Request")));
        };
        if !known {
            return at_once(answer(cseq, (505, "RTSP Version Not Supported")));
        }
        let features: Vec<_> =
            message.headers.all("Require").chain(message.headers.all("Proxy-Require")).collect();
        if !features.is_empty() {
            let unsupported = answer(cseq, (551, "Option Not Supported"));
            return at_once(unsupported.with("Unsupported", features.join(", ")));
        }
        let Some(wanted) = wanted(message, method, Target::parse(url, self.local)) else {
            return at_once(answer(cseq, (501, "Not Implemented")));
        };
        let user = match self.admit(message, method, url, &wanted) {
            Ok(user) => user,
            Err((challenges, after)) => {
                let refusal = answer(cseq, (401, "Unauthorized"));
                let refusal = challenges
                    .into_iter()
                    .fold(refusal, |it, challenge| it.with("WWW-Authenticate", challenge));
                return Heard::Refused(refusal.bytes(), after);
            }
        };
        let session = message.headers.get("Session").and_then(|it| it.split(';').next());
        Heard::Request(Request {
            wanted,
            session: session.map(|it| it.trim().to_owned()),
            agent: message.headers.get("User-Agent").map(shown),
            user,
            cseq: cseq.to_owned(),
            role: self.role,
        })
    }

    /// Whose request it is, if anybody has to say so.
    ///
    /// # Errors
    /// What is to be answered to instead, and after how long.
    fn admit(
        &mut self,
        message: &Message,
        method: &Method,
        url: &str,
        wanted: &Wanted,
    ) -> Result<Option<String>, (Vec<String>, Duration)> {
        // What the server can do is no secret, and some players ask for it before they have a password.
        if self.gate.users.is_empty() || *wanted == Wanted::Options {
            return Ok(None);
        }
        let Gate { users, sha256_only, failures } = &mut *self.gate;
        let authorization = message.headers.get("Authorization");
        let asked = Asked { method: method.name(), url, authorization };
        let (stale, after) = match self.login.judge(asked, users, *sha256_only, self.now) {
            Verdict::Right(user) => {
                failures.succeeded(self.origin, &user);
                return Ok(Some(user));
            }
            Verdict::Missing => (false, Duration::ZERO),
            Verdict::Stale => (true, Duration::ZERO),
            Verdict::Wrong(user) => (false, failures.failed(self.origin, &user, self.now)),
        };
        Err((self.login.challenges(stale, *sha256_only).collect(), after))
    }
}

/// What somebody calls himself, without what a terminal would obey.
fn shown(text: &str) -> String {
    text.chars().take(AGENT_MAX).map(|it| if it.is_control() { '?' } else { it }).collect()
}

#[cfg(test)]
mod tests;
