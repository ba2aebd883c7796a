//! Cameras that give JPEGs over HTTP, in the many spellings that there are, without ffmpeg.

mod spellings;

use self::spellings::{MIXED, PART, Spelling, spellings};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::clip::{clip, split};
use streamsocket_tests::long::is_left_out;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours};
use streamsocket_tests::report::track;
use streamsocket_tests::session::daemon_at;
use streamsocket_tests::turn;

/// Between two pictures.
const INTERVAL: Duration = Duration::from_millis(40);

/// Gives pictures to whoever asks.
fn serve(spelling: Spelling) -> SocketAddr {
    served(move |peer, _| {
        let _gone = give(peer, &spelling);
    })
}

/// Answers whoever asks: the answer is given the connection and the request.
fn served(answer: impl Fn(&mut TcpStream, &str) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for mut peer in listener.incoming().map_while(Result::ok) {
            let answer = Arc::clone(&answer);
            thread::spawn(move || {
                let mut request = [0; 4096];
                let len = peer.read(&mut request).unwrap_or(0);
                answer(&mut peer, &String::from_utf8_lossy(&request[..len]));
            });
        }
    });
    address
}

fn give(peer: &mut TcpStream, spelling: &Spelling) -> std::io::Result<()> {
    let file = std::fs::read(clip("640x480")).unwrap();
    if !spelling.head.is_empty() {
        let end = if spelling.head.contains('\r') { "\r\n\r\n" } else { "\n\n" };
        peer.write_all(format!("{}{end}", spelling.head).as_bytes())?;
    }
    let mut begun = spelling.preamble.as_bytes().to_vec();
    let (_sender, clock) = channel::<()>();
    for picture in split(&file).into_iter().cycle() {
        let picture = if spelling.bare { &picture[..picture.len() - 2] } else { picture };
        let before = spelling.before.replace("{}", &picture.len().to_string());
        let part = [&begun, before.as_bytes(), picture, spelling.after.as_bytes()].concat();
        begun.clear();
        match spelling.chunked {
            None => peer.write_all(&part)?,
            Some(size) => {
                for chunk in part.chunks(size) {
                    let head = format!("{:x}\r\n", chunk.len());
                    peer.write_all(&[head.as_bytes(), chunk, b"\r\n"].concat())?;
                }
            }
        }
        if spelling.still {
            return Ok(());
        }
        let _elapsed = clock.recv_timeout(INTERVAL);
    }
    Ok(())
}

/// A daemon that finds no ffmpeg.
fn watching(place: Place, url: &str) -> Command {
    let mut daemon = daemon_at(place);
    daemon.args(["--video", url, "--audio", "none", "--wait=no"]).env("PATH", "/nonexistent");
    daemon
}

fn status(place: Place) -> serde_json::Value {
    let mut ask = ours("streamsocket");
    ask.args(["status", "--json", "--name", &place.name()]).stdout(Stdio::piped());
    serde_json::from_slice(&ask.output().unwrap().stdout).unwrap_or_default()
}

/// Waits until so many pictures have been sent from there.
fn wait_for_pictures(place: Place, count: u64, what: &str) -> serde_json::Value {
    let mut last = serde_json::Value::Null;
    wait_until(what, || {
        last = status(place);
        track(&last, "video")["frames_sent"].as_u64() >= Some(count)
    });
    last
}

#[test]
fn every_spelling_plays_without_ffmpeg() {
    let _turn = turn();
    let spellings = spellings();
    assert!(spellings.len() > 40);
    // Some at a time, each of which sends some pictures.
    for few in spellings.chunks(6) {
        let started: Vec<_> = few
            .iter()
            .map(|spelling| {
                let (place, address) = (Place::new(), serve(spelling.clone()));
                let url = format!("http://{address}/video?name=.jpg");
                (spelling, place, Program::start(&mut watching(place, &url)))
            })
            .collect();
        for (spelling, place, mut daemon) in started {
            println!("{}", spelling.name);
            daemon.wait_for("goes to");
            let wanted = if spelling.still { 2 } else { 5 };
            let status = wait_for_pictures(place, wanted, spelling.name);
            let dropped = track(&status, "video")["frames_dropped"].as_object().unwrap();
            // What has no EOI is decoded first, which a busy machine may not do for all of them.
            let fine =
                if spelling.bare { dropped.get("damaged").is_none() } else { dropped.is_empty() };
            assert!(fine, "{}: {status}", spelling.name);
            assert!(
                track(&status, "video")["away"].is_null()
                    && track(&status, "video")["rate"].is_null(),
                "{status}"
            );
            let said = daemon.interrupt().succeeded();
            assert!(!said.contains("frames/s") && !said.contains("trying again"), "{said}");
        }
    }
}

/// A server that gives pictures to who knows the password, after redirects to itself.
fn guarded(challenge: &'static str, knows: fn(&str) -> bool) -> SocketAddr {
    served(move |peer, request| {
        let own = peer.local_addr().unwrap();
        let spelling = Spelling { head: MIXED, before: PART, after: "\r\n", ..Spelling::default() };
        let answer = if request.starts_with("GET /moved") {
            format!("HTTP/1.1 302 x\r\nLocation: http://{own}/video\r\nContent-Length: 0\r\n\r\n")
        } else if !knows(request) {
            format!("HTTP/1.1 401 x\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 0\r\n\r\n")
        } else {
            let _gone = give(peer, &spelling);
            return;
        };
        let _gone = peer.write_all(answer.as_bytes());
    })
}

#[test]
fn passwords_are_given_to_who_asks_and_never_said() {
    if is_left_out("http_cameras::passwords_are_given_to_who_asks_and_never_said") {
        return;
    }
    let _turn = turn();
    let basic =
        guarded("Basic realm=\"x\"", |it| it.contains("Authorization: Basic bWU6czNjcmV0\r\n"));
    let digest = guarded("Digest realm=\"x\", nonce=\"y\", qop=\"auth\"", |it| {
        it.contains("Authorization: Digest username=\"me\"") && !it.contains("s3cret")
    });
    for address in [basic, digest] {
        let place = Place::new();
        let url = format!("http://me:s3cret@{address}/moved");
        let mut daemon = Program::start(watching(place, &url).env("RUST_LOG", "trace"));
        daemon.wait_for("goes to");
        wait_for_pictures(place, 5, "pictures");
        let said = daemon.interrupt().succeeded();
        assert!(!said.contains("s3cret"), "{said}");
    }
    let never = guarded("Basic realm=\"x\"", |_| false);
    let ended =
        Program::start(&mut watching(Place::new(), &format!("http://me:s3cret@{never}/"))).finish();
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.said.contains("does not accept the name and password"), "{}", ended.said);
    assert!(!ended.said.contains("s3cret"), "{}", ended.said);
    let ended = Program::start(&mut watching(Place::new(), &format!("http://{never}/"))).finish();
    assert!(ended.said.contains("wants a name and a password"), "{}", ended.said);
}

#[test]
fn a_camera_that_is_lost_is_reached_again() {
    if is_left_out("http_cameras::a_camera_that_is_lost_is_reached_again") {
        return;
    }
    let _turn = turn();
    // Ends each connection after three pictures.
    let address = served(|peer, _| {
        let file = std::fs::read(clip("640x480")).unwrap();
        let _gone = peer.write_all(format!("{MIXED}\r\n\r\n").as_bytes());
        for picture in split(&file).into_iter().take(3) {
            let _gone = peer.write_all(&[b"--next\r\n\r\n", picture, b"\r\n"].concat());
        }
    });
    let place = Place::new();
    let mut daemon = Program::start(&mut watching(place, &format!("http://{address}/")));
    daemon.wait_for("has ended the stream; trying again");
    daemon.wait_for("gives pictures");
    let status = wait_for_pictures(place, 7, "pictures of a third connection");
    assert!(track(&status, "video")["returns"].as_u64() >= Some(2), "{status}");
    daemon.interrupt().succeeded();
}

#[test]
fn hostile_servers_neither_stop_nor_fill_the_daemon() {
    if is_left_out("http_cameras::hostile_servers_neither_stop_nor_fill_the_daemon") {
        return;
    }
    let _turn = turn();
    let endless = |begin: &'static str, more: &'static [u8]| {
        served(move |peer, _| {
            let _gone = peer.write_all(begin.as_bytes());
            let more = more.repeat(1 + 65_536 / more.len());
            while peer.write_all(&more).is_ok() {}
        })
    };
    for (what, begin, more, said) in [
        ("headers", "HTTP/1.1 200 OK\r\n", &b"A: b\r\n"[..], "more than 16384 bytes of headers"),
        (
            "zeros",
            "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n",
            &[0],
            "no JPEG picture for 15 s",
        ),
        (
            "a redirect to itself",
            "HTTP/1.1 302 x\r\nLocation: /\r\n\r\n",
            b" ",
            "redirects more than 5 times",
        ),
        (
            "chunk sizes",
            "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"\r\n",
            "breaks off",
        ),
    ] {
        let address = endless(begin, more);
        let ended =
            Program::start(&mut watching(Place::new(), &format!("http://{address}/"))).finish();
        assert_eq!(ended.status.code(), Some(1), "{what}: {}", ended.said);
        assert!(ended.said.contains(said), "{what}: {}", ended.said);
    }
    // One that begins well and then sends whatever comes, as fast as it can: who asks is answered all the time.
    let address = served(|peer, _| {
        let file = std::fs::read(clip("640x480")).unwrap();
        let _gone = peer.write_all(format!("{MIXED}\r\n\r\n").as_bytes());
        let pictures = split(&file);
        for picture in &pictures {
            let _gone = peer.write_all(picture);
        }
        let garbage =
            [&pictures[0][..200], &[0xFF, 0xE1, 0xFF, 0xF9, 0xFF, 0xD8, 0xFF]].concat().repeat(400);
        while peer.write_all(&garbage).is_ok() {}
    });
    let place = Place::new();
    let mut daemon = Program::start(&mut watching(place, &format!("http://{address}/")));
    daemon.wait_for("goes to");
    for _ in 0..20 {
        assert!(track(&status(place), "video")["frames_sent"].is_u64(), "no answer");
    }
    daemon.interrupt().succeeded();
}

#[test]
fn a_description_has_no_rate_that_nobody_told() {
    let _turn = turn();
    let address =
        serve(Spelling { head: MIXED, before: PART, after: "\r\n", ..Spelling::default() });
    for (rate, expected) in [(None, None), (Some("5"), Some("a=framerate:5\r"))] {
        let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
        let sdp = folder.path().join("it.sdp");
        let mut command = watching(place, &format!("http://{address}/"));
        command.arg("--sdp").arg(&sdp);
        if let Some(rate) = rate {
            command.args(["--fps", rate]);
        }
        let mut daemon = Program::start(&mut command);
        daemon.wait_for("goes to");
        let described = std::fs::read_to_string(&sdp).unwrap();
        let line = described.split('\n').find(|line| line.starts_with("a=framerate"));
        assert_eq!(line, expected, "{described}");
        daemon.interrupt().succeeded();
    }
}

#[test]
fn a_web_page_is_no_camera() {
    let _turn = turn();
    let address = served(|peer, _| {
        let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<!DOCTYPE html><title>Camera</title>";
        let _gone = peer.write_all(page.as_bytes());
    });
    let daemon = Program::start(&mut watching(Place::new(), &format!("http://{address}/")));
    let ended = daemon.finish();
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.said.contains("answers with a web page"), "{}", ended.said);
}

/// libavformat takes such a name for a pattern of file names.
#[test]
fn an_address_that_ends_like_a_picture_plays_in_another_size_too() {
    let _turn = turn();
    let spelling = Spelling { head: MIXED, before: PART, after: "\r\n", ..Spelling::default() };
    let (place, address) = (Place::new(), serve(spelling));
    let mut daemon = daemon_at(place);
    daemon.args(["--video", &format!("http://{address}/video?name=.jpg"), "--size", "320x240"]);
    let mut daemon = Program::start(daemon.args(["--audio", "none", "--wait=no"]));
    daemon.wait_for("320x240");
    wait_for_pictures(place, 5, "pictures");
    daemon.interrupt().succeeded();
}

#[test]
fn what_is_no_mjpeg_is_for_ffmpeg() {
    let _turn = turn();
    let address = served(|peer, _| {
        let _gone =
            peer.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\n\0\0\0 ftypisom");
    });
    let daemon = Program::start(&mut watching(Place::new(), &format!("http://{address}/")));
    let ended = daemon.finish();
    assert!(ended.said.contains("ffmpeg is needed for"), "{}", ended.said);
}
