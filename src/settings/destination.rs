//! The addresses that a session is sent to. All of them are computed here, once, from the address
//! and the port that the user chose.

use std::net::{IpAddr, SocketAddr};
use streamsocket_wire::repair;

/// The port that video is sent to unless the user says another.
pub const PORT_DEFAULT: u16 = 5004;

/// Destinations at most: each costs the sending of every packet.
pub const DESTINATIONS_MAX: usize = 8;

/// Ports of a session, from that of the video on: video, sound, their RTCP, and repair packets of both.
pub(super) const PORTS: u16 = 8;

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

    /// Whether a session here and one there would take the same ports.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let (one, other) = (self.video.rtp, other.video.rtp);
        one.ip() == other.ip() && one.port().abs_diff(other.port()) < PORTS
    }
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
    fn sessions_of_one_address_are_eight_ports_apart() {
        let at = |port| Destination::new([239, 255, 42, 42].into(), port);
        assert!(at(5004).overlaps(&at(5010)) && at(5010).overlaps(&at(5004)));
        assert!(!at(5004).overlaps(&at(5012)));
        assert!(!at(5004).overlaps(&Destination::new([239, 255, 42, 43].into(), 5004)));
    }
}
