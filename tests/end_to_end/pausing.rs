//! A daemon that is paused and goes on, and one that is told to send otherwise than its options say.

use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Stdio;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::long::is_left_out;
use streamsocket_tests::odd_camera::OddCamera;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{PATIENCE, Program, ours, receiver, text};
use streamsocket_tests::report::track;
use streamsocket_tests::session::daemon_at;
use streamsocket_tests::turn;

fn told(place: Place, what: &[&str]) -> String {
    text(ours("streamsocket").args(what).args(["--name", &place.name()]))
}

fn status(place: Place) -> Value {
    serde_json::from_str(&told(place, &["status", "--json"])).unwrap()
}

/// What a daemon answers to a line.
fn asked(place: Place, request: &Value) -> Value {
    let own = std::env::var("XDG_RUNTIME_DIR").map(|folder| format!("{folder}/streamsocket"));
    let temporary = format!("/tmp/streamsocket-{}", nix::unistd::geteuid());
    let folders = ["/run/streamsocket".to_owned(), own.unwrap_or_default(), temporary];
    let sockets = folders.map(|folder| PathBuf::from(format!("{folder}/{}.sock", place.name())));
    let socket = sockets.iter().find(|path| path.exists()).unwrap();
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    writeln!(stream, "{request}").unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

#[test]
fn viewers_see_the_end_of_a_session_that_is_paused_and_then_its_pictures_again() {
    let _turn = turn();
    let place = Place::new();
    let mut daemon = daemon_at(place);
    daemon.args(["--video", "pattern", "--audio", "tone", "--size", "320x240"]);
    let mut daemon = Program::start(&mut daemon);
    daemon.wait_for("goes to");
    let mut command = receiver();
    command.arg(format!("rtp://{place}")).args(["--stats", "-"]).stdout(Stdio::piped());
    let mut viewer = Program::start(&mut command);
    let mut lines = BufReader::new(viewer.stdout()).lines();
    let mut shown = |above: u64| {
        let mut shown = || -> u64 {
            let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
            track(&line, "video")["frames_shown"].as_u64().unwrap()
        };
        // A line a second.
        let looks = std::iter::repeat_with(&mut shown).take(60);
        looks.into_iter().find(|shown| *shown > above).expect("pictures within a minute")
    };
    let before = shown(20);
    assert_eq!(told(place, &["pause"]), "paused; 'streamsocket resume' goes on\n");
    assert_eq!(told(place, &["pause"]), "it is paused already\n");
    let paused = status(place);
    assert_eq!((&paused["paused"], &paused["tracks"]), (&json!(true), &json!([])));
    assert!(told(place, &["status"]).contains("; paused"));
    let refused = ours("streamsocket").args(["sdp", "--name", &place.name()]).output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("it is paused"));
    assert_eq!(told(place, &["resume"]), "it goes on\n");
    assert_eq!(told(place, &["resume"]), "it is not paused\n");
    assert_eq!(status(place)["destinations"][0]["address"], place.to_string(), "the same group");
    shown(before + 100);
    viewer.interrupt().succeeded();
    daemon.interrupt().succeeded();
}

#[test]
fn a_signal_while_it_is_paused_is_answered_in_the_log() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let [config, sdp] = ["it.toml", "it.sdp"].map(|name| folder.path().join(name));
    fs::write(&config, "video = \"pattern\"\nsize = \"320x240\"\naudio = \"none\"\n").unwrap();
    let mut daemon = daemon_at(place);
    let mut daemon = Program::start(daemon.arg("--config").arg(&config).arg("--sdp").arg(&sdp));
    daemon.wait_for("goes to");
    told(place, &["pause"]);
    daemon.signal(nix::sys::signal::Signal::SIGHUP);
    daemon.wait_for("the configuration is not read: it is paused");
    fs::write(&config, "video = \"pattern\"\nsize = \"huge\"\naudio = \"none\"\n").unwrap();
    fs::remove_file(&sdp).unwrap();
    let refused = ours("streamsocket").args(["resume", "--name", &place.name()]).output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("it stays paused"));
    fs::write(&config, "video = \"pattern\"\nsize = \"640x480\"\naudio = \"none\"\n").unwrap();
    told(place, &["resume"]);
    let described = || fs::read_to_string(&sdp).is_ok_and(|text| text.contains("640-480"));
    wait_until("its description", described);
    daemon.interrupt().succeeded();
}

#[test]
fn a_camera_is_let_go_of_while_it_is_paused() {
    if is_left_out("pausing::a_camera_is_let_go_of_while_it_is_paused") {
        return;
    }
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let camera = OddCamera::new(folder.path());
    let mut daemon = daemon_at(place);
    let mut daemon = Program::start(camera.plug(daemon.args(["--audio", "none"]), &[]));
    daemon.wait_for("goes to");
    let descriptors = || fs::read_dir(format!("/proc/{}/fd", daemon.id())).unwrap().count();
    let open = descriptors();
    told(place, &["pause"]);
    // The camera's, and the sockets that its pictures left by.
    wait_until("fewer descriptors", || descriptors() + 2 < open);
    told(place, &["resume"]);
    let sent = || track(&status(place), "video")["frames_sent"].as_u64().unwrap();
    wait_until("pictures again", || sent() > 10);
    wait_until("no descriptor left behind", || descriptors() == open);
    daemon.interrupt().succeeded();
}

#[test]
fn what_is_sent_is_changed_until_the_configuration_has_the_word_again() {
    let _turn = turn();
    let place = Place::new();
    let mut daemon = daemon_at(place);
    daemon.args(["--video", "pattern", "--audio", "none", "--size", "320x240", "--fps", "10"]);
    let mut daemon = Program::start(&mut daemon);
    daemon.wait_for("goes to");
    let set = |changes: Value| asked(place, &json!({ "command": "reload", "set": changes }));
    let video = || track(&status(place), "video").clone();
    let all = json!({ "size": "640x480", "fps": "20", "quality": "30" });
    assert_eq!(set(all), json!({ "reloaded": true }));
    assert_eq!((&video()["width"], &video()["rate"]), (&json!(640), &json!(20.0)));
    // What is wrong changes nothing.
    let refused = set(json!({ "size": "huge" }));
    assert!(refused["error"].as_str().unwrap().starts_with("--size huge: expected"), "{refused}");
    assert!(set(json!({ "to": "x" }))["error"].as_str().unwrap().starts_with("not a request"));
    assert_eq!(video()["width"], 640);
    // It is kept over a pause.
    told(place, &["pause"]);
    let refused = set(json!({ "size": "huge" }));
    assert!(refused["error"].as_str().unwrap().starts_with("--size huge: expected"), "{refused}");
    assert_eq!(set(json!({ "quality": "40" })), json!({ "reloaded": true }), "for later");
    told(place, &["resume"]);
    assert_eq!(video()["width"], 640);
    // As the options say, and nothing else.
    assert_eq!(set(json!({ "size": null, "fps": null })), json!({ "reloaded": true }));
    assert_eq!((&video()["width"], &video()["rate"]), (&json!(320), &json!(10.0)));
    daemon.interrupt().succeeded();
}
