use super::*;
use crate::rtp::Ssrc;
use proptest::prelude::*;
extern crate std;
use std::string::{String, ToString};

fn ours() -> Session<'static> {
    let mut video = Media::of(Medium::Video, 5004, PayloadFormat::JPEG);
    video.bandwidth_kbit = Some(28_000);
    video.framerate = Some(Framerate(29_970));
    video.size = Some((640, 480));
    let mut audio = Media::of(Medium::Audio, 5006, PayloadFormat::l16(97, 48_000, 2));
    audio.ptime_ms = Some(5);
    for (media, ssrc, mid) in [(&mut video, 286_331_153, "v"), (&mut audio, 572_662_306, "a")] {
        media.ntp64_id = Some(1);
        media.ssrc = Some(Ssrc(ssrc));
        media.cname = Some("x@y");
        media.clock = Some("ntp=/traceable/");
        media.mid = Some(mid);
    }
    Session {
        name: "NAME",
        info: Some("TEXT"),
        tool: Some("test 1"),
        session_id: 1_700_000_000,
        version: 1,
        origin: [127, 0, 0, 1].into(),
        group: [239, 255, 42, 42].into(),
        ttl: Some(1),
        sources: [[127, 0, 0, 1].into()].into_iter().collect(),
        rtcp_unicast: true,
        tier: None,
        room: None,
        protected: None,
        rtsp: Some("rtsp://127.0.0.1:8554/"),
        control: None,
        media: [video, audio].into_iter().collect(),
    }
}

const OURS: &str = "v=0\r
o=- 1700000000 1 IN IP4 127.0.0.1\r
s=NAME\r
i=TEXT\r
c=IN IP4 239.255.42.42/1\r
t=0 0\r
a=tool:test 1\r
a=type:broadcast\r
a=recvonly\r
a=source-filter: incl IN IP4 239.255.42.42 127.0.0.1\r
a=rtcp-unicast:rsi\r
a=x-rtsp:rtsp://127.0.0.1:8554/\r
a=group:LS v a\r
m=video 5004 RTP/AVP 26\r
b=AS:28000\r
a=rtpmap:26 JPEG/90000\r
a=mid:v\r
a=rtcp:5005\r
a=framerate:29.970\r
a=framesize:26 640-480\r
a=x-dimensions:640,480\r
a=extmap:1 urn:ietf:params:rtp-hdrext:ntp-64\r
a=ssrc:286331153 cname:x@y\r
a=ts-refclk:ntp=/traceable/\r
a=mediaclk:sender\r
m=audio 5006 RTP/AVP 97\r
a=rtpmap:97 L16/48000/2\r
a=mid:a\r
a=rtcp:5007\r
a=ptime:5\r
a=extmap:1 urn:ietf:params:rtp-hdrext:ntp-64\r
a=ssrc:572662306 cname:x@y\r
a=ts-refclk:ntp=/traceable/\r
a=mediaclk:sender\r
";

fn text(session: &Session<'_>) -> String {
    let mut text = String::new();
    session.write(&mut text).unwrap();
    text
}

#[test]
fn ours_is_this_text() {
    assert_eq!(text(&ours()), OURS);
    assert_eq!(Session::parse(OURS), Ok(ours()));
}

#[test]
fn a_description_over_rtsp_has_no_ports_but_controls() {
    let mut session = ours();
    (session.group, session.ttl, session.rtsp) = ([0, 0, 0, 0].into(), None, None);
    (session.control, session.sources) = (Some("rtsp://pi"), Sources::new());
    for (media, control) in session.media.iter_mut().zip(["rtsp://pi/v", "rtsp://pi/a"]) {
        (media.port, media.rtcp_port, media.control) = (0, 1, Some(control));
    }
    let text = text(&session);
    assert!(text.contains("\r\nc=IN IP4 0.0.0.0\r\n") && !text.contains("a=rtcp:"), "{text}");
    assert!(text.contains("\r\na=range:npt=now-\r\na=control:rtsp://pi\r\n"), "{text}");
    assert!(text.contains("\r\nm=audio 0 RTP/AVP 97\r\n"), "{text}");
    assert_eq!(Session::parse(&text), Ok(session));
    // Without a control a port of 0 means that there is nothing (RFC 3264 section 6).
    let refused = text.replace("a=control:rtsp://pi/a\r\n", "");
    assert_eq!(Session::parse(&refused).unwrap().media.len(), 1);
}

#[test]
fn a_protected_session_says_so_and_its_media_are_sent_by_srtp() {
    let mut session = ours();
    session.protected = Some("AEAD_AES_128_GCM");
    session.media.iter_mut().for_each(|media| (media.sealed, media.rollovers) = (true, None));
    let text = text(&session);
    assert!(text.contains("\r\na=x-protected:AEAD_AES_128_GCM\r\n"), "{text}");
    assert!(text.contains("\r\nm=video 5004 RTP/SAVP 26\r\n"), "{text}");
    assert_eq!(Session::parse(&text), Ok(session));
}

#[test]
fn a_session_is_known_by_its_origin_whatever_the_version() {
    let known = identity(OURS);
    assert_eq!(known, Some(["-", "1700000000", "IN", "IP4", "127.0.0.1"]));
    assert_eq!(identity("o=- 1700000000 7 IN IP4 127.0.0.1\r\n"), known);
    assert_ne!(identity("o=- 1700000001 1 IN IP4 127.0.0.1\r\n"), known);
    assert_eq!(identity("v=0\r\no=- 1\r\n"), None);
}

#[test]
fn others_read_ours() {
    let theirs = sdp_types::Session::parse(OURS.as_bytes()).unwrap();
    assert_eq!(theirs.session_name, "NAME");
    assert_eq!(theirs.connection.unwrap().connection_address, "239.255.42.42/1");
    assert_eq!(theirs.medias.len(), 2);
    assert_eq!((theirs.medias[1].port, &theirs.medias[1].fmt[..]), (5006, "97"));
    let map = theirs.medias[1].get_first_attribute_value("rtpmap").unwrap();
    assert_eq!(map, Some("97 L16/48000/2"));
}

#[test]
fn what_ffmpeg_writes_is_read() {
    let session = Session::parse(
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=No Name\nt=0 0\na=tool:libavformat\n\
         m=video 5004 RTP/AVP 26\nc=IN IP4 127.0.0.1\nb=AS:200\n\
         m=audio 5006 RTP/AVP 97\nc=IN IP4 127.0.0.1\nb=AS:1536\na=rtpmap:97 L16/48000/2\n",
    )
    .unwrap();
    assert_eq!(session.group, IpAddr::from([127, 0, 0, 1]));
    let [video, audio] = [0, 1].map(|index| session.media[index].formats[0]);
    assert_eq!((video.encoding, video.clock_rate), ("JPEG", 90_000));
    assert_eq!((audio.clock_rate, audio.channels), (48_000, 2));
    assert_eq!(session.media[1].rtcp_port, 5007);
}

#[test]
fn a_tier_names_the_session_that_it_is_of() {
    let tier = Some(Tier { name: "low", of: 1_700_000_001 });
    let text = text(&Session { tier, ..ours() });
    assert!(text.contains("a=rtcp-unicast:rsi\r\na=x-tier:low 1700000001\r\na=x-rtsp:"), "{text}");
    assert_eq!(Session::parse(&text).unwrap().tier, tier);
    for wrong in ["a=x-tier:low", "a=x-tier:", "a=x-tier", "a=x-tier:low x"] {
        let text = text.replace("a=x-tier:low 1700000001", wrong);
        assert_eq!(Session::parse(&text).unwrap().tier, None, "{wrong}");
    }
}

#[test]
fn the_room_of_a_session_is_a_line_of_it() {
    let text = text(&Session { room: Some("Lesson 3"), ..ours() });
    assert!(text.contains("a=rtcp-unicast:rsi\r\na=x-room:Lesson 3\r\na=x-rtsp:"), "{text}");
    assert_eq!(Session::parse(&text).unwrap().room, Some("Lesson 3"));
    for wrong in ["a=x-room:", "a=x-room: ", "a=x-room"] {
        let text = text.replace("a=x-room:Lesson 3", wrong);
        assert_eq!(Session::parse(&text).unwrap().room, None, "{wrong}");
    }
}

#[test]
fn how_a_clock_stands_against_a_shared_one_is_a_line_of_its_medium() {
    let told = SharedClock { clock: 7, ahead: -500_000_001 };
    let mut session = ours();
    session.media[1].shared = Some(told);
    let text = text(&session);
    assert!(text.ends_with("a=x-clock:0000000000000007 -500000001\r\n"), "{text}");
    let read = Session::parse(&text).unwrap();
    assert_eq!((read.media[0].shared, read.media[1].shared), (None, Some(told)));
    let wrong = text.replace("-500000001", "soon");
    assert_eq!(Session::parse(&wrong).unwrap().media[1].shared, None);
}

#[test]
fn ipv6_has_no_time_to_live() {
    let group = IpAddr::from([0xFF15, 0, 0, 0, 0, 0, 0, 1]);
    let session = Session { group, sources: Sources::new(), ..ours() };
    assert!(text(&session).contains("c=IN IP6 ff15::1\r\n"));
    assert_eq!(Session::parse(&text(&session)).unwrap().group, group);
}

#[test]
fn a_group_of_a_medium_has_the_time_to_live_of_the_session() {
    let mut session = ours();
    session.media[1].group = Some([239, 255, 42, 44].into());
    let text = text(&session);
    let medium = "m=audio 5006 RTP/AVP 97\r\nc=IN IP4 239.255.42.44/1\r\n";
    assert!(text.contains(medium), "{text}");
    assert!(text.contains("a=source-filter: incl IN IP4 * 127.0.0.1\r\n"), "{text}");
    assert_eq!(Session::parse(&text), Ok(session));
}

#[test]
fn texts_cannot_add_lines() {
    let session = Session { name: "a\r\nm=audio 1 RTP/AVP 0\0", ..ours() };
    assert_eq!(Session::parse(&text(&session)).unwrap().media.len(), 2);
    let mut session = ours();
    session.media[0].mid = Some("v\r\nm=audio 1 RTP/AVP 0");
    session.media[1].formats[0].encoding = "L16\r";
    assert_eq!(text(&session).split(['\r', '\n']).count(), OURS.split(['\r', '\n']).count());
    session.media[1].formats[0].fmtp = Some("x=1\r\nm=audio 1 RTP/AVP 0");
    assert_eq!(text(&session).split(['\r', '\n']).count(), OURS.split(['\r', '\n']).count() + 2);
}

#[test]
fn the_name_of_an_encoding_has_no_control_characters() {
    let named = OURS.replace("L16", "L\r16");
    assert_eq!(Session::parse(&named).unwrap().media.len(), 1);
}

#[test]
fn errors_name_the_line() {
    let error = |text: &str| Session::parse(text).unwrap_err().to_string();
    assert_eq!(error(""), "not a session description: it is empty");
    assert!(error("<html>\n").starts_with("line 1: expected a letter"));
    assert!(error("a=b\n").starts_with("line 1: not a session description"));
    assert!(error("v=0\nc=IN IP4 nowhere\n").starts_with("line 2: expected an address"));
    assert!(error("v=0\nm=video x RTP/AVP 26\n").starts_with("line 2: expected a medium"));
    assert!(error("v=0\nm=video 5004 RTP/AVP 26\n").contains("no address"));
    assert!(error("v=0\nm=application 5 udp x\nc=zzz\n").contains("neither video nor audio"));
    assert!(error("v=0\nc=IN IP4 1.2.3.4\nm=video 5004 RTP/AVP 96\n").contains("rtpmap"));
}

/// What is left of a description with this behind its first lines, and what is said of the rest.
fn left(media: &str) -> (std::vec::Vec<std::vec::Vec<String>>, std::vec::Vec<String>) {
    let text = std::format!("v=0\ns=x\nc=IN IP4 239.1.1.1\n{media}");
    let mut said = std::vec::Vec::new();
    let parsed = Session::parse_leaving_out(&text, &mut |error| said.push(error.to_string()));
    let format = |it: &PayloadFormat<'_>| std::format!("{} {}", it.number, it.encoding);
    let formats = |media: &Media<'_>| media.formats.iter().map(format).collect();
    (parsed.map_or_else(|_| [].into(), |it| it.media.iter().map(formats).collect()), said)
}

#[test]
fn a_medium_that_cannot_be_read_leaves_the_others() {
    const JPEG: &str = "m=video 5004 RTP/AVP 26\n";
    for (other, line, what) in [
        ("m=audio 5006 RTP/AVP 96\n", 5, "dynamic payload types need a=rtpmap"),
        ("m=audio 5006 RTP/AVP 96\na=rtpmap:97 L16/48000\n", 5, "dynamic payload types"),
        ("m=audio x RTP/AVP 0\n", 5, "a port from 1 to 65535"),
        ("m=audio 70000 RTP/AVP 0\n", 5, "a port from 1 to 65535"),
        ("m=audio\n", 5, "a port from 1 to 65535"),
        ("m=audio 5006 UDP/TLS/RTP/SAVPF 0\n", 5, "neither by RTP (RTP/AVP) nor"),
        ("m=audio 5006 RTP/AVP 0\nc=IN IP4 nowhere\n", 6, "expected an address"),
    ] {
        let expected = [[String::from("26 JPEG")]];
        for media in [[JPEG, other].concat(), [other, JPEG].concat()] {
            let (kept, said) = left(&media);
            assert_eq!(kept, expected, "{media}{said:?}");
            assert!(said.len() == 1 && said[0].contains(what), "{said:?}");
            let line = if media.starts_with(JPEG) { line } else { line - 1 };
            assert!(said[0].starts_with(&std::format!("line {line}: ")), "{said:?}");
        }
    }
    let (kept, said) = left(&std::format!("{JPEG}what is this\na=framerate:5\n"));
    assert_eq!((kept.len(), said.len()), (1, 1), "a line is passed over: {said:?}");
    assert_eq!(left(&JPEG.repeat(9)).1, ["line 12: more media than this program can receive"]);
}

#[test]
fn static_payload_types_need_no_map() {
    let (kept, said) = left("m=audio 5006 RTP/AVP 0 3 8 9 14 18 33\n");
    assert_eq!(kept, [["0 PCMU", "3 GSM", "8 PCMA", "9 G722", "14 MPA", "18 G729", "33 MP2T"]]);
    assert!(said.is_empty(), "{said:?}");
}

#[test]
fn all_formats_of_a_medium_are_looked_at() {
    let (kept, said) = left(
        "m=video 5004 RTP/AVP 96 120 26\na=rtpmap:96 H264/90000\n\
         m=audio 5006 RTP/AVP 0 97\na=rtpmap:97 L16/48000/2\na=rtpmap:0 PCMU/8000\n",
    );
    assert_eq!(kept, [["96 H264", "26 JPEG"], ["0 PCMU", "97 L16"]]);
    assert!(said.is_empty(), "{said:?}");
}

#[test]
fn parameters_of_a_format_are_written_and_read() {
    let mut session = ours();
    let opus = PayloadFormat {
        fmtp: Some("stereo=1;useinbandfec=1; x=a b"),
        ..PayloadFormat::new(96, "opus", 48_000, 2)
    };
    session.media[1].formats.insert(0, opus).unwrap();
    let text = text(&session);
    let lines = "m=audio 5006 RTP/AVP 96 97\r\na=rtpmap:96 opus/48000/2\r\n\
                 a=fmtp:96 stereo=1;useinbandfec=1; x=a b\r\na=rtpmap:97 L16/48000/2\r\n";
    assert!(text.contains(lines), "{text}");
    assert_eq!(Session::parse(&text), Ok(session));
}

#[test]
fn parameters_are_those_of_the_format_that_they_name() {
    let text = "v=0\ns=x\nc=IN IP4 239.1.1.1\nm=video 5004 RTP/AVP 96 26\n\
                a=fmtp:96 packetization-mode=1\na=rtpmap:96 H264/90000\na=fmtp:97 x=1\na=fmtp:26\n";
    let formats = &Session::parse(text).unwrap().media[0].formats;
    let parameters: std::vec::Vec<_> = formats.iter().map(|format| format.fmtp).collect();
    assert_eq!(parameters, [Some("packetization-mode=1"), None]);
    assert_eq!(formats[0].encoding, "H264");
    let control = text.replace("mode=1", "mode\r=1");
    assert_eq!(Session::parse(&control).unwrap().media[0].formats[0].fmtp, None);
}

#[test]
fn all_sources_of_a_filter_are_known_also_those_of_one_medium() {
    let text = "v=0\ns=x\nc=IN IP4 232.1.1.1\n\
                a=source-filter: incl IN IP4 * 192.0.2.1 192.0.2.2\n\
                a=source-filter: excl IN IP4 * 192.0.2.9\n\
                m=video 5004 RTP/AVP 26\nm=audio 5006 RTP/AVP 10\n\
                a=source-filter: incl IN IP4 232.1.1.1 192.0.2.3\n";
    let session = Session::parse(text).unwrap();
    let sources =
        |sources: &Sources| sources.iter().map(ToString::to_string).collect::<std::vec::Vec<_>>();
    assert_eq!(sources(&session.sources), ["192.0.2.1", "192.0.2.2"]);
    assert_eq!(sources(&session.media[1].sources), ["192.0.2.3"]);
    assert_eq!(Session::parse(&self::text(&session)).as_ref(), Ok(&session));
}

#[test]
fn a_text_out_of_a_buffer_ends_at_its_0() {
    for text in [[OURS, "\0"].concat(), [OURS, "\0\0a=b\0"].concat(), ["\u{feff}", OURS].concat()] {
        assert_eq!(Session::parse(&text), Ok(ours()));
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "(v=0\n)?([vosictabm]=[ -~]{0,30}\n){0,12}") {
        let _ = Session::parse(&text);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        let _ = Session::parse(&text);
    }
}
