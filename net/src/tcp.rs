//! TCP for media that are only worth something while they are new: what lies in the kernel waits, and cannot be left
//! out any more.

use crate::tcp_info;
use nix::errno::Errno;
use socket2::{Domain, SockRef, Socket, TcpKeepalive, Type};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::fd::AsFd;
use std::time::Duration;

/// Bytes that the kernel holds for a viewer and has not sent, at most: what waits there gets old, and cannot be left
/// out any more.
const UNSENT_MAX: u32 = 16 << 10;

/// Bytes that the kernel holds for a viewer at all, sent ones that may be lost included.
const SEND_BUFFER: usize = 256 << 10;

/// A viewer that takes nothing for so long is gone, or might as well be.
const GONE: Duration = Duration::from_secs(30);

/// Connections that wait to be accepted.
const BACKLOG: i32 = 64;

/// Listens at an address, without blocking. `[::]` takes IPv4 as well.
///
/// # Errors
/// The kernel's, such as for a port that is taken.
pub fn listen(at: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM.nonblocking(), None)?;
    if at.is_ipv6() {
        socket.set_only_v6(!at.ip().is_unspecified())?;
    }
    // After a restart connections of the one before linger.
    socket.set_reuse_address(true)?;
    socket.bind(&at.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// The shortest time that data took to the other end and its receipt back, of the last minutes; `None` as long as that is not
/// known.
#[must_use]
pub fn round_trip_min(connection: &impl AsFd) -> Option<Duration> {
    tcp_info::round_trip_min(connection)
}

/// Sets a connection up for media: bounds what the kernel holds for it.
///
/// # Errors
/// The kernel's.
pub fn prepare(connection: &impl AsFd) -> io::Result<()> {
    let socket = SockRef::from(connection);
    socket.set_tcp_nodelay(true)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.set_tcp_user_timeout(Some(GONE))?;
    // The same while nothing is sent.
    let alive = TcpKeepalive::new().with_time(GONE).with_interval(GONE / 3);
    socket.set_tcp_keepalive(&alive)?;
    socket.set_tcp_notsent_lowat(UNSENT_MAX)
}

/// Looks a name up and connects to one of its addresses, which takes as long as `left` says: each of those that are left
/// to try has the same part of it. For threads that may wait.
///
/// # Errors
/// The kernel's, of the last one that was tried.
pub fn connect(host: &str, port: u16, left: impl Fn() -> Duration) -> io::Result<TcpStream> {
    let found: Vec<_> = (host, port).to_socket_addrs()?.collect();
    let mut failed = io::Error::from(io::ErrorKind::NotFound);
    for (tried, address) in found.iter().enumerate() {
        let others = u32::try_from(found.len() - tried).unwrap_or(u32::MAX);
        let patience = (left() / others).max(Duration::from_millis(1));
        match TcpStream::connect_timeout(address, patience) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(why) => failed = why,
        }
    }
    Err(failed)
}

/// Why a connection failed, without the number of the error.
#[must_use]
pub fn said(why: &io::Error) -> String {
    let number = why.raw_os_error().map(|number| Errno::from_raw(number).desc().to_owned());
    number.unwrap_or_else(|| why.to_string())
}
