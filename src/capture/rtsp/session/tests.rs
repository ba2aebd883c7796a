use super::*;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::thread::spawn;

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\n\
    m=video 0 RTP/AVP 26\r\na=control:v\r\nm=audio 0 RTP/AVP 0\r\na=control:a\r\n";

fn packet(payload_type: u8, sequence: u16) -> Vec<u8> {
    let [high, low] = sequence.to_be_bytes();
    vec![0x80, payload_type, high, low, 0, 0, 0, 1, 0, 0, 0, 9, payload_type]
}

/// A camera for one connection, which grants channels from 6 on and then sends these packets; its address.
fn camera(packets: Vec<(u8, Vec<u8>)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("rtsp://{}/", listener.local_addr().unwrap());
    spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut lines, mut channel) = (BufReader::new(stream.try_clone().unwrap()), 6);
        loop {
            let mut request = String::new();
            while !request.ends_with("\r\n\r\n") {
                if lines.read_line(&mut request).unwrap_or(0) == 0 {
                    return;
                }
            }
            let cseq = request.lines().find(|line| line.starts_with("CSeq")).unwrap();
            let rest = if request.starts_with("DESCRIBE") {
                format!("Content-Length: {}\r\n\r\n{SDP}", SDP.len())
            } else if request.starts_with("SETUP") {
                channel += 2;
                let [rtp, rtcp] = [channel - 2, channel - 1];
                format!("Session: 1\r\nTransport: RTP/AVP/TCP;interleaved={rtp}-{rtcp}\r\n\r\n")
            } else {
                "\r\n".to_owned()
            };
            let mut bytes = format!("RTSP/1.0 200 OK\r\n{cseq}\r\n{rest}").into_bytes();
            if request.starts_with("PLAY") {
                for (channel, packet) in &packets {
                    let [high, low] = u16::try_from(packet.len()).unwrap().to_be_bytes();
                    bytes.extend([b'$', *channel, high, low]);
                    bytes.extend(packet);
                }
            }
            if stream.write_all(&bytes).is_err() {
                return;
            }
        }
    });
    url
}

fn open(url: &str) -> Box<Session> {
    match Session::open(url).unwrap() {
        Asked::Session(session) => session,
        Asked::Foreign => panic!("{url}"),
    }
}

#[test]
fn packets_come_by_the_channels_that_a_camera_grants() {
    let sent = [(0, 26), (6, 26), (7, 26), (8, 0), (8, 26), (9, 0)];
    let packets = sent.iter().zip(0..).map(|((channel, kind), nth)| (*channel, packet(*kind, nth)));
    let mut session = open(&camera(packets.collect()));
    let mut came = Vec::new();
    while came.len() < 2 {
        session.wait();
        let each: Each<'_> = &mut |content, packet, _| {
            came.push((content.sound().is_some(), packet.payload.to_vec()));
            true
        };
        session.poll(monotonic(), each).unwrap();
    }
    assert_eq!(came, [(false, vec![26]), (true, vec![0])]);
}
