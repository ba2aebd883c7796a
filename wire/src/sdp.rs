//! Session descriptions (RFC 8866): writes ours in the form that every player is known to accept,
//! reads those of anybody. Lines and attributes that are not known are passed over.

mod parse;
mod write;

use core::fmt;
use core::net::{IpAddr, SocketAddr};

/// Media of a session at most.
pub const MEDIA_MAX: usize = 8;

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
    /// The only address that its packets come from (`a=source-filter`, RFC 4570).
    pub source: Option<IpAddr>,
    /// Receivers report by unicast to where the reports come from (`a=rtcp-unicast:rsi`, RFC 5760).
    pub rtcp_unicast: bool,
    /// Its media.
    pub media: heapless::Vec<Media<'a>, MEDIA_MAX>,
}

/// One medium of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media<'a> {
    /// What it is.
    pub medium: Medium,
    /// UDP port of RTP.
    pub port: u16,
    /// UDP port of RTCP (`a=rtcp`, RFC 3605), or the one above.
    pub rtcp_port: u16,
    /// RTP payload type.
    pub payload_type: u8,
    /// Name of the encoding, such as JPEG or L16.
    pub encoding: &'a str,
    /// RTP ticks a second.
    pub clock_rate: u32,
    /// Channels of sound; 1 for pictures.
    pub channels: u8,
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
    /// Canonical name of the source.
    pub cname: Option<&'a str>,
    /// What the wall clock is (`a=ts-refclk`, RFC 7273).
    pub clock: Option<&'a str>,
    /// Its name in the session (`a=mid`).
    pub mid: Option<&'a str>,
    /// Where its repair packets go (`a=x-repair`).
    pub repair: Option<Repair>,
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

impl Media<'_> {
    /// A medium on this port of which nothing else is known.
    #[must_use]
    pub const fn new(medium: Medium, port: u16) -> Self {
        Self {
            medium,
            port,
            rtcp_port: port.saturating_add(1),
            payload_type: 0,
            encoding: "",
            clock_rate: 0,
            channels: 1,
            group: None,
            bandwidth_kbit: None,
            framerate: None,
            size: None,
            ptime_ms: None,
            ntp64_id: None,
            ssrc: None,
            cname: None,
            clock: None,
            mid: None,
            repair: None,
        }
    }
}

/// Why a text is no session description.
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
