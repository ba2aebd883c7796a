//! What identifies this machine and this session: a canonical name and a multicast group that stay
//! the same across restarts.

use std::net::{Ipv4Addr, Ipv6Addr};
use streamsocket_net::machine::host_name;

/// A hash of the machine and the session `name`: stable across restarts, different on each machine.
#[must_use]
pub fn session_hash(name: &str) -> u64 {
    let machine = std::fs::read_to_string("/etc/machine-id").unwrap_or_else(|_| host_name());
    fnv1a(machine.trim().bytes().chain(*b"/streamsocket/").chain(name.bytes()))
}

/// Canonical name of the session at `host` (RFC 7022 section 4.2: a hash of the host's identity).
#[must_use]
pub fn cname(name: &str, host: &str) -> String {
    format!("{:016x}@{host}", session_hash(name))
}

/// The session's multicast group in the local scope (RFC 2365 section 6.1) after `taken` others
/// were found in use. The next address stays free for the session's repair packets.
#[must_use]
pub fn group(name: &str, taken: u32) -> Ipv4Addr {
    let hash = group_hash(name, taken);
    let third = u8::try_from(hash % 254 + 1).unwrap_or(1);
    let fourth = u8::try_from((hash >> 16) % 126 * 2 + 2).unwrap_or(2);
    Ipv4Addr::new(239, 255, third, fourth)
}

/// The same for IPv6: a transient group of site-local scope (RFC 4291 section 2.7) with a dynamic
/// group id (RFC 3307 section 4.3).
#[must_use]
pub fn group_ipv6(name: &str, taken: u32) -> Ipv6Addr {
    let [.., a, b, c, d] = group_hash(name, taken).to_be_bytes();
    let high = u16::from_be_bytes([a, b]) | 0x8000;
    // Never the last one, nor the one before.
    let low = u16::from_be_bytes([c, d]) & 0x7FFE;
    Ipv6Addr::new(0xFF15, 0, 0, 0, 0, 0, high, low)
}

fn group_hash(name: &str, taken: u32) -> u64 {
    session_hash(name).wrapping_add(u64::from(taken).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

/// FNV-1a with 64 bits, which spreads identifiers well enough for addresses.
fn fnv1a(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_groups_of_their_own_that_stay() {
        assert_eq!(group("a", 0), group("a", 0));
        assert_ne!(group("a", 0), group("b", 0));
        assert_ne!(group("a", 0), group("a", 1));
        for taken in 0..1000 {
            let [first, second, third, fourth] = group("camera", taken).octets();
            assert_eq!((first, second), (239, 255));
            assert!((1..=254).contains(&third) && fourth % 2 == 0 && (2..=252).contains(&fourth));
            let [first, .., high, low] = group_ipv6("camera", taken).segments();
            assert!(first == 0xFF15 && high >= 0x8000 && low % 2 == 0 && low < 0xFFFE);
        }
    }
}
