//! The least that sending pictures can cost: the packets of a clip, made beforehand, in a bare loop of
//! `sendmmsg` with UDP_SEGMENT. It reads nothing, schedules nothing and answers to nobody. Paced, each picture leaves in
//! the daemon's batches at the daemon's times.
//!
//!     floor CLIP GROUP:PORT[,...] PICTURES [FPS [paced]]

#![allow(unsafe_code, reason = "sendmmsg works on arrays of pointers")]
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "it measures in real time, or ends"
)]

use libc::{SOL_UDP, UDP_SEGMENT, c_int, cmsghdr, iovec, mmsghdr};
use socket2::{Domain, SockAddr, Socket, Type};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};
use streamsocket_media::clock::Monotonic;
use streamsocket_stream::send::frame_packets::FramePackets;
use streamsocket_stream::send::jpeg::{CaptureTime, JpegPayloader};
use streamsocket_stream::send::pacer::{Load, Pace, Pacer};
use streamsocket_tests::clip::split;
use streamsocket_wire::jpeg_scan::scan;
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::rtp::{RtpTime, Sequence, Ssrc};

/// As the daemon's default.
const PACKET_SIZE: usize = 1400;

/// Bytes that fit into one message.
const MESSAGE_MAX: usize = 65_507;

/// Packets that the kernel makes of one message at most (`UDP_MAX_SEGMENTS`).
const SEGMENTS_MAX: usize = 64;

/// A control message with the segment size.
#[repr(C, align(8))]
struct Control {
    header: cmsghdr,
    segment: u16,
}

/// A part of a picture that leaves at once, as the kernel takes it.
struct Batch {
    /// How long after the picture is there.
    after: Duration,
    messages: Vec<mmsghdr>,
}

/// A picture, batch by batch.
type Picture = Vec<Batch>;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [clip, to, pictures, speed @ ..] = &arguments[..] else {
        eprintln_usage();
        std::process::exit(2);
    };
    let to = to.split(',').map(|to| to.parse::<SocketAddrV4>().expect("an address with a port"));
    // They live as long as the program: the messages point to them.
    let to: &'static [SockAddr] = to.map(SockAddr::from).collect::<Vec<_>>().leak();
    let pictures: usize = pictures.parse().expect("a number of pictures");
    let interval =
        speed.first().map(|fps| Duration::from_secs_f64(1.0 / fps.parse::<f64>().unwrap()));
    let pace = if speed.get(1).is_some() { Pace::default() } else { Pace::Off };
    let nanos = interval.map_or(0, |interval| interval.as_nanos().try_into().unwrap());
    let mut pacer = Pacer::new(pace, nanos);
    // They live as long as the program: the messages point into them.
    let bytes: &[u8] = std::fs::read(clip).expect("a clip").leak();
    let mut payloader = JpegPayloader::new(Ssrc(1), Sequence(0), PACKET_SIZE, None);
    let pictures_of_clip = split(bytes);
    let prepared = pictures_of_clip.iter().map(|jpeg| {
        let packets = packetize(jpeg, &mut payloader);
        batches(jpeg, packets, &mut pacer, &to[0])
    });
    let clip: Vec<_> = prepared.collect();
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
    socket.set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
    socket.set_send_buffer_size(512 * 1024).unwrap();
    // Each destination has a socket of its own, as in the daemon.
    let mut sockets = vec![socket];
    for _ in 1..to.len() {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        socket.set_send_buffer_size(512 * 1024).unwrap();
        sockets.push(socket);
    }
    let to: Vec<_> = sockets.iter().zip(to).collect();
    stream(&to, clip, pictures, interval);
}

#[allow(clippy::print_stderr, reason = "whoever calls it by hand")]
fn eprintln_usage() {
    eprintln!("usage: floor CLIP GROUP:PORT[,...] PICTURES [FPS [paced]]");
}

fn stream(
    to: &[(&Socket, &'static SockAddr)],
    mut clip: Vec<Picture>,
    pictures: usize,
    interval: Option<Duration>,
) {
    let mut next = Instant::now();
    let number = clip.len();
    for index in 0..pictures {
        for Batch { after, messages } in &mut clip[index % number] {
            if !after.is_zero() {
                std::thread::sleep((next + *after).saturating_duration_since(Instant::now()));
            }
            for (socket, to) in to {
                for message in &mut *messages {
                    message.msg_hdr.msg_name = to.as_ptr().cast_mut().cast();
                }
                send(socket, messages);
            }
        }
        if let Some(interval) = interval {
            next += interval;
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }
}

fn send(socket: &Socket, messages: &mut [mmsghdr]) {
    let count = messages.len().try_into().unwrap();
    // SAFETY: the headers are `count` long; what they point to is leaked and lives on. The kernel
    // writes only `msg_len` of them.
    let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), messages.as_mut_ptr(), count, 0) };
    let error = std::io::Error::last_os_error;
    assert_eq!(usize::try_from(sent).ok(), Some(messages.len()), "{}", error());
}

/// Makes the packets of a picture.
fn packetize(jpeg: &[u8], payloader: &mut JpegPayloader) -> &'static FramePackets {
    let frame = scan(jpeg).expect("a picture for RTP");
    let mut packets = FramePackets::with_capacity(256);
    let stamp = CaptureTime { time: RtpTime(0), ntp: NtpTime(0) };
    payloader.packetize(&frame, stamp, &mut packets).expect("a picture of usual size");
    Box::leak(Box::new(packets))
}

/// The batches that a picture leaves in.
fn batches(
    jpeg: &'static [u8],
    packets: &'static FramePackets,
    pacer: &mut Pacer,
    to: &'static SockAddr,
) -> Picture {
    let bytes = packets.range(0..packets.len()).map(|packet| packet.len()).sum();
    let load = Load { media: packets.len(), repairs: 0, bytes };
    pacer.begin(Monotonic(0), Monotonic(0), load);
    let mut batches = Vec::new();
    while let Some(deadline) = pacer.deadline() {
        let messages = messages(jpeg, packets, pacer.due(deadline), to);
        batches.push(Batch { after: Duration::from_nanos(deadline.0.unsigned_abs()), messages });
    }
    batches
}

/// Makes the messages of some packets.
fn messages(
    jpeg: &'static [u8],
    packets: &'static FramePackets,
    range: Range<usize>,
    to: &'static SockAddr,
) -> Vec<mmsghdr> {
    let slice = |bytes: &'static [u8]| iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    // All are as long as the first, but the last.
    let segment = packets.get(0).expect("a packet").len();
    let together = (MESSAGE_MAX / segment).min(SEGMENTS_MAX);
    let slices: Vec<iovec> = packets
        .range(range)
        .flat_map(|packet| [slice(packet.header), slice(&jpeg[packet.payload])])
        .collect();
    let parts = slices.leak().chunks_mut(2 * together);
    parts.map(|slices| message(slices, segment, to)).collect()
}

fn message(slices: &'static mut [iovec], segment: usize, to: &'static SockAddr) -> mmsghdr {
    // SAFETY: all fields of both are integers and pointers; zero is a value of each.
    let (mut control, mut message): (Control, mmsghdr) =
        unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
    control.header.cmsg_len = size_of::<cmsghdr>() + size_of::<u16>();
    control.header.cmsg_level = SOL_UDP;
    control.header.cmsg_type = UDP_SEGMENT as c_int;
    control.segment = segment.try_into().unwrap();
    let control: &'static mut Control = Box::leak(Box::new(control));
    message.msg_hdr.msg_name = to.as_ptr().cast_mut().cast();
    message.msg_hdr.msg_namelen = to.len();
    message.msg_hdr.msg_iovlen = slices.len();
    message.msg_hdr.msg_iov = slices.as_mut_ptr();
    message.msg_hdr.msg_control = std::ptr::from_mut(control).cast();
    message.msg_hdr.msg_controllen = size_of::<Control>();
    message
}
