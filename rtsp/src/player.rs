//! The client's side of a session: what there is, the tracks that are wanted of it, packets, signs of life, the end. Or
//! of one that the client sends itself: what it announces, how the tracks go, and the same from there on.

use crate::address::Address;
use crate::client::{Client, Failure, Heard, good};
use crate::message::{Message, Method};
use crate::transport::{Granted, Offer, Profile, Transport, granted};
use std::ops::Range;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;

/// The port of an address that names none (RFC 2326 section 3.2).
pub const DEFAULT_PORT: u16 = 554;

/// How long a server may take to answer: some cameras open their sensor first.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a session lives without a sign of life, if the server does not say (RFC 2326 section 12.37).
const TIMEOUT: Duration = Duration::from_secs(60);

/// Signs of life of who sends: packets that go by UDP do not tell whether anybody is there.
const ALIVE_SENDING: Duration = Duration::from_secs(5);

/// Signs of life are given at least as rarely, whatever the server says.
const ALIVE_MIN: Duration = Duration::from_secs(2);

/// Tracks that are asked for at most: of two media, with their repair packets.
const TRACKS_MAX: usize = 8;

/// A track that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// What the description has for it (`a=control`).
    pub control: String,
    /// What it is to be: what the description says that it is.
    pub profile: Profile,
    /// How it is to come.
    pub offer: Offer,
    /// It is dispensable: repair packets are.
    pub dispensable: bool,
}

/// What has come of a session.
#[derive(Debug)]
pub enum News {
    /// What there is; say what is [wanted](Player::want) of it.
    Described(String),
    /// The track of this number among those wanted comes so; `None`: it does not come.
    Granted(usize, Option<Granted>),
    /// Packets come now, or are taken.
    Playing,
    /// An interleaved packet.
    Packet {
        /// Its channel.
        channel: u8,
        /// Where it [is](Player::packet), until more is read.
        at: Range<usize>,
    },
    /// Nothing until more has been read, or [time](Player::deadline) has gone by.
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Options,
    Announcing,
    Describing,
    Described,
    SettingUp(usize),
    Starting,
    Playing,
}

/// A session of a server, by one connection.
#[derive(Debug)]
pub struct Player {
    client: Client,
    /// The address that was asked for, without name and password.
    url: String,
    /// What controls in the description are relative to.
    base: String,
    state: State,
    wishes: Vec<Wish>,
    /// What is announced, if it is this client that sends; there until it was.
    announced: Option<String>,
    sends: bool,
    session: Option<String>,
    timeout: Duration,
    /// The method that signs of life are given by.
    alive: Method,
    /// What is to be sent.
    out: Vec<u8>,
    /// When the server has to have answered, or the next sign of life is due.
    due: Monotonic,
}

impl Player {
    /// For a connection to this address that was just made; a description is asked for. `agent` is what this program
    /// is called.
    #[must_use]
    pub fn new(address: &Address, agent: &str, now: Monotonic) -> Self {
        let Address { target, credentials, .. } = address;
        let url = format!("rtsp://{}{target}", address.host_header(DEFAULT_PORT));
        let mut player = Self {
            client: Client::new(credentials.clone(), agent),
            base: url.clone(),
            url: url.clone(),
            state: State::Options,
            wishes: Vec::new(),
            announced: None,
            sends: false,
            session: None,
            timeout: TIMEOUT,
            alive: Method::Options,
            out: Vec::new(),
            due: now,
        };
        player.ask(Message::request(Method::Options, &url), now);
        player
    }

    /// The same, to send a session of this description, whose tracks are to go as `wishes` say (RFC 2326 sections 10.3 and
    /// 10.11).
    #[must_use]
    pub fn sending(
        address: &Address,
        agent: &str,
        sdp: String,
        wishes: Vec<Wish>,
        now: Monotonic,
    ) -> Self {
        let player = Self::new(address, agent, now);
        Self { announced: Some(sdp), sends: true, wishes, ..player }
    }

    /// What is to be sent, in order; drained by who sends it.
    pub const fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// Where to read the next bytes to; say with [`filled`](Self::filled) how many.
    pub fn room(&mut self) -> &mut [u8] {
        self.client.room()
    }

    /// So many bytes were read to [`room`](Self::room).
    pub fn filled(&mut self, count: usize) {
        self.client.filled(count);
    }

    /// Asks for these tracks of what was described, and then for packets.
    pub fn want(&mut self, mut wishes: Vec<Wish>, now: Monotonic) {
        wishes.truncate(TRACKS_MAX);
        self.wishes = wishes;
        self.set_up(0, now);
    }

    /// When to [look](Self::look) again even if nothing comes.
    #[must_use]
    pub const fn deadline(&self) -> Monotonic {
        self.due
    }

    /// Gives a sign of life if one is due.
    ///
    /// # Errors
    /// The server has not answered for too long.
    pub fn look(&mut self, now: Monotonic) -> Result<(), Failure> {
        if now < self.due {
            return Ok(());
        }
        if self.client.is_asking() {
            return Err(Failure::Silent);
        }
        match self.state {
            State::Playing => self.ask(self.request(self.alive.clone(), &self.base), now),
            // Whoever has the description takes his time.
            _ => self.due = now + PATIENCE,
        }
        Ok(())
    }

    /// What has come next of what was read.
    ///
    /// # Errors
    /// Nothing more will come of the session.
    pub fn take(&mut self, now: Monotonic) -> Result<News, Failure> {
        loop {
            match self.client.take()? {
                Heard::Packet { channel, at } => return Ok(News::Packet { channel, at }),
                Heard::Nothing => return Ok(News::Nothing),
                Heard::Again(bytes) => self.out.extend(bytes),
                Heard::Answer(answer) => {
                    self.due = now + self.rhythm();
                    if let Some(news) = self.answered(answer, now)? {
                        return Ok(news);
                    }
                }
            }
        }
    }

    /// The bytes of an interleaved packet that was just taken.
    #[must_use]
    pub fn packet(&self, at: Range<usize>) -> &[u8] {
        self.client.packet(at)
    }

    /// Ends the session: what is then to be sent is the last.
    pub fn leave(&mut self, now: Monotonic) {
        if self.session.is_some() {
            self.ask(self.request(Method::Teardown, &self.base), now);
        }
    }

    /// Time between two signs of life: half of what the server waits for one.
    fn rhythm(&self) -> Duration {
        let rhythm = (self.timeout / 2).max(ALIVE_MIN);
        if self.sends { rhythm.min(ALIVE_SENDING) } else { rhythm }
    }

    fn ask(&mut self, request: Message, now: Monotonic) {
        let bytes = self.client.ask(request);
        self.out.extend(bytes);
        self.due = now + PATIENCE;
    }

    fn request(&self, method: Method, url: &str) -> Message {
        let request = Message::request(method, url);
        match &self.session {
            Some(session) => request.with("Session", session),
            None => request,
        }
    }

    fn set_up(&mut self, nth: usize, now: Monotonic) {
        let request = match self.wishes.get(nth) {
            Some(Wish { control, profile, offer, .. }) => {
                self.state = State::SettingUp(nth);
                let url = resolved(&self.base, control);
                let transport = Transport { profile: *profile, way: *offer };
                let mode = if self.sends { ";mode=record" } else { "" };
                let transport = format!("{transport}{mode}");
                self.request(Method::Setup, &url).with("Transport", transport)
            }
            None => {
                self.state = State::Starting;
                let method = if self.sends { Method::Record } else { Method::Play };
                self.request(method, &self.base).with("Range", "npt=0.000-")
            }
        };
        self.ask(request, now);
    }

    fn answered(&mut self, answer: Message, now: Monotonic) -> Result<Option<News>, Failure> {
        match self.state {
            State::Options => {
                let able = |method: &Method| {
                    let public = answer.headers.get("Public").unwrap_or_default();
                    public.split(',').any(|it| it.trim() == method.name())
                };
                if able(&Method::GetParameter) {
                    self.alive = Method::GetParameter;
                }
                if let Some(sdp) = self.announced.take() {
                    self.state = State::Announcing;
                    let announce = Message::request(Method::Announce, &self.url);
                    let announce = announce.with("Content-Type", "application/sdp");
                    self.ask(Message { body: sdp.into_bytes(), ..announce }, now);
                    return Ok(None);
                }
                self.state = State::Describing;
                let describe = Message::request(Method::Describe, &self.url);
                self.ask(describe.with("Accept", "application/sdp"), now);
                Ok(None)
            }
            State::Announcing => {
                let answer = good(answer)?;
                if let Some(session) = answer.headers.get("Session") {
                    self.lease(session);
                }
                self.set_up(0, now);
                Ok(None)
            }
            State::Describing => {
                let answer = good(answer)?;
                let base = answer
                    .headers
                    .get("Content-Base")
                    .or_else(|| answer.headers.get("Content-Location"));
                if let Some(base) = base.filter(|base| base.contains("://")) {
                    base.clone_into(&mut self.base);
                }
                self.state = State::Described;
                Ok(Some(News::Described(String::from_utf8_lossy(&answer.body).into_owned())))
            }
            State::SettingUp(nth) => self.granted(nth, answer, now).map(Some),
            State::Starting => {
                good(answer)?;
                self.state = State::Playing;
                Ok(Some(News::Playing))
            }
            State::Described => Ok(None),
            // Some servers know the method of their signs of life only as one that they do not know.
            State::Playing => match good(answer) {
                Err(Failure::Refused(454, reason)) => Err(Failure::Refused(454, reason)),
                _ => Ok(None),
            },
        }
    }

    /// A track was asked for, and this is the answer.
    fn granted(&mut self, nth: usize, answer: Message, now: Monotonic) -> Result<News, Failure> {
        let wish = self.wishes.get(nth).cloned();
        let dispensable = wish.as_ref().is_some_and(|wish| wish.dispensable);
        let given = match good(answer) {
            Ok(answer) => {
                if let Some(session) = answer.headers.get("Session") {
                    self.lease(session);
                }
                let given = answer.headers.get("Transport").and_then(granted);
                let given = given.filter(|it| wish.is_some_and(|wish| fits(&wish, *it)));
                let given = given.map(|it| it.way);
                if given.is_none() && !dispensable {
                    return Err(Failure::NoTransport);
                }
                given
            }
            Err(_) if dispensable => None,
            Err(failure) => return Err(failure),
        };
        self.set_up(nth + 1, now);
        Ok(News::Granted(nth, given))
    }

    /// Notes the session that a header names, such as `4711;timeout=60`.
    fn lease(&mut self, header: &str) {
        let mut parts = header.split(';').map(str::trim);
        self.session = parts.next().map(str::to_owned);
        let seconds = parts.find_map(|it| it.strip_prefix("timeout=")?.trim().parse().ok());
        self.timeout = seconds.map_or(TIMEOUT, |seconds: u32| Duration::from_secs(seconds.into()));
    }
}

/// Whether a grant is what was offered.
fn fits(wish: &Wish, granted: Transport<Granted>) -> bool {
    let is_way = matches!(
        (wish.offer, granted.way),
        (Offer::Udp { .. }, Granted::Udp { .. })
            | (Offer::Tcp { .. }, Granted::Tcp { .. })
            | (Offer::Multicast, Granted::Multicast { .. })
    );
    is_way && granted.profile == wish.profile
}

/// The URL that a control of a description means (RFC 2326 section C.1.1): an absolute one itself, another one behind
/// that of the session, as everybody has it.
fn resolved(base: &str, control: &str) -> String {
    if control == "*" || control.is_empty() {
        return base.to_owned();
    }
    let is_absolute = ["rtsp://", "rtspu://", "rtsps://"].iter().any(|scheme| {
        control.get(..scheme.len()).is_some_and(|it| it.eq_ignore_ascii_case(scheme))
    });
    match (is_absolute, base.ends_with('/')) {
        (true, _) => control.to_owned(),
        (false, true) => format!("{base}{control}"),
        (false, false) => format!("{base}/{control}"),
    }
}

#[cfg(test)]
mod tests;
