//! Tiers with sound: Opus, as others play it, and as our receiver plays and records it.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};
use streamsocket_tests::card::Card;
use streamsocket_tests::long::is_left_out;
use streamsocket_tests::pairs::{Pairs, beeps, is_flash};
use streamsocket_tests::place::Place;
use streamsocket_tests::presented::{account, beginning, presented, time_of};
use streamsocket_tests::program::{
    Program, daemon, ours, output, peer, receiver, serving_daemon, text,
};
use streamsocket_tests::recording::Recording;
use streamsocket_tests::relay::{Loss, Relay};
use streamsocket_tests::report::track;
use streamsocket_tests::session::{daemon_at, file};
use streamsocket_tests::turn;

/// Seconds that are played.
const SECONDS: u32 = 5;

/// Sample frames a second of all that is decoded.
const RATE: f64 = 48_000.0;

/// The description of a tier of a daemon that runs.
fn tier_sdp(place: Place, tier: &str) -> String {
    text(ours("streamsocket").args(["sdp", "--name", &place.name(), "--tier", tier]))
}

/// ffmpeg as a receiver of sound in mono, by its description.
fn ffmpeg(sdp: &Path, out: &Path) -> Command {
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-protocol_whitelist", "file,udp,rtp", "-i"]).arg(sdp);
    ffmpeg.args(["-map", "0:a", "-t", &SECONDS.to_string(), "-ac", "1", "-f", "s16le"]).arg(out);
    ffmpeg.stderr(Stdio::null());
    ffmpeg
}

/// GStreamer likewise, by what the description says.
fn gstreamer(group: &str, port: &str, out: &Path) -> Command {
    let mut gst = peer("gst-launch-1.0");
    gst.args(["-q", "udpsrc", "multicast-iface=lo", &format!("address={group}")]);
    gst.arg(format!("port={port}"));
    gst.arg(
        "caps=application/x-rtp,media=audio,clock-rate=48000,encoding-name=OPUS,payload=99,sprop-stereo=(string)1",
    );
    gst.args(["!", "rtpjitterbuffer", "!", "rtpopusdepay", "!", "identity"]);
    // It counts the one that it ends at.
    gst.arg(format!("eos-after={}", SECONDS * 50 + 1));
    gst.args(["!", "opusdec", "!", "audioconvert", "!"]);
    gst.args(["audio/x-raw,format=S16LE,channels=1,rate=48000", "!", "filesink"]);
    gst.arg(format!("location={}", out.display()));
    gst
}

/// When the beeps of raw samples begin, the first of which are of `start`, in seconds.
fn heard(bytes: &[u8], start: f64) -> Vec<f64> {
    let samples = bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
    beeps(samples.enumerate().map(|(index, sample)| {
        let index = u32::try_from(index).unwrap();
        (start + f64::from(index) / RATE, sample)
    }))
}

fn line<'a>(sdp: &'a str, prefix: &str) -> &'a str {
    sdp.lines().find_map(|line| line.strip_prefix(prefix)).unwrap().trim_end()
}

#[test]
fn the_sound_of_a_tier_is_played_by_ffmpeg_and_gstreamer() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let at = |name: &str| folder.path().join(name);
    let mut command = daemon_at(place);
    command.args(["--video", "pattern", "--size", "640x480", "--audio", "tone", "--no-announce"]);
    command.args(["--tier", "low=1/4,10,60,opus", "--tier", "voice=opus:32"]);
    let mut daemon = Program::start(&mut command);
    daemon.wait_for("voice' goes to");
    let [low, voice] = ["low", "voice"].map(|tier| tier_sdp(place, tier));
    assert!(low.contains("m=video ") && !voice.contains("m=video "), "{low}\n{voice}");
    for (sdp, bits) in [(&low, 96_000), (&voice, 32_000)] {
        let parameters = format!("99 sprop-stereo=1;stereo=1;maxaveragebitrate={bits}");
        assert_eq!(line(sdp, "a=rtpmap:99 "), "opus/48000/2", "{sdp}");
        assert_eq!(line(sdp, "a=fmtp:"), parameters, "{sdp}");
        assert_eq!(line(sdp, "a=ptime:"), "20", "{sdp}");
    }
    fs::write(at("low.sdp"), &low).unwrap();
    fs::write(at("voice.sdp"), &voice).unwrap();
    let group = line(&voice, "c=IN IP4 ").split('/').next().unwrap();
    let port = line(&voice, "m=audio ").split(' ').next().unwrap();
    let players = [
        ("low", ffmpeg(&at("low.sdp"), &at("low.raw"))),
        ("voice", ffmpeg(&at("voice.sdp"), &at("voice.raw"))),
        ("gstreamer", gstreamer(group, port, &at("gstreamer.raw"))),
    ];
    let players = players.map(|(name, mut player)| (name, Program::start(&mut player)));
    for (name, player) in players {
        player.succeed();
        let heard = heard(&fs::read(at(&format!("{name}.raw"))).unwrap(), 0.0);
        assert!(heard.len() >= 4, "{name}: {heard:?}");
        let even = heard.windows(2).all(|pair| (pair[1] - pair[0] - 1.0).abs() < 0.001);
        assert!(even, "{name}: {heard:?}");
    }
    let status = text(ours("streamsocket").args(["status", "--json", "--name", &place.name()]));
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let sound = |it: &&serde_json::Value| it["media"] == "audio" && !it["tier"].is_null();
    let tracks: Vec<_> = status["tracks"].as_array().unwrap().iter().filter(sound).collect();
    let rates: Vec<_> = tracks.iter().map(|it| &it["opus_kbit"]).collect();
    assert_eq!(rates, [96, 32], "{status}");
    for track in tracks {
        assert!(track["packets"].as_u64().unwrap() >= 4 * 50, "{track}");
        assert_eq!(track["encoder_was_busy"], 0, "{track}");
    }
    daemon.interrupt().succeeded();
}

#[test]
fn a_tier_with_sound_is_had_over_rtsp() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let at = |name: &str| folder.path().join(name);
    // Of the ports that a place has to spare.
    let port = place.port + 12;
    let mut command = serving_daemon(port);
    command.args(["--to", &place.to_string(), "--name", &place.name(), "--no-announce"]);
    command.args(["--video", "pattern", "--size", "640x480", "--audio", "tone"]);
    let mut daemon = Program::start(command.args(["--tier", "low=1/4,10,60,opus"]));
    daemon.wait_for("low' goes to");
    let name = place.name().replace(' ', "%20");
    let url = format!("rtsp://127.0.0.1:{port}/{name}/low");
    for transport in ["tcp", "udp"] {
        let out = at(&format!("{transport}.raw"));
        let mut ffmpeg = peer("ffmpeg");
        ffmpeg.args(["-v", "error", "-nostdin", "-rtsp_transport", transport, "-i", &url]);
        ffmpeg.args(["-map", "0:a", "-t", "3", "-ac", "1", "-f", "s16le"]).arg(&out);
        ffmpeg.args(["-map", "0:v", "-t", "3", "-f", "null", "-"]).stderr(Stdio::null());
        Program::start(&mut ffmpeg).succeed();
        let heard = heard(&fs::read(&out).unwrap(), 0.0);
        let even = heard.windows(2).all(|pair| (pair[1] - pair[0] - 1.0).abs() < 0.001);
        assert!(heard.len() >= 2 && even, "{transport}: {heard:?}");
    }
    daemon.interrupt().succeeded();
}

#[test]
fn a_file_of_sound_is_encoded_to_its_end() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let at = |name: &str| folder.path().join(name);
    let mut wav = peer("ffmpeg");
    wav.args(["-v", "error", "-f", "lavfi", "-i", "sine=frequency=1000:sample_rate=16000"]);
    wav.args(["-t", "2", "-ac", "1"]).arg(at("sine.wav"));
    output(&mut wav);
    let mut command = daemon_at(place);
    command.args(["--video", "none", "--audio", &file(&at("sine.wav")), "--no-announce"]);
    command.args(["--tier", "voice=opus:24", "--stats"]).arg(at("stats.json"));
    Program::start(&mut command).succeed();
    let stats = fs::read_to_string(at("stats.json")).unwrap();
    let stats: serde_json::Value = serde_json::from_str(stats.lines().last().unwrap()).unwrap();
    let tracks = stats["tracks"].as_array().unwrap();
    // Two seconds, and what the codec held when the file had ended.
    let voice = tracks.iter().find(|it| it["tier"] == "voice").unwrap();
    assert_eq!(voice["packets"], 101, "{stats}");
}

#[test]
fn sound_that_opus_cannot_be_made_of_is_refused_in_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let wav = folder.path().join("cd.wav");
    let mut made = peer("ffmpeg");
    made.args(["-v", "error", "-f", "lavfi", "-i", "sine=sample_rate=44100", "-t", "1"]).arg(&wav);
    output(&mut made);
    let said = |audio: &str| {
        let mut command = daemon();
        command.args(["--video", "pattern", "--audio", audio, "--tier", "low=1/2,opus"]);
        let command = command.args(["--to", "127.0.0.1:7700"]).stderr(Stdio::piped());
        let ended = command.output().unwrap();
        assert!(!ended.status.success());
        String::from_utf8(ended.stderr).unwrap()
    };
    let expected =
        "--tier low: Opus is made of sound of 8, 12, 16, 24 or 48 kHz, and this has 44100 Hz";
    let wrong = said(&file(&wav));
    assert!(wrong.contains(expected) && wrong.lines().count() == 1, "{wrong}");
    let mut check = ours("streamsocket");
    check.args([
        "check",
        "--interface",
        "127.0.0.1",
        "--video",
        "none",
        "--tier",
        "voice=opus",
        "--audio",
        &file(&wav),
    ]);
    let checked = check.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let checked = [checked.stdout, checked.stderr].concat();
    let checked = String::from_utf8(checked).unwrap();
    assert!(checked.contains(&expected.replace("low", "voice")), "{checked}");
    assert!(said("none").contains("--tier low: audio opus: the session has no sound"));
}

/// How far flash and beep may be apart in a recording: a codec blurs the beginning of a beep by less.
const RECORDED_APART_SECONDS: f64 = 0.002;

/// And as they are shown and heard.
const APART_SECONDS: f64 = 0.005;

/// Pictures that a busy machine may show later than that, and seconds that a session takes to settle.
const HELD_UP_MAX: usize = 2;
const SETTLING_SECONDS: f64 = 3.0;

/// Seconds that are recorded.
const RECORDED_SECONDS: usize = 15;

#[test]
fn flash_and_beep_of_a_tier_are_recorded_shown_and_heard_together() {
    if is_left_out("opus::flash_and_beep_of_a_tier_are_recorded_shown_and_heard_together") {
        return;
    }
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let at = |name: &str| folder.path().join(name);
    let mut command = daemon_at(place);
    command.args(["--video", "pattern", "--size", "640x480", "--audio", "tone", "--no-announce"]);
    command.args(["--tier", "low=1/2,opus"]);
    let mut daemon = Program::start(&mut command);
    daemon.wait_for("low' goes to");
    fs::write(at("low.sdp"), tier_sdp(place, "low")).unwrap();
    let (card, out) = (Card::new(folder.path(), 100), at("out.mkv"));
    let mut command = receiver();
    command.arg(at("low.sdp")).arg("--record").arg(&out);
    command.args(["--for", &RECORDED_SECONDS.to_string()]);
    let said = Program::start(card.play(account(&mut command))).succeed();
    daemon.interrupt().succeeded();

    let recording = Recording::read(&out);
    let white = recording.video.iter().filter(|(_, jpeg)| is_flash(jpeg));
    let flashes: Vec<f64> = white.clone().map(|(nanos, _)| *nanos as f64 / 1e9).collect();
    let mut decoded = peer("ffmpeg");
    decoded.args(["-v", "error", "-i"]).arg(&out);
    let decoded = output(decoded.args(["-map", "0:a", "-ac", "1", "-f", "s16le", "-"]));
    let first = recording.audio[0].0 as f64 / 1e9;
    let recorded = Pairs::new(&flashes, &heard(&decoded, first));
    let start = beginning(&recording, &presented(&said, "decoded"));
    let shown = presented(&said, "shown");
    let walls = white.map(|(nanos, _)| start + i64::try_from(*nanos).unwrap());
    let seen: Vec<f64> = walls.filter_map(|wall| time_of(&shown, wall)).collect();
    let played = beeps(card.heard(48_000, 2).into_iter());
    let played = Pairs::new(&seen, &played).after(SETTLING_SECONDS);
    println!("recorded: {recorded}\nshown and heard: {played}");
    let played = played.but_pictures_held_up(HELD_UP_MAX, APART_SECONDS);
    for (pairs, most) in [(recorded, RECORDED_APART_SECONDS), (played, APART_SECONDS)] {
        assert!(pairs.offsets.len() + 6 > RECORDED_SECONDS, "{pairs}\n{said}");
        let (min, max) = pairs.extremes();
        assert!(min > -most && max < most, "{:.4?}", pairs.offsets);
    }
    let codec = ["-v", "error", "-select_streams", "a", "-show_entries"];
    let mut probe = peer("ffprobe");
    probe.args(codec).args(["stream=codec_name,sample_rate,channels", "-of", "csv=p=0"]).arg(&out);
    assert_eq!(text(&mut probe).trim(), "opus,48000,2");
}

/// Seconds of sound that are sent through a network that loses packets.
const SENT_SECONDS: u32 = 10;

#[test]
fn packets_that_a_network_loses_are_repaired() {
    if is_left_out("opus::packets_that_a_network_loses_are_repaired") {
        return;
    }
    let _turn = turn();
    let (place, far, folder) = (Place::new(), Place::new(), tempfile::tempdir().unwrap());
    let at = |name: &str| folder.path().join(name);
    let mut near = place;
    // Where a tier goes.
    near.group = Ipv4Addr::from(u32::from(place.group) + 2);
    let ([sound, repair], beside) =
        ([2, 6].map(|above| far.port + above), far.repair_at(6).ip().to_owned());
    let sdp = format!(
        "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=far\nc=IN IP4 {}/1\nt=0 0\nm=audio {sound} RTP/AVP 99\n\
         a=rtpmap:99 opus/48000/2\na=x-repair:98 {repair} IN IP4 {beside}\n\
         a=extmap:1 urn:ietf:params:rtp-hdrext:ntp-64\n",
        far.group
    );
    fs::write(at("far.sdp"), sdp).unwrap();
    let mut command = receiver();
    command.arg(at("far.sdp")).args(["--latency", "300", "--stats"]).arg(at("stats.json"));
    let mut receiver = Program::start(command.arg("--record").arg(at("out.mkv")));
    receiver.wait_for("waiting for far");
    let relay = Relay::open(near, far, Loss { per_mille: 50, burst: 1, seed: 5 });
    let mut wav = peer("ffmpeg");
    wav.args(["-v", "error", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-t"]);
    output(wav.arg(SENT_SECONDS.to_string()).args(["-ac", "1"]).arg(at("sine.wav")));
    let mut command = daemon_at(place);
    command.args(["--video", "none", "--audio", &file(&at("sine.wav")), "--no-announce"]);
    Program::start(command.args(["--tier", "voice=opus"])).succeed();
    receiver.wait_for("has stopped");
    receiver.interrupt().succeeded();
    assert!(relay.lost() > 0);
    let stats = fs::read_to_string(at("stats.json")).unwrap();
    let stats = serde_json::from_str(stats.lines().last().unwrap()).unwrap();
    let sound = track(&stats, "audio");
    let count = |name: &str| sound[name].as_u64().unwrap();
    // Of a block of four packets one in two thousand lacks more than can be mended.
    assert!(count("packets_repaired") > 5 && count("samples_lost") <= 4 * 960, "{sound}");
    assert!(count("samples") >= u64::from(SENT_SECONDS - 1) * 48_000, "{sound}");
}
