//! The first line of `streamsocket status` says what is wrong.

use nix::fcntl::OFlag;
use nix::unistd::pipe2;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use streamsocket_tests::board::{on, wait_until};
use streamsocket_tests::clip::{clip, split};
use streamsocket_tests::machine::Machine;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours};
use streamsocket_tests::report::track;
use streamsocket_tests::session::daemon_at;
use streamsocket_tests::turn;

/// Pictures of a slow camera, and the time between two of them.
const INTERVAL: Duration = Duration::from_millis(100);

/// The first line of what `status` says, once the daemon answers.
fn first_line(name: &str) -> String {
    let output =
        ours("streamsocket").args(["status", "--name", name]).stdout(Stdio::piped()).output();
    let said = String::from_utf8(output.unwrap().stdout).unwrap();
    said.lines().next().unwrap_or_default().to_owned()
}

#[track_caller]
fn wait_for_first_line(name: &str, what: &str) {
    let mut line = String::new();
    wait_until(what, || {
        line = first_line(name);
        line.contains(what)
    });
    println!("{line}");
}

#[test]
fn pictures_that_are_left_out_are_said_first() {
    let _turn = turn();
    let place = Place::new();
    let mut daemon = daemon_at(place);
    daemon.args(["--video", "pattern", "--audio", "none", "--max-bitrate", "1M"]);
    let daemon = Program::start(&mut daemon);
    wait_for_first_line(&place.name(), "% of the pictures are left out because of --max-bitrate");
    daemon.interrupt().succeeded();
}

#[test]
fn a_rate_that_is_another_is_said_first() {
    let _turn = turn();
    let (place, ended) = (Place::new(), AtomicBool::new(false));
    let mjpeg = fs::read(clip("640x480")).unwrap();
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC).unwrap();
    let mut writer = File::from(writer);
    let mut daemon = daemon_at(place);
    daemon.args(["--video", "file:-", "--fps", "25", "--audio", "none"]).stdin(Stdio::from(reader));
    let daemon = Program::start(&mut daemon);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for jpeg in split(&mjpeg).into_iter().cycle() {
                if ended.load(Ordering::Relaxed) || writer.write_all(jpeg).is_err() {
                    break;
                }
                std::thread::park_timeout(INTERVAL);
            }
        });
        wait_for_first_line(&place.name(), "pictures a second come instead of 25");
        ended.store(true, Ordering::Relaxed);
    });
    daemon.interrupt().succeeded();
}

#[test]
fn what_does_not_leave_is_counted_and_said_first() {
    let _turn = turn();
    let Some(machine) = Machine::new("status") else { return };
    machine.plug_in("10.77.0.1/24");
    let name = format!("status {}", std::process::id());
    let mut daemon = ours("streamsocket");
    daemon.args(["--video", "pattern", "--audio", "tone", "--size", "640x480", "--stats", "-"]);
    daemon.args(["--interface", "eth0", "--to", "239.255.7.9:29100", "--name", &name]);
    let mut daemon = Program::start(on(machine.name(), &daemon).stdout(Stdio::piped()));
    let mut lines = BufReader::new(daemon.stdout()).lines();
    let mut second =
        || -> serde_json::Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    second();
    machine.ip("link set eth0 down");
    wait_for_first_line(&name, "; sending to 239.255.7.9:29100 fails (");
    let failing = |second: &serde_json::Value| second["destinations"][0]["failing"].is_string();
    while !failing(&second()) {}
    let before = second();
    let [_, _, after] = [second(), second(), second()];
    let rise =
        |of: &dyn Fn(&serde_json::Value) -> Option<u64>| of(&after).unwrap() - of(&before).unwrap();
    let made = rise(&|it| {
        let of = |stream: &str, field: &str| track(it, stream)[field].as_u64();
        let video = of("video", "packets")? + of("video", "repair_packets")?;
        Some(video + of("audio", "packets")? + of("audio", "repair_packets")?)
    });
    let left = rise(&|it| it["destinations"][0]["packets"].as_u64());
    let dropped = rise(&|it| it["destinations"][0]["packets_dropped"].as_u64());
    println!("{made} packets made in 3 s without a link, {left} left, {dropped} not taken");
    assert_eq!(left, 0);
    // The packets of a picture count when it begins to leave.
    assert!(made > 1000 && made.abs_diff(dropped) < made / 20, "{after}");
    machine.ip("link set eth0 up");
    while failing(&second()) {}
    wait_until("the first line of before", || first_line(&name).ends_with("viewers"));
    daemon.interrupt().succeeded();
}
