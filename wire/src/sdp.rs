//! Session descriptions (RFC 8866): writes ours in the form that every player is known to accept,
//! reads those of anybody. Lines and attributes that are not known are passed over.

mod parse;
mod write;

use crate::payload_format::PayloadFormat;
use crate::shared_clock::SharedClock;
use core::fmt;
use core::net::{IpAddr, SocketAddr};

/// Media of a session at most: twice what a camera with two streams and sound has.
pub const MEDIA_MAX: usize = 8;

/// Formats of a medium at most that are looked at: telephones offer half as many.
pub const FORMATS_MAX: usize = 16;

/// Sources of a filter at most that are looked at: the kernel grants ten to a membership (`igmp_max_msf`).
pub const SOURCES_MAX: usize = 8;

/// The addresses that packets come from; none: any.
pub type Sources = heapless::Vec<IpAddr, SOURCES_MAX>;

/// The name of the header extension that carries the capture time (RFC 6051 section 5).
pub const NTP64_URI: &str = "urn:ietf:params:rtp-hdrext:ntp-64";

/// What a medium is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
}

/// Frames in 1000 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framerate(pub u32);

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session<'a> {
    /// Its name (`s=`).
    pub name: &'a str,
    /// A word about it (`i=`).
    pub info: Option<&'a str>,
    /// What made the description (`a=tool`).
    pub tool: Option<&'a str>,
    /// Its number (`o=`).
    pub session_id: u64,
    /// Version of its description (`o=`).
    pub version: u64,
    /// Where it comes from (`o=`).
    pub origin: IpAddr,
    /// Where it goes (`c=`).
    pub group: IpAddr,
    /// Multicast time to live (`c=`).
    pub ttl: Option<u8>,
    /// The only addresses that its packets come from (`a=source-filter`, RFC 4570).
    pub sources: Sources,
    /// Receivers report by unicast to where the reports come from (`a=rtcp-unicast:rsi`, RFC 5760).
    pub rtcp_unicast: bool,
    /// Which tier of which other session it is, if it is one (`a=x-tier`).
    pub tier: Option<Tier<'a>>,
    /// The room that it is shown in (`a=x-room`), beside the other sessions that say the same: an attribute of our own.
    pub room: Option<&'a str>,
    /// The suite that protects what its media are sent with (`a=x-protected`): an attribute of our own. Who has no key is
    /// to know why nothing can be played.
    pub protected: Option<&'a str>,
    /// Where it is asked for one by one (`a=x-rtsp`): an attribute of our own.
    pub rtsp: Option<&'a str>,
    /// What all media are asked for by together, where it is described over RTSP (`a=control`, RFC 2326 section C.1.1).
    pub control: Option<&'a str>,
    /// Its media.
    pub media: heapless::Vec<Media<'a>, MEDIA_MAX>,
}

/// The same pictures as another session's at another size, rate or quality, its sound at fewer bits, or both: an
/// attribute of our own. SDP ties
/// media of one session to each other, but not one session to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier<'a> {
    /// Its name among the tiers of that session.
    pub name: &'a str,
    /// The number of that session (`o=`), which comes from the same address.
    pub of: u64,
}

/// What tells a session from all others, whatever its description is by now (RFC 8866 section 5.2): user name,
/// session id, types of network and address, and address of its origin line. The line may stand alone, as it
/// does in the deletion of an announcement (RFC 2974 section 6).
#[must_use]
pub fn identity(text: &str) -> Option<[&str; 5]> {
    let line = text.lines().find_map(|line| line.strip_prefix("o="))?;
    let mut words = line.split_ascii_whitespace();
    let (user, id, _version) = (words.next()?, words.next()?, words.next()?);
    Some([user, id, words.next()?, words.next()?, words.next()?])
}

/// One medium of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media<'a> {
    /// What it is.
    pub medium: Medium,
    /// UDP port of RTP; 0 where RTSP settles it.
    pub port: u16,
    /// UDP port of RTCP (`a=rtcp`, RFC 3605), or the one above.
    pub rtcp_port: u16,
    /// It is sent by SRTP (`RTP/SAVP`, RFC 3711 section 3).
    pub sealed: bool,
    /// Its formats, the one that its sender prefers first.
    pub formats: heapless::Vec<PayloadFormat<'a>, FORMATS_MAX>,
    /// The only addresses that its packets come from, if not those of the session (`a=source-filter`).
    pub sources: Sources,
    /// Where it goes, if not where the session does (`c=` of the medium).
    pub group: Option<IpAddr>,
    /// Bandwidth (`b=AS`), in kbit/s.
    pub bandwidth_kbit: Option<u32>,
    /// Frame rate (`a=framerate`).
    pub framerate: Option<Framerate>,
    /// Picture size (`a=x-dimensions`, `a=framesize`), in pixels.
    pub size: Option<(u16, u16)>,
    /// Milliseconds of sound in a packet (`a=ptime`).
    pub ptime_ms: Option<u16>,
    /// Id of the time extension (`a=extmap`, RFC 8285).
    pub ntp64_id: Option<u8>,
    /// Its source (`a=ssrc`, RFC 5576).
    pub ssrc: Option<crate::rtp::Ssrc>,
    /// How often its sequence number has rolled over (`a=x-rollovers`), when the description was asked for: an attribute
    /// of our own, for who opens a protected stream with a program that has to be told.
    pub rollovers: Option<u32>,
    /// Canonical name of the source.
    pub cname: Option<&'a str>,
    /// What the wall clock is (`a=ts-refclk`, RFC 7273).
    pub clock: Option<&'a str>,
    /// How that wall clock stands against one that several sources share (`a=x-clock`): an attribute of our own, for what a
    /// relay hands on.
    pub shared: Option<SharedClock>,
    /// Its name in the session (`a=mid`).
    pub mid: Option<&'a str>,
    /// Where its repair packets go (`a=x-repair`).
    pub repair: Option<Repair>,
    /// What it is asked for by over RTSP (`a=control`).
    pub control: Option<&'a str>,
    /// The key that it is sealed with, as MIKEY in base64 (`a=key-mgmt`, RFC 4567): only written, and only for who is
    /// told over an encrypted connection.
    pub key: Option<&'a str>,
}

/// Repair packets of a medium: an attribute of our own, in the form of `a=rtcp` (RFC 3605). Were they
/// a medium grouped with theirs (RFC 5956), players that do not know them would join their group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repair {
    /// RTP payload type.
    pub payload_type: u8,
    /// Where they go.
    pub to: SocketAddr,
}

impl<'a> Media<'a> {
    /// A medium on this port in this format, of which nothing else is known.
    #[must_use]
    pub fn of(medium: Medium, port: u16, format: PayloadFormat<'a>) -> Self {
        Self { formats: [format].into_iter().collect(), ..Self::new(medium, port) }
    }

    /// A medium on this port of which nothing else is known.
    #[must_use]
    pub const fn new(medium: Medium, port: u16) -> Self {
        Self {
            medium,
            port,
            rtcp_port: port.saturating_add(1),
            sealed: false,
            formats: heapless::Vec::new(),
            sources: Sources::new(),
            group: None,
            bandwidth_kbit: None,
            framerate: None,
            size: None,
            ptime_ms: None,
            ntp64_id: None,
            ssrc: None,
            rollovers: None,
            cname: None,
            clock: None,
            shared: None,
            mid: None,
            repair: None,
            control: None,
            key: None,
        }
    }
}

/// Why a text is no session description, or a part of it was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// The line, from 1; 0: the text as a whole.
    pub line: usize,
    /// What is wrong.
    pub what: &'static str,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(self.what),
            line => write!(f, "line {line}: {}", self.what),
        }
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests;
