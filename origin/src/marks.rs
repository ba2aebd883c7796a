//! Marks: who knows the password keeps what has just been seen.

use crate::answer::{JSON, Kept, Refusal, nothing, refuse, text};
use crate::secret::Password;
use crate::session::Session;
use crate::stored::shown;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use streamsocket_archive::{Event, LABEL_MAX};
use streamsocket_media::clock::{Monotonic, Wall};
use streamsocket_rtsp::failures::Failures;

/// Seconds that a mark may reach back or on at most: an hour.
const REACH_MAX: u32 = 3600;

/// What is asked to be marked.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wish {
    /// What it is called.
    label: String,
    /// Seconds before now and from now on that belong to it.
    before: Option<u32>,
    after: u32,
}

/// Who may mark, and who has guessed wrong.
#[derive(Debug)]
pub(crate) struct Marks {
    password: Option<Password>,
    pre_roll: Duration,
    failures: Mutex<Failures>,
}

impl Marks {
    /// Whoever knows the password may; nobody if there is none.
    pub(crate) fn new(password: Option<Password>, pre_roll: Duration) -> Self {
        Self { password, pre_roll, failures: Mutex::default() }
    }

    /// Whether anybody may.
    pub(crate) const fn are_taken(&self) -> bool {
        self.password.is_some()
    }

    /// Marks the last seconds of a session; `now` is where its time line is.
    ///
    /// # Errors
    /// The answer instead.
    pub(crate) async fn mark(
        &self,
        session: &Session,
        body: &[u8],
        now: Wall,
    ) -> Result<Response, Refusal> {
        let Some(storage) = &session.storage else {
            return Err(nothing("nothing is stored of it: see --store"));
        };
        let wish = wish(body)?;
        let seconds = |seconds: u32| i64::from(seconds.min(REACH_MAX)) * 1_000_000_000;
        let before = wish
            .before
            .map_or_else(|| i64::try_from(self.pre_roll.as_nanos()).unwrap_or(i64::MAX), seconds);
        let (from, to) = (Wall(now.0 - before), Wall(now.0 + seconds(wish.after)));
        let event = Event { at: now, from, to, until: None, label: wish.label };
        let conflict = |why: String| refuse(StatusCode::CONFLICT, why);
        storage.mark(event.clone()).await.map_err(conflict)?;
        log::info!(
            "'{}': marked, from {} s before: {}",
            session.name,
            before / 1_000_000_000,
            event.label
        );
        let answer = text(JSON, Kept::Never, shown(&event).to_string());
        Ok((StatusCode::CREATED, answer).into_response())
    }

    /// The answer to who does not know the password; none to who does. Who was wrong waits the longer the more often that
    /// was.
    pub(crate) fn refusal(
        &self,
        headers: &HeaderMap,
        peer: IpAddr,
        now: Monotonic,
    ) -> Option<Response> {
        let Some(password) = &self.password else {
            let why = "nobody may mark here: see --password-file";
            return Some(refuse(StatusCode::FORBIDDEN, why).into_response());
        };
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.until(peer, now).is_some() {
            let why = "that was wrong just now: wait some seconds";
            return Some(refuse(StatusCode::TOO_MANY_REQUESTS, why).into_response());
        }
        if said(headers).is_some_and(|said| password.is(&said)) {
            failures.succeeded(peer, "");
            return None;
        }
        if headers.contains_key(AUTHORIZATION) {
            failures.failed(peer, "", now);
        }
        let mut answer = refuse(StatusCode::UNAUTHORIZED, "the password is needed").into_response();
        let asks = HeaderValue::from_static("Basic realm=\"marks\", charset=\"UTF-8\"");
        answer.headers_mut().insert(WWW_AUTHENTICATE, asks);
        Some(answer)
    }
}

fn wish(body: &[u8]) -> Result<Wish, Refusal> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Wish::default());
    }
    let expected = |why: String| refuse(StatusCode::BAD_REQUEST, why);
    let wish: Wish = serde_json::from_slice(body).map_err(|error| {
        expected(format!("expected JSON such as {{\"label\": \"...\", \"before\": 30}}: {error}"))
    })?;
    if wish.label.len() > LABEL_MAX || wish.label.chars().any(char::is_control) {
        return Err(expected(format!("label: expected a line of {LABEL_MAX} bytes at most")));
    }
    Ok(wish)
}

/// The password that a request has: of basic authentication (RFC 7617), with any name, or as a bearer's (RFC 6750).
fn said(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, value) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(value.trim().to_owned());
    }
    let is_basic = scheme.eq_ignore_ascii_case("basic");
    let pair = is_basic.then(|| STANDARD.decode(value.trim()).ok()).flatten()?;
    String::from_utf8(pair).ok()?.split_once(':').map(|(_, password)| password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())])
    }

    #[test]
    fn a_password_comes_as_basic_or_bearer() {
        let basic = format!("Basic {}", STANDARD.encode("anna:correct:horse"));
        assert_eq!(said(&asked(&basic)).as_deref(), Some("correct:horse"));
        assert_eq!(said(&asked("bearer correct:horse")).as_deref(), Some("correct:horse"));
        for wrong in ["", "Basic", "Basic !", "Digest x", "Basic YQ=="] {
            assert_eq!(said(&asked(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn guessing_takes_its_time_and_a_wish_is_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        crate::secret::make(&path, "horse").unwrap();
        let marks = Marks::new(Some(Password::read(&path).unwrap()), Duration::from_secs(30));
        let status = |value: &str, second: i64, host: u8| {
            let (peer, now) = ([192, 0, 2, host].into(), Monotonic(second * 1_000_000_000));
            marks.refusal(&asked(value), peer, now).map(|answer| answer.status().as_u16())
        };
        assert_eq!(status("Bearer horse", 0, 1), None);
        assert_eq!(status("Bearer cow", 1, 1), Some(401));
        assert_eq!(status("Bearer horse", 1, 1), Some(429));
        assert_eq!(status("Bearer horse", 1, 2), None, "of somebody else");
        assert_eq!(status("Bearer horse", 2, 1), None);
        assert!(
            Marks::new(None, Duration::ZERO)
                .refusal(&HeaderMap::new(), [192, 0, 2, 1].into(), Monotonic(0))
                .is_some()
        );
        assert_eq!(wish(b" ").unwrap().label, "");
        assert_eq!(wish(b"{\"label\":\"goal\",\"before\":9}").unwrap().before, Some(9));
        for wrong in [&b"goal"[..], b"{\"name\":\"x\"}", b"{\"label\":\"a\\nb\"}"] {
            assert!(wish(wrong).is_err());
        }
    }
}
