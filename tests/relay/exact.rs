//! What comes out is what went in.

use crate::pusher::{OWN, Pusher, Way, packet, pictures, report};
use crate::relaying::{Relay, announced, ask_for_announcements, of, to_port};
use std::time::Duration;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::wire::Tap;
use streamsocket_wire::sdp::Session;

/// Packets that are pushed.
const PACKETS: u16 = 3000;

fn is_exact(way: Way) {
    let _turn = streamsocket_tests::turn();
    let mut relay = Relay::new();
    let mut pusher = Pusher::begin(&relay, "Anna", way);
    let tap = Tap::on(of(relay.wait_for_group("Anna")));
    let (mut packets, mut reports) = (Vec::new(), Vec::new());
    // Across the end of the sequence, and as long as packets may be.
    for number in 0..PACKETS {
        let len = if number % 10 == 9 { 300 + usize::from(number % 700) } else { 1472 };
        packets.push(packet(OWN, 26, number.wrapping_sub(1500), len));
        pusher.send(0, packets.last().unwrap());
        if number % 500 == 3 {
            reports.push(report(OWN, number.into()));
            pusher.send(1, reports.last().unwrap());
        }
        if number % 10 == 9 {
            std::thread::park_timeout(Duration::from_millis(2));
        }
    }
    let (mut got, title) = (Vec::new(), relay.title("Anna"));
    ask_for_announcements();
    wait_until("all packets and a description", || {
        got.extend(tap.so_far());
        if announced(&got, &title).is_empty() {
            return false;
        }
        to_port(&got, 0).len() == packets.len() && to_port(&got, 1).len() == reports.len()
    });
    assert!(to_port(&got, 0) == packets && to_port(&got, 1) == reports);
    let said = announced(&got, &title);
    let session = Session::parse(&said[0].1).unwrap();
    assert_eq!((session.room, session.media.len()), (Some(&*relay.room), 1));
    assert_eq!(pusher.ask("TEARDOWN", "", "", "").0, 200);
    let said = relay.program.wait_for("has ended: its publisher has said so");
    assert!(said.ends_with("; 3000 packets were handed on"), "{said}");
    let rest = tap.close();
    assert!(announced(&[got, rest.clone()].concat(), &title).last().unwrap().0);
    // It has said no goodbye: the relay does.
    assert_eq!(to_port(&rest, 1).len(), 1);
    assert_eq!(to_port(&rest, 1)[0][9], 203);
    relay.program.interrupt().succeeded();
}

#[test]
fn packets_and_reports_pass_bit_for_bit_by_udp() {
    is_exact(Way::Udp);
}

#[test]
fn packets_and_reports_pass_bit_for_bit_within_the_connection() {
    is_exact(Way::Tcp);
}

#[test]
fn media_that_are_set_up_the_other_way_round_have_their_own_ports() {
    let _turn = streamsocket_tests::turn();
    let mut relay = Relay::new();
    let mut anna = Pusher::connect(&relay, "Anna");
    let sound = "m=audio 0 RTP/AVP 0\r\na=control:streamid=1\r\n";
    assert_eq!(anna.announce(&(pictures() + sound)), 200);
    assert_eq!(anna.set_up(Way::Udp, "streamid=1"), 200);
    let of_sound = anna.udp.take();
    assert_eq!(anna.set_up(Way::Udp, "streamid=0"), 200);
    assert_eq!(anna.ask("RECORD", "", "Range: npt=0.000-\r\n", "").0, 200);
    let tap = Tap::on(of(relay.wait_for_group("Anna")));
    let (picture, piece) = (packet(OWN, 26, 1, 500), packet(OWN, 0, 1, 200));
    let mut got = Vec::new();
    let mut comes = |above: u16, sent: &[u8]| {
        wait_until("a packet", || {
            got.extend(tap.so_far());
            to_port(&got, above) == [sent]
        });
    };
    let of_pictures = std::mem::replace(&mut anna.udp, of_sound);
    anna.send(0, &piece);
    comes(2, &piece);
    anna.udp = of_pictures;
    anna.send(0, &picture);
    comes(0, &picture);
}
