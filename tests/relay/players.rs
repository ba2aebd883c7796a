//! ffmpeg and GStreamer publish, and our receiver and ffmpeg play what becomes of it.

use crate::relaying::{Relay, announced, of};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::clip::{assert_runs_through, clip, find, recorded_video, samples, voice};
use streamsocket_tests::program::{Program, output, peer, receiver};
use streamsocket_tests::recording::{Recording, all_coded};
use streamsocket_tests::wire::Tap;

/// ffmpeg, which publishes a clip and a voice, round and round.
pub(crate) fn ffmpeg(url: &str, way: &str) -> Command {
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-re", "-stream_loop", "-1", "-framerate", "30"]);
    ffmpeg.args(["-f", "mjpeg", "-i"]).arg(clip("640x480"));
    ffmpeg.args(["-re", "-stream_loop", "-1", "-i"]).arg(voice());
    ffmpeg.args(["-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "pcm_s16be"]);
    ffmpeg.args(["-f", "rtsp", "-rtsp_transport", way, url]);
    ffmpeg
}

/// A minute of the clip, round and round, with times: what is published, as it can be compared.
fn minute(relay: &Relay) -> PathBuf {
    let [mjpeg, path] = ["minute.mjpeg", "minute.mkv"].map(|it| relay.folder.path().join(it));
    fs::write(&mjpeg, fs::read(clip("640x480")).unwrap().repeat(20)).unwrap();
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-framerate", "30", "-f", "mjpeg", "-i"]).arg(&mjpeg);
    output(ffmpeg.args(["-c", "copy"]).arg(&path));
    path
}

/// What our receiver, asked by name, records of a session in a while.
pub(crate) fn recorded(relay: &Relay, name: &str) -> Recording {
    let out = relay.folder.path().join("out.mkv");
    let mut command = receiver();
    let mut receiver = Program::start(command.arg(relay.title(name)).arg("--record").arg(&out));
    wait_until("a recording", || fs::metadata(&out).is_ok_and(|it| it.len() > 4_000_000));
    receiver.said();
    receiver.interrupt().succeeded();
    Recording::read(&out)
}

/// Whether a session is recorded as it was published.
fn is_exact(relay: &mut Relay, name: &str, published: &Path) {
    relay.wait_for_group(name);
    is_recorded_exactly(relay, name, &all_coded(&recorded_video(published)));
}

/// The same of a session that goes on already, of these pictures.
pub(crate) fn is_recorded_exactly(relay: &mut Relay, name: &str, published: &[u64]) {
    let recording = recorded(relay, name);
    assert_runs_through(published, &recording.coded());
    assert!(recording.video.len() > 40, "{}", recording.video.len());
    is_heard_exactly(&recording);
    let said = relay.program.said();
    assert!(!said.contains("not handed on"), "{said}");
}

/// Whether the sound of a recording, if it has any, is the voice's.
pub(crate) fn is_heard_exactly(recording: &Recording) {
    let heard = recording.samples();
    if !heard.is_empty() {
        // Somewhere in the middle; the voice goes round and round, too.
        let part = &heard[heard.len() / 2..heard.len() / 2 + 4800];
        assert!(find(&samples(&voice()).repeat(2), part).is_some(), "{} samples", heard.len());
    }
}

fn ffmpeg_is_played_exactly(way: &str) {
    let _turn = streamsocket_tests::turn();
    let mut relay = Relay::new();
    let minute = minute(&relay);
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-re", "-i"]).arg(&minute);
    ffmpeg
        .args(["-re", "-stream_loop", "-1", "-i"])
        .arg(voice())
        .args(["-map", "0:v", "-map", "1:a"]);
    ffmpeg.args(["-c:v", "copy", "-c:a", "pcm_s16be", "-f", "rtsp", "-rtsp_transport", way]);
    let _ffmpeg = Program::start(ffmpeg.arg(relay.url("Anna")));
    is_exact(&mut relay, "Anna", &minute);
}

#[test]
fn ffmpeg_by_udp_is_played_by_name_as_it_was_pushed() {
    ffmpeg_is_played_exactly("udp");
}

#[test]
fn ffmpeg_within_the_connection_is_played_by_name_as_it_was_pushed() {
    ffmpeg_is_played_exactly("tcp");
}

#[test]
fn ffmpeg_plays_what_ffmpeg_pushes_by_its_description() {
    let _turn = streamsocket_tests::turn();
    let mut relay = Relay::new();
    let _ffmpeg = Program::start(&mut ffmpeg(&relay.url("Anna"), "udp"));
    let tap = Tap::on(of(relay.wait_for_group("Anna")));
    let (mut got, title) = (Vec::new(), relay.title("Anna"));
    wait_until("a description", || {
        got.extend(tap.so_far());
        !announced(&got, &title).is_empty()
    });
    drop(tap);
    let (sdp, out) = (relay.folder.path().join("x.sdp"), relay.folder.path().join("out.mkv"));
    fs::write(&sdp, &announced(&got, &title)[0].1).unwrap();
    let mut player = peer("ffmpeg");
    player.args(["-v", "error", "-nostdin", "-protocol_whitelist", "file,udp,rtp"]);
    player.args(["-localaddr", "127.0.0.1", "-i"]).arg(&sdp).args(["-t", "2", "-c:v", "copy"]);
    output(player.arg(&out));
    is_of_the_clip(&out, 30);
}

/// Whether a recording has so many pictures, all of the clip. Other players have small buffers, and what they lose is no
/// loss of the relay's.
pub(crate) fn is_of_the_clip(recording: &Path, least: usize) {
    let clip = all_coded(&fs::read(clip("640x480")).unwrap());
    let got = all_coded(&recorded_video(recording));
    assert!(got.iter().all(|it| clip.contains(it)));
    assert!(got.len() > least, "{}", got.len());
}

fn gstreamer_is_played_exactly(protocols: &str) {
    let _turn = streamsocket_tests::turn();
    let mut relay = Relay::new();
    let minute = minute(&relay);
    let mut gst = peer("gst-launch-1.0");
    gst.args(["-q", "filesrc"]).arg(format!("location={}", minute.display()));
    gst.args(["!", "matroskademux", "!", "rtspclientsink"]);
    gst.arg(format!("location={}", relay.url("Berta"))).arg(format!("protocols={protocols}"));
    let _gstreamer = Program::start(&mut gst);
    is_exact(&mut relay, "Berta", &minute);
}

#[test]
fn gstreamer_by_udp_is_played_by_name_as_it_was_pushed() {
    gstreamer_is_played_exactly("udp");
}

#[test]
fn gstreamer_within_the_connection_is_played_by_name_as_it_was_pushed() {
    gstreamer_is_played_exactly("tcp");
}
