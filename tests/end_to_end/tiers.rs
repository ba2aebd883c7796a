//! One camera in two sessions: its pictures as they are, and fewer and smaller ones of the same.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use streamsocket_tests::clip::{clip, split};
use streamsocket_tests::place::Place;
use streamsocket_tests::presented::{account, beginning, presented};
use streamsocket_tests::program::{Program, daemon, ours, output, peer, receiver, text};
use streamsocket_tests::recording::{Recording, coded};
use streamsocket_tests::session::{daemon_at, file};
use turbojpeg::{Compressor, Decompressor, OutputBuf, ScalingFactor, YuvImage};

/// Frames a second of the camera.
const FPS: usize = 30;

/// Seconds that are recorded.
const SECONDS: usize = 5;

/// Quality of the small pictures.
const QUALITY: i32 = 70;

/// Recorded times are rounded, and frames are 33 ms apart.
const SAME_NANOS: i64 = 2_000_000;

/// What libjpeg-turbo's scaled decoding and an encoding make of a picture.
fn half_of(jpeg: &[u8]) -> Vec<u8> {
    let mut decompressor = Decompressor::new().unwrap();
    decompressor.set_scaling_factor(ScalingFactor::ONE_HALF).unwrap();
    let header = decompressor.read_header(jpeg).unwrap();
    let [width, height] = [header.width, header.height].map(|side| side.div_ceil(2));
    let length = turbojpeg::yuv_pixels_len(width, 1, height, header.subsamp).unwrap();
    let pixels = vec![0; length];
    let mut image = YuvImage { pixels, width, align: 1, height, subsamp: header.subsamp };
    decompressor.decompress_to_yuv(jpeg, image.as_deref_mut()).unwrap();
    let mut compressor = Compressor::new().unwrap();
    compressor.set_quality(QUALITY).unwrap();
    let mut encoded = OutputBuf::new_owned();
    compressor.compress_yuv(image.as_deref(), &mut encoded).unwrap();
    encoded.to_vec()
}

/// The description of a tier of a daemon that runs.
fn tier_sdp(place: Place, tier: &str) -> String {
    text(ours("streamsocket").args(["sdp", "--name", &place.name(), "--tier", tier]))
}

/// A receiver that records so long, and says when it decoded what.
fn record(sdp: &Path, out: &Path) -> Program {
    let mut command = receiver();
    command.arg(sdp).arg("--record").arg(out).args(["--for", &SECONDS.to_string(), "--stats"]);
    command.arg(out.with_extension("json"));
    Program::start(account(&mut command))
}

/// The pictures of a recording with the wall-clock times of their capture, in nanoseconds since 1970.
fn timed(out: &Path, said: &str) -> Vec<(i64, Vec<u8>)> {
    let recording = Recording::read(out);
    let start = beginning(&recording, &presented(said, "decoded"));
    let at = |nanos: u64| start + i64::try_from(nanos).unwrap();
    recording.video.into_iter().map(|(nanos, jpeg)| (at(nanos), jpeg)).collect()
}

#[test]
fn a_tier_is_every_second_picture_at_half_the_size_captured_at_the_same_time() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let at = |name: &str| folder.path().join(name);
    let mut command = daemon_at(place);
    command.args(["--video", &file(&clip("1280x720")), "--audio", "tone", "--loop", "--fps", "30"]);
    command.args(["--tier", "low=1/2,15,70", "--no-announce", "--sdp"]).arg(at("whole.sdp"));
    let mut daemon = Program::start(&mut command);
    daemon.wait_for("goes to");
    fs::write(at("low.sdp"), tier_sdp(place, "low")).unwrap();

    let mut peer = peer("ffmpeg");
    peer.args(["-v", "error", "-protocol_whitelist", "file,udp,rtp", "-i"]).arg(at("low.sdp"));
    peer.args(["-map", "0:v", "-frames:v", "15", "-f", "framecrc", "-"]).stderr(Stdio::null());
    let [whole, low] = ["whole", "low"]
        .map(|name| record(&at(&format!("{name}.sdp")), &at(&format!("{name}.mkv"))));
    let seen = String::from_utf8(output(&mut peer)).unwrap();
    let whole = timed(&at("whole.mkv"), &whole.succeed());
    let low = timed(&at("low.mkv"), &low.succeed());
    daemon.interrupt().succeeded();

    for (name, tier) in [("whole", None), ("low", Some("low"))] {
        let stats = fs::read_to_string(at(&format!("{name}.json"))).unwrap();
        let stats: serde_json::Value = serde_json::from_str(stats.lines().last().unwrap()).unwrap();
        assert_eq!(stats["tracks"][0]["tier"].as_str(), tier, "{stats}");
    }
    assert_eq!(seen.lines().filter(|line| !line.starts_with('#')).count(), 15, "{seen}");
    let mut compared = 0;
    let mut expected = Vec::new();
    for (captured, jpeg) in &low {
        let same = whole.iter().position(|(of, _)| (of - captured).abs() < SAME_NANOS);
        let Some(index) = same else { continue };
        assert_eq!(coded(jpeg), coded(&half_of(&whole[index].1)), "the picture of {captured}");
        expected.push(index);
        compared += 1;
    }
    // They do not begin and end at the same moment.
    let enough = FPS / 2 * (SECONDS - 2);
    assert!(compared >= enough, "{compared} of {} and {}", low.len(), whole.len());
    let every_second = expected.windows(2).all(|pair| pair[1] == pair[0] + 2);
    assert!(every_second, "{expected:?}");
}

#[test]
fn a_tier_is_a_session_of_its_own_that_names_the_other() {
    let place = Place::new();
    let mut command = daemon_at(place);
    command.args(["--video", "pattern", "--audio", "tone", "--size", "640x480", "--no-announce"]);
    command.args(["--tier", "low=1/2,15,70", "--tier", "tiny=1/4"]);
    let mut daemon = Program::start(&mut command);
    daemon.wait_for("goes to");
    let whole = text(ours("streamsocket").args(["sdp", "--name", &place.name()]));
    let number = |sdp: &str| {
        let origin = sdp.lines().find_map(|line| line.strip_prefix("o=- ")).unwrap();
        origin.split(' ').next().unwrap().to_owned()
    };
    let mut groups = vec![place.group.to_string()];
    for (tier, size) in [("low", "320,240"), ("tiny", "160,120")] {
        let sdp = tier_sdp(place, tier);
        for line in [
            format!("s={}, {tier}", place.name()),
            format!("a=x-tier:{tier} {}", number(&whole)),
            format!("a=x-dimensions:{size}"),
        ] {
            assert!(sdp.lines().any(|it| it.trim_end() == line), "{line}: {sdp}");
        }
        assert!(!sdp.contains("m=audio") && number(&sdp) != number(&whole), "{sdp}");
        let group = sdp.lines().find_map(|line| line.strip_prefix("c=IN IP4 ")).unwrap();
        let group = group.split('/').next().unwrap().to_owned();
        assert!(!groups.contains(&group), "{groups:?}: {sdp}");
        groups.push(group);
    }
    let wrong = ours("streamsocket")
        .args(["sdp", "--name", &place.name(), "--tier", "high"])
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&wrong.stderr);
    assert!(!wrong.status.success() && said.contains("low") && said.contains("tiny"), "{said}");
    let status = text(ours("streamsocket").args(["status", "--json", "--name", &place.name()]));
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let tracks: Vec<_> = status["tracks"].as_array().unwrap().iter().collect();
    let shown = |key: &str| tracks.iter().map(|it| it[key].to_string()).collect::<Vec<_>>();
    assert_eq!(status["schema"], 2);
    assert_eq!(shown("media"), [r#""video""#, r#""audio""#, r#""video""#, r#""video""#]);
    assert_eq!(shown("tier"), ["null", "null", r#""low""#, r#""tiny""#]);
    assert_eq!(shown("width"), ["640", "null", "320", "160"]);
    daemon.interrupt().succeeded();
}

#[test]
fn what_concerns_all_is_told_once_and_what_concerns_a_tier_with_its_name() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let at = |name: &str| folder.path().join(name);
    // The last picture breaks off.
    let clip = fs::read(clip("1280x720")).unwrap();
    let pictures = split(&clip).into_iter().take(30).enumerate();
    let pictures =
        pictures.map(|(nth, jpeg)| if nth == 29 { &jpeg[..jpeg.len() / 2] } else { jpeg });
    fs::write(at("it.mjpeg"), pictures.collect::<Vec<_>>().concat()).unwrap();
    let mut command = daemon();
    command.args(["--to", &format!("127.0.0.1:{}", place.port), "--name", &place.name()]);
    command.args(["--video", &file(&at("it.mjpeg")), "--audio", "none", "--fps", "30"]);
    command.args(["--tier", "low=1/2,15", "--tier", "tiny=1/4", "--stats"]).arg(at("it.jsonl"));
    let said = Program::start(&mut command).succeed();

    let lines = |text: &str| said.lines().filter(|line| line.contains(text)).collect::<Vec<_>>();
    let [unannounced] = lines("not announced")[..] else { panic!("{said}") };
    assert!(unannounced.contains("'streamsocket sdp --tier low'"), "{unannounced}");
    let scaled = lines("scale: each picture is made smaller");
    assert_eq!(scaled.len(), 2, "{said}");
    for tier in ["low", "tiny"] {
        let of = format!(", tier {tier}: scale: ");
        assert_eq!(scaled.iter().filter(|line| line.contains(&of)).count(), 1, "{said}");
    }
    let stats = fs::read_to_string(at("it.jsonl")).unwrap();
    let last: serde_json::Value = serde_json::from_str(stats.lines().last().unwrap()).unwrap();
    let broken = |track: &serde_json::Value| track["frames_dropped"]["broken_in_the_file"].as_u64();
    let broken: Vec<_> = last["tracks"].as_array().unwrap().iter().map(broken).collect();
    assert_eq!(broken, [Some(1), None, None], "{last}");
}
