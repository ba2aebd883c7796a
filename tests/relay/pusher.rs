//! A publisher of the tests' own, which sends what it is told to, and asks what it is told to.

use crate::relaying::Relay;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::rtcp::{Items, SenderInfo, Writer};
use streamsocket_wire::rtp::{Header, RtpTime, Sequence, Ssrc};

/// The source that a pusher is.
pub(crate) const OWN: Ssrc = Ssrc(0x0A0B_0C0D);

/// How packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Udp,
    Tcp,
}

/// One that publishes.
pub(crate) struct Pusher {
    stream: BufReader<TcpStream>,
    asked: u32,
    pub(crate) url: String,
    session: Option<String>,
    /// Its own sockets, and where they send to.
    pub(crate) udp: Option<([UdpSocket; 2], [SocketAddr; 2])>,
}

/// Pictures, and nothing else.
pub(crate) fn pictures() -> String {
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
     m=video 0 RTP/AVP 26\r\na=rtpmap:26 JPEG/90000\r\na=control:streamid=0\r\n"
        .to_owned()
}

/// A packet with the time of its capture in an extension.
pub(crate) fn packet(ssrc: Ssrc, payload_type: u8, sequence: u16, len: usize) -> Vec<u8> {
    let time = RtpTime(u32::from(sequence / 10) * 3000);
    let (marker, sequence) = (sequence % 10 == 9, Sequence(sequence));
    let header = Header { marker, payload_type, sequence, time, ssrc, has_extension: true };
    let mut bytes = vec![0; 12];
    header.emit(&mut bytes).unwrap();
    bytes.extend([0xBE, 0xDE, 0, 3, 0x17, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0]);
    let filling = (bytes.len()..len).map(|at| (at * 31 + usize::from(sequence.0)).to_le_bytes()[0]);
    bytes.extend(filling.collect::<Vec<_>>());
    bytes
}

/// A report of a source, with its name.
pub(crate) fn report(ssrc: Ssrc, packets: u32) -> Vec<u8> {
    let mut bytes = vec![0; 200];
    let mut writer = Writer::new(&mut bytes);
    let ntp = NtpTime(u64::from(packets) << 20);
    let info = SenderInfo { ntp, time: RtpTime(packets * 300), packets, octets: packets * 1000 };
    writer.sender_report(ssrc, &info, &[]).unwrap();
    writer.description(ssrc, &Items { cname: "me@here", ..Items::default() }).unwrap();
    let len = writer.finish();
    bytes.truncate(len);
    bytes
}

impl Pusher {
    /// A connection, by which nothing was asked yet.
    pub(crate) fn connect(relay: &Relay, name: &str) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, relay.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.set_nodelay(true).unwrap();
        let (stream, url) = (BufReader::new(stream), relay.url(name));
        Self { stream, asked: 0, url, session: None, udp: None }
    }

    /// One that sends pictures as soon as they are [sent](Self::send).
    pub(crate) fn begin(relay: &Relay, name: &str, way: Way) -> Self {
        let mut pusher = Self::connect(relay, name);
        assert_eq!(pusher.announce(&pictures()), 200);
        assert_eq!(pusher.set_up(way, "streamid=0"), 200);
        assert_eq!(pusher.ask("RECORD", "", "Range: npt=0.000-\r\n", "").0, 200);
        pusher
    }

    pub(crate) fn announce(&mut self, sdp: &str) -> u16 {
        self.ask("ANNOUNCE", "", "Content-Type: application/sdp\r\n", sdp).0
    }

    pub(crate) fn set_up(&mut self, way: Way, control: &str) -> u16 {
        let pair = || {
            let one = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            one.local_addr().map(|it| (one, it.port())).unwrap()
        };
        let ((one, rtp), (two, rtcp)) = (pair(), pair());
        let transport = match way {
            Way::Udp => format!("RTP/AVP;unicast;client_port={rtp}-{rtcp};mode=record"),
            Way::Tcp => "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record".to_owned(),
        };
        let (status, head) =
            self.ask("SETUP", &format!("/{control}"), &format!("Transport: {transport}\r\n"), "");
        if let (Way::Udp, Some((_, rest))) = (way, head.split_once("server_port=")) {
            let ports = rest.split([';', '\r', '-']).take(2).map(|it| it.trim().parse().unwrap());
            let to: Vec<u16> = ports.collect();
            let to = [to[0], to[1]].map(|port| (Ipv4Addr::LOCALHOST, port).into());
            self.udp = Some(([one, two], to));
        }
        status
    }

    /// Asks for something; returns the status and the head of the answer.
    pub(crate) fn ask(
        &mut self,
        method: &str,
        behind: &str,
        headers: &str,
        body: &str,
    ) -> (u16, String) {
        self.asked += 1;
        let (url, number, length) = (&self.url, self.asked, body.len());
        let session = self.session.as_ref().map(|id| format!("Session: {id}\r\n"));
        let session = session.unwrap_or_default();
        let head =
            format!("{method} {url}{behind} RTSP/1.0\r\nCSeq: {number}\r\n{session}{headers}");
        let length =
            if length > 0 { format!("Content-Length: {length}\r\n") } else { String::new() };
        let whole = format!("{head}{length}\r\n{body}");
        self.stream.get_mut().write_all(whole.as_bytes()).unwrap();
        let mut answer = String::new();
        while !answer.ends_with("\r\n\r\n") {
            let read = self.stream.read_line(&mut answer).unwrap();
            assert!(read > 0, "{method}: the connection has ended after {answer:?}");
        }
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        if let Some((_, id)) = answer.split_once("Session: ") {
            self.session = Some(id.split([';', '\r']).next().unwrap().to_owned());
        }
        (status, answer)
    }

    /// Reads what follows the head of the answer before.
    pub(crate) fn skip_body(&mut self) {
        let buffered = self.stream.buffer().len();
        self.stream.consume(buffered);
    }

    /// Sends a packet (0) or a report (1).
    pub(crate) fn send(&mut self, kind: u8, bytes: &[u8]) {
        match &self.udp {
            Some((sockets, to)) => {
                let kind = usize::from(kind);
                sockets[kind].send_to(bytes, to[kind]).unwrap();
            }
            None => {
                let [high, low] = u16::try_from(bytes.len()).unwrap().to_be_bytes();
                let framed = [&[b'$', kind, high, low], bytes].concat();
                self.stream.get_mut().write_all(&framed).unwrap();
            }
        }
    }

    /// Says something that is no request.
    pub(crate) fn break_off(&mut self) {
        self.stream.get_mut().write_all(b"what?\r\n\r\n").unwrap();
    }

    /// Whether the relay has ended the connection.
    pub(crate) fn has_ended(&mut self) -> bool {
        matches!(self.stream.get_mut().read(&mut [0; 100]), Ok(0) | Err(_))
    }
}
