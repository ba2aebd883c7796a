//! Says on the LAN that the page is there, by DNS-Based Service Discovery over multicast DNS (RFC 6763, RFC 6762).

use mdns_sd::{IfKind, ServiceDaemon, ServiceInfo};
use std::net::SocketAddr;
use std::time::Duration;

/// Bytes of a service's name at most (RFC 6763 section 4.1.1).
const NAME_MAX: usize = 63;

/// How long leaving may take: what was announced is taken back.
const FAREWELL: Duration = Duration::from_millis(500);

/// What is announced, for as long as it is kept.
pub(crate) struct Announcement(ServiceDaemon);

/// The name that viewers reach this machine by because it is announced: one of its own, since the machine's may be
/// announced by the system's own responder, and two who say different things of a name make one of them give it up.
pub(crate) fn host(machine: &str) -> String {
    format!("{machine}-gateway.local")
}

/// A page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    /// Where connections are taken: at this address, or at all.
    pub(crate) address: SocketAddr,
    pub(crate) encrypted: bool,
}

impl Announcement {
    /// Announces pages on the network of `interface`, or on all of them.
    ///
    /// # Errors
    /// One line: the network, or a name that cannot be one.
    pub(crate) fn begin(
        machine: &str,
        pages: &[Page],
        interface: Option<&str>,
    ) -> Result<Self, String> {
        let failed = |error| format!("the page is not announced: {error}");
        let daemon = ServiceDaemon::new().map_err(failed)?;
        if let Some(name) = interface {
            daemon.disable_interface(IfKind::All).map_err(failed)?;
            daemon.enable_interface(name).map_err(failed)?;
        }
        let own = Self(daemon);
        for Page { address, encrypted } in pages {
            let kind = if *encrypted { "_https._tcp.local." } else { "_http._tcp.local." };
            let (name, host) = (format!("StreamSocket on {machine}"), host(machine) + ".");
            let name = shortened(&name);
            let all = address.ip().is_unspecified();
            let at = if all { String::new() } else { address.ip().to_string() };
            let path = &[("path", "/")][..];
            let service = ServiceInfo::new(kind, name, &host, &*at, address.port(), path);
            let service = service.map_err(failed)?;
            let service = if all { service.enable_addr_auto() } else { service };
            own.0.register(service).map_err(failed)?;
        }
        Ok(own)
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        // What is not taken back is forgotten after two minutes.
        if let Ok(left) = self.0.shutdown() {
            let _ = left.recv_timeout(FAREWELL);
        }
    }
}

fn shortened(name: &str) -> &str {
    let end = (0..=NAME_MAX.min(name.len())).rev().find(|end| name.is_char_boundary(*end));
    &name[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_between_letters() {
        assert_eq!(shortened("StreamSocket on pi"), "StreamSocket on pi");
        let long = "ä".repeat(40);
        assert_eq!(shortened(&long), "ä".repeat(31));
    }
}
