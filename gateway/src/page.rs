//! The page itself: its files, which are in the program.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// The page.
const PAGE: &str = include_str!("page/index.html");

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// What it loads: where from, what kind it is, and its text.
const PARTS: [(&str, &str, &str); 11] = [
    ("/control.js", SCRIPT, include_str!("page/control.js")),
    ("/icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
    ("/opus.js", SCRIPT, include_str!("page/opus.js")),
    ("/page.css", "text/css; charset=utf-8", include_str!("page/page.css")),
    ("/page.js", SCRIPT, include_str!("page/page.js")),
    ("/player.js", SCRIPT, include_str!("page/player.js")),
    ("/room.js", SCRIPT, include_str!("page/room.js")),
    ("/speaker.js", SCRIPT, include_str!("page/speaker.js")),
    ("/tier.js", SCRIPT, include_str!("page/tier.js")),
    ("/view.js", SCRIPT, include_str!("page/view.js")),
    ("/worklet.js", SCRIPT, include_str!("page/worklet.js")),
];

/// What it may load: its own parts, and nothing from anywhere else. Behind it stands who may embed it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src \
                      'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// What a browser lets the page do (Content Security Policy, level 3).
#[derive(Clone, Debug)]
pub(crate) struct Policy(HeaderValue);

impl Policy {
    /// The page may be embedded by these sites, beside its own.
    pub(crate) fn new(origins: &[String]) -> Self {
        let sites: String = origins.iter().map(|origin| format!(" {origin}")).collect();
        let policy = HeaderValue::from_str(&format!("{POLICY}{sites}"));
        // Origins are letters, digits and a few signs.
        Self(policy.unwrap_or(HeaderValue::from_static(POLICY)))
    }
}

/// The paths of what the page loads.
pub(crate) fn parts<S: Clone + Send + Sync + 'static>(policy: &Policy) -> Router<S> {
    PARTS.into_iter().fold(Router::new(), |router, (path, kind, text)| {
        let policy = policy.clone();
        router.route(path, get(move || async move { (headers(kind, &policy), text) }))
    })
}

/// The page, as an answer.
pub(crate) fn page(policy: &Policy) -> Response {
    (headers("text/html; charset=utf-8", policy), PAGE).into_response()
}

fn headers(kind: &'static str, policy: &Policy) -> [(HeaderName, HeaderValue); 4] {
    [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        // A new version of the program is a new page at once.
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (CONTENT_SECURITY_POLICY, policy.0.clone()),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ]
}
