//! Refuses requests that a page of somebody else's has a browser make: under a name that is not ours (DNS rebinding), or
//! to a WebSocket, which browsers open to any server.

use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;
use std::sync::Arc;

/// Domains of local networks, in which no stranger can have a name (RFC 6762, RFC 8375, and what routers give; fritz.box
/// is its maker's).
const LOCAL_DOMAINS: [&str; 7] =
    ["local", "home.arpa", "internal", "lan", "home", "fritz.box", "localdomain"];

/// The names that this machine is asked by.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    own: String,
    more: Arc<[String]>,
}

impl Names {
    /// The machine's own name, and more that are ours as they stand.
    pub(crate) fn new(own: &str, more: &[String]) -> Self {
        let more = more.iter().map(|name| name.to_ascii_lowercase()).collect();
        Self { own: own.to_ascii_lowercase(), more }
    }

    /// Whether a `Host`, with or without a port, is this machine. An address always is: a name is what a stranger can
    /// make mean something else.
    fn include(&self, host: &str) -> bool {
        let name = without_port(host).to_ascii_lowercase();
        let name = name.strip_suffix('.').unwrap_or(&name);
        if name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() || name == "localhost" {
            return true;
        }
        let local = |rest: &str| {
            rest.strip_prefix('.').is_some_and(|domain| LOCAL_DOMAINS.contains(&domain))
        };
        let own = name.strip_prefix(&*self.own).is_some_and(|rest| rest.is_empty() || local(rest));
        own && !self.own.is_empty() || self.more.iter().any(|other| other == name)
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) && !name.is_empty() => {
            // An IPv6 address stands in brackets.
            if name.contains(':') && !name.ends_with(']') { host } else { name }
        }
        _ => host,
    }
}

/// Whether the page that asks is one of this server's, if a page asks.
fn is_of_own_page(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let Some(origin) = text(ORIGIN) else { return true };
    let asked = origin.split_once("://").map(|(_, host)| host);
    asked.is_some_and(|asked| text(HOST).is_some_and(|host| host.eq_ignore_ascii_case(asked)))
}

/// Lets through what is ours.
pub(crate) async fn guard(State(names): State<Names>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    // HTTP/1.0 has none, and no browser speaks it.
    let host = headers.get(HOST).map_or(Ok("localhost"), |host| host.to_str());
    let why = match host {
        Ok(host) if !names.include(host) => {
            let name = without_port(host);
            format!("this machine is not known as {name}: add --host {name} if it is\n")
        }
        Ok(_) if !is_of_own_page(headers) => {
            "only this server's own page may ask for that from a browser\n".to_owned()
        }
        Ok(_) => return next.run(request).await,
        Err(_) => "Host: expected a name\n".to_owned(),
    };
    (StatusCode::FORBIDDEN, why).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_own_names_are_ours() {
        let names = Names::new("Pi", &["cam.example.org".to_owned()]);
        for (host, ours) in [
            ("192.168.1.5:8080", true),
            ("[fe80::1]:8080", true),
            ("[::1]", true),
            ("localhost:8080", true),
            ("pi", true),
            ("PI.local:8080", true),
            ("pi.local.", true),
            ("pi.fritz.box", true),
            ("cam.example.org:80", true),
            ("example.org", false),
            ("pi.example.org", false),
            ("pihole.local", false),
            ("piano", false),
            ("", false),
        ] {
            assert_eq!(names.include(host), ours, "{host}");
        }
        assert!(!Names::new("", &[]).include(".local"));
    }

    #[test]
    fn a_page_of_somebody_else_is_not_ours() {
        let asked = |host: &'static str, origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            origin.map(|origin| headers.insert(ORIGIN, origin.parse().unwrap()));
            is_of_own_page(&headers)
        };
        assert!(asked("pi:8080", None) && asked("pi:8080", Some("http://pi:8080")));
        for origin in ["http://example.org", "https://pi", "null", "http://pi:8081", ""] {
            assert!(!asked("pi:8080", Some(origin)), "{origin}");
        }
    }
}
