//! Names and passwords.

use super::{daemon, port, url};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use streamsocket_tests::long::is_left_out;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, has_played, ours, peer, text};
use streamsocket_tests::turn;

/// Adds a user to a file.
fn add(users: &Path, name: &str, password: &str) {
    let mut command = ours("streamsocket");
    command.args(["user", "add", name, "--users"]).arg(users).stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{password}\n").as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// Whether a player gets anything, and what it says.
fn plays(player: &mut Command) -> (bool, String) {
    let output = player.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (has_played(output.status, &said), said)
}

fn ffmpeg(url: &str) -> Command {
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-rtsp_transport", "tcp", "-i", url]);
    ffmpeg.args(["-frames:v", "2", "-f", "null", "-"]);
    ffmpeg
}

fn gstreamer(url: &str) -> Command {
    let mut gst = peer("gst-launch-1.0");
    gst.args(["-q", "rtspsrc", "protocols=tcp", &format!("location={url}"), "!"]);
    gst.args(["application/x-rtp,media=video", "!", "fakesink", "num-buffers=40"]);
    gst
}

fn receiver(url: &str) -> Command {
    let mut receiver = ours("streamsocket-receiver");
    receiver.args(["--headless", "--mute", "--for", "2", url]);
    receiver
}

#[test]
fn whoever_has_the_password_watches_and_nobody_else() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let users = folder.path().join("users");
    add(&users, "anna", "correct horse");
    let daemon = daemon(place, &["--users", users.to_str().unwrap()]);
    let with =
        |name: &str, password: &str| format!("rtsp://{name}:{password}@127.0.0.1:{}/", port(place));
    for (player, of) in [
        ("ffmpeg", ffmpeg as fn(&str) -> Command),
        ("GStreamer", gstreamer),
        ("streamsocket-receiver", receiver),
    ] {
        let (right, said) = plays(&mut of(&with("anna", "correct%20horse")));
        assert!(right, "{player}: {said}");
        for wrong in [with("anna", "wrong"), with("berta", "correct%20horse"), url(place)] {
            let (plays, said) = plays(&mut of(&wrong));
            assert!(!plays, "{player} plays {wrong}: {said}");
        }
    }
    // A list of users has no passwords, and names who watches.
    let list = text(ours("streamsocket").args(["user", "list", "--users"]).arg(&users));
    assert_eq!(list, "anna\n");
    daemon.interrupt().succeeded();
}

#[test]
fn md5_is_kept_out_where_only_sha256_is_wanted() {
    if is_left_out("rtsp::users::md5_is_kept_out_where_only_sha256_is_wanted") {
        return;
    }
    if is_left_out("users::md5_is_kept_out_where_only_sha256_is_wanted") {
        return;
    }
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let users = folder.path().join("users");
    add(&users, "anna", "correct horse");
    let daemon = daemon(place, &["--users", users.to_str().unwrap(), "--auth-sha256-only"]);
    let url = format!("rtsp://anna:correct%20horse@127.0.0.1:{}/", port(place));
    // ffmpeg 5 and GStreamer 1.22 know MD5 only; newer ones may know better.
    let (ours, said) = plays(&mut receiver(&url));
    assert!(ours, "{said}");
    let (ffmpeg, said) = plays(&mut ffmpeg(&url));
    assert!(!ffmpeg, "{said}");
    daemon.interrupt().succeeded();
}

#[test]
fn whoever_watches_without_a_password_is_let_go_when_one_is_needed() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let users = folder.path().join("users");
    std::fs::write(&users, "").unwrap();
    std::fs::set_permissions(&users, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let mut daemon = daemon(place, &["--users", users.to_str().unwrap()]);
    let mut player = peer("ffmpeg");
    player.args(["-v", "error", "-nostdin", "-rtsp_transport", "tcp", "-i", &url(place)]);
    let player = Program::start(player.args(["-c", "copy", "-f", "null", "-"]));
    daemon.wait_for("watches over RTSP");
    add(&users, "anna", "correct horse");
    text(ours("streamsocket").args(["reload", "--name", &place.name()]));
    daemon.wait_for("stopped watching over RTSP");
    player.finish();
    daemon.interrupt().succeeded();
}

#[test]
fn a_changed_file_is_taken_by_a_reload_and_a_wrong_one_is_not() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let users = folder.path().join("users");
    add(&users, "anna", "correct horse");
    let daemon = daemon(place, &["--users", users.to_str().unwrap()]);
    let reload = || {
        let output = ours("streamsocket")
            .args(["reload", "--name", &place.name()])
            .stderr(Stdio::piped())
            .stdout(Stdio::piped())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (has_played(output.status, &said), said)
    };
    let berta = format!("rtsp://berta:battery%20staple@127.0.0.1:{}/", port(place));
    assert!(!plays(&mut ffmpeg(&berta)).0);
    add(&users, "berta", "battery staple");
    let (reloaded, said) = reload();
    assert!(reloaded, "{said}");
    let (berta_plays, said) = plays(&mut ffmpeg(&berta));
    assert!(berta_plays, "{said}");
    let good = std::fs::read_to_string(&users).unwrap();
    std::fs::write(&users, format!("{good}carla:x:y\n")).unwrap();
    let (reloaded, said) = reload();
    assert!(!reloaded && said.contains("users, line 3: expected NAME:SHA256:MD5"), "{said}");
    assert!(plays(&mut ffmpeg(&berta)).0, "it goes on as before");
    daemon.interrupt().succeeded();
}
