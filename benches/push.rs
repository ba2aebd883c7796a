//! Who sends to what is measured: the pictures of a clip in the daemon's packets at the daemon's times, and in the last
//! bytes of each packet when it left.
//!
//!     push CLIP RATE ADDRESS:PORT                to that address
//!     push CLIP RATE rtsp://HOST:PORT/ROOM/NAME  published there, by UDP

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "it measures in real time, or ends"
)]

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};
use streamsocket_benches::delay::stamp;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::{Datagram, Packets, UnicastSocket};
use streamsocket_rtsp::address::Address;
use streamsocket_rtsp::player::DEFAULT_PORT;
use streamsocket_stream::send::frame_packets::FramePackets;
use streamsocket_stream::send::jpeg::{CaptureTime, JpegPayloader};
use streamsocket_stream::send::pacer::{Load, Pace, Pacer};
use streamsocket_tests::clip::split;
use streamsocket_wire::jpeg_scan::scan;
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::rtp::{RtpTime, Sequence, Ssrc};

/// As the daemon's default, and the number of its header extension.
const PACKET_SIZE: usize = 1400;
const NTP64: u8 = 1;

/// RTP time in a second.
const CLOCK: u32 = 90_000;

/// What is said of the pictures.
const DESCRIPTION: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
     m=video 0 RTP/AVP 26\r\na=rtpmap:26 JPEG/90000\r\na=control:streamid=0\r\n";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [clip, rate, to] = &arguments[..] else {
        eprintln!(
            "usage: push CLIP RATE ADDRESS:PORT, or push CLIP RATE rtsp://HOST:PORT/ROOM/NAME"
        );
        std::process::exit(2);
    };
    let rate: u32 = rate.parse().expect("pictures a second");
    let clip = packets_of(&std::fs::read(clip).expect("a clip"));
    let published = to.starts_with("rtsp://").then(|| publish(to));
    let socket = match published {
        // Its connection stays.
        Some((socket, connection)) => {
            std::mem::forget(connection);
            socket
        }
        None => pair(to.parse().expect("an address with a port")),
    };
    stream(socket, clip, rate);
}

/// The packets of each picture.
fn packets_of(clip: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut payloader =
        JpegPayloader::new(Ssrc(0x0A0B_0C0D), Sequence(0), PACKET_SIZE, Some(NTP64));
    let mut packets = FramePackets::with_capacity(256);
    let stamp = CaptureTime { time: RtpTime(0), ntp: NtpTime(0) };
    let mut packetize = |jpeg: &&[u8]| {
        let frame = scan(jpeg).expect("a picture for RTP");
        payloader.packetize(&frame, stamp, &mut packets).expect("a picture of usual size");
        let whole =
            packets.range(0..packets.len()).map(|it| [it.header, &jpeg[it.payload]].concat());
        whole.collect()
    };
    split(clip).iter().map(&mut packetize).collect()
}

/// A socket that sends to an address, from the first port of a pair.
fn pair(to: SocketAddr) -> UnicastSocket {
    let any = SocketAddr::new(std::net::Ipv4Addr::UNSPECIFIED.into(), 0);
    let [socket, _] = UnicastSocket::pair(any, [to, to]).unwrap();
    socket
}

/// Asks to publish pictures there.
fn publish(url: &str) -> (UnicastSocket, TcpStream) {
    let address = Address::parse(url, "rtsp", DEFAULT_PORT).expect("an address");
    let server = (address.host.as_str(), address.port).to_socket_addrs().unwrap().next().unwrap();
    let stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut socket = pair(server);
    let port = socket.local_addr().unwrap().port();
    let (mut stream, mut number, mut session) = (BufReader::new(stream), 0, String::new());
    let mut ask = |method: &str, behind: &str, headers: &str, body: &str| {
        number += 1;
        let length = body.len();
        let request = format!(
            "{method} {url}{behind} RTSP/1.0\r\nCSeq: {number}\r\n{session}{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        stream.get_mut().write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        while !answer.ends_with("\r\n\r\n") {
            assert!(stream.read_line(&mut answer).unwrap() > 0, "{method}: {answer:?}");
        }
        assert!(answer.starts_with("RTSP/1.0 200 "), "{method}: {answer}");
        if let Some((_, id)) = answer.split_once("Session: ") {
            session = format!("Session: {}\r\n", id.split([';', '\r']).next().unwrap());
        }
        answer
    };
    ask("ANNOUNCE", "", "Content-Type: application/sdp\r\n", DESCRIPTION);
    let next = port + 1;
    let transport = format!("Transport: RTP/AVP;unicast;client_port={port}-{next};mode=record\r\n");
    let answer = ask("SETUP", "/streamid=0", &transport, "");
    let (_, granted) = answer.split_once("server_port=").expect("a port");
    let granted = granted.split(['-', ';', '\r']).next().unwrap().parse().unwrap();
    socket.redirect(SocketAddr::new(server.ip(), granted));
    ask("RECORD", "", "Range: npt=0.000-\r\n", "");
    (socket, stream.into_inner())
}

/// Sends for as long as it runs.
fn stream(mut socket: UnicastSocket, mut clip: Vec<Vec<Vec<u8>>>, rate: u32) {
    let interval = Duration::from_secs(1) / rate;
    let mut pacer = Pacer::new(Pace::default(), interval.as_nanos().try_into().unwrap());
    let (began, mut sequence, pictures) = (Instant::now(), 0_u16, clip.len());
    let mut together = Packets::default();
    let now = || Monotonic(began.elapsed().as_nanos().try_into().unwrap());
    let wait_until = |at: Monotonic| {
        let left = u64::try_from(at.0 - now().0).unwrap_or(0);
        std::thread::sleep(Duration::from_nanos(left));
    };
    for nth in 0_u32.. {
        let due = Monotonic((interval * nth).as_nanos().try_into().unwrap());
        wait_until(due);
        let packets = &mut clip[nth as usize % pictures];
        let time = nth.wrapping_mul(CLOCK / rate).to_be_bytes();
        for packet in &mut *packets {
            packet[2..4].copy_from_slice(&sequence.to_be_bytes());
            packet[4..8].copy_from_slice(&time);
            sequence = sequence.wrapping_add(1);
        }
        let bytes = packets.iter().map(Vec::len).sum();
        pacer.begin(now(), due, Load { media: packets.len(), repairs: 0, bytes });
        while let Some(deadline) = pacer.deadline() {
            wait_until(deadline);
            let leaving = &mut packets[pacer.due(now())];
            stamp(leaving.iter_mut().map(Vec::as_mut_slice));
            let mut batch = leaving.iter().map(|it| Datagram { header: it, payload: &[] });
            let sent = together.fill(&mut batch).send(&mut socket);
            // Whom it is for may not be there yet.
            drop(sent);
        }
    }
}
