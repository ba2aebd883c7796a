//! Sockets for those who are served one by one: the same packets to each of them, arranged once.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, RawFd};

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::UdpGsoSegment;

use crate::datagram::Datagram;
use crate::error::Error;
use crate::message::{Batch, Outgoing};
use crate::send::{Unsent, new_socket, receive, widen};
use crate::way::{Sent, Way};

/// Attempts to get two ports in a row, the first of which is even: every second one fails by chance alone.
pub(crate) const PAIR_ATTEMPTS: usize = 32;

/// Where packets are arranged that many sockets send, one after the other: 32 kB, whatever their number.
pub struct Packets(Outgoing);

impl Default for Packets {
    fn default() -> Self {
        Self(Outgoing::new())
    }
}

impl Packets {
    /// Takes up to [`BATCH_MAX`](crate::BATCH_MAX) packets, which are then sent by each socket.
    pub fn fill<'a>(&mut self, batch: &mut dyn Iterator<Item = Datagram<'a>>) -> Filled<'_, 'a> {
        Filled(self.0.fill(batch))
    }
}

/// Packets that were taken.
pub struct Filled<'s, 'a>(Batch<'s, 'a>);

impl Filled<'_, '_> {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.lengths().is_empty()
    }

    /// Sends them by this socket. What the kernel has no room for is dropped and counted, as
    /// [`SendSocket`](crate::SendSocket) does it.
    ///
    /// # Errors
    /// As [`SendSocket::send`](crate::SendSocket::send).
    pub fn send(&mut self, socket: &mut UnicastSocket) -> Result<Sent, Unsent> {
        let UnicastSocket { socket, way, .. } = socket;
        let mut sent = Sent::default();
        match way.transmit(&mut self.0, socket.as_fd(), &mut sent) {
            Ok(_) => Ok(sent),
            Err(error) => Err(Unsent { sent, error }),
        }
    }
}

/// A non-blocking UDP socket that sends to one address, and hears whoever sends to its own.
pub struct UnicastSocket {
    socket: UdpSocket,
    to: SocketAddr,
    way: Way,
}

impl UnicastSocket {
    /// Two sockets at the address of `local`, whatever its port, with ports in a row, the first of which is even (RFC 3550
    /// section 11): for RTP and for RTCP.
    ///
    /// # Errors
    /// [`Error::Socket`]: no such ports are free, or the address is not this machine's.
    pub fn pair(local: SocketAddr, to: [SocketAddr; 2]) -> Result<[Self; 2], Error> {
        let mut failed = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..PAIR_ATTEMPTS {
            match Self::try_pair(local, to) {
                Ok(Some(pair)) => return Ok(pair),
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => failed = error,
                Err(error) => return Err(Error::socket("open a pair of ports for", to[0])(error)),
            }
        }
        Err(Error::socket("open a pair of ports for", to[0])(failed))
    }

    /// `None` if the port that the kernel has chosen is the second of a pair.
    fn try_pair(
        mut local: SocketAddr,
        [rtp, rtcp]: [SocketAddr; 2],
    ) -> io::Result<Option<[Self; 2]>> {
        local.set_port(0);
        let first = Self::open(local, rtp)?;
        let port = first.local_addr()?.port();
        if port % 2 == 1 {
            return Ok(None);
        }
        local.set_port(port + 1);
        let second = Self::open(local, rtcp)?;
        Ok(Some([first, second]))
    }

    fn open(local: SocketAddr, to: SocketAddr) -> io::Result<Self> {
        let socket = new_socket(to)?;
        widen(&socket)?;
        socket.bind(&local.into())?;
        let segmentation = setsockopt(&socket, UdpGsoSegment, &0).is_ok();
        Ok(Self { socket: socket.into(), to, way: Way { to: to.into(), segmentation } })
    }

    /// Where the packets go.
    #[must_use]
    pub const fn destination(&self) -> SocketAddr {
        self.to
    }

    /// Sends to this address from now on.
    pub fn redirect(&mut self, to: SocketAddr) {
        self.to = to;
        self.way.to = to.into();
    }

    /// Where the packets come from.
    ///
    /// # Errors
    /// The kernel's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Takes one datagram that has come; `None` when there is none. What does not fit into `buffer` is cut off.
    ///
    /// # Errors
    /// The kernel's.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<(usize, SocketAddr)>> {
        receive(&self.socket, buffer)
    }
}

impl AsRawFd for UnicastSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, SocketAddrV4};

    const HERE: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

    #[test]
    fn ports_are_in_pairs() {
        let to = "127.0.0.1:9".parse().unwrap();
        let pairs: Vec<_> = (0..20).map(|_| UnicastSocket::pair(HERE, [to, to]).unwrap()).collect();
        for [rtp, rtcp] in &pairs {
            let [rtp, rtcp] = [rtp, rtcp].map(|it| it.local_addr().unwrap().port());
            assert_eq!((rtp % 2, rtcp), (0, rtp + 1));
        }
        let elsewhere = "192.0.2.1:0".parse().unwrap();
        assert!(UnicastSocket::pair(elsewhere, [to, to]).is_err());
    }

    #[test]
    fn packets_that_are_arranged_once_reach_everybody() {
        let bind = |_| {
            let socket = UdpSocket::bind(HERE).unwrap();
            socket2::SockRef::from(&socket).set_recv_buffer_size(1 << 20).unwrap();
            socket
        };
        let receivers: Vec<_> = (0..3).map(bind).collect();
        let mut sockets: Vec<_> = receivers
            .iter()
            .map(|it| UnicastSocket::pair(HERE, [it.local_addr().unwrap(); 2]).unwrap())
            .collect();
        let moved = UdpSocket::bind(HERE).unwrap();
        let mut packets = Packets::default();
        let bodies: Vec<_> = (0..300_u16).map(u16::to_be_bytes).collect();
        let mut batch = bodies.iter().map(|body| Datagram { header: b"head", payload: body });
        loop {
            let mut filled = packets.fill(&mut batch);
            if filled.is_empty() {
                break;
            }
            for [socket, _] in &mut sockets {
                let sent = filled.send(socket).unwrap();
                assert_eq!(sent.dropped, 0);
            }
            // A client that turns out to be behind another port.
            sockets[2][0].redirect(moved.local_addr().unwrap());
        }
        let count = |socket: &UdpSocket| {
            socket.set_nonblocking(true).unwrap();
            let mut buffer = [0; 10];
            std::iter::from_fn(|| socket.recv(&mut buffer).ok())
                .inspect(|len| assert_eq!(*len, 6))
                .count()
        };
        assert_eq!(receivers.iter().map(count).collect::<Vec<_>>(), [300, 300, 256]);
        assert_eq!(count(&moved), 44);
    }

    #[test]
    fn packets_that_lie_in_a_row_arrive_one_by_one_whether_or_not_they_leave_together() {
        // More than a message may have, one that is shorter in between, and an empty one; a third of them have their
        // header elsewhere, and so does each first one behind them.
        let lengths = [&[1400; 60][..], &[300, 1400, 1400, 10, 0, 1400]].concat();
        let all: Vec<u8> = (0..lengths.iter().sum()).map(|at: usize| at.to_le_bytes()[1]).collect();
        let ends = lengths.iter().scan(0, |end, len| {
            *end += len;
            Some(*end - len..*end)
        });
        let packets: Vec<&[u8]> = ends.map(|it| &all[it]).collect();
        let batch = packets.iter().enumerate().map(|(number, payload)| match number % 3 {
            0 => Datagram { header: b"header", payload },
            1 => Datagram { header: payload, payload: &[] },
            _ => Datagram { header: &[], payload },
        });
        let expected: Vec<_> = batch.clone().map(|it| [it.header, it.payload].concat()).collect();
        let receivers = [(); 2].map(|()| UdpSocket::bind(HERE).unwrap());
        let mut sockets = receivers.each_ref().map(|it| {
            socket2::SockRef::from(it).set_recv_buffer_size(1 << 20).unwrap();
            it.set_nonblocking(true).unwrap();
            UnicastSocket::pair(HERE, [it.local_addr().unwrap(); 2]).unwrap()
        });
        sockets[1][0].way.segmentation = false;
        let mut arrays = Packets::default();
        let mut filled = arrays.fill(&mut batch.clone());
        for [socket, _] in &mut sockets {
            assert_eq!(filled.send(socket).unwrap().packets, lengths.len());
        }
        let mut buffer = [0; 2000];
        for receiver in &receivers {
            let got = std::iter::from_fn(|| {
                receiver.recv(&mut buffer).ok().map(|it| buffer[..it].to_vec())
            });
            assert!(got.collect::<Vec<_>>() == expected);
        }
    }
}
