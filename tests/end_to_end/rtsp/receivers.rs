//! Our own receiver over RTSP.

use super::{daemon, port, url};
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use streamsocket_tests::clip::{all_pixels, assert_runs_through, clip, recorded_video};
use streamsocket_tests::long::is_left_out;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, receiver, text};
use streamsocket_tests::turn;

/// The number in front of these words.
#[track_caller]
fn number(said: &str, words: &str) -> u64 {
    let (before, _) = said.split_once(words).unwrap_or_else(|| panic!("no {words}: {said}"));
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn it_plays_by_udp_with_repair_and_is_listed() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let daemon = daemon(place, &[]);
    let out = folder.path().join("it.mkv");
    let mut command = receiver();
    command.arg(url(place)).arg("--record").arg(&out);
    let mut viewer = Program::start(&mut command);
    viewer.wait_for("receiving by unicast (UDP) from 127.0.0.1");
    viewer.wait_for("receiving test");
    let listed = || text(ours("streamsocket").args(["viewers", "--json", "--name", &place.name()]));
    streamsocket_tests::board::wait_until("a report on each track", || {
        listed().matches("\"loss_percent\"").count() == 2
    });
    let viewers: serde_json::Value = serde_json::from_str(&listed()).unwrap();
    assert_eq!(viewers[0]["transport"], "udp", "{viewers}");
    assert_eq!(viewers[0]["tracks"].as_array().unwrap().len(), 2, "{viewers}");
    let status = text(ours("streamsocket").args(["status", "--json", "--name", &place.name()]));
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!((&status["rtsp"]["viewers"], &status["viewers"]), (&1.into(), &1.into()));
    assert!(status["rtsp"]["packets"].as_u64().unwrap() > 1000, "{status}");
    let said = viewer.interrupt().succeeded();
    assert_eq!(number(&said, " lost, "), 0, "{said}");
    let source = all_pixels(&fs::read(clip("640x480")).unwrap());
    assert_runs_through(&source, &all_pixels(&recorded_video(&out)));
    // Whoever leaves says so.
    let mut daemon = daemon;
    daemon.wait_for("127.0.0.1 stopped watching over RTSP");
    daemon.interrupt().succeeded();
}

/// A way to a server on which UDP goes astray: the server sees another address than the one that listens.
fn through_another_address(port: u16) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let here = listener.local_addr().unwrap();
    thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
            let socket = socket.unwrap();
            let there = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 0, 77), 0)).into()).unwrap();
            socket.connect(&there.into()).unwrap();
            let far = TcpStream::from(socket);
            let pump = |mut from: TcpStream, mut to: TcpStream| {
                thread::spawn(move || {
                    let mut piece = [0; 65_536];
                    while let Ok(len @ 1..) = from.read(&mut piece) {
                        if to.write_all(&piece[..len]).is_err() {
                            break;
                        }
                    }
                    let _ = to.shutdown(std::net::Shutdown::Both);
                });
            };
            pump(near.try_clone().unwrap(), far.try_clone().unwrap());
            pump(far, near);
        }
    });
    here
}

#[test]
fn where_no_udp_comes_through_it_is_had_within_the_connection() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let daemon = daemon(place, &[]);
    let out = folder.path().join("it.mkv");
    let through = through_another_address(port(place));
    let mut command = receiver();
    command.arg(format!("rtsp://{through}/")).arg("--record").arg(&out);
    let mut viewer = Program::start(&mut command);
    viewer.wait_for("nothing comes by UDP");
    viewer.wait_for("receiving by unicast (TCP)");
    streamsocket_tests::board::wait_until("some pictures", || {
        fs::metadata(&out).is_ok_and(|it| it.len() > 3_000_000)
    });
    let said = viewer.interrupt().succeeded();
    assert_eq!(number(&said, " lost, "), 0, "{said}");
    let source = all_pixels(&fs::read(clip("640x480")).unwrap());
    assert_runs_through(&source, &all_pixels(&recorded_video(&out)));
    daemon.interrupt().succeeded();
}

#[test]
fn a_group_of_which_nothing_comes_gives_way_to_unicast_and_an_end_is_waited_out() {
    if is_left_out(
        "rtsp::receivers::a_group_of_which_nothing_comes_gives_way_to_unicast_and_an_end_is_waited_out",
    ) {
        return;
    }
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let sdp = folder.path().join("it.sdp");
    let first = daemon(place, &["--sdp", sdp.to_str().unwrap()]);
    // As a network has it that lets no group through.
    let silent = place.beside();
    let text = fs::read_to_string(&sdp).unwrap();
    let text = text.replace(&place.group.to_string(), &silent.group.to_string());
    let elsewhere = folder.path().join("elsewhere.sdp");
    fs::write(&elsewhere, text).unwrap();
    let mut viewer = Program::start(receiver().arg(&elsewhere));
    viewer.wait_for("nothing comes from the group: asking 127.0.0.1");
    viewer.wait_for("receiving by unicast (UDP)");
    viewer.wait_for("receiving test");
    // The daemon is started again: the receiver asks it again, too.
    first.interrupt().succeeded();
    viewer.wait_for("has ended the connection; trying again");
    let again = daemon(place, &[]);
    viewer.wait_for("receiving by unicast (UDP)");
    viewer.interrupt().succeeded();
    again.interrupt().succeeded();
}

#[test]
fn what_is_wrong_with_an_address_is_said() {
    let _turn = turn();
    let place = Place::new();
    let daemon = daemon(place, &[]);
    for (address, why) in [
        (url(place) + "nothing", "the server has nothing at this address (404)"),
        ("rtsp://127.0.0.1:1/".into(), "127.0.0.1:1 cannot be reached: Connection refused"),
        ("rtsp://".into(), "expected rtsp://HOST[:PORT]/PATH"),
    ] {
        let ended = Program::start(receiver().arg(&address)).finish();
        assert!(!ended.status.success() && ended.said.contains(why), "{address}: {ended:?}");
    }
    daemon.interrupt().succeeded();
}
