//! A camera's pictures: each of them exact, at the size and rate asked for, from the camera meant.

use crate::{Session, clips, gaps, number_before, v4l2};
use nix::sys::signal::Signal;
use std::process::Command;
use streamsocket_tests::board::Webcam;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, peer, text};
use streamsocket_tests::session::daemon_at;

const SIZES: [&str; 3] = ["640x480", "1280x720", "1920x1080"];

#[test]
fn every_frame_is_exact_at_three_sizes_with_sound() {
    let clips = clips(&SIZES);
    let mut options: Vec<&str> = clips.iter().map(String::as_str).collect();
    // As many as an emulated processor manages; what counts here is what is in them.
    options.extend(["--microphone", "stereo", "--rates", "15,5"]);
    let mut webcam = Webcam::plug("exact", &options);
    for size in SIZES {
        let mut daemon = daemon_at(Place::new());
        daemon.args(["--video", &v4l2(&webcam.camera()), "--size", size]);
        daemon.args(["--audio", &format!("alsa:{}", webcam.card())]);
        let session = Session::start(&mut daemon);
        session.go_on(4);
        let received = session.end();
        let places = received.assert_exact(size);
        let dropped = number_before(&received.said, " frames not sent: dropped by the driver");
        let missing = gaps(&places);
        println!("{size}: {} pictures, all exact; {dropped} dropped by the kernel", places.len());
        assert!(places.len() >= 5, "{}", received.said);
        // The camera may play a picture that nobody had asked for yet.
        assert!(missing <= dropped + 1, "{missing} missing, {dropped} dropped: {places:?}");
        let overruns = number_before(&received.said, " overruns");
        let holes = crate::sound::holes(&received.recording.samples(), 2);
        let losses = webcam.losses();
        println!(
            "{size}: {holes} holes in the sound, {overruns} overruns of the card; \
             {losses} losses of the bus until now"
        );
        assert!(holes <= overruns + losses, "{}", received.said);
    }
}

#[test]
fn auto_finds_the_camera_among_others() {
    text(peer("modprobe").args(["vivid", "n_devs=1"]));
    text(peer("modprobe").arg("snd-aloop"));
    let clips = clips(&["640x480"]);
    let webcam = Webcam::plug("auto", &[&clips[0], "--microphone", "mono"]);
    let listed = text(ours("streamsocket").arg("devices"));
    let mut daemon = daemon_at(Place::new());
    let mut daemon = Program::start(&mut daemon);
    let camera = daemon.wait_for("camera: ");
    assert!(camera.contains(&webcam.camera().display().to_string()), "{camera}\n{listed}");
    let microphone = daemon.wait_for("microphone: ");
    assert!(microphone.contains(&webcam.card()), "{microphone}\n{listed}");
    daemon.wait_for("goes to");
    daemon.interrupt().succeeded();
    drop(webcam);
    text(peer("modprobe").args(["-r", "vivid"]));
    text(peer("modprobe").args(["-r", "snd-aloop"]));
}

#[track_caller]
fn refused(command: &mut Command, parts: &[&str]) {
    let ended = Program::start(command).finish();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.said);
    for part in parts {
        assert!(ended.said.contains(part), "no '{part}' in {}", ended.said);
    }
}

#[test]
fn what_a_camera_lacks_is_said() {
    let clips = clips(&["640x480", "1280x720"]);
    let webcam = Webcam::plug("lacks", &[&clips[0], &clips[1], "--rates", "30,15"]);
    let camera = v4l2(&webcam.camera());
    let daemon = || {
        let mut daemon = daemon_at(Place::new());
        daemon.args(["--audio", "none", "--video", &camera]);
        daemon
    };
    refused(daemon().args(["--size", "1000x1000"]), &["1000x1000", "640x480", "1280x720"]);
    refused(daemon().args(["--control", "sharpness=1"]), &["sharpness", "brightness"]);
    let mut nearest = Program::start(daemon().args(["--fps", "24"]));
    let warning = nearest.wait_for("instead of 24");
    assert!(warning.contains("30") && warning.contains("15"), "{warning}");
    nearest.wait_for("goes to");
    nearest.interrupt().succeeded();
    drop(webcam);
}

/// The luma planes of what was recorded of a camera, whose pictures have this size.
fn lumas(daemon: &mut Command, size: (usize, usize)) -> Vec<Vec<u8>> {
    let session = Session::start(daemon);
    session.go_on(4);
    let received = session.end();
    assert!(received.recording.video.len() >= 5, "{}", received.said);
    let luma = |jpeg: &Vec<u8>| {
        let image = turbojpeg::decompress_to_yuv(jpeg).unwrap();
        assert_eq!((image.width, image.height), size);
        image.pixels[..size.0 * size.1].to_vec()
    };
    received.recording.video.iter().map(|(_, jpeg)| luma(jpeg)).collect()
}

/// How much a picture differs from the webcam's ramp that begins with this value, a pixel: its luma goes
/// from 16 to 235, that of a JPEG from 0 to 255.
fn from_ramp(luma: &[u8], first: usize) -> f64 {
    let shown = |at: usize| (((first + at) % 256) as f64 - 16.0) * 255.0 / 219.0;
    let off = |(at, value): (usize, &u8)| (shown(at).clamp(0.0, 255.0) - f64::from(*value)).abs();
    luma.iter().enumerate().map(off).sum::<f64>() / luma.len() as f64
}

#[test]
fn pictures_of_cameras_without_mjpeg_are_encoded() {
    let webcam = Webcam::plug("raw", &["--yuyv", "320x240", "--rates", "15"]);
    let mut daemon = daemon_at(Place::new());
    daemon.args(["--audio", "none", "--video", &v4l2(&webcam.camera()), "--quality", "95"]);
    let lumas = lumas(&mut daemon, (320, 240));
    let least = |luma: &Vec<u8>| {
        (0..256).map(|first| from_ramp(&luma[..320 * 16], first)).reduce(f64::min).unwrap()
    };
    let worst = lumas.iter().map(least).reduce(f64::max).unwrap();
    println!("{} pictures of a YUYV camera, {worst:.2} off its own at most", lumas.len());
    assert!(worst < 3.0, "{worst}");
    drop(webcam);

    // The kernel's own camera has all the others.
    text(peer("modprobe").args(["vivid", "n_devs=1", "node_types=0x1"]));
    let named = |node: &std::path::PathBuf| {
        let name = std::fs::read_to_string(node.join("name")).unwrap_or_default();
        name.starts_with("vivid")
    };
    let mut nodes = std::fs::read_dir("/sys/class/video4linux").unwrap();
    let node = nodes.find_map(|node| Some(node.ok()?.path()).filter(named)).unwrap();
    let device = format!("v4l2:/dev/{}", node.file_name().unwrap().to_str().unwrap());
    let mut daemon = daemon_at(Place::new());
    daemon.args(["--audio", "none", "--video", &device, "--size", "640x480"]);
    let lumas = self::lumas(&mut daemon, (640, 480));
    // Bars: some of them dark, some bright.
    let has = |luma: &Vec<u8>| luma.iter().any(|it| *it < 60) && luma.iter().any(|it| *it > 200);
    println!("{} pictures of vivid", lumas.len());
    assert!(lumas.iter().all(has));
    text(peer("modprobe").args(["-r", "vivid"]));
}

#[test]
fn controls_are_set() {
    let clips = clips(&["640x480"]);
    let webcam = Webcam::plug("controls", &[&clips[0]]);
    let mut daemon = daemon_at(Place::new());
    daemon.args(["--audio", "none", "--video", &v4l2(&webcam.camera())]);
    daemon.args(["--control", "brightness=40", "--control", "contrast=200"]);
    let mut daemon = Program::start(&mut daemon);
    daemon.wait_for("goes to");
    let mut v4l2_ctl = peer("v4l2-ctl");
    v4l2_ctl.arg("-d").arg(webcam.camera()).args(["-C", "brightness,contrast"]);
    assert_eq!(text(&mut v4l2_ctl), "brightness: 40\ncontrast: 200\n");
    daemon.interrupt().succeeded();
}

#[test]
fn two_cameras_two_daemons_one_port_and_two_viewers() {
    let clips = clips(&["640x480", "1280x720"]);
    let webcams = [0, 1].map(|i| Webcam::plug(["left", "right"][i], &[&clips[i], "--rates", "10"]));
    let here = Place::new();
    let places = [here, here.beside()];
    let sessions = [0, 1].map(|i| {
        let mut daemon = daemon_at(places[i]);
        daemon.args(["--audio", "none", "--video", &v4l2(&webcams[i].camera())]);
        Session::start(&mut daemon)
    });
    sessions[0].go_on(4);
    for (session, size) in sessions.into_iter().zip(["640x480", "1280x720"]) {
        session.end().assert_exact(size);
    }
}

#[test]
fn a_daemon_that_was_stopped_goes_on() {
    let clips = clips(&["640x480"]);
    let mut webcam = Webcam::plug("stopped", &[&clips[0], "--microphone", "stereo"]);
    let mut daemon = daemon_at(Place::new());
    daemon.args(crate::WITHOUT_REPAIR).args(["--video", &v4l2(&webcam.camera())]);
    let session = Session::start(&mut daemon);
    session.go_on(2);
    session.daemon.signal(Signal::SIGSTOP);
    session.go_on(1);
    session.daemon.signal(Signal::SIGCONT);
    session.go_on(2);
    let received = session.end();
    received.assert_exact("640x480");
    // Once for being stopped; more, where the processor is slow.
    let overruns = number_before(&received.said, " overruns");
    assert!((1..=3).contains(&overruns), "{}", received.said);
    let most = overruns + webcam.losses();
    crate::sound::assert_in_place(&received.recording.samples(), 2, most);
}
