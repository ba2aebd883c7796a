//! The paths.

use crate::access::access;
use crate::answer::{JSON, Kept, Refusal, nothing, refuse, text};
use crate::asked::{File, Query};
use crate::live;
use crate::marks::Marks;
use crate::metrics::metrics;
use crate::names::{SOUND, TIERS};
use crate::page;
use crate::session::{Session, Sessions};
use crate::status::{All, One, now};
use crate::stored::{Reader, Span};
use crate::token::Tokens;
use axum::body::to_bytes;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, Request, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use std::sync::Arc;
use streamsocket_archive::Archive;
use streamsocket_cmaf::grid::Grid;
use streamsocket_media::clock::Wall;
use streamsocket_net::machine::unix_nanos;
use streamsocket_subscribe::clock::monotonic;
use streamsocket_web::guard::{Guard, guard};
use streamsocket_web::places::{Asking, owner};
use streamsocket_web::server::REQUEST_PATIENCE;
use tokio::time::timeout;

/// Bytes of what is asked to be marked at most: a label and some numbers.
const BODY_MAX: usize = 4096;

/// What there is to be asked for.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) sessions: Sessions,
    pub(crate) grid: Grid,
    pub(crate) archive: Option<Archive>,
    pub(crate) reader: Option<Reader>,
    pub(crate) marks: Arc<Marks>,
}

/// All paths.
pub(crate) fn routes(site: Site, admitted: Guard, tokens: Option<Tokens>) -> Router {
    let paths = Router::new()
        .route("/", get(root))
        .route("/status.json", get(status))
        .route("/metrics", get(figures))
        .route("/page-files/{file}", get(part_of_page))
        .route("/{name}", get(to_folder))
        .route("/{name}/", get(page_of))
        .route("/{name}/live.m3u8", get(live_of))
        .route("/{name}/vod.m3u8", get(stored_of))
        .route("/{name}/status.json", get(status_of))
        .route("/{name}/hours.json", get(hours_of))
        .route("/{name}/events.json", get(events_of))
        .route("/{name}/mark", post(mark))
        .route("/{name}/{track}/{file}", get(file_of))
        .fallback(|| async { nothing("there is no such path") })
        .method_not_allowed_fallback(|| async {
            refuse(StatusCode::METHOD_NOT_ALLOWED, "that cannot be done here")
        })
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(site);
    // A link is taken off the path before it is looked up.
    Router::new()
        .fallback_service(paths)
        .layer(from_fn_with_state(tokens, access))
        .layer(from_fn_with_state(admitted, guard))
        .layer(map_response(unkept))
}

/// What is not there, or not for everybody, may be the next moment: whoever has said so, no cache is to keep it.
async fn unkept(mut response: Response) -> Response {
    if !response.status().is_success() {
        let never = HeaderValue::from_static("no-store");
        response.headers_mut().entry(CACHE_CONTROL).or_insert(never);
    }
    response
}

/// For those who are not served.
pub(crate) fn refusing(why: &'static str) -> Router {
    Router::new().fallback(move || async move { refuse(StatusCode::FORBIDDEN, why) })
}

async fn root() -> Response {
    page::page("./")
}

async fn to_folder(Path(name): Path<String>) -> Redirect {
    Redirect::permanent(&format!("{}/", crate::token::encoded(&name)))
}

async fn part_of_page(Path(name): Path<String>) -> Result<Response, Refusal> {
    page::file(&name).ok_or_else(|| nothing("the page has no such file"))
}

async fn status(State(site): State<Site>) -> Response {
    let received = site.sessions.all();
    let mark = site.marks.are_taken();
    let mut sessions: Vec<_> = received.iter().map(|it| One::of(it, mark)).collect();
    if let Some(reader) = &site.reader {
        let known = |name: &String| received.iter().any(|it| it.name == *name);
        let stored = reader.sessions().await.into_iter().filter(|name| !known(name));
        sessions.extend(stored.map(One::stored));
    }
    json(&All { now: now(), sessions })
}

fn json(value: &impl serde::Serialize) -> Response {
    text(JSON, Kept::Never, serde_json::to_string(value).unwrap_or_default())
}

async fn figures(State(site): State<Site>) -> Response {
    text("text/plain; version=0.0.4", Kept::Never, metrics(&site.sessions, site.archive.as_ref()))
}

/// A session that is received, or of which something is stored.
enum Found {
    Received(Arc<Session>),
    Stored(String),
}

impl Site {
    async fn find(&self, name: String) -> Result<Found, Refusal> {
        if let Some(session) = self.sessions.named(&name) {
            return Ok(Found::Received(session));
        }
        match &self.reader {
            Some(reader) if reader.has(name.clone()).await => Ok(Found::Stored(name)),
            _ => Err(nothing("there is no such session")),
        }
    }

    fn received(&self, name: &str) -> Result<Arc<Session>, Refusal> {
        self.sessions.named(name).ok_or_else(|| nothing("there is no such session, or no longer"))
    }

    fn reader(&self) -> Result<&Reader, Refusal> {
        self.reader.as_ref().ok_or_else(|| nothing("nothing is stored here: see --store"))
    }
}

async fn page_of(State(site): State<Site>, Path(name): Path<String>) -> Result<Response, Refusal> {
    site.find(name).await.map(|_| page::page("../"))
}

async fn status_of(
    State(site): State<Site>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    let one = match site.find(name).await? {
        Found::Received(session) => One::of(&session, site.marks.are_taken()),
        Found::Stored(name) => One::stored(name),
    };
    Ok(json(&one))
}

async fn live_of(State(site): State<Site>, Path(name): Path<String>) -> Result<Response, Refusal> {
    live::multivariant(&*site.received(&name)?, "live.m3u8")
}

fn parsed(query: Option<&str>) -> Result<Query, Refusal> {
    Query::parse(query.unwrap_or_default()).map_err(|why| refuse(StatusCode::BAD_REQUEST, why))
}

fn span(session: String, query: Option<String>) -> Result<Span, Refusal> {
    let query = query.unwrap_or_default();
    let asked = parsed(Some(&query))?.span(Wall(unix_nanos()));
    let (from, to) = asked.map_err(|why| refuse(StatusCode::BAD_REQUEST, why))?;
    Ok(Span { session, from, to, query })
}

async fn stored_of(
    State(site): State<Site>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    site.reader()?.multivariant(span(name, query)?).await
}

async fn hours_of(
    State(site): State<Site>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    site.reader()?.hours(span(name, query)?).await
}

async fn events_of(
    State(site): State<Site>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    site.reader()?.events(name).await
}

async fn mark(
    State(site): State<Site>,
    Path(name): Path<String>,
    Extension(asking): Extension<Asking>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    // A browser asks here for whatever page has it do so, with what it knows of passwords.
    if headers.get("sec-fetch-site").is_some_and(|it| it == "cross-site") {
        let why = "only this server's own page may mark from a browser";
        return refuse(StatusCode::FORBIDDEN, why).into_response();
    }
    let now = monotonic();
    if let Some(answer) = site.marks.refusal(&headers, owner(asking.peer), now) {
        return answer;
    }
    let marked = async {
        let session = site.received(&name)?;
        let read = timeout(REQUEST_PATIENCE, to_bytes(request.into_body(), BODY_MAX)).await;
        let Ok(Ok(body)) = read else {
            let why = "the label has not come in time, or is too long";
            return Err(refuse(StatusCode::REQUEST_TIMEOUT, why));
        };
        let line = session.tracks().iter().filter_map(|track| track.now(now)).max();
        site.marks.mark(&session, &body, line.unwrap_or(Wall(unix_nanos()))).await
    };
    marked.await.unwrap_or_else(IntoResponse::into_response)
}

async fn file_of(
    State(site): State<Site>,
    Path((name, track, file)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    if track != SOUND && !TIERS.contains(&&*track) {
        return Err(nothing("there is no such track"));
    }
    let file = File::named(&file).ok_or_else(|| nothing("there is no such file"))?;
    let live = site.sessions.named(&name).and_then(|session| {
        let track = session.track(&track)?;
        Some((session, track))
    });
    match (file, live) {
        (File::Live, Some((session, track))) => {
            live::playlist(&session, &track, &parsed(query.as_deref())?, site.grid).await
        }
        (File::Part(number, index), Some((_, track))) => {
            live::part(&track, number, index, site.grid).await
        }
        (File::Live | File::Part(..), None) => Err(nothing("that is not live")),
        (File::Stored, _) => site.reader()?.playlist(span(name, query)?, track).await,
        (file, live) => {
            if let Some(held) = live.and_then(|(_, track)| live::held(&track, &file)) {
                return Ok(held);
            }
            let reader = site.reader.as_ref();
            let reader = reader.ok_or_else(|| nothing("it is not live any more, or not yet"))?;
            reader.file(name, track, file).await
        }
    }
}
