//! Sources that come and go, several at once, and what their sessions say on the wire.

use nix::sys::signal::Signal;
use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::process::Stdio;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::clip::{
    FRAMES, VOICE_RATE, all_pixels, assert_runs_through, clip, recorded_video, samples, split,
    voice,
};
use streamsocket_tests::long::is_left_out;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, output, peer, receiver, text};
use streamsocket_tests::report::track;
use streamsocket_tests::session::{daemon_at, file, record};
use streamsocket_tests::turn;
use streamsocket_tests::wire::{Datagram, SAP, Tap, join};

/// RTCP packet types (RFC 3550 section 12.1).
const SR: u8 = 200;
const BYE: u8 = 203;

fn pixels_of(file: &Path) -> Vec<u64> {
    all_pixels(&fs::read(file).unwrap())
}

/// Waits until the daemon there has sent some pictures.
fn wait_for_pictures(place: Place) {
    wait_until("pictures are sent", || {
        let mut ask = ours("streamsocket");
        let said = text(ask.args(["status", "--json", "--name", &place.name()]));
        let status: serde_json::Value = serde_json::from_str(&said).unwrap();
        track(&status, "video")["frames_sent"].as_u64() > Some(2)
    });
}

#[test]
fn a_sender_that_was_killed_and_returns_is_played_again() {
    if is_left_out("sources::a_sender_that_was_killed_and_returns_is_played_again") {
        return;
    }
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let out = folder.path().join("out.mkv");
    let mut receiver = record(place, "L16/48000/1", &out);
    let begin = || {
        let mut daemon = daemon_at(place);
        daemon.args(["--video", &file(&clip("640x480")), "--audio", &file(&voice()), "--loop"]);
        Program::start(&mut daemon)
    };
    let first = begin();
    receiver.wait_for("receiving plain");
    wait_for_pictures(place);
    first.signal(Signal::SIGKILL);
    first.finish();
    receiver.wait_for("has stopped");
    let second = begin();
    receiver.wait_for("receiving plain");
    wait_for_pictures(place);
    second.interrupt().succeeded();
    receiver.wait_for("has stopped");
    receiver.interrupt().succeeded();

    let source = pixels_of(&clip("640x480"));
    let got = all_pixels(&recorded_video(&out));
    // The clip's beginning is in it twice, each time without a gap.
    let again = got.iter().skip(1).position(|frame| *frame == source[0]);
    let (before, after) = got.split_at(1 + again.expect("it did not return"));
    assert_eq!(assert_runs_through(&source, before), 0);
    assert_eq!(assert_runs_through(&source, after), 0);
}

#[test]
fn two_sessions_on_the_same_ports_are_not_mixed() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let here = Place::new();
    let sessions = [(here, "640x480"), (here.beside(), "1280x720")];
    let out = |size: &str| folder.path().join(format!("{size}.mkv"));
    let receivers = sessions.map(|(place, size)| record(place, "L16/48000/1", &out(size)));
    let daemons = sessions.map(|(place, size)| {
        let mut daemon = daemon_at(place);
        daemon.args(["--video", &file(&clip(size)), "--audio", &file(&voice())]);
        Program::start(&mut daemon)
    });
    for daemon in daemons {
        daemon.succeed();
    }
    for (mut receiver, (_, size)) in receivers.into_iter().zip(sessions) {
        receiver.wait_for("has stopped");
        let said = receiver.interrupt().succeeded();
        assert_eq!(all_pixels(&recorded_video(&out(size))), pixels_of(&clip(size)), "{said}");
    }
}

#[test]
fn a_recording_whose_receiver_was_killed_can_be_read() {
    if is_left_out("sources::a_recording_whose_receiver_was_killed_can_be_read") {
        return;
    }
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let out = folder.path().join("out.mkv");
    let mut receiver = record(place, "L16/48000/1", &out);
    let mut daemon = daemon_at(place);
    daemon.args(["--video", &file(&clip("640x480")), "--audio", &file(&voice())]);
    Program::start(&mut daemon).succeed();
    receiver.wait_for("has stopped");
    receiver.signal(Signal::SIGKILL);
    receiver.finish();
    let got = all_pixels(&recorded_video(&out));
    assert!(got.len() > 60, "only {} pictures", got.len());
    assert_eq!(assert_runs_through(&pixels_of(&clip("640x480")), &got), 0);
    let (heard, spoken) = (samples(&out), samples(&voice()));
    assert!(heard.len() > 2 * VOICE_RATE && spoken.starts_with(&heard[..2 * VOICE_RATE]));
}

#[test]
fn where_the_size_changes_the_recording_goes_on_in_the_next_file() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let out = folder.path().join("out.mkv");
    let mut receiver = record(place, "L16/48000/1", &out);
    for size in ["640x480", "1280x720"] {
        let mut daemon = daemon_at(place);
        daemon.args(["--video", &file(&clip(size)), "--audio", "none"]);
        Program::start(&mut daemon).succeed();
    }
    receiver.wait_for("the pictures are 1280x720: recording goes on in");
    receiver.wait_for("has stopped");
    let said = receiver.interrupt().succeeded();
    let next = folder.path().join("out-2.mkv");
    for (file, size) in [(&out, "640x480"), (&next, "1280x720")] {
        assert_eq!(all_pixels(&recorded_video(file)), pixels_of(&clip(size)), "{size}: {said}");
    }
    let mut probe = peer("ffprobe");
    probe.args(["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0"]);
    let duration: f64 = text(probe.arg(&out)).trim().parse().expect("no duration");
    assert!((2.9..3.2).contains(&duration), "{duration}");
}

#[test]
fn a_recording_goes_to_standard_output() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let (sdp, out) = (folder.path().join("plain.sdp"), folder.path().join("out.mkv"));
    fs::write(&sdp, place.plain_sdp(None)).unwrap();
    let mut command = receiver();
    command.arg(&sdp).args(["--record", "-"]).stdout(Stdio::piped());
    let mut receiver = Program::start(&mut command);
    receiver.wait_for("waiting for plain");
    let mut copy = peer("ffmpeg");
    copy.args(["-v", "error", "-i", "-", "-c", "copy"]).arg(&out);
    let mut copy = copy.stdin(receiver.stdout()).spawn().unwrap();
    let mut daemon = daemon_at(place);
    daemon.args(["--video", &file(&clip("640x480")), "--audio", "none"]);
    Program::start(&mut daemon).succeed();
    receiver.wait_for("has stopped");
    receiver.interrupt().succeeded();
    assert!(copy.wait().unwrap().success());
    assert_eq!(all_pixels(&recorded_video(&out)), pixels_of(&clip("640x480")));
}

#[test]
fn a_receiver_that_was_held_up_catches_up() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let (short, out) = (folder.path().join("short.mjpeg"), folder.path().join("out.mkv"));
    // Small enough for any socket's buffer: 20 pictures of some kilobytes.
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=30"]);
    ffmpeg.args(["-frames:v", "20", "-pix_fmt", "yuvj420p", "-huffman", "default"]);
    output(ffmpeg.args(["-f", "mjpeg"]).arg(&short));
    let mut receiver = record(place, "L16/48000/1", &out);
    receiver.signal(Signal::SIGSTOP);
    let mut daemon = daemon_at(place);
    daemon.args(["--video", &file(&short), "--audio", "none"]);
    Program::start(&mut daemon).succeed();
    receiver.signal(Signal::SIGCONT);
    receiver.wait_for("has stopped");
    let said = receiver.interrupt().succeeded();
    assert_eq!(all_pixels(&recorded_video(&out)), pixels_of(&short), "{said}");
}

/// The last line of a program's statistics.
fn statistics(path: &Path) -> serde_json::Value {
    let text = fs::read_to_string(path).unwrap();
    serde_json::from_str(text.lines().next_back().expect("no statistics")).unwrap()
}

#[test]
fn a_goodbye_that_is_not_meant_does_not_last() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let stats = folder.path().join("it.json");
    let mut command = daemon_at(place);
    command.args(["--video", &file(&clip("640x480")), "--audio", "none", "--loop"]);
    let mut daemon = Program::start(&mut command);
    daemon.wait_for("goes to");
    let mut packet = [0; 2048];
    let len = join(place.at(0)).recv(&mut packet).unwrap();
    let ssrc = &packet[8..len.min(12)];
    let mut command = receiver();
    command.args([&format!("rtp://{place}"), "--for", "5", "--stats"]).arg(&stats);
    let mut receiver = Program::start(&mut command);
    receiver.wait_for("receiving ");
    // RFC 3550 section 6.6, from the sender's own machine.
    let forger = UdpSocket::bind("127.0.0.1:0").unwrap();
    forger.send_to(&[&[0x81, BYE, 0, 1], ssrc].concat(), place.at(1)).unwrap();
    receiver.wait_for("said goodbye");
    receiver.succeed();
    daemon.interrupt().succeeded();
    let statistics = statistics(&stats);
    assert_eq!(statistics["sources"], 2, "{statistics}");
    assert!(track(&statistics, "video")["frames_received"].as_u64() > Some(90), "{statistics}");
}

#[test]
fn any_latency_shows_the_pictures() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let stats = folder.path().join("it.json");
    let mut command = receiver();
    command.args([&format!("rtp://{place}"), "--latency", "1500", "--stats"]).arg(&stats);
    let mut receiver = Program::start(&mut command);
    receiver.wait_for("waiting for ");
    let mut daemon = daemon_at(place);
    Program::start(daemon.args(["--video", &file(&clip("640x480")), "--audio", "none"])).succeed();
    receiver.wait_for("has stopped");
    receiver.interrupt().succeeded();
    let statistics = statistics(&stats);
    let shown = track(&statistics, "video")["frames_shown"].as_u64();
    // A busy machine may be late for some.
    assert!(shown > Some(FRAMES as u64 / 2), "{statistics}");
}

#[test]
fn a_picture_a_second_arrives() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let (slow, out) = (folder.path().join("slow.mjpeg"), folder.path().join("out.mkv"));
    let all = fs::read(clip("640x480")).unwrap();
    fs::write(&slow, split(&all)[..3].concat()).unwrap();
    let receiver = record(place, "L16/48000/1", &out);
    let mut daemon = daemon_at(place);
    daemon.args(["--video", &file(&slow), "--audio", "none", "--fps", "1"]);
    Program::start(&mut daemon).succeed();
    receiver.interrupt().succeeded();
    assert_eq!(all_pixels(&recorded_video(&out)), pixels_of(&slow));
}

/// Moments in seconds at which a recording's picture flashes: its mean brightness, by ffmpeg.
fn flashes(recording: &Path) -> Vec<f64> {
    let mut times = peer("ffprobe");
    times.args(["-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time"]);
    let times = text(times.args(["-of", "csv=p=0"]).arg(recording));
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(recording);
    ffmpeg.args(["-map", "0:v", "-vf", "scale=1:1:flags=area,format=gray"]);
    let brightness = output(ffmpeg.args(["-fps_mode", "passthrough", "-f", "rawvideo", "-"]));
    let dark = *brightness.iter().min().unwrap();
    let frames = times.lines().zip(&brightness);
    frames.filter(|(_, it)| **it > dark + 32).map(|(at, _)| at.parse().unwrap()).collect()
}

/// Moments in seconds at which a recording begins to sound after half a second of silence.
fn beeps(recording: &Path) -> Vec<f64> {
    let mut start = peer("ffprobe");
    start.args(["-v", "error", "-select_streams", "a", "-show_entries", "stream=start_time"]);
    let start = text(start.args(["-of", "csv=p=0"]).arg(recording));
    let start: f64 = start.trim().parse().unwrap();
    let (mut beeps, mut silence) = (Vec::new(), 0);
    for (number, frame) in samples(recording).chunks_exact(2).enumerate() {
        let is_silent = frame[0].unsigned_abs() < 300;
        if !is_silent && silence > VOICE_RATE / 2 {
            beeps.push(start + number as f64 / VOICE_RATE as f64);
        }
        silence = if is_silent { silence + 1 } else { 0 };
    }
    beeps
}

#[test]
fn flash_and_beep_are_together_in_the_recording() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let (sdp, out) = (folder.path().join("it.sdp"), folder.path().join("out.mkv"));
    let mut command = daemon_at(place);
    command.args(["--video", "pattern", "--audio", "tone", "--size", "640x480"]);
    let mut daemon = Program::start(command.arg("--sdp").arg(&sdp));
    daemon.wait_for("goes to");
    let mut command = receiver();
    command.arg(&sdp).arg("--record").arg(&out).args(["--for", "6"]);
    Program::start(&mut command).succeed();
    daemon.interrupt().succeeded();
    let (flashes, beeps) = (flashes(&out), beeps(&out));
    println!("flashes at {flashes:.4?} s, beeps at {beeps:.4?} s");
    // What began before the recording has no beginning in it.
    let nearest =
        |beep: f64| flashes.iter().map(|at| at - beep).min_by(|a, b| a.abs().total_cmp(&b.abs()));
    let offsets: Vec<f64> = beeps.iter().filter_map(|beep| nearest(*beep)).collect();
    assert!(offsets.len() >= 4, "{offsets:?}");
    assert!(offsets.iter().all(|offset| offset.abs() < 0.020), "{offsets:.4?}");
}

/// RTCP packet types of a compound packet, in order (RFC 3550 section 6.1).
fn rtcp_types(bytes: &[u8]) -> Vec<u8> {
    let (mut types, mut rest) = (Vec::new(), bytes);
    while let [_, kind, high, low, ..] = *rest {
        types.push(kind);
        let len = 4 * (1 + usize::from(u16::from_be_bytes([high, low])));
        rest = rest.get(len..).unwrap_or_default();
    }
    types
}

#[test]
fn a_session_is_announced_reported_and_said_goodbye_to() {
    let _turn = turn();
    let place = Place::new();
    let tap = Tap::open(place);
    let mut daemon = daemon_at(place);
    daemon.args(["--video", &file(&clip("640x480")), "--audio", &file(&voice())]);
    Program::start(&mut daemon).succeed();
    let datagrams = tap.close();
    let to = |above| datagrams.iter().filter(move |datagram| datagram.to == place.at(above));
    for (media, rtcp) in [(0, 1), (2, 3)] {
        let first = to(rtcp).next().unwrap();
        assert_eq!(rtcp_types(&first.bytes)[0], SR);
        let last = to(rtcp).next_back().unwrap();
        assert!(rtcp_types(&last.bytes).contains(&BYE), "{:?}", rtcp_types(&last.bytes));
        assert!(to(media).all(|datagram| datagram.bytes.len() <= 1400));
    }
    // Of this session: other programs' are heard, too. A deletion has only the hash of what it
    // takes back (RFC 2974 section 3: bytes 2 and 3).
    let announced = format!("s={}\r\n", place.name());
    let sap: Vec<&Datagram> = datagrams.iter().filter(|it| it.to == SAP).collect();
    let first = sap.iter().find(|it| String::from_utf8_lossy(&it.bytes).contains(&announced));
    let hash = &first.expect("the session was not announced").bytes[2..4];
    let said = sap.iter().filter(|it| &it.bytes[2..4] == hash);
    // RFC 2974 section 3: the T bit of the first byte.
    let deletions: Vec<bool> = said.map(|it| it.bytes[0] & 0x04 != 0).collect();
    assert_eq!(deletions, [false, true]);
}
