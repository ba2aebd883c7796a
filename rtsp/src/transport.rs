//! What a `Transport` header offers or grants (RFC 2326 section 12.39). Read leniently: a parameter
//! that cannot be read is none.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Transports of a header at most that are looked at: players offer three.
const OFFERS_MAX: usize = 8;

/// What packets are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// RTP as it is.
    #[default]
    Avp,
    /// RTP that is encrypted and authenticated: SRTP (RFC 3711 section 12).
    Savp,
}

impl Profile {
    /// That of what is sealed, or not.
    #[must_use]
    pub const fn of(sealed: bool) -> Self {
        if sealed { Self::Savp } else { Self::Avp }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Avp => "RTP/AVP",
            Self::Savp => "RTP/SAVP",
        }
    }
}

/// A transport: what packets are, and their way, which is an [`Offer`] or [`Granted`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transport<Way> {
    /// What they are.
    pub profile: Profile,
    /// How they come.
    pub way: Way,
}

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
    /// Something else: feedback, RAW, the other direction.
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

/// The transports that a header offers to a client that is to be sent packets, the best first.
#[must_use]
pub fn offers(header: &str) -> Vec<Transport<Offer>> {
    each(header).map(|it| offer(&it, it.plays())).collect()
}

/// The transports by which a client offers to send packets itself, the best first; `None` if it offers only to be sent
/// some.
#[must_use]
pub fn record_offers(header: &str) -> Option<Vec<Transport<Offer>>> {
    let records = each(header).any(|it| it.records());
    records.then(|| each(header).map(|it| offer(&it, it.records())).collect())
}

fn each(header: &str) -> impl Iterator<Item = Parameters<'_>> {
    header.split(',').take(OFFERS_MAX).map(Parameters::of)
}

/// One that goes the other way is none of those that are looked for.
fn offer(it: &Parameters<'_>, sought: bool) -> Transport<Offer> {
    let protocol = it.protocol().filter(|_| sought);
    let (profile, lower) = protocol.unzip();
    let way = match lower {
        Some(Lower::Tcp) => Offer::Tcp { channels: it.pair("interleaved") },
        Some(Lower::Udp) if it.get("multicast").is_some() => Offer::Multicast,
        Some(Lower::Udp) => {
            let ports = it
                .pair("client_port")
                .filter(|ports| ports[0] != 0 && ports[1] != 0 && ports[0] != ports[1]);
            ports.map_or(Offer::Other, |client| Offer::Udp { client })
        }
        None => Offer::Other,
    };
    Transport { profile: profile.unwrap_or_default(), way }
}

/// The transport that a server's header grants.
#[must_use]
pub fn granted(header: &str) -> Option<Transport<Granted>> {
    let it = Parameters::of(header.split(',').next()?);
    let (profile, lower) = it.protocol()?;
    let way = match lower {
        Lower::Tcp => Granted::Tcp { channels: it.pair("interleaved")? },
        Lower::Udp if it.get("multicast").is_some() => {
            let group = it.get("destination")?.trim_matches(['[', ']']).parse().ok()?;
            let ttl = it.get("ttl").and_then(|ttl| ttl.parse().ok()).unwrap_or(1);
            Granted::Multicast { group, ports: it.pair("port")?, ttl }
        }
        Lower::Udp => {
            let source = it.get("source").and_then(|it| it.trim_matches(['[', ']']).parse().ok());
            let (client, server) = (it.pair("client_port")?, it.pair("server_port")?);
            Granted::Udp { client, server, source }
        }
    };
    Some(Transport { profile, way })
}

impl fmt::Display for Transport<Offer> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.profile.name())?;
        match self.way {
            Offer::Udp { client: [rtp, rtcp] } => write!(f, ";unicast;client_port={rtp}-{rtcp}"),
            Offer::Tcp { channels: Some([rtp, rtcp]) } => {
                write!(f, "/TCP;unicast;interleaved={rtp}-{rtcp}")
            }
            Offer::Tcp { channels: None } => f.write_str("/TCP;unicast"),
            Offer::Multicast | Offer::Other => f.write_str(";multicast"),
        }
    }
}

impl fmt::Display for Transport<Granted> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.profile.name())?;
        match self.way {
            Granted::Udp { client: [rtp, rtcp], server: [from, reports], source } => {
                f.write_str(";unicast;")?;
                if let Some(source) = source {
                    write!(f, "source={source};")?;
                }
                write!(f, "client_port={rtp}-{rtcp};server_port={from}-{reports}")
            }
            Granted::Tcp { channels: [rtp, rtcp] } => {
                write!(f, "/TCP;unicast;interleaved={rtp}-{rtcp}")
            }
            Granted::Multicast { group, ports: [rtp, rtcp], ttl } => {
                write!(f, ";multicast;destination={group};port={rtp}-{rtcp};ttl={ttl}")
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

    fn plays(&self) -> bool {
        self.get("mode").is_none_or(|it| it.trim_matches('"').eq_ignore_ascii_case("play"))
    }

    /// Old clients call it `receive`, which is what the server does.
    fn records(&self) -> bool {
        let mode = self.get("mode").unwrap_or_default().trim_matches('"');
        ["record", "receive"].iter().any(|it| mode.eq_ignore_ascii_case(it))
    }

    fn protocol(&self) -> Option<(Profile, Lower)> {
        let name = self.0.split(';').next()?.trim();
        [Profile::Avp, Profile::Savp].into_iter().find_map(|profile| {
            let (own, lower) = name.split_at_checked(profile.name().len())?;
            let is = |it: &str| lower.eq_ignore_ascii_case(it);
            let lower = match lower {
                _ if !own.eq_ignore_ascii_case(profile.name()) => return None,
                _ if is("") || is("/UDP") => Lower::Udp,
                _ if is("/TCP") => Lower::Tcp,
                _ => return None,
            };
            Some((profile, lower))
        })
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
            ("RTP/AVPF;unicast;client_port=1-2", vec![Offer::Other]),
            ("RTP/AVP;unicast;client_port=0-1", vec![Offer::Other]),
            ("RTP/AVP;unicast;client_port=65535", vec![Offer::Other]),
            ("RTP/AVP;unicast;client_port=9-9", vec![Offer::Other]),
            ("RTP/AVP;unicast;client_port=1-2;mode=record", vec![Offer::Other]),
            ("RTP/AVP;unicast;dest_addr=\"", vec![Offer::Other]),
            ("RAW/RAW/UDP;unicast;client_port=1-2", vec![Offer::Other]),
            ("", vec![Offer::Other]),
        ] {
            let expected = expected.into_iter().map(|way| Transport { profile: Profile::Avp, way });
            assert_eq!(offers(header), expected.collect::<Vec<_>>(), "{header}");
        }
        assert_eq!(offers(&"RTP/AVP;multicast,".repeat(100)).len(), OFFERS_MAX);
    }

    #[test]
    fn who_sends_is_told_from_who_is_sent_to() {
        let udp = Offer::Udp { client: [4, 5] };
        let tcp = Offer::Tcp { channels: Some([2, 3]) };
        for (header, expected) in [
            // ffmpeg by UDP, and by TCP; GStreamer; what old clients say.
            ("RTP/AVP/UDP;unicast;client_port=4-5;mode=record", Some(vec![udp])),
            ("RTP/AVP/TCP;unicast;interleaved=2-3;mode=record", Some(vec![tcp])),
            ("RTP/AVP;unicast;client_port=4-5;mode=\"RECORD\"", Some(vec![udp])),
            ("RTP/AVP/TCP;unicast;interleaved=2-3;mode=receive", Some(vec![tcp])),
            (
                "RTP/AVP;unicast;client_port=4-5,RTP/AVP/TCP;interleaved=2-3;mode=record",
                Some(vec![Offer::Other, tcp]),
            ),
            ("RTP/AVP;unicast;client_port=4-5", None),
            ("RTP/AVP;unicast;client_port=4-5;mode=play", None),
            ("", None),
        ] {
            let ways = record_offers(header).map(|it| it.iter().map(|it| it.way).collect());
            assert_eq!(ways, expected, "{header}");
        }
        let many = "RTP/AVP;multicast;mode=record,".repeat(100);
        assert_eq!(record_offers(&many).map(|it| it.len()), Some(OFFERS_MAX));
    }

    #[test]
    fn what_is_sealed_is_told_from_what_is_not() {
        let sealed = |way| Transport { profile: Profile::Savp, way };
        for (header, expected) in [
            // GStreamer, one after the other; RFC 4567.
            ("RTP/SAVP;unicast;client_port=4-5", Offer::Udp { client: [4, 5] }),
            ("RTP/SAVP;multicast", Offer::Multicast),
            ("RTP/SAVP/TCP;unicast;interleaved=2-3", Offer::Tcp { channels: Some([2, 3]) }),
            ("rtp/savp/udp;unicast;client_port=4-5", Offer::Udp { client: [4, 5] }),
        ] {
            assert_eq!(offers(header), [sealed(expected)], "{header}");
        }
        for header in ["RTP/SAVPF;multicast", "RTP/SAVP/DTLS;multicast", "RTP/SAV;multicast"] {
            assert_eq!(offers(header)[0].way, Offer::Other, "{header}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let (client, server) = ([5000, 5001], [6000, 6001]);
        let source = Some("::1".parse().unwrap());
        for profile in [Profile::Avp, Profile::Savp] {
            let channels = Some([0, 1]);
            for way in [Offer::Udp { client }, Offer::Tcp { channels }, Offer::Multicast] {
                let it = Transport { profile, way };
                assert_eq!(offers(&it.to_string()), [it]);
            }
            for way in [
                Granted::Udp { client, server, source },
                Granted::Udp { client, server, source: None },
                Granted::Tcp { channels: [4, 5] },
                Granted::Multicast { group: [239, 255, 1, 2].into(), ports: client, ttl: 3 },
            ] {
                let it = Transport { profile, way };
                assert_eq!(granted(&it.to_string()), Some(it));
            }
        }
    }

    proptest! {
        #[test]
        fn no_header_does_harm(header in ".{0,200}") {
            let _ = (offers(&header), record_offers(&header), granted(&header));
        }
    }
}
