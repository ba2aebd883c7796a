//! File to daemon to receiver to recording: nothing lost, nothing changed.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use streamsocket_tests::clip::{FRAMES, all_pixels, clip, recorded_video, samples, voice};
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, output, peer};
use streamsocket_tests::recording::{Recording, all_coded};
use streamsocket_tests::session::{daemon_at, file, record};
use streamsocket_tests::turn;

/// The receiver is there first, so everything has to arrive: each picture and each sample.
#[track_caller]
fn everything_arrives(size: &str, options: &[&str]) {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let out = folder.path().join("out.mkv");
    let mut receiver = record(place, "L16/48000/1", &out);
    let mut daemon = daemon_at(place);
    daemon.args(["--video", &file(&clip(size)), "--audio", &file(&voice())]).args(options);
    let said = Program::start(&mut daemon).succeed();
    assert!(said.contains(&format!("{FRAMES} frames captured, {FRAMES} sent")), "{said}");
    receiver.wait_for("has stopped");
    let said = receiver.interrupt().succeeded();
    assert!(said.contains(&format!("{FRAMES} frames received")), "{said}");
    compare(&out, &clip(size));
}

#[track_caller]
fn compare(recording: &Path, source: &Path) {
    let source = fs::read(source).unwrap();
    assert_eq!(all_pixels(&recorded_video(recording)), all_pixels(&source));
    // And by another reader of recordings, which has to do where there is no ffmpeg.
    assert_eq!(Recording::read(recording).coded(), all_coded(&source));
    let (spoken, heard) = (samples(&voice()), samples(recording));
    assert_eq!(heard.len(), spoken.len());
    assert!(heard == spoken, "another sound");
}

#[test]
fn everything_arrives_at_640x480() {
    everything_arrives("640x480", &[]);
}

#[test]
fn everything_arrives_at_1280x720() {
    everything_arrives("1280x720", &[]);
}

#[test]
fn everything_arrives_at_1920x1080() {
    everything_arrives("1920x1080", &[]);
}

#[test]
fn everything_arrives_in_large_and_in_small_packets_and_unpaced() {
    everything_arrives("640x480", &["--packet-size", "1472", "--pace", "off"]);
    everything_arrives("640x480", &["--packet-size", "300", "--pace", "40M"]);
}

#[test]
fn standard_input_arrives_as_a_file_does() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let out = folder.path().join("out.mkv");
    let mut receiver = record(place, "L16/48000/1", &out);
    let mut daemon = daemon_at(place);
    daemon.args(["--video", "file:-", "--audio", "none"]);
    // As a camera program does it: in real time.
    let mut camera = peer("ffmpeg");
    camera.args(["-v", "error", "-re", "-framerate", "30", "-i"]).arg(clip("640x480"));
    camera.args(["-c", "copy", "-f", "mjpeg", "-"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut camera = camera.spawn().unwrap();
    let said = Program::start(daemon.stdin(camera.stdout.take().unwrap())).succeed();
    camera.wait().unwrap();
    assert!(said.contains(&format!("{FRAMES} frames captured, {FRAMES} sent")), "{said}");
    receiver.wait_for("has stopped");
    receiver.interrupt().succeeded();
    let source = all_pixels(&fs::read(clip("640x480")).unwrap());
    assert_eq!(all_pixels(&recorded_video(&out)), source);
}

#[test]
fn a_film_arrives_with_its_sound() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let (film, out) = (folder.path().join("film.mkv"), folder.path().join("out.mkv"));
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-v", "error", "-framerate", "30", "-i"]).arg(clip("640x480"));
    ffmpeg.arg("-i").arg(voice()).args(["-c", "copy", "-shortest"]).arg(&film);
    output(&mut ffmpeg);
    let mut receiver = record(place, "L16/48000/1", &out);
    Program::start(daemon_at(place).args(["--video", &file(&film)])).succeed();
    receiver.wait_for("has stopped");
    receiver.interrupt().succeeded();
    let source = all_pixels(&fs::read(clip("640x480")).unwrap());
    let got = all_pixels(&recorded_video(&out));
    assert_eq!(got, source);
    let (inside, heard) = (samples(&film), samples(&out));
    assert!(heard.starts_with(&inside), "{} samples of {}", heard.len(), inside.len());
}
