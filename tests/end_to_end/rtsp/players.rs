//! Other people's players, by every transport, exact in every picture.

use super::{daemon, url};
use std::fs;
use std::path::Path;
use std::process::Command;
use streamsocket_tests::board::on;
use streamsocket_tests::clip::{
    FRAMES, all_pixels, assert_runs_through, clip, find, samples, voice,
};
use streamsocket_tests::machine::Machine;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, output, peer};
use streamsocket_tests::session::file;
use streamsocket_tests::turn;

/// Bytes of a decoded 640x480 picture by GStreamer, which makes 4:2:0 of it.
const GSTREAMER_BYTES: usize = 640 * 480 * 3 / 2;

fn ffmpeg(transport: &str, url: &str, video: &Path, audio: &Path) -> Command {
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-rtsp_transport", transport, "-i", url]);
    ffmpeg.args(["-map", "0:v", "-frames:v", &FRAMES.to_string(), "-c", "copy", "-f", "mjpeg"]);
    ffmpeg.arg(video).args(["-map", "0:a", "-t", "2", "-c:a", "pcm_s16le", "-f", "wav"]).arg(audio);
    ffmpeg
}

fn gstreamer(transport: &str, url: &str, video: &Path, audio: &Path) -> Command {
    let mut gst = peer("gst-launch-1.0");
    gst.args(["-q", "rtspsrc", "name=s", &format!("location={url}")]);
    gst.args([&format!("protocols={transport}"), "latency=200"]);
    gst.args(["s.", "!", "queue", "!", "rtpjpegdepay", "!", "jpegdec", "!", "identity"]);
    gst.args([&format!("eos-after={}", FRAMES + 1), "!", "filesink"]);
    gst.arg(format!("location={}", video.display()));
    gst.args(["s.", "!", "queue", "!", "rtpL16depay", "!", "identity", "eos-after=701", "!"]);
    gst.args(["filesink", &format!("location={}", audio.display())]);
    gst
}

/// Asserts that what ffmpeg has written is the clip, and a part of the voice.
#[track_caller]
fn assert_clip(video: &Path, audio: &Path, who: &str) {
    let received = all_pixels(&fs::read(video).unwrap());
    assert!(received.len() >= FRAMES - 1, "{who}: {} pictures", received.len());
    assert_runs_through(&all_pixels(&fs::read(clip("640x480")).unwrap()), &received);
    assert_spoken(&samples(audio), who);
}

#[track_caller]
fn assert_spoken(part: &[i16], who: &str) {
    let spoken = samples(&voice());
    // Twice, because it is played round and round.
    let spoken = [&spoken[..], &spoken[..]].concat();
    assert!(part.len() >= 40_000, "{who}: {} samples", part.len());
    assert!(find(&spoken, &part[..40_000]).is_some(), "{who}: another sound");
}

#[test]
fn ffmpeg_and_gstreamer_are_exact_in_every_frame_by_udp_and_tcp() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let out = |name: &str| folder.path().join(name);
    let daemon = daemon(place, &[]);
    let mut players = Vec::new();
    for transport in ["udp", "tcp"] {
        let at = |what: &str| out(&format!("{transport}.{what}"));
        // With and without what some players add.
        let url = url(place) + if transport == "udp" { "?fps=30" } else { "" };
        players.push(Program::start(&mut ffmpeg(transport, &url, &at("mjpeg"), &at("wav"))));
        players.push(Program::start(&mut gstreamer(transport, &url, &at("yuv"), &at("pcm"))));
    }
    for player in players {
        player.succeed();
    }
    let mut decoder = peer("gst-launch-1.0");
    decoder.args(["-q", "filesrc"]).arg(format!("location={}", clip("640x480").display()));
    let decoded = output(decoder.args(["!", "jpegdec", "!", "fdsink"]));
    let source: Vec<_> = decoded.chunks(GSTREAMER_BYTES).collect();
    for transport in ["udp", "tcp"] {
        let at = |what: &str| out(&format!("{transport}.{what}"));
        assert_clip(&at("mjpeg"), &at("wav"), &format!("ffmpeg, {transport}"));
        let bytes = fs::read(at("yuv")).unwrap();
        let received: Vec<_> = bytes.chunks(GSTREAMER_BYTES).collect();
        assert!(received.len() >= FRAMES - 1, "GStreamer, {transport}: {}", received.len());
        assert_runs_through(&source, &received);
        let sound = fs::read(at("pcm")).unwrap();
        let sound: Vec<_> =
            sound.chunks_exact(2).map(|it| i16::from_be_bytes([it[0], it[1]])).collect();
        assert_spoken(&sound, &format!("GStreamer, {transport}"));
    }
    daemon.interrupt().succeeded();
}

#[test]
fn mpv_plays() {
    let _turn = turn();
    let place = Place::new();
    let daemon = daemon(place, &[]);
    let mut mpv = peer("mpv");
    mpv.args(["--no-config", "--vo=null", "--ao=null", "--length=2", "--no-terminal"]);
    Program::start(mpv.arg(url(place))).succeed();
    daemon.interrupt().succeeded();
}

/// In a namespace with a route for groups: by the group that is sent to anyway.
#[test]
fn players_are_told_the_group() {
    let _turn = turn();
    let Some(machine) = Machine::new("rtsp-group") else { return };
    machine.ip("link set lo multicast on");
    machine.ip("route add 224.0.0.0/4 dev lo");
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let mut command = ours("streamsocket");
    command.args(["--interface", "127.0.0.1", "--rtsp", "127.0.0.1:8554", "--no-announce"]);
    command.args(["--video", &file(&clip("640x480")), "--audio", &file(&voice()), "--loop"]);
    command.args(["--to", &place.to_string(), "--name", machine.name()]);
    let mut daemon = Program::start(&mut on(machine.name(), &command));
    daemon.wait_for("goes to");
    let url = "rtsp://127.0.0.1:8554/";
    let (video, audio) = (folder.path().join("it.mjpeg"), folder.path().join("it.wav"));
    let ffmpeg = ffmpeg("udp_multicast", url, &video, &audio);
    Program::start(&mut on(machine.name(), &ffmpeg)).succeed();
    assert_clip(&video, &audio, "ffmpeg, multicast");
    let (video, audio) = (folder.path().join("it.yuv"), folder.path().join("it.pcm"));
    let gst = gstreamer("udp-mcast", url, &video, &audio);
    let ended = Program::start(&mut on(machine.name(), &gst)).finish();
    // Now and then, at its end, GStreamer 1.22 finds the connection closed that it has closed itself.
    let well = ended.status.success() || ended.said.contains("Received end-of-file");
    assert!(well, "{}\n{}", ended.said, daemon.said());
    let pictures = fs::read(&video).unwrap().len() / GSTREAMER_BYTES;
    assert!(pictures >= FRAMES - 1, "GStreamer, multicast: {pictures}");
    let said = daemon.said();
    assert!(said.matches("watches over RTSP (multicast)").count() == 2, "{said}");
    daemon.interrupt().succeeded();
}

#[test]
fn a_tier_has_a_url_of_its_own_and_what_is_not_there_has_none() {
    let _turn = turn();
    let place = Place::new();
    let daemon = daemon(place, &["--tier", "low=1/2,15"]);
    let size = |path: &str| {
        let mut probe = peer("ffprobe");
        probe.args(["-v", "error", "-show_entries", "stream=width", "-of", "csv=p=0"]);
        let url = url(place) + &path.replace(' ', "%20");
        probe.args(["-select_streams", "v", &url]).stderr(std::process::Stdio::piped());
        let output = probe.stdout(std::process::Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (String::from_utf8_lossy(&output.stdout).trim().to_owned(), said)
    };
    let name = place.name();
    assert_eq!(size(&name).0, "640");
    assert_eq!(size(&format!("{name}/low/")).0, "320");
    for path in ["other", "other/low", &format!("{name}/high")] {
        let (none, said) = size(path);
        assert!(none.is_empty() && said.contains("404"), "{path}: {none} {said}");
    }
    daemon.interrupt().succeeded();
}
