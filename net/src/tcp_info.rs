//! What the kernel knows of a TCP connection (`TCP_INFO` of `tcp(7)`).

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

/// What the kernel says of a connection without any measurement yet.
const UNKNOWN: u32 = u32::MAX;

/// The shortest time that data took there and its receipt back, of the last five minutes or so; `None` as long as none has,
/// or on a kernel that does not measure it.
pub(crate) fn round_trip_min(connection: &impl AsFd) -> Option<Duration> {
    let mut info = MaybeUninit::<libc::tcp_info>::zeroed();
    let size = size_of::<libc::tcp_info>();
    let mut len = libc::socklen_t::try_from(size).ok()?;
    // SAFETY: the pointers are to a structure of ours and to its length, which the kernel fills up to that.
    let asked = unsafe {
        libc::getsockopt(
            connection.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut len,
        )
    };
    // SAFETY: it was zeroed, and is plain numbers, for which zeros are values.
    let info = unsafe { info.assume_init() };
    let min = info.tcpi_min_rtt;
    (asked == 0 && min != 0 && min != UNKNOWN).then(|| Duration::from_micros(min.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};

    #[test]
    fn a_connection_has_one_and_other_sockets_have_none() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut far, _) = listener.accept().unwrap();
        for _ in 0..3 {
            far.write_all(b"?").unwrap();
            near.read_exact(&mut [0]).unwrap();
            near.write_all(b"!").unwrap();
            far.read_exact(&mut [0]).unwrap();
        }
        let trip = round_trip_min(&far).unwrap();
        assert!(trip < Duration::from_millis(100), "{trip:?}");
        assert_eq!(round_trip_min(&UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()), None);
    }
}
