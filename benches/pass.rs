//! The least that handing packets on can cost: what came together (UDP_GRO) leaves together (UDP_SEGMENT), to one address
//! after the other, with one call for all of them. It reads nothing of what passes, and answers to nobody.
//!
//!     pass ADDRESS:PORT TO:PORT[,...]

#![allow(unsafe_code, reason = "recvmsg and sendmmsg work on pointers")]
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "whoever calls it by hand, and it measures or ends"
)]

use libc::{SOL_UDP, UDP_GRO, UDP_SEGMENT, c_int, cmsghdr, iovec, mmsghdr, msghdr};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{RcvBufForce, SndBufForce, UdpGroSegment};
use socket2::{Domain, SockAddr, Socket, Type};
use std::net::SocketAddrV4;
use std::os::fd::AsRawFd;
use std::ptr;

/// Bytes of a message at most.
const MESSAGE_MAX: usize = 64 << 10;

/// As the relay's, of its sockets.
const RECEIVE_BUFFER: usize = 8 << 20;
const SEND_BUFFER: usize = 512 << 10;

/// A control message with the length of the packets of a message; the kernel has an `int` in what it gives.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control {
    header: cmsghdr,
    segment: [u8; 8],
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [at, to] = &arguments[..] else {
        eprintln!("usage: pass ADDRESS:PORT TO:PORT[,...]");
        std::process::exit(2);
    };
    let address = |text: &str| SockAddr::from(text.parse::<SocketAddrV4>().expect("an address"));
    let [from, by] = [(); 2].map(|()| Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap());
    setsockopt(&from, UdpGroSegment, &true).unwrap();
    setsockopt(&from, RcvBufForce, &RECEIVE_BUFFER).unwrap();
    setsockopt(&by, SndBufForce, &SEND_BUFFER).unwrap();
    from.bind(&address(at)).unwrap();
    let to: Vec<SockAddr> = to.split(',').map(address).collect();
    eprintln!("ready");
    let mut bytes = vec![0_u8; MESSAGE_MAX];
    // SAFETY: all fields are integers; zero is a value of each.
    let mut control: Control = unsafe { std::mem::zeroed() };
    loop {
        let (len, segment) = take(&from, &mut bytes, &mut control);
        hand_on(&by, &to, &mut bytes[..len], segment);
    }
}

/// Takes what has come, waiting for it: its length, and that of its packets if there are several.
fn take(socket: &Socket, bytes: &mut [u8], control: &mut Control) -> (usize, Option<usize>) {
    let mut slice = iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    // SAFETY: all fields are integers and pointers; zero is a value of each.
    let mut message: msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut slice;
    message.msg_iovlen = 1;
    message.msg_control = ptr::from_mut(control).cast();
    message.msg_controllen = size_of::<Control>();
    // SAFETY: the slice and the control buffer are borrowed mutably until the call returns, with their true sizes.
    let len = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, 0) };
    let len = usize::try_from(len).expect("a message");
    let header = &control.header;
    let noted = message.msg_controllen > 0 && header.cmsg_type == UDP_GRO;
    let segment = c_int::from_ne_bytes(*control.segment.first_chunk().unwrap());
    (len, noted.then(|| segment.try_into().unwrap()).filter(|segment| *segment < len))
}

/// Sends it to everybody.
fn hand_on(socket: &Socket, to: &[SockAddr], bytes: &mut [u8], segment: Option<usize>) {
    let mut slice = iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    // SAFETY: all fields are integers; zero is a value of each.
    let mut control: Control = unsafe { std::mem::zeroed() };
    control.header.cmsg_len = size_of::<cmsghdr>() + size_of::<u16>();
    control.header.cmsg_level = SOL_UDP;
    control.header.cmsg_type = UDP_SEGMENT as c_int;
    let length = u16::try_from(segment.unwrap_or_default()).unwrap();
    control.segment[..2].copy_from_slice(&length.to_ne_bytes());
    let mut messages: Vec<mmsghdr> = to
        .iter()
        .map(|to| {
            // SAFETY: all fields are integers and pointers; zero is a value of each.
            let mut message: mmsghdr = unsafe { std::mem::zeroed() };
            message.msg_hdr.msg_name = to.as_ptr().cast_mut().cast();
            message.msg_hdr.msg_namelen = to.len();
            message.msg_hdr.msg_iov = &raw mut slice;
            message.msg_hdr.msg_iovlen = 1;
            if segment.is_some() {
                message.msg_hdr.msg_control = (&raw mut control).cast();
                message.msg_hdr.msg_controllen = size_of::<Control>();
            }
            message
        })
        .collect();
    let mut left = &mut messages[..];
    while !left.is_empty() {
        let count = left.len().try_into().unwrap();
        // SAFETY: the headers are `count` long; what they point to outlives the call. The kernel writes only `msg_len`
        // of them.
        let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), left.as_mut_ptr(), count, 0) };
        left = &mut left[usize::try_from(sent).expect("room for a message")..];
    }
}
