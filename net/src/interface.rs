//! The network interfaces of this machine: found by name or address, or as the one that multicast
//! leaves by when none is named. A snapshot: nothing here follows changes.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::{InterfaceFlags, if_nametoindex};
use nix::sys::socket::SockaddrStorage;

use crate::Error;

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

    /// The interface with this name, or with this IP address, which then is its `address` if it
    /// is IPv4. It may be down: opening a socket on it says so.
    ///
    /// # Errors
    /// [`Error::UnknownInterface`], which lists what there is; [`Error::Interfaces`].
    pub fn named(name_or_address: &str) -> Result<Self, Error> {
        let present = Self::list().map_err(Error::Interfaces)?;
        let wanted = name_or_address.parse::<IpAddr>().ok();
        let found = present.iter().find(|interface| {
            interface.name == name_or_address
                || wanted.is_some_and(|address| interface.addresses.contains(&address))
        });
        match (found.cloned(), wanted) {
            (Some(found), Some(IpAddr::V4(address))) => {
                Ok(Self { address: Some(address), ..found })
            }
            (Some(found), _) => Ok(found),
            (None, _) => {
                Err(Error::UnknownInterface { wanted: name_or_address.to_owned(), present })
            }
        }
    }

    /// The interface by which IPv4 multicast leaves when no interface is named.
    ///
    /// The kernel sends to a group by the routing table like to any address. Normally that ends
    /// at the default route, of several the one with the lowest metric (Ethernet before Wi-Fi);
    /// a route such as `224.0.0.0/4` goes before it. `None` without such a route: the kernel
    /// then refuses to send to a group unless an interface is named.
    ///
    /// Tunnels and other links to a single end are passed over: a VPN that takes the default route is not
    /// the LAN, and whoever is behind it is not asked to be sent pictures. If no other route is left, it is an
    /// interface of this machine's that is up and has an address, one of hardware and with a cable if there is.
    #[must_use]
    pub fn default_route() -> Option<Self> {
        let table = fs::read_to_string(ROUTES).ok()?;
        choose(&multicast_routes(&table), &Self::list().ok()?, is_hardware).cloned()
    }

    /// The tunnel that IPv4 multicast would leave by if [`default_route`](Self::default_route) did not pass
    /// it over.
    #[must_use]
    pub fn tunnel_passed_over() -> Option<Self> {
        let table = fs::read_to_string(ROUTES).ok()?;
        let best = Self::named(multicast_routes(&table).first()?).ok()?;
        best.point_to_point.then_some(best)
    }

    /// Checks that packets can be sent from and received on it.
    pub(crate) fn check_up(&self) -> Result<(), Error> {
        if self.up { Ok(()) } else { Err(Error::InterfaceDown { interface: self.name.clone() }) }
    }

    /// Its IPv4 address, or the error that names it.
    pub(crate) fn require_address(&self) -> Result<Ipv4Addr, Error> {
        let missing = || Error::NoAddress { interface: self.name.clone(), family: "IPv4" };
        self.address.ok_or_else(missing)
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

/// The routing table: by the process's own folder, which a service sees when `/proc/net` is hidden.
const ROUTES: &str = "/proc/self/net/route";

fn ip_address(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
}

/// Whether the interface is Wi-Fi, by what its folder in `/sys/class/net` has: `wireless` with the old
/// interface of the kernel, `phy80211` with the present one.
fn is_wireless(folder: &Path) -> bool {
    ["wireless", "phy80211"].iter().any(|entry| folder.join(entry).exists())
}

/// Whether a driver of hardware is behind it; bridges and the like have none.
fn is_hardware(name: &str) -> bool {
    Path::new("/sys/class/net").join(name).join("device").exists()
}

/// Of those that routes lead to the first that is no link to a single end; if all are such, one that no route
/// leads to.
fn choose<'a>(
    routes: &[&str],
    present: &'a [Interface],
    is_hardware: impl Fn(&str) -> bool,
) -> Option<&'a Interface> {
    let named = |name: &&str| present.iter().find(|it| it.name == **name);
    let mut routed = routes.iter().filter_map(named).peekable();
    routed.peek()?;
    let usable = |it: &&Interface| {
        !it.point_to_point && !it.loopback && it.up && it.multicast && it.address.is_some()
    };
    let others = present.iter().filter(usable);
    routed
        .find(|it| !it.point_to_point)
        .or_else(|| others.min_by_key(|it| (!is_hardware(&it.name), it.wireless, it.index)))
}

/// The interfaces of the routes of `/proc/net/route` for the groups that sessions use, the best first: the
/// longest matching prefix, then the lowest metric.
fn multicast_routes(table: &str) -> Vec<&str> {
    /// Stands for all of 239.255.0.0/16.
    const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 0, 0);
    /// `RTF_UP` and `RTF_REJECT` of the kernel's `route.h`.
    const UP: u32 = 0x0001;
    const REJECT: u32 = 0x0200;

    let routes = table.lines().skip(1).filter_map(|line| {
        let mut columns = line.split_ascii_whitespace();
        let name = columns.next()?;
        let destination = hexadecimal(columns.next()?)?;
        let flags = hexadecimal(columns.nth(1)?)?;
        let metric: u32 = columns.nth(2)?.parse().ok()?;
        let mask = hexadecimal(columns.next()?)?;
        // The kernel prints addresses as it holds them: network order read as a native integer.
        let group = u32::from_ne_bytes(GROUP.octets());
        let usable = flags & (UP | REJECT) == UP && group & mask == destination;
        usable.then_some((mask.count_zeros(), metric, name))
    });
    let mut routes: Vec<_> = routes.collect();
    routes.sort_by_key(|&(host_bits, metric, _)| (host_bits, metric));
    routes.into_iter().map(|(_, _, name)| name).collect()
}

fn hexadecimal(column: &str) -> Option<u32> {
    u32::from_str_radix(column, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADING: &str =
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";

    fn route(name: &str, destination: [u8; 4], flags: u16, metric: u32, mask: [u8; 4]) -> String {
        let native = u32::from_ne_bytes;
        let (destination, mask) = (native(destination), native(mask));
        format!("{name}\t{destination:08X}\t00000000\t{flags:04X}\t0\t0\t{metric}\t{mask:08X}\t0\n")
    }

    #[test]
    fn wireless_interfaces_are_known_by_their_folder() {
        let folder = std::env::temp_dir().join(format!("wireless-{}", std::process::id()));
        for (entry, wireless) in [("phy80211", true), ("wireless", true), ("queues", false)] {
            fs::create_dir_all(folder.join(entry)).unwrap();
            assert_eq!(is_wireless(&folder), wireless, "{entry}");
            fs::remove_dir_all(&folder).unwrap();
        }
    }

    #[test]
    fn loopback_is_there_and_found_by_name_and_address() {
        let lo = Interface::named("lo").unwrap();
        assert_eq!(lo.address, Some(Ipv4Addr::LOCALHOST));
        assert!(lo.loopback && lo.up && !lo.wireless && lo.index > 0);
        assert_eq!(Interface::named("127.0.0.1").unwrap(), lo);
        assert!(Interface::list().unwrap().contains(&lo));
    }

    #[test]
    fn unknown_interface_lists_what_there_is() {
        let error = Interface::named("nosuch0").unwrap_err();
        assert!(matches!(error, Error::UnknownInterface { .. }));
        let text = error.to_string();
        assert!(text.contains("nosuch0; there are: "), "{text}");
        assert!(text.contains("lo (127.0.0.1, up)"), "{text}");
    }

    #[test]
    fn default_route_goes_by_metric() {
        let table = [
            HEADING.to_owned(),
            route("wlan0", [0; 4], 3, 600, [0; 4]),
            route("eth0", [0; 4], 3, 100, [0; 4]),
            route("eth1", [0; 4], 0, 50, [0; 4]),
            route("eth0", [192, 0, 2, 0], 1, 0, [255, 255, 255, 0]),
        ]
        .concat();
        assert_eq!(multicast_routes(&table), ["eth0", "wlan0"]);
    }

    #[test]
    fn multicast_route_goes_before_the_default_route() {
        let table = [
            HEADING.to_owned(),
            route("eth0", [0; 4], 3, 0, [0; 4]),
            route("wlan0", [224, 0, 0, 0], 1, 600, [240, 0, 0, 0]),
        ]
        .concat();
        assert_eq!(multicast_routes(&table), ["wlan0", "eth0"]);
        assert!(multicast_routes(HEADING).is_empty());
        assert!(multicast_routes("garbage").is_empty());
    }

    fn interface(name: &str, index: u32, point_to_point: bool) -> Interface {
        Interface {
            name: name.to_owned(),
            index,
            address: Some(Ipv4Addr::new(192, 0, 2, 1)),
            addresses: Vec::new(),
            wireless: name.starts_with('w'),
            loopback: name == "lo",
            up: true,
            multicast: name != "lo",
            point_to_point,
        }
    }

    #[test]
    fn tunnels_are_passed_over() {
        let present = [
            interface("lo", 1, false),
            interface("docker0", 2, false),
            interface("wlan0", 3, false),
            interface("eth0", 4, false),
            interface("tun0", 5, true),
        ];
        let chosen = |routes: &[&str], present: &[Interface]| {
            let hardware = |name: &str| name != "docker0";
            choose(routes, present, hardware).map(|it| it.name.clone())
        };
        // As OpenVPN takes all routes: 0/1 and 128/1 before the default route.
        assert_eq!(chosen(&["tun0", "wlan0"], &present).as_deref(), Some("wlan0"));
        assert_eq!(chosen(&["wlan0", "tun0"], &present).as_deref(), Some("wlan0"));
        assert_eq!(chosen(&["tun0"], &present).as_deref(), Some("eth0"));
        let without_cable = [&present[..3], &present[4..]].concat();
        assert_eq!(chosen(&["tun0"], &without_cable).as_deref(), Some("wlan0"));
        assert_eq!(chosen(&["tun0"], &present[..1]), None, "the tunnel is gone meanwhile");
        let tunnel_only = [interface("lo", 1, false), interface("tun0", 5, true)];
        assert_eq!(chosen(&["tun0"], &tunnel_only), None);
        assert_eq!(chosen(&[], &present), None, "no route at all");
    }
}
