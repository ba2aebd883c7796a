//! The network interfaces of this machine, as the kernel lists them. A snapshot: nothing here follows
//! changes.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::{InterfaceFlags, if_nametoindex};
use nix::sys::socket::SockaddrStorage;

/// A network interface as it was when it was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name, such as `eth0`.
    pub name: String,
    /// The kernel's number for it; changes when a USB adapter is plugged in again.
    pub index: u32,
    /// The IPv4 address that packets are sent from: the first one, or the one that
    /// [`Interface::named`] was given.
    pub address: Option<Ipv4Addr>,
    /// All addresses, in the kernel's order.
    pub addresses: Vec<IpAddr>,
    /// Wi-Fi, where multicast is slow and unacknowledged.
    pub wireless: bool,
    /// The loopback interface.
    pub loopback: bool,
    /// Administratively up (`IFF_UP`); says nothing about a cable or an access point.
    pub up: bool,
    /// A cable or an access point is connected (`IFF_RUNNING`).
    pub connected: bool,
    /// The driver announces multicast. `lo` does not, and carries it all the same.
    pub multicast: bool,
    /// A link to a single other end (`IFF_POINTOPOINT`): a VPN tunnel, a modem.
    pub point_to_point: bool,
}

impl Interface {
    /// All interfaces in the kernel's order, also those that are down or have no address.
    ///
    /// # Errors
    /// The kernel's, when it does not list them.
    pub fn list() -> io::Result<Vec<Self>> {
        let mut found: Vec<Self> = Vec::new();
        for entry in getifaddrs()? {
            // An address label such as `eth0:1` names an address, not another interface.
            let name = entry.interface_name.split(':').next().unwrap_or_default();
            let address = entry.address.as_ref().and_then(ip_address);
            if let Some(known) = found.iter_mut().find(|known| known.name == name) {
                known.add(address);
                continue;
            }
            // An interface that vanished between the two calls has no index any more.
            let Ok(index) = if_nametoindex(name) else { continue };
            let mut interface = Self::new(name, index, &entry);
            interface.add(address);
            found.push(interface);
        }
        Ok(found)
    }

    /// Its IPv6 address, if it has no IPv4 address: one that is routed before one of the link.
    #[must_use]
    pub fn only_ipv6(&self) -> Option<Ipv6Addr> {
        if self.address.is_some() {
            return None;
        }
        let v6 = self.addresses.iter().filter_map(|address| match address {
            IpAddr::V6(address) => Some(*address),
            IpAddr::V4(_) => None,
        });
        v6.min_by_key(Ipv6Addr::is_unicast_link_local)
    }

    /// Whether it can carry multicast to several others.
    pub(crate) const fn is_of_a_lan(&self) -> bool {
        self.up && self.multicast && !self.point_to_point && !self.loopback
    }

    fn new(name: &str, index: u32, entry: &InterfaceAddress) -> Self {
        let flag = |flag| entry.flags.contains(flag);
        Self {
            name: name.to_owned(),
            index,
            address: None,
            addresses: Vec::new(),
            wireless: is_wireless(&Path::new("/sys/class/net").join(OsStr::new(name))),
            loopback: flag(InterfaceFlags::IFF_LOOPBACK),
            up: flag(InterfaceFlags::IFF_UP),
            connected: flag(InterfaceFlags::IFF_RUNNING),
            multicast: flag(InterfaceFlags::IFF_MULTICAST),
            point_to_point: flag(InterfaceFlags::IFF_POINTOPOINT),
        }
    }

    fn add(&mut self, address: Option<IpAddr>) {
        let Some(address) = address else { return };
        self.addresses.push(address);
        if let (None, IpAddr::V4(first)) = (self.address, address) {
            self.address = Some(first);
        }
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.up { "up" } else { "down" };
        match self.address.map(IpAddr::V4).or(self.addresses.first().copied()) {
            Some(address) => write!(f, "{} ({address}, {state})", self.name),
            None => write!(f, "{} (no address, {state})", self.name),
        }
    }
}

fn ip_address(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
}

/// Whether the interface is Wi-Fi, by what its folder in `/sys/class/net` has: `wireless` with the old
/// interface of the kernel, `phy80211` with the present one.
fn is_wireless(folder: &Path) -> bool {
    ["wireless", "phy80211"].iter().any(|entry| folder.join(entry).exists())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn wireless_interfaces_are_known_by_their_folder() {
        let folder = std::env::temp_dir().join(format!("wireless-{}", std::process::id()));
        for (entry, wireless) in [("phy80211", true), ("wireless", true), ("queues", false)] {
            fs::create_dir_all(folder.join(entry)).unwrap();
            assert_eq!(is_wireless(&folder), wireless, "{entry}");
            fs::remove_dir_all(&folder).unwrap();
        }
    }
}
