//! Viewers who ask over RTSP, one by one.

use crate::players::{ffmpeg, is_of_the_clip};
use crate::pusher::{OWN, Pusher, Way, packet, report};
use crate::relaying::Relay;
use std::fs;
use std::net::UdpSocket;
use std::process::Command;
use std::time::Duration;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::program::{Program, output, peer, receiver};
use streamsocket_tests::recording::Recording;

/// ffmpeg, which records two seconds of what is at that URL.
fn player(url: &str, way: &str, relay: &Relay) -> (Command, std::path::PathBuf) {
    let out = relay.folder.path().join(format!("{way}.mkv"));
    let mut player = peer("ffmpeg");
    player.args(["-v", "error", "-nostdin", "-rtsp_transport", way, "-i", url]);
    player.args(["-t", "2", "-c:v", "copy"]).arg(&out);
    (player, out)
}

#[test]
fn ffmpeg_plays_by_every_transport_and_only_with_a_password() {
    let _turn = streamsocket_tests::turn();
    let mut relay = Relay::with(&[("anna", "correct horse")], "");
    let url = relay.url_as("anna:correct%20horse@", "Anna");
    let _publisher = Program::start(&mut ffmpeg(&url, "udp"));
    relay.wait_for_group("Anna");
    for way in ["udp", "tcp"] {
        let (mut player, out) = player(&url, way, &relay);
        output(&mut player);
        is_of_the_clip(&out, 30);
        relay.program.wait_for("watches '");
        relay.program.wait_for("stopped watching over RTSP");
    }
    let (mut player, _) = player(&relay.url("Anna"), "tcp", &relay);
    let ended = Program::start(&mut player).finish();
    assert!(ended.said.contains("401"), "{}", ended.said);
}

#[test]
fn our_receiver_plays_a_publisher_by_its_url() {
    let _turn = streamsocket_tests::turn();
    let mut relay = Relay::new();
    let _publisher = Program::start(&mut ffmpeg(&relay.url("Anna"), "tcp"));
    relay.wait_for_group("Anna");
    let out = relay.folder.path().join("out.mkv");
    let mut command = receiver();
    let receiver = Program::start(command.arg(relay.url("Anna")).arg("--record").arg(&out));
    wait_until("a recording", || fs::metadata(&out).is_ok_and(|it| it.len() > 2_000_000));
    receiver.interrupt().succeeded();
    assert!(Recording::read(&out).video.len() > 20);
    is_of_the_clip(&out, 20);
}

/// Time of processors that a process has had so far, which is counted a hundred times a second (proc_pid_stat(5)).
fn cpu(id: u32) -> Duration {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let (_, behind_name) = text.rsplit_once(") ").unwrap();
    let ticks = behind_name.split(' ').skip(11).take(2).map(|it| it.parse::<u32>().unwrap());
    ticks.sum::<u32>() * Duration::from_millis(10)
}

#[test]
fn who_reads_nothing_and_breaks_off_costs_nothing() {
    let _turn = streamsocket_tests::turn();
    let mut relay = Relay::new();
    let mut anna = Pusher::begin(&relay, "Anna", Way::Tcp);
    relay.wait_for_group("Anna");
    let mut viewer = Pusher::connect(&relay, "Anna");
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
    assert_eq!(viewer.ask("SETUP", "/trackID=v", transport, "").0, 200);
    assert_eq!(viewer.ask("PLAY", "", "", "").0, 200);
    // A picture without an end, of which its connection takes a part.
    let one = packet(OWN, 26, 1, 1400);
    (0..20_000).for_each(|_| anna.send(0, &one));
    viewer.break_off();
    let mut of_relay = Vec::new();
    for _ in 0..20 {
        anna.send(0, &one);
        of_relay.push(cpu(relay.program.id()));
        std::thread::park_timeout(Duration::from_millis(50));
    }
    let cost = of_relay[19] - of_relay[0];
    assert!(cost < Duration::from_millis(300), "{cost:?} in a second");
}

/// A viewer by UDP, who is sent packets to the first of its sockets and reports to the second.
fn viewer(relay: &Relay) -> (Pusher, [UdpSocket; 2]) {
    let sockets = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    let [rtp, rtcp] = sockets.each_ref().map(|it| it.local_addr().unwrap().port());
    let mut viewer = Pusher::connect(relay, "Anna");
    let (status, _) = viewer.ask("DESCRIBE", "", "", "");
    assert_eq!(status, 200);
    viewer.skip_body();
    let transport = format!("Transport: RTP/AVP;unicast;client_port={rtp}-{rtcp}\r\n");
    assert_eq!(viewer.ask("SETUP", "/trackID=v", &transport, "").0, 200);
    (viewer, sockets)
}

#[test]
fn viewers_get_the_same_packets_and_the_end_of_the_publisher() {
    let _turn = streamsocket_tests::turn();
    let mut relay = Relay::new();
    let mut anna = Pusher::begin(&relay, "Anna", Way::Udp);
    relay.wait_for_group("Anna");
    let all: Vec<_> = (0..20).map(|_| viewer(&relay)).collect();
    let mut all: Vec<_> = all
        .into_iter()
        .map(|(mut viewer, sockets)| {
            let (status, head) = viewer.ask("PLAY", "", "", "");
            assert!(status == 200 && head.contains("Session: "), "{head}");
            (viewer, sockets)
        })
        .collect();
    let sent: Vec<_> = (0..300).map(|it| packet(OWN, 26, it, 1000)).collect();
    for socket in all.iter().flat_map(|(_, sockets)| sockets) {
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    }
    let mut buffer = [0; 2000];
    for packets in sent.chunks(30) {
        packets.iter().for_each(|it| anna.send(0, it));
        for (_, [rtp, _]) in &all {
            for expected in packets {
                let len = rtp.recv(&mut buffer).unwrap();
                assert!(buffer[..len] == *expected);
            }
        }
    }
    let reported = report(OWN, 300);
    anna.send(1, &reported);
    for (_, [_, rtcp]) in &all {
        let len = rtcp.recv(&mut buffer).unwrap();
        assert_eq!(buffer[..len], reported);
    }
    // Of those who stay the connections end with the publisher.
    let (mut first, _) = all.remove(0);
    assert_eq!(first.ask("TEARDOWN", "", "", "").0, 200);
    assert_eq!(first.ask("PLAY", "", "", "").0, 454);
    assert_eq!(anna.ask("TEARDOWN", "", "", "").0, 200);
    assert!(all.iter_mut().all(|(viewer, _)| viewer.has_ended()));
    assert_eq!(first.ask("DESCRIBE", "", "", "").0, 404);
}
