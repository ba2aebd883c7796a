//! Clients that do harm, or nothing.

use super::{daemon, port, url};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::time::Duration;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::long::is_left_out;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, peer, text};
use streamsocket_tests::turn;

fn connect(place: Place) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port(place))).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// Sends something, and returns what comes until the connection ends or nothing comes for a moment.
fn answer(stream: &mut TcpStream, bytes: &[u8]) -> String {
    // It may be ended before all is sent.
    let _ = stream.write_all(bytes);
    stream.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(len @ 1..) = stream.read(&mut piece) {
        all.extend_from_slice(&piece[..len]);
    }
    String::from_utf8_lossy(&all).into_owned()
}

/// Whether the other end has closed it.
fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut piece = [0; 4096];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == ErrorKind::ConnectionReset,
        }
    }
}

fn request(method: &str, url: &str, headers: &str) -> Vec<u8> {
    format!("{method} {url} RTSP/1.0\r\nCSeq: 7\r\n{headers}\r\n").into_bytes()
}

/// The line of an answer that begins so.
#[track_caller]
fn header<'a>(answer: &'a str, name: &str) -> &'a str {
    let line = answer.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name} {answer}")).trim()
}

#[test]
fn rubbish_is_answered_or_ended_and_nobody_else_notices() {
    let _turn = turn();
    let place = Place::new();
    let mut daemon = daemon(place, &[]);
    let mut gst = peer("gst-launch-1.0");
    gst.args(["-q", "rtspsrc", "protocols=tcp", &format!("location={}", url(place)), "!"]);
    gst.args(["application/x-rtp,media=video", "!", "rtpjpegdepay", "!", "fakesink"]);
    let viewer = Program::start(gst.arg("num-buffers=150"));
    daemon.wait_for("watches over RTSP");
    let long = [&b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nA: "[..], &[b'a'; 9000]].concat();
    let long = [&long[..], b"\r\n\r\n"].concat();
    for (what, bytes, answered, ends) in [
        ("HTTP", &b"GET / HTTP/1.1\r\nHost: pi\r\n\r\n"[..], "400 ", true),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", "400 ", true),
        ("a long head", &long, "413 ", true),
        (
            "a long body",
            b"SET_PARAMETER * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 99999\r\n\r\n",
            "413 ",
            true,
        ),
        ("no number", b"OPTIONS * RTSP/1.0\r\n\r\n", "400 ", false),
        ("a method", b"DANCE * RTSP/1.0\r\nCSeq: 1\r\n\r\n", "501 ", false),
        ("a method of who publishes", b"RECORD * RTSP/1.0\r\nCSeq: 1\r\n\r\n", "405 ", false),
        ("a version", b"PLAY * RTSP/2.0\r\nCSeq: 1\r\n\r\n", "505 ", false),
        ("no session", &request("PLAY", &url(place), ""), "454 ", false),
        (
            "another's session",
            &request("TEARDOWN", &url(place), "Session: 0123\r\n"),
            "454 ",
            false,
        ),
        (
            "all tracks",
            &request("SETUP", &url(place), "Transport: RTP/AVP;unicast;client_port=9-10\r\n"),
            "459 ",
            false,
        ),
        (
            "SRTP",
            &request(
                "SETUP",
                &(url(place) + "trackID=v"),
                "Transport: RTP/SAVP;unicast;client_port=9-10\r\n",
            ),
            "461 ",
            false,
        ),
    ] {
        let mut stream = connect(place);
        let said = answer(&mut stream, bytes);
        assert!(said.starts_with(&format!("RTSP/1.0 {answered}")), "{what}: {said}");
        assert_eq!(is_closed_soon(&mut stream), ends, "{what}");
    }
    viewer.succeed();
    daemon.interrupt().succeeded();
}

#[test]
fn requests_are_found_between_packets_and_byte_by_byte() {
    let _turn = turn();
    let place = Place::new();
    let daemon = daemon(place, &[]);
    let mut stream = connect(place);
    let mut bytes = vec![b'$', 9, 0xFF, 0xFF];
    bytes.extend([0xAA; 0xFFFF]);
    bytes.extend(request("OPTIONS", "*", "").repeat(100));
    let said = answer(&mut stream, &bytes);
    assert_eq!(said.matches("200 OK").count(), 100, "{} bytes", said.len());
    // One byte after the other.
    let mut stream = connect(place);
    for byte in request("OPTIONS", "*", "") {
        stream.write_all(&[byte]).unwrap();
    }
    assert!(answer(&mut stream, b"").contains("Public: OPTIONS"));
    daemon.interrupt().succeeded();
}

/// Whether it is closed already.
fn is_closed_soon(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    match stream.read(&mut [0; 64]) {
        Ok(len) => len == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[test]
fn packets_go_to_who_asks_and_to_nobody_else() {
    let _turn = turn();
    let place = Place::new();
    let daemon = daemon(place, &[]);
    let victim = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 66), 0)).unwrap();
    let own = UdpSocket::bind((Ipv4Addr::LOCALHOST, victim.local_addr().unwrap().port())).unwrap();
    let ports = own.local_addr().unwrap().port();
    let mut stream = connect(place);
    let transport = format!(
        "Transport: RTP/AVP;unicast;destination=127.0.0.66;client_port={ports}-{}\r\n",
        ports + 1
    );
    let said = answer(&mut stream, &request("SETUP", &(url(place) + "trackID=v"), &transport));
    assert!(said.starts_with("RTSP/1.0 200 "), "{said}");
    let session = header(&said, "Session:").split(';').next().unwrap();
    let server = said.split("server_port=").nth(1).unwrap().split('-').next().unwrap();
    let server = format!("127.0.0.1:{server}");
    let play = request("PLAY", &url(place), &format!("Session: {session}\r\n"));
    let said = answer(&mut stream, &play);
    assert!(header(&said, "RTP-Info:").contains("seq=") && said.contains("rtptime="), "{said}");
    own.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    own.recv(&mut [0; 2000]).unwrap();
    victim.set_nonblocking(true).unwrap();
    assert!(victim.recv(&mut [0; 2000]).is_err(), "somebody is sent what he has not asked for");
    // Somebody else's packets do not turn the stream to him, but those of another port of the client's do.
    for _ in 0..100 {
        victim.send_to(b"to me", &server).unwrap();
        own.recv(&mut [0; 2000]).unwrap();
    }
    assert!(victim.recv(&mut [0; 2000]).is_err(), "who sends is sent what he has not asked for");
    let other = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    other.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    other.send_to(b"from behind an address translation", &server).unwrap();
    other.recv(&mut [0; 2000]).unwrap();
    daemon.interrupt().succeeded();
}

#[test]
fn who_reads_nothing_holds_nobody_up() {
    if is_left_out("rtsp::strangers::who_reads_nothing_holds_nobody_up") {
        return;
    }
    if is_left_out("strangers::who_reads_nothing_holds_nobody_up") {
        return;
    }
    let _turn = turn();
    let place = Place::new();
    let daemon = daemon(place, &[]);
    let mut idle = connect(place);
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
    let said = answer(&mut idle, &request("SETUP", &(url(place) + "trackID=v"), transport));
    let session = header(&said, "Session:").split(';').next().unwrap().to_owned();
    idle.write_all(&request("PLAY", &url(place), &format!("Session: {session}\r\n"))).unwrap();
    let status = || -> serde_json::Value {
        let mut status = ours("streamsocket");
        serde_json::from_str(&text(status.args(["status", "--json", "--name", &place.name()])))
            .unwrap()
    };
    wait_until("pictures left out", || status()["rtsp"]["left_out"].as_u64() > Some(30));
    let resident = || {
        let path = format!("/proc/{}/status", daemon.id());
        let text = std::fs::read_to_string(path).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    };
    let before = resident();
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-rtsp_transport", "tcp", "-i", &url(place)]);
    ffmpeg.args(["-frames:v", "120", "-c", "copy", "-f", "null", "-"]);
    Program::start(&mut ffmpeg).succeed();
    let after = resident();
    assert!(after < before + 1500, "from {before} to {after} kB");
    let sent = status()["tracks"][0]["frames_dropped"].clone();
    assert!(sent.as_object().is_none_or(|it| it.values().all(|count| count == 0)), "{sent}");
    daemon.interrupt().succeeded();
}

#[test]
fn a_crowd_of_silent_connections_leaves_room() {
    if is_left_out("strangers::a_crowd_of_silent_connections_leaves_room") {
        return;
    }
    let _turn = turn();
    let place = Place::new();
    let daemon = daemon(place, &[]);
    let mut crowd: Vec<_> = (0..300).map(|_| connect(place)).collect();
    let said = answer(&mut connect(place), &request("DESCRIBE", &url(place), ""));
    assert!(said.starts_with("RTSP/1.0 200 ") && said.contains("m=video 0 RTP/AVP 26"), "{said}");
    // They are let go after a while.
    assert!(is_closed(crowd.last_mut().unwrap()));
    daemon.interrupt().succeeded();
}

#[test]
fn a_flood_of_what_is_answered_at_once_or_not_at_all_stops_nothing() {
    if is_left_out(
        "rtsp::strangers::a_flood_of_what_is_answered_at_once_or_not_at_all_stops_nothing",
    ) {
        return;
    }
    if is_left_out("strangers::a_flood_of_what_is_answered_at_once_or_not_at_all_stops_nothing") {
        return;
    }
    let _turn = turn();
    let place = Place::new();
    let mut daemon = daemon(place, &[]);
    for piece in [&b"RTSP/1.0 200 OK\r\n\r\n"[..], b"\r\n", b"RECORD * RTSP/1.0\r\nCSeq: 1\r\n\r\n"]
    {
        let flood = piece.repeat(65_536 / piece.len());
        let mut streams = [connect(place), connect(place)];
        let mut gst = peer("gst-launch-1.0");
        gst.args(["-q", "rtspsrc", "protocols=udp", &format!("location={}", url(place)), "!"]);
        gst.args(["application/x-rtp,media=video", "!", "rtpjpegdepay", "!", "fakesink"]);
        let viewer = Program::start(gst.arg("num-buffers=60"));
        daemon.wait_for("watches over RTSP");
        let ended = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            for stream in &mut streams {
                stream.set_nonblocking(true).unwrap();
                let (flood, ended) = (&flood, &ended);
                scope.spawn(move || {
                    let mut answers = vec![0; 65_536];
                    while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                        let _ = stream.write(flood);
                        let _ = stream.read(&mut answers);
                        std::thread::yield_now();
                    }
                });
            }
            let mut status = ours("streamsocket");
            text(status.args(["status", "--name", &place.name()]));
            viewer.succeed();
            ended.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    }
    daemon.interrupt().succeeded();
}

#[test]
fn a_track_that_cannot_be_had_anew_goes_on_as_it_was() {
    let _turn = turn();
    let place = Place::new();
    let daemon = daemon(place, &[]);
    let mut stream = connect(place);
    let track = url(place) + "trackID=v";
    let tcp = "Transport: RTP/AVP/TCP;unicast;interleaved=4-5\r\n";
    let said = answer(&mut stream, &request("SETUP", &track, tcp));
    let session = header(&said, "Session:").split(';').next().unwrap().to_owned();
    let of = |headers: &str| format!("Session: {session}\r\n{headers}");
    let odd = of("Transport: RAW/RAW/UDP;unicast\r\n");
    assert!(answer(&mut stream, &request("SETUP", &track, &odd)).starts_with("RTSP/1.0 461 "));
    // The sound is to come by the same channels, which are taken.
    let sound = answer(&mut stream, &request("SETUP", &(url(place) + "trackID=a"), &of(tcp)));
    assert!(header(&sound, "Transport:").contains("interleaved=0-1"), "{sound}");
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(&request("PLAY", &url(place), &of(""))).unwrap();
    let mut bytes = Vec::new();
    let mut piece = [0; 65_536];
    while bytes.len() < 500_000 {
        let len = stream.read(&mut piece).unwrap();
        bytes.extend_from_slice(&piece[..len]);
    }
    let begin = bytes.windows(4).position(|it| it == b"\r\n\r\n").unwrap() + 4;
    let mut channels = std::collections::BTreeSet::new();
    let mut rest = &bytes[begin..];
    while let [b'$', channel, high, low, tail @ ..] = rest {
        channels.insert(*channel);
        rest = tail.get(usize::from(u16::from_be_bytes([*high, *low]))..).unwrap_or_default();
    }
    assert!(rest.len() < 4 && channels.contains(&4) && channels.contains(&0), "{channels:?}");
    daemon.interrupt().succeeded();
}
