//! What is asked for, and what is answered.

use crate::client::{Gateway, free_port};
use serde_json::Value;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use streamsocket_tests::board::{monotonic, resources, wait_until};
use streamsocket_tests::clip::clip;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Ended, Program, daemon, ours, output, peer, receiver};
use streamsocket_tests::session::{daemon_at, file};

/// Kilobytes that the gateway may have of its own after logins, without viewers: 3 MB, and what a check takes.
const RESIDENT_MAX_KB: usize = 14_336;

const PATHS: [&str; 4] = ["/snapshot", "/snapshot.jpg", "/?action=snapshot", "/{name}/snapshot"];

/// A daemon that sends pictures to a place, without sound.
pub(crate) fn sending(place: Place, rate: &str) -> Program {
    sending_of(place, "640x480", rate)
}

/// The same of this size.
pub(crate) fn sending_of(place: Place, size: &str, rate: &str) -> Program {
    let mut daemon = daemon_at(place);
    daemon.args(["--video", &file(&clip(size)), "--loop", "--fps", rate]);
    let mut daemon = Program::start(daemon.args(["--audio", "none", "--no-announce"]));
    daemon.wait_for("goes to");
    daemon
}

#[test]
fn a_snapshot_is_what_the_receiver_saves() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let still = folder.path().join("still.mjpeg");
    let whole = std::fs::read(clip("640x480")).unwrap();
    let pictures = streamsocket_tests::clip::split(&whole);
    std::fs::write(&still, pictures[0]).unwrap();
    let mut daemon = daemon_at(place);
    daemon.args(["--video", &file(&still), "--loop", "--fps", "20", "--audio", "none"]);
    let mut daemon = Program::start(daemon.arg("--no-announce"));
    daemon.wait_for("goes to");
    let saved = folder.path().join("saved.jpg");
    let source = format!("rtp://{place}");
    output(receiver().arg(&source).args(["--for", "5", "--snapshot"]).arg(&saved));
    let saved = std::fs::read(saved).unwrap();
    let gateway = Gateway::of(place);
    wait_until("a picture", || gateway.get("/snapshot", &[]).status == 200);
    for path in PATHS {
        let path = path.replace("{name}", &place.to_string().replace(':', "%3A"));
        let answer = gateway.get(&path, &[]);
        assert!(answer.body == saved, "{path}: {} of {} bytes", answer.body.len(), saved.len());
        assert!(answer.head.contains("content-type: image/jpeg"), "{}", answer.head);
        assert!(answer.head.contains("cache-control: no-store"), "{}", answer.head);
    }
}

#[test]
fn what_is_not_there_or_wrong_is_said() {
    let place = Place::new();
    let gateway = Gateway::of(place);
    let own = format!("Host: 127.0.0.1:{}", gateway.port);
    let none = "no picture of";
    for (path, header, status, said) in [
        ("/snapshot", "", 503, none),
        ("/nobody/stream", "", 404, "there is no session 'nobody' here, but '239."),
        ("/nothing", "", 404, "there is nothing here; there is something at\n/\n/stream\n"),
        ("/stream?fps=0", "", 400, "fps: expected pictures a second"),
        ("/?action=shoot", "", 400, "action: expected stream or snapshot"),
        ("/status", "Host: example.org", 403, "add --host example.org if it is"),
        ("/status", "Origin: http://example.org", 403, "only this server's own page"),
        ("/sdp", "", 200, &format!("m=video {} RTP/AVP 26\r\n", place.port)),
        ("/status", "X-Forwarded-For: 203.0.113.5", 403, "without a password, only"),
        ("/control", "", 404, "there is nothing here"),
        ("/status", &own, 200, "\"sessions\":["),
        ("/", "", 200, "<title>StreamSocket</title>"),
    ] {
        let headers: Vec<&str> = Some(header).filter(|it| !it.is_empty()).into_iter().collect();
        let answer = gateway.get(path, &headers);
        assert_eq!(answer.status, status, "{path} {header}: {}", answer.text());
        assert!(answer.text().contains(said), "{path} {header}: {}", answer.text());
    }
    // The camera has come.
    let _daemon = sending(place, "20");
    wait_until("a picture", || gateway.get("/snapshot", &[]).status == 200);
}

#[test]
fn a_port_that_is_taken_is_said_and_the_program_ends() {
    let listener = TcpListener::bind(("127.0.0.1", free_port())).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut gateway = ours("streamsocket-gateway");
    let ended = Program::start(gateway.args(["--listen", &address])).finish();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.said);
    let said = format!(
        "--listen {address}: Address already in use (os error 98); choose another with --listen"
    );
    assert!(ended.said.ends_with(&said), "{}", ended.said);
}

#[test]
fn a_file_that_is_not_there_ends_the_program() {
    let port = free_port().to_string();
    let mut gateway = ours("streamsocket-gateway");
    gateway.args(["--listen", &format!("127.0.0.1:{port}"), "/nowhere/camera.sdp"]);
    let ended = Program::start(&mut gateway).finish();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.said);
    assert!(ended.said.contains("/nowhere/camera.sdp cannot be read"), "{}", ended.said);
}

#[test]
fn announced_sessions_come_and_go() {
    let (one, other) = (Place::new(), Place::new());
    let gateway = Gateway::start(&[]);
    let names = || -> Vec<String> {
        let status: Value = serde_json::from_slice(&gateway.get("/status", &[]).body).unwrap();
        let sessions = status["sessions"].as_array().unwrap();
        sessions.iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
    };
    let announced = |place: Place| {
        let mut daemon = daemon();
        daemon.args(["--to", &place.to_string(), "--name", &place.name(), "--loop"]);
        daemon.args(["--video", &file(&clip("640x480")), "--fps", "10", "--audio", "none"]);
        Program::start(&mut daemon)
    };
    let daemons = [one, other].map(announced);
    wait_until("both sessions", || [one, other].iter().all(|it| names().contains(&it.name())));
    let path = format!("/{}/snapshot", one.name().replace(' ', "%20"));
    wait_until("a picture", || gateway.get(&path, &[]).status == 200);
    let [first, _second] = daemons;
    first.interrupt().succeeded();
    wait_until("one session", || !names().contains(&one.name()) && names().contains(&other.name()));
    assert_eq!(gateway.get(&path, &[]).status, 404);
}

#[test]
fn figures_are_as_prometheus_reads_them() {
    let place = Place::new();
    let (_daemon, gateway) = (sending(place, "20"), Gateway::of(place));
    let _viewer = gateway.parts("/stream").next().expect("a picture");
    let answer = gateway.get("/metrics", &[]);
    assert!(answer.head.contains("text/plain; version=0.0.4"), "{}", answer.head);
    let text = answer.text();
    let mut known = 0;
    for line in text.lines() {
        let line = line.strip_prefix("# HELP ").or(line.strip_prefix("# TYPE ")).unwrap_or(line);
        assert!(line.starts_with("streamsocket_"), "{line}");
        known += usize::from(line.contains(&format!("{{session=\"{place}\"}} ")));
    }
    assert!(known >= 8, "{text}");
    assert!(
        text.contains(&format!("streamsocket_packets_lost_total{{session=\"{place}\"}} 0\n")),
        "{text}"
    );
}

#[test]
fn sound_alone_is_a_wav_file_that_goes_on() {
    let place = Place::new();
    let mut daemon = daemon_at(place);
    daemon.args(["--video", "none", "--audio", "tone", "--no-announce"]);
    let mut daemon = Program::start(&mut daemon);
    daemon.wait_for("goes to");
    let gateway = Gateway::of(place);
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error", "-i", &gateway.url("/audio.wav"), "-t", "3"]);
    let samples = output(ffmpeg.args(["-f", "s16le", "-"]));
    assert_eq!(samples.len(), 3 * 48_000 * 2 * 2);
    let loudest =
        samples.chunks_exact(2).map(|it| i16::from_le_bytes([it[0], it[1]]).unsigned_abs()).max();
    assert!(loudest > Some(1000), "{loudest:?}");
}

/// A file with a password, as the command writes it for somebody at a terminal.
pub(crate) fn password_file(path: &Path, typed: &str) -> Ended {
    let gateway = ours("streamsocket-gateway");
    let command =
        format!("{} password {}", gateway.get_program().to_str().unwrap(), path.display());
    let mut terminal = peer("script");
    terminal.args(["-q", "-e", "-c", &command, "/dev/null"]).stdin(Stdio::piped());
    let mut child = terminal.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Ended { status: output.status, said: String::from_utf8_lossy(&output.stdout).into_owned() }
}

#[test]
fn who_has_said_the_password_watches_and_nobody_else() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("password");
    let ended = password_file(&path, "correct horse\nbattery staple\n");
    assert!(!ended.status.success() && !path.exists(), "{}", ended.said);
    assert!(ended.said.contains("the two passwords differ"), "{}", ended.said);
    password_file(&path, "correct horse\ncorrect horse\n").succeeded();
    let _daemon = sending(place, "20");
    let gateway =
        Gateway::start(&["--password-file", path.to_str().unwrap(), &format!("rtp://{place}")]);
    let basic = |password: &str| format!("Authorization: Basic {}", base64(password));
    let right = basic("anybody:correct horse");
    wait_until("a picture", || gateway.get("/snapshot", &[&right]).status == 200);
    let wrong = basic("anybody:correct horsf");
    for path in
        ["/", "/page.js", "/stream", "/snapshot", "/status", "/metrics", "/audio.wav", "/none/ws"]
    {
        let answer = gateway.get(path, &[]);
        assert_eq!(answer.status, 401, "{path}");
        assert!(answer.head.contains("www-authenticate: Basic realm="), "{}", answer.head);
    }
    let begun = monotonic();
    assert_eq!(gateway.get("/snapshot", &[&wrong]).status, 401);
    assert!(monotonic() - begun >= 1_000_000_000, "guesses take their time");
    let head = gateway.get("/snapshot", &[&right]).head;
    let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
    assert!(cookie.contains("; HttpOnly; SameSite=Strict"), "{cookie}");
    let (cookie, _) = cookie.split_once(';').unwrap();
    assert_eq!(gateway.get("/snapshot", &[&format!("Cookie: a=b; {cookie}")]).status, 200);
    let mut forged = cookie.to_owned();
    let last = if forged.pop() == Some('0') { '1' } else { '0' };
    forged.push(last);
    assert_eq!(gateway.get("/snapshot", &[&format!("Cookie: {forged}")]).status, 401);
    let mut ffmpeg = peer("ffmpeg");
    let url = gateway.url("/stream").replace("http://", "http://me:correct%20horse@");
    output(ffmpeg.args([
        "-nostdin",
        "-v",
        "error",
        "-i",
        &url,
        "-frames:v",
        "5",
        "-f",
        "null",
        "-",
    ]));
}

#[test]
fn everybody_who_comes_at_once_with_the_password_is_let_in() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("password");
    password_file(&path, "correct horse\ncorrect horse\n").succeeded();
    let gateway =
        Gateway::start(&["--password-file", path.to_str().unwrap(), &format!("rtp://{place}")]);
    let ask = |password: &str| {
        let right = format!("Authorization: Basic {}", base64(&format!("me:{password}")));
        let mut curl = peer("curl");
        curl.args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", &right]);
        curl.arg(gateway.url("/status")).stdout(Stdio::piped()).spawn().unwrap()
    };
    // Guesses take their turns, and hold nobody up for good.
    let guesses: Vec<_> = (0..8).map(|number| ask(&format!("guess number {number}"))).collect();
    let right: Vec<_> = (0..12).map(|_| ask("correct horse")).collect();
    let status = |child: std::process::Child| {
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    };
    assert_eq!(right.into_iter().map(status).collect::<Vec<_>>(), ["200"; 12]);
    assert_eq!(guesses.into_iter().map(status).collect::<Vec<_>>(), ["401"; 8]);
    // A check's 8 MiB are kept once.
    let (_, resident) = resources(gateway.program.id());
    assert!(resident < RESIDENT_MAX_KB, "{resident} kB");
}

/// RFC 4648.
pub(crate) fn base64(text: &str) -> String {
    let mut coreutils = peer("base64");
    let mut child =
        coreutils.arg("-w0").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn a_password_file_that_others_may_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, "$argon2id$").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let mut gateway = ours("streamsocket-gateway");
    gateway.args(["--listen", &format!("127.0.0.1:{}", free_port()), "--password-file"]);
    let ended = Program::start(gateway.arg(&path)).finish();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.said);
    assert!(ended.said.contains(&format!("run: chmod o= {}", path.display())), "{}", ended.said);
}
