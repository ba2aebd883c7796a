//! A network that loses, delays and swaps packets, with a hop in it as real ones have.

use crate::{clips, number_before, to, v4l2};
use std::fs;
use std::path::Path;
use streamsocket_tests::board::{Webcam, monotonic, on, wait_until};
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, peer, text};
use streamsocket_tests::recording::{Recording, all_coded};
use streamsocket_tests::report::track;

/// Bytes of an Ethernet frame at most, its header included.
const FRAME_MAX: u32 = 1514;

fn json(path: &Path) -> serde_json::Value {
    let text = fs::read_to_string(path).unwrap();
    serde_json::from_str(text.lines().last().expect("no statistics")).unwrap()
}

#[test]
fn loss_delay_and_reordering_cost_frames_and_nothing_else() {
    let clips = clips(&["640x480"]);
    let mut webcam = Webcam::plug("lossy", &[&clips[0], "--microphone", "stereo", "--rates", "10"]);
    text(peer("net-hop").args(["up", "loss", "5%", "delay", "20ms", "5ms", "reorder", "1%"]));
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);

    let mut capture = peer("tcpdump");
    capture.args(["-Z", "root", "-i", "eth0", "-n", "-w"]).arg(path("it.pcap"));
    let mut capture =
        Program::start(&mut on("viewer", capture.args(["greater", &format!("{}", FRAME_MAX + 1)])));
    capture.wait_for("listening on");
    let mut daemon = ours("streamsocket");
    daemon.args(["--interface", "eth0", "--to", &to(Place::new()), "--name", "lossy"]);
    // What is lost is to stay lost.
    daemon.args(crate::WITHOUT_REPAIR);
    daemon.args(["--video", &v4l2(&webcam.camera()), "--sdp"]).arg(path("it.sdp"));
    let mut daemon = Program::start(&mut on("sender", &daemon));
    daemon.wait_for("goes to");
    let mut receiver = ours("streamsocket-receiver");
    receiver
        .args(["--interface", "eth0", "--headless", "--for", "10", "--stats"])
        .arg(path("it.json"));
    receiver.arg(path("it.sdp")).arg("--record").arg(path("out.mkv"));
    Program::start(&mut on("viewer", &receiver)).succeed();
    let said = daemon.interrupt().succeeded();
    capture.interrupt();

    let stats = json(&path("it.json"));
    let number = |medium: &str, name: &str| track(&stats, medium)[name].as_f64().unwrap();
    let lost = number("video", "packets_lost");
    let share = lost / (lost + number("video", "packets"));
    println!(
        "lost {:.1} % of {} packets: {stats}",
        share * 100.0,
        number("video", "packets") + lost
    );
    assert!((0.02..0.08).contains(&share), "{share}");
    let recording = Recording::read(&path("out.mkv"));
    let source = all_coded(&fs::read(&clips[0]).unwrap());
    assert!(recording.coded().iter().all(|frame| source.contains(frame)), "a garbled picture");
    // Of 28 packets all arrive of one picture in four. A slow processor has fewer pictures.
    let came = number("video", "frames_received") + number("video", "frames_incomplete");
    let whole = recording.video.len();
    assert!(came >= 30.0 && whole as f64 >= came / 12.0, "{whole} pictures of {came}");
    // What the network loses is silence; an emulated processor may be late for its card and its bus as well.
    let most = number_before(&said, " overruns") + webcam.losses();
    let silent = crate::sound::assert_in_place(&recording.samples(), 2, most);
    println!(
        "{} pictures whole; {silent} sample frames silent, in the place of those missing",
        recording.video.len()
    );
    // A capture without a packet is a file header.
    assert_eq!(fs::metadata(path("it.pcap")).unwrap().len(), 24, "a packet above the MTU");
    text(peer("net-hop").arg("down"));
}

/// Seconds from now until a program says something.
fn seconds_until(program: &mut Program, words: &str) -> f64 {
    let begin = monotonic();
    program.wait_for(words);
    (monotonic() - begin) as f64 / 1e9
}

/// As an access point has it: multicast is lost, unicast is not.
#[test]
fn what_is_lost_by_multicast_is_had_by_unicast_until_multicast_works() {
    text(peer("net-hop").arg("up"));
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut daemon = ours("streamsocket");
    daemon.args(["--interface", "eth0", "--to", &to(Place::new()), "--name", "wifi"]);
    daemon.args(["--video", "pattern", "--size", "320x240", "--fps", "15", "--audio", "tone"]);
    let mut daemon = Program::start(&mut on("sender", daemon.arg("--sdp").arg(path("it.sdp"))));
    daemon.wait_for("goes to");
    let mut receiver = ours("streamsocket-receiver");
    receiver.args(["--interface", "eth0", "--headless", "--mute", "--stats"]).arg(path("it.json"));
    let mut receiver = Program::start(&mut on("viewer", receiver.arg(path("it.sdp"))));
    receiver.wait_for("receiving wifi");
    text(peer("net-hop").args(["groups", "loss", "40%"]));
    let lossy = seconds_until(&mut receiver, "more is lost on the way than repair can mend");
    receiver.wait_for("receiving by unicast (UDP) from 10.77.0.1:8554");
    let counted = |what: &str| track(&json(&path("it.json")), "video")[what].as_u64().unwrap();
    let received = |more: u64| {
        let enough = counted("frames_received") + more;
        wait_until("pictures", || counted("frames_received") >= enough);
        counted("frames_incomplete")
    };
    // Three seconds, and ten more.
    let before = received(45);
    let after = received(150);
    text(peer("net-hop").args(["groups", "loss", "0%"]));
    let again = seconds_until(&mut receiver, "the group works again");
    text(peer("net-hop").args(["groups", "loss", "100%"]));
    let silent = seconds_until(&mut receiver, "nothing comes from the group");
    receiver.wait_for("receiving by unicast (UDP) from 10.77.0.1:8554");
    println!(
        "40 % lost: unicast after {lossy:.1} s, and {} incomplete pictures in the next 10; the group again {again:.1} s after it \
         works; silent: unicast after {silent:.1} s",
        after - before
    );
    assert!((9.0..20.0).contains(&lossy) && silent < 4.0, "{lossy} {silent}");
    assert!(after - before < 2, "{before} {after}");
    receiver.interrupt().succeeded();
    daemon.interrupt().succeeded();
    text(peer("net-hop").arg("down"));
}

#[test]
fn a_group_that_leaves_by_wifi_is_warned_of() {
    // A radio of the kernel's own, with nobody to talk to.
    text(peer("modprobe").args(["mac80211_hwsim", "radios=1"]));
    text(peer("ip").args(["address", "add", "10.99.0.1/24", "dev", "wlan0"]));
    text(peer("ip").args(["link", "set", "wlan0", "up"]));
    let (warning, limit) = ("wlan0 is wireless, where", ["--max-bitrate", "5M"]);
    for (to, options, warned) in [
        (to(Place::new()), &limit[..0], true),
        (to(Place::new()), &limit[..], false),
        ("10.99.0.2:5004".into(), &limit[..0], false),
    ] {
        let mut daemon = ours("streamsocket");
        daemon.args(["--interface", "wlan0", "--to", &to, "--name", "wifi", "--audio", "none"]);
        daemon.args(["--video", "pattern", "--size", "320x240"]).args(options);
        let mut daemon = Program::start(&mut daemon);
        daemon.wait_for("goes to");
        let said = daemon.interrupt().succeeded();
        assert_eq!(said.contains(warning), warned, "{said}");
    }
    text(peer("modprobe").args(["--remove", "mac80211_hwsim"]));
}
