//! Reads a description, in the forms that are found: lines ended by LF alone, connections of the
//! session or of each medium, static payload types without a map. What cannot be read costs the medium
//! that it belongs to, not the session.

mod value;

use super::{Error, Framerate, MEDIA_MAX, Media, Medium, Session, Sources, Tier};
use crate::payload_format::PayloadFormat;
use crate::rtp::Ssrc;
use crate::shared_clock::SharedClock;
use core::net::IpAddr;

/// What a connection has to look like.
const NO_ADDRESS: &str = "expected an address, such as c=IN IP4 239.255.1.2/1";

/// What a medium has to look like.
const NO_MEDIUM: &str =
    "expected a medium with a port from 1 to 65535, such as m=video 5004 RTP/AVP 26";

impl<'a> Session<'a> {
    /// Reads a description. Media that are neither video nor audio over RTP are passed over, and so are
    /// those that cannot be read.
    ///
    /// # Errors
    /// The first line that cannot be read, or what is missing, if no medium is left.
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        Self::parse_leaving_out(text, &mut |_| {})
    }

    /// The same; `left_out` is told why a medium or a line is passed over.
    ///
    /// # Errors
    /// As those of [`parse`](Self::parse).
    pub fn parse_leaving_out(
        text: &'a str,
        left_out: &mut dyn FnMut(Error),
    ) -> Result<Self, Error> {
        // Some senders announce the 0 that ends the text in their memory, and what lies behind it.
        let text = text.trim_start_matches('\u{feff}').split('\0').next().unwrap_or_default();
        let mut reader = Reader::new(left_out);
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_end();
            if !line.is_empty() {
                reader.line(index + 1, line)?;
            }
        }
        reader.session()
    }
}

/// What has been read so far.
struct Reader<'a, 'b> {
    left_out: &'b mut dyn FnMut(Error),
    /// The first that was said of what was left out.
    first: Option<Error>,
    begun: bool,
    name: &'a str,
    info: Option<&'a str>,
    tool: Option<&'a str>,
    origin: Option<(u64, u64, IpAddr)>,
    connection: Option<(IpAddr, Option<u8>)>,
    sources: Sources,
    rtcp_unicast: bool,
    tier: Option<Tier<'a>>,
    room: Option<&'a str>,
    ntp64_id: Option<u8>,
    clock: Option<&'a str>,
    protected: Option<&'a str>,
    rtsp: Option<&'a str>,
    control: Option<&'a str>,
    media: heapless::Vec<Media<'a>, MEDIA_MAX>,
    /// The lines of the session itself are over.
    in_media: bool,
    /// The medium whose lines are being read, unless it is passed over, and the line that it begins with.
    medium: Option<(Media<'a>, usize)>,
}

impl<'a, 'b> Reader<'a, 'b> {
    fn new(left_out: &'b mut dyn FnMut(Error)) -> Self {
        Self {
            left_out,
            first: None,
            begun: false,
            name: "",
            info: None,
            tool: None,
            origin: None,
            connection: None,
            sources: Sources::new(),
            rtcp_unicast: false,
            tier: None,
            room: None,
            ntp64_id: None,
            clock: None,
            protected: None,
            rtsp: None,
            control: None,
            media: heapless::Vec::new(),
            in_media: false,
            medium: None,
        }
    }

    fn line(&mut self, number: usize, line: &'a str) -> Result<(), Error> {
        let read = line.split_once('=');
        if !self.begun {
            self.begun = read.is_some_and(|(kind, value)| kind == "v" && value.trim() == "0");
            let what = match read {
                Some(_) => "not a session description: it must begin with v=0",
                None => "expected a letter, '=' and a value",
            };
            return if self.begun { Ok(()) } else { Err(Error { line: number, what }) };
        }
        let read = match read {
            Some(("m", value)) => {
                self.end_medium();
                self.media_line(number, value)
            }
            Some((kind, value)) => self.value(kind, value),
            None => Err("expected a letter, '=' and a value"),
        };
        if let Err(what) = read {
            self.leave_out(Error { line: number, what });
        }
        Ok(())
    }

    fn leave_out(&mut self, error: Error) {
        self.first = self.first.or(Some(error));
        (self.left_out)(error);
    }

    fn value(&mut self, kind: &str, value: &'a str) -> Result<(), &'static str> {
        match (kind, &mut self.medium) {
            ("a", Some((media, _))) => media.attribute(value),
            ("c", Some((media, _))) => match value::connection(value) {
                Some((address, _)) => media.group = Some(address),
                None => {
                    self.medium = None;
                    return Err(NO_ADDRESS);
                }
            },
            ("b", Some((media, _))) => {
                if let Some(kbit) = value.strip_prefix("AS:") {
                    media.bandwidth_kbit = kbit.trim().parse().ok();
                }
            }
            _ if self.in_media => {}
            ("a", _) => self.attribute(value),
            ("c", _) => self.connection = Some(value::connection(value).ok_or(NO_ADDRESS)?),
            ("o", _) => self.origin = value::origin(value),
            ("s", _) => self.name = value.trim(),
            ("i", _) => self.info = Some(value),
            _ => {}
        }
        Ok(())
    }

    /// `m=video 5004 RTP/AVP 26`
    fn media_line(&mut self, line: usize, value: &'a str) -> Result<(), &'static str> {
        self.in_media = true;
        let mut words = value.split_ascii_whitespace();
        let medium = match words.next() {
            Some("video") => Medium::Video,
            Some("audio") => Medium::Audio,
            _ => return Ok(()),
        };
        let port = words.next().and_then(|port| port.split('/').next());
        let port = port.and_then(|port| port.parse::<u16>().ok()).ok_or(NO_MEDIUM)?;
        let profile = words.next().ok_or(NO_MEDIUM)?;
        let sealed = profile.starts_with("RTP/SAVP");
        if !sealed && !profile.starts_with("RTP/AVP") {
            return Err("a medium that is sent neither by RTP (RTP/AVP) nor by SRTP (RTP/SAVP)");
        }
        let mut media = Media { sealed, ..Media::new(medium, port) };
        for number in words.filter_map(|word| word.parse::<u8>().ok()) {
            // Formats beyond those that are looked at are the least preferred ones.
            let _ = media.formats.push(PayloadFormat::unmapped(number));
        }
        self.medium = Some((media, line));
        Ok(())
    }

    /// What is known of a medium once its last line has been read.
    fn end_medium(&mut self) {
        let Some((mut media, line)) = self.medium.take() else { return };
        media.formats.retain(|format| !format.encoding.is_empty());
        // A medium that was turned down (RFC 3264 section 6), unless it is asked for over RTSP.
        if media.port == 0 && media.control.is_none() {
            return;
        }
        let what = if media.formats.is_empty() {
            Some("a medium without a format that is known: dynamic payload types need a=rtpmap")
        } else if media.group.is_none() && self.connection.is_none() {
            Some("a medium with no address to receive on (c=)")
        } else {
            self.media.push(media).err().map(|_| "more media than this program can receive")
        };
        if let Some(what) = what {
            self.leave_out(Error { line, what });
        }
    }

    fn attribute(&mut self, value: &'a str) {
        let (key, value) = value.split_once(':').unwrap_or((value, ""));
        match key {
            "tool" => self.tool = Some(value),
            "rtcp-unicast" => self.rtcp_unicast = true,
            "x-tier" => self.tier = value::tier(value),
            "x-room" => self.room = Some(value.trim()).filter(|name| !name.is_empty()),
            "ts-refclk" => self.clock = Some(value),
            "source-filter" => value::source_filter(value, &mut self.sources),
            "extmap" => self.ntp64_id = value::extmap(value).or(self.ntp64_id),
            "x-protected" => self.protected = Some(value.trim()),
            "x-rtsp" => self.rtsp = Some(value),
            "control" => self.control = Some(value),
            _ => {}
        }
    }

    fn session(mut self) -> Result<Session<'a>, Error> {
        self.end_medium();
        let missing = |what| Error { line: 0, what };
        if !self.begun {
            return Err(missing("not a session description: it is empty"));
        }
        let own = self.media.iter().find_map(|media| media.group).map(|group| (group, None));
        let Some((group, ttl)) = self.connection.or(own).filter(|_| !self.media.is_empty()) else {
            let none = missing("it describes neither video nor audio over RTP");
            return Err(self.first.unwrap_or(none));
        };
        let (session_id, version, origin) = self.origin.unwrap_or((0, 0, group));
        let mut media = self.media;
        for media in &mut media {
            media.ntp64_id = media.ntp64_id.or(self.ntp64_id);
            media.clock = media.clock.or(self.clock);
            media.group = media.group.filter(|other| *other != group);
        }
        Ok(Session {
            name: self.name,
            info: self.info,
            tool: self.tool,
            session_id,
            version,
            origin,
            group,
            ttl,
            sources: self.sources,
            rtcp_unicast: self.rtcp_unicast,
            tier: self.tier,
            room: self.room,
            protected: self.protected,
            rtsp: self.rtsp,
            control: self.control,
            media,
        })
    }
}

impl<'a> Media<'a> {
    fn attribute(&mut self, value: &'a str) {
        let (key, value) = value.split_once(':').unwrap_or((value, ""));
        match key {
            "rtpmap" => self.rtpmap(value),
            "fmtp" => self.fmtp(value),
            "rtcp" => self.rtcp_port = value::first(value).unwrap_or(self.rtcp_port),
            "framerate" => self.framerate = value::thousandths(value).map(Framerate),
            "x-dimensions" => self.size = value::pair(value, ',').or(self.size),
            "framesize" => {
                let size = value.split_ascii_whitespace().nth(1);
                self.size = self.size.or_else(|| value::pair(size?, '-'));
            }
            "ptime" => self.ptime_ms = value::first(value),
            "extmap" => self.ntp64_id = value::extmap(value).or(self.ntp64_id),
            "source-filter" => value::source_filter(value, &mut self.sources),
            "ssrc" => {
                if let Some((ssrc, attribute)) = value.split_once(' ') {
                    self.ssrc = ssrc.parse().ok().map(Ssrc).or(self.ssrc);
                    self.cname = attribute.strip_prefix("cname:").or(self.cname);
                }
            }
            "ts-refclk" => self.clock = Some(value),
            "x-clock" => self.shared = SharedClock::parse(value),
            "mid" => self.mid = Some(value),
            "x-rollovers" => self.rollovers = value.parse().ok(),
            "x-repair" => self.repair = value::repair(value),
            "control" => self.control = Some(value),
            _ => {}
        }
    }

    /// The format that a value like `97 L16/48000/2` begins with the number of, and the rest of the value.
    fn numbered(&mut self, value: &'a str) -> Option<(&mut PayloadFormat<'a>, &'a str)> {
        let (number, rest) = value.trim().split_once(' ')?;
        let number = number.parse().ok()?;
        let format = self.formats.iter_mut().find(|format| format.number == number)?;
        Some((format, rest.trim()))
    }

    /// `a=rtpmap:97 L16/48000/2`
    fn rtpmap(&mut self, value: &'a str) {
        let Some((format, map)) = self.numbered(value) else { return };
        let mut parts = map.split('/');
        let name = parts.next().filter(|name| !name.contains(char::is_control));
        *format = PayloadFormat {
            encoding: name.unwrap_or_default(),
            clock_rate: parts.next().and_then(|rate| rate.parse().ok()).unwrap_or(0),
            channels: parts.next().and_then(|channels| channels.parse().ok()).unwrap_or(1),
            ..*format
        };
    }

    /// `a=fmtp:96 packetization-mode=1`
    fn fmtp(&mut self, value: &'a str) {
        let Some((format, parameters)) = self.numbered(value) else { return };
        format.fmtp = Some(parameters).filter(|text| !text.contains(char::is_control));
    }
}
