//! Who is served: this machine's own networks and those that are allowed, or everybody if there is a password; and for
//! whom a proxy asks.

use axum::http::header::FORWARDED;
use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use streamsocket_net::neighbours::is_near;

/// Addresses that a request has come through at most: more are nobody's proxies.
const HOPS_MAX: usize = 16;

/// What those hear who are too far away, if nothing else is said.
pub const TOO_FAR: &str = "without a password, only this machine's own networks are served: see --allow and \
                           --password-file";

/// What is said where a proxy does not say whom it asks for.
const UNKNOWN: &str =
    "a proxy does not say by an address whom it asks for (X-Forwarded-For, Forwarded)";

/// Who is served.
#[derive(Clone, Debug, Default)]
pub struct Admission(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    anywhere: bool,
    allowed: Vec<IpNet>,
    proxies: Vec<IpNet>,
}

impl Admission {
    /// Everybody if `anywhere`, else neighbours and those `allowed`. `proxies` are believed in what they say.
    pub fn new(anywhere: bool, allowed: &[IpNet], proxies: &[IpNet]) -> Self {
        Self(Arc::new(Inner { anywhere, allowed: allowed.to_vec(), proxies: proxies.to_vec() }))
    }

    /// Whether a peer is served.
    pub fn serves(&self, peer: IpAddr) -> bool {
        self.0.anywhere || is_within(&self.0.allowed, peer) || self.is_proxy(peer) || is_near(peer)
    }

    /// Whether a peer asks for others, and is believed in it.
    pub fn is_proxy(&self, peer: IpAddr) -> bool {
        is_within(&self.0.proxies, peer)
    }

    /// Who asks, of a request that `peer` makes. What a proxy says that nobody has named as one makes a request nobody
    /// else's, but all whom it names must be served: it may be one on this machine that is open to the whole Internet.
    ///
    /// # Errors
    /// Why he is not served.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Result<IpAddr, &'static str> {
        let paths = [usual(headers), standard(headers)];
        if !self.is_proxy(peer) {
            paths.iter().flatten().try_for_each(|hop| self.admitted(*hop))?;
            return Ok(peer);
        }
        // Whoever stands before the first one that is not believed may be made up.
        let asks_for = |path: &Vec<Option<IpAddr>>| {
            let believed = |hop: &&Option<IpAddr>| hop.is_some_and(|hop| self.is_proxy(hop));
            path.iter().rev().find(|hop| !believed(hop)).copied()
        };
        let clients = paths.iter().filter_map(asks_for);
        // Of two that it may be both are to be served, and the first is the usual one.
        clients.clone().try_for_each(|client| self.admitted(client))?;
        Ok(clients.flatten().next().unwrap_or(peer))
    }

    /// Whether somebody is served whose address may not be known.
    fn admitted(&self, client: Option<IpAddr>) -> Result<(), &'static str> {
        match client {
            _ if self.0.anywhere => Ok(()),
            Some(client) if self.serves(client) => Ok(()),
            Some(_) => Err(TOO_FAR),
            None => Err(UNKNOWN),
        }
    }
}

fn is_within(networks: &[IpNet], peer: IpAddr) -> bool {
    let peer = peer.to_canonical();
    networks.iter().any(|network| network.contains(&peer))
}

/// Whom a request has come from and through, as proxies usually say (`X-Forwarded-For`).
fn usual(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    hops(headers, &HeaderName::from_static("x-forwarded-for"), |hop| Some(hop))
}

/// The same as RFC 7239 has it.
fn standard(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    hops(headers, &FORWARDED, node)
}

/// The hops of a header, `None` for those that are no address; of too many the last ones and one that is none.
fn hops(
    headers: &HeaderMap,
    name: &HeaderName,
    node: fn(&str) -> Option<&str>,
) -> Vec<Option<IpAddr>> {
    let values = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
    let hops = values.flat_map(|value| value.split(','));
    let mut hops: Vec<_> = hops.map(|hop| node(hop).and_then(address)).collect();
    if hops.len() > HOPS_MAX {
        hops.drain(..hops.len() - HOPS_MAX);
        hops.insert(0, None);
    }
    hops
}

/// The `for=` of a hop of RFC 7239.
fn node(hop: &str) -> Option<&str> {
    let pairs = hop.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("for")).map(|(_, node)| node)
}

/// An address with or without a port, quotes or brackets.
fn address(node: &str) -> Option<IpAddr> {
    let node = node.trim().trim_matches('"');
    // A zone means nothing elsewhere (RFC 4007).
    let node = node.split_once('%').map_or(node, |(address, _)| address);
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
        client.ok().map(|client| client.to_string())
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
        assert_eq!(address("fe80::1%eth0"), "fe80::1".parse().ok());
        // What one of them says does not hide what the other does.
        let both = [("x-forwarded-for", "127.0.0.1"), ("forwarded", "for=203.0.113.5")];
        assert_eq!(client(&near, "127.0.0.1", &both), None);
        let open = Admission::new(true, &[], &[]);
        for hops in ["unknown", "_hidden", "fe80::1%eth0", ""] {
            assert!(client(&open, "127.0.0.1", &[("x-forwarded-for", hops)]).is_some(), "{hops}");
        }
    }
}
