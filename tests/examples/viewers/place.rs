//! Where the session is: its address, and who answers there.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The address of a multivariant playlist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Encrypted.
    pub(crate) tls: bool,
    /// The name of the host, or its address.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: u16,
    /// Path and query.
    pub(crate) path: String,
}

impl Place {
    /// Reads `http://HOST[:PORT]/PATH` or `https://...`.
    ///
    /// # Errors
    ///
    /// Says what was expected.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let expected = || "expected http://HOST/NAME/live.m3u8 or https://...".to_owned();
        let (scheme, rest) = text.split_once("://").ok_or_else(expected)?;
        let tls = match scheme {
            "http" => false,
            "https" => true,
            _ => return Err(expected()),
        };
        let (authority, path) = rest.split_at(rest.find('/').ok_or_else(expected)?);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| expected())?),
            None => (authority, if tls { 443 } else { 80 }),
        };
        if host.is_empty() || host.contains(':') {
            return Err(expected());
        }
        Ok(Self { tls, host: host.to_owned(), port, path: path.to_owned() })
    }

    /// As the header Host has it.
    pub(crate) fn authority(&self) -> String {
        let usual = if self.tls { 443 } else { 80 };
        if self.port == usual { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    /// The address that its host is, if it is no name.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        let address: Ipv4Addr = self.host.parse().ok()?;
        Some((address, self.port).into())
    }
}

/// Who answers for a name, as curl's --resolve has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resolved {
    host: String,
    port: u16,
    addresses: Vec<IpAddr>,
}

impl Resolved {
    /// Reads `HOST:PORT:ADDRESS[,ADDRESS]`.
    ///
    /// # Errors
    ///
    /// Says what was expected.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut fields = text.splitn(3, ':');
        let (host, port, addresses) = (fields.next(), fields.next(), fields.next());
        let addresses = addresses.map(|it| it.split(',').map(str::parse).collect());
        match (host, port.and_then(|it| it.parse().ok()), addresses) {
            (Some(host), Some(port), Some(Ok(addresses))) => {
                Ok(Self { host: host.to_owned(), port, addresses })
            }
            _ => Err("expected HOST:PORT:ADDRESS, or several addresses with commas".to_owned()),
        }
    }

    /// The addresses, if they are those of this place.
    pub(crate) fn of(&self, place: &Place) -> Vec<SocketAddr> {
        let is_it = self.host == place.host && self.port == place.port;
        let addresses = self.addresses.iter().filter(|_| is_it);
        addresses.map(|&address| (address, self.port).into()).collect()
    }
}

/// The path of an address in a playlist, which is at this path itself. None if it is on another server.
pub(crate) fn joined(playlist: &str, uri: &str) -> Option<String> {
    if uri.contains("://") || uri.starts_with("//") {
        return None;
    }
    if uri.starts_with('/') {
        return Some(uri.to_owned());
    }
    let path = playlist.split('?').next().unwrap_or_default();
    let mut folders: Vec<&str> = path.split('/').collect();
    folders.pop();
    let mut uri = uri;
    while let Some(rest) = uri.strip_prefix("../") {
        folders.pop();
        uri = rest;
    }
    Some(format!("{}/{uri}", folders.join("/")))
}

#[cfg(test)]
mod tests {
    use super::{Place, Resolved, joined};

    #[test]
    fn addresses_are_read_as_browsers_do() {
        let place = Place::parse("https://live.example.org/Front%20door/live.m3u8?x=1").unwrap();
        assert_eq!(
            (place.tls, place.port, place.authority()),
            (true, 443, "live.example.org".into())
        );
        assert_eq!(place.path, "/Front%20door/live.m3u8?x=1");
        assert_eq!(place.address(), None);
        let place = Place::parse("http://192.0.2.1:8081/x").unwrap();
        assert_eq!(place.authority(), "192.0.2.1:8081");
        assert_eq!(place.address(), Some("192.0.2.1:8081".parse().unwrap()));
        for wrong in [
            "live.example.org/x",
            "ftp://x/y",
            "http://x",
            "http://x:y/z",
            "http:///x",
            "http://[::1]/x",
        ] {
            Place::parse(wrong).unwrap_err();
        }
    }

    #[test]
    fn names_are_resolved_for_their_port_only() {
        let resolved = Resolved::parse("live.example.org:443:192.0.2.1,192.0.2.2").unwrap();
        let of = |url| resolved.of(&Place::parse(url).unwrap()).len();
        assert_eq!(of("https://live.example.org/x"), 2);
        assert_eq!(of("https://live.example.org:8443/x"), 0);
        assert_eq!(of("https://other.example.org/x"), 0);
        for wrong in
            ["live.example.org", "live.example.org:443", "live.example.org:443:x", "x:y:192.0.2.1"]
        {
            Resolved::parse(wrong).unwrap_err();
        }
    }

    #[test]
    fn paths_go_on_from_the_playlist() {
        let at = |uri| joined("/Door/low/live.m3u8?t=/1", uri);
        assert_eq!(at("7.0.mp4?t").as_deref(), Some("/Door/low/7.0.mp4?t"));
        assert_eq!(at("../audio/live.m3u8").as_deref(), Some("/Door/audio/live.m3u8"));
        assert_eq!(at("/x").as_deref(), Some("/x"));
        assert_eq!(at("../../../../x").as_deref(), Some("/x"));
        assert_eq!(at("https://other.example.org/x"), None);
    }
}
