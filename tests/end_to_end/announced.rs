//! Announcements of strangers: what they announce may be no session at all, and neither ends a receiver that
//! looks for one nor keeps it.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use streamsocket_tests::long::is_left_out;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, receiver};
use streamsocket_tests::session::daemon_at;
use streamsocket_tests::turn;
use streamsocket_tests::wire::SAP;

/// Where they come from.
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Between two announcements.
const PAUSE: Duration = Duration::from_millis(20);

/// An announcement of a session of that name at an address.
fn announcement(name: &str, address: &str) -> Vec<u8> {
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 {STRANGER}\r\ns={name}\r\nc=IN {address}\r\nt=0 0\r\n\
         m=video 5004 RTP/AVP 26\r\n"
    );
    [&[0x20, 0, 0, 1, 127, 0, 0, 2][..], b"application/sdp\0", sdp.as_bytes()].concat()
}

/// Announces all of them again and again until it is told to stop.
fn announce(datagrams: Vec<Vec<u8>>, stop: &Arc<AtomicBool>) -> std::thread::JoinHandle<()> {
    let socket = UdpSocket::bind((STRANGER, 0)).unwrap();
    socket2::SockRef::from(&socket).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
    let stop = Arc::clone(stop);
    std::thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            for datagram in &datagrams {
                let _ = socket.send_to(datagram, SAP);
            }
            std::thread::park_timeout(PAUSE);
        }
    })
}

/// A receiver that looks for a session while a stranger announces these; the true one comes later.
#[track_caller]
fn finds(place: Place, name: Option<&str>, datagrams: Vec<Vec<u8>>, said: &[&str]) {
    let stop = Arc::new(AtomicBool::new(false));
    let stranger = announce(datagrams, &stop);
    let mut command = receiver();
    command.args(name);
    let mut viewer = Program::start(&mut command);
    for line in said {
        viewer.wait_for(line);
    }
    let mut daemon = daemon_at(place);
    daemon.args(["--video", "pattern", "--audio", "none", "--size", "320x240"]);
    let mut daemon = Program::start(&mut daemon);
    daemon.wait_for("goes to");
    viewer.wait_for(&format!("receiving {}", place.name()));
    let said = viewer.interrupt().succeeded();
    assert!(!said.contains('\u{1b}'), "{said}");
    stop.store(true, Ordering::Relaxed);
    stranger.join().unwrap();
    daemon.interrupt().succeeded();
}

#[test]
fn what_cannot_be_joined_and_what_is_silent_is_passed_over() {
    let _turn = turn();
    // Somebody else's address; a source by IPv6 for a group of IPv4; a session without packets.
    let duds = vec![
        announcement("elsewhere\u{1b}[2J", "IP4 10.99.99.99"),
        [
            &[0x20, 0, 0, 2, 127, 0, 0, 2][..],
            b"application/sdp\0v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=filtered\r\nc=IN IP4 232.1.1.1/1\r\n",
            b"a=source-filter: incl IN IP6 * 2001:db8::1\r\nt=0 0\r\nm=video 5004 RTP/AVP 26\r\n",
        ]
        .concat(),
        announcement("nothing", "IP4 239.255.250.1/1"),
    ];
    let said = ["elsewhere?[2J' at 10.99.99.99:5004, announced by 127.0.0.2, is passed over"];
    finds(Place::new(), None, duds, &said);
}

#[test]
fn a_stranger_who_announces_the_same_name_does_not_keep_a_receiver() {
    if is_left_out("announced::a_stranger_who_announces_the_same_name_does_not_keep_a_receiver") {
        return;
    }
    let _turn = turn();
    let place = Place::new();
    let duds = vec![
        announcement(&place.name(), "IP4 10.99.99.99"),
        announcement(&place.name(), "IP4 239.255.250.2/1"),
    ];
    finds(place, Some(&place.name()), duds, &["cannot be joined", "nothing comes from it"]);
}
