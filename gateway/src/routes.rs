//! The paths, with those under which programs expect a camera's pictures.

use crate::control;
use crate::description::description;
use crate::hearing::HEARD_MAX;
use crate::login::{Logins, login};
use crate::metrics::metrics;
use crate::multipart::{self, Form, Thinning, body};
use crate::ogg;
use crate::page::{Policy, page, parts};
use crate::picture::Picture;
use crate::quality::Wish;
use crate::query::{Action, Query};
use crate::reception::Pictures;
use crate::sessions::{ROOM, Session, Sessions};
use crate::status::{Status, encoded, path};
use crate::tiers::Feed;
use crate::watching::Watching;
use crate::wav;
use crate::websocket::{hello, send};
use axum::body::{Body, Bytes};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRef, Path, RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Extension, Router};
use std::sync::Arc;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_subscribe::clock::monotonic;
use streamsocket_subscribe::plan::StreamPlan;
use streamsocket_web::guard::{Guard, guard};
use streamsocket_web::places::Asking;
use tokio::sync::Semaphore;
use tokio::sync::broadcast::Receiver;
use tokio::time::timeout;

/// How long a snapshot waits for a first picture.
const SNAPSHOT_PATIENCE: Duration = Duration::from_millis(100);

/// WebSockets at a time: each has a copy of the picture that is being sent, up to a megabyte, where streams share it. The page
/// of a room has one for each who is in it, whose pictures are small.
const WEBSOCKETS_MAX: usize = 256;

/// A picture that is older shows nothing of now: of a camera with one in four seconds, the one before.
const NEWEST_MAX: Duration = Duration::from_secs(8);

/// How long one of a tier does: it may be made only now that somebody asks for it.
const TIER_PATIENCE: Duration = Duration::from_secs(8);

/// An answer instead of what was asked for: one line.
type Refusal = (StatusCode, String);

fn refuse(status: StatusCode, why: impl Into<String>) -> Refusal {
    let mut why = why.into();
    why.push('\n');
    (status, why)
}

/// What there is to be asked for.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) sessions: Sessions,
    pub(crate) policy: Policy,
    /// When the program began.
    pub(crate) began: Monotonic,
    /// Viewers may control the daemons of this machine.
    pub(crate) control: bool,
    /// A turn for each WebSocket that there may be.
    pub(crate) websockets: Arc<Semaphore>,
}

impl Site {
    /// What there is.
    pub(crate) fn new(sessions: Sessions, policy: Policy, control: bool) -> Self {
        let websockets = Arc::new(Semaphore::new(WEBSOCKETS_MAX));
        Self { sessions, policy, began: monotonic(), control, websockets }
    }
}

impl FromRef<Site> for Sessions {
    fn from_ref(site: &Site) -> Self {
        site.sessions.clone()
    }
}

/// All paths.
pub(crate) fn routes(site: Site, admitted: Guard, logins: Option<Logins>) -> Router {
    let control = if site.control { control::routes() } else { Router::new() };
    Router::new()
        .route("/", get(root))
        .route("/stream", get(first_stream))
        .route("/stream.mjpg", get(first_stream))
        .route("/snapshot", get(first_snapshot))
        .route("/snapshot.jpg", get(first_snapshot))
        .route("/audio.wav", get(first_sound))
        .route("/sdp", get(first_description))
        .route("/status", get(status))
        .route("/metrics", get(figures))
        .merge(parts(&site.policy))
        .merge(control)
        .route(&format!("/{ROOM}/{{name}}"), get(room_of))
        .route("/{name}/stream", get(stream_of))
        .route("/{name}/snapshot", get(snapshot_of))
        .route("/{name}/ws", get(websocket_of))
        .route("/{name}/audio.wav", get(sound_of))
        .route("/{name}/audio.opus", get(opus_of))
        .route("/{name}/sdp", get(description_of))
        .fallback(nothing)
        .with_state(site)
        .layer(from_fn_with_state(logins, login))
        .layer(from_fn_with_state(admitted, guard))
}

/// For those who are not served.
pub(crate) fn refusing(why: &'static str) -> Router {
    Router::new().fallback(move || async move { refuse(StatusCode::FORBIDDEN, why) })
}

async fn root(
    State(site): State<Site>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let query = parsed(query)?;
    match query.action {
        Some(Action::Stream) => stream(first(&site.sessions)?, &query, &headers),
        Some(Action::Snapshot) => snapshot(&*first(&site.sessions)?, &query).await,
        None => Ok(page(&site.policy)),
    }
}

async fn status(State(site): State<Site>) -> Response {
    let kind = HeaderValue::from_static("application/json");
    let status = Status::of(&site.sessions, site.began, site.control);
    (live(kind), serde_json::to_string(&status).unwrap_or_default()).into_response()
}

async fn figures(State(sessions): State<Sessions>) -> Response {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    (live(kind), metrics(&sessions)).into_response()
}

async fn first_description(State(sessions): State<Sessions>) -> Result<Response, Refusal> {
    described(&*first(&sessions)?)
}

async fn description_of(
    State(sessions): State<Sessions>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    described(&*named(&sessions, &name)?)
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

async fn opus_of(
    State(sessions): State<Sessions>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    opus(&*named(&sessions, &name)?, &parsed(query)?)
}

async fn first_stream(
    State(sessions): State<Sessions>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    stream(first(&sessions)?, &parsed(query)?, &headers)
}

async fn first_snapshot(
    State(sessions): State<Sessions>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    snapshot(&*first(&sessions)?, &parsed(query)?).await
}

async fn stream_of(
    State(sessions): State<Sessions>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    stream(named(&sessions, &name)?, &parsed(query)?, &headers)
}

async fn snapshot_of(
    State(sessions): State<Sessions>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    snapshot(&*named(&sessions, &name)?, &parsed(query)?).await
}

/// The page of a room, as people write its address.
async fn room_of(Path(name): Path<String>) -> Redirect {
    Redirect::temporary(&format!("../?{ROOM}={}", encoded(&name)))
}

async fn websocket_of(
    State(site): State<Site>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    Extension(asking): Extension<Asking>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Refusal> {
    let (session, query) = (named(&site.sessions, &name)?, parsed(query)?);
    let (heard, sound, feed) = heard(&site.sessions, &session, &query);
    let hello = hello(&session, heard.as_ref());
    let Ok(turn) = Arc::clone(&site.websockets).try_acquire_owned() else {
        let why = format!("{WEBSOCKETS_MAX} pages are being watched already: no more can be");
        return Err(refuse(StatusCode::SERVICE_UNAVAILABLE, why));
    };
    let upgrade = upgrade.max_message_size(HEARD_MAX).max_frame_size(HEARD_MAX);
    // A message is written at once.
    let upgrade = upgrade.write_buffer_size(0);
    // A tier that is not there yet may come: until then it is the session itself.
    let watching = Watching::for_page(session, query.tier.unwrap_or_default());
    Ok(upgrade.on_upgrade(async move |viewer| {
        send(viewer, hello, watching, sound).await;
        drop((asking, turn, feed));
    }))
}

/// What a page hears: what it is, the sound itself, and the tier that it is of, if it is of one: of the one that is asked
/// for by its name, if that has a sound of its own.
fn heard(
    sessions: &Sessions,
    session: &Arc<Session>,
    query: &Query,
) -> (Option<StreamPlan>, Receiver<Bytes>, Option<Arc<Feed>>) {
    if query.samples {
        let heard = sessions.with_samples(session);
        let sound = heard.as_ref().unwrap_or(session).sound.subscribe();
        return (heard.and_then(|heard| heard.plan.audio.clone()), sound, None);
    }
    // A tier that is not there yet may come, and has its sound when the page connects anew.
    let feed = tier(session, query).ok().flatten().filter(|feed| feed.opus.is_some());
    match feed {
        Some(feed) => (feed.opus.clone(), feed.sound.subscribe(), Some(feed)),
        None => (session.plan.audio.clone(), session.sound.subscribe(), None),
    }
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
            own + &format!("/{path}/stream\n/{path}/snapshot\n/{path}/audio.wav\n/{path}/sdp\n")
        });
    let own = sessions
        .all()
        .iter()
        .filter(|it| it.has_opus())
        .map(|it| path(it))
        .fold(own, |own, path| own + &format!("/{path}/audio.opus\n"));
    format!("/\n/stream\n/snapshot\n/audio.wav\n/sdp\n/status\n/metrics\n{own}")
}

/// Nobody may keep it, and a proxy passes it on as it comes (nginx).
fn live(kind: HeaderValue) -> [(HeaderName, HeaderValue); 3] {
    [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ]
}

fn stream(session: Arc<Session>, query: &Query, headers: &HeaderMap) -> Result<Response, Refusal> {
    let length = query.length.unwrap_or_else(|| !is_browser(headers));
    let form = if length { Form::WithLength } else { Form::Ahead };
    // Both are looked for before anything is answered.
    tier(&session, query)?;
    pictures(&session)?;
    let kind = HeaderValue::from_static(multipart::CONTENT_TYPE);
    let watching = Watching::new(session, query.tier.clone().unwrap_or_default());
    let body = Body::from_stream(body(watching, form, query.rate.map(Thinning::to)));
    // It ends when the session does; until then nothing else can be asked for on this connection.
    let close = [(CONNECTION, HeaderValue::from_static("close"))];
    Ok((live(kind), close, body).into_response())
}

/// A file that players take for what it is by its kind, and that is saved under a name of its own.
fn described(session: &Session) -> Result<Response, Refusal> {
    let none = || refuse(StatusCode::NOT_FOUND, format!("'{}' has no streams", session.name));
    let text = description(&session.plan).ok_or_else(none)?;
    Ok((live(HeaderValue::from_static("application/sdp")), text).into_response())
}

/// The sound of a session, if it is Opus, or if it is not.
fn sound_as(session: &Session, opus: bool) -> Result<&StreamPlan, Refusal> {
    let (name, path) = (&session.name, path(session));
    let why = match &session.plan.audio {
        Some(audio) if session.has_opus() == opus => return Ok(audio),
        Some(_) if opus => format!("the sound of '{name}' is no Opus: it is at /{path}/audio.wav"),
        Some(_) => format!("the sound of '{name}' is Opus: it is at /{path}/audio.opus"),
        None => format!("the session '{name}' has no sound"),
    };
    Err(refuse(StatusCode::NOT_FOUND, why))
}

fn opus(session: &Session, query: &Query) -> Result<Response, Refusal> {
    let feed = tier(session, query)?.filter(|feed| feed.opus.is_some());
    let (channels, sound) = match feed.as_ref().and_then(|feed| Some((feed.opus.as_ref()?, feed))) {
        Some((audio, feed)) => (audio.channels, feed.sound.subscribe()),
        None => (sound_as(session, true)?.channels, session.sound.subscribe()),
    };
    let body = ogg::body(channels, sound, session.viewer_of(feed));
    let kind = live(HeaderValue::from_static("audio/ogg; codecs=opus"));
    Ok((kind, Body::from_stream(body)).into_response())
}

fn sound(session: &Session) -> Result<Response, Refusal> {
    let audio = sound_as(session, false)?;
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

/// The tier that is asked for by its name. It is received for as long as this is kept.
fn tier(session: &Session, query: &Query) -> Result<Option<Arc<Feed>>, Refusal> {
    let Some(Wish::Tier(name)) = &query.tier else { return Ok(None) };
    let feed = session.tiers.watch(name);
    let feed = feed.map_err(|why| {
        refuse(StatusCode::NOT_FOUND, format!("the session '{}': {why}", session.name))
    });
    feed.map(Some)
}

async fn snapshot(session: &Session, query: &Query) -> Result<Response, Refusal> {
    let (whole, tier) = (pictures(session)?, tier(session, query)?);
    let (mut pictures, patience) = match &tier {
        Some(tier) => (tier.pictures.clone(), TIER_PATIENCE),
        None => (whole, SNAPSHOT_PATIENCE),
    };
    let is_fresh = |picture: &Arc<Picture>| monotonic().since(picture.arrival) <= NEWEST_MAX;
    // Only a first picture is waited for.
    let waited = timeout(patience, pictures.wait_for(Option::is_some)).await;
    let newest = waited.ok().and_then(Result::ok).and_then(|picture| picture.clone());
    let Some(picture) = newest.filter(is_fresh) else {
        let why = session.counters.video.note.get();
        let why = why.unwrap_or_else(|| "nothing comes from it".to_owned());
        let why = format!("no picture of '{}': {why}", session.name);
        return Err(refuse(StatusCode::SERVICE_UNAVAILABLE, why));
    };
    Ok((live(HeaderValue::from_static("image/jpeg")), picture.file.clone()).into_response())
}
