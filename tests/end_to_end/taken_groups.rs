//! A stranger who answers in each group that somebody joins.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, daemon};
use streamsocket_tests::turn;

/// Where pictures go by default.
const PORT: u16 = 5004;

/// The groups of the range that the daemon chooses from in which there are members here.
fn joined() -> Vec<Ipv4Addr> {
    let table = std::fs::read_to_string("/proc/net/igmp").unwrap();
    let words = table.split_whitespace().filter(|word| word.len() == 8);
    // As the kernel writes it: the address in the order of the machine's bytes.
    let groups = words.filter_map(|word| u32::from_str_radix(word, 16).ok());
    groups
        .map(|group| Ipv4Addr::from(group.to_ne_bytes()))
        .filter(|it| it.octets()[..2] == [239, 255])
        .collect()
}

/// Sends single packets, of the form of RTP, to each group that is joined, as soon as it is.
fn answer_until(done: &AtomicBool) -> usize {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
    socket.set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
    let socket: UdpSocket = socket.into();
    let mut answered = HashSet::new();
    while !done.load(Ordering::Relaxed) {
        for group in joined() {
            if answered.insert(group) {
                let mut packet = [0; 20];
                (packet[0], packet[1]) = (0x80, 26);
                socket.send_to(&packet, SocketAddrV4::new(group, PORT)).unwrap();
            }
        }
        std::thread::yield_now();
    }
    answered.len()
}

#[test]
fn who_answers_in_each_group_does_not_keep_the_daemon_from_starting() {
    let _turn = turn();
    let done = Arc::new(AtomicBool::new(false));
    let stranger = std::thread::spawn({
        let done = Arc::clone(&done);
        move || answer_until(&done)
    });
    let mut command = daemon();
    command.args(["--video", "pattern", "--size", "320x240", "--audio", "none", "--no-announce"]);
    let mut daemon = Program::start(command.args(["--name", &Place::new().name()]));
    daemon.wait_for("goes to 239.255.");
    let said = daemon.interrupt().succeeded();
    done.store(true, Ordering::Relaxed);
    assert!(stranger.join().unwrap() > 0, "nobody was answered");
    assert!(!said.contains("is in use by another sender"), "{said}");
}
