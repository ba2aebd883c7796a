//! Digest authentication (RFC 7616), with SHA-256 and MD5 (RFC 8760): the server's side of one
//! connection. A nonce is of one connection, and what somebody else has heard there is worth nothing
//! on another; on its own one its count must grow.

use crate::users::{REALM, User, Users, md5, sha256};
use http_auth::parser::ChallengeParser;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use subtle::ConstantTimeEq;

/// How long a nonce is good for. A player that goes on is given another one, and asks nobody.
pub const NONCE_AGE: Duration = Duration::from_secs(600);

/// Bytes of random numbers that a connection begins with.
pub type Secret = [u8; 16];

/// The algorithms, best first: some players answer the last challenge, and know only MD5.
const ALGORITHMS: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Md5];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Sha256,
    Md5,
}

impl Algorithm {
    const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Md5 => "MD5",
        }
    }

    fn hash(self, text: &str) -> String {
        match self {
            Self::Sha256 => sha256(text),
            Self::Md5 => md5(text),
        }
    }

    fn of(self, user: &User) -> &str {
        match self {
            Self::Sha256 => &user.sha256,
            Self::Md5 => &user.md5,
        }
    }
}

/// What an `Authorization` is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is this user's.
    Right(String),
    /// There is none, or it is not of this kind.
    Missing,
    /// It may be right, but for an old nonce: the same user is to answer a new one.
    Stale,
    /// It is not that of the user that it names, or was seen before.
    Wrong(String),
}

/// The nonce of a connection.
#[derive(Debug)]
pub struct Login {
    secret: Secret,
    /// Nonces made so far.
    made: u64,
    nonce: String,
    since: Monotonic,
    /// The highest count that came with it.
    counted: u64,
}

/// A request, as far as an `Authorization` is of it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its URL.
    pub url: &'a str,
    /// Its `Authorization`, if it has one.
    pub authorization: Option<&'a str>,
}

impl Login {
    /// For a connection; `secret` is nobody else's, and never used again.
    #[must_use]
    pub fn new(secret: Secret, now: Monotonic) -> Self {
        let mut login = Self { secret, made: 0, nonce: String::new(), since: now, counted: 0 };
        login.renew(now);
        login
    }

    fn renew(&mut self, now: Monotonic) {
        self.made += 1;
        let secret = u128::from_be_bytes(self.secret);
        let mut nonce = sha256(&format!("{secret}:{}", self.made));
        nonce.truncate(32);
        (self.nonce, self.since, self.counted) = (nonce, now, 0);
    }

    /// The challenges of an answer, in the order of their headers.
    pub fn challenges(&self, stale: bool, sha256_only: bool) -> impl Iterator<Item = String> {
        let few = ALGORITHMS.into_iter().take(if sha256_only { 1 } else { ALGORITHMS.len() });
        few.map(move |algorithm| {
            let (nonce, name) = (&self.nonce, algorithm.name());
            let stale = if stale { ", stale=true" } else { "" };
            format!(
                "Digest realm=\"{REALM}\", nonce=\"{nonce}\", algorithm={name}, qop=\"auth\"{stale}"
            )
        })
    }

    /// Judges a request's `Authorization`.
    pub fn judge(
        &mut self,
        asked: Asked<'_>,
        users: &Users,
        sha256_only: bool,
        now: Monotonic,
    ) -> Verdict {
        let Some(said) = asked.authorization.and_then(Said::parse) else { return Verdict::Missing };
        if now.since(self.since) >= NONCE_AGE {
            self.renew(now);
            return Verdict::Stale;
        }
        let algorithm =
            ALGORITHMS.into_iter().find(|it| it.name().eq_ignore_ascii_case(&said.algorithm));
        let Some(algorithm) = algorithm.filter(|it| !sha256_only || *it == Algorithm::Sha256)
        else {
            return Verdict::Wrong(said.username);
        };
        if said.nonce != self.nonce {
            return Verdict::Stale;
        }
        let user = users.named(&said.username);
        // Of nobody it is judged, too: how long it takes does not say whether there is a user.
        let nobody = "0".repeat(64);
        let a1 = user.map_or(nobody.as_str(), |user| algorithm.of(user));
        let expected = said.response_for(a1, asked.method, algorithm);
        let same: bool = expected.as_bytes().ct_eq(said.response.as_bytes()).into();
        let count = said.count();
        let fresh = said.qop.is_none() || count.is_some_and(|count| count > self.counted);
        let right = same && fresh && said.is_of(asked.url) && said.realm == REALM;
        match user.filter(|_| right) {
            Some(user) => {
                self.counted = count.unwrap_or(self.counted);
                Verdict::Right(user.name.clone())
            }
            None => Verdict::Wrong(said.username),
        }
    }
}

/// What an `Authorization` says.
#[derive(Debug, Default)]
struct Said {
    username: String,
    realm: String,
    nonce: String,
    uri: String,
    response: String,
    algorithm: String,
    qop: Option<String>,
    nc: String,
    cnonce: String,
}

impl Said {
    fn parse(header: &str) -> Option<Self> {
        let challenge = ChallengeParser::new(header).next()?.ok()?;
        if !challenge.scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let mut said = Self { algorithm: Algorithm::Md5.name().to_owned(), ..Self::default() };
        for (name, value) in &challenge.params {
            let value = value.to_unescaped();
            match name.to_ascii_lowercase().as_str() {
                "username" => said.username = value,
                "realm" => said.realm = value,
                "nonce" => said.nonce = value,
                "uri" => said.uri = value,
                "response" => said.response = value.to_ascii_lowercase(),
                "algorithm" => said.algorithm = value,
                "qop" => said.qop = Some(value),
                "nc" => said.nc = value,
                "cnonce" => said.cnonce = value,
                _ => {}
            }
        }
        Some(said)
    }

    /// What the response is, if what is kept of the password is this (RFC 7616 section 3.4.1; without
    /// `qop` as in RFC 2069).
    fn response_for(&self, a1: &str, method: &str, algorithm: Algorithm) -> String {
        let a2 = algorithm.hash(&format!("{method}:{}", self.uri));
        let Self { nonce, nc, cnonce, .. } = self;
        algorithm.hash(&match &self.qop {
            Some(qop) => format!("{a1}:{nonce}:{nc}:{cnonce}:{qop}:{a2}"),
            None => format!("{a1}:{nonce}:{a2}"),
        })
    }

    fn count(&self) -> Option<u64> {
        let count = self.qop.as_ref().map(|_| u64::from_str_radix(&self.nc, 16));
        count.and_then(Result::ok)
    }

    /// Whether it is of a request for this URL, of which some players name the path alone.
    fn is_of(&self, url: &str) -> bool {
        self.uri == url || path(&self.uri) == path(url)
    }
}

/// Path and query of a URL.
fn path(url: &str) -> &str {
    let rest = url.find("://").map_or(url, |at| &url[at + 3..]);
    let begin = if rest.len() == url.len() { 0 } else { rest.find('/').unwrap_or(rest.len()) };
    let path = &rest[begin..];
    if path.is_empty() { "/" } else { path }
}

#[cfg(test)]
mod tests;
