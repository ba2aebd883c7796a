//! Where players connect.

use crate::settings::Listening;
use nix::errno::Errno;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use streamsocket_net::tcp;

/// The last port that is tried instead of one that is taken: ten daemons of a machine are more than anybody starts.
const PORT_LAST: u16 = 8563;

/// A listening socket.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    port: u16,
}

impl Listener {
    /// Listens at the port that was chosen, or at the next one that is free.
    ///
    /// # Errors
    /// One line: no port is free, or the address is none of this machine's.
    pub fn open(at: Listening) -> Result<Self, String> {
        let chosen = at.first.port();
        let mut problem = String::new();
        for port in chosen..=chosen.max(PORT_LAST) {
            match listen(at.first, port) {
                Ok(socket) if port == chosen => return Ok(Self { socket, port }),
                Ok(socket) => {
                    log::warn!(
                        "RTSP: port {chosen} is taken: players find this daemon at port {port}"
                    );
                    return Ok(Self { socket, port });
                }
                Err(error) => {
                    problem = format!("--rtsp {}: {error}", at.first);
                    if error.kind() != ErrorKind::AddrInUse {
                        break;
                    }
                }
            }
        }
        Err(format!("{problem}; choose another one, or --rtsp off"))
    }

    /// Its port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The next connection, if there is one, with the address of its client.
    #[must_use]
    pub fn accept(&self) -> Option<(TcpStream, SocketAddr)> {
        loop {
            match self.socket.accept() {
                Ok(accepted) => return Some(accepted),
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Without descriptors they wait until one is free.
                Err(_) => return None,
            }
        }
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// Listens at a port of an address; where there is no IPv6, at all of IPv4 instead of all of both.
fn listen(mut at: SocketAddr, port: u16) -> io::Result<TcpListener> {
    at.set_port(port);
    let anywhere = at.ip() == IpAddr::from(Ipv6Addr::UNSPECIFIED);
    tcp::listen(at).or_else(|error| match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EAFNOSUPPORT) if anywhere => tcp::listen((Ipv4Addr::UNSPECIFIED, port).into()),
        _ => Err(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_gives_way_to_the_next_and_one_beyond_is_an_error() {
        let at =
            |port| Listening { first: (Ipv4Addr::new(127, 0, 3, 7), port).into(), chosen: true };
        let listeners: Vec<_> = (0..10).map(|_| Listener::open(at(8554)).unwrap()).collect();
        let ports: Vec<_> = listeners.iter().map(Listener::port).collect();
        assert_eq!(ports, (8554..=8563).collect::<Vec<_>>());
        let why = Listener::open(at(8554)).unwrap_err();
        assert!(why.starts_with("--rtsp 127.0.3.7:8554: ") && why.contains("in use"), "{why}");
        let one = Listener::open(at(9100)).unwrap();
        assert!(Listener::open(at(9100)).is_err() && one.port() == 9100);
        let elsewhere = Listening { first: "192.0.2.1:8554".parse().unwrap(), chosen: true };
        assert!(Listener::open(elsewhere).unwrap_err().contains("192.0.2.1:8554"));
        let (client, server) = (TcpStream::connect(("127.0.3.7", 8554)).unwrap(), &listeners[0]);
        let (_, from) = std::iter::from_fn(|| Some(server.accept())).flatten().next().unwrap();
        assert_eq!(from, client.local_addr().unwrap());
    }
}
