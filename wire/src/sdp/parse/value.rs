//! The values of lines and attributes; `None` or no change where they are not what they should be.

use crate::sdp::{NTP64_URI, Repair, Sources, Tier};
use core::net::{IpAddr, SocketAddr};
use core::str::FromStr;

/// `IN IP4 239.255.1.2/1`: the address and the time to live.
pub(super) fn connection(value: &str) -> Option<(IpAddr, Option<u8>)> {
    let mut parts = value.split_ascii_whitespace().nth(2)?.split('/');
    let address = parts.next()?.parse().ok()?;
    Some((address, parts.next().and_then(|ttl| ttl.parse().ok())))
}

/// `- 1 1 IN IP4 192.0.2.1`; some write a host name, which is of no use here.
pub(super) fn origin(value: &str) -> Option<(u64, u64, IpAddr)> {
    let mut words = value.split_ascii_whitespace().skip(1);
    let (id, version) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some((id, version, words.nth(2)?.parse().ok()?))
}

/// ` incl IN IP4 239.255.1.2 192.0.2.1 192.0.2.2`: the sources (RFC 4570 section 3). Several filters of one
/// place are one.
pub(super) fn source_filter(value: &str, sources: &mut Sources) {
    let mut words = value.split_ascii_whitespace();
    if words.next() != Some("incl") {
        return;
    }
    for source in words.skip(3).filter_map(|word| word.parse().ok()) {
        if !sources.contains(&source) {
            // Those beyond the bound are not asked for.
            let _ = sources.push(source);
        }
    }
}

/// `98 5008 IN IP4 239.255.1.3`
pub(super) fn repair(value: &str) -> Option<Repair> {
    let mut words = value.split_ascii_whitespace();
    let (payload_type, port) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let address = words.nth(2)?.parse().ok()?;
    Some(Repair { payload_type, to: SocketAddr::new(address, port) })
}

/// `low 3940182`
pub(super) fn tier(value: &str) -> Option<Tier<'_>> {
    let mut words = value.split_ascii_whitespace();
    Some(Tier { name: words.next()?, of: words.next()?.parse().ok()? })
}

/// `1 urn:ietf:params:rtp-hdrext:ntp-64`, the id perhaps with a direction.
pub(super) fn extmap(value: &str) -> Option<u8> {
    let mut words = value.split_ascii_whitespace();
    let id = words.next()?.split('/').next()?.parse().ok()?;
    (words.next() == Some(NTP64_URI)).then_some(id)
}

pub(super) fn first<T: FromStr>(value: &str) -> Option<T> {
    value.split_ascii_whitespace().next()?.parse().ok()
}

pub(super) fn pair(value: &str, separator: char) -> Option<(u16, u16)> {
    let (first, second) = value.trim().split_once(separator)?;
    Some((first.trim().parse().ok()?, second.trim().parse().ok()?))
}

/// A decimal number in thousandths.
pub(super) fn thousandths(value: &str) -> Option<u32> {
    let (whole, fraction) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    let mut total = whole.parse::<u32>().ok()?.checked_mul(1000)?;
    let mut place = 100;
    for digit in fraction.chars().take(3) {
        total = total.checked_add(digit.to_digit(10)? * place)?;
        place /= 10;
    }
    Some(total)
}
