//! What a `Transport` header offers or grants (RFC 2326 section 12.39). Read leniently: a parameter
//! that cannot be read is none.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Transports of a header at most that are looked at: players offer three.
const OFFERS_MAX: usize = 8;

/// A way for packets, as a client offers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// To these ports of the client.
    Udp {
        /// RTP, and RTCP.
        client: [u16; 2],
    },
    /// Within the connection.
    Tcp {
        /// Channels of RTP and RTCP, if the client has chosen.
        channels: Option<[u8; 2]>,
    },
    /// As the session's group has it.
    Multicast,
    /// Something else: SRTP, RAW, recording.
    Other,
}

/// A way for packets, as a server grants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granted {
    /// From these ports of the server to these of the client.
    Udp {
        /// RTP, and RTCP.
        client: [u16; 2],
        /// The same.
        server: [u16; 2],
        /// The server's address, if it is known.
        source: Option<IpAddr>,
    },
    /// Within the connection.
    Tcp {
        /// RTP, and RTCP.
        channels: [u8; 2],
    },
    /// To a group.
    Multicast {
        /// Where.
        group: IpAddr,
        /// RTP, and RTCP.
        ports: [u16; 2],
        /// Time to live.
        ttl: u8,
    },
}

/// The ways that a header offers, the best first.
#[must_use]
pub fn offers(header: &str) -> Vec<Offer> {
    header.split(',').take(OFFERS_MAX).map(|it| offer(&Parameters::of(it))).collect()
}

fn offer(it: &Parameters<'_>) -> Offer {
    let plays =
        it.get("mode").is_none_or(|mode| mode.trim_matches('"').eq_ignore_ascii_case("play"));
    match it.protocol() {
        Some(Lower::Tcp) if plays => Offer::Tcp { channels: it.pair("interleaved") },
        Some(Lower::Udp) if plays && it.get("multicast").is_some() => Offer::Multicast,
        Some(Lower::Udp) if plays => {
            let ports = it
                .pair("client_port")
                .filter(|ports| ports[0] != 0 && ports[1] != 0 && ports[0] != ports[1]);
            ports.map_or(Offer::Other, |client| Offer::Udp { client })
        }
        _ => Offer::Other,
    }
}

/// The way that a server's header grants.
#[must_use]
pub fn granted(header: &str) -> Option<Granted> {
    let it = Parameters::of(header.split(',').next()?);
    match it.protocol()? {
        Lower::Tcp => it.pair("interleaved").map(|channels| Granted::Tcp { channels }),
        Lower::Udp if it.get("multicast").is_some() => {
            let group = it.get("destination")?.trim_matches(['[', ']']).parse().ok()?;
            let ttl = it.get("ttl").and_then(|ttl| ttl.parse().ok()).unwrap_or(1);
            Some(Granted::Multicast { group, ports: it.pair("port")?, ttl })
        }
        Lower::Udp => {
            let source = it.get("source").and_then(|it| it.trim_matches(['[', ']']).parse().ok());
            let (client, server) = (it.pair("client_port")?, it.pair("server_port")?);
            Some(Granted::Udp { client, server, source })
        }
    }
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp { client: [rtp, rtcp] } => {
                write!(f, "RTP/AVP;unicast;client_port={rtp}-{rtcp}")
            }
            Self::Tcp { channels: Some([rtp, rtcp]) } => {
                write!(f, "RTP/AVP/TCP;unicast;interleaved={rtp}-{rtcp}")
            }
            Self::Tcp { channels: None } => f.write_str("RTP/AVP/TCP;unicast"),
            Self::Multicast | Self::Other => f.write_str("RTP/AVP;multicast"),
        }
    }
}

impl fmt::Display for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp { client: [rtp, rtcp], server: [from, reports], source } => {
                f.write_str("RTP/AVP;unicast;")?;
                if let Some(source) = source {
                    write!(f, "source={source};")?;
                }
                write!(f, "client_port={rtp}-{rtcp};server_port={from}-{reports}")
            }
            Self::Tcp { channels: [rtp, rtcp] } => {
                write!(f, "RTP/AVP/TCP;unicast;interleaved={rtp}-{rtcp}")
            }
            Self::Multicast { group, ports: [rtp, rtcp], ttl } => {
                write!(f, "RTP/AVP;multicast;destination={group};port={rtp}-{rtcp};ttl={ttl}")
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Lower {
    Udp,
    Tcp,
}

/// The parts of a transport: its protocol, then parameters with or without a value.
struct Parameters<'a>(&'a str);

impl<'a> Parameters<'a> {
    fn of(transport: &'a str) -> Self {
        Self(transport.trim())
    }

    fn protocol(&self) -> Option<Lower> {
        let name = self.0.split(';').next()?.trim();
        let is = |it: &str| name.eq_ignore_ascii_case(it);
        if is("RTP/AVP") || is("RTP/AVP/UDP") {
            Some(Lower::Udp)
        } else {
            is("RTP/AVP/TCP").then_some(Lower::Tcp)
        }
    }

    /// The value of a parameter, which may be empty.
    fn get(&self, name: &str) -> Option<&'a str> {
        let parameters = self.0.split(';').skip(1).map(|it| it.split_once('=').unwrap_or((it, "")));
        let mut named = parameters.filter(|(it, _)| it.trim().eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value.trim())
    }

    /// A parameter such as `5000-5001`; the second one may be left to be the next.
    fn pair<T>(&self, name: &str) -> Option<[T; 2]>
    where
        T: FromStr + Copy + Into<u32> + TryFrom<u32>,
    {
        let value = self.get(name)?;
        let (first, second) = value.split_once('-').map_or((value, None), |(a, b)| (a, Some(b)));
        let first: T = first.trim().parse().ok()?;
        let second = match second {
            Some(second) => second.trim().parse().ok()?,
            None => T::try_from(first.into() + 1).ok()?,
        };
        Some([first, second])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_players_offer_is_understood() {
        let udp = |rtp| Offer::Udp { client: [rtp, rtp + 1] };
        let tcp = |first| Offer::Tcp { channels: Some([first, first + 1]) };
        for (header, expected) in [
            // ffmpeg, GStreamer, retina, mpv; VLC; a client of RFC 7826.
            ("RTP/AVP/UDP;unicast;client_port=17990-17991", vec![udp(17990)]),
            ("RTP/AVP;unicast;client_port=35352-35353", vec![udp(35352)]),
            ("RTP/AVP/TCP;unicast;interleaved=0-1", vec![tcp(0)]),
            ("RTP/AVP/TCP;unicast;interleaved=2-3;mode=\"PLAY\"", vec![tcp(2)]),
            (
                "RTP/AVP;multicast,RTP/AVP/TCP",
                vec![Offer::Multicast, Offer::Tcp { channels: None }],
            ),
            ("RTP/AVP/UDP;multicast", vec![Offer::Multicast]),
            (" rtp/avp ; unicast ; client_port=7000 ", vec![udp(7000)]),
            ("RTP/SAVP;unicast;client_port=1-2", vec![Offer::Other]),
            ("RTP/AVP;unicast;client_port=0-1", vec![Offer::Other]),
            ("RTP/AVP;unicast;client_port=65535", vec![Offer::Other]),
            ("RTP/AVP;unicast;client_port=9-9", vec![Offer::Other]),
            ("RTP/AVP;unicast;client_port=1-2;mode=record", vec![Offer::Other]),
            ("RTP/AVP;unicast;dest_addr=\"", vec![Offer::Other]),
            ("RAW/RAW/UDP;unicast;client_port=1-2", vec![Offer::Other]),
            ("", vec![Offer::Other]),
        ] {
            assert_eq!(offers(header), expected, "{header}");
        }
        assert_eq!(offers(&"RTP/AVP;multicast,".repeat(100)).len(), OFFERS_MAX);
    }

    #[test]
    fn what_is_written_is_read() {
        let udp = Offer::Udp { client: [5000, 5001] };
        for offer in [udp, Offer::Tcp { channels: Some([0, 1]) }, Offer::Multicast] {
            assert_eq!(offers(&offer.to_string()), [offer]);
        }
        let (client, server) = ([5000, 5001], [6000, 6001]);
        let source = Some("::1".parse().unwrap());
        for it in [
            Granted::Udp { client, server, source },
            Granted::Udp { client, server, source: None },
            Granted::Tcp { channels: [4, 5] },
            Granted::Multicast { group: [239, 255, 1, 2].into(), ports: client, ttl: 3 },
        ] {
            assert_eq!(granted(&it.to_string()), Some(it));
        }
    }

    proptest! {
        #[test]
        fn no_header_does_harm(header in ".{0,200}") {
            let _ = (offers(&header), granted(&header));
        }
    }
}
