//! What a publisher announces: read, and judged whether it can be handed on.

use streamsocket_wire::payload_format::PayloadFormat;
use streamsocket_wire::rtp::Ssrc;
use streamsocket_wire::sdp::{Framerate, Media, Medium, Session};

/// Media of a publisher at most: two cameras and two microphones.
pub(crate) const TRACKS_MAX: usize = 4;

/// Bytes at most of what is said again in announcements as the publisher has said it: a CNAME has no more (RFC 3550 section
/// 6.5).
const TEXT_MAX: usize = 255;

/// Bytes of a publisher's name at most: with that of its room it is the name of a session.
pub(crate) const NAME_MAX: usize = 64;

/// Formats that every viewer plays as they are, by their names.
const SOUND: [&str; 4] = ["L16", "OPUS", "PCMU", "PCMA"];

/// A medium that is going to be sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Announced {
    pub(crate) medium: Medium,
    /// What it is set up by (RFC 2326 section C.1.1); empty if it is the only one.
    pub(crate) control: String,
    pub(crate) payload_type: u8,
    pub(crate) encoding: String,
    pub(crate) clock_rate: u32,
    pub(crate) channels: u8,
    pub(crate) fmtp: Option<String>,
    pub(crate) bandwidth_kbit: Option<u32>,
    pub(crate) framerate: Option<Framerate>,
    pub(crate) size: Option<(u16, u16)>,
    pub(crate) ptime_ms: Option<u16>,
    pub(crate) ntp64_id: Option<u8>,
    pub(crate) ssrc: Option<Ssrc>,
    pub(crate) cname: Option<String>,
    pub(crate) clock: Option<String>,
}

/// The media of a description.
///
/// # Errors
/// In words: why they cannot be handed on.
pub(crate) fn announced(sdp: &str) -> Result<Vec<Announced>, String> {
    let mut left_out = None;
    let read = Session::parse_leaving_out(sdp, &mut |why| left_out = left_out.or(Some(why)));
    let session = read.map_err(|why| format!("its description cannot be read: {why}"))?;
    if let Some(why) = left_out {
        return Err(format!("a part of its description cannot be read: {why}"));
    }
    if session.media.len() > TRACKS_MAX {
        return Err(format!(
            "it has {} media, and {TRACKS_MAX} can be handed on",
            session.media.len()
        ));
    }
    session.media.iter().map(medium).collect()
}

/// A medium of a camera: what it is set up by, and what it is, or why it is not handed on.
pub(crate) type OfCamera = (String, Result<Announced, String>);

/// The media of a camera, with what each is set up by; those that are not handed on with why.
///
/// # Errors
/// In words: nothing of it can be handed on.
pub(crate) fn described(sdp: &str) -> Result<Vec<OfCamera>, String> {
    let session = Session::parse_leaving_out(sdp, &mut |_| {});
    let session = session.map_err(|why| format!("has a description that cannot be read: {why}"))?;
    let control = |media: &Media<'_>| media.control.or(session.control).unwrap_or("*").to_owned();
    let media = session.media.iter().take(TRACKS_MAX).map(|it| (control(it), medium(it)));
    let media: Vec<_> = media.collect();
    if media.iter().any(|(_, it)| it.is_ok()) {
        return Ok(media);
    }
    let why = media.into_iter().find_map(|(_, it)| it.err());
    Err(why.unwrap_or_else(|| "it has neither pictures nor sound".to_owned()))
}

fn medium(media: &Media<'_>) -> Result<Announced, String> {
    if media.sealed {
        return Err("it is protected (SRTP), which is not handed on".into());
    }
    let format = media.formats.first().filter(|format| fits(media.medium, format));
    let Some(format) = format else {
        let named: Vec<_> = media.formats.iter().map(|it| shown(it.encoding)).collect();
        return Err(format!(
            "it has {}, and JPEG (RFC 2435), L16, Opus, PCMU and PCMA can be handed on; ffmpeg: -c:v mjpeg -huffman default -pix_fmt yuvj420p -c:a pcm_s16be",
            named.join(", ")
        ));
    };
    Ok(Announced {
        medium: media.medium,
        control: media.control.unwrap_or_default().to_owned(),
        payload_type: format.number,
        encoding: format.encoding.to_owned(),
        clock_rate: format.clock_rate,
        channels: format.channels,
        fmtp: told(format.fmtp),
        bandwidth_kbit: media.bandwidth_kbit,
        framerate: media.framerate,
        size: media.size,
        ptime_ms: media.ptime_ms,
        ntp64_id: media.ntp64_id,
        ssrc: media.ssrc,
        cname: told(media.cname),
        clock: told(media.clock),
    })
}

/// What is said again, unless it is too long or could be read as something else.
fn told(text: Option<&str>) -> Option<String> {
    text.filter(|it| it.len() <= TEXT_MAX && it.chars().all(is_plain)).map(str::to_owned)
}

/// Whether somebody can publish under that name.
pub(crate) fn is_publisher_name(name: &str) -> bool {
    let plain = |it: char| is_plain(it) && it != '/';
    (1..=NAME_MAX).contains(&name.len()) && name.chars().all(plain) && name.trim() == name
}

/// Whether a character shows as what it is: it neither controls, nor ends a line, nor is invisible, nor turns the direction
/// of what follows.
fn is_plain(it: char) -> bool {
    let hidden = matches!(
        it,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    );
    !it.is_control() && !hidden
}

/// Whether a format is handed on.
fn fits(medium: Medium, format: &PayloadFormat<'_>) -> bool {
    match medium {
        Medium::Video => format.is("JPEG") && format.clock_rate == PayloadFormat::JPEG.clock_rate,
        Medium::Audio => SOUND.iter().any(|name| format.is(name)) && format.clock_rate > 0,
    }
}

/// A name out of a description, fit for a log line.
fn shown(name: &str) -> String {
    name.chars().take(24).map(|it| if it.is_control() { '?' } else { it }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As ffmpeg 7 announces it.
    const FFMPEG: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=No Name\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
        a=tool:libavformat\r\nm=video 0 RTP/AVP 26\r\nb=AS:200\r\na=control:streamid=0\r\n\
        m=audio 0 RTP/AVP 97\r\nb=AS:1536\r\na=rtpmap:97 L16/48000/2\r\na=control:streamid=1\r\n";

    #[test]
    fn what_ffmpeg_announces_is_taken() {
        let media = announced(FFMPEG).unwrap();
        let of = |it: &Announced| (it.payload_type, it.clock_rate, it.channels, it.control.clone());
        let media: Vec<_> = media.iter().map(of).collect();
        assert_eq!(
            media,
            [(26, 90_000, 1, "streamid=0".into()), (97, 48_000, 2, "streamid=1".into())]
        );
    }

    #[test]
    fn what_could_be_read_as_something_else_is_not_told() {
        let of = |text: &str| {
            let more = format!("a=ssrc:7 cname:{text}\r\na=fmtp:97 {text}\r\n");
            let media = announced(&(FFMPEG.to_owned() + &more)).unwrap();
            (media[1].cname.clone(), media[1].fmtp.clone())
        };
        assert_eq!(of("me@there"), (Some("me@there".into()), Some("me@there".into())));
        let long = "x".repeat(256);
        for text in ["a\u{2028}b", "a\u{202e}b", "a\u{85}b", "a\u{1b}[1m", "a\u{feff}", &long] {
            assert_eq!(of(text), (None, None), "{text:?}");
        }
        assert_eq!(of(&long[1..]).0.as_deref(), Some(&long[1..]));
    }

    #[test]
    fn sound_may_be_what_every_viewer_plays() {
        for map in ["L16/44100/1", "opus/48000/2", "PCMU/8000", "pcma/8000/1"] {
            assert!(announced(&FFMPEG.replace("L16/48000/2", map)).is_ok(), "{map}");
        }
    }

    #[test]
    fn what_is_not_handed_on_is_told() {
        for (from, to, said) in [
            ("L16/48000/2", "MPEG4-GENERIC/48000/2", "it has MPEG4-GENERIC, and JPEG"),
            ("RTP/AVP 26", "RTP/AVP 34", "it has H263, and JPEG"),
            ("RTP/AVP 26", "RTP/AVP 96", "a format that is known"),
            ("RTP/AVP 26", "RTP/SAVP 26", "it is protected (SRTP)"),
            ("RTP/AVP 97", "UDP 97", "neither by RTP"),
            ("v=0", "w=0", "cannot be read"),
        ] {
            let why = announced(&FFMPEG.replacen(from, to, 1)).unwrap_err();
            assert!(why.contains(said) && !why.contains('\n'), "{to}: {why}");
        }
        let many = "m=video 0 RTP/AVP 26\r\na=control:x\r\n".repeat(5);
        let why = announced(&format!("v=0\r\nc=IN IP4 0.0.0.0\r\n{many}")).unwrap_err();
        assert!(why.starts_with("it has 5 media, and 4"), "{why}");
        assert!(announced("").is_err());
    }
}
