//! A sender made by hand: pictures and sound with whatever clock a test wants it to have.

use crate::board::monotonic;
use crate::clip::{clip, split};
use crate::place::Place;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;
use streamsocket_stream::send::frame_packets::FramePackets;
use streamsocket_stream::send::jpeg::{CaptureTime, JpegPayloader};
use streamsocket_wire::jpeg_scan::scan;
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::rtp::{RtpTime, Sequence, Ssrc};

/// Bytes of a packet.
const PACKET_BYTES: usize = 1400;

/// Pictures a second, and RTP ticks of each.
const RATE: u32 = 50;
const TICKS: u32 = 90_000 / RATE;

/// Sample frames of a packet of sound, of 8000 a second: one for each picture.
const SAMPLES: u32 = 8000 / RATE;

/// A sender that has just been started.
#[derive(Debug)]
pub struct Sender {
    socket: UdpSocket,
    place: Place,
    payloader: JpegPayloader,
    pictures: Vec<Vec<u8>>,
    /// Nanoseconds since 1970 at its first picture, as it believes.
    wall: i64,
    sent: u32,
    /// Ticks that the pictures' RTP time is off by.
    off: u32,
    /// Nothing arrives.
    lost: bool,
}

fn pictures(size: &str) -> Vec<Vec<u8>> {
    let mjpeg = fs::read(clip(size)).unwrap();
    split(&mjpeg).into_iter().take(5).map(<[u8]>::to_vec).collect()
}

impl Sender {
    /// One that sends from `from` with its own number, and whose clock says `wall`.
    pub fn new(place: Place, from: Ipv4Addr, number: u32, wall: i64) -> Self {
        let socket = UdpSocket::bind((from, 0)).unwrap();
        socket2::SockRef::from(&socket).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
        let pictures = pictures("640x480");
        let payloader = JpegPayloader::new(Ssrc(2 * number), Sequence(7), PACKET_BYTES, Some(1));
        Self { socket, place, payloader, pictures, wall, sent: 0, off: 0, lost: false }
    }

    /// A description of what it sends.
    pub fn sdp(place: Place) -> String {
        let extension = "a=extmap:1 urn:ietf:params:rtp-hdrext:ntp-64\r\n";
        let plain = place.plain_sdp(Some("L16/8000/1"));
        let (video, sound) = plain.split_at(plain.find("m=audio").unwrap());
        format!("{video}{extension}{sound}{extension}")
    }

    /// Pictures that it has sent, each with a packet of sound.
    pub const fn sent(&self) -> u32 {
        self.sent
    }

    /// Its pictures' RTP time goes on so many seconds later, or earlier, while their sequence goes on.
    pub const fn jump(&mut self, seconds: i32) {
        self.off = self.off.wrapping_add_signed(seconds * 90_000);
    }

    /// Sends the sound alone for so many seconds, in real time: packets of 5 ms, `together` at a time, without
    /// a time extension or a report.
    pub fn sound_in_bursts(&mut self, seconds: u32, together: u32) {
        let (mut sequence, start) = (0_u16, monotonic());
        for burst in 1..=seconds * 200 / together {
            let due = start + i64::from(burst * together) * 5_000_000;
            let left = u64::try_from(due - monotonic()).unwrap_or(0);
            std::thread::park_timeout(Duration::from_nanos(left));
            for _ in 0..together {
                let time = (u32::from(sequence) * 40).to_be_bytes();
                let header = [&[0x80, 97], &sequence.to_be_bytes()[..], &time, &[0, 0, 0, 9]];
                let packet = [&header.concat()[..], &[0; 80]].concat();
                self.socket.send_to(&packet, SocketAddr::V4(self.place.at(2))).unwrap();
                sequence = sequence.wrapping_add(1);
            }
        }
    }

    /// Its pictures have another size from now on.
    pub fn show(&mut self, size: &str) {
        self.pictures = pictures(size);
    }

    /// Sends for so many seconds, in real time, and nothing of it arrives.
    pub fn lose(&mut self, seconds: u32) {
        self.lost = true;
        self.run(seconds);
        self.lost = false;
    }

    /// Sends for so many seconds, in real time.
    pub fn run(&mut self, seconds: u32) {
        for _ in 0..seconds * RATE {
            self.picture();
            std::thread::park_timeout(Duration::from_secs(1) / RATE);
        }
    }

    /// Sends one picture, and the sound beside it.
    pub fn picture(&mut self) {
        let ntp = NtpTime::from_unix_nanos(self.wall + i64::from(self.sent) * 20_000_000);
        let jpeg = &self.pictures[self.sent as usize % self.pictures.len()];
        let (frame, mut packets) = (scan(jpeg).unwrap(), FramePackets::with_capacity(64));
        let stamp = CaptureTime { time: RtpTime((self.sent * TICKS).wrapping_add(self.off)), ntp };
        self.payloader.packetize(&frame, stamp, &mut packets).unwrap();
        for packet in packets.range(0..packets.len()) {
            let bytes = [packet.header, &jpeg[packet.payload]].concat();
            self.send(&bytes, 0);
        }
        self.send(&self.sound(ntp), 2);
        self.sent += 1;
    }

    fn send(&self, bytes: &[u8], above: u16) {
        if !self.lost {
            self.socket.send_to(bytes, SocketAddr::V4(self.place.at(above))).unwrap();
        }
    }

    /// A packet of silence.
    fn sound(&self, ntp: NtpTime) -> Vec<u8> {
        let sequence = u16::try_from(self.sent % 65_536).unwrap().to_be_bytes();
        let time = (self.sent * SAMPLES).to_be_bytes();
        let ssrc = (self.payloader.ssrc().0 + 1).to_be_bytes();
        // RFC 8285 section 4.2: id 1, eight bytes, padded to three words.
        let extension = [&[0xBE, 0xDE, 0, 3, 0x17], &ntp.0.to_be_bytes()[..], &[0; 3]].concat();
        let samples = [0; 2 * SAMPLES as usize];
        [&[0x90, 97], &sequence[..], &time, &ssrc, &extension, &samples].concat()
    }
}
