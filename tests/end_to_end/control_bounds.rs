//! The control socket with those who mean harm at either end, and answers longer than a socket holds.

use std::fs::Permissions;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use streamsocket_tests::board::wait_until;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{PATIENCE, Program, ours, text};
use streamsocket_tests::session::daemon_at;
use streamsocket_tests::turn;

fn endless(place: Place) -> Command {
    let mut daemon = daemon_at(place);
    daemon.args(["--video", "pattern", "--size", "320x240", "--audio", "none"]);
    daemon
}

/// `streamsocket status` of a service whose folder this is.
fn status(folder: &Path) -> Output {
    let mut command = ours("streamsocket");
    command.args(["status", "--name", "it"]).env("RUNTIME_DIRECTORY", folder);
    command.stdout(Stdio::piped()).output().unwrap()
}

/// Takes the place of a daemon in that folder, and says these bytes to who asks, as often as is read.
fn impostor(folder: &Path, bytes: &'static [u8], times: usize) {
    let listener = UnixListener::bind(folder.join("it.sock")).unwrap();
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut request = String::new();
            // Who only looks whether somebody listens says nothing.
            if BufReader::new(&client).read_line(&mut request).is_ok_and(|len| len > 0) {
                let _ = (0..times).try_for_each(|_| client.write_all(bytes));
            }
        }
    });
}

#[test]
fn answers_that_no_socket_holds_arrive_whole() {
    const REQUESTS: usize = 2000;
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let mut daemon = Program::start(endless(place).env("RUNTIME_DIRECTORY", folder.path()));
    daemon.wait_for("goes to");
    let path = folder.path().join(format!("{}.sock", place.name()));
    let mut client = UnixStream::connect(path).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut writer = client.try_clone().unwrap();
    let asking = std::thread::spawn(move || {
        writer.write_all(&b"{\"command\":\"sdp\"}\n".repeat(REQUESTS)).unwrap();
        writer.shutdown(std::net::Shutdown::Write).unwrap();
    });
    // Others are served meanwhile, and twice: what was asked first has long filled the socket.
    for _ in 0..2 {
        let status = text(status_of(place).env("RUNTIME_DIRECTORY", folder.path()));
        assert!(status.contains("\"width\":320"), "{status}");
    }
    let mut answers = String::new();
    client.read_to_string(&mut answers).unwrap();
    asking.join().unwrap();
    assert_eq!(answers.lines().count(), REQUESTS);
    let whole = |line: &str| {
        let answer: serde_json::Value = serde_json::from_str(line).unwrap();
        answer["sdp"].as_str().unwrap().starts_with("v=0\r\n")
    };
    assert!(answers.lines().all(whole));
    daemon.interrupt().succeeded();
}

fn status_of(place: Place) -> Command {
    let mut status = ours("streamsocket");
    status.args(["status", "--json", "--name", &place.name()]);
    status
}

/// A report of a receiver on nothing, and its name (RFC 3550 sections 6.4.2 and 6.5).
fn forged(ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0x81, 202, 0, 4]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend(b"\x01\x08a\x1b[31mbc\0\0");
    packet
}

#[test]
fn a_stranger_forges_few_viewers() {
    let _turn = turn();
    let place = Place::new();
    let mut daemon = Program::start(&mut endless(place));
    daemon.wait_for("goes to");
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let viewers = || {
        // Of thousands: as many as there were viewers known.
        for ssrc in 0..2000 {
            stranger.send_to(&forged(ssrc), place.at(1)).unwrap();
        }
        let status: serde_json::Value = serde_json::from_str(&text(&mut status_of(place))).unwrap();
        status["viewers"].as_u64().unwrap()
    };
    wait_until("some of them", || viewers() > 0);
    assert!((0..3).all(|_| viewers() < 10), "{}", viewers());
    let listed = text(ours("streamsocket").args(["viewers", "--name", &place.name()]));
    assert!(listed.contains("127.0.0.1") && !listed.contains('\x1b'), "{listed}");
    daemon.interrupt().succeeded();
}

#[test]
fn a_folder_that_others_write_to_is_not_looked_into_nor_used() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    impostor(folder.path(), b"{\"error\":\"fooled\"}\n", 1);
    assert!(String::from_utf8_lossy(&status(folder.path()).stderr).contains("fooled"));
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    let answer = status(folder.path());
    let said = String::from_utf8_lossy(&answer.stderr);
    assert!(said.contains("other users can write to it"), "{said}");
    assert!(!said.contains("fooled"), "{said}");
    let place = Place::new();
    let mut daemon = Program::start(endless(place).env("RUNTIME_DIRECTORY", folder.path()));
    daemon.wait_for("goes to");
    assert!(!folder.path().join(format!("{}.sock", place.name())).exists());
    daemon.interrupt().succeeded();
}

#[test]
fn what_an_impostor_says_is_bounded_and_harmless() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    impostor(folders[0].path(), &[b'x'; 65_536], usize::MAX);
    let answer = status(folders[0].path());
    let said = String::from_utf8_lossy(&answer.stderr);
    assert_eq!(answer.status.code(), Some(1), "{said}");
    assert!(said.contains("has no end"), "{said}");
    impostor(folders[1].path(), b"{\"error\":\"\\u001b[2Jgone\"}\n", 1);
    let said = String::from_utf8(status(folders[1].path()).stderr).unwrap();
    assert!(said.contains("?[2Jgone"), "{said:?}");
    assert!(!said.trim_end().contains(char::is_control), "{said:?}");
}
