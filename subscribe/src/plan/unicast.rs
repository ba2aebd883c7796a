//! Where a session can be had by unicast, over RTSP.

use std::net::{IpAddr, SocketAddr};
use streamsocket_net::Interface;
use streamsocket_rtsp::address::Address;
use streamsocket_rtsp::player::DEFAULT_PORT;

/// Where a session can be had by unicast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unicast {
    /// The address of the session.
    pub address: Address,
    /// Where its server is.
    pub server: SocketAddr,
    /// It can be had in no other way.
    pub only: bool,
    /// The user or the announcer vouches for it: the server need not be where packets come from.
    pub vouched: bool,
}

impl Unicast {
    /// What a description with this origin says, if that is where it leads: a description is to send nobody elsewhere.
    pub(super) fn described(url: &str, origin: IpAddr) -> Option<Self> {
        let address = Address::parse(url, "rtsp", DEFAULT_PORT)?;
        let host = address.host.parse::<IpAddr>().ok().filter(|host| *host == origin)?;
        let server = SocketAddr::new(host, address.port);
        Some(Self { address, server, only: false, vouched: true })
    }

    /// The same, of a description that came from `announcer`: what it says of itself proves nothing of others.
    pub(crate) fn announced_by(self, announcer: IpAddr) -> Self {
        let vouched = self.vouched && self.server.ip() == announcer;
        Self { vouched, ..self }
    }

    /// Its server, as it is reached by this interface: an address of a link says nothing without one.
    pub(crate) fn server_by(&self, interface: Option<&Interface>) -> SocketAddr {
        let mut server = self.server;
        if let (SocketAddr::V6(v6), Some(interface)) = (&mut server, interface) {
            if v6.ip().is_unicast_link_local() && v6.scope_id() == 0 {
                v6.set_scope_id(interface.index);
            }
        }
        server
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_a_link_is_that_of_the_interface() {
        let loopback = Interface::named("lo").unwrap();
        for (host, scope) in [("fe80::1", loopback.index), ("fd00::1", 0)] {
            let url = format!("rtsp://[{host}]:8554/");
            let unicast = Unicast::described(&url, host.parse().unwrap()).unwrap();
            let scope_by = |interface| match unicast.server_by(interface) {
                SocketAddr::V6(server) => server.scope_id(),
                SocketAddr::V4(_) => unreachable!("{host}"),
            };
            assert_eq!((scope_by(Some(&loopback)), scope_by(None)), (scope, 0), "{host}");
        }
    }
}
