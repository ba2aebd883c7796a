//! RTSP, encrypted: players that come by rtsps:// to the daemon of this machine.

use crate::client::Gateway;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use streamsocket_tests::clip::{FRAMES, all_pixels, assert_runs_through, clip, voice};
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, daemon, ours, output, peer, serving_daemon};
use streamsocket_tests::session::file;

/// Bytes of a decoded 640x480 picture by GStreamer, which makes 4:2:0 of it.
const GSTREAMER_BYTES: usize = 640 * 480 * 3 / 2;

/// A daemon that sends a clip and a voice, round and round, and serves them.
fn serving(place: Place, options: &[&str]) -> Program {
    let mut command = serving_daemon(place.port + 8);
    command.args(["--video", &file(&clip("640x480")), "--audio", &file(&voice()), "--loop"]);
    command.args(["--to", &place.to_string(), "--name", &place.name(), "--no-announce"]);
    let mut daemon = Program::start(command.args(options));
    daemon.wait_for("goes to");
    daemon
}

fn ffmpeg(url: &str) -> Command {
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-i", url, "-map", "0:v"]);
    ffmpeg.args(["-frames:v", &FRAMES.to_string(), "-c", "copy", "-f", "mjpeg"]);
    ffmpeg
}

fn gstreamer(protocols: &str, url: &str) -> Command {
    let mut gst = peer("gst-launch-1.0");
    gst.args(["-q", "rtspsrc", &format!("location={url}"), "tls-validation-flags=0"]);
    gst.args([&format!("protocols={protocols}"), "latency=200", "!", "rtpjpegdepay", "!"]);
    gst.args(["jpegdec", "!", "identity", &format!("eos-after={}", FRAMES + 1), "!", "filesink"]);
    gst
}

/// Where a daemon at a place is found by a gateway.
fn at(place: Place, port: u16) -> String {
    format!("127.0.0.1:{port}/{}", place.name().replace(' ', "%20"))
}

/// What a program says that is to fail.
fn failing(command: &mut Command) -> String {
    let output = command.stdout(Stdio::null()).stderr(Stdio::piped()).output().unwrap();
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Players of several kinds get every picture of a daemon with these options as it is; `user` stands in front of the
/// host.
fn assert_exact(options: &[&str], user: &str) {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let mut daemon = serving(place, options);
    let (gateway, port) = Gateway::of_players(place, folder.path());
    let url = format!("rtsps://{user}{}", at(place, port));
    let out = |name: &str| folder.path().join(name);
    let mut players = Vec::new();
    for protocols in ["udp", "tcp"] {
        let to = format!("location={}", out(protocols).display());
        players.push(Program::start(gstreamer(protocols, &url).arg(to)));
    }
    Program::start(ffmpeg(&url).arg(out("mjpeg"))).succeed();
    for player in players {
        // Its exit code says nothing: now and then, at its end, GStreamer 1.22 finds the connection closed that it has
        // closed itself.
        player.finish();
    }
    let source = fs::read(clip("640x480")).unwrap();
    let received = all_pixels(&fs::read(out("mjpeg")).unwrap());
    assert!(received.len() >= FRAMES - 1, "ffmpeg: {}", received.len());
    assert_runs_through(&all_pixels(&source), &received);
    let mut decoder = peer("gst-launch-1.0");
    decoder.args(["-q", "filesrc"]).arg(format!("location={}", clip("640x480").display()));
    let decoded = output(decoder.args(["!", "jpegdec", "!", "fdsink"]));
    let source: Vec<_> = decoded.chunks(GSTREAMER_BYTES).collect();
    for protocols in ["udp", "tcp"] {
        let bytes = fs::read(out(protocols)).unwrap();
        let received: Vec<_> = bytes.chunks(GSTREAMER_BYTES).collect();
        assert!(received.len() >= FRAMES - 1, "GStreamer, {protocols}: {}", received.len());
        assert_runs_through(&source, &received);
    }
    assert_eq!(daemon.said().matches("127.0.0.1 watches over RTSPS").count(), 3);
    gateway.program.interrupt().succeeded();
    daemon.interrupt().succeeded();
}

/// A file with the user anna, whose password is `correct horse`.
fn users(folder: &Path) -> String {
    let users = folder.join("users").display().to_string();
    let mut add = ours("streamsocket");
    let mut add =
        add.args(["user", "add", "anna", "--users", &users]).stdin(Stdio::piped()).spawn().unwrap();
    add.stdin.take().unwrap().write_all(b"correct horse\n").unwrap();
    assert!(add.wait().unwrap().success());
    users
}

/// A file with a new key.
fn key(folder: &Path) -> String {
    let key = folder.join("key").display().to_string();
    output(ours("streamsocket").args(["key", "new", &key]));
    key
}

#[test]
fn rtsps_players_are_exact_in_every_frame() {
    let _turn = streamsocket_tests::turn();
    assert_exact(&[], "");
}

#[test]
fn rtsps_players_of_a_protected_session_are_exact_in_every_frame() {
    let _turn = streamsocket_tests::turn();
    let folder = tempfile::tempdir().unwrap();
    let (users, key) = (users(folder.path()), key(folder.path()));
    for suite in ["AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM"] {
        let options = ["--users", &users, "--key-file", &key, "--suite", suite];
        assert_exact(&options, "anna:correct%20horse@");
    }
}

#[test]
fn rtsps_tells_strangers_no_key_and_nothing_in_clear() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let mut daemon = serving(place, &["--key-file", &key(folder.path())]);
    let (_gateway, port) = Gateway::of_players(place, folder.path());
    let url = format!("rtsps://{}", at(place, port));
    let mut stranger = Tls::connect("127.0.0.1", port);
    let head = stranger.ask(&format!("DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\n\r\n"));
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    let mut text = vec![0; length.expect(&head).parse().unwrap()];
    stranger.from.read_exact(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("RTP/SAVP") && !text.contains("key-mgmt"), "{text}");
    let set_up = stranger.ask(&format!(
        "SETUP {url}/trackID=v RTSP/1.0\r\nCSeq: 2\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"
    ));
    assert!(set_up.starts_with("RTSP/1.0 461 "), "{set_up}");
    daemon.wait_for("add one with 'streamsocket user add NAME'");
    daemon.interrupt().succeeded();
}

#[test]
fn rtsps_passwords_are_the_daemon_s() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let daemon = serving(place, &["--users", &users(folder.path())]);
    let (_gateway, port) = Gateway::of_players(place, folder.path());
    let (at, out) = (at(place, port), folder.path().join("out"));
    Program::start(ffmpeg(&format!("rtsps://anna:correct%20horse@{at}")).arg(&out)).succeed();
    for wrong in ["anna:wrong@", ""] {
        let said = failing(ffmpeg(&format!("rtsps://{wrong}{at}")).arg(&out));
        assert!(said.contains("401"), "{said}");
    }
    daemon.interrupt().succeeded();
}

/// A connection by TLS, over which words are said as they are.
struct Tls {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Tls {
    fn connect(from: &str, port: u16) -> Self {
        let mut openssl = peer("openssl");
        openssl.args(["s_client", "-quiet", "-bind", &format!("{from}:0")]);
        openssl.args(["-connect", &format!("127.0.0.1:{port}")]);
        let mut child = openssl
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, to, from: BufReader::new(from) }
    }

    /// The head of what is answered.
    fn ask(&mut self, request: &str) -> String {
        self.to.write_all(request.as_bytes()).unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.from.read_line(&mut head).unwrap(), 0, "{head}");
        }
        head
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn rtsps_players_are_where_they_are_and_not_where_the_gateway_is() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let mut daemon = serving(place, &[]);
    let (_gateway, port) = Gateway::of_players(place, folder.path());
    let mut player = Tls::connect("127.0.0.2", port);
    let url = format!("rtsps://{}", at(place, port));
    let set_up = player.ask(&format!(
        "SETUP {url}/trackID=v RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"
    ));
    let session = set_up.lines().find_map(|line| line.strip_prefix("Session: ")).expect(&set_up);
    let session = session.split(';').next().unwrap();
    let play = player.ask(&format!("PLAY {url} RTSP/1.0\r\nCSeq: 2\r\nSession: {session}\r\n\r\n"));
    assert!(play.starts_with("RTSP/1.0 200 OK\r\n"), "{play}");
    daemon.wait_for("127.0.0.2 watches over RTSPS (tcp)");
    let mut interleaved = [0; 1];
    player.from.read_exact(&mut interleaved).unwrap();
    assert_eq!(&interleaved, b"$");
    // Nobody can be heard who is not protected.
    let mut other = Tls::connect("127.0.0.1", port);
    let sealed = other.ask(&format!(
        "SETUP {url}/trackID=v RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/SAVP/TCP;unicast;interleaved=0-1\r\n\r\n"
    ));
    assert!(sealed.starts_with("RTSP/1.0 461 "), "{sealed}");
    drop(player);
    daemon.wait_for("127.0.0.2 stopped watching");
    daemon.interrupt().succeeded();
}

#[test]
fn rtsps_players_are_told_why_nothing_comes() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let mut silent = daemon();
    silent.args(["--video", "pattern", "--to", &place.to_string(), "--name", &place.name()]);
    let mut silent = Program::start(silent.arg("--no-announce"));
    silent.wait_for("goes to");
    let (mut gateway, port) = Gateway::of_players(place, folder.path());
    let name = place.name();
    let out = folder.path().join("out");
    let said = failing(ffmpeg(&format!("rtsps://{}", at(place, port))).arg(&out));
    let why = format!("503 Service Unavailable: the daemon '{name}' serves nobody over RTSP");
    assert!(said.contains(&why), "{said}");
    gateway.program.wait_for(&format!("is not served: the daemon '{name}' serves nobody"));
    let answer = Tls::connect("127.0.0.1", port).ask("GET / HTTP/1.1\r\nHost: pi\r\n\r\n");
    assert_eq!(answer, "RTSP/1.0 400 Bad Request\r\n\r\n");
    silent.interrupt().succeeded();
}

#[test]
fn rtsps_port_that_was_chosen_is_needed_and_the_usual_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let mut gateway = ours("streamsocket-gateway");
    gateway.env("STATE_DIRECTORY", folder.path()).args(["--interface", "127.0.0.1"]);
    let listen = format!("127.0.0.1:{}", crate::client::free_port());
    let ended = Program::start(gateway.args(["--listen", &listen, "--rtsps", &at])).finish();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.said);
    assert!(ended.said.contains(&format!("--rtsps {at}: ")), "{}", ended.said);
    // Where there is nowhere to keep a certificate the page is served all the same.
    let mut gateway = ours("streamsocket-gateway");
    gateway.env("STATE_DIRECTORY", "/proc/nowhere").args(["--interface", "127.0.0.1"]);
    let mut gateway = Program::start(gateway.args(["--listen", &listen]));
    gateway.wait_for("nobody is served by rtsps://: ");
    gateway.wait_for("pictures are at");
}
