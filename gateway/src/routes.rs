//! The paths, with those under which programs expect a camera's pictures.

use crate::guard::{Names, guard};
use crate::login::{Logins, login};
use crate::metrics::metrics;
use crate::multipart::{self, Form, Thinning, body};
use crate::page::{page, parts};
use crate::places::Asking;
use crate::reception::Pictures;
use crate::sessions::{Session, Sessions};
use crate::status::{Status, path};
use crate::wav;
use crate::websocket::{HEARD_MAX, hello, send};
use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use std::sync::Arc;
use std::time::Duration;
use streamsocket_subscribe::clock::monotonic;
use tokio::time::timeout;

/// How long a snapshot waits for a first picture.
const SNAPSHOT_PATIENCE: Duration = Duration::from_millis(100);

/// A picture that is older shows nothing of now: of a camera with one in four seconds, the one before.
const NEWEST_MAX: Duration = Duration::from_secs(8);

/// Pictures a second that may be asked for: from one in 1000 seconds to more than any camera has.
const RATES: std::ops::RangeInclusive<f64> = 0.001..=1000.0;

/// What is asked for behind the `?`.
#[derive(Debug, Default, PartialEq)]
struct Query {
    /// mjpg-streamer's way to say which path is meant.
    action: Option<Action>,
    /// Pictures a second at most.
    rate: Option<f64>,
    /// Whether parts say their length.
    length: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Stream,
    Snapshot,
}

impl Query {
    /// # Errors
    /// One line: what is wrong, and what is expected. Names that are not known are passed over: browsers are often
    /// given one, so that they do not take a picture from their cache.
    fn parse(text: &str) -> Result<Self, String> {
        let mut query = Self::default();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "action" => {
                    query.action = Some(match value {
                        "stream" => Action::Stream,
                        "snapshot" => Action::Snapshot,
                        _ => return Err("action: expected stream or snapshot".to_owned()),
                    });
                }
                "fps" => {
                    let rate = value.parse().ok().filter(|rate| RATES.contains(rate));
                    query.rate =
                        Some(rate.ok_or("fps: expected pictures a second, such as 5 or 0.5")?);
                }
                "length" => {
                    query.length = Some(match value {
                        "0" => false,
                        "1" => true,
                        _ => return Err("length: expected 0 or 1".to_owned()),
                    });
                }
                _ => {}
            }
        }
        Ok(query)
    }
}

/// An answer instead of what was asked for: one line.
type Refusal = (StatusCode, String);

fn refuse(status: StatusCode, why: impl Into<String>) -> Refusal {
    let mut why = why.into();
    why.push('\n');
    (status, why)
}

/// All paths.
pub(crate) fn routes(sessions: Sessions, names: Names, logins: Option<Logins>) -> Router {
    Router::new()
        .route("/", get(root))
        .route("/stream", get(first_stream))
        .route("/stream.mjpg", get(first_stream))
        .route("/snapshot", get(first_snapshot))
        .route("/snapshot.jpg", get(first_snapshot))
        .route("/audio.wav", get(first_sound))
        .route("/status", get(status))
        .route("/metrics", get(figures))
        .merge(parts())
        .route("/{name}/stream", get(stream_of))
        .route("/{name}/snapshot", get(snapshot_of))
        .route("/{name}/ws", get(websocket_of))
        .route("/{name}/audio.wav", get(sound_of))
        .fallback(nothing)
        .with_state(sessions)
        .layer(from_fn_with_state(logins, login))
        .layer(from_fn_with_state(names, guard))
}

/// For those who are not served.
pub(crate) fn refusing(why: &'static str) -> Router {
    Router::new().fallback(move || async move { refuse(StatusCode::FORBIDDEN, why) })
}

async fn root(
    State(sessions): State<Sessions>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let query = parsed(query)?;
    match query.action {
        Some(Action::Stream) => stream(&*first(&sessions)?, &query, &headers),
        Some(Action::Snapshot) => snapshot(&*first(&sessions)?).await,
        None => Ok(page().into_response()),
    }
}

async fn status(State(sessions): State<Sessions>) -> Response {
    let kind = HeaderValue::from_static("application/json");
    let status = serde_json::to_string(&Status::of(&sessions)).unwrap_or_default();
    (live(kind), status).into_response()
}

async fn figures(State(sessions): State<Sessions>) -> Response {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    (live(kind), metrics(&sessions)).into_response()
}

async fn first_sound(State(sessions): State<Sessions>) -> Result<Response, Refusal> {
    sound(&*first(&sessions)?)
}

async fn sound_of(
    State(sessions): State<Sessions>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    sound(&*named(&sessions, &name)?)
}

async fn first_stream(
    State(sessions): State<Sessions>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    stream(&*first(&sessions)?, &parsed(query)?, &headers)
}

async fn first_snapshot(State(sessions): State<Sessions>) -> Result<Response, Refusal> {
    snapshot(&*first(&sessions)?).await
}

async fn stream_of(
    State(sessions): State<Sessions>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    stream(&*named(&sessions, &name)?, &parsed(query)?, &headers)
}

async fn snapshot_of(
    State(sessions): State<Sessions>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    snapshot(&*named(&sessions, &name)?).await
}

async fn websocket_of(
    State(sessions): State<Sessions>,
    Path(name): Path<String>,
    Extension(asking): Extension<Asking>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Refusal> {
    let session = named(&sessions, &name)?;
    let (hello, pictures, sound) =
        (hello(&session), session.pictures.clone(), session.sound.subscribe());
    let upgrade = upgrade.max_message_size(HEARD_MAX).max_frame_size(HEARD_MAX);
    let counted = session.viewer();
    Ok(upgrade.on_upgrade(async move |viewer| {
        send(viewer, hello, pictures, sound).await;
        drop((counted, asking));
    }))
}

async fn nothing(State(sessions): State<Sessions>) -> Refusal {
    refuse(
        StatusCode::NOT_FOUND,
        format!("there is nothing here; there is something at\n{}", paths(&sessions).trim_end()),
    )
}

fn parsed(query: Option<String>) -> Result<Query, Refusal> {
    Query::parse(query.as_deref().unwrap_or_default())
        .map_err(|why| refuse(StatusCode::BAD_REQUEST, why))
}

fn first(sessions: &Sessions) -> Result<Arc<Session>, Refusal> {
    let none = "no session has been found yet: is streamsocket running on this network?";
    sessions.first().ok_or_else(|| refuse(StatusCode::SERVICE_UNAVAILABLE, none))
}

fn named(sessions: &Sessions, name: &str) -> Result<Arc<Session>, Refusal> {
    sessions.named(name).ok_or_else(|| {
        let names: Vec<_> = sessions.all().iter().map(|it| format!("'{}'", it.name)).collect();
        let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        refuse(StatusCode::NOT_FOUND, format!("there is no session '{name}' here, but {there}"))
    })
}

/// The paths that there are, a line each.
fn paths(sessions: &Sessions) -> String {
    let own =
        sessions.all().iter().map(|session| path(session)).fold(String::new(), |own, path| {
            own + &format!("/{path}/stream\n/{path}/snapshot\n/{path}/audio.wav\n")
        });
    format!("/\n/stream\n/snapshot\n/audio.wav\n/status\n/metrics\n{own}")
}

/// Nobody may keep it, and a proxy passes it on as it comes (nginx).
fn live(kind: HeaderValue) -> [(HeaderName, HeaderValue); 3] {
    [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ]
}

fn stream(session: &Session, query: &Query, headers: &HeaderMap) -> Result<Response, Refusal> {
    let length = query.length.unwrap_or_else(|| !is_browser(headers));
    let form = if length { Form::WithLength } else { Form::Ahead };
    let pictures = pictures(session)?;
    let kind = HeaderValue::from_static(multipart::CONTENT_TYPE);
    let body =
        Body::from_stream(body(pictures, form, query.rate.map(Thinning::to), session.viewer()));
    // It ends when the session does; until then nothing else can be asked for on this connection.
    let close = [(CONNECTION, HeaderValue::from_static("close"))];
    Ok((live(kind), close, body).into_response())
}

fn sound(session: &Session) -> Result<Response, Refusal> {
    let Some(audio) = &session.plan.audio else {
        let why = format!("the session '{}' has no sound", session.name);
        return Err(refuse(StatusCode::NOT_FOUND, why));
    };
    let body =
        wav::body(audio.clock_rate, audio.channels, session.sound.subscribe(), session.viewer());
    let kind = live(HeaderValue::from_static("audio/wav"));
    Ok((kind, Body::from_stream(body)).into_response())
}

/// All browsers say that they are this one, and hardly anything else does.
fn is_browser(headers: &HeaderMap) -> bool {
    headers.get(USER_AGENT).is_some_and(|agent| agent.as_bytes().starts_with(b"Mozilla/"))
}

fn pictures(session: &Session) -> Result<Pictures, Refusal> {
    if session.plan.video.is_none() {
        let why = format!("the session '{}' has sound only", session.name);
        return Err(refuse(StatusCode::NOT_FOUND, why));
    }
    Ok(session.pictures.clone())
}

async fn snapshot(session: &Session) -> Result<Response, Refusal> {
    let mut pictures = pictures(session)?;
    // Only a first picture is waited for.
    let waited = timeout(SNAPSHOT_PATIENCE, pictures.wait_for(Option::is_some)).await;
    let newest = waited.ok().and_then(Result::ok).and_then(|picture| picture.clone());
    let fresh = newest.filter(|picture| monotonic().since(picture.arrival) <= NEWEST_MAX);
    let Some(picture) = fresh else {
        let why = session.counters.video.note.get();
        let why = why.unwrap_or_else(|| "nothing comes from it".to_owned());
        let why = format!("no picture of '{}': {why}", session.name);
        return Err(refuse(StatusCode::SERVICE_UNAVAILABLE, why));
    };
    Ok((live(HeaderValue::from_static("image/jpeg")), picture.file.clone()).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_in_a_query_is_said() {
        assert_eq!(Query::parse(""), Ok(Query::default()));
        let query = Query::parse("action=stream&fps=0.5&length=0&_=17").unwrap();
        let expected = Query { action: Some(Action::Stream), rate: Some(0.5), length: Some(false) };
        assert_eq!(query, expected);
        for (wrong, why) in [
            ("fps=0", "fps: expected"),
            ("fps=fast", "fps: expected"),
            ("fps=NaN", "fps: expected"),
            ("action=command", "action: expected"),
            ("length", "length: expected"),
        ] {
            assert!(Query::parse(wrong).unwrap_err().starts_with(why), "{wrong}");
        }
    }
}
