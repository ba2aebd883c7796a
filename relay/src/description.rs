//! What viewers are told of a publisher's session: an ordinary session, with what the publisher has said of its media.

use crate::offer::Announced;
use std::net::IpAddr;
use streamsocket_rtsp::target::track_url;
use streamsocket_wire::payload_format::PayloadFormat;
use streamsocket_wire::sdp::{MEDIA_MAX, Media, Medium, Session, Sources};
use streamsocket_wire::shared_clock::SharedClock;

/// Port of the first medium; the next one's is two above. That of a session is the same everywhere.
pub(crate) const PORT: u16 = 5004;

/// Routers that packets may pass: they stay on the LAN.
pub(crate) const TTL: u8 = 1;

/// A session, as it is described.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Described<'a> {
    pub(crate) room: &'a str,
    /// The name of the session, in which that of the room is.
    pub(crate) name: &'a str,
    pub(crate) session_id: u64,
    /// Descriptions of it so far.
    pub(crate) changes: u64,
    /// Where its packets come from.
    pub(crate) origin: IpAddr,
    pub(crate) group: IpAddr,
    /// Where it is asked for one by one.
    pub(crate) rtsp: Option<&'a str>,
    /// Its media, each with its place among those that were announced.
    pub(crate) media: &'a [(usize, &'a Announced)],
    /// How the clock of each of them stands against the relay's, as far as it is known.
    pub(crate) clocks: &'a [Option<SharedClock>],
}

/// The port of a medium, by its place among those that were announced.
pub(crate) fn port(index: usize) -> u16 {
    PORT + 2 * u16::try_from(index).unwrap_or(0)
}

/// The name of a publisher's session.
pub(crate) fn session_name(room: &str, name: &str) -> String {
    format!("{room}, {name}")
}

impl Described<'_> {
    /// The description as text.
    ///
    /// # Errors
    /// There are more media than a description holds.
    pub(crate) fn text(&self) -> Result<String, std::fmt::Error> {
        let mids = self.mids();
        let mut media = heapless::Vec::<_, MEDIA_MAX>::new();
        for (number, mid) in mids.iter().enumerate() {
            let medium = self.medium(number, mid).ok_or(std::fmt::Error)?;
            media.push(medium).map_err(|_| std::fmt::Error)?;
        }
        let mut text = String::new();
        self.session(media).write(&mut text)?;
        Ok(text)
    }

    /// The description for who asks for it over RTSP at `base`, from an address of this family: where packets go is
    /// settled for each medium.
    ///
    /// # Errors
    /// As [`text`](Self::text).
    pub(crate) fn served(&self, base: &str, ipv6: bool) -> Result<String, std::fmt::Error> {
        let anywhere = if ipv6 { IpAddr::from([0_u16; 8]) } else { IpAddr::from([0, 0, 0, 0]) };
        let mids = self.mids();
        let controls: Vec<_> = mids.iter().map(|mid| track_url(base, mid)).collect();
        let mut media = heapless::Vec::<_, MEDIA_MAX>::new();
        for (number, (mid, control)) in mids.iter().zip(&controls).enumerate() {
            let mut served = self.medium(number, mid).ok_or(std::fmt::Error)?;
            (served.port, served.control) = (0, Some(control.as_str()));
            media.push(served).map_err(|_| std::fmt::Error)?;
        }
        let session = Session {
            group: anywhere,
            ttl: None,
            sources: Sources::new(),
            rtsp: None,
            control: Some(base),
            ..self.session(media)
        };
        let mut text = String::new();
        session.write(&mut text)?;
        Ok(text)
    }

    /// The names of its media (RFC 5888).
    pub(crate) fn mids(&self) -> Vec<String> {
        names(self.media)
    }

    /// One of its media, under that name.
    fn medium<'b>(&'b self, number: usize, mid: &'b str) -> Option<Media<'b>> {
        let (index, announced) = self.media.get(number)?;
        let shared = self.clocks.get(number).copied().flatten();
        Some(Media { shared, ..described(*index, announced, mid) })
    }

    /// The group and the ports of one of its media.
    pub(crate) fn group_and_ports(&self, number: usize) -> Option<(IpAddr, [u16; 2])> {
        let (index, _) = self.media.get(number)?;
        Some((self.group, [port(*index), port(*index) + 1]))
    }

    fn session<'b>(&'b self, media: heapless::Vec<Media<'b>, MEDIA_MAX>) -> Session<'b> {
        Session {
            name: self.name,
            info: None,
            tool: Some(concat!("streamsocket-relay ", env!("CARGO_PKG_VERSION"))),
            session_id: self.session_id,
            version: self.session_id.saturating_add(self.changes),
            origin: self.origin,
            group: self.group,
            ttl: Some(TTL),
            sources: [self.origin].into_iter().collect(),
            // What viewers report is for each other: nobody here sums it up.
            rtcp_unicast: false,
            tier: None,
            room: Some(self.room),
            protected: None,
            rtsp: self.rtsp,
            control: None,
            media,
        }
    }
}

/// A name in the session for each medium (RFC 5888).
fn names(media: &[(usize, &Announced)]) -> Vec<String> {
    let (mut pictures, mut sounds) = (0, 0);
    let name = |(_, announced): &(usize, &Announced)| {
        let (letter, count) = match announced.medium {
            Medium::Video => ("v", &mut pictures),
            Medium::Audio => ("a", &mut sounds),
        };
        *count += 1;
        if *count == 1 { letter.to_owned() } else { format!("{letter}{count}") }
    };
    media.iter().map(name).collect()
}

fn described<'a>(index: usize, it: &'a Announced, mid: &'a str) -> Media<'a> {
    let format = PayloadFormat {
        number: it.payload_type,
        encoding: &it.encoding,
        clock_rate: it.clock_rate,
        channels: it.channels,
        fmtp: it.fmtp.as_deref(),
    };
    Media {
        bandwidth_kbit: it.bandwidth_kbit,
        framerate: it.framerate,
        size: it.size,
        ptime_ms: it.ptime_ms,
        ntp64_id: it.ntp64_id,
        ssrc: it.ssrc,
        cname: it.cname.as_deref(),
        clock: it.clock.as_deref(),
        mid: Some(mid),
        ..Media::of(it.medium, port(index), format)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offer::announced;

    #[test]
    fn a_publisher_becomes_an_ordinary_session_in_a_room() {
        let sdp = "v=0\r\ns=x\r\nc=IN IP4 0.0.0.0\r\nm=video 0 RTP/AVP 26\r\na=control:0\r\na=framerate:25\r\n\
                   a=extmap:1 urn:ietf:params:rtp-hdrext:ntp-64\r\na=ssrc:77 cname:me@there\r\n\
                   m=audio 0 RTP/AVP 98\r\na=control:1\r\na=rtpmap:98 opus/48000/2\r\na=fmtp:98 stereo=1\r\n";
        let media = announced(sdp).unwrap();
        let media: Vec<_> = media.iter().enumerate().collect();
        let name = session_name("lesson", "Anna");
        let described = Described {
            room: "lesson",
            name: &name,
            session_id: 70,
            changes: 2,
            origin: [192, 0, 2, 1].into(),
            group: [239, 255, 7, 4].into(),
            rtsp: Some("rtsp://192.0.2.1:8554/lesson/Anna"),
            media: &media,
            clocks: &[None, Some(SharedClock { clock: 1, ahead: -5 })],
        };
        let text = described.text().unwrap();
        let read = Session::parse(&text).unwrap();
        assert_eq!((read.name, read.room), ("lesson, Anna", Some("lesson")));
        assert_eq!((read.session_id, read.version), (70, 72));
        assert_eq!((read.ttl, &*read.sources), (Some(1), &[IpAddr::from([192, 0, 2, 1])][..]));
        let [video, audio] = &*read.media else { panic!("{text}") };
        assert_eq!((video.port, video.rtcp_port, audio.port), (5004, 5005, 5006));
        assert_eq!((video.ntp64_id, video.cname), (Some(1), Some("me@there")));
        assert_eq!(audio.formats[0].fmtp, Some("stereo=1"));
        assert!(text.contains("a=group:LS v a\r\n") && !text.contains("control"), "{text}");
        assert_eq!(read.rtsp, described.rtsp);
        let served = described.served("rtsp://relay/lesson/Anna", false).unwrap();
        let served = Session::parse(&served).unwrap();
        for media in [&read.media, &served.media] {
            assert_eq!((media[0].shared, media[1].shared), (None, described.clocks[1]));
        }
        assert_eq!((served.rtsp, served.control), (None, Some("rtsp://relay/lesson/Anna")));
        assert_eq!(served.media[1].control, Some("rtsp://relay/lesson/Anna/trackID=a"));
        assert_eq!(described.group_and_ports(1), Some((described.group, [5006, 5007])));
        // Of two, the second alone was set up.
        let alone = Described { media: &media[1..], ..described };
        assert_eq!(Session::parse(&alone.text().unwrap()).unwrap().media[0].port, 5006);
    }
}
