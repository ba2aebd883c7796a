//! The page itself: its files, which are in the program.

use axum::Router;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue};
use axum::response::IntoResponse;
use axum::routing::get;

/// The page.
const PAGE: &str = include_str!("page/index.html");

/// What it loads: where from, what kind it is, and its text.
const PARTS: [(&str, &str, &str); 5] = [
    ("/icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
    ("/page.css", "text/css; charset=utf-8", include_str!("page/page.css")),
    ("/page.js", "text/javascript; charset=utf-8", include_str!("page/page.js")),
    ("/speaker.js", "text/javascript; charset=utf-8", include_str!("page/speaker.js")),
    ("/view.js", "text/javascript; charset=utf-8", include_str!("page/view.js")),
];

/// What it may load: its own parts, and nothing from anywhere else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src \
                      'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// The paths of what the page loads.
pub(crate) fn parts<S: Clone + Send + Sync + 'static>() -> Router<S> {
    PARTS.into_iter().fold(Router::new(), |router, (path, kind, text)| {
        router.route(path, get(move || async move { (headers(kind), text) }))
    })
}

/// The page, as an answer.
pub(crate) fn page() -> impl IntoResponse {
    (headers("text/html; charset=utf-8"), PAGE)
}

fn headers(kind: &'static str) -> [(HeaderName, HeaderValue); 5] {
    [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        // A new version of the program is a new page at once.
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ]
}
