//! Players that know SRTP: ffmpeg, which has to be there when a session begins, and GStreamer, which can be told how
//! often the sequence number has rolled over.

use super::{SMALL, Sealed, bytes_of, hex};
use std::fs;
use std::path::Path;
use std::process::Command;
use streamsocket_srtp::master_key::KEY_LEN;
use streamsocket_srtp::suite::Suite;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::clip::{
    FRAMES, all_pixels, assert_runs_through, clip, find, samples, voice,
};
use streamsocket_tests::program::{Program, output, peer};
use streamsocket_tests::turn;

/// Bytes of a decoded 1280x720 picture by GStreamer, which makes 4:2:0 of it.
const GSTREAMER_BYTES: usize = 1280 * 720 * 3 / 2;

/// Pictures that GStreamer takes.
const TAKEN: usize = 45;

/// ffmpeg as a receiver, which writes JPEGs and samples.
fn ffmpeg(sdp: &Path, video: &Path, audio: &Path) -> Command {
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-protocol_whitelist", "file,udp,rtp,srtp"]);
    ffmpeg.args(["-buffer_size", "8000000", "-i"]).arg(sdp);
    ffmpeg.args(["-map", "0:v", "-frames:v", &FRAMES.to_string(), "-c", "copy", "-f", "mjpeg"]);
    ffmpeg.arg(video).args(["-map", "0:a", "-t", "2", "-c:a", "pcm_s16le", "-f", "wav"]).arg(audio);
    ffmpeg
}

/// A later ffmpeg stays black: it takes the counter for 0 (libavformat/srtp.c).
#[test]
fn ffmpeg_that_is_there_from_the_beginning_is_exact_in_every_picture() {
    let _turn = turn();
    let sealed = Sealed::new();
    let place = sealed.place;
    let crypto = format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 {}\r\n", sealed.line("key").trim());
    let plain = place.plain_sdp(Some("L16/48000/1")).replace("RTP/AVP", "RTP/SAVP");
    let (video, sound) = plain.split_at(plain.find("m=audio").unwrap());
    let sdp = sealed.at("crypto.sdp");
    fs::write(&sdp, format!("{video}{crypto}{sound}{crypto}")).unwrap();
    let (video, audio) = (sealed.at("it.mjpeg"), sealed.at("it.wav"));
    let player = Program::start(&mut ffmpeg(&sdp, &video, &audio));
    place.wait_for_member();
    let daemon = sealed.sends("640x480", Suite::AesCm128HmacSha1_80, &[]);
    let said = player.succeed();
    daemon.interrupt().succeeded();
    let received = all_pixels(&fs::read(&video).unwrap());
    assert!(received.len() >= FRAMES - 1, "{} pictures: {said}", received.len());
    let source = all_pixels(&fs::read(clip("640x480")).unwrap());
    let first = assert_runs_through(&source, &received);
    let (heard, spoken) = (samples(&audio), samples(&voice()));
    assert!(heard.len() >= 48_000 && find(&spoken, &heard[..48_000]).is_some(), "another sound");
    println!("ffmpeg: {} pictures from number {first} on", received.len());
}

/// GStreamer as a receiver of pictures that is told the key and, if it is known, the counter.
fn gstreamer(sealed: &Sealed, suite: Suite, rollovers: Option<u32>, out: &Path) -> Command {
    let (place, key) = (sealed.place, bytes_of(&sealed.master()));
    let described = sealed.described();
    let ssrc = described.lines().find_map(|line| line.strip_prefix("a=ssrc:")).unwrap();
    let ssrc = ssrc.split(' ').next().unwrap();
    let (cipher, tag) = match suite {
        Suite::AesCm128HmacSha1_80 => ("aes-128-icm", "hmac-sha1-80"),
        Suite::AeadAes128Gcm => ("aes-128-gcm", "null"),
    };
    let key = hex(&key[..KEY_LEN + suite.salt_len()]);
    let counter = rollovers.map_or_else(String::new, |it| format!(",roc=(uint){it}"));
    let mut gst = peer("gst-launch-1.0");
    gst.args(["-q", "udpsrc", "buffer-size=8000000", "multicast-iface=lo"]);
    gst.args([format!("address={}", place.group), format!("port={}", place.port)]);
    gst.arg(format!(
        "caps=application/x-srtp,media=video,clock-rate=90000,encoding-name=JPEG,payload=26,\
         ssrc=(uint){ssrc},srtp-key=(buffer){key},srtp-cipher={cipher},srtp-auth={tag},\
         srtcp-cipher={cipher},srtcp-auth={tag}{counter}"
    ));
    gst.args(["!", "srtpdec", "!", "rtpjitterbuffer", "!", "rtpjpegdepay", "!", "jpegdec", "!"]);
    gst.args(["identity", &format!("eos-after={}", TAKEN + 1), "!", "filesink"]);
    gst.arg(format!("location={}", out.display()));
    gst
}

/// Pictures of the clip, as GStreamer decodes them.
fn decoded() -> Vec<u8> {
    let mut decoder = peer("gst-launch-1.0");
    decoder.args(["-q", "filesrc", &format!("location={}", clip("1280x720").display())]);
    output(decoder.args(["!", "jpegdec", "!", "fdsink"]))
}

#[test]
fn gstreamer_is_exact_in_every_picture_early_and_late() {
    let _turn = turn();
    let clip = decoded();
    let source: Vec<_> = clip.chunks(GSTREAMER_BYTES).collect();
    for suite in Suite::ALL {
        let sealed = Sealed::new();
        let daemon = sealed.sends("1280x720", suite, &["--packet-size", SMALL]);
        let mut counters = Vec::new();
        for at_least in [0, 2] {
            wait_until("the counter is there", || sealed.rollovers() >= at_least);
            let counter = sealed.rollovers();
            let out = sealed.at("it.yuv");
            // At the beginning nobody need tell it.
            let told = (counter > 0).then_some(counter);
            Program::start(&mut gstreamer(&sealed, suite, told, &out)).succeed();
            let received = fs::read(&out).unwrap();
            let received: Vec<_> = received.chunks(GSTREAMER_BYTES).collect();
            assert!(received.len() >= TAKEN - 1, "{suite} {counter}: {}", received.len());
            assert_runs_through(&source, &received);
            counters.push(counter);
        }
        println!("{suite}: GStreamer joined at counters {counters:?}, {TAKEN} pictures each");
        daemon.interrupt().succeeded();
    }
}
