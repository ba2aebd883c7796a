//! Publishers who may not, and those who lie: viewers get what was announced, of who announced it.

use crate::players::ffmpeg;
use crate::pusher::{OWN, Pusher, Way, packet, pictures, report};
use crate::relaying::{Relay, of, to_port};
use std::net::UdpSocket;
use std::thread::park_timeout;
use std::time::Duration;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::program::Program;
use streamsocket_tests::wire::Tap;
use streamsocket_wire::rtp::Ssrc;

/// Somebody else.
const OTHER: Ssrc = Ssrc(99);

#[test]
fn a_wrong_password_is_refused_and_the_right_one_is_taken() {
    let _turn = streamsocket_tests::turn();
    let users = [("anna", "correct horse"), ("berta", "battery staple")];
    let mut relay = Relay::with(&users, "publishers = [\"anna\"]\n");
    for who in ["anna:wrong%20horse@", "carla:correct%20horse@", ""] {
        let ended = Program::start(&mut ffmpeg(&relay.url_as(who, "Anna"), "tcp")).finish();
        assert!(!ended.status.success() && ended.said.contains("401"), "{who}: {}", ended.said);
    }
    // Of the room's users she is none.
    let ended =
        Program::start(&mut ffmpeg(&relay.url_as("berta:battery%20staple@", "Anna"), "tcp"))
            .finish();
    assert!(ended.said.contains("403"), "{}", ended.said);
    relay.program.wait_for("berta may not publish");
    assert!(!relay.program.said().contains("publishes '"));
    let _ffmpeg =
        Program::start(&mut ffmpeg(&relay.url_as("anna:correct%20horse@", "Anna"), "udp"));
    relay.wait_for_group("Anna");
}

#[test]
fn a_name_has_one_publisher_at_a_time() {
    let _turn = streamsocket_tests::turn();
    let mut relay = Relay::new();
    let mut first = Pusher::begin(&relay, "Anna", Way::Tcp);
    let group = relay.wait_for_group("Anna");
    let mut second = Pusher::connect(&relay, "Anna");
    let (status, head) =
        second.ask("ANNOUNCE", "", "Content-Type: application/sdp\r\n", &pictures());
    assert_eq!(status, 409, "{head}");
    relay.program.wait_for("is published by 127.0.0.1:");
    let tap = Tap::on(of(group));
    let sent = packet(OWN, 26, 1, 500);
    first.send(0, &sent);
    let mut got = Vec::new();
    wait_until("the first one's packet", || {
        got.extend(tap.so_far());
        !to_port(&got, 0).is_empty()
    });
    assert_eq!(to_port(&got, 0), [sent]);
    // Another name in the room is another session.
    let _other = Pusher::begin(&relay, "Berta", Way::Tcp);
    assert_ne!(relay.wait_for_group("Berta"), group);
    assert_eq!(first.ask("TEARDOWN", "", "", "").0, 200);
    assert_eq!(second.announce(&pictures()), 200);
}

#[test]
fn what_was_not_announced_reaches_nobody() {
    let _turn = streamsocket_tests::turn();
    let mut relay = Relay::new();
    let mut liar = Pusher::begin(&relay, "Anna", Way::Udp);
    let tap = Tap::on(of(relay.wait_for_group("Anna")));
    let (_, to) = liar.udp.as_ref().unwrap();
    let to = *to;
    let stranger = UdpSocket::bind("127.0.0.2:0").unwrap();
    let neighbour = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut sent = Vec::new();
    for number in 0..500_u16 {
        sent.push(packet(OWN, 26, number, 900));
        liar.send(0, sent.last().unwrap());
        // Another source in the middle, another format, giants, and what is no packet at all.
        liar.send(0, &packet(OTHER, 26, number, 900));
        liar.send(0, &packet(OWN, 97, number, 900));
        liar.send(0, b"hello");
        if number % 50 == 0 {
            liar.send(0, &packet(OWN, 26, number, 60_000));
            liar.send(1, &report(OTHER, 1));
            liar.send(1, &[0x81, 200, 0, 9]);
            stranger.send_to(&packet(OWN, 26, number, 900), to[0]).unwrap();
            stranger.send_to(&report(OWN, 1), to[1]).unwrap();
            neighbour.send_to(&packet(OWN, 26, number, 900), to[0]).unwrap();
        }
        park_timeout(Duration::from_millis(1));
    }
    let reported = report(OWN, 500);
    liar.send(1, &reported);
    let mut got = Vec::new();
    wait_until("what may pass", || {
        got.extend(tap.so_far());
        to_port(&got, 0).len() >= sent.len() && !to_port(&got, 1).is_empty()
    });
    let said = relay.program.wait_for("some of its packets are not handed on: ");
    assert!(said.contains("of another source"), "{said}");
    got.extend(tap.so_far());
    assert!(to_port(&got, 0) == sent, "{} of {}", to_port(&got, 0).len(), sent.len());
    assert_eq!(to_port(&got, 1), [reported]);
    drop(liar);
    let said = relay.program.wait_for("packets that were not handed on: ");
    for part in [
        "10 too long",
        "510 neither RTP nor RTCP",
        "500 in another format than announced",
        "500 of another source",
        "10 reports of another source",
        "30 from elsewhere",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn giants_within_the_connection_are_passed_over() {
    let _turn = streamsocket_tests::turn();
    let mut relay = Relay::new();
    let mut liar = Pusher::begin(&relay, "Anna", Way::Tcp);
    let tap = Tap::on(of(relay.wait_for_group("Anna")));
    let mut sent = Vec::new();
    for number in 0..200_u16 {
        liar.send(0, &packet(OWN, 26, number, 65_000));
        liar.send(9, &packet(OWN, 26, number, 800));
        sent.push(packet(OWN, 26, number, 800));
        liar.send(0, sent.last().unwrap());
    }
    let got = tap.close();
    assert!(to_port(&got, 0) == sent, "{} of {}", to_port(&got, 0).len(), sent.len());
    // A connection that speaks something else is ended.
    let (status, _) = liar.ask("\u{16}\u{3}\u{1}", "", "", "");
    assert_eq!(status, 400);
    assert!(liar.has_ended());
    relay.program.wait_for("its connection has ended");
}
