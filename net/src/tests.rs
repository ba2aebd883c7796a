//! Real sockets on the loopback interface. Nothing sleeps: `await_some` polls until the kernel has
//! delivered, which on loopback it has before `send` returns.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, poll};

use crate::message::{Incoming, disable_checksums};
use crate::{
    BATCH_MAX, Datagram, Error, Interface, ReceiveSocket, Received, SendSocket, Sent, machine,
};

mod sources;

const TTL: u8 = 1;
const TIMEOUT_MS: u16 = 5000;

fn group(last: u8) -> SocketAddr {
    SocketAddr::from(([239, 255, 77, last], 0))
}

fn loopback() -> Interface {
    Interface::named("127.0.0.1").unwrap()
}

/// A receiver of the group on a port of its own, and a sender to it.
fn pair(last: u8) -> (ReceiveSocket, SendSocket) {
    let lo = loopback();
    let receiver = ReceiveSocket::open(group(last), Some(&lo), None).unwrap();
    let to = receiver.local_addr().unwrap();
    (receiver, SendSocket::open(to, Some(&lo), TTL).unwrap())
}

fn is_readable(socket: &impl AsFd, timeout_ms: u16) -> bool {
    let mut fds = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    poll(&mut fds, timeout_ms).unwrap() == 1
}

#[track_caller]
fn await_some(socket: &impl AsFd) {
    assert!(is_readable(socket, TIMEOUT_MS), "nothing arrived in {TIMEOUT_MS} ms");
}

/// Everything that comes until `count` datagrams are there, then what else is waiting.
#[track_caller]
fn collect(socket: &mut ReceiveSocket, count: usize) -> Vec<Vec<u8>> {
    let mut got = Vec::new();
    while got.len() < count {
        await_some(socket);
        let before = got.len();
        let taken = socket.receive(&mut |received| got.push(received.data.to_vec())).unwrap();
        assert_eq!(taken, got.len() - before);
    }
    assert_eq!(socket.receive(&mut |received| got.push(received.data.to_vec())).unwrap(), 0);
    got
}

/// Packets of these lengths, each filled with its number.
fn packets(lengths: &[usize]) -> Vec<Vec<u8>> {
    let numbered = lengths.iter().enumerate();
    numbered.map(|(number, &length)| vec![u8::try_from(number % 251).unwrap(); length]).collect()
}

/// Each packet in two parts, the first of up to 12 bytes.
fn gathered(packets: &[Vec<u8>]) -> impl Iterator<Item = Datagram<'_>> {
    packets.iter().map(|packet| {
        let (header, payload) = packet.split_at(packet.len().min(12));
        Datagram { header, payload }
    })
}

/// The lengths arrive as they were sent, all of them, in order, through one group.
#[track_caller]
fn round_trip(last: u8, lengths: &[usize], segmentation: bool) {
    let (mut receiver, mut sender) = pair(last);
    sender.set_segmentation(segmentation);
    let packets = packets(lengths);
    let sent = sender.send(&mut gathered(&packets)).unwrap();
    let bytes = lengths.iter().sum();
    assert_eq!(sent, Sent { packets: packets.len(), bytes, dropped: 0 });
    assert_eq!(sender.segmentation(), segmentation, "loopback refuses no segmentation");
    assert_eq!(collect(&mut receiver, packets.len()), packets);
}

#[test]
fn segmented_batch_arrives_complete_and_in_order() {
    let mut lengths = [1400; 16];
    lengths[15] = 700;
    round_trip(1, &lengths, true);
}

#[test]
fn segmented_batch_is_one_message_to_the_kernel_both_ways() {
    let lo = loopback();
    let one_slot = Incoming::new(1, 64 * 1024);
    let mut receiver =
        ReceiveSocket::with_messages(group(21), Some(&lo), Vec::new(), one_slot).unwrap();
    let mut sender = SendSocket::open(receiver.local_addr().unwrap(), Some(&lo), TTL).unwrap();
    sender.send(&mut gathered(&packets(&[1400; 16]))).unwrap();
    await_some(&receiver);
    assert_eq!(receiver.receive(&mut |_| {}).unwrap(), 16);
}

#[test]
fn a_socket_is_drained_once_a_call_could_have_taken_more() {
    let lo = loopback();
    let slots = Incoming::new(2, 64 * 1024);
    let mut receiver =
        ReceiveSocket::with_messages(group(22), Some(&lo), Vec::new(), slots).unwrap();
    let mut sender = SendSocket::open(receiver.local_addr().unwrap(), Some(&lo), TTL).unwrap();
    for _ in 0..3 {
        sender.send(&mut gathered(&packets(&[100]))).unwrap();
    }
    for (taken, drained) in [(2, false), (1, true), (0, true)] {
        assert_eq!(receiver.receive(&mut |_| {}).unwrap(), taken);
        assert_eq!(receiver.is_drained(), drained);
    }
}

#[test]
fn plain_batch_arrives_complete_and_in_order() {
    let mut lengths = [1400; 16];
    lengths[15] = 700;
    round_trip(2, &lengths, false);
}

#[test]
fn batches_beyond_the_arrays_and_the_largest_message_arrive() {
    round_trip(3, &[1000; BATCH_MAX + 10], true);
    round_trip(4, &[200; BATCH_MAX + 10], false);
}

#[test]
fn mixed_lengths_arrive() {
    round_trip(5, &[300, 1400, 1400, 20, 1400, 1300, 1300, 1, 1], true);
}

#[test]
fn empty_batch_sends_nothing() {
    let (receiver, mut sender) = pair(6);
    assert_eq!(sender.send(&mut [].into_iter()).unwrap(), Sent::default());
    assert!(!is_readable(&receiver, 0));
}

#[test]
fn refused_segmentation_loses_nothing_and_is_not_tried_again() {
    let (mut receiver, mut sender) = pair(7);
    disable_checksums(sender.as_fd());
    // The first message is a single packet and goes, the second one is refused.
    let packets = packets(&[300, 1400, 1400, 1400]);
    let sent = sender.send(&mut gathered(&packets)).unwrap();
    assert_eq!(sent, Sent { packets: 4, bytes: 4500, dropped: 0 });
    assert!(!sender.segmentation());
    assert_eq!(collect(&mut receiver, 4), packets);
}

#[test]
fn a_packet_that_no_datagram_can_carry_is_an_error_and_the_next_batch_goes() {
    let (mut receiver, mut sender) = pair(8);
    let wrong = packets(&[70_000]);
    assert!(sender.send(&mut gathered(&wrong)).is_err());
    let right = packets(&[100]);
    assert_eq!(sender.send(&mut gathered(&right)).unwrap().packets, 1);
    assert_eq!(collect(&mut receiver, 1), right);
}

#[test]
fn full_receive_buffer_shows_in_the_drop_counter() {
    let (mut receiver, mut sender) = pair(9);
    socket2::SockRef::from(&receiver).set_recv_buffer_size(4096).unwrap();
    sender.set_segmentation(false);
    let packets = packets(&[1000; 50]);
    assert_eq!(sender.send(&mut gathered(&packets)).unwrap().packets, 50);
    let mut got = 0;
    while receiver.receive(&mut |_| got += 1).unwrap() > 0 {}
    assert!(got < 50, "{got} datagrams fit into 4 kB");
    // The counter comes with the next datagram that is received.
    assert_eq!(sender.send(&mut gathered(&packets[..1])).unwrap().packets, 1);
    await_some(&receiver);
    assert_eq!(receiver.receive(&mut |_| {}).unwrap(), 1);
    assert_eq!(receiver.kernel_drops(), 50 - got);
}

#[test]
fn two_groups_on_one_port_do_not_mix() {
    let (mut first, mut to_first) = pair(10);
    let port = first.local_addr().unwrap().port();
    let lo = loopback();
    let other = SocketAddr::new(group(11).ip(), port);
    let mut second = ReceiveSocket::open(other, Some(&lo), None).unwrap();
    let mut to_second = SendSocket::open(other, Some(&lo), TTL).unwrap();
    let packets = packets(&[10, 20]);
    to_first.send(&mut gathered(&packets[..1])).unwrap();
    to_second.send(&mut gathered(&packets[1..])).unwrap();
    assert_eq!(collect(&mut first, 1), packets[..1]);
    assert_eq!(collect(&mut second, 1), packets[1..]);
}

#[test]
fn two_receivers_of_one_group_both_hear_it() {
    let (mut first, mut sender) = pair(12);
    let to = sender.destination();
    let mut second = ReceiveSocket::open(to, Some(&loopback()), None).unwrap();
    let packets = packets(&[1400; 8]);
    sender.send(&mut gathered(&packets)).unwrap();
    assert_eq!(collect(&mut first, 8), packets);
    assert_eq!(collect(&mut second, 8), packets);
}

#[test]
fn arrival_is_the_kernels_time() {
    let (mut receiver, mut sender) = pair(13);
    let packets = packets(&[1400; 4]);
    // The kernel begins to stamp what arrives a moment after the first socket of the machine has asked for
    // it; what it has not stamped by then bears the time at which it is read.
    for _ in 0..100_000 {
        let before = machine::unix_nanos();
        sender.send(&mut gathered(&packets)).unwrap();
        await_some(&receiver);
        let after = machine::unix_nanos();
        let mut arrivals = Vec::new();
        receiver.receive(&mut |received| arrivals.push(received.arrival.unwrap())).unwrap();
        assert_eq!(arrivals.len(), 4);
        assert!(arrivals.iter().all(|&arrival| arrival >= before), "{before}: {arrivals:?}");
        if arrivals.iter().all(|&arrival| arrival <= after) {
            return;
        }
    }
    panic!("the kernel stamps nothing");
}

#[test]
fn datagrams_beyond_the_slot_are_dropped_and_counted() {
    let lo = loopback();
    let messages = Incoming::new(2, 100);
    let mut receiver =
        ReceiveSocket::with_messages(group(14), Some(&lo), Vec::new(), messages).unwrap();
    let to = receiver.local_addr().unwrap();
    let mut sender = SendSocket::open(to, Some(&lo), TTL).unwrap();
    sender.set_segmentation(false);
    let packets = packets(&[100, 101, 50]);
    sender.send(&mut gathered(&packets)).unwrap();
    let mut got = Vec::new();
    let mut taken = 0;
    while taken < 3 {
        await_some(&receiver);
        taken += receiver.receive(&mut |received| got.push(received.data.len())).unwrap();
    }
    assert_eq!((got, receiver.truncated()), (vec![100, 50], 1));
}

#[test]
fn rejoined_group_is_heard() {
    let (mut receiver, mut sender) = pair(16);
    assert!(!receiver.has_switch(), "there is none on the loopback interface");
    receiver.leave();
    receiver.rejoin().unwrap();
    receiver.rejoin().unwrap();
    let packets = packets(&[10]);
    sender.send(&mut gathered(&packets)).unwrap();
    assert_eq!(collect(&mut receiver, 1), packets);
}

#[test]
fn rtcp_comes_back_to_the_announced_address() {
    let (mut receiver, mut sender) = pair(17);
    sender.send(&mut gathered(&packets(&[10]))).unwrap();
    await_some(&receiver);
    let mut from = None;
    receiver.receive(&mut |Received { from: sender, .. }| from = Some(sender)).unwrap();
    assert_eq!(from, Some(sender.local_addr().unwrap()));

    let mut buffer = [0; 100];
    assert_eq!(sender.receive(&mut buffer).unwrap(), None);
    let mut reporter = SendSocket::open(from.unwrap(), None, TTL).unwrap();
    let report = packets(&[52]);
    reporter.send(&mut gathered(&report)).unwrap();
    await_some(&sender);
    let back = Some((52, reporter.local_addr().unwrap()));
    assert_eq!(sender.receive(&mut buffer).unwrap(), back);
}

#[test]
fn local_port_can_be_given_and_is_ones_own() {
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let receiver = ReceiveSocket::open(local, None, None).unwrap();
    let taken = receiver.local_addr().unwrap();
    let error = SendSocket::open_from(local, None, TTL, taken.port()).err().unwrap();
    assert!(error.to_string().contains("another program"), "{error}");
    drop(receiver);
    let sender = SendSocket::open_from(taken, None, TTL, taken.port()).unwrap();
    assert_eq!(sender.local_addr().unwrap(), taken);
}

#[test]
fn nobody_listening_is_no_error() {
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let gone = ReceiveSocket::open(local, None, None).unwrap().local_addr().unwrap();
    let mut sender = SendSocket::open(gone, None, TTL).unwrap();
    for _ in 0..3 {
        sender.send(&mut gathered(&packets(&[10]))).unwrap();
    }
}

#[test]
fn address_that_is_neither_group_nor_local_is_an_error() {
    let foreign = SocketAddr::from(([203, 0, 113, 1], 0));
    let error = ReceiveSocket::open(foreign, None, None).err().unwrap();
    assert!(matches!(error, Error::Socket { action: "bind", .. }), "{error:?}");
    assert!(error.to_string().contains("nor a multicast group"), "{error}");
}

#[test]
fn source_of_the_other_family_is_an_error() {
    let source = Some(IpAddr::V6(Ipv6Addr::LOCALHOST));
    let error = ReceiveSocket::open(group(18), None, source).err().unwrap();
    assert!(matches!(error, Error::SourceFamily { .. }), "{error:?}");
}

#[test]
fn interface_that_is_down_or_without_address_is_an_error() {
    let down = Interface { up: false, ..loopback() };
    let error = SendSocket::open(group(19), Some(&down), TTL).err().unwrap();
    assert!(error.to_string().contains("lo is down"), "{error}");
    let error = ReceiveSocket::open(group(19), Some(&down), None).err().unwrap();
    assert!(error.to_string().contains("lo is down"), "{error}");

    let bare = Interface { address: None, ..loopback() };
    let error = SendSocket::open(group(19), Some(&bare), TTL).err().unwrap();
    assert!(error.to_string().contains("lo has no IPv4 address"), "{error}");
    let error = ReceiveSocket::open(group(19), Some(&bare), None).err().unwrap();
    assert!(error.to_string().contains("lo has no IPv4 address"), "{error}");
}

#[test]
fn granted_buffer_is_reported() {
    let (receiver, _) = pair(20);
    let granted = receiver.buffer_size();
    assert!((4096..=ReceiveSocket::BUFFER_SIZE_WANTED).contains(&granted), "{granted}");
}

#[test]
fn ipv6_unicast_arrives() {
    let local = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    let mut receiver = ReceiveSocket::open(local, None, None).unwrap();
    let mut sender = SendSocket::open(receiver.local_addr().unwrap(), None, TTL).unwrap();
    let packets = packets(&[1400; 5]);
    sender.send(&mut gathered(&packets)).unwrap();
    assert_eq!(collect(&mut receiver, 5), packets);
}

#[test]
fn ipv6_group_is_joined_on_the_interface() {
    // Receiving only: loopback has no IPv6 multicast route to send by.
    let group = SocketAddr::from(([0xff02, 0, 0, 0, 0, 0, 0, 0x4d01], 0));
    let mut receiver = ReceiveSocket::open(group, Some(&loopback()), None).unwrap();
    receiver.leave();
    receiver.rejoin().unwrap();
    assert!(std::fs::read_to_string("/proc/net/igmp6").unwrap().lines().any(|line| {
        line.contains(" lo ") && line.contains("ff020000000000000000000000004d01")
    }));
}
