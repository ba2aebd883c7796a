//! The service for a Raspberry Pi's camera module, with a program that stands in for `rpicam-vid`.

use std::fs;
use std::path::Path;
use streamsocket_tests::clip::clip;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, peer, receiver, stand_in};
use streamsocket_tests::turn;

/// What the unit's shell is told, for an instance whose files are in this folder.
fn script(folder: &Path, instance: &str) -> String {
    let unit =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../systemd/streamsocket-rpicam@.service");
    let unit = fs::read_to_string(unit).unwrap();
    let start =
        unit.lines().find_map(|line| line.strip_prefix("ExecStart=/bin/bash -c '")).unwrap();
    let daemon = ours("streamsocket");
    let daemon = daemon.get_program().to_str().unwrap();
    // As systemd reads it (systemd.service(5), command lines).
    let script = start.strip_suffix('\'').unwrap().replace("%i", instance).replace("$$", "$");
    let script = script.replace("/usr/local/bin/streamsocket", daemon);
    script.replace("/etc/streamsocket", folder.to_str().unwrap())
}

#[test]
fn pictures_of_a_camera_module_arrive_and_its_program_ends_with_the_daemon() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let instance = format!("csi-{}-{}", std::process::id(), place.port);
    let at = |name: &str| folder.path().join(name);
    let configuration = format!(
        "to = \"{place}\"\nname = \"{}\"\naudio = \"none\"\ninterface = \"lo\"\nfps = 30\nsdp = \"{}\"\n",
        place.name(),
        at("it.sdp").display(),
    );
    fs::write(at(&format!("{instance}.toml")), configuration).unwrap();
    let camera = format!(
        "echo $$ \"$@\" >{}\nexec ffmpeg -v quiet -re -stream_loop -1 -i {} -c copy -f mjpeg -",
        at("told").display(),
        clip("640x480").display(),
    );
    stand_in(&at("rpicam-vid"), &camera);
    let mut unit = peer("/bin/bash");
    unit.arg("-c").arg(script(folder.path(), &instance));
    unit.env("PATH", format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap()));
    unit.env("RPICAM_OPTIONS", "--width 640 --hflip");
    let mut daemon = Program::start(&mut unit);
    daemon.wait_for("goes to");
    let told = fs::read_to_string(at("told")).unwrap();
    let (camera, told) = told.split_once(' ').unwrap();
    assert!(told.contains("--codec mjpeg --width 640 --hflip --output -"), "{told}");
    let mut viewer = Program::start(receiver().arg(at("it.sdp")).args(["--for", "3"]));
    viewer.wait_for("receiving");
    let said = viewer.succeed();
    assert!(said.contains("received"), "{said}");
    // The process that the service manager knows is the daemon itself.
    let name = fs::read_to_string(format!("/proc/{}/comm", daemon.id())).unwrap();
    assert_eq!(name, "streamsocket\n");
    daemon.interrupt().succeeded();
    let camera = format!("/proc/{camera}/stat");
    streamsocket_tests::board::wait_until("the end of its program", || {
        let stat = fs::read_to_string(&camera).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ")
    });
}

#[test]
fn the_end_of_the_camera_is_the_end_of_the_daemon_which_is_started_again() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let instance = format!("csi-{}-{}", std::process::id(), place.port);
    let at = |name: &str| folder.path().join(name);
    let configuration = format!(
        "to = \"{place}\"\nname = \"{}\"\naudio = \"none\"\ninterface = \"lo\"\n",
        place.name()
    );
    fs::write(at(&format!("{instance}.toml")), configuration).unwrap();
    stand_in(&at("rpicam-vid"), "echo 'ERROR: *** no cameras available ***' >&2");
    let mut unit = peer("/bin/bash");
    unit.arg("-c").arg(script(folder.path(), &instance));
    unit.env("PATH", format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap()));
    let ended = Program::start(&mut unit).finish();
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.said.contains("no cameras available"), "{ended:?}");
    assert!(ended.said.contains("error: standard input"), "{ended:?}");
    let unit =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../systemd/streamsocket-rpicam@.service");
    assert!(fs::read_to_string(unit).unwrap().contains("\nRestart=always\n"));
}
