//! Values of options that these programs have.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// An address and a port to listen at: `ADDRESS:PORT`, or `:PORT` for all addresses.
///
/// # Errors
/// One line: what is expected.
pub fn listen(text: &str) -> Result<SocketAddr, String> {
    let all = |port| SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    let address = match text.strip_prefix(':') {
        Some(port) => port.parse().ok().map(all),
        None => text.parse().ok(),
    };
    address.filter(|address| address.port() != 0).ok_or_else(|| {
        "expected an address and a port, such as 192.168.1.5:8080, or :8080 for all addresses"
            .to_owned()
    })
}

/// A network, or an address as a network of its own.
///
/// # Errors
/// One line: what is expected.
pub fn network(text: &str) -> Result<IpNet, String> {
    let address = |text: &str| text.parse::<IpAddr>().ok().map(IpNet::from);
    let network = text.parse().ok().or_else(|| address(text));
    network.ok_or_else(|| "expected a network or an address, such as 192.168.7.0/24".to_owned())
}

/// A name as it stands in a URL.
///
/// # Errors
/// One line: what is expected.
pub fn host(text: &str) -> Result<String, String> {
    let plain = |it: char| it.is_ascii_alphanumeric() || "-._".contains(it);
    let is_name = !text.is_empty() && text.len() <= 253 && text.chars().all(plain);
    let expected = "expected a name such as cam.example.org, without http:// and port";
    is_name.then(|| text.to_ascii_lowercase()).ok_or_else(|| expected.to_owned())
}

/// What a browser says that a page is from (RFC 6454 section 6.2).
///
/// # Errors
/// One line: what is expected.
pub fn origin(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("https://").or(text.strip_prefix("http://"));
    let plain = |it: char| it.is_ascii_alphanumeric() || "-._:[]".contains(it);
    let is_origin = host.is_some_and(|host| !host.is_empty() && host.chars().all(plain));
    let expected = "expected a scheme and a host, such as https://home.example.org, without a path";
    is_origin.then(|| text.to_ascii_lowercase()).ok_or_else(|| expected.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_left_out() {
        assert_eq!(listen(":8080"), Ok("[::]:8080".parse().unwrap()));
        assert_eq!(listen("127.0.0.1:80"), Ok("127.0.0.1:80".parse().unwrap()));
        for wrong in ["", "8080", ":", ":0", "pi:8080", ":99999"] {
            assert!(listen(wrong).unwrap_err().contains(":8080 for all"), "{wrong}");
        }
    }

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        assert_eq!(origin("https://Home.example.org:81").unwrap(), "https://home.example.org:81");
        for wrong in ["*", "home", "https://", "https://a/b", "https://a'b", "https://a;b"] {
            assert!(origin(wrong).is_err(), "{wrong}");
        }
    }
}
