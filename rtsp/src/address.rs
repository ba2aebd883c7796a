//! Where a server is, and what to ask it for (RFC 3986).

use crate::credentials::Credentials;
use std::fmt::Write as _;

/// An address in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The name or number of the host, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What to ask for: path and query, with what may not stand in a request line escaped.
    pub target: String,
    /// Name and password, if it has them.
    pub credentials: Option<Credentials>,
}

/// Where a server says that it is instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redirect {
    /// At an address of the same scheme.
    To(Address),
    /// Somewhere that this scheme does not reach.
    Elsewhere,
}

impl Address {
    /// Takes an address apart. `scheme` is such as `http`, whose default port is `port`.
    #[must_use]
    pub fn parse(text: &str, scheme: &str, port: u16) -> Option<Self> {
        let rest = without_scheme(text, scheme)?;
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        let (host, port) = host_and_port(place, port)?;
        let credentials = user.map(|user| {
            let (name, password) = user.split_once(':').unwrap_or((user, ""));
            Credentials { name: unescaped(name), password: unescaped(password) }
        });
        Some(Self { host, port, target: requested(target), credentials })
    }

    /// What a `Location` of this address means (RFC 3986 section 5): the name and password stay with the
    /// host and its port, behind which another device may be, unless the new address has its own.
    #[must_use]
    pub fn redirected(&self, location: &str, scheme: &str, port: u16) -> Redirect {
        let location = location.trim();
        let is_absolute = location.find("://").is_some_and(|at| {
            location[..at]
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        });
        let mut to = if let Some(rest) = location.strip_prefix("//") {
            Self::parse(&format!("{scheme}://{rest}"), scheme, port)
        } else if is_absolute {
            Self::parse(location, scheme, port)
        } else {
            Some(Self { target: self.relative(location), credentials: None, ..self.clone() })
        };
        if let Some(to) = &mut to {
            let same = to.host.eq_ignore_ascii_case(&self.host) && to.port == self.port;
            if to.credentials.is_none() && same {
                to.credentials.clone_from(&self.credentials);
            }
        }
        to.map_or(Redirect::Elsewhere, Redirect::To)
    }

    /// The host as a request names it: with brackets around a number of IPv6, and with a port that is not
    /// the scheme's own.
    #[must_use]
    pub fn host_header(&self, port: u16) -> String {
        // The zone of a link-local address is this machine's business (RFC 6874 section 4).
        let host = self.host.split('%').next().unwrap_or_default();
        let mut header = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        if self.port != port {
            let _ = write!(header, ":{}", self.port);
        }
        header
    }

    /// The target that a relative reference leads to.
    fn relative(&self, reference: &str) -> String {
        let reference = reference.split('#').next().unwrap_or_default();
        let path = self.target.split('?').next().unwrap_or_default();
        match reference.as_bytes().first() {
            None => self.target.clone(),
            Some(b'/') => requested(reference),
            Some(b'?') => requested(&format!("{path}{reference}")),
            Some(_) => {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                requested(&format!("{folder}/{reference}"))
            }
        }
    }
}

/// What follows `scheme://`, if the text begins with that, in whatever case.
fn without_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (begin, rest) = text.split_once("://")?;
    begin.eq_ignore_ascii_case(scheme).then_some(rest)
}

fn host_and_port(place: &str, port: u16) -> Option<(String, u16)> {
    let (host, rest) = match place.strip_prefix('[') {
        Some(number) => number.split_once(']')?,
        None => place.split_at(place.find(':').unwrap_or(place.len())),
    };
    let port = match rest.strip_prefix(':') {
        None if rest.is_empty() => port,
        Some("") => port,
        Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
            digits.parse().ok()?
        }
        _ => return None,
    };
    let host = host.replace("%25", "%");
    let named = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic());
    (named && port > 0).then_some((host, port))
}

/// Path and query as a request line may have them.
fn requested(target: &str) -> String {
    let mut requested = String::with_capacity(target.len() + 1);
    if !target.starts_with('/') {
        requested.push('/');
    }
    for byte in target.bytes() {
        if byte.is_ascii_graphic() {
            requested.push(byte.into());
        } else {
            let _ = write!(requested, "%{byte:02X}");
        }
    }
    requested
}

/// A text without its escapes (RFC 3986 section 2.1).
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let digit = |at: usize| char::from(*tail.get(at)?).to_digit(16);
        let digits = digit(0).zip(digit(1)).filter(|_| byte == b'%');
        let value = digits.and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
        bytes.push(value.unwrap_or(byte));
        rest = &tail[if value.is_some() { 2 } else { 0 }..];
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Address> {
        Address::parse(text, "http", 80)
    }

    fn parts(text: &str) -> (String, u16, String) {
        let Address { host, port, target, .. } = parse(text).unwrap();
        (host, port, target)
    }

    #[test]
    fn an_address_is_taken_apart() {
        for (text, host, port, target) in [
            ("http://camera", "camera", 80, "/"),
            ("HTTP://camera:81/video?a=b#top", "camera", 81, "/video?a=b"),
            ("http://camera?a=/b@c", "camera", 80, "/?a=/b@c"),
            ("http://[fe80::1%25eth0]:8080/v", "fe80::1%eth0", 8080, "/v"),
            (
                "http://me:secret@10.0.0.1/a b\r\nX: y/\u{fc}",
                "10.0.0.1",
                80,
                "/a%20b%0D%0AX:%20y/%C3%BC",
            ),
        ] {
            assert_eq!(parts(text), (host.into(), port, target.into()), "{text}");
        }
        for text in [
            "https://camera",
            "http://",
            "http://:80/",
            "http://a b/",
            "http://[::1/",
            "http://a:0",
            "http://me:s/ecret@camera",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn names_and_passwords_may_be_escaped() {
        for (text, name, password) in [
            ("http://me:secret@camera", "me", "secret"),
            ("http://me@camera", "me", ""),
            ("http://m%40e:s%2Fe%3Acr@et%zz%@camera/", "m@e", "s/e:cr@et%zz%"),
        ] {
            let credentials = parse(text).unwrap().credentials.unwrap();
            assert_eq!(
                (credentials.name.as_str(), credentials.password.as_str()),
                (name, password)
            );
        }
        assert_eq!(parse("http://camera/me@you").unwrap().credentials, None);
    }

    #[test]
    fn a_host_is_named_as_in_the_address() {
        for (text, header) in [
            ("http://camera/", "camera"),
            ("http://camera:8080/", "camera:8080"),
            ("http://[fe80::1%25eth0]/", "[fe80::1]"),
        ] {
            assert_eq!(parse(text).unwrap().host_header(80), header);
        }
    }

    #[test]
    fn redirects_keep_the_password_to_the_host_and_its_port() {
        let from = parse("http://me:secret@camera:81/a/b?c").unwrap();
        for (location, host, port, target, known) in [
            ("/v", "camera", 81, "/v", true),
            ("v?w=http://x/", "camera", 81, "/a/v?w=http://x/", true),
            ("?d", "camera", 81, "/a/b?d", true),
            ("", "camera", 81, "/a/b?c", true),
            (" http://CAMERA:81/v ", "CAMERA", 81, "/v", true),
            // Another port may be another device.
            ("http://camera/v", "camera", 80, "/v", false),
            ("//other:82", "other", 82, "/", false),
            ("http://camera.evil/v", "camera.evil", 80, "/v", false),
            ("http://you:too@other/", "other", 80, "/", true),
        ] {
            let Redirect::To(to) = from.redirected(location, "http", 80) else {
                panic!("{location}")
            };
            assert_eq!((to.host.as_str(), to.port, to.target.as_str()), (host, port, target));
            assert_eq!(to.credentials.is_some(), known, "{location}");
        }
        for location in ["https://camera/", "rtsp://camera/", "http://"] {
            assert_eq!(from.redirected(location, "http", 80), Redirect::Elsewhere);
        }
    }
}
