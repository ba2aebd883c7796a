//! Who is served: this machine's own networks and those that are allowed, or everybody if there is a password; and for
//! whom a proxy asks.

use crate::neighbours::is_near;
use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Addresses that a request has come through at most: more are nobody's proxies.
const HOPS_MAX: usize = 16;

/// Who is served.
#[derive(Clone, Debug, Default)]
pub(crate) struct Admission(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    anywhere: bool,
    allowed: Vec<IpNet>,
    proxies: Vec<IpNet>,
}

impl Admission {
    /// Everybody if `anywhere`, else neighbours and those `allowed`. `proxies` are believed in what they say.
    pub(crate) fn new(anywhere: bool, allowed: &[IpNet], proxies: &[IpNet]) -> Self {
        Self(Arc::new(Inner { anywhere, allowed: allowed.to_vec(), proxies: proxies.to_vec() }))
    }

    /// Whether a peer is served.
    pub(crate) fn serves(&self, peer: IpAddr) -> bool {
        self.0.anywhere || is_within(&self.0.allowed, peer) || self.is_proxy(peer) || is_near(peer)
    }

    /// Whether a peer asks for others, and is believed in it.
    pub(crate) fn is_proxy(&self, peer: IpAddr) -> bool {
        is_within(&self.0.proxies, peer)
    }

    /// Who asks, of a request that `peer` makes; `None` if he is not served. What a proxy says that nobody has named
    /// as one makes a request nobody else's, but all whom it names must be served: it may be one on this machine that
    /// is open to the whole Internet.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let hops = hops(headers)?;
        if !self.is_proxy(peer) {
            return hops.iter().all(|hop| self.serves(*hop)).then_some(peer);
        }
        // Whoever stands before the first one that is not believed may be made up.
        let client = hops.iter().rev().find(|hop| !self.is_proxy(**hop)).copied();
        client.map_or(Some(peer), |client| Some(client).filter(|client| self.serves(*client)))
    }
}

fn is_within(networks: &[IpNet], peer: IpAddr) -> bool {
    let peer = peer.to_canonical();
    networks.iter().any(|network| network.contains(&peer))
}

/// Whom a request has come from and through, as proxies say (`X-Forwarded-For`, or RFC 7239); `None` if one of them is
/// no address.
fn hops(headers: &HeaderMap) -> Option<Vec<IpAddr>> {
    let usual = HeaderName::from_static("x-forwarded-for");
    let name = if headers.contains_key(&usual) { usual } else { axum::http::header::FORWARDED };
    let mut hops = Vec::new();
    for value in headers.get_all(&name) {
        for hop in value.to_str().ok()?.split(',') {
            let node = if name == "x-forwarded-for" { Some(hop) } else { node(hop) };
            hops.push(address(node?)?);
        }
    }
    Some(hops).filter(|hops| hops.len() <= HOPS_MAX)
}

/// The `for=` of a hop of RFC 7239.
fn node(hop: &str) -> Option<&str> {
    let pairs = hop.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("for")).map(|(_, node)| node)
}

/// An address with or without a port, quotes or brackets.
fn address(node: &str) -> Option<IpAddr> {
    let node = node.trim().trim_matches('"');
    let plain = node.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(node);
    plain.parse().ok().or_else(|| node.parse().ok().map(|address: SocketAddr| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(headers: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())
        };
        headers.iter().map(pair).collect()
    }

    fn client(admission: &Admission, peer: &str, headers: &[(&str, &str)]) -> Option<String> {
        let client = admission.client(peer.parse().unwrap(), &asked(headers));
        client.map(|client| client.to_string())
    }

    #[test]
    fn networks_are_served_that_are_allowed() {
        let allowed = ["10.1.0.0/16".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
        let admission = Admission::new(false, &allowed, &[]);
        for (peer, served) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("2001:db8::7", true),
            ("10.2.0.1", false),
            ("203.0.113.5", false),
            ("127.0.0.1", true),
        ] {
            assert_eq!(admission.serves(peer.parse().unwrap()), served, "{peer}");
        }
        assert!(Admission::new(true, &[], &[]).serves("203.0.113.5".parse().unwrap()));
    }

    #[test]
    fn a_proxy_that_is_named_is_believed_and_its_client_is_who_asks() {
        let proxies = ["127.0.0.1".parse::<IpAddr>().unwrap().into()];
        let near = Admission::new(false, &["192.0.2.0/24".parse().unwrap()], &proxies);
        let by = |hops: &str| client(&near, "127.0.0.1", &[("x-forwarded-for", hops)]);
        assert_eq!(by("192.0.2.7").as_deref(), Some("192.0.2.7"));
        assert_eq!(by("203.0.113.5"), None, "too far away");
        assert_eq!(by("192.0.2.7, 203.0.113.5"), None, "what its client says is not believed");
        assert_eq!(by("203.0.113.5, 192.0.2.7, 127.0.0.1").as_deref(), Some("192.0.2.7"));
        assert_eq!(by("unknown"), None);
        assert_eq!(client(&near, "127.0.0.1", &[]).as_deref(), Some("127.0.0.1"));
        let standard = [("forwarded", "proto=https;for=\"[2001:db8::1]:4711\"")];
        assert_eq!(client(&near, "127.0.0.1", &standard), None);
        let open = Admission::new(true, &[], &proxies);
        assert_eq!(client(&open, "127.0.0.1", &standard).as_deref(), Some("2001:db8::1"));
    }

    #[test]
    fn a_proxy_that_is_not_named_opens_nothing() {
        let near = Admission::new(false, &["192.0.2.0/24".parse().unwrap()], &[]);
        let by = |hops: &str| client(&near, "127.0.0.1", &[("x-forwarded-for", hops)]);
        assert_eq!(by("192.0.2.7").as_deref(), Some("127.0.0.1"), "served, but not believed");
        for hops in ["203.0.113.5", "203.0.113.5, 192.0.2.7", "192.0.2.7, 203.0.113.5", ""] {
            assert_eq!(by(hops), None, "{hops}");
        }
        let many = vec!["192.0.2.7"; HOPS_MAX + 1].join(",");
        assert_eq!(by(&many), None);
    }
}
