//! Where the programs of a test meet: a multicast group and ports that no other test has.

use crate::board::wait_until;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::{AtomicU8, Ordering};
use std::{fmt, fs};

/// Ports of a place: video, sound, their RTCP, and some to spare.
const PORTS: u16 = 16;

/// The ports of the first place; below those that the kernel hands out by itself.
const PORT_FIRST: u16 = 20_000;

/// A group, ports from [`port`](Self::port) on, and a session name.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    number: u8,
    /// The multicast group.
    pub group: Ipv4Addr,
    /// Video; its RTCP is one higher, sound two, its RTCP three.
    pub port: u16,
}

impl Place {
    /// One that nobody has had yet. Another run of the tests has other groups.
    pub fn new() -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let [.., run] = std::process::id().to_be_bytes();
        let port = PORT_FIRST + u16::from(number) * PORTS;
        Self { number, group: Ipv4Addr::new(239, 255, run, number), port }
    }

    /// The same ports in another group.
    pub fn beside(self) -> Self {
        Self { port: self.port, ..Self::new() }
    }

    /// The name of its session.
    pub fn name(self) -> String {
        format!("test {} {}", std::process::id(), self.number)
    }

    /// Group and port of the stream whose port is so much higher than the video's.
    pub fn at(self, above: u16) -> SocketAddrV4 {
        SocketAddrV4::new(self.group, self.port + above)
    }

    /// Group and port of the repair packets of the stream four ports lower.
    pub fn repair_at(self, above: u16) -> SocketAddrV4 {
        let group = Ipv4Addr::from(u32::from(self.group) + 1);
        SocketAddrV4::new(group, self.port + above)
    }

    /// Waits until somebody in this network namespace is a member of the group.
    pub fn wait_for_member(self) {
        // As the kernel writes it: the address in the order of the machine's bytes.
        let group = format!("{:08X}", u32::from_ne_bytes(self.group.octets()));
        let joined = || fs::read_to_string("/proc/net/igmp").unwrap().contains(&group);
        wait_until("a member of the group", joined);
    }

    /// As [`plain_sdp`](Self::plain_sdp), and where repair packets are.
    pub fn repaired_sdp(self, audio: &str) -> String {
        let repair = |above| {
            let at = self.repair_at(above);
            format!("a=x-repair:98 {} IN IP4 {}\r\n", at.port(), at.ip())
        };
        let plain = self.plain_sdp(Some(audio));
        let (video, sound) = plain.split_at(plain.find("m=audio").unwrap());
        format!("{video}{}{sound}{}", repair(4), repair(6))
    }

    /// A session description that says no more than it has to, as a person would write it.
    pub fn plain_sdp(self, audio: Option<&str>) -> String {
        let Self { group, port, .. } = self;
        let mut sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=plain\r\nc=IN IP4 {group}/1\r\nt=0 0\r\n\
             m=video {port} RTP/AVP 26\r\na=rtpmap:26 JPEG/90000\r\n"
        );
        if let Some(encoding) = audio {
            let port = port + 2;
            sdp += &format!("m=audio {port} RTP/AVP 97\r\na=rtpmap:97 {encoding}\r\n");
        }
        sdp
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.group, self.port)
    }
}
