//! The plug is pulled and put in again: how long it takes until pictures and sound are back, and
//! what it leaves behind.

use crate::{Session, clips, v4l2};
use std::net::UdpSocket;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;
use streamsocket_tests::board::{Webcam, as_user, resources, wait_until};
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, peer, text};
use streamsocket_tests::report::track;
use streamsocket_tests::session::daemon_at;
use streamsocket_tests::wire::join;

const REPLUGS: usize = 20;

/// RssAnon of the daemon at most, in kB, however often a plug was pulled: 8 MB are tables of the arithmetic
/// of repair, and the rest goes up and down by 2 to 4 MB as the allocator keeps memory or gives it back; a
/// leak of 250 kB a replug would be more.
const RESIDENT_MAX_KB: usize = 6144 + 8192;

/// Reads without a packet, a millisecond each, after which none is on its way any more.
const SILENT_READS: usize = 50;

/// Replugs before anything is measured: buffers and the allocator's arenas have their size then.
const WARM_UP: usize = 5;

/// From the node's return to the first packet: half of the replugs, and all of them. The node is
/// back when it may be opened, which udev sees to a while after the kernel has made it.
/// It is meant to be half as much, and the table says what it was; an emulated processor has days.
const MEDIAN_MAX_MS: i64 = 1000;
const MAX_MS: i64 = 2000;

static UDEV: OnceLock<()> = OnceLock::new();

/// Starts udevd, once: from then on nodes have their groups, a little later than they appear.
fn start_udev() {
    UDEV.get_or_init(|| {
        // It stays, and would keep a pipe open.
        assert!(peer("/lib/systemd/systemd-udevd").arg("--daemon").status().unwrap().success());
        text(peer("udevadm").arg("trigger"));
        text(peer("udevadm").args(["settle", "--timeout=60"]));
    });
}

fn udev_runs() -> bool {
    UDEV.get().is_some()
}

fn is_sound(node: &Path) -> bool {
    node.starts_with("/dev/snd")
}

/// Pulls the plug and puts it in again; the milliseconds from the node's return to the first packet
/// after it.
fn replug(webcam: &Webcam, daemon: &mut Program, packets: &UdpSocket, sound: bool) -> i64 {
    let wanted = |node: &PathBuf| is_sound(node) == sound;
    let node = webcam.nodes().into_iter().find(wanted).unwrap();
    webcam.say("unplug");
    wait_until("the node to go", || !node.exists());
    daemon.wait_for("waiting for it to return");
    let mut packet = [0; 2048];
    // What was on its way, paced.
    let mut silent = 0;
    while silent < SILENT_READS {
        silent = if packets.recv(&mut packet).is_ok() { 0 } else { silent + 1 };
    }
    webcam.say("plug");
    // It may have another number.
    let is_ours = |node: &PathBuf| node.metadata().is_ok_and(|it| !udev_runs() || it.gid() != 0);
    let back = wait_until("the node to return", || {
        webcam.nodes().iter().any(|node| wanted(node) && is_ours(node))
    });
    let first = wait_until("the first packet", || packets.recv(&mut packet).is_ok());
    daemon.wait_for(if sound { "microphone: " } else { "camera: " });
    (first - back) / 1_000_000
}

/// The table of a device: replugs it, prints and asserts what it took.
fn replugs(what: &str, webcam: &Webcam, session: &mut Session, packets: &UdpSocket, sound: bool) {
    let daemon = &mut session.daemon;
    for _ in 0..WARM_UP {
        replug(webcam, daemon, packets, sound);
    }
    let (descriptors, resident) = resources(daemon.id());
    let mut times: Vec<i64> =
        (0..REPLUGS).map(|_| replug(webcam, daemon, packets, sound)).collect();
    // A frame that is still on its way holds what it came from.
    wait_until("descriptors to be as before", || resources(daemon.id()).0 <= descriptors);
    let after = resources(daemon.id());
    times.sort_unstable();
    let (min, median, max) = (times[0], times[REPLUGS / 2], times[REPLUGS - 1]);
    println!(
        "{what}: {REPLUGS} replugs, from the node's return to the first packet: min {min} ms, \
         median {median} ms, max {max} ms; descriptors {descriptors} before, {} after; \
         RssAnon {resident} kB before, {} kB after",
        after.0, after.1
    );
    assert!(median <= MEDIAN_MAX_MS && max <= MAX_MS, "{times:?}");
    assert!(after.1 <= RESIDENT_MAX_KB, "memory leaks: {resident} kB, then {} kB", after.1);
}

fn listen(place: Place, above: u16) -> UdpSocket {
    let socket = join(place.at(above));
    socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    socket
}

/// Camera and card are devices of their own here: while one is away the other goes on.
#[track_caller]
fn come_and_go(who: &str, user: fn(&Command) -> Command) {
    let clips = clips(&["640x480"]);
    let camera = Webcam::plug("cam", &[&clips[0], "--rates", "5"]);
    let card = Webcam::plug("mic", &["--no-camera", "--microphone", "stereo"]);
    let place = Place::new();
    let mut daemon = daemon_at(place);
    daemon.args(["--video", &v4l2(&camera.camera()), "--audio", &format!("alsa:{}", card.card())]);
    let mut session = Session::start(&mut user(&daemon));
    let ssrc = |above| {
        let (socket, mut packet) = (listen(place, above), [0; 2048]);
        wait_until("a packet", || socket.recv(&mut packet).is_ok());
        packet[8..12].to_vec()
    };
    let before = [ssrc(0), ssrc(2)];
    let overruns_before = overruns(&session.name, user);
    replugs(&format!("camera, {who}"), &camera, &mut session, &listen(place, 0), false);
    session.receiver.wait_for("was unplugged");
    let overruns_after = overruns(&session.name, user);
    replugs(&format!("card, {who}"), &card, &mut session, &listen(place, 2), true);
    assert_eq!([ssrc(0), ssrc(2)], before, "the session did not live on");
    let received = session.end();
    received.assert_exact("640x480");
    assert!(
        received.said.contains(&format!("lost {} times", REPLUGS + WARM_UP)),
        "{}",
        received.said
    );
    assert_eq!(overruns_after, overruns_before, "sound was lost while the camera was away");
}

/// Overruns of the microphone so far.
fn overruns(name: &str, user: fn(&Command) -> Command) -> u64 {
    let mut status = streamsocket_tests::program::ours("streamsocket");
    status.args(["status", "--json", "--name", name]);
    let status: serde_json::Value = serde_json::from_str(&text(&mut user(&status))).unwrap();
    track(&status, "audio")["overruns"].as_u64().unwrap()
}

#[test]
fn without_udev() {
    come_and_go("without udev", |command| {
        let mut same = Command::new(command.get_program());
        same.args(command.get_args()).stdin(std::process::Stdio::null());
        same
    });
}

// The last one by its name: udevd stays.
#[test]
fn z_with_udev_as_an_ordinary_user() {
    start_udev();
    come_and_go("with udev, as a user", as_user);
}

#[test]
fn by_port_and_by_auto_whatever_its_number_is() {
    let clips = clips(&["640x480"]);
    let webcam = Webcam::plug("port", &[&clips[0]]);
    let listed = text(streamsocket_tests::program::ours("streamsocket").arg("devices"));
    let port = listed.split_whitespace().find_map(|word| word.strip_prefix("v4l2:usb-"));
    let port = format!("v4l2:usb-{}", port.expect("no port is listed"));
    for name in ["auto", &port] {
        let mut daemon = daemon_at(Place::new());
        daemon.args(["--audio", "none", "--video", name]);
        let mut session = Session::start(&mut daemon);
        // Something holds the old number while the camera returns.
        let held = std::fs::File::open(webcam.camera()).unwrap();
        let before = webcam.camera();
        webcam.say("unplug");
        session.daemon.wait_for("waiting for it to return");
        webcam.say("plug");
        session.daemon.wait_for("camera: ");
        assert_ne!(webcam.camera(), before, "the number is the same: nothing was shown");
        session.go_on(1);
        session.end().assert_exact("640x480");
        drop(held);
        webcam.say("unplug");
        wait_until("the node to go", || webcam.nodes().is_empty());
        webcam.say("plug");
        webcam.wait_for_nodes();
    }
}

#[test]
fn a_plug_pulled_in_the_middle_of_a_frame_leaves_no_broken_picture() {
    let clips = clips(&["1280x720"]);
    let webcam = Webcam::plug("midframe", &[&clips[0], "--rates", "10"]);
    let mut daemon = daemon_at(Place::new());
    daemon.args(["--audio", "none", "--video", &v4l2(&webcam.camera())]);
    let mut session = Session::start(&mut daemon);
    for _ in 0..3 {
        webcam.say("unplug-midframe");
        session.daemon.wait_for("waiting for it to return");
        webcam.say("plug");
        session.daemon.wait_for("camera: ");
        session.go_on(1);
    }
    session.end().assert_exact("1280x720");
}
