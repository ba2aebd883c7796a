//! The commands of the README, run as they stand there.

use crate::network::Cables;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use streamsocket_tests::board::{monotonic, on, wait_until};
use streamsocket_tests::clip::clip;
use streamsocket_tests::long::is_left_out;
use streamsocket_tests::program::{PATIENCE, Program, ours, peer, stand_in, text};
use streamsocket_tests::screen::{BARS, Screen, share};
use streamsocket_tests::turn;

/// Room for a window of 1280x720 wherever it is put.
const SCREEN: (usize, usize) = (2560, 1440);

/// The part of the screen that each bar of the test picture has at least.
const SHOWN: f64 = 0.01;

/// Between two looks at the screen.
const LOOK: Duration = Duration::from_millis(500);

/// Lines that are not run here: they install packages, and packages and the service are tried on the virtual
/// board (`make packages-test`, `make service-test`), or they are how these tests were started, or others
/// (`make gateway-test`, `make room-test`).
const ELSEWHERE: [&str; 27] = [
    "make demo ",
    "make test ",
    "sudo apt install git curl make",
    "make deb",
    "scp target/deb/*_arm64.deb pi@raspberrypi.local:",
    "sudo apt update",
    "sudo apt install ./streamsocket_*_arm64.deb",
    "sudo cp /usr/share/doc/streamsocket/examples/pi4/streamsocket.toml /etc/streamsocket/",
    "sudo systemctl enable --now streamsocket",
    "sudo streamsocket status",
    "sudo streamsocket user add anna",
    "sudo streamsocket reload",
    "sudo apt install ./streamsocket-gateway_*_arm64.deb",
    "sudo apt install ./streamsocket-relay_*_arm64.deb",
    "sudo streamsocket-relay check",
    "sudo apt install ./target/deb/streamsocket-origin_*_amd64.deb",
    "sudoedit /etc/streamsocket-origin/origin.toml",
    "sudo streamsocket-origin token",
    "ffmpeg -re -i lesson.mp4",
    "gst-launch-1.0 v4l2src ! image/jpeg ! rtspclientsink",
    "streamsocket-receiver \"lesson, Anna\"",
    "ffplay rtsps://",
    "mpv rtsps://",
    "gst-launch-1.0 rtspsrc location=rtsps://",
    "location /webcam/ {",
    "    proxy_",
    "}",
];

/// The lines that are run here, by words that no other line has.
const HERE: [&str; 23] = [
    "streamsocket devices",
    "streamsocket      ",
    "streamsocket-receiver      ",
    "streamsocket-receiver --list",
    "streamsocket-receiver \"Front door\"",
    "streamsocket-receiver door.sdp",
    "streamsocket-receiver rtsp://",
    "ffplay rtsp://",
    "mpv --profile=low-latency rtsp://",
    "gst-launch-1.0 playbin",
    "ffplay -protocol_whitelist",
    "mpv --demuxer-lavf-o",
    "gst-launch-1.0 filesrc",
    " = ",
    "[[tier]]",
    "[[track]]",
    "streamsocket key new",
    "streamsocket --key-file",
    "streamsocket-receiver   #",
    "streamsocket --room lesson",
    "streamsocket-receiver --room lesson  ",
    "streamsocket-receiver --room lesson --publish",
    "streamsocket-origin \"Front door\"",
];

/// The lines of the README's code, those that end in a backslash put together.
fn commands() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(path).unwrap().replace("\\\n", " ");
    let code = readme.lines().filter_map(|line| line.strip_prefix("    "));
    code.map(|line| line.trim_end().to_owned()).collect()
}

/// The only command with these words in it.
#[track_caller]
fn command(words: &str) -> String {
    let with: Vec<_> = commands().into_iter().filter(|line| line.contains(words)).collect();
    assert_eq!(with.len(), 1, "{words}: {with:?}");
    with[0].clone()
}

/// A PC and a Pi on one network, where a shell takes what is typed.
struct Lan {
    _cables: Cables,
    screen: Screen,
    folder: tempfile::TempDir,
    programs: PathBuf,
}

impl Lan {
    /// Without root there are no namespaces, and the test says so.
    fn new(test: &str) -> Option<Self> {
        let cables = Cables::lay(test)?;
        let programs = PathBuf::from(ours("streamsocket").get_program());
        let programs = programs.parent().unwrap().to_path_buf();
        let (screen, folder) = (Screen::with(SCREEN), tempfile::tempdir().unwrap());
        fs::create_dir_all("/run/streamsocket").unwrap();
        // What mDNS would say.
        fs::write(folder.path().join("hosts"), "10.77.0.1 raspberrypi.local\n").unwrap();
        Some(Self { _cables: cables, screen, folder, programs })
    }

    /// Types a line into a shell on one of both machines.
    fn types(&self, machine: &str, line: &str) -> Command {
        let path = std::env::var("PATH").unwrap();
        let (folder, programs) = (self.folder.path().display(), self.programs.display());
        let mut shell = peer("env");
        shell.args(["-C", &folder.to_string()]);
        shell.args(["-u", "WAYLAND_DISPLAY", "-u", "RUST_LOG"]);
        shell.arg(format!("PATH={folder}:{programs}:{path}"));
        shell.arg(format!("HOME={folder}")).arg(format!("XDG_RUNTIME_DIR={folder}"));
        shell.arg(format!("DISPLAY={}", self.screen.display()));
        // A sound card that a sound server would have.
        shell.args(["SDL_AUDIODRIVER=dummy", "SDL_VIDEODRIVER=x11", "SDL_RENDER_DRIVER=software"]);
        // "ip netns exec" gives each command mounts of its own: daemons of other tests are not seen.
        let alone = format!(
            "mount --bind '{folder}' /run/streamsocket; mount --bind '{folder}/hosts' /etc/hosts; exec bash -c \"$1\""
        );
        shell.args(["bash", "-c", &alone, "bash", line]);
        on(machine, &shell)
    }

    /// Asserts that a player shows the test picture.
    #[track_caller]
    fn shows(&self, line: &str) {
        let mut player = Program::start(&mut self.types("viewer", line));
        let mut end = monotonic() + i64::try_from(PATIENCE.as_nanos()).unwrap();
        loop {
            let shown = self.screen.screenshot();
            if BARS.iter().all(|bar| share(&shown, *bar) > SHOWN) {
                break;
            }
            let mut said = || player.said().chars().take(2000).collect::<String>();
            assert!(monotonic() < end, "{line}: shows nothing; it says\n{}", said());
            std::thread::park_timeout(LOOK);
        }
        drop(player);
        end += i64::try_from(PATIENCE.as_nanos()).unwrap();
        // Nothing is left on the screen that the next one could be taken for.
        while BARS.iter().any(|bar| share(&self.screen.screenshot(), *bar) > SHOWN) {
            assert!(monotonic() < end, "{line}: its window stays");
            std::thread::park_timeout(LOOK);
        }
    }
}

impl Drop for Lan {
    /// What a shell has started ends with the machines, also where a test has failed.
    fn drop(&mut self) {
        for machine in ["sender", "viewer"] {
            let pids = Command::new("ip").args(["netns", "pids", machine]).output();
            for pid in String::from_utf8_lossy(&pids.unwrap().stdout).split_whitespace() {
                let _ = kill(Pid::from_raw(pid.parse().unwrap()), Signal::SIGKILL);
            }
        }
    }
}

#[test]
fn every_command_of_the_readme_is_run_somewhere() {
    for line in commands().iter().filter(|line| !line.trim().is_empty()) {
        let here = HERE.iter().filter(|words| line.contains(**words)).count();
        let elsewhere = ELSEWHERE.iter().filter(|begin| line.starts_with(**begin)).count();
        assert_eq!(here + elsewhere, 1, "{line}");
    }
}

#[test]
fn every_player_shows_the_session_by_the_line_of_the_readme() {
    let _turn = turn();
    let Some(lan) = Lan::new("readme") else { return };
    let devices = text(&mut lan.types("sender", &command("streamsocket devices")));
    println!("{devices}");
    let mut daemon = Program::start(&mut lan.types("sender", &command("streamsocket      ")));
    daemon.wait_for("goes to");
    // What the README has one run on the Pi first.
    text(&mut lan.types("sender", &inline("streamsocket sdp >")));
    let by_description =
        ["ffplay -", "mpv --demuxer", "gst-launch-1.0 filesrc", "streamsocket-receiver door.sdp"];
    let over_rtsp = [
        "ffplay rtsp://",
        "mpv --profile=low-latency",
        "gst-launch-1.0 playbin",
        "streamsocket-receiver rtsp://",
    ];
    for player in over_rtsp.into_iter().chain(by_description) {
        let line = command(player);
        lan.shows(&line);
        println!("shown by: {line}");
    }
    daemon.interrupt().succeeded();
}

#[test]
fn sessions_are_found_listed_and_recorded_by_the_lines_of_the_readme() {
    let _turn = turn();
    let Some(lan) = Lan::new("readme") else { return };
    let mut daemon = Program::start(&mut lan.types("sender", "streamsocket --name 'Front door'"));
    daemon.wait_for("goes to");
    let list = text(&mut lan.types("viewer", &command("streamsocket-receiver --list")));
    assert!(list.contains("Front door"), "{list}");
    lan.shows(&command("streamsocket-receiver      "));
    let line = command("streamsocket-receiver \"Front door\"");
    let mut receiver = Program::start(&mut lan.types("viewer", &line));
    receiver.wait_for("receiving");
    let file = lan.folder.path().join("evening.mkv");
    wait_until("a film grows", || fs::metadata(&file).is_ok_and(|film| film.len() > 1_000_000));
    receiver.interrupt().succeeded();
    daemon.interrupt().succeeded();
}

#[test]
fn a_room_is_shown_and_sent_to_by_the_lines_of_the_readme() {
    if is_left_out("readme::a_room_is_shown_and_sent_to_by_the_lines_of_the_readme") {
        return;
    }
    let _turn = turn();
    let Some(lan) = Lan::new("readme") else { return };
    let line = command("streamsocket --room lesson");
    let mut daemon = Program::start(&mut lan.types("sender", &line));
    daemon.wait_for("in the room 'lesson'");
    lan.shows(&command("streamsocket-receiver --room lesson  "));
    daemon.interrupt().succeeded();
    // Both machines have one name here, and what one of them sends is shown to it as well.
    lan.shows(&command("streamsocket-receiver --room lesson --publish"));
}

#[test]
fn a_key_is_made_used_and_handed_on_by_the_lines_of_the_readme() {
    let _turn = turn();
    let Some(lan) = Lan::new("readme") else { return };
    let said = text(&mut lan.types("sender", &command("streamsocket key new")));
    let paste = said.lines().find(|line| line.contains("umask")).unwrap();
    let mut daemon = Program::start(&mut lan.types("sender", &command("streamsocket --key-file")));
    daemon.wait_for("goes to");
    text(&mut lan.types("viewer", paste));
    let keys = fs::read_to_string(lan.folder.path().join(".config/streamsocket/key")).unwrap();
    assert_eq!(keys, fs::read_to_string(lan.folder.path().join("door.key")).unwrap());
    lan.shows(&command("streamsocket-receiver   #"));
    daemon.interrupt().succeeded();
}

#[test]
fn an_origin_serves_and_stores_by_the_line_of_the_readme() {
    let _turn = turn();
    let Some(lan) = Lan::new("readme") else { return };
    let mut daemon = Program::start(&mut lan.types("sender", "streamsocket --name 'Front door'"));
    daemon.wait_for("goes to");
    let line = command("streamsocket-origin \"Front door\"");
    let mut origin = Program::start(&mut lan.types("viewer", &line));
    origin.wait_for("is received");
    let stored = lan.folder.path().join("video/Front%20door/high");
    wait_until("segments are stored", || stored.is_dir());
    // Sound may come a bit later, and until then it says so.
    let live = "curl --fail --silent --show-error --retry 20 --retry-delay 1 http://127.0.0.1:8081/Front%20door/live.m3u8";
    assert!(text(&mut lan.types("viewer", live)).contains("high/live.m3u8"));
    origin.interrupt().succeeded();
    daemon.interrupt().succeeded();
}

/// What stands in the text, and not in lines of its own.
#[test]
fn a_camera_module_by_standard_input() {
    let _turn = turn();
    let Some(lan) = Lan::new("readme") else { return };
    // Raspberry Pi's program, as far as it is asked for here.
    let clip = clip("640x480").display().to_string();
    let path = lan.folder.path().join("rpicam-vid");
    stand_in(&path, &format!("while cat '{clip}'; do sleep 1; done"));
    let mut daemon = Program::start(&mut lan.types("sender", &inline("rpicam-vid -t")));
    daemon.wait_for("goes to");
    let mut receiver =
        Program::start(&mut lan.types("viewer", "streamsocket-receiver --headless --mute"));
    receiver.wait_for("receiving");
    receiver.interrupt().succeeded();
    // The pipe's writer ends with it.
    text(&mut lan.types("sender", "streamsocket stop"));
    daemon.succeed();
}

#[test]
fn the_configuration_of_the_readme_is_good() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.toml");
    let files = configurations();
    assert_eq!(files.len(), 2, "{files:?}");
    for file in files {
        fs::write(&path, file).unwrap();
        // This machine has neither those devices nor that network.
        let mut check = ours("streamsocket");
        check.args(["check", "--video", "pattern", "--audio", "tone", "--interface", "lo"]);
        check.arg("--config").arg(&path);
        let mut wrong = ours("streamsocket");
        wrong.args(["check", "--config"]).arg(&path).args(["--video", "pattern", "--fps", "0"]);
        text(&mut check);
        assert!(!wrong.status().unwrap().success());
    }
}

/// The configuration files of the README: its pieces of code that set something.
fn configurations() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(path).unwrap();
    let text = |line: &str| !line.is_empty() && !line.starts_with("    ");
    let lines: Vec<_> = readme.lines().collect();
    let pieces = lines.split(|line| text(line)).map(|piece| piece.join("\n"));
    pieces.filter(|piece| piece.contains(" = ")).map(|piece| piece + "\n").collect()
}

/// The only command in back quotes that begins like this.
#[track_caller]
fn inline(begin: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(path).unwrap().replace('\n', " ");
    let code = readme.split('`').skip(1).step_by(2);
    let mut with: Vec<_> = code.map(str::trim).filter(|code| code.starts_with(begin)).collect();
    with.dedup();
    assert_eq!(with.len(), 1, "{begin}: {with:?}");
    with[0].replace("\\|", "|")
}
