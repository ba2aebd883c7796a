//! The wire itself: every datagram of a session, kept as a capture file that tshark reads.
//!
//! The datagrams are taken from sockets and not from the interface: the kernel hands a burst of
//! equal packets over the loopback interface in one piece, which no network ever does.

use crate::place::Place;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Where announcements go (RFC 2974 section 3).
pub const SAP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 255, 255, 255), 9875);

/// Room for what the tests do not read at once: a second of video.
const SOCKET_BYTES: usize = 8 << 20;

/// Silence after which nothing more is expected.
const SILENCE: Duration = Duration::from_secs(1);

/// The link type of packets that begin with their IP header.
const LINKTYPE_RAW: u32 = 101;

/// A datagram and where it came from and went.
#[derive(Clone, Debug)]
pub struct Datagram {
    /// Its sender.
    pub from: SocketAddrV4,
    /// Its destination.
    pub to: SocketAddrV4,
    /// Its payload.
    pub bytes: Vec<u8>,
}

/// Ears on some groups and ports.
#[derive(Debug)]
pub struct Tap {
    datagrams: Receiver<Datagram>,
}

impl Tap {
    /// Listens to video, sound and their RTCP at a place, and to announcements.
    pub fn open(place: Place) -> Self {
        Self::on((0..4).map(|above| place.at(above)).chain([SAP]))
    }

    /// Listens to these groups and ports.
    pub fn on(addresses: impl Iterator<Item = SocketAddrV4>) -> Self {
        let (sender, datagrams) = channel();
        for to in addresses {
            let socket = join(to);
            let sender = sender.clone();
            std::thread::spawn(move || {
                let mut bytes = [0; 65_536];
                while let Ok((len, SocketAddr::V4(from))) = socket.recv_from(&mut bytes) {
                    let datagram = Datagram { from, to, bytes: bytes[..len].to_vec() };
                    if sender.send(datagram).is_err() {
                        break;
                    }
                }
            });
        }
        Self { datagrams }
    }

    /// What has come until now.
    pub fn so_far(&self) -> Vec<Datagram> {
        self.datagrams.try_iter().collect()
    }

    /// All that came, once nothing comes any more.
    pub fn close(self) -> Vec<Datagram> {
        std::iter::from_fn(|| self.datagrams.recv_timeout(SILENCE).ok()).collect()
    }
}

/// A socket in a group on the loopback interface, beside those of others.
pub fn join(to: SocketAddrV4) -> UdpSocket {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.set_recv_buffer_size(SOCKET_BYTES).unwrap();
    socket.bind(&SockAddr::from(to)).unwrap();
    socket.join_multicast_v4(to.ip(), &Ipv4Addr::LOCALHOST).unwrap();
    socket.into()
}

/// Writes a capture file (libpcap's format) with an IP and a UDP header before each datagram.
pub fn write_capture(path: &Path, datagrams: &[Datagram]) {
    let mut file = Vec::new();
    let words =
        |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    // Version 2.4, local time zone, packets in full.
    file.extend(words(&[0xA1B2_C3D4, 2 | 4 << 16, 0, 0, 65_535, LINKTYPE_RAW]));
    for (millis, datagram) in (0_u32..).zip(datagrams) {
        let packet = packet(datagram);
        let len = u32::try_from(packet.len()).unwrap();
        file.extend(words(&[millis / 1000, millis % 1000 * 1000, len, len]));
        file.extend(packet);
    }
    std::fs::write(path, file).unwrap();
}

fn packet(datagram: &Datagram) -> Vec<u8> {
    let udp_len = u16::try_from(8 + datagram.bytes.len()).unwrap();
    let mut packet = vec![0x45, 0];
    packet.extend((20 + udp_len).to_be_bytes());
    packet.extend([0, 0, 0x40, 0, 1, 17, 0, 0]);
    packet.extend(datagram.from.ip().octets());
    packet.extend(datagram.to.ip().octets());
    packet.extend(datagram.from.port().to_be_bytes());
    packet.extend(datagram.to.port().to_be_bytes());
    packet.extend(udp_len.to_be_bytes());
    // No checksum: that is allowed (RFC 768).
    packet.extend([0, 0]);
    packet.extend(&datagram.bytes);
    packet
}
