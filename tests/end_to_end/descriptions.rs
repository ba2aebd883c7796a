//! Descriptions and announcements of others, and what is said of what cannot be shown.

use nix::sys::signal::Signal;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, setsockopt, sockopt};
use std::fs;
use std::io::{BufRead, BufReader, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use streamsocket_tests::board::monotonic;
use streamsocket_tests::long::is_left_out;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{PATIENCE, Program, receiver};
use streamsocket_tests::report::track;
use streamsocket_tests::session::daemon_at;
use streamsocket_tests::turn;
use streamsocket_tests::wire::{SAP, join};

/// Where PulseAudio and PipeWire listen.
const SOUND: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(224, 0, 0, 56), 9875);

/// Between two datagrams.
const PAUSE: Duration = Duration::from_millis(20);

/// A picture of 16x16 in one packet of this payload type, with this Q, size and tables.
fn picture(number: u16, payload_type: u8, q: u8, eighths: u8, tables: &[u8]) -> Vec<u8> {
    let time = (u32::from(number) * 1800).to_be_bytes();
    let header = [&[0x80, 0x80 | payload_type], &number.to_be_bytes()[..], &time, &[0, 0, 0, 9]];
    let main = [&[0, 0, 0, 0, 1, q, eighths, eighths], tables].concat();
    [&header.concat()[..], &main, &[0x12, 0x34, 0x56]].concat()
}

/// Something that is sent again and again until it is dropped.
struct Repeated(Arc<AtomicBool>, Option<std::thread::JoinHandle<()>>);

impl Repeated {
    fn start(to: SocketAddrV4, mut made: impl FnMut(u16) -> Vec<u8> + Send + 'static) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket2::SockRef::from(&socket).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            for number in 0.. {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let _ = socket.send_to(&made(number), SocketAddr::V4(to));
                std::thread::park_timeout(PAUSE);
            }
        });
        Self(stop, Some(thread))
    }
}

impl Drop for Repeated {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        let ended = self.1.take().map(std::thread::JoinHandle::join);
        assert!(ended.is_none_or(|ended| ended.is_ok()));
    }
}

/// What a receiver says of pictures that it cannot show, while it waits and at its end.
#[track_caller]
fn says(source: &str, to: SocketAddrV4, made: fn(u16) -> Vec<u8>, why: &str, reason: &str) {
    let sent = Repeated::start(to, made);
    let folder = tempfile::tempdir().unwrap();
    let stats = folder.path().join("stats");
    let mut command = receiver();
    command.args([source, "--for", "5", "--stats"]).arg(&stats);
    let mut viewer = Program::start(&mut command);
    viewer.wait_for(why);
    let ended = viewer.finish();
    drop(sent);
    assert!(!ended.status.success(), "{}", ended.said);
    let last = ended.said.lines().last().unwrap();
    assert!(
        last.contains(why) && last.contains("were refused") && !last.contains("irewall"),
        "{last}"
    );
    let stats = fs::read_to_string(stats).unwrap();
    let refused: serde_json::Value = serde_json::from_str(stats.lines().last().unwrap()).unwrap();
    assert!(track(&refused, "video")["refused"][reason].as_u64() > Some(0), "{refused}");
}

fn described(place: Place, folder: &Path, more: &str) -> String {
    let sdp = folder.join("it.sdp");
    fs::write(&sdp, place.plain_sdp(None) + more).unwrap();
    sdp.display().to_string()
}

#[test]
fn what_comes_and_is_not_shown_is_said() {
    if is_left_out("descriptions::what_comes_and_is_not_shown_is_said") {
        return;
    }
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let sdp = |place, more| described(place, folder.path(), more);
    let place = Place::new();
    let other = |number| picture(number, 96, 50, 2, &[]);
    says(
        &sdp(place, ""),
        place.at(0),
        other,
        "payload type 96, and 26 was expected",
        "payload_type",
    );
    let place = Place::new();
    let reserved = |number| picture(number, 26, 110, 2, &[]);
    says(&sdp(place, ""), place.at(0), reserved, "have Q 110, which RFC 2435 reserves", "q");
    let place = Place::new();
    let untold = |number| picture(number, 26, 255, 2, &[0, 0, 0, 0]);
    says(&sdp(place, ""), place.at(0), untold, "without quantization tables", "tables");
    // 2560x1440 and its like, by the address alone.
    let place = Place::new();
    let large = |number| picture(number, 26, 50, 0, &[]);
    says(&format!("rtp://{place}"), place.at(0), large, "larger than 2040 pixels", "size");
    let place = Place::new();
    let filter = "a=source-filter: incl IN IP4 * 127.0.0.9\r\n";
    let good = |number| picture(number, 26, 50, 2, &[]);
    let why = "packets come from 127.0.0.1, and the description has them from 127.0.0.9";
    says(&sdp(place, filter), place.at(0), good, why, "stranger");
}

/// An announcement of a session of this name by others, who write as they like.
fn announcement(kind: &[u8], name: &[u8], behind: &[u8]) -> Vec<u8> {
    let sdp = [
        &b"v=0\no=- 7 1 IN IP4 127.0.0.1\ns="[..],
        name,
        b"\nc=IN IP4 239.255.250.9/1\nt=0 0\nm=audio 5006 RTP/AVP 0\nm=video 5004 RTP/AVP 96 26\n",
        behind,
    ];
    [&[0x20, 0, 0, 7, 127, 0, 0, 1][..], kind, &sdp.concat()].concat()
}

#[test]
fn announcements_of_all_kinds_are_listed_as_they_come() {
    let _turn = turn();
    for (to, kind, name, behind, listed) in [
        (SAP, &b"Application/SDP\0"[..], &b"capitals 1"[..], &b""[..], "capitals 1"),
        (SAP, b"", b"T\xFCr 2", b"\0", "T\u{fc}r 2"),
        (SOUND, b"application/sdp\0", b"sound 3", b"m=audio x y\n", "sound 3"),
    ] {
        let _sent = Repeated::start(to, move |_| announcement(kind, name, behind));
        let mut command = receiver();
        let mut viewer = Program::start(command.arg("--list").stdout(Stdio::piped()));
        let found = BufReader::new(viewer.stdout()).lines().map_while(Result::ok);
        let line = format!("{listed}\t239.255.250.9:5004\tvideo\tfrom 127.0.0.1");
        let mut found = found.inspect(|it| println!("{it}"));
        assert!(found.any(|it| it == line));
        // It still listens.
        viewer.signal(Signal::SIGTERM);
        assert!(!viewer.finish().status.success(), "it was listed at the end");
    }
}

#[test]
fn a_name_that_no_session_has_is_said_with_those_that_there_are() {
    let _turn = turn();
    let _sent = Repeated::start(SAP, |_| announcement(b"", b"garden 4", b""));
    let mut viewer = Program::start(receiver().arg("graden 4"));
    let said = viewer.wait_for("the session 'graden 4' is not announced, but ");
    assert!(said.contains("'garden 4'"), "{said}");
    // While it waits it has no more than the system's own way to end, which may have been told to ignore Ctrl-C.
    viewer.signal(Signal::SIGTERM);
    viewer.finish();
}

/// The next datagram that contains this, and the time to live that it left with.
fn next_with(socket: &UdpSocket, text: &str) -> (Vec<u8>, i32) {
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    loop {
        let (mut bytes, mut space) = ([0; 2048], nix::cmsg_space!(i32));
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let flags = MsgFlags::empty();
        let message =
            recvmsg::<SockaddrIn>(socket.as_raw_fd(), &mut parts, Some(&mut space), flags).unwrap();
        let ttl = message.cmsgs().unwrap().find_map(|note| match note {
            ControlMessageOwned::Ipv4Ttl(ttl) => Some(ttl),
            _ => None,
        });
        let (len, ttl) = (message.bytes, ttl.unwrap());
        if bytes[..len].windows(text.len()).any(|it| it == text.as_bytes()) {
            return (bytes[..len].to_vec(), ttl);
        }
    }
}

#[test]
fn sound_is_announced_as_pulseaudio_takes_it_and_nothing_further_than_it_goes() {
    let _turn = turn();
    let place = Place::new();
    let sockets = [SAP, SOUND].map(join);
    for socket in &sockets {
        setsockopt(socket, sockopt::Ipv4RecvTtl, &true).unwrap();
    }
    let packets = join(place.at(2));
    packets.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = daemon_at(place);
    command.args(["--video", "pattern", "--audio", "tone", "--size", "320x240"]);
    let daemon = Program::start(command.args(["--announce", "pulse", "--ttl", "3"]));
    let name = format!("s={}", place.name());
    let (session, ttl) = next_with(&sockets[0], &name);
    assert_eq!(ttl, 3, "the session's own");
    assert!(String::from_utf8_lossy(&session).contains("\r\nm=video"));
    let (sound, ttl) = next_with(&sockets[1], &name);
    let sdp = String::from_utf8_lossy(&sound[24..]).into_owned();
    println!("{sdp}");
    assert_eq!(ttl, 1);
    assert!(sdp.starts_with("v=0\no=- ") && !sdp.contains('\r'), "{sdp:?}");
    assert_eq!(sdp.matches("\nm=").count(), 1, "{sdp}");
    let rtp = format!("\nm=audio {} RTP/AVP 127\na=rtpmap:127 L16/48000/", place.at(2).port());
    assert!(sdp.contains(&rtp), "{sdp}");
    let mut packet = [0; 2048];
    packets.recv(&mut packet).unwrap();
    assert_eq!((packet[0], packet[1] & 0x7F), (0x80, 127), "plain RTP without an extension");
    // Our own receiver plays it by the same announcements.
    let mut viewer = Program::start(receiver().arg(place.name()));
    viewer.wait_for("receiving");
    viewer.interrupt().succeeded();
    daemon.interrupt().succeeded();
    let taken_back = || next_with(&sockets[1], "o=- ").0[0] & 4 != 0;
    while !taken_back() {}
}

#[test]
fn a_session_is_found_when_it_is_looked_for_not_with_its_next_announcement() {
    let _turn = turn();
    let place = Place::new();
    let announced = join(SAP);
    let mut command = daemon_at(place);
    command.args(["--video", "pattern", "--audio", "none", "--size", "320x240"]);
    let mut daemon = Program::start(&mut command);
    daemon.wait_for("goes to");
    let name = format!("s={}", place.name());
    // Its first announcement has passed, and three in a row are not five seconds apart when they are asked for.
    announced.set_read_timeout(Some(PATIENCE)).unwrap();
    let next = || {
        let mut bytes = [0; 2048];
        loop {
            let len = announced.recv(&mut bytes).unwrap();
            if bytes[..len].windows(name.len()).any(|it| it == name.as_bytes()) {
                return monotonic();
            }
        }
    };
    let mut last = next();
    for _ in 0..2 {
        let mut viewer = Program::start(receiver().arg(place.name()));
        viewer.wait_for("receiving");
        let heard = next();
        assert!(heard - last < 4_000_000_000, "{} ms", (heard - last) / 1_000_000);
        last = heard;
        viewer.interrupt().succeeded();
    }
    daemon.interrupt().succeeded();
}
