use super::*;
use crate::rtp::Ssrc;
use proptest::prelude::*;
extern crate std;
use std::string::{String, ToString};

fn ours() -> Session<'static> {
    let mut video = Media::new(Medium::Video, 5004);
    video.payload_type = 26;
    video.encoding = "JPEG";
    video.clock_rate = 90_000;
    video.bandwidth_kbit = Some(28_000);
    video.framerate = Some(Framerate(29_970));
    video.size = Some((640, 480));
    let mut audio = Media::new(Medium::Audio, 5006);
    audio.payload_type = 97;
    audio.encoding = "L16";
    audio.clock_rate = 48_000;
    audio.channels = 2;
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
        source: Some([127, 0, 0, 1].into()),
        rtcp_unicast: true,
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
    assert_eq!((session.media[0].encoding, session.media[0].clock_rate), ("JPEG", 90_000));
    assert_eq!((session.media[1].clock_rate, session.media[1].channels), (48_000, 2));
    assert_eq!(session.media[1].rtcp_port, 5007);
}

#[test]
fn ipv6_has_no_time_to_live() {
    let group = IpAddr::from([0xFF15, 0, 0, 0, 0, 0, 0, 1]);
    let session = Session { group, source: None, ..ours() };
    assert!(text(&session).contains("c=IN IP6 ff15::1\r\n"));
    assert_eq!(Session::parse(&text(&session)).unwrap().group, group);
}

#[test]
fn texts_cannot_add_lines() {
    let session = Session { name: "a\r\nm=audio 1 RTP/AVP 0\0", ..ours() };
    assert_eq!(Session::parse(&text(&session)).unwrap().media.len(), 2);
    let mut session = ours();
    session.media[0].mid = Some("v\r\nm=audio 1 RTP/AVP 0");
    session.media[1].encoding = "L16\r";
    assert_eq!(text(&session).split(['\r', '\n']).count(), OURS.split(['\r', '\n']).count());
}

#[test]
fn the_name_of_an_encoding_has_no_control_characters() {
    let named = OURS.replace("L16", "L\r16");
    assert!(Session::parse(&named).unwrap_err().to_string().contains("rtpmap"));
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
