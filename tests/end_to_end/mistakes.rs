//! Bad input: one line that says what, where and what to do, and the right exit code.

use std::fs;
use std::path::Path;
use std::process::Command;
use streamsocket_tests::clip::clip;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, daemon, ours, output, peer, receiver};

/// The command line or the configuration is wrong.
pub(super) const USAGE: i32 = 2;
/// It is right, but cannot be done.
pub(super) const FAILURE: i32 = 1;

/// The command ends with this code and one last line that has all of these in it.
#[track_caller]
pub(super) fn refused(command: &mut Command, code: i32, parts: &[&str]) {
    let ended = Program::start(command).finish();
    assert_eq!(ended.status.code(), Some(code), "{command:?}: {}", ended.said);
    let errors: Vec<&str> = ended.said.lines().filter(|line| line.contains("error: ")).collect();
    assert_eq!(errors.len(), 1, "{command:?}: {}", ended.said);
    for part in parts {
        assert!(errors[0].contains(part), "{command:?}: no '{part}' in: {}", ended.said);
    }
}

fn unannounced() -> Command {
    let mut command = daemon();
    command.args(["--no-announce", "--name", &Place::new().name()]);
    command
}

#[test]
fn options_that_make_no_sense_are_usage_errors() {
    for (option, value, part) in [
        ("--video", "carrier-pigeon", "pattern"),
        ("--size", "large", "1280x720"),
        ("--size", "0x0", "1280x720"),
        ("--fps", "0", "30"),
        ("--to", "nowhere at all", "239"),
        ("--ttl", "1000", "255"),
        ("--packet-size", "1000000", "1472"),
        ("--pace", "slowly", "50%"),
        ("--control", "brightness", "NAME=VALUE"),
        ("--audio", "gramophone", "tone"),
    ] {
        refused(unannounced().args([option, value]), USAGE, &[option, value, part]);
    }
}

#[test]
fn configurations_are_checked_by_key_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("door.toml");
    fs::write(&path, "video = \"pattern\"\nfrobs = 3\n").unwrap();
    let check = || ours("streamsocket");
    refused(
        check().arg("check").arg("--config").arg(&path),
        USAGE,
        &["door.toml", "line 2", "frobs"],
    );
    fs::write(&path, "fps = \"fast\"\n").unwrap();
    refused(check().arg("--config").arg(&path), USAGE, &["fps", "fast"]);
    let missing = folder.path().join("none.toml");
    refused(check().arg("--config").arg(missing), USAGE, &["none.toml", "No such file"]);
    fs::write(&path, "video = \"pattern\"\nsize = \"640x480\"\n").unwrap();
    let mut good = check();
    Program::start(good.args(["check", "--interface", "lo", "--config"]).arg(&path)).succeed();
}

#[test]
fn sources_that_are_not_there_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        format!("file:{}", path.display())
    };
    let video = |source: &str, parts: &[&str]| {
        refused(unannounced().args(["--audio", "none", "--video", source]), FAILURE, parts);
    };
    video("v4l2:/dev/video99", &["/dev/video99", "no camera"]);
    video("v4l2:/dev/null", &["/dev/null"]);
    video("file:/no/such.mjpeg", &["/no/such.mjpeg", "No such file"]);
    video(&file("empty.mjpeg", b""), &["empty.mjpeg"]);
    video(&file("text.mjpeg", b"This is no picture."), &["text.mjpeg"]);
    video(&file("text.mp4", b"This is no film."), &["text.mp4"]);
    video("file:/etc", &["/etc"]);
    let mut sound = unannounced();
    sound.args(["--video", "none", "--audio"]);
    refused(sound.arg(file("text.wav", b"This is no sound.")), FAILURE, &["text.wav"]);
    let mut card = unannounced();
    card.args(["--video", "none", "--audio", "alsa:hw:77"]);
    refused(&mut card, FAILURE, &["hw:77"]);
}

#[test]
fn networks_that_are_not_there_are_named() {
    let with = |interface: &str| {
        let mut command = ours("streamsocket");
        command.args(["--video", "pattern", "--audio", "none", "--interface", interface]);
        command.args(["--name", &Place::new().name()]);
        command
    };
    refused(&mut with("eth77"), FAILURE, &["eth77", "lo"]);
    refused(&mut with("192.0.2.1"), FAILURE, &["192.0.2.1"]);
    let mut command = ours("streamsocket-receiver");
    command.args(["--headless", "rtp://239.255.1.1:5004", "--interface", "eth77"]);
    refused(&mut command, FAILURE, &["eth77"]);
}

#[test]
fn the_receiver_says_what_it_cannot_play() {
    let folder = tempfile::tempdir().unwrap();
    let write = |text: &str| {
        let path = folder.path().join("it.sdp");
        fs::write(&path, text).unwrap();
        path
    };
    let sdp = |text: &str, parts: &[&str]| refused(receiver().arg(write(text)), FAILURE, parts);
    sdp("", &["it.sdp"]);
    sdp("GIF89a", &["it.sdp"]);
    let h264 = "v=0\ns=x\nc=IN IP4 239.1.1.1\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n";
    sdp(h264, &["H264", "JPEG"]);
    refused(receiver().arg("missing.sdp"), FAILURE, &["missing.sdp", "No such file"]);
    refused(receiver().arg("rtp://somewhere"), FAILURE, &["rtp://somewhere"]);
    let there = folder.path().join("there.mkv");
    fs::copy(clip("640x480"), &there).unwrap();
    let mut onto = receiver();
    onto.args(["rtp://239.255.1.1:5004", "--record"]).arg(&there);
    let before = fs::metadata(&there).unwrap().len();
    refused(&mut onto, FAILURE, &["there.mkv", "exists"]);
    assert_eq!(fs::metadata(&there).unwrap().len(), before, "the file was touched");
    let mut nowhere = receiver();
    nowhere.args(["rtp://239.255.1.1:5004", "--record", "/no/such/folder/a.mkv"]);
    refused(&mut nowhere, FAILURE, &["/no/such/folder/a.mkv", "No such file"]);
}

#[test]
fn outputs_that_fail_are_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept.mkv");
    let there = || {
        let mut command = receiver();
        command.arg("rtp://239.255.1.1:5004");
        command
    };
    let mut both = there();
    refused(both.args(["--record", "-", "--stats", "-"]), FAILURE, &["--record -", "--stats -"]);
    let mut nowhere = there();
    refused(nowhere.args(["--snapshot", "/no/such/a.jpg"]), FAILURE, &["/no/such/a.jpg"]);
    let mut stats = there();
    stats.arg("--record").arg(&kept).args(["--stats", "/no/such/a.json"]);
    refused(&mut stats, FAILURE, &["/no/such/a.json"]);
    assert!(!kept.exists(), "an empty recording was left behind");
    for (option, name) in [("--record", "old.mkv"), ("--snapshot", "old.jpg")] {
        let old = folder.path().join(name);
        fs::write(&old, "precious").unwrap();
        refused(there().arg(option).arg(&old), FAILURE, &[name, "exists", "--overwrite"]);
        assert_eq!(fs::read(&old).unwrap(), b"precious");
    }
    refused(there().arg("--overwrite"), FAILURE, &["--overwrite", "--record", "--snapshot"]);
}

#[test]
fn pictures_that_cannot_be_sent_are_an_error_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.mjpeg");
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=30"]);
    ffmpeg.args(["-frames:v", "5", "-c:v", "ljpeg", "-pix_fmt", "yuvj420p", "-strict", "-1"]);
    output(ffmpeg.args(["-f", "image2pipe"]).arg(&path));
    let source = format!("file:{}", path.display());
    let mut command = unannounced();
    command.args(["--audio", "none", "--video", &source]);
    refused(&mut command, FAILURE, &["none of 5 pictures", "(lossless)", "-huffman default"]);
}

#[test]
fn a_port_that_another_program_has_is_named() {
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    refused(receiver().arg(format!("rtp://{address}")), FAILURE, &[&address.to_string(), "in use"]);
}

#[test]
fn a_file_that_ends_in_the_middle_of_a_picture_is_sent_up_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.mjpeg");
    let bytes = fs::read(clip("640x480")).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 9]).unwrap();
    let source = format!("file:{}", path.display());
    let said = Program::start(unannounced().args(["--video", &source])).succeed();
    assert!(said.contains("sent") && said.contains("1 frames not sent"), "{said}");
    assert!(Path::new(&path).exists());
}
