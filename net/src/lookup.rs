//! Finds an interface by name or address, or the one that multicast leaves by when none is named.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use crate::error::Error;
use crate::interface::Interface;

/// The routing table: by the process's own folder, which a service sees when `/proc/net` is hidden.
const ROUTES: &str = "/proc/self/net/route";

impl Interface {
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
    /// a route such as `224.0.0.0/4` goes before it.
    ///
    /// Tunnels and other links to a single end are passed over: a VPN that takes the default route is not
    /// the LAN, and whoever is behind it is not asked to be sent pictures. If no other route is left, or there
    /// was none (a LAN without a router, a direct cable), it is an interface of this machine's that is up and
    /// has an address: rather one of hardware, that is connected, by a cable. `None` if there is no such
    /// interface.
    ///
    /// On a machine without IPv4 it is the first interface that has an IPv6 address, chosen alike.
    #[must_use]
    pub fn default_route() -> Option<Self> {
        let table = fs::read_to_string(ROUTES).unwrap_or_default();
        let present = Self::list().ok()?;
        let routed = choose(&multicast_routes(&table), &present, is_hardware);
        routed.or_else(|| choose_without_ipv4(&present, is_hardware)).cloned()
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
}

/// Whether a driver of hardware is behind it; bridges and the like have none.
fn is_hardware(name: &str) -> bool {
    Path::new("/sys/class/net").join(name).join("device").exists()
}

/// Of those that routes lead to the first that is no link to a single end; if there is none, one that no
/// route leads to.
fn choose<'a>(
    routes: &[&str],
    present: &'a [Interface],
    is_hardware: impl Fn(&str) -> bool,
) -> Option<&'a Interface> {
    let named = |name: &&str| present.iter().find(|it| it.name == **name);
    let mut routed = routes.iter().filter_map(named);
    let others = present.iter().filter(|it| it.is_of_a_lan() && it.address.is_some());
    routed.find(|it| !it.point_to_point).or_else(|| preferred(others, is_hardware))
}

/// Where no interface of a LAN has an IPv4 address, one that has an IPv6 address.
fn choose_without_ipv4(
    present: &[Interface],
    is_hardware: impl Fn(&str) -> bool,
) -> Option<&Interface> {
    let lan = || present.iter().filter(|it| it.is_of_a_lan());
    if lan().any(|it| it.address.is_some()) {
        return None;
    }
    let routed = |it: &&Interface| it.only_ipv6().is_some_and(|it| !it.is_unicast_link_local());
    preferred(lan().filter(routed), &is_hardware)
        .or_else(|| preferred(lan().filter(|it| it.only_ipv6().is_some()), &is_hardware))
}

/// The one of hardware, that is connected, by a cable, that was there first.
fn preferred<'a>(
    interfaces: impl Iterator<Item = &'a Interface>,
    is_hardware: impl Fn(&str) -> bool,
) -> Option<&'a Interface> {
    interfaces.min_by_key(|it| (!is_hardware(&it.name), !it.connected, it.wireless, it.index))
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
            connected: true,
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
        assert_eq!(chosen(&[], &present).as_deref(), Some("eth0"), "a LAN without a router");
        let mut unplugged = present;
        unplugged[3].connected = false;
        assert_eq!(chosen(&[], &unplugged).as_deref(), Some("wlan0"), "no cable in it");
        assert_eq!(chosen(&[], &unplugged[..1]), None);
    }

    #[test]
    fn a_machine_without_ipv4_has_an_interface_too() {
        let with = |name: &str, index, addresses: &[&str]| {
            let addresses = addresses.iter().map(|it| it.parse().unwrap()).collect();
            Interface { address: None, addresses, ..interface(name, index, false) }
        };
        let only_ipv6 =
            [with("wlan0", 2, &["fe80::1"]), with("eth0", 3, &["fe80::2", "2001:db8::2"])];
        let chosen = choose_without_ipv4(&only_ipv6, |_| true).unwrap();
        assert_eq!(chosen.name, "eth0");
        assert_eq!(chosen.only_ipv6(), Some("2001:db8::2".parse().unwrap()));
        let both = [with("wlan0", 2, &["fe80::1"]), interface("eth0", 3, false)];
        assert_eq!(choose_without_ipv4(&both, |_| true), None);
        assert_eq!(both[1].only_ipv6(), None);
    }
}
