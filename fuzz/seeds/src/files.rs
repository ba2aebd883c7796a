//! Pictures, sound, descriptions and configurations.

use super::Seeds;
use streamsocket_cmaf::track::Track;
use streamsocket_wire::jpeg::{Parameters, Sampling};
use streamsocket_wire::jpeg_header::{HEADER_MAX, emit};
use streamsocket_wire::payload_format::PayloadFormat;
use streamsocket_wire::rtp::Ssrc;
use streamsocket_wire::sap::Announcement;
use streamsocket_wire::sdp::{Framerate, Media, Medium, Repair, Session};
use streamsocket_wire::shared_clock::SharedClock;

const CONFIGURATION: &str =
    "video = 'file:clip.mjpeg'\naudio = \"alsa:hw:CARD=C920\"\nsize = '1280x720'
fps = 29.97\ncontrol = ['brightness=40', 'gain=1']\nwait = true\nav-offset = -30\nloop = true
to = ['239.255.42.42:5004', '[ff15::1]:6000']\ninterface = 'eth0'\nttl = 4\npacket-size = 1200
pace = '40M'\nrepair = '20%'\nmax-bitrate = '20M'\nname = 'Küche'\nsdp = 'a.sdp'\nno-announce = true
stats = '-'\n";

const ESCAPED: &str = "video = \"a\\nb\\u001b\"\n\"c\\td\" = 1\n";

/// As others write them: lines ended by LF, a host's name, ports with a number behind, static payload types,
/// media of other kinds, no time to live.
const FOREIGN: [&str; 3] = [
    "v=0\no=- 1188340656180883 1 IN IP4 host\ns=x\ni=y\nt=0 0\na=tool:z\na=range:npt=now-
m=video 5000 RTP/AVP 26\nc=IN IP4 127.0.0.1\na=framesize:26 640-480\na=framerate:30.000000\n",
    "v=0\r\no=- 1 1 IN IP6 ::1\r\ns=-\r\nc=IN IP6 ff15::1/3\r\nt=0 0\r\nm=audio 5004/2 RTP/AVP 10\r
m=audio 0 RTP/AVP 11\r\nm=text 9 UDP t140\r\nm=audio 6 RTP/AVP 97\r\na=rtpmap:97 L16/16000\r\n",
    "v=0\nc=IN IP4 232.1.1.1/127/3\na=source-filter: incl IN IP4 * 192.0.2.1\nm=video 4 RTP/AVPF 96
a=rtpmap:96 JPEG/90000\na=x-dimensions:4000,3000\na=extmap:3/recvonly urn:ietf:params:rtp-hdrext:ntp-64\n",
];

pub(super) fn seeds() -> Vec<Seeds> {
    let pictures = [picture(Sampling::S422, 0), picture(Sampling::S420, 7)];
    let descriptions: Vec<_> =
        FOREIGN.map(String::from).into_iter().chain([description()]).collect();
    let announcements = descriptions.iter().enumerate();
    let announcements = announcements.map(|(number, text)| announcement(text, number % 2 == 1));
    let streams =
        [(9, [&pictures[0][..], &pictures[1]].concat()), (0, [b"x", &pictures[1][..]].concat())];
    let sounds = [(7, sound(1, 0)), (0, sound(2, u32::MAX))];
    let configurations = CONFIGURATION.split_inclusive('\n').chain([CONFIGURATION, ESCAPED]);
    let numbered = |(number, bytes): (u8, Vec<u8>)| [&[number][..], &bytes].concat();
    vec![
        ("jpeg_scan", pictures.to_vec()),
        ("jpeg_parts", PICTURES.iter().map(|picture| cut(picture)).collect()),
        ("opus", SOUNDS.map(Vec::from).to_vec()),
        ("normalise", PICTURES.iter().flat_map(|picture| wishes(picture)).collect()),
        ("mjpeg", streams.into_iter().map(numbered).collect()),
        ("http", ANSWERS.map(|answer| numbered((6, Vec::from(answer)))).to_vec()),
        ("gateway", REQUESTS.map(Vec::from).to_vec()),
        ("wav", sounds.into_iter().map(numbered).collect()),
        ("sap", announcements.collect()),
        ("sdp", descriptions.into_iter().map(String::into_bytes).collect()),
        ("configuration", configurations.map(Vec::from).collect()),
        ("cmaf", segmented()),
    ]
}

/// A time, a picture in Annex B with its parameter sets, and init segments of pictures and of sound.
fn segmented() -> Vec<Vec<u8>> {
    let (sps, pps) = (vec![0x67, 0x42, 0xc0, 0x1f, 0xda, 0x01], vec![0x68, 0xce, 0x3c, 0x80]);
    let start = [0, 0, 0, 1];
    let picture = [&start, &sps[..], &start, &pps, &start[1..], &[0x65, 0x88, 0x84]].concat();
    let tracks =
        [Track::H264 { sps, pps, size: (1280, 720) }, Track::Aac { rate: 48_000, channels: 2 }];
    let times = [b"2026-01-02T03:04:05.678Z".to_vec(), b"2026-01-02T05:04:05+02:00".to_vec()];
    let inits = tracks.iter().map(|track| track.init().to_vec());
    times.into_iter().chain([picture]).chain(inits).collect()
}

/// Opus: 20 ms of silence in stereo, and the first bytes of what is SILK, hybrid, and of several frames.
const SOUNDS: [&[u8]; 4] = [
    b"\x01\xfc\xff\xfe\x03",
    b"\x00\x0b\x12\x34\x56\x04",
    b"\x01\x63\x03\x01\x02\x03\x06",
    b"\x00\x7b\x83\x01\x02",
];

/// Answers of cameras: a stream in chunks, challenges, a redirect, and one without a type.
const ANSWERS: [&str; 5] = [
    "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=x\r\nTransfer-Encoding: chunked\r\n\r\n\
     1a;y\r\n--x\r\nContent-Length: 2\r\n\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    "HTTP/1.1 401 x\r\nWWW-Authenticate: Basic realm=\"a\"\r\n\
     WWW-Authenticate: Digest realm=\"a\", nonce=\"b\", qop=\"auth\", algorithm=SHA-256, stale=true\r\n\r\n",
    "HTTP/1.0 302 Found\nLocation: http://other:81/a?b#c\n\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n --x\r\n",
    "ICY 200 OK\r\nContent-Type: image/jpeg\r\n folded\r\n\r\nx",
];

/// What browsers and programs ask the gateway, and a question on a WebSocket.
const REQUESTS: [&[u8]; 5] = [
    b"GET /?action=stream&fps=5 HTTP/1.1\r\nHost: pi.local:8080\r\nOrigin: http://pi.local:8080\r\n\r\n",
    b"GET /Attic/stream?length=0 HTTP/1.0\r\nUser-Agent: Mozilla/5.0\r\nX-Forwarded-For: 10.0.0.1, ::1\r\n\r\n",
    b"GET /%41ttic/snapshot HTTP/1.1\r\nHost: [::1]\r\nCookie: a=b; streamsocket=0\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n",
    b"POST /status HTTP/1.1\r\nHost: pi\r\nTransfer-Encoding: chunked\r\nForwarded: for=\"[::1]:9\"\r\n\r\n1\r\na\r\n0\r\n\r\n",
    b"GET /Attic/ws HTTP/1.1\r\nHost: pi\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
      Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81\x81\0\0\0\x001\x89\x80\0\0\0\0\x88\x80\0\0\0\0",
];

/// Pictures that can be decoded, and that RTP cannot carry as they are.
const PICTURES: [&[u8]; 2] = [
    include_bytes!("../../../convert/src/data/48x24.jpg"),
    include_bytes!("../../../convert/src/data/83x61-optimized-restart.jpg"),
];

/// A picture to be rewritten, and one to be encoded: the choice is the first word, as `arbitrary` reads
/// it.
fn wishes(picture: &[u8]) -> [Vec<u8>; 2] {
    [[0, 0, 0, 0], [0, 0, 0, 0x60]].map(|choice| [&choice[..], picture].concat())
}

/// A picture to be decoded in parts, which end at these bytes, as `arbitrary` reads it.
fn cut(picture: &[u8]) -> Vec<u8> {
    let cuts = [20, 300, 700, 1000].map(u16::to_le_bytes);
    [cuts.as_flattened(), picture].concat()
}

/// A picture with a few bytes of coded data.
pub(super) fn picture(sampling: Sampling, restart_interval: u16) -> Vec<u8> {
    let tables = [[9; 64], [17; 64]];
    let picture = Parameters { width: 640, height: 480, sampling, restart_interval, tables };
    let mut header = [0; HEADER_MAX];
    let len = emit(&picture, &mut header).unwrap_or(0);
    let coded = [0x11, 0x22, 0xFF, 0x00, 0x33, 0xFF, 0xD0, 0x44, 0x55, 0xFF, 0xD9];
    [&header[..len], &coded].concat()
}

/// 16-bit samples, the data of this size as the header says it.
fn sound(channels: u16, size: u32) -> Vec<u8> {
    let mut file = b"RIFF\xff\xff\xff\xffWAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0\x01\0".to_vec();
    file.extend(channels.to_le_bytes());
    file.extend(8_000_u32.to_le_bytes());
    file.extend((16_000 * u32::from(channels)).to_le_bytes());
    file.extend((2 * channels).to_le_bytes());
    file.extend(b"\x10\0data");
    file.extend(size.to_le_bytes());
    file.extend((0..100_u8).flat_map(|sample| [sample, 0]));
    file
}

fn description() -> String {
    let mut video = Media::of(Medium::Video, 5004, PayloadFormat::JPEG);
    video.bandwidth_kbit = Some(28_000);
    video.framerate = Some(Framerate(29_970));
    video.size = Some((640, 480));
    video.repair = Some(Repair { payload_type: 98, to: ([239, 255, 1, 3], 5008).into() });
    let mut audio = Media::of(Medium::Audio, 5006, PayloadFormat::l16(97, 48_000, 2));
    audio.ptime_ms = Some(5);
    audio.shared = Some(SharedClock { clock: 9, ahead: -10 });
    for (media, ssrc, mid) in [(&mut video, 1, "v"), (&mut audio, 2, "a")] {
        (media.ntp64_id, media.ssrc, media.mid) = (Some(1), Some(Ssrc(ssrc)), Some(mid));
        (media.cname, media.clock) = (Some("x@y"), Some("ntp=/traceable/"));
    }
    let session = Session {
        name: "name",
        info: Some("text"),
        tool: Some("tool"),
        session_id: 1,
        version: 2,
        origin: [127, 0, 0, 1].into(),
        group: [239, 255, 1, 2].into(),
        ttl: Some(1),
        sources: [[127, 0, 0, 1].into()].into_iter().collect(),
        rtcp_unicast: true,
        tier: None,
        room: None,
        protected: None,
        rtsp: Some("rtsp://127.0.0.1:8554/"),
        control: None,
        media: [video, audio].into_iter().collect(),
    };
    let mut text = String::new();
    session.write(&mut text).map_or_else(|_| String::new(), |()| text)
}

fn announcement(text: &str, is_v6: bool) -> Vec<u8> {
    let origin = if is_v6 { [0xFE80, 0, 0, 0, 0, 0, 0, 1].into() } else { [192, 0, 2, 1].into() };
    let announcement = Announcement { deletion: is_v6, hash: 7, origin, payload: text.as_bytes() };
    let mut out = vec![0; text.len() + 64];
    let len = announcement.emit(&mut out).unwrap_or(0);
    out.truncate(len);
    out
}
