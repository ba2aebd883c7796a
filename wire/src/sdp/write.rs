//! Writes a description. The order of lines is that of RFC 8866 section 9; players refuse others.

use super::{Media, Medium, NTP64_URI, Session, Tier};
use crate::payload_format::PayloadFormat;
use core::fmt::{Result, Write};
use core::net::IpAddr;

impl Session<'_> {
    /// Writes the description, lines ended by CR LF. Characters that would end a line are left out
    /// of texts.
    ///
    /// # Errors
    /// If `out` does not take it.
    pub fn write(&self, out: &mut dyn Write) -> Result {
        out.write_str("v=0\r\n")?;
        let (id, version) = (self.session_id, self.version);
        write!(out, "o=- {id} {version} IN {}\r\n", Address(self.origin))?;
        line(out, "s=", if self.name.is_empty() { "-" } else { self.name })?;
        optional(out, "i=", self.info)?;
        let Self { group, ttl, .. } = *self;
        write!(out, "c=IN {}{}\r\n", Address(group), Scope { group, ttl })?;
        out.write_str("t=0 0\r\n")?;
        optional(out, "a=tool:", self.tool)?;
        out.write_str("a=type:broadcast\r\na=recvonly\r\n")?;
        filter(out, self.is_in_one_group().then_some(self.group), &self.sources)?;
        if self.rtcp_unicast {
            out.write_str("a=rtcp-unicast:rsi\r\n")?;
        }
        if let Some(Tier { name, of }) = self.tier {
            write!(out, "a=x-tier:{} {of}\r\n", Text(name))?;
        }
        optional(out, "a=x-room:", self.room)?;
        optional(out, "a=x-protected:", self.protected)?;
        optional(out, "a=x-rtsp:", self.rtsp)?;
        if let Some(control) = self.control {
            // It goes on, and has no beginning to go back to.
            out.write_str("a=range:npt=now-\r\n")?;
            line(out, "a=control:", control)?;
        }
        self.write_group(out)?;
        self.media.iter().try_for_each(|media| media.write(self, out))
    }

    /// Whether all media go to the session's group. A filter of the session is then of that group, else of any:
    /// some players join a group for the sources of the session and again for those of the medium, which the
    /// kernel refuses.
    fn is_in_one_group(&self) -> bool {
        self.media.iter().all(|media| media.group.is_none_or(|group| group == self.group))
    }

    /// Media that are to be played in step (RFC 5888 section 7).
    fn write_group(&self, out: &mut dyn Write) -> Result {
        if self.media.iter().filter(|media| media.mid.is_some()).count() < 2 {
            return Ok(());
        }
        out.write_str("a=group:LS")?;
        for mid in self.media.iter().filter_map(|media| media.mid) {
            write!(out, " {}", Text(mid))?;
        }
        out.write_str("\r\n")
    }
}

impl Media<'_> {
    fn write(&self, session: &Session<'_>, out: &mut dyn Write) -> Result {
        let medium = match self.medium {
            Medium::Video => "video",
            Medium::Audio => "audio",
        };
        let profile = if self.sealed { "RTP/SAVP" } else { "RTP/AVP" };
        write!(out, "m={medium} {} {profile}", self.port)?;
        self.formats.iter().try_for_each(|format| write!(out, " {}", format.number))?;
        out.write_str("\r\n")?;
        if let Some(group) = self.group {
            let ttl = session.ttl;
            write!(out, "c=IN {}{}\r\n", Address(group), Scope { group, ttl })?;
        }
        if let Some(bandwidth) = self.bandwidth_kbit {
            write!(out, "b=AS:{bandwidth}\r\n")?;
        }
        self.formats.iter().try_for_each(|format| self.write_format(format, out))?;
        filter(out, Some(self.group.unwrap_or(session.group)), &self.sources)?;
        optional(out, "a=mid:", self.mid)?;
        if self.port != 0 {
            write!(out, "a=rtcp:{}\r\n", self.rtcp_port)?;
        }
        optional(out, "a=control:", self.control)?;
        optional(out, "a=key-mgmt:mikey ", self.key)?;
        self.write_shape(out)?;
        if let Some(repair) = self.repair {
            let (payload_type, port) = (repair.payload_type, repair.to.port());
            write!(out, "a=x-repair:{payload_type} {port} IN {}\r\n", Address(repair.to.ip()))?;
        }
        if let Some(id) = self.ntp64_id {
            write!(out, "a=extmap:{id} {NTP64_URI}\r\n")?;
        }
        if let (Some(ssrc), Some(cname)) = (self.ssrc, self.cname) {
            write!(out, "a=ssrc:{} ", ssrc.0)?;
            line(out, "cname:", cname)?;
        }
        if let Some(rollovers) = self.rollovers {
            write!(out, "a=x-rollovers:{rollovers}\r\n")?;
        }
        if let Some(clock) = self.clock {
            line(out, "a=ts-refclk:", clock)?;
            out.write_str("a=mediaclk:sender\r\n")?;
        }
        if let Some(shared) = self.shared {
            write!(out, "a=x-clock:{shared}\r\n")?;
        }
        Ok(())
    }

    fn write_format(&self, format: &PayloadFormat<'_>, out: &mut dyn Write) -> Result {
        let PayloadFormat { number, encoding, clock_rate, channels, fmtp } = format;
        write!(out, "a=rtpmap:{number} {}/{clock_rate}", Text(encoding))?;
        if self.medium == Medium::Audio {
            write!(out, "/{channels}")?;
        }
        out.write_str("\r\n")?;
        if let Some(parameters) = fmtp {
            write!(out, "a=fmtp:{number} ")?;
            line(out, "", parameters)?;
        }
        Ok(())
    }

    /// What pictures and packets look like, whatever their format.
    fn write_shape(&self, out: &mut dyn Write) -> Result {
        if let Some(rate) = self.framerate {
            let (whole, thousandths) = (rate.0 / 1000, rate.0 % 1000);
            if thousandths == 0 {
                write!(out, "a=framerate:{whole}\r\n")?;
            } else {
                write!(out, "a=framerate:{whole}.{thousandths:03}\r\n")?;
            }
        }
        if let Some((width, height)) = self.size {
            if let Some(PayloadFormat { number, .. }) = self.formats.first() {
                write!(out, "a=framesize:{number} {width}-{height}\r\n")?;
            }
            write!(out, "a=x-dimensions:{width},{height}\r\n")?;
        }
        if let Some(ptime) = self.ptime_ms {
            write!(out, "a=ptime:{ptime}\r\n")?;
        }
        Ok(())
    }
}

/// The sources that packets for `group` come from, or those for any group (RFC 4570 section 3), if they are
/// limited to some.
fn filter(out: &mut dyn Write, group: Option<IpAddr>, sources: &[IpAddr]) -> Result {
    let Some(first) = sources.first() else { return Ok(()) };
    match group {
        Some(group) => write!(out, "a=source-filter: incl IN {}", Address(group))?,
        None if first.is_ipv4() => out.write_str("a=source-filter: incl IN IP4 *")?,
        None => out.write_str("a=source-filter: incl IN IP6 *")?,
    }
    sources.iter().try_for_each(|source| write!(out, " {source}"))?;
    out.write_str("\r\n")
}

fn optional(out: &mut dyn Write, key: &str, text: Option<&str>) -> Result {
    text.map_or(Ok(()), |text| line(out, key, text))
}

fn line(out: &mut dyn Write, key: &str, text: &str) -> Result {
    write!(out, "{key}{}\r\n", Text(text))
}

/// A text without the characters that would end its line.
struct Text<'a>(&'a str);

impl core::fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> Result {
        self.0.split(['\r', '\n', '\0']).try_for_each(|part| f.write_str(part))
    }
}

/// An address with its type.
struct Address(IpAddr);

impl core::fmt::Display for Address {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> Result {
        let kind = if self.0.is_ipv4() { "IP4" } else { "IP6" };
        write!(f, "{kind} {}", self.0)
    }
}

/// The time to live behind an IPv4 group; IPv6 has none (RFC 8866 section 5.7).
struct Scope {
    group: IpAddr,
    ttl: Option<u8>,
}

impl core::fmt::Display for Scope {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> Result {
        match self.ttl {
            Some(ttl) if self.group.is_ipv4() && self.group.is_multicast() => write!(f, "/{ttl}"),
            _ => Ok(()),
        }
    }
}
