use super::*;
use crate::clock::monotonic;
use crate::plan::Plan;
use mio::{Events, Poll};
use std::io::BufRead;
use std::net::TcpListener;
use std::thread::{JoinHandle, spawn};
use std::time::Duration;
use streamsocket_rtsp::address::Address;

/// A camera without pictures that are played here comes first.
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\n\
    m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:h264\r\n\
    m=video 0 RTP/AVP 26\r\na=control:jpeg\r\na=x-repair:98 7000 IN IP4 127.0.0.1\r\n\
    m=audio 0 RTP/AVP 97\r\na=rtpmap:97 L16/48000/2\r\na=control:sound\r\n";

/// Packets that the server sends, by their channels.
const SENT: [(u8, &[u8]); 5] =
    [(6, b"pictures"), (7, b"reports"), (0, b"nobody's"), (8, b"sound"), (9, b"its reports")];

/// A server for one connection, which grants channels from 6 on; returns what it was asked for.
fn serve(sdp: String) -> (SocketAddr, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = listener.local_addr().unwrap();
    let answer = move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut lines, mut asked, mut channel) =
            (io::BufReader::new(stream.try_clone().unwrap()), Vec::new(), 6);
        loop {
            let mut request = String::new();
            while !request.ends_with("\r\n\r\n") {
                if lines.read_line(&mut request).unwrap_or(0) == 0 {
                    return asked;
                }
            }
            let first = request.lines().next().unwrap().to_owned();
            let cseq = request.lines().find(|line| line.starts_with("CSeq")).unwrap();
            let rest = if first.starts_with("DESCRIBE") {
                format!("Content-Length: {}\r\n\r\n{sdp}", sdp.len())
            } else if first.starts_with("SETUP") && request.contains("interleaved") {
                channel += 2;
                let [rtp, rtcp] = [channel - 2, channel - 1];
                format!("Session: 1\r\nTransport: RTP/AVP/TCP;interleaved={rtp}-{rtcp}\r\n\r\n")
            } else if first.starts_with("SETUP") {
                let ports = request.split("client_port=").nth(1).unwrap().split("\r\n").next();
                let ports = format!("client_port={};server_port=9-9", ports.unwrap());
                format!("Session: 1\r\nTransport: RTP/AVP;unicast;{ports}\r\n\r\n")
            } else {
                "\r\n".to_owned()
            };
            let mut bytes = format!("RTSP/1.0 200 OK\r\n{cseq}\r\n{rest}").into_bytes();
            if first.starts_with("PLAY") {
                for (channel, packet) in SENT {
                    bytes.extend([b'$', channel, 0, u8::try_from(packet.len()).unwrap()]);
                    bytes.extend(packet);
                }
            }
            asked.push(first);
            stream.write_all(&bytes).unwrap();
        }
    };
    (server, spawn(answer))
}

/// What becomes of a connection: what came until `last`, or why it has ended, and what was asked for.
fn link(sdp: &str, by: By, last: &str) -> (Result<Vec<String>, Ended>, Vec<String>) {
    let (server, asked) = serve(sdp.to_owned());
    let url = format!("rtsp://{server}/");
    let address = Address::parse(&url, "rtsp", 554).unwrap();
    let plan = Plan::from_server(SDP, address, server).unwrap();
    let wanted = [&plan.video, &plan.audio].map(|it| Wanted::planned(it.as_ref().unwrap()));
    let mut poll = Poll::new().unwrap();
    let (unicast, at) = (plan.unicast.unwrap(), (poll.registry(), Token(0)));
    let mut link = Link::begin(&unicast, by, wanted.to_vec(), at, monotonic()).unwrap();
    let (mut events, mut came) = (Events::with_capacity(4), Vec::new());
    let ended = loop {
        let turned = link.turn(monotonic(), &mut |event| {
            came.push(match event {
                Event::Sockets(track, _) => format!("sockets {track}"),
                Event::Repair(track, _) => format!("repair {track}"),
                Event::Linked(track) => format!("linked {track}"),
                Event::Packet(track, kind, bytes) => {
                    format!("{track} {kind:?} {}", String::from_utf8_lossy(bytes))
                }
                Event::Playing => "playing".to_owned(),
            });
        });
        if let Err(ended) = turned {
            break Err(ended);
        }
        if came.iter().any(|it| it == last) {
            break Ok(came);
        }
        poll.poll(&mut events, Some(Duration::from_secs(5))).unwrap();
    };
    drop(link);
    (ended, asked.join().unwrap())
}

#[test]
fn packets_come_by_the_channels_that_are_granted_and_repair_packets_are_not_asked_for() {
    let (came, asked) = link(SDP, By::Tcp, "1 Reports its reports");
    let expected = [
        "linked 0",
        "linked 1",
        "playing",
        "0 Media pictures",
        "0 Reports reports",
        "1 Media sound",
        "1 Reports its reports",
    ];
    assert_eq!(came.unwrap(), expected);
    let set_up: Vec<_> = asked.iter().filter(|it| it.starts_with("SETUP")).collect();
    assert!(set_up.len() == 2 && set_up[0].contains("/jpeg"), "{set_up:?}");
}

#[test]
fn repair_packets_are_asked_for_by_udp_if_they_are_those_that_were_planned() {
    let (came, _) = link(SDP, By::Udp, "playing");
    assert_eq!(came.unwrap(), ["sockets 0", "repair 0", "sockets 1", "playing"]);
    let (came, _) = link(&SDP.replace("x-repair:98", "x-repair:99"), By::Udp, "playing");
    assert_eq!(came.unwrap(), ["sockets 0", "sockets 1", "playing"]);
}

#[test]
fn what_would_be_played_otherwise_is_another_session() {
    for (before, after) in [
        ("L16/48000/2", "L16/44100/2"),
        ("L16/48000/2", "L16/48000/1"),
        ("L16/48000/2", "PCMU/8000/1"),
        ("RTP/AVP 97\r\na=rtpmap:97", "RTP/AVP 99\r\na=rtpmap:99"),
        ("a=control:sound\r\n", ""),
    ] {
        let (came, _) = link(&SDP.replace(before, after), By::Tcp, "playing");
        assert!(matches!(came, Err(Ended::Changed)), "{after}: {came:?}");
    }
    let (came, _) = link("nothing", By::Tcp, "playing");
    assert!(matches!(came, Err(Ended::Unreadable)), "{came:?}");
}
