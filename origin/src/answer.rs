//! Answers, with how long caches may keep them (RFC 8216bis appendix B.1): what cannot change for long, what changes with every
//! segment not, and what is not there never, since it may be there the next moment.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use std::convert::Infallible;

/// How long an answer may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Not at all.
    Never,
    /// So many seconds.
    Seconds(u32),
    /// As long as there is room: no other content will ever have this name.
    Always,
}

impl Kept {
    fn value(self) -> HeaderValue {
        let text = match self {
            Self::Never => "no-store".to_owned(),
            Self::Seconds(seconds) => format!("max-age={seconds}"),
            Self::Always => "max-age=31536000, immutable".to_owned(),
        };
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("no-store"))
    }
}

/// The type of playlists (RFC 8216bis section 4).
pub(crate) const PLAYLIST: &str = "application/vnd.apple.mpegurl";
/// Types of tracks of pictures and of sound (RFC 4337).
pub(crate) const VIDEO: &str = "video/mp4";
pub(crate) const AUDIO: &str = "audio/mp4";
pub(crate) const JSON: &str = "application/json";

fn headers(kind: &'static str, kept: Kept) -> [(HeaderName, HeaderValue); 2] {
    [(CONTENT_TYPE, HeaderValue::from_static(kind)), (CACHE_CONTROL, kept.value())]
}

/// Some text.
pub(crate) fn text(kind: &'static str, kept: Kept, text: String) -> Response {
    (headers(kind, kept), text).into_response()
}

/// Some bytes, in pieces that are not copied.
pub(crate) fn media(kind: &'static str, kept: Kept, pieces: Vec<Bytes>) -> Response {
    let len = pieces.iter().map(Bytes::len).sum::<usize>();
    let body = Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, Infallible>)));
    let mut response = (headers(kind, kept), body).into_response();
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(len));
    response
}

/// Why something is not there: one line, which no cache keeps.
pub(crate) type Refusal = (StatusCode, [(HeaderName, HeaderValue); 1], String);

/// An answer instead of what was asked for.
pub(crate) fn refuse(status: StatusCode, why: impl Into<String>) -> Refusal {
    (status, [(CACHE_CONTROL, Kept::Never.value())], why.into() + "\n")
}

/// What is not there.
pub(crate) fn nothing(why: impl Into<String>) -> Refusal {
    refuse(StatusCode::NOT_FOUND, why)
}
