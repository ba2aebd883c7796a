//! Reads a description, in the forms that are found: lines ended by LF alone, connections of the
//! session or of each medium, static payload types without a map.

use super::{Error, Framerate, Media, Medium, NTP64_URI, Repair, Session};
use crate::rtp::Ssrc;
use core::net::{IpAddr, SocketAddr};
use core::str::FromStr;

impl<'a> Session<'a> {
    /// Reads a description. Media that are neither video nor audio over RTP are passed over.
    ///
    /// # Errors
    /// The line that cannot be read, or what is missing.
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        let mut reader = Reader::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_end();
            if !line.is_empty() {
                reader.line(line).map_err(|what| Error { line: index + 1, what })?;
            }
        }
        reader.session()
    }
}

/// What has been read so far.
#[derive(Default)]
struct Reader<'a> {
    begun: bool,
    name: &'a str,
    info: Option<&'a str>,
    tool: Option<&'a str>,
    origin: Option<(u64, u64, IpAddr)>,
    connection: Option<(IpAddr, Option<u8>)>,
    source: Option<IpAddr>,
    rtcp_unicast: bool,
    ntp64_id: Option<u8>,
    clock: Option<&'a str>,
    media: heapless::Vec<Media<'a>, { super::MEDIA_MAX }>,
    place: Place,
}

/// Whose lines are being read.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Session,
    Media,
    /// A medium that is passed over.
    Other,
}

impl<'a> Reader<'a> {
    fn line(&mut self, line: &'a str) -> Result<(), &'static str> {
        let (kind, value) = line.split_once('=').ok_or("expected a letter, '=' and a value")?;
        if !self.begun {
            self.begun = kind == "v" && value == "0";
            return if self.begun {
                Ok(())
            } else {
                Err("not a session description: it must begin with v=0")
            };
        }
        match (kind, self.place) {
            ("m", _) => return self.media_line(value),
            (_, Place::Other) => {}
            ("a", _) => self.attribute(value),
            ("c", _) => self.connection(value)?,
            ("b", Place::Media) => {
                if let (Some(media), Some(kbit)) =
                    (self.media.last_mut(), value.strip_prefix("AS:"))
                {
                    media.bandwidth_kbit = kbit.parse().ok();
                }
            }
            ("o", Place::Session) => self.origin = origin(value),
            ("s", Place::Session) => self.name = value.trim(),
            ("i", Place::Session) => self.info = Some(value),
            _ => {}
        }
        Ok(())
    }

    /// `c=IN IP4 239.255.1.2/1`
    fn connection(&mut self, value: &'a str) -> Result<(), &'static str> {
        const WRONG: &str = "expected an address, such as c=IN IP4 239.255.1.2/1";
        let address = value.split_ascii_whitespace().nth(2).ok_or(WRONG)?;
        let mut parts = address.split('/');
        let address = parts.next().and_then(|address| address.parse().ok()).ok_or(WRONG)?;
        let ttl = parts.next().and_then(|ttl| ttl.parse().ok());
        match self.media.last_mut() {
            Some(media) if self.place == Place::Media => media.group = Some(address),
            _ => self.connection = Some((address, ttl)),
        }
        Ok(())
    }

    /// `m=video 5004 RTP/AVP 26`
    fn media_line(&mut self, value: &'a str) -> Result<(), &'static str> {
        const WRONG: &str = "expected a medium, such as m=video 5004 RTP/AVP 26";
        let mut words = value.split_ascii_whitespace();
        let medium = match words.next().ok_or(WRONG)? {
            "video" => Some(Medium::Video),
            "audio" => Some(Medium::Audio),
            _ => None,
        };
        let port = words.next().and_then(|port| port.split('/').next());
        let port = port.and_then(|port| port.parse::<u16>().ok()).ok_or(WRONG)?;
        let is_rtp = words.next().ok_or(WRONG)?.starts_with("RTP/AVP");
        let payload_type = words.next().and_then(|word| word.parse().ok());
        // Port 0 is a medium that was turned down (RFC 3264 section 6).
        let (Some(medium), true, Some(payload_type), true) =
            (medium, is_rtp, payload_type, port != 0)
        else {
            self.place = Place::Other;
            return Ok(());
        };
        self.place = Place::Media;
        let mut media = Media { payload_type, ..Media::new(medium, port) };
        // Static payload types (RFC 3551 section 6).
        (media.encoding, media.clock_rate, media.channels) = match payload_type {
            26 => ("JPEG", 90_000, 1),
            10 => ("L16", 44_100, 2),
            11 => ("L16", 44_100, 1),
            _ => ("", 0, 1),
        };
        self.media.push(media).map_err(|_| "more media than this program can receive")
    }

    fn attribute(&mut self, value: &'a str) {
        let (key, value) = value.split_once(':').unwrap_or((value, ""));
        if self.place == Place::Session {
            match key {
                "tool" => self.tool = Some(value),
                "rtcp-unicast" => self.rtcp_unicast = true,
                "ts-refclk" => self.clock = Some(value),
                _ => {}
            }
        }
        // Both may stand with the session or with a medium.
        match key {
            "source-filter" => self.source = source_filter(value).or(self.source),
            "extmap" if self.place == Place::Session => {
                self.ntp64_id = extmap(value).or(self.ntp64_id);
            }
            _ => {}
        }
        if let (Some(media), Place::Media) = (self.media.last_mut(), self.place) {
            media.attribute(key, value);
        }
    }

    fn session(self) -> Result<Session<'a>, Error> {
        let missing = |what| Error { line: 0, what };
        if !self.begun {
            return Err(missing("not a session description: it is empty"));
        }
        if self.media.is_empty() {
            return Err(missing("it describes neither video nor audio over RTP"));
        }
        let group = self
            .connection
            .or_else(|| self.media.iter().find_map(|media| media.group).map(|group| (group, None)));
        let (group, ttl) = group.ok_or(missing("it says no address to receive on (c=)"))?;
        let (session_id, version, origin) = self.origin.unwrap_or((0, 0, group));
        let mut media = self.media;
        for media in &mut media {
            if media.encoding.is_empty() {
                return Err(missing("a payload type without a=rtpmap is of no known format"));
            }
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
            source: self.source,
            rtcp_unicast: self.rtcp_unicast,
            media,
        })
    }
}

impl<'a> Media<'a> {
    fn attribute(&mut self, key: &str, value: &'a str) {
        match key {
            "rtpmap" => self.rtpmap(value),
            "rtcp" => self.rtcp_port = first(value).unwrap_or(self.rtcp_port),
            "framerate" => self.framerate = thousandths(value).map(Framerate),
            "x-dimensions" => self.size = pair(value, ',').or(self.size),
            "framesize" => {
                let size = value.split_ascii_whitespace().nth(1);
                self.size = self.size.or_else(|| pair(size?, '-'));
            }
            "ptime" => self.ptime_ms = first(value),
            "extmap" => self.ntp64_id = extmap(value).or(self.ntp64_id),
            "ssrc" => {
                if let Some((ssrc, attribute)) = value.split_once(' ') {
                    self.ssrc = ssrc.parse().ok().map(Ssrc).or(self.ssrc);
                    self.cname = attribute.strip_prefix("cname:").or(self.cname);
                }
            }
            "ts-refclk" => self.clock = Some(value),
            "mid" => self.mid = Some(value),
            "x-repair" => self.repair = repair(value),
            _ => {}
        }
    }

    /// `a=rtpmap:97 L16/48000/2`
    fn rtpmap(&mut self, value: &'a str) {
        let Some((payload_type, map)) = value.split_once(' ') else { return };
        if payload_type.parse() != Ok(self.payload_type) {
            return;
        }
        let mut parts = map.trim().split('/');
        let name = parts.next().filter(|name| !name.contains(char::is_control));
        self.encoding = name.unwrap_or_default();
        self.clock_rate = parts.next().and_then(|rate| rate.parse().ok()).unwrap_or(0);
        self.channels = parts.next().and_then(|channels| channels.parse().ok()).unwrap_or(1);
    }
}

/// `o=- 1 1 IN IP4 192.0.2.1`; some write a host name, which is of no use here.
fn origin(value: &str) -> Option<(u64, u64, IpAddr)> {
    let mut words = value.split_ascii_whitespace().skip(1);
    let (id, version) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some((id, version, words.nth(2)?.parse().ok()?))
}

/// ` incl IN IP4 239.255.1.2 192.0.2.1`: the first source (RFC 4570 section 3).
fn source_filter(value: &str) -> Option<IpAddr> {
    let mut words = value.split_ascii_whitespace();
    if words.next() != Some("incl") {
        return None;
    }
    words.nth(3)?.parse().ok()
}

/// `98 5008 IN IP4 239.255.1.3`
fn repair(value: &str) -> Option<Repair> {
    let mut words = value.split_ascii_whitespace();
    let (payload_type, port) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let address = words.nth(2)?.parse().ok()?;
    Some(Repair { payload_type, to: SocketAddr::new(address, port) })
}

/// `1 urn:ietf:params:rtp-hdrext:ntp-64`, the id perhaps with a direction.
fn extmap(value: &str) -> Option<u8> {
    let mut words = value.split_ascii_whitespace();
    let id = words.next()?.split('/').next()?.parse().ok()?;
    (words.next() == Some(NTP64_URI)).then_some(id)
}

fn first<T: FromStr>(value: &str) -> Option<T> {
    value.split_ascii_whitespace().next()?.parse().ok()
}

fn pair(value: &str, separator: char) -> Option<(u16, u16)> {
    let (first, second) = value.trim().split_once(separator)?;
    Some((first.parse().ok()?, second.parse().ok()?))
}

/// A decimal number in thousandths.
fn thousandths(value: &str) -> Option<u32> {
    let (whole, fraction) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    let mut total = whole.parse::<u32>().ok()?.checked_mul(1000)?;
    let mut place = 100;
    for digit in fraction.chars().take(3) {
        total = total.checked_add(digit.to_digit(10)? * place)?;
        place /= 10;
    }
    Some(total)
}
