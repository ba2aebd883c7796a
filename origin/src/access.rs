//! Whether somebody may see a path: with tokens, whoever has a link to the session.

use crate::answer::{nothing, refuse};
use crate::token::{Refused, Tokens};
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use streamsocket_net::machine::unix_nanos;
use streamsocket_web::places::Asking;

/// A path, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Linked<'p> {
    expires: &'p str,
    signature: &'p str,
    /// What stands behind them, from its slash on.
    rest: &'p str,
}

/// The parts of a path that begins as links do.
fn linked(path: &str) -> Option<Linked<'_>> {
    let (expires, rest) = path.strip_prefix(crate::token::PREFIX)?.split_once('/')?;
    let (signature, _) = rest.split_once('/')?;
    Some(Linked { expires, signature, rest: rest.get(signature.len()..)? })
}

/// The session that a path is of, as it calls itself.
fn session(path: &str) -> Option<String> {
    let name = path.strip_prefix('/')?.split('/').next()?;
    percent_decode_str(name).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// Lets through what a link is good for, as if it stood at the root; without tokens everything.
pub(crate) async fn access(
    State(tokens): State<Option<Tokens>>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    // Figures are for programs of this machine, and the page's files say nothing of what is to be seen.
    let near = request.extensions().get::<Asking>();
    let near = near.is_some_and(|asking| asking.peer.to_canonical().is_loopback());
    let is_open = path.starts_with("/page-files/") || near && path == "/metrics";
    let Some(tokens) = tokens.filter(|_| !is_open) else { return next.run(request).await };
    let Some(Linked { expires, signature, rest }) = linked(path) else {
        let why = "a link is needed to watch here: whoever runs this origin makes one, by 'streamsocket-origin token'";
        return refuse(StatusCode::FORBIDDEN, why).into_response();
    };
    if !rest.starts_with("/page-files/") {
        let Some(name) = session(rest) else {
            return nothing("there is no such path").into_response();
        };
        let now = u64::try_from(unix_nanos() / 1_000_000_000).unwrap_or(0);
        if let Err(refused) = tokens.check(expires, signature, &name, now) {
            let why = match refused {
                Refused::Forged => "this link is no good: ask for another one",
                Refused::Expired => "this link has expired: ask for another one",
            };
            return refuse(StatusCode::FORBIDDEN, why).into_response();
        }
    }
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    match format!("{rest}{query}").parse::<Uri>() {
        Ok(uri) => {
            *request.uri_mut() = uri;
            next.run(request).await
        }
        Err(_) => nothing("there is no such path").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_in_front_of_a_path() {
        let path = "/t/12/abc_-/Front%20door/high/1.mp4";
        let expected =
            Linked { expires: "12", signature: "abc_-", rest: "/Front%20door/high/1.mp4" };
        assert_eq!(linked(path), Some(expected));
        assert_eq!(session("/Front%20door/high/1.mp4").as_deref(), Some("Front door"));
        for wrong in ["/t/12/abc", "/t/12", "/x/12/abc/", "/Front"] {
            assert_eq!(linked(wrong), None, "{wrong}");
        }
        // What is decoded is what is signed, whatever is between the slashes.
        assert_eq!(session("/a%2Fb/x").as_deref(), Some("a/b"));
    }
}
