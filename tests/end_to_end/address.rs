//! An IP camera that is not there when the daemon starts.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;
use streamsocket_tests::clip::{clip, split};
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{PATIENCE, Program, ours, receiver, text};
use streamsocket_tests::report::track;
use streamsocket_tests::session::daemon_at;
use streamsocket_tests::turn;
use streamsocket_tests::wire::join;

/// Between two pictures of the camera.
const INTERVAL: Duration = Duration::from_millis(40);

/// An address that refuses: nobody has its port now.
fn refusing() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Gives pictures to whoever asks, as often as that is, as cameras do.
fn serve(address: SocketAddr) {
    let listener = TcpListener::bind(address).unwrap();
    thread::spawn(move || {
        for peer in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || give(peer));
        }
    });
}

/// Pictures until the peer goes.
fn give(mut peer: TcpStream) {
    let file = std::fs::read(clip("640x480")).unwrap();
    let pictures = split(&file);
    let _asked = peer.read(&mut [0; 4096]);
    let head = "HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=next\r\n\r\n";
    let mut given = peer.write_all(head.as_bytes());
    let (_sender, clock) = channel::<()>();
    for picture in pictures.iter().cycle() {
        let length = picture.len();
        let part =
            format!("--next\r\nContent-Type: image/jpeg\r\nContent-Length: {length}\r\n\r\n");
        given = given.and_then(|()| peer.write_all(part.as_bytes()));
        given = given.and_then(|()| peer.write_all(picture));
        given = given.and_then(|()| peer.write_all(b"\r\n"));
        if given.is_err() {
            return;
        }
        let _elapsed = clock.recv_timeout(INTERVAL);
    }
}

fn starting(place: Place, address: SocketAddr) -> Command {
    let mut daemon = daemon_at(place);
    daemon.args(["--video", &format!("http://me:secret@{address}/video")]);
    daemon
}

#[test]
fn a_camera_that_refuses_is_waited_for_and_viewers_are_told_why() {
    let _turn = turn();
    let (place, folder, address) = (Place::new(), tempfile::tempdir().unwrap(), refusing());
    let sdp = folder.path().join("it.sdp");
    let mut daemon = Program::start(starting(place, address).arg("--wait").arg("--sdp").arg(&sdp));
    daemon.wait_for("Connection refused; waiting for it");
    daemon.wait_for("goes to");
    // In a report, as a NOTE (RFC 3550 section 6.5.7).
    let reports = join(place.at(1));
    reports.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut bytes = [0; 2048];
    let told = loop {
        let len = reports.recv(&mut bytes).expect("viewers are not told");
        let report = String::from_utf8_lossy(&bytes[..len]).into_owned();
        if report.contains("Connection refused") {
            break report;
        }
    };
    assert!(!told.contains("secret"), "{told}");
    let mut command = receiver();
    command.arg(&sdp).args(["--stats", "-"]).stdout(Stdio::piped());
    let mut viewer = Program::start(&mut command);
    let mut seconds = BufReader::new(viewer.stdout()).lines().map_while(Result::ok);
    serve(address);
    let pictures = |line: String| {
        let second: serde_json::Value = serde_json::from_str(&line).unwrap();
        track(&second, "video")["frames_received"].as_u64() > Some(40)
    };
    assert!(seconds.by_ref().take(60).any(pictures), "no pictures; {}", daemon.said());
    let status = text(ours("streamsocket").args(["status", "--json", "--name", &place.name()]));
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert!(track(&status, "video")["away"].is_null(), "{status}");
    viewer.interrupt().succeeded();
    daemon.interrupt().succeeded();
}

#[test]
fn one_that_is_not_to_be_waited_for_is_a_mistake() {
    let _turn = turn();
    let ended = Program::start(&mut starting(Place::new(), refusing())).finish();
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        ended.said.contains("Connection refused") && !ended.said.contains("secret"),
        "{ended:?}"
    );
}
