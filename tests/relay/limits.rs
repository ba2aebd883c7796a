//! What is refused, and what is bounded.

use crate::pusher::{OWN, Pusher, Way, packet, pictures};
use crate::relaying::{Relay, of, to_port};
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Stdio;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::program::{Program, ours, text};
use streamsocket_tests::wire::Tap;

#[test]
fn what_cannot_be_done_is_answered_with_why() {
    let _turn = streamsocket_tests::turn();
    let mut relay = Relay::new();
    let mut pusher = Pusher::connect(&relay, "Anna");
    let (status, can) = pusher.ask("OPTIONS", "", "", "");
    assert!(
        status == 200 && can.contains("Public: OPTIONS, DESCRIBE, ANNOUNCE, SETUP, PLAY, RECORD"),
        "{can}"
    );
    // Nobody sends there yet, and nothing was set up.
    for (method, status) in [("DESCRIBE", 404), ("SETUP", 404), ("PLAY", 454), ("PAUSE", 454)] {
        assert_eq!(pusher.ask(method, "", "", "").0, status, "{method}");
    }
    assert_eq!(pusher.ask("REDIRECT", "", "", "").0, 501);
    assert_eq!(pusher.set_up(Way::Tcp, "streamid=0"), 455);
    assert_eq!(pusher.ask("RECORD", "", "", "").0, 454);
    let h264 = pictures().replace("26 JPEG", "96 H264").replace("AVP 26", "AVP 96");
    assert_eq!(pusher.announce(&h264), 415);
    relay.program.wait_for("it has H264, and JPEG (RFC 2435), L16, Opus, PCMU and PCMA can be");
    assert_eq!(pusher.ask("ANNOUNCE", "", "Content-Type: text/plain\r\n", "x").0, 415);
    assert_eq!(pusher.ask("ANNOUNCE", "/more", "Content-Type: application/sdp\r\n", "v=0").0, 404);
    assert_eq!(pusher.announce(&pictures()), 200);
    assert_eq!(pusher.announce(&pictures()), 455);
    assert_eq!(pusher.ask("RECORD", "", "", "").0, 455);
    let transport = "Transport: RTP/AVP;multicast;mode=record\r\n";
    assert_eq!(pusher.ask("SETUP", "/streamid=0", transport, "").0, 461);
    let sealed = "Transport: RTP/SAVP;unicast;client_port=7000-7001;mode=record\r\n";
    assert_eq!(pusher.ask("SETUP", "/streamid=0", sealed, "").0, 461);
    assert_eq!(pusher.set_up(Way::Tcp, "streamid=7"), 404);
    assert_eq!(pusher.set_up(Way::Tcp, "streamid=0"), 200);
    assert_eq!(pusher.set_up(Way::Tcp, "streamid=0"), 455);
    assert_eq!(pusher.ask("RECORD", "", "", "").0, 200);
    let mut lost = Pusher::connect(&relay, "Berta");
    lost.url = format!("rtsp://127.0.0.1:{}/nowhere/Berta", relay.port);
    assert_eq!(lost.announce(&pictures()), 404);
    relay.program.wait_for("publishes to a room that there is not, \"nowhere\"");
    let mut long = Pusher::connect(&relay, "Carla");
    assert_eq!(long.announce(&pictures().repeat(200)), 413);
    assert!(long.has_ended());
}

/// Whether somebody who connects now is answered.
fn is_answered(relay: &Relay) -> bool {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, relay.port)).unwrap();
    let asked = stream.write_all(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n");
    asked.and_then(|()| stream.read(&mut [0; 100])).is_ok_and(|len| len > 0)
}

#[test]
fn floods_are_bounded_and_who_publishes_goes_on() {
    let _turn = streamsocket_tests::turn();
    let mut relay = Relay::with(&[], "group = \"239.255.252.0\"\n");
    let mut anna = Pusher::begin(&relay, "Anna", Way::Tcp);
    let tap = Tap::on(of(relay.wait_for_group("Anna")));
    let mut sent = Vec::new();
    let mut goes_on = |anna: &mut Pusher| {
        sent.push(packet(OWN, 26, u16::try_from(sent.len()).unwrap(), 500));
        anna.send(0, sent.last().unwrap());
    };
    // Of one address so many at a time, and the others are ended.
    let mut flood = Vec::new();
    for _ in 0..200 {
        flood.push(TcpStream::connect((Ipv4Addr::LOCALHOST, relay.port)).unwrap());
        goes_on(&mut anna);
    }
    drop(flood);
    wait_until("an answer", || is_answered(&relay));
    // Who comes and goes leaves nothing behind that is in somebody's way.
    for number in 0..60 {
        let mut one = Pusher::connect(&relay, &format!("N{number}"));
        assert_eq!(one.announce(&pictures()), 200, "{number}");
        goes_on(&mut anna);
    }
    // Of one address so many publish.
    let mut all: Vec<_> = (0..20).map(|it| Pusher::connect(&relay, &format!("K{it}"))).collect();
    let statuses: Vec<_> = all.iter_mut().map(|it| it.announce(&pictures())).collect();
    goes_on(&mut anna);
    assert_eq!(statuses, [[200; 15].as_slice(), &[453; 5]].concat());
    // A connection asks so much.
    let mut asks = Pusher::connect(&relay, "Asks");
    for _ in 0..32 {
        assert_eq!(asks.ask("OPTIONS", "", "", "").0, 200);
    }
    assert_eq!(asks.ask("OPTIONS", "", "", "").0, 200);
    assert!(asks.has_ended());
    relay.program.wait_for("asks too much, and is let go");
    goes_on(&mut anna);
    let got = tap.close();
    assert!(to_port(&got, 0) == sent, "{} of {}", to_port(&got, 0).len(), sent.len());
}

#[test]
fn a_configuration_is_checked_and_without_rooms_nobody_publishes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("relay.toml");
    let check = |content: &str| {
        fs::write(&path, content).unwrap();
        let mut command = ours("streamsocket-relay");
        command.arg("check").arg("--config").arg(&path);
        command
    };
    let here = "listen = \"127.0.0.1:1\"\ninterface = \"lo\"\n";
    let said = text(&mut check(&format!("{here}[[room]]\nname = \"lesson\"\n")));
    assert!(
        said.contains("room lesson: everybody on this machine's networks may publish"),
        "{said}"
    );
    let said = text(&mut check(here));
    assert!(said.contains("there is no room") && said.contains("[[room]]"), "{said}");
    let wrong = Program::start(&mut check("[[room]]\nname = 5\n")).finish();
    assert_eq!(wrong.status.code(), Some(2));
    assert!(wrong.said.contains("relay.toml, line 2: name: expected a text"), "{}", wrong.said);
    fs::write(&path, "listen = \"127.0.0.9:8554\"\ninterface = \"lo\"\n").unwrap();
    let mut command = ours("streamsocket-relay");
    let mut relay = Program::start(command.arg("--config").arg(&path).stdout(Stdio::null()));
    relay.wait_for("there is no room, so nobody can publish; add one to ");
    relay.interrupt().succeeded();
}
