//! What viewers notice when the daemon changes, pauses or ends.

use super::{port, url};
use std::fs;
use std::process::Stdio;
use streamsocket_tests::clip::voice;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, peer, receiver, serving_daemon, text};
use streamsocket_tests::session::file;
use streamsocket_tests::turn;

#[test]
fn viewers_stay_through_a_reload_and_are_told_of_a_pause() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let configuration = folder.path().join("it.toml");
    let write = |size: &str| {
        let text = format!("video = \"pattern\"\naudio = \"tone\"\nsize = \"{size}\"\n");
        fs::write(&configuration, text).unwrap();
    };
    write("320x240");
    let mut command = serving_daemon(port(place));
    command.args(["--to", &place.to_string(), "--name", &place.name(), "--no-announce"]);
    let mut daemon = Program::start(command.arg("--config").arg(&configuration));
    daemon.wait_for("goes to");
    let order = |order: &str| {
        text(ours("streamsocket").args([order, "--name", &place.name()]).stderr(Stdio::inherit()))
    };
    let mut viewer = Program::start(receiver().arg(url(place)));
    viewer.wait_for("receiving test");
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-rtsp_transport", "tcp", "-i", &url(place)]);
    let ffmpeg = Program::start(ffmpeg.args(["-c", "copy", "-f", "null", "-"]));
    daemon.wait_for("watches over RTSP (tcp)");
    // Everything is opened anew beside what runs.
    write("640x480");
    assert_eq!(order("reload"), "the changed configuration is applied\n");
    let status = || -> serde_json::Value {
        let mut status = ours("streamsocket");
        serde_json::from_str(&text(status.args(["status", "--json", "--name", &place.name()])))
            .unwrap()
    };
    let before = status()["rtsp"]["packets"].as_u64().unwrap();
    streamsocket_tests::board::wait_until("packets after the reload", || {
        status()["rtsp"]["packets"].as_u64().unwrap() > before + 3000
    });
    assert_eq!(status()["rtsp"]["viewers"], 2);
    assert!(!viewer.said().contains("trying again"), "{}", viewer.said());
    // A pause ends what is recorded, and a viewer that waits comes back.
    order("pause");
    ffmpeg.finish();
    order("resume");
    viewer.wait_for("trying again");
    viewer.wait_for("receiving by unicast (UDP)");
    viewer.interrupt().succeeded();
    daemon.interrupt().succeeded();
}

#[test]
fn a_receiver_begins_anew_with_other_sound() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let configuration = folder.path().join("it.toml");
    let write = |audio: &str| {
        let text = format!("video = \"pattern\"\naudio = \"{audio}\"\nloop = true\n");
        fs::write(&configuration, text).unwrap();
    };
    // Of one channel, and then of two.
    write(&file(&voice()));
    let mut command = serving_daemon(port(place));
    command.args(["--to", &place.to_string(), "--name", &place.name(), "--no-announce"]);
    let mut daemon = Program::start(command.arg("--config").arg(&configuration));
    daemon.wait_for("goes to");
    let begin = |options: &[&str]| {
        let mut viewer = Program::start(receiver().arg(url(place)).args(options));
        viewer.wait_for("receiving test");
        viewer
    };
    let recording = folder.path().join("it.mkv");
    let mut recorder = begin(&["--record", recording.to_str().unwrap()]);
    let mut viewer = begin(&[]);
    write("tone");
    text(ours("streamsocket").args(["reload", "--name", &place.name()]).stderr(Stdio::inherit()));
    viewer.wait_for("has other media than before; beginning anew");
    viewer.wait_for("receiving by unicast (UDP)");
    viewer.wait_for("receiving test");
    viewer.interrupt().succeeded();
    recorder.wait_for("has other media than before; beginning anew");
    let ended = recorder.finish();
    assert!(!ended.status.success() && ended.said.contains("start the program again"), "{ended:?}");
    assert!(fs::metadata(&recording).unwrap().len() > 10_000);
    daemon.interrupt().succeeded();
}

#[test]
fn an_end_ends_players_and_the_next_port_is_taken_where_one_is_taken() {
    let _turn = turn();
    let place = Place::new();
    let start = |options: &[&str]| {
        let mut command = ours("streamsocket");
        command.args(["--video", "pattern", "--size", "320x240", "--audio", "none"]);
        command.args(["--interface", "127.0.0.1", "--no-announce", "--to"]);
        command.arg(Place::new().to_string()).args(["--name", &Place::new().name()]);
        Program::start(command.args(options))
    };
    let mut first = start(&["--rtsp", "127.0.9.9:8554"]);
    first.wait_for("goes to");
    let mut second = start(&["--rtsp", "127.0.9.9:8554"]);
    second.wait_for("RTSP: port 8554 is taken: players find this daemon at port 8555");
    second.wait_for("goes to");
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-i", "rtsp://127.0.9.9:8555/"]);
    let (folder, out) = (tempfile::tempdir().unwrap(), "it.mjpeg");
    let out = folder.path().join(out);
    let ffmpeg = Program::start(ffmpeg.args(["-c", "copy", "-f", "mjpeg"]).arg(&out));
    streamsocket_tests::board::wait_until("some pictures", || {
        fs::metadata(&out).is_ok_and(|it| it.len() > 200_000)
    });
    second.interrupt().succeeded();
    ffmpeg.succeed();
    // A port beyond those is the user's own choice.
    let taken = format!("127.0.9.9:{}", port(place));
    let mut third = start(&["--rtsp", &taken]);
    third.wait_for("goes to");
    let fourth = start(&["--rtsp", &taken]).finish();
    assert_eq!(fourth.status.code(), Some(1), "{fourth:?}");
    assert!(fourth.said.contains(&format!("--rtsp {taken}: ")), "{fourth:?}");
    first.interrupt().succeeded();
    third.interrupt().succeeded();
}
