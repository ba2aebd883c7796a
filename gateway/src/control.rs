//! Starts and stops the daemons of this machine, and changes what they send, through their control sockets: for viewers
//! with a password, if the user wants that.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use streamsocket_control::overrides::Overrides;
use streamsocket_control::{Answer, Command, Request, client};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// Bytes of an order at most: a name and a few numbers.
const ORDER_MAX: usize = 1024;

const JSON: &str = "application/json";

/// Looks and orders at a time: each keeps a thread waiting, an order for as long as a camera takes to be opened.
static LOOKS: Semaphore = Semaphore::const_new(1);
static ORDERS: Semaphore = Semaphore::const_new(1);

/// How long one waits for its turn, and an order for its last byte.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a viewer wants of a daemon.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    /// The daemon's name.
    name: String,
    /// Whether it is to send.
    sending: Option<bool>,
    /// What it is to send.
    set: Option<Overrides>,
}

/// A daemon.
#[derive(Debug, Serialize)]
struct Daemon {
    name: String,
    sending: bool,
    /// Pixels and frames a second of its first pictures.
    width: Option<u64>,
    height: Option<u64>,
    rate: Option<f64>,
}

/// The only path.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/control", get(daemons).post(order))
}

/// The daemons that run on this machine.
async fn daemons() -> Response {
    let Some(daemons) =
        asked(&LOOKS, || client::names().into_iter().map(daemon).collect::<Vec<_>>()).await
    else {
        return refused("this machine is busy: try again");
    };
    let text = serde_json::to_string(&daemons).unwrap_or_default();
    ([(CONTENT_TYPE, JSON), (CACHE_CONTROL, "no-store")], text).into_response()
}

/// What a daemon says of itself. One that is just starting is known by its name only.
fn daemon(name: String) -> Daemon {
    let status = match client::ask(Some(&name), &Command::Status.into()) {
        Ok(Answer::Status(status)) => serde_json::from_str(status.get()).unwrap_or_default(),
        _ => Value::Null,
    };
    let tracks = status["tracks"].as_array().map_or(&[][..], Vec::as_slice);
    let is_whole = |it: &&Value| it["media"] == "video" && it["tier"].is_null();
    let video = tracks.iter().find(is_whole).unwrap_or(&Value::Null);
    Daemon {
        name,
        // One of an older version cannot pause.
        sending: status.is_object() && status["paused"] != true,
        width: video["width"].as_u64(),
        height: video["height"].as_u64(),
        rate: video["rate"].as_f64(),
    }
}

/// Does what a viewer wants. Only JSON is taken: a page of somebody else's may send anything else, and JSON only when a
/// server has agreed to it.
async fn order(headers: HeaderMap, body: Body) -> Response {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next() != Some(JSON) {
        let why = "expected application/json\n";
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, why).into_response();
    }
    let Ok(Ok(body)) = timeout(PATIENCE, to_bytes(body, ORDER_MAX)).await else {
        let why = format!("expected an order of at most {ORDER_MAX} bytes\n");
        return (StatusCode::BAD_REQUEST, why).into_response();
    };
    let order: Order = match serde_json::from_slice(&body) {
        Ok(order) => order,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    };
    let Some(request) = request(&order) else {
        return (StatusCode::BAD_REQUEST, "expected either sending or set\n").into_response();
    };
    match asked(&ORDERS, move || client::ask(Some(&order.name), &request)).await {
        Some(Ok(_)) => StatusCode::NO_CONTENT.into_response(),
        Some(Err(why)) => (StatusCode::CONFLICT, format!("{why}\n")).into_response(),
        None => refused("this machine is busy: try again"),
    }
}

fn request(order: &Order) -> Option<Request> {
    match (order.sending, &order.set) {
        (Some(true), None) => Some(Command::Resume.into()),
        (Some(false), None) => Some(Command::Pause.into()),
        (None, Some(set)) => Some(Request { set: Some(set.clone()), ..Command::Reload.into() }),
        _ => None,
    }
}

/// Asks where waiting holds nobody up. `None` if that cannot be.
async fn asked<T: Send + 'static>(
    turns: &'static Semaphore,
    ask: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let turn = timeout(PATIENCE, turns.acquire()).await.ok()?.ok()?;
    // Who hangs up leaves the thread to its work, and the turn with it.
    let work = move || {
        let answer = ask();
        drop(turn);
        answer
    };
    spawn_blocking(work).await.ok()
}

fn refused(why: &str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_one_thing() {
        let of = |text: &str| serde_json::from_str::<Order>(text).ok().and_then(|it| request(&it));
        let command = |text| of(text).map(|request| request.command);
        assert_eq!(command(r#"{"name":"a","sending":false}"#), Some(Command::Pause));
        assert_eq!(command(r#"{"name":"a","sending":true}"#), Some(Command::Resume));
        let set = of(r#"{"name":"a","set":{"fps":"10"}}"#).unwrap();
        assert_eq!(set.command, Command::Reload);
        assert!(!set.set.unwrap().fps.is_kept());
        for wrong in [r#"{"name":"a"}"#, r#"{"name":"a","sending":true,"set":{}}"#, "{}", "[]"] {
            assert!(of(wrong).is_none(), "{wrong}");
        }
    }
}
