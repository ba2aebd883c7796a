//! What is to be received: the streams of a session, by its description (SDP, RFC 8866) or its address.

pub(crate) mod chosen;
mod protection;
mod unicast;

use self::chosen::{Chosen, is_served};
use self::protection::suites;
pub use self::protection::{ANOTHER_KEY, Protected};
pub use self::unicast::Unicast;
use crate::text::printable;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use streamsocket_rtsp::address::Address;
use streamsocket_srtp::suite::Suite;
use streamsocket_stream::receive::depayloader::Encoding;
use streamsocket_wire::payload_format::PayloadFormat;
use streamsocket_wire::repair;
use streamsocket_wire::rtp::Ssrc;
use streamsocket_wire::sdp::{Media, Medium, Session};
use streamsocket_wire::shared_clock::SharedClock;

/// Most parts of a description that are named as left out: more tell no more.
const LEFT_OUT_MAX: usize = 16;

/// Most formats of a medium that are named in an error.
const FORMATS_NAMED_MAX: usize = 4;

/// A session to be received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its name, for people.
    pub name: String,
    /// Which tier of another session it is, if it is one (`a=x-tier`): the same pictures at another size, rate or
    /// quality, or the same sound at fewer bits.
    pub tier: Option<String>,
    /// The room that it belongs to (`a=x-room`), if any.
    pub room: Option<String>,
    /// Packets are wanted from the streams' `sources` only.
    pub only_from_sources: bool,
    /// Whether it is protected.
    pub protected: Protected,
    /// Its video.
    pub video: Option<StreamPlan>,
    /// Its audio.
    pub audio: Option<StreamPlan>,
    /// For people: what of it cannot be played or read, and why. A sentence each.
    pub left_out: Vec<String>,
    /// Where it can be had by unicast, over RTSP.
    pub unicast: Option<Unicast>,
}

/// A stream to be received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamPlan {
    /// Destination of RTP packets.
    pub rtp: SocketAddr,
    /// Destination of RTCP packets.
    pub rtcp: SocketAddr,
    /// The only addresses that it may come from; if empty, any.
    pub sources: Vec<IpAddr>,
    /// What the packets carry.
    pub encoding: Encoding,
    /// Payload type of RTP packets.
    pub payload_type: u8,
    /// RTP ticks a second.
    pub clock_rate: u32,
    /// Audio channels.
    pub channels: u8,
    /// Width and height in pixels, if described.
    pub size: Option<(u16, u16)>,
    /// Frames in 1000 seconds, if described.
    pub framerate: Option<u32>,
    /// Id of the `ntp-64` header extension (RFC 6051), if there is one.
    pub ntp64_id: Option<u8>,
    /// Bandwidth in bits a second, if described.
    pub bandwidth: Option<u64>,
    /// The sender's wall clock is described as synchronised (RFC 7273).
    pub synchronised: bool,
    /// How that clock stands against a relay's, if that hands it on and says so.
    pub shared: Option<SharedClock>,
    /// SSRC of its source, if described.
    pub ssrc: Option<Ssrc>,
    /// Destination of repair packets, and their payload type.
    pub repair: Option<(SocketAddr, u8)>,
    /// Rate and channels are assumed, because there is no description.
    pub assumed: bool,
    /// The suites by which it may be sealed (SRTP); none: it is not.
    pub suites: Vec<Suite>,
}

/// Why there is nothing to receive: one line.
#[derive(Debug, PartialEq, Eq)]
pub struct Error(pub String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl Plan {
    /// The plan for a session description.
    ///
    /// # Errors
    /// If it cannot be parsed, or describes nothing that can be received.
    pub fn from_sdp(text: &str) -> Result<Self, Error> {
        Self::described(text, |media| media.port != 0)
    }

    /// The plan for a session description that a server has given over RTSP.
    ///
    /// # Errors
    /// As those of [`from_sdp`](Self::from_sdp).
    pub fn from_server(text: &str, address: Address, server: SocketAddr) -> Result<Self, Error> {
        let mut plan = Self::described(text, is_served)?;
        plan.unicast = Some(Unicast { address, server, only: true, vouched: true });
        for stream in [&mut plan.video, &mut plan.audio].into_iter().flatten() {
            stream.sources = vec![server.ip()];
            let nowhere = |it: &mut SocketAddr| *it = (it.ip(), 0).into();
            nowhere(&mut stream.rtp);
            nowhere(&mut stream.rtcp);
        }
        Ok(plan)
    }

    /// The plan for a description, of whose media these can be had.
    fn described(text: &str, can_be_had: impl Fn(&Media<'_>) -> bool) -> Result<Self, Error> {
        let mut left_out = Vec::new();
        let session = Session::parse_leaving_out(text, &mut |error| {
            if left_out.len() < LEFT_OUT_MAX {
                left_out.push(format!("{error}; left out"));
            }
        });
        let session = session.map_err(|error| Error(error.to_string()))?;
        let mut refused = Vec::new();
        let mut find = |medium| {
            let opens = |media: &Media<'_>| can_be_had(media) && suites(media, &session).is_some();
            let found = Chosen::of(&session, medium, opens);
            if found.is_none() {
                let fits = |media: &&Media<'_>| media.medium == medium && can_be_had(media);
                let found = session.media.iter().find(fits);
                refused.extend(found.map(|media| describe(media, &session)));
            }
            found.map(|found| stream(&found, &session))
        };
        let video = find(Medium::Video);
        let audio = find(Medium::Audio);
        if video.is_none() && audio.is_none() {
            return Err(Error(format!(
                "it describes {}; this program receives JPEG video, and sound as Opus or as L16 of one or two channels",
                refused.join(" and ")
            )));
        }
        let name = if session.name.is_empty() || session.name == "-" {
            session.group.to_string()
        } else {
            printable(session.name)
        };
        let refused = refused.iter().map(|what| format!("{what} cannot be played and is left out"));
        left_out.extend(refused);
        let tier = session.tier.map(|tier| printable(tier.name));
        let room = session.room.map(printable);
        let unicast = session.rtsp.and_then(|url| Unicast::described(url, session.origin));
        let protected = Protected::of(&session);
        Ok(Self {
            name,
            tier,
            room,
            only_from_sources: false,
            protected,
            video,
            audio,
            left_out,
            unicast,
        })
    }

    /// Restricts it to packets from this address.
    #[must_use]
    pub fn only_from(mut self, source: IpAddr) -> Self {
        self.only_from_sources = true;
        self.unicast = self.unicast.filter(|unicast| unicast.server.ip() == source);
        for stream in [&mut self.video, &mut self.audio].into_iter().flatten() {
            stream.sources = vec![source];
        }
        self
    }

    /// RTP destination of its first stream.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.video.as_ref().or(self.audio.as_ref()).map(|stream| stream.rtp)
    }

    /// Does without repair packets.
    pub fn leave_repair(&mut self) {
        for stream in [&mut self.video, &mut self.audio].into_iter().flatten() {
            stream.repair = None;
        }
    }

    /// The plan for an address without description: video, its RTCP, audio and its RTCP on four successive ports, as
    /// streamsocket sends. `sound` is the rate in Hz and the channels, if known.
    #[must_use]
    pub fn at(address: SocketAddr, sound: Option<(u32, u8)>) -> Self {
        let (rate, channels) = sound.unwrap_or((48_000, 2));
        let above = |ports| SocketAddr::new(address.ip(), address.port().saturating_add(ports));
        let stream = |rtp, rtcp, encoding, format: PayloadFormat<'_>, assumed| StreamPlan {
            rtp,
            rtcp,
            encoding,
            payload_type: format.number,
            sources: Vec::new(),
            clock_rate: format.clock_rate,
            channels: format.channels,
            size: None,
            framerate: None,
            ntp64_id: Some(1),
            bandwidth: None,
            synchronised: false,
            shared: None,
            ssrc: None,
            repair: Some((repair::address(rtp), repair::PAYLOAD_TYPE)),
            assumed,
            suites: Vec::new(),
        };
        let (jpeg, l16) = (PayloadFormat::JPEG, PayloadFormat::l16(97, rate, channels));
        let audio = stream(above(2), above(3), Encoding::L16, l16, sound.is_none());
        Self {
            name: address.to_string(),
            tier: None,
            room: None,
            protected: Protected::Unknown,
            only_from_sources: false,
            video: Some(stream(address, above(1), Encoding::Jpeg, jpeg, false)),
            audio: Some(audio),
            left_out: Vec::new(),
            unicast: None,
        }
    }
}

impl StreamPlan {
    /// The sources to join the group for; if empty, for any source.
    pub(crate) fn asked_of(&self, only_from_sources: bool) -> &[IpAddr] {
        let asks = only_from_sources || is_source_specific(self.rtp.ip());
        if asks { &self.sources } else { &[] }
    }
}

/// Whether a group is source-specific (RFC 4607 section 1): 232/8 or ff3x::/32.
fn is_source_specific(group: IpAddr) -> bool {
    match group {
        IpAddr::V4(group) => group.octets()[0] == 232,
        IpAddr::V6(group) => group.segments()[0] & 0xFFF0 == 0xFF30,
    }
}

/// Whether a reference clock (RFC 7273 section 4) is UTC, as this machine's may be. PTP may tell another time, and a
/// sender's own clock is no reference.
pub(crate) fn is_kept_right(clock: &[u8]) -> bool {
    [&b"ntp="[..], b"gps", b"gal", b"glonass"].iter().any(|name| clock.starts_with(name))
}

fn describe(media: &Media<'_>, session: &Session<'_>) -> String {
    let medium = match media.medium {
        Medium::Video => "video",
        Medium::Audio => "sound",
    };
    let formats = media.formats.iter().take(FORMATS_NAMED_MAX).map(|format| {
        let PayloadFormat { encoding, clock_rate, channels, .. } = format;
        format!("{}/{clock_rate}/{channels}", printable(encoding))
    });
    let sealed = session.protected.filter(|_| suites(media, session).is_none());
    let sealed = sealed.map(|name| format!(" protected by {}", printable(name)));
    let formats = formats.collect::<Vec<_>>().join(" or ");
    format!("{medium} as {formats}{}", sealed.unwrap_or_default())
}

fn stream(chosen: &Chosen<'_, '_>, session: &Session<'_>) -> StreamPlan {
    let Chosen { media, encoding, format, channels } = *chosen;
    let address = media.group.unwrap_or(session.group);
    let own = !media.sources.is_empty();
    StreamPlan {
        rtp: SocketAddr::new(address, media.port),
        rtcp: SocketAddr::new(address, media.rtcp_port),
        sources: if own { media.sources.to_vec() } else { session.sources.to_vec() },
        encoding,
        payload_type: format.number,
        clock_rate: format.clock_rate,
        channels,
        size: media.size,
        framerate: media.framerate.map(|rate| rate.0),
        ntp64_id: media.ntp64_id,
        bandwidth: media.bandwidth_kbit.map(|kbit| u64::from(kbit) * 1000),
        synchronised: media.clock.is_some_and(|clock| is_kept_right(clock.as_bytes())),
        shared: media.shared,
        ssrc: media.ssrc,
        repair: media.repair.map(|repair| (repair.to, repair.payload_type)),
        assumed: false,
        suites: suites(media, session).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamsocket_rtsp::player::DEFAULT_PORT;

    const OTHER: &str =
        "v=0\ns=x\nc=IN IP4 239.1.1.1\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n";

    #[test]
    fn what_cannot_be_received_is_named() {
        let error = Plan::from_sdp(OTHER).unwrap_err();
        assert!(error.0.starts_with("it describes video as H264/90000/1; this program"), "{error}");
    }

    #[test]
    fn where_it_can_be_had_by_unicast_is_where_it_comes_from() {
        let text = |url| {
            format!(
                "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=x\nc=IN IP4 239.1.1.1\na=x-rtsp:{url}\nm=video 5004 RTP/AVP 26\n"
            )
        };
        let unicast = |url| Plan::from_sdp(&text(url)).unwrap().unicast;
        let server = unicast("rtsp://192.0.2.1:8555/").unwrap();
        assert_eq!((server.server.to_string(), server.only), ("192.0.2.1:8555".into(), false));
        for url in ["rtsp://192.0.2.2/", "rtsp://pi/", "http://192.0.2.1/", ""] {
            assert_eq!(unicast(url), None, "{url}");
        }
        // The announcer vouches for itself alone.
        let by = |last| server.clone().announced_by([192, 0, 2, last].into()).vouched;
        assert!(server.vouched && by(1) && !by(2));
        let plan = Plan::from_sdp(&text("rtsp://192.0.2.1/")).unwrap();
        assert_eq!(plan.only_from([192, 0, 2, 2].into()).unicast, None);
        // What a server describes has no ports.
        let served = text("x").replace("5004", "0") + "a=control:trackID=v\n";
        assert!(Plan::from_sdp(&served).is_err());
        let address = Address::parse("rtsp://pi/", "rtsp", DEFAULT_PORT).unwrap();
        let plan = Plan::from_server(&served, address, server.server).unwrap();
        assert!(plan.unicast.unwrap().only);
        assert_eq!(plan.video.unwrap().sources, [server.server.ip()]);
    }

    #[test]
    fn names_cannot_command_a_terminal() {
        let text = OTHER.replace("s=x", "s=a\u{1b}[31m\u{7}") + "m=audio 6000 RTP/AVP 10\n";
        assert_eq!(Plan::from_sdp(&text).unwrap().name, "a?[31m?");
    }

    #[test]
    fn what_is_left_out_is_said() {
        let text = "v=0\ns=x\nc=IN IP4 239.1.1.1\nm=audio 5006 RTP/AVP 0 8\nm=video 5004 RTP/AVP 26\n\
                    m=video 5008 RTP/AVP 100\n";
        let plan = Plan::from_sdp(text).unwrap();
        assert_eq!(plan.left_out.len(), 2);
        assert!(plan.left_out[0].starts_with("line 6: a medium without a format"));
        let sound = "sound as PCMU/8000/1 or PCMA/8000/1 cannot be played and is left out";
        assert_eq!(plan.left_out[1], sound);
        let text = text.to_owned() + &"?\n".repeat(1000);
        assert!(Plan::from_sdp(&text).unwrap().left_out.len() <= LEFT_OUT_MAX + 2);
    }

    #[test]
    fn a_format_behind_others_is_received() {
        let text = "v=0\ns=x\nc=IN IP4 239.1.1.1\nm=audio 5006 RTP/AVP 0 97\na=rtpmap:97 L16/16000\n\
                    m=video 5004 RTP/AVP 96 26\na=rtpmap:96 H264/90000\n";
        let plan = Plan::from_sdp(text).unwrap();
        let types = [plan.video, plan.audio].map(|stream| stream.unwrap().payload_type);
        assert_eq!((types, plan.left_out), ([26, 97], vec![]));
    }

    #[test]
    fn a_stream_has_all_sources_of_its_filter() {
        let text = "v=0\ns=x\nc=IN IP4 232.1.1.1\n\
                    a=source-filter: incl IN IP4 * 192.0.2.1 192.0.2.2\nm=video 5004 RTP/AVP 26\n\
                    m=audio 5006 RTP/AVP 10\na=source-filter: incl IN IP4 * 192.0.2.3\n";
        let plan = Plan::from_sdp(text).unwrap();
        let sources = [1, 2, 3].map(|last| IpAddr::from([192, 0, 2, last]));
        assert_eq!(plan.video.as_ref().unwrap().sources, sources[..2]);
        assert_eq!(plan.audio.as_ref().unwrap().sources, sources[2..]);
        let plan = plan.only_from(sources[2]);
        assert_eq!(plan.video.unwrap().sources, sources[2..]);
    }

    #[test]
    fn sound_is_received_even_if_the_video_cannot_be() {
        let text = format!("{OTHER}m=audio 6000 RTP/AVP 10\n");
        let plan = Plan::from_sdp(&text).unwrap();
        assert_eq!(plan.video, None);
        let audio = plan.audio.unwrap();
        assert_eq!((audio.rtp.port(), audio.clock_rate, audio.channels), (6000, 44_100, 2));
    }
}
