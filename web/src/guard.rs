//! Refuses requests that a page of somebody else's has a browser make: under a name that is not ours (DNS rebinding), or
//! to a WebSocket, which browsers open to any server; and those of who is too far away, or comes unencrypted.

use crate::admission::Admission;
use crate::places::Asking;
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, HOST, LOCATION,
    ORIGIN, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
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
pub struct Names {
    own: String,
    more: Arc<[String]>,
}

impl Names {
    /// The machine's own name, and more that are ours as they stand.
    pub fn new(own: &str, more: &[String]) -> Self {
        let more = more.iter().map(|name| name.to_ascii_lowercase()).collect();
        Self { own: own.to_ascii_lowercase(), more }
    }

    /// Whether a `Host`, with or without a port, is this machine. An address always is: a name is what a stranger can
    /// make mean something else.
    fn include(&self, host: &str) -> bool {
        let name = without_port(host);
        let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        is_address || name.eq_ignore_ascii_case("localhost") || self.has(name)
    }

    /// Whether a name is one that only this machine has.
    fn has(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let name = name.strip_suffix('.').unwrap_or(&name);
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

/// What is let through.
#[derive(Clone, Debug)]
pub struct Guard {
    /// Names of this machine.
    pub names: Names,
    /// Who is served.
    pub admission: Admission,
    /// Sites that may embed what is here, as browsers call them.
    pub origins: Arc<[String]>,
    /// All sites may, as far as nobody needs a password for it.
    pub open: bool,
    /// The port to which those are sent on who come unencrypted, if they are.
    pub redirect: Option<u16>,
}

/// Why a request is not let through.
type Refusal = (StatusCode, String);

fn refuse(why: impl Into<String>) -> Refusal {
    (StatusCode::FORBIDDEN, why.into() + "\n")
}

impl Guard {
    /// Looks who asks, and returns by what name.
    ///
    /// # Errors
    /// The answer, if it is not let through.
    fn admit<'h>(&self, asking: &mut Asking, headers: &'h HeaderMap) -> Result<&'h str, Refusal> {
        let proxied = self.admission.is_proxy(asking.peer);
        let said = |name| proxied.then(|| text(headers, name)).flatten();
        let client = self.admission.client(asking.peer, headers).map_err(refuse)?;
        let first = |list: &'h str| list.split(',').next().unwrap_or_default().trim();
        asking.secure |= said("x-forwarded-proto").map(first) == Some("https");
        // A browser sends what its page wants in all headers but `Host`: that is to be ours, whatever a proxy says.
        let host = headers.get(HOST).map(|host| host.to_str().unwrap_or_default());
        let named = said("x-forwarded-host").map(first);
        if let Some(host) = [host, named].into_iter().flatten().find(|it| !self.names.include(it)) {
            let name = without_port(host);
            let why = format!("this machine is not known as {name}: add --host {name} if it is");
            return Err(refuse(why));
        }
        // HTTP/1.0 has none, and no browser speaks it.
        let host = named.or(host).unwrap_or_default();
        let own = |origin: &str| {
            let asked = origin.split_once("://").map(|(_, host)| host).unwrap_or_default();
            // Behind a proxy of this machine its name may have been lost on the way. Addresses are anybody's.
            let behind =
                || asking.peer.to_canonical().is_loopback() && self.names.has(without_port(asked));
            asked.eq_ignore_ascii_case(host) || behind()
        };
        match headers.get(ORIGIN).map(|_| text(headers, ORIGIN.as_str()).unwrap_or_default()) {
            Some(origin) if !own(origin) && !self.open && !self.allows(origin) => Err(refuse(
                "only this server's own page may ask for that from a browser: see --allow-origin",
            )),
            _ => {
                asking.peer = client;
                Ok(host)
            }
        }
    }

    fn allows(&self, origin: &str) -> bool {
        self.origins.iter().any(|other| other.eq_ignore_ascii_case(origin))
    }

    /// Where who comes unencrypted to `host` is sent on to, if he is. A proxy sees to that itself.
    fn encrypted(&self, asking: &Asking, host: &str, request: &Request) -> Option<Response> {
        let port = self.redirect.filter(|_| !asking.secure)?;
        let host = Some(without_port(host)).filter(|host| !host.is_empty())?;
        let port = if port == 443 { String::new() } else { format!(":{port}") };
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let to = HeaderValue::from_str(&format!("https://{host}{port}{path}")).ok()?;
        // Not for good: a browser would keep it when nothing is encrypted any more.
        let kept = HeaderValue::from_static("no-store");
        Some(
            (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, to), (CACHE_CONTROL, kept)])
                .into_response(),
        )
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Lets through what is ours.
pub async fn guard(
    State(guard): State<Guard>,
    Extension(mut asking): Extension<Asking>,
    mut request: Request,
    next: Next,
) -> Response {
    let proxied = guard.admission.is_proxy(asking.peer);
    let host = match guard.admit(&mut asking, request.headers()) {
        Ok(host) => host.to_owned(),
        Err(refusal) => return refusal.into_response(),
    };
    let elsewhere = guard.encrypted(&asking, &host, &request);
    if let Some(elsewhere) = elsewhere.filter(|_| !proxied) {
        return elsewhere;
    }
    let origin = request.headers().get(ORIGIN).cloned();
    let origin = origin.filter(|it| it.to_str().is_ok_and(|origin| guard.allows(origin)));
    request.extensions_mut().insert(asking);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !guard.origins.is_empty() {
        // Also of an answer to who says none: a cache may give it to one who does.
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    } else if guard.open {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    response
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

    fn admitted(peer: &str, headers: &[(&str, &str)]) -> Result<Asking, String> {
        let places = crate::places::Places::new(1, 1);
        let peer: IpAddr = peer.parse().unwrap();
        let mut asking = Asking::new(peer, false, places.take(peer, false).unwrap());
        let proxies = ["192.0.2.80".parse::<IpAddr>().unwrap().into()];
        let guard = Guard {
            names: Names::new("pi", &[]),
            admission: Admission::new(false, &["192.0.2.0/24".parse().unwrap()], &proxies),
            origins: ["https://home.example.org".to_owned()].into(),
            open: false,
            redirect: None,
        };
        let pair = |(name, value): &(&str, &str)| {
            (name.parse::<axum::http::HeaderName>().unwrap(), value.parse().unwrap())
        };
        let headers = headers.iter().map(pair).collect();
        guard.admit(&mut asking, &headers).map_err(|(_, why)| why)?;
        Ok(asking)
    }

    #[test]
    fn a_page_of_somebody_else_is_not_ours() {
        let asked = |peer, origin| admitted(peer, &[("host", "pi:8080"), ("origin", origin)]);
        assert!(admitted("192.0.2.1", &[("host", "pi:8080")]).is_ok());
        assert!(asked("192.0.2.1", "http://pi:8080").is_ok());
        assert!(asked("192.0.2.1", "https://home.example.org").is_ok());
        for origin in ["http://example.org", "https://pi", "null", "http://pi:8081", ""] {
            let why = asked("192.0.2.1", origin).unwrap_err();
            assert!(why.starts_with("only this server's own page"), "{origin}: {why}");
        }
        // A proxy on this machine may have asked by another name than it was asked by.
        assert!(asked("127.0.0.1", "http://pi.local").is_ok());
        for origin in ["http://example.org", "http://203.0.113.66", "https://localhost:999", "null"]
        {
            assert!(asked("127.0.0.1", origin).is_err(), "{origin}");
        }
    }

    #[test]
    fn a_proxy_says_who_asks_by_what_name_and_how() {
        let said = [
            ("host", "127.0.0.1:8080"),
            ("origin", "https://pi.local"),
            ("x-forwarded-host", "pi.local"),
            ("x-forwarded-proto", "https, http"),
            ("x-forwarded-for", "192.0.2.7"),
        ];
        let asking = admitted("192.0.2.80", &said).unwrap();
        assert_eq!((asking.peer.to_string(), asking.secure), ("192.0.2.7".to_owned(), true));
        assert!(admitted("192.0.2.1", &said).is_err(), "not named as a proxy");
        // A page that has made its own name mean this machine says what it likes, but for `Host`.
        for stranger in [
            [("host", "example.org"), ("x-forwarded-host", "pi")],
            [("host", "pi"), ("x-forwarded-host", "example.org, pi")],
        ] {
            assert!(admitted("192.0.2.80", &stranger).is_err());
        }
        let chain = [("host", "pi"), ("x-forwarded-host", "pi.local, 10.0.0.1")];
        assert!(admitted("192.0.2.80", &chain).is_ok());
        let far = [("host", "pi"), ("x-forwarded-for", "203.0.113.5")];
        assert!(admitted("192.0.2.80", &far).unwrap_err().starts_with("without a password"));
    }
}
