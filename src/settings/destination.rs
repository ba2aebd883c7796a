//! The addresses that a session is sent to: its ports and groups. All of them are computed here,
//! once, from the address and the port that the user chose, or from the group that was found for
//! the session (`publish::group`).

use super::error::{Error, wrong};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use streamsocket_wire::repair;

/// The port that video is sent to unless the user says another.
pub const PORT_DEFAULT: u16 = 5004;

/// Destinations at most: each costs the sending of every packet.
pub const DESTINATIONS_MAX: usize = 8;

/// Ports of a session, from that of the video on: video, sound, their RTCP, and repair packets of both.
pub(super) const PORTS: u16 = 8;

/// The highest port of a video that leaves all of these.
const PORT_MAX: u16 = u16::MAX - PORTS + 1;

/// Groups of a session: one for media, and the next for repair packets.
const GROUPS: u16 = 2;

/// How far the port of sound is above that of the video.
const AUDIO_ABOVE: u16 = 2;

/// The socket addresses of a medium at a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Of its packets (RTP).
    pub rtp: SocketAddr,
    /// Of its reports (RTCP): the port above (RFC 3550 section 11).
    pub rtcp: SocketAddr,
    /// Of its repair packets: four ports above, in the next group ([`repair::address`]).
    pub fec: SocketAddr,
}

impl Endpoint {
    /// Of what is sent to no address that is known before.
    #[must_use]
    pub const fn nowhere() -> Self {
        let nowhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        Self { rtp: nowhere, rtcp: nowhere, fec: nowhere }
    }

    fn new(address: IpAddr, port: u16) -> Self {
        let rtp = SocketAddr::new(address, port);
        let rtcp = SocketAddr::new(address, port.saturating_add(1));
        Self { rtp, rtcp, fec: repair::address(rtp) }
    }
}

/// Where to send: a multicast group or a host, and ports from an even one on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Pictures.
    pub video: Endpoint,
    /// Sound.
    pub audio: Endpoint,
}

impl Destination {
    /// The destination at this address whose video goes to `port`.
    #[must_use]
    pub fn new(address: IpAddr, port: u16) -> Self {
        let audio = Endpoint::new(address, port.saturating_add(AUDIO_ABOVE));
        Self { video: Endpoint::new(address, port), audio }
    }

    /// The group or the host.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.video.rtp.ip()
    }

    /// Whether it is a group.
    #[must_use]
    pub const fn is_multicast(&self) -> bool {
        self.address().is_multicast()
    }

    /// What a further track of the same medium has, or a tier, the `nth` from 1 on: of a group the
    /// one two above for each, since repair packets take the next, of a host eight ports above. `None`
    /// if there is none so far above.
    #[must_use]
    pub fn further(&self, nth: u16) -> Option<Self> {
        let (address, port) = (self.address(), self.video.rtp.port());
        let groups = nth.checked_mul(GROUPS)?;
        match address {
            IpAddr::V4(group) if group.is_multicast() => {
                let further = Ipv4Addr::from(u32::from(group).checked_add(groups.into())?);
                further.is_multicast().then(|| Self::new(further.into(), port))
            }
            IpAddr::V6(group) if group.is_multicast() => {
                let further = u128::from(group).checked_add(groups.into())?;
                Some(Self::new(Ipv6Addr::from(further).into(), port))
            }
            host => {
                let further = port.checked_add(nth.checked_mul(PORTS)?)?;
                (further <= PORT_MAX).then(|| Self::new(host, further))
            }
        }
    }

    /// Whether one of its groups is one of `others`' groups.
    #[must_use]
    pub fn shares_groups(&self, others: &[Self]) -> bool {
        let number = |address| match address {
            IpAddr::V4(address) => u128::from(u32::from(address)),
            IpAddr::V6(address) => u128::from(address),
        };
        let near = |other: IpAddr| number(self.address()).abs_diff(number(other)) < GROUPS.into();
        others.iter().any(|other| near(other.address()))
    }

    /// Whether a session here and one there would take the same ports.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let (one, other) = (self.video.rtp, other.video.rtp);
        one.ip() == other.ip() && one.port().abs_diff(other.port()) < PORTS
    }
}

/// The destinations of so many sessions or tracks that share these addresses: `to` itself, then
/// those [further](Destination::further) on.
///
/// # Errors
/// One line: there are not so many, or they are those of another destination.
pub fn places(to: &[Destination], count: u16) -> Result<Vec<Vec<Destination>>, Error> {
    let mut places: Vec<Vec<Destination>> = Vec::new();
    for nth in 0..count.max(1) {
        let mut further = Vec::with_capacity(to.len());
        for first in to {
            let shown = first.video.rtp.to_string();
            let Some(next) = first.further(nth) else {
                let room = format!("{count} tracks of a medium and tiers have no room above it");
                return Err(wrong("to", &shown, room));
            };
            let taken = || places.iter().flatten().chain(&further).any(|it| it.overlaps(&next));
            if nth > 0 && (to.contains(&next) || taken()) {
                let also = format!(
                    "the next destination above it, {}, is another one's, and further tracks of a medium and tiers take that",
                    next.video.rtp
                );
                return Err(wrong("to", &shown, also));
            }
            further.push(next);
        }
        places.push(further);
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RTP, RTCP and repair packets of video, then those of sound.
    fn all(to: Destination) -> [String; 6] {
        let Destination { video, audio } = to;
        [video.rtp, video.rtcp, video.fec, audio.rtp, audio.rtcp, audio.fec]
            .map(|it| it.to_string())
    }

    #[test]
    fn addresses_are_those_of_the_documentation() {
        assert_eq!(
            all(Destination::new([239, 255, 42, 42].into(), PORT_DEFAULT)),
            [
                "239.255.42.42:5004",
                "239.255.42.42:5005",
                "239.255.42.43:5008",
                "239.255.42.42:5006",
                "239.255.42.42:5007",
                "239.255.42.43:5010",
            ]
        );
        let group = "ff15::8123:4567".parse().unwrap();
        assert_eq!(
            all(Destination::new(group, PORT_DEFAULT)),
            [
                "[ff15::8123:4567]:5004",
                "[ff15::8123:4567]:5005",
                "[ff15::8123:4568]:5008",
                "[ff15::8123:4567]:5006",
                "[ff15::8123:4567]:5007",
                "[ff15::8123:4568]:5010",
            ]
        );
    }

    #[test]
    fn a_host_takes_repair_packets_itself() {
        let [.., video, _, _, audio] = all(Destination::new([192, 0, 2, 7].into(), 6000));
        assert_eq!((video.as_str(), audio.as_str()), ("192.0.2.7:6004", "192.0.2.7:6006"));
        let host = Destination::new("2001:db8::7".parse().unwrap(), 6000);
        assert_eq!(host.audio.fec.to_string(), "[2001:db8::7]:6006");
        assert!(!host.is_multicast());
    }

    #[test]
    fn further_ones_are_two_groups_or_eight_ports_above() {
        let group = Destination::new([239, 255, 42, 254].into(), 5004);
        let host = Destination::new([192, 0, 2, 7].into(), 6000);
        let places = places(&[group, host], 3).unwrap();
        let rtp = |place: &Vec<Destination>| {
            place.iter().map(|to| to.video.rtp.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(places[0], [group, host]);
        assert_eq!(rtp(&places[1]), ["239.255.43.0:5004", "192.0.2.7:6008"]);
        assert_eq!(rtp(&places[2]), ["239.255.43.2:5004", "192.0.2.7:6016"]);
        let group = Destination::new("ff15::8123:4567".parse().unwrap(), 5004);
        assert_eq!(group.further(1).unwrap().address().to_string(), "ff15::8123:4569");
    }

    #[test]
    fn further_ones_must_be_there_and_free() {
        let host = |port| Destination::new([192, 0, 2, 7].into(), port);
        let last = Destination::new([239, 255, 255, 254].into(), 5004);
        assert!(places(&[last], 2).is_err() && places(&[last], 1).is_ok());
        assert!(places(&[host(65_528)], 2).is_err());
        let taken = places(&[host(5004), host(5012)], 2).unwrap_err().to_string();
        assert!(taken.starts_with("--to 192.0.2.7:5004: the next destination above"), "{taken}");
        assert!(places(&[host(5004), host(5012)], 1).is_ok());
    }

    #[test]
    fn groups_are_shared_with_the_next_ones_too() {
        let at = |address: &str| Destination::new(address.parse().unwrap(), PORT_DEFAULT);
        let (one, six) = (at("239.255.42.42"), at("ff15::8123:4566"));
        for (other, shared) in
            [("239.255.42.42", true), ("239.255.42.43", true), ("239.255.42.44", false)]
        {
            assert_eq!(one.shares_groups(&[six, at(other)]), shared, "{other}");
            assert_eq!(at(other).shares_groups(&[one]), shared, "{other}");
        }
        assert!(six.shares_groups(&[at("ff15::8123:4567")]));
        assert!(!six.shares_groups(&[at("ff15::8123:4568")]) && !six.shares_groups(&[]));
    }

    #[test]
    fn sessions_of_one_address_are_eight_ports_apart() {
        let at = |port| Destination::new([239, 255, 42, 42].into(), port);
        assert!(at(5004).overlaps(&at(5010)) && at(5010).overlaps(&at(5004)));
        assert!(!at(5004).overlaps(&at(5012)));
        assert!(!at(5004).overlaps(&Destination::new([239, 255, 42, 43].into(), 5004)));
    }
}
