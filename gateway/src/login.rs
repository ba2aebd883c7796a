//! Who has said the password: by basic authentication (RFC 7617), which browsers ask their users for and programs put
//! into their URLs, and from then on by a cookie, which a browser sends with everything.

use crate::password::Secret;
use argon2::Block;
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, SET_COOKIE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use blake2::{Blake2s256, Digest};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use streamsocket_web::places::{Asking, Places};
use tokio::sync::{Semaphore, watch};
use tokio::task::spawn_blocking;

/// Passwords that may wait for their checks, at all and of one address: checks are made one at a time.
const WAITING_MAX: usize = 64;
const WAITING_OF_ONE_MAX: usize = 2;

/// Those at most with which others come from this machine, behind whose proxy anybody may be.
const WAITING_HERE_MAX: usize = 32;

/// How long an answer to a wrong password takes: no guess is worth less.
const WRONG: Duration = Duration::from_secs(1);

/// Bytes of credentials that are looked at.
const CREDENTIALS_MAX: usize = 2048;

type Hash = [u8; 32];

/// Who may watch.
#[derive(Clone)]
pub(crate) struct Logins(Arc<Inner>);

struct Inner {
    secret: Secret,
    /// Of this process: what is remembered is of no use elsewhere.
    key: [u8; 32],
    /// The keyed hash of the password, once somebody has said it.
    right: OnceLock<Hash>,
    waiting: Places,
    /// What is being checked, and what will be known of it: who says the same waits for that.
    checked: Mutex<Vec<(Hash, watch::Receiver<Option<bool>>)>>,
    /// The one check that is made, and its memory.
    check: Semaphore,
    memory: Mutex<Vec<Block>>,
}

impl Logins {
    /// By this password.
    ///
    /// # Errors
    /// One line, if the kernel has no random numbers.
    pub(crate) fn new(secret: Secret) -> Result<Self, String> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| format!("no random numbers: {error}"))?;
        let waiting = Places::new(WAITING_MAX, WAITING_OF_ONE_MAX);
        let (right, checked, check) = (OnceLock::new(), Mutex::default(), Semaphore::new(1));
        let memory = Mutex::default();
        Ok(Self(Arc::new(Inner { secret, key, right, waiting, checked, check, memory })))
    }

    /// The keyed hash of something secret, of a kind that no other is.
    fn hash(&self, kind: &[u8], secret: &[u8]) -> Hash {
        let keyed = Blake2s256::new().chain_update(self.0.key).chain_update(kind);
        keyed.chain_update(secret).finalize().into()
    }

    fn is_right(&self, hash: &Hash) -> bool {
        self.0.right.get() == Some(hash)
    }

    /// What a browser is given that has said the password: nothing that it could have made up.
    fn cookie(&self) -> String {
        self.hash(b"cookie", b"").iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn has_cookie(&self, headers: &HeaderMap) -> bool {
        let (own, name) = (self.cookie(), cookie_name(headers));
        let cookies = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
        // What another server on this machine has put there may be no text.
        let mut pairs = cookies.flat_map(|value| value.split(|byte| *byte == b';'));
        pairs.any(|pair| {
            let value = pair.trim_ascii().strip_prefix(name.as_bytes());
            // Compared as hashes, so that the time says nothing of where they differ.
            let hash = |value: &[u8]| self.hash(b"compare", value);
            let value = value.and_then(|it| it.strip_prefix(b"="));
            value.is_some_and(|value| hash(value) == hash(own.as_bytes()))
        })
    }

    /// Whether these credentials are right. `None` if too many are waiting for that.
    async fn check(&self, credentials: &str, peer: IpAddr) -> Option<bool> {
        let Some(password) = password(credentials) else { return Some(false) };
        let hash = self.hash(b"basic", &password);
        if self.is_right(&hash) {
            return Some(true);
        }
        let mut known = self.checking(hash, password, peer)?;
        known.wait_for(Option::is_some).await.ok().and_then(|known| *known)
    }

    /// What will be known of a password: of the check that is made of it already, or of one that begins.
    fn checking(
        &self,
        hash: Hash,
        password: Vec<u8>,
        peer: IpAddr,
    ) -> Option<watch::Receiver<Option<bool>>> {
        let mut checked = self.0.checked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = checked.iter().find(|(other, _)| *other == hash) {
            return Some(known.clone());
        }
        if peer.to_canonical().is_loopback() && checked.len() >= WAITING_HERE_MAX {
            return None;
        }
        let place = self.0.waiting.take(peer, false)?;
        let (tell, known) = watch::channel(None);
        checked.push((hash, known.clone()));
        let own = self.clone();
        // A task of its own: who hangs up neither ends a check nor spares himself the wait.
        tokio::spawn(async move {
            let right = own.is_right(&hash) || own.is_password(password).await;
            if right {
                // It is the same for everybody.
                let _ = own.0.right.set(hash);
            } else {
                tokio::time::sleep(WRONG).await;
            }
            let mut checked = own.0.checked.lock().unwrap_or_else(PoisonError::into_inner);
            checked.retain(|(other, _)| *other != hash);
            drop((checked, place));
            tell.send_replace(Some(right));
        });
        Some(known)
    }

    /// Asks argon2id, one after the other.
    async fn is_password(&self, password: Vec<u8>) -> bool {
        let Ok(_turn) = self.0.check.acquire().await else { return false };
        let inner = Arc::clone(&self.0);
        let check = move || {
            let mut memory = inner.memory.lock().unwrap_or_else(PoisonError::into_inner);
            inner.secret.is(&password, &mut memory)
        };
        spawn_blocking(check).await.unwrap_or(false)
    }
}

/// What the cookie of this server is called: a browser keeps those of all ports of a machine together.
fn cookie_name(headers: &HeaderMap) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let port = host.rsplit_once(':').map_or("", |(_, port)| port);
    let port: String = port.chars().filter(char::is_ascii_digit).collect();
    format!("streamsocket{port}")
}

/// The password in the value of an `Authorization` header, whatever the user's name is.
fn password(credentials: &str) -> Option<Vec<u8>> {
    let (scheme, rest) = credentials.split_at_checked("Basic ".len())?;
    if !scheme.eq_ignore_ascii_case("Basic ") || rest.len() > CREDENTIALS_MAX {
        return None;
    }
    let decoded = STANDARD.decode(rest.trim()).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    Some(decoded[colon + 1..].to_vec())
}

/// Lets through who has said the password, if there is one.
pub(crate) async fn login(
    State(logins): State<Option<Logins>>,
    Extension(asking): Extension<Asking>,
    request: Request,
    next: Next,
) -> Response {
    let Some(logins) = logins.filter(|logins| !logins.has_cookie(request.headers())) else {
        return next.run(request).await;
    };
    let credentials = request.headers().get(AUTHORIZATION).and_then(|it| it.to_str().ok());
    let right = match credentials {
        Some(credentials) => logins.check(credentials, asking.peer).await,
        None => Some(false),
    };
    match right {
        Some(true) => {
            let name = cookie_name(request.headers());
            let mut response = next.run(request).await;
            let encrypted = if asking.secure { "; Secure" } else { "" };
            let cookie =
                format!("{name}={}; HttpOnly; SameSite=Strict{encrypted}", logins.cookie());
            if let Ok(cookie) = HeaderValue::from_str(&cookie) {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            response
        }
        Some(false) => {
            let ask = [(WWW_AUTHENTICATE, "Basic realm=\"StreamSocket\", charset=\"UTF-8\"")];
            (StatusCode::UNAUTHORIZED, ask, "a password is required\n").into_response()
        }
        None => (StatusCode::SERVICE_UNAVAILABLE, "too many logins are being checked: try again\n")
            .into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_what_stands_behind_the_first_colon() {
        assert_eq!(password("Basic cGk6YTpi").as_deref(), Some(&b"a:b"[..]));
        assert_eq!(password("basic Og==").as_deref(), Some(&b""[..]));
        for wrong in ["", "Basic", "Basic !", "Bearer cGk6YTpi", "Basic cGk="] {
            assert_eq!(password(wrong), None, "{wrong}");
        }
    }
}
