//! The receiver's window as a person sees it and types in it, on an X server without hardware.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use streamsocket_tests::board::wait_until;
use streamsocket_tests::clip::clip;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours};
use streamsocket_tests::report::track;
use streamsocket_tests::screen::{BARS, Screen, share};
use streamsocket_tests::session::{daemon_at, file};
use streamsocket_tests::turn;

fn window(server: &Screen, place: Place) -> Command {
    let mut command = ours("streamsocket-receiver");
    command.args(["--interface", "127.0.0.1", "--mute", &format!("rtp://{place}")]);
    command.env("DISPLAY", server.display()).env_remove("WAYLAND_DISPLAY");
    command.env("SDL_VIDEODRIVER", "x11").env("SDL_RENDER_DRIVER", "software");
    command
}

#[test]
fn the_picture_is_on_the_screen_and_keys_do_what_help_says() {
    let _turn = turn();
    let (server, place, folder) = (Screen::start(), Place::new(), tempfile::tempdir().unwrap());
    let mut daemon = daemon_at(place);
    daemon.args(["--video", "pattern", "--audio", "tone", "--size", "640x360"]);
    let mut daemon = Program::start(&mut daemon);
    daemon.wait_for("goes to");
    let mut command = window(&server, place);
    command.arg("--fullscreen").current_dir(folder.path());
    let mut receiver = Program::start(&mut command);
    receiver.wait_for("receiving");
    // A snapshot is written only once a picture has been shown.
    while !folder.path().join("snapshot-001.jpg").exists() {
        server.press("s");
        receiver.wait_for("");
    }
    let shown = server.screenshot();
    for colour in BARS {
        let share = share(&shown, colour);
        assert!((0.01..0.15).contains(&share), "{colour:?} on {share:.3} of the screen");
    }
    server.press("r");
    receiver.wait_for("recording to recording-001.mkv");
    server.press("r");
    receiver.wait_for("recorded");
    server.press("q");
    let said = receiver.succeed();
    assert!(said.contains("shown"), "{said}");
    daemon.interrupt().succeeded();
}

#[test]
fn a_window_is_in_the_middle_of_a_small_screen_and_all_of_it_is_seen() {
    let _turn = turn();
    let (server, place) = (Screen::with((800, 480)), Place::new());
    // Before there is a picture.
    let mut waiting = Program::start(&mut window(&server, place));
    waiting.wait_for("waiting for");
    wait_until("a window on the screen", || server.geometry() == Some([0, 15, 800, 450]));
    waiting.interrupt().succeeded();
    for (size, expected) in [("640x360", [80, 60, 640, 360]), ("1280x720", [0, 15, 800, 450])] {
        let mut daemon = daemon_at(place);
        daemon.args(["--video", "pattern", "--audio", "none", "--size", size]);
        let mut daemon = Program::start(&mut daemon);
        daemon.wait_for("goes to");
        let mut receiver = Program::start(&mut window(&server, place));
        receiver.wait_for("receiving");
        wait_until(size, || server.geometry() == Some(expected));
        receiver.interrupt().succeeded();
        daemon.interrupt().succeeded();
    }
}

#[test]
fn a_screen_that_takes_longer_than_a_picture_lasts_still_listens() {
    let _turn = turn();
    let (server, place) = (Screen::start(), Place::new());
    let mut daemon = daemon_at(place);
    daemon.args(["--video", &file(&clip("640x480")), "--audio", "none", "--loop", "--fps", "120"]);
    let mut daemon = Program::start(&mut daemon);
    daemon.wait_for("goes to");
    // Mesa's slowest way to draw.
    let mut command = window(&server, place);
    command.env("SDL_RENDER_DRIVER", "opengl").env("GALLIUM_DRIVER", "softpipe");
    command.args(["--fullscreen", "--stats", "-"]).stdout(Stdio::piped());
    let mut receiver = Program::start(&mut command);
    let lines = BufReader::new(receiver.stdout()).lines().map_while(Result::ok);
    let mut seconds = lines.map(|line| serde_json::from_str(&line).unwrap());
    let late = seconds
        .find(|now: &serde_json::Value| track(now, "video")["frames_late"].as_u64() > Some(60));
    let late = late.expect("statistics go on, and pictures are late");
    assert!(track(&late, "video")["frames_shown"].as_u64() > Some(0), "{late}");
    server.press("q");
    receiver.succeed();
    daemon.interrupt().succeeded();
}
