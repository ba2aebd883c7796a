//! Other people's programs: GStreamer and ffmpeg receive what we send and send what we receive,
//! and tshark reads every packet.

use std::fs;
use std::path::Path;
use std::process::Command;
use streamsocket_tests::clip::{
    FRAMES, all_pixels, assert_runs_through, clip, find, recorded_video, samples, voice,
};
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, output, peer, receiver, text};
use streamsocket_tests::session::{daemon_at, file};
use streamsocket_tests::turn;
use streamsocket_tests::wire::{Datagram, SAP, Tap, write_capture};

/// Bytes of a decoded 640x480 picture: ffmpeg leaves 4:2:2 as it is, GStreamer makes 4:2:0 of it.
const FFMPEG_BYTES: usize = 640 * 480 * 2;
const GSTREAMER_BYTES: usize = 640 * 480 * 3 / 2;

/// Asserts that these raw pictures, `size` bytes each, are what the same decoder makes of the clip
/// itself, from some picture on.
#[track_caller]
fn assert_exact(size: usize, received: &Path, decoder: &mut Command) {
    let pictures = |bytes: Vec<u8>| -> Vec<Vec<u8>> {
        let pictures: Vec<_> = bytes.chunks(size).map(<[u8]>::to_vec).collect();
        assert_eq!(pictures.len(), FRAMES);
        pictures
    };
    let source = pictures(output(decoder));
    assert_runs_through(&source, &pictures(fs::read(received).unwrap()));
}

/// GStreamer as a receiver: `frames` decoded pictures, then the end.
fn gstreamer_video(place: Place, frames: usize, out: &Path) -> Command {
    let mut gst = peer("gst-launch-1.0");
    gst.args(["-q", "udpsrc", "buffer-size=8000000", "multicast-iface=lo"]);
    gst.args([format!("address={}", place.group), format!("port={}", place.port)]);
    gst.arg("caps=application/x-rtp,media=video,clock-rate=90000,encoding-name=JPEG,payload=26");
    gst.args(["!", "rtpjitterbuffer", "!", "rtpjpegdepay", "!", "jpegdec", "!", "identity"]);
    // It counts the one that it ends at.
    gst.arg(format!("eos-after={}", frames + 1));
    gst.args(["!", "filesink"]).arg(format!("location={}", out.display()));
    gst
}

/// GStreamer as a receiver of sound: `packets` of them, as big-endian samples.
fn gstreamer_audio(place: Place, packets: usize, out: &Path) -> Command {
    let mut gst = peer("gst-launch-1.0");
    gst.args(["-q", "udpsrc", "buffer-size=8000000", "multicast-iface=lo"]);
    gst.args([format!("address={}", place.group), format!("port={}", place.port + 2)]);
    gst.arg(
        "caps=application/x-rtp,media=audio,clock-rate=48000,encoding-name=L16,payload=97,channels=1",
    );
    gst.args(["!", "rtpjitterbuffer", "!", "rtpL16depay", "!", "identity"]);
    gst.arg(format!("eos-after={}", packets + 1));
    gst.args(["!", "filesink"]).arg(format!("location={}", out.display()));
    gst
}

/// ffmpeg as a receiver of a session, by its description.
fn ffmpeg(sdp: &Path, frames: usize, video: &Path, audio: &Path) -> Command {
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-protocol_whitelist", "file,udp,rtp"]);
    ffmpeg.args(["-buffer_size", "8000000", "-i"]).arg(sdp);
    ffmpeg.args(["-map", "0:v", "-frames:v", &frames.to_string(), "-fps_mode", "passthrough"]);
    ffmpeg.args(["-f", "rawvideo"]).arg(video);
    ffmpeg.args(["-map", "0:a", "-t", "2", "-c:a", "pcm_s16le", "-f", "s16le"]).arg(audio);
    ffmpeg
}

fn big_endian(bytes: &[u8]) -> Vec<i16> {
    bytes.chunks_exact(2).map(|pair| i16::from_be_bytes([pair[0], pair[1]])).collect()
}

fn little_endian(bytes: &[u8]) -> Vec<i16> {
    bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

#[test]
fn three_receivers_at_once_are_exact_in_every_frame() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let out = |name: &str| folder.path().join(name);
    let mut command = daemon_at(place);
    command.args(["--video", &file(&clip("640x480")), "--audio", &file(&voice()), "--loop"]);
    let mut daemon = Program::start(command.arg("--sdp").arg(out("it.sdp")));
    daemon.wait_for("goes to");
    let gst_video = Program::start(&mut gstreamer_video(place, FRAMES, &out("gst.yuv")));
    let gst_audio = Program::start(&mut gstreamer_audio(place, 400, &out("gst.pcm")));
    let (video, audio) = (out("ffmpeg.yuv"), out("ffmpeg.pcm"));
    let ffmpeg = Program::start(&mut ffmpeg(&out("it.sdp"), FRAMES, &video, &audio));
    let mut command = receiver();
    command.arg(out("it.sdp")).arg("--record").arg(out("out.mkv")).args(["--for", "4"]);
    let ours = Program::start(&mut command);
    let said = [ours.succeed(), gst_video.succeed(), gst_audio.succeed(), ffmpeg.succeed()];
    daemon.interrupt().succeeded();

    let clip = clip("640x480");
    let spoken = samples(&voice());
    // Twice, because it is played round and round.
    let spoken = [&spoken[..], &spoken[..]].concat();
    let is_spoken = |part: &[i16]| find(&spoken, &part[..part.len().min(48_000)]).is_some();

    let recorded = all_pixels(&recorded_video(&out("out.mkv")));
    assert!(recorded.len() >= 100, "{} frames: {said:?}", recorded.len());
    assert_runs_through(&all_pixels(&fs::read(&clip).unwrap()), &recorded);
    assert!(is_spoken(&samples(&out("out.mkv"))), "our sound is another");

    let mut decoder = peer("gst-launch-1.0");
    decoder.args(["-q", "filesrc"]).arg(format!("location={}", clip.display()));
    decoder.args(["!", "jpegdec", "!", "fdsink"]);
    assert_exact(GSTREAMER_BYTES, &out("gst.yuv"), &mut decoder);
    assert!(is_spoken(&big_endian(&fs::read(out("gst.pcm")).unwrap())), "GStreamer's sound");

    let mut decoder = peer("ffmpeg");
    decoder.args(["-v", "error", "-i"]).arg(&clip).args(["-f", "rawvideo", "-"]);
    assert_exact(FFMPEG_BYTES, &video, &mut decoder);
    assert!(is_spoken(&little_endian(&fs::read(&audio).unwrap())), "ffmpeg's sound is another");
    let mut probe = peer("ffprobe");
    probe.args(["-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0"]);
    assert_eq!(text(probe.arg(out("out.mkv"))), "mjpeg\npcm_s16le\n");
}

/// A receiver at a place, waiting for somebody else's packets.
fn waiting(place: Place, audio: &str, folder: &Path) -> Program {
    let sdp = folder.join("plain.sdp");
    fs::write(&sdp, place.plain_sdp(Some(audio))).unwrap();
    let mut command = receiver();
    command.arg(&sdp).arg("--record").arg(folder.join("out.mkv"));
    let mut receiver = Program::start(&mut command);
    receiver.wait_for("waiting for plain");
    receiver
}

#[test]
fn what_gstreamer_sends_is_played() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let mut receiver = waiting(place, "L16/48000/2", folder.path());
    let location = |name: &str| format!("location={}", folder.path().join(name).display());
    let to = |above: u16| {
        let port = place.port + above;
        format!("udpsink host={} port={port} multicast-iface=lo ttl-mc=1", place.group)
    };
    let graph = format!(
        "videotestsrc is-live=true num-buffers=90 pattern=smpte75 \
         ! video/x-raw,format=I420,width=640,height=480,framerate=30/1 ! jpegenc ! tee name=v \
         v. ! queue ! filesink {} v. ! queue ! rtpjpegpay pt=26 ! {} \
         audiotestsrc is-live=true num-buffers=600 samplesperbuffer=240 freq=440 \
         ! audio/x-raw,format=S16BE,rate=48000,channels=2 ! tee name=a \
         a. ! queue ! filesink {} a. ! queue ! rtpL16pay pt=97 ! {}",
        location("sent.mjpeg"),
        to(0),
        location("sent.pcm"),
        to(2),
    );
    let mut gst = peer("gst-launch-1.0");
    Program::start(gst.arg("-q").args(graph.split_whitespace())).succeed();
    receiver.wait_for("has stopped");
    let said = receiver.interrupt().succeeded();
    let out = folder.path().join("out.mkv");
    let sent = all_pixels(&fs::read(folder.path().join("sent.mjpeg")).unwrap());
    assert_eq!(all_pixels(&recorded_video(&out)), sent, "{said}");
    let sent = big_endian(&fs::read(folder.path().join("sent.pcm")).unwrap());
    assert!(samples(&out) == sent, "another sound: {said}");
}

#[test]
fn what_ffmpeg_sends_is_played() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let mut receiver = waiting(place, "L16/48000/1", folder.path());
    let to =
        |above: u16| format!("rtp://{}?localaddr=127.0.0.1&ttl=1&pkt_size=1400", place.at(above));
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-re", "-framerate", "30", "-i"]).arg(clip("640x480"));
    ffmpeg.args(["-re", "-i"]).arg(voice());
    ffmpeg.args(["-map", "0:v", "-c", "copy", "-f", "rtp", &to(0)]);
    ffmpeg.args(["-map", "1:a", "-c:a", "pcm_s16be", "-payload_type", "97", "-f", "rtp", &to(2)]);
    Program::start(&mut ffmpeg).succeed();
    receiver.wait_for("has stopped");
    let said = receiver.interrupt().succeeded();
    let out = folder.path().join("out.mkv");
    let source = all_pixels(&fs::read(clip("640x480")).unwrap());
    assert_eq!(all_pixels(&recorded_video(&out)), source, "{said}");
    assert!(samples(&out) == samples(&voice()), "another sound: {said}");
}

/// Packets that tshark finds by a display filter.
fn found(capture: &Path, place: Place, filter: &str) -> Vec<String> {
    let mut tshark = peer("tshark");
    tshark.arg("-r").arg(capture);
    for (above, protocol) in [(0, "rtp"), (1, "rtcp"), (2, "rtp"), (3, "rtcp")] {
        tshark.args(["-d", &format!("udp.port=={},{protocol}", place.port + above)]);
    }
    text(tshark.args(["-Y", filter])).lines().map(str::to_owned).collect()
}

#[test]
fn tshark_finds_no_malformed_packet() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let tap = Tap::open(place);
    let sdp = folder.path().join("it.sdp");
    let mut command = daemon_at(place);
    command.args(["--video", &file(&clip("640x480")), "--audio", &file(&voice())]);
    let mut daemon = Program::start(command.arg("--sdp").arg(&sdp));
    daemon.wait_for("goes to");
    // Its reports are on the wire, too.
    let receiver = Program::start(receiver().arg(&sdp).args(["--for", "3"]));
    receiver.succeed();
    daemon.succeed();
    let datagrams = tap.close();
    let count = |to| datagrams.iter().filter(|datagram: &&Datagram| datagram.to == to).count();
    let capture = folder.path().join("it.pcap");
    write_capture(&capture, &datagrams);

    let bad = "_ws.malformed || _ws.expert.severity >= 0x600000";
    assert_eq!(found(&capture, place, bad), Vec::<String>::new());
    assert_eq!(found(&capture, place, "jpeg").len(), count(place.at(0)));
    assert_eq!(found(&capture, place, "rtp && !jpeg").len(), count(place.at(2)));
    assert_eq!(found(&capture, place, "rtcp").len(), count(place.at(1)) + count(place.at(3)));
    assert_eq!(found(&capture, place, "sap && sdp").len(), count(SAP));
    assert!(count(place.at(0)) > 2000 && count(place.at(1)) > 2 && count(SAP) >= 2);
}
