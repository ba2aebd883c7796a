//! Who is near: peers on this machine's own networks. Without a password nobody else is served, since what is open to
//! the whole Internet is found there.

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::SockaddrStorage;
use std::net::IpAddr;

/// Whether `peer` is on a network of this machine, by the addresses and masks of its interfaces, or is this machine.
/// If the kernel does not say, nobody but this machine is.
#[must_use]
pub fn is_near(peer: IpAddr) -> bool {
    let peer = peer.to_canonical();
    if peer.is_loopback() {
        return true;
    }
    let Ok(interfaces) = getifaddrs() else { return false };
    let networks = interfaces.filter_map(|it| Some((ip(&it.address?)?, ip(&it.netmask?)?)));
    networks.into_iter().any(|(address, mask)| in_network(peer, address, mask))
}

/// The address of an interface, if it is one of IP.
#[must_use]
pub fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
}

/// Whether both addresses are equal where the mask has ones. A mask without any would be everybody.
fn in_network(peer: IpAddr, address: IpAddr, mask: IpAddr) -> bool {
    let (peer, address, mask): (u128, u128, u128) = match (peer, address, mask) {
        (IpAddr::V4(peer), IpAddr::V4(address), IpAddr::V4(mask)) => {
            (peer.to_bits().into(), address.to_bits().into(), mask.to_bits().into())
        }
        (IpAddr::V6(peer), IpAddr::V6(address), IpAddr::V6(mask)) => {
            (peer.to_bits(), address.to_bits(), mask.to_bits())
        }
        _ => return false,
    };
    mask != 0 && (peer ^ address) & mask == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_near_where_the_mask_has_ones() {
        for (peer, address, mask, near) in [
            ("192.168.1.7", "192.168.1.2", "255.255.255.0", true),
            ("192.168.2.7", "192.168.1.2", "255.255.255.0", false),
            ("10.200.0.1", "10.1.2.3", "255.0.0.0", true),
            ("203.0.113.5", "198.51.100.1", "0.0.0.0", false),
            ("fe80::1", "fe80::2", "ffff:ffff:ffff:ffff::", true),
            ("2001:db8::1", "2001:db8:1::1", "ffff:ffff:ffff:ffff::", false),
            ("10.0.0.1", "fe80::2", "ffff:ffff:ffff:ffff::", false),
        ] {
            let [peer, address, mask] = [peer, address, mask].map(|it| it.parse().unwrap());
            assert_eq!(in_network(peer, address, mask), near, "{peer} {address}");
        }
        assert!(
            is_near("127.0.0.1".parse().unwrap()) && is_near("::ffff:127.0.0.1".parse().unwrap())
        );
    }
}
