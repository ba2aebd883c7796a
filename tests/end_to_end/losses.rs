//! The programs with a network between them that loses packets.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use streamsocket_tests::clip::{FRAMES, all_pixels, clip, pixels_if_whole, split, voice};
use streamsocket_tests::long::{long_or, whole};
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, peer, receiver};
use streamsocket_tests::recording::{Recording, all_coded};
use streamsocket_tests::relay::{Loss, Relay};
use streamsocket_tests::report::track;
use streamsocket_tests::session::{daemon_at, file};
use streamsocket_tests::turn;

/// What came through.
#[derive(Debug)]
struct Through {
    /// Frames recorded, each of which is one of the source's.
    frames: usize,
    /// What the receiver said of itself.
    stats: serde_json::Value,
}

/// Sends a clip through such a network, with or without repair.
fn through(size: &str, loss: Loss, repair: &str) -> Through {
    let _turn = turn();
    let (near, far, folder) = (Place::new(), Place::new(), tempfile::tempdir().unwrap());
    let (out, stats) = (folder.path().join("out.mkv"), folder.path().join("stats.jsonl"));
    let sdp = folder.path().join("it.sdp");
    fs::write(&sdp, far.repaired_sdp("L16/48000/1")).unwrap();
    let mut command = receiver();
    command.args(["--latency", "300"]).arg(&sdp).arg("--record").arg(&out);
    let mut receiver = Program::start(command.arg("--stats").arg(&stats));
    receiver.wait_for("waiting for plain");
    let relay = Relay::open(near, far, loss);
    let mut daemon = daemon_at(near);
    daemon.args(["--video", &file(&clip(size)), "--audio", &file(&voice()), "--repair", repair]);
    Program::start(&mut daemon).succeed();
    receiver.wait_for("has stopped");
    receiver.interrupt().succeeded();
    assert!(relay.lost() > 0);
    // Whole frames, and nothing else.
    let source = all_coded(&fs::read(clip(size)).unwrap());
    let recorded = Recording::read(&out).coded();
    assert!(recorded.iter().all(|frame| source.contains(frame)), "a frame that was never sent");
    let stats = fs::read_to_string(stats).unwrap();
    let stats = serde_json::from_str(stats.lines().last().unwrap()).unwrap();
    Through { frames: recorded.len(), stats }
}

/// What GStreamer makes of the same packets behind such a network, with ULPFEC of its own (RFC 5109)
/// added to them before it or not: frames that are intact, and pictures that never were.
fn through_gstreamer(size: &str, loss: Loss, ulpfec: bool) -> (usize, usize) {
    let _turn = turn();
    let (near, protected, far) = (Place::new(), Place::new(), Place::new());
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.mjpeg");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/gstreamer-receiver");
    let mut command = peer(program.to_str().unwrap());
    command.args([far.group.to_string(), far.port.to_string()]).arg(&out);
    command.arg(if ulpfec { "ulpfec" } else { "plain" });
    let receiver = Program::start(&mut command);
    far.wait_for_member();
    let _encoder = ulpfec.then(|| {
        let encoder = Program::start(&mut ulpfec_encoder(near, protected));
        near.wait_for_member();
        encoder
    });
    let _relay = Relay::open(if ulpfec { protected } else { near }, far, loss);
    let mut daemon = daemon_at(near);
    daemon.args(["--video", &file(&clip(size)), "--repair", "0"]);
    Program::start(&mut daemon).succeed();
    let ended = receiver.finish();
    if ended.status.signal().is_some() {
        // Its decoder of ULPFEC does at times, on buffers that are none. What it has written counts.
        println!("GStreamer's receiver has crashed: {}", ended.status);
    } else {
        ended.succeeded();
    }
    let source = all_pixels(&fs::read(clip(size)).unwrap());
    let received = fs::read(out).unwrap();
    let received: Vec<_> = if received.is_empty() { Vec::new() } else { split(&received) };
    let is_source = |jpeg: &&[u8]| pixels_if_whole(jpeg).is_ok_and(|it| source.contains(&it));
    let intact = received.iter().copied().filter(|jpeg| is_source(jpeg)).count();
    (intact, received.len() - intact)
}

/// GStreamer's sender of ULPFEC between two places, 20 % of it.
fn ulpfec_encoder(from: Place, to: Place) -> Command {
    let mut gst = peer("gst-launch-1.0");
    gst.args(["-q", "udpsrc", "buffer-size=8000000", "multicast-iface=lo"]);
    gst.args([format!("address={}", from.group), format!("port={}", from.port)]);
    gst.arg("caps=application/x-rtp,media=video,clock-rate=90000,encoding-name=JPEG,payload=26");
    gst.args(["!", "rtpulpfecenc", "pt=122", "percentage=20"]);
    gst.args(["!", "udpsink", "multicast-iface=lo", "ttl-mc=1", "sync=false"]);
    gst.args([format!("host={}", to.group), format!("port={}", to.port)]);
    gst
}

fn count(stats: &serde_json::Value, medium: &str, name: &str) -> u64 {
    track(stats, medium)[name].as_u64().unwrap_or_else(|| panic!("no {medium}.{name} in {stats}"))
}

#[test]
fn what_is_lost_is_repaired_end_to_end() {
    let all = [
        ("5 %", "1280x720", 50, 1),
        ("bursts of 3 %", "1280x720", 30, 4),
        ("5 %", "640x480", 50, 1),
        ("bursts of 3 %", "1920x1080", 30, 4),
    ];
    for (name, size, per_mille, burst) in all.into_iter().take(long_or(2, all.len())) {
        let loss = Loss { per_mille, burst, seed: 1 };
        let (with, without) = (through(size, loss, "20"), through(size, loss, "0"));
        let stats = &with.stats;
        let sound = count(stats, "audio", "samples_lost");
        let shares =
            [("video", &with), ("video", &without), ("audio", &with)].map(|(medium, of)| {
                let lost = count(&of.stats, medium, "packets_lost");
                let repaired = count(&of.stats, medium, "packets_repaired");
                format!("{repaired} of {lost}")
            });
        println!(
            "{size} at {name}: {} of {FRAMES} frames with repair ({} packets repaired, {} without), \
             {} frames without; sound: {} packets repaired, {sound} samples lost",
            with.frames, shares[0], shares[1], without.frames, shares[2],
        );
        // For comparison only, in the long run.
        if whole() {
            let gstreamer = [false, true].map(|ulpfec| through_gstreamer(size, loss, ulpfec));
            println!(
                "{size} at {name}: GStreamer has {} frames (and {} that never were), with ULPFEC {} ({})",
                gstreamer[0].0, gstreamer[0].1, gstreamer[1].0, gstreamer[1].1,
            );
        }
        // The simulator's table has the shares; of 90 frames, four are lost in one run of 10,000.
        assert!(with.frames + 3 >= FRAMES, "{with:?}");
        // Behind the pictures' end bursts have nothing but sound to take, and the last packets of sound,
        // fewer than a block, have no repair.
        assert!(burst > 1 || sound < 8 * 240, "{with:?}");
        assert!(without.frames < with.frames, "{without:?}");
        assert_eq!(count(stats, "video", "packets_refused"), 0);
    }
}
