//! Cameras that speak RTSP: another daemon, and GStreamer's server.

use super::{daemon, url};
use std::fs;
use std::process::Command;
use streamsocket_tests::clip::{all_pixels, assert_runs_through, clip, recorded_video, samples};
use streamsocket_tests::long::is_left_out;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, daemon as sender, output, peer, receiver};
use streamsocket_tests::rtsp_camera::rtsp_camera;
use streamsocket_tests::turn;

/// What comes of a camera: its pictures, in a recording.
fn record(camera: &str, path: &std::path::Path) -> String {
    let place = Place::new();
    let sdp = path.with_extension("sdp");
    let mut command = sender();
    // Without ffmpeg on the way: it is not found.
    command.args(["--video", camera, "--to", &place.to_string(), "--name", &place.name()]);
    command.args(["--no-announce", "--sdp"]).arg(&sdp).env("PATH", "");
    let mut daemon = Program::start(&mut command);
    daemon.wait_for("goes to");
    let mut command = receiver();
    command.arg(&sdp).arg("--record").arg(path).args(["--for", "4"]);
    Program::start(&mut command).succeed();
    daemon.interrupt().succeeded()
}

#[test]
fn jpegs_and_samples_are_passed_on_as_they_are() {
    if is_left_out("rtsp::cameras::jpegs_and_samples_are_passed_on_as_they_are") {
        return;
    }
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let camera = daemon(place, &[]);
    let out = folder.path().join("it.mkv");
    let said = record(&url(place), &out);
    let received = all_pixels(&recorded_video(&out));
    assert!(received.len() > 60, "{}: {said}", received.len());
    assert_runs_through(&all_pixels(&fs::read(clip("640x480")).unwrap()), &received);
    assert!(samples(&out).len() > 100_000, "{said}");
    camera.interrupt().succeeded();
}

/// GStreamer's server with JPEG and one kind of sound.
fn gstreamer(port: u16, sound: &str) -> Command {
    let pictures = "videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=20/1 ! jpegenc ! rtpjpegpay name=pay0";
    rtsp_camera(port, &format!("{pictures} audiotestsrc is-live=true ! {sound} name=pay1"))
}

#[test]
fn gstreamer_s_server_is_a_camera_with_any_sound_that_telephones_have() {
    if is_left_out(
        "rtsp::cameras::gstreamer_s_server_is_a_camera_with_any_sound_that_telephones_have",
    ) {
        return;
    }
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    for (sound, heard) in [
        ("mulawenc ! rtppcmupay", "8000 Hz mono"),
        ("alawenc ! rtppcmapay", "8000 Hz mono"),
        ("audio/x-raw,rate=16000,channels=1 ! audioconvert ! rtpL16pay", "16000 Hz mono"),
    ] {
        let place = Place::new();
        let mut server = Program::start(&mut gstreamer(place.port, sound));
        server.wait_for("ready");
        let out = folder.path().join("it.mkv");
        let said = record(&format!("rtsp://127.0.0.1:{}/cam", place.port), &out);
        assert!(said.contains(heard), "{sound}: {said}");
        let mut probe = peer("ffprobe");
        probe.args(["-v", "error", "-count_frames", "-select_streams", "v", "-show_entries"]);
        probe.args(["stream=width,nb_read_frames", "-of", "csv=p=0"]).arg(&out);
        let counted = String::from_utf8(output(&mut probe)).unwrap();
        let (width, frames) = counted.trim().split_once(',').unwrap();
        assert!(width == "320" && frames.parse::<u32>().unwrap() >= 50, "{sound}: {counted}");
        // A tone is heard: it is as loud as it was made.
        let heard = samples(&out);
        let loudest = heard.iter().map(|it| it.unsigned_abs()).max().unwrap();
        assert!((20_000..32_768).contains(&loudest), "{sound}: {loudest}");
        fs::remove_file(&out).unwrap();
    }
}
