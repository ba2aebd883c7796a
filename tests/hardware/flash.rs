//! Flash and beep through the camera and its microphone: how far apart they are in a recording, and
//! whether that changes, though the microphone's clock is wrong.

use crate::{Received, Session, number_before, v4l2};
use std::fs;
use streamsocket_tests::board::Webcam;
use streamsocket_tests::pairs::{Pairs, is_flash, slope};
use streamsocket_tests::place::Place;
use streamsocket_tests::presented::{Presented, account, beginning, presented, time_of};
use streamsocket_tests::program::{peer, receiver, text as text_of};
use streamsocket_tests::recording::Recording;
use streamsocket_tests::session::daemon_at;
use turbojpeg::{Image, PixelFormat, Subsamp, compress};

const SECONDS: u64 = 60;

/// A card that plays to nobody, by the kernel's timer.
const LOOPBACK: &str = "hw:CARD=Loopback,DEV=0";

/// Frames a second: what an emulated processor manages, every one of them.
const RATE: usize = 10;

/// Error of the microphone's clock, in parts per million.
const PPM: u32 = 200;

/// Samples that the microphone takes in ten seconds.
const SAMPLES_IN_TEN: u32 = 480_000 + 480 * PPM / 1000;

/// The beep: a twentieth of a second, in samples; and half a period of its tone.
const BEEP: u32 = 2400;
const HALF_PERIOD: u32 = 24;

/// A second of pictures, the first of them white.
fn pictures() -> Vec<u8> {
    let picture = |light: u8| {
        let pixels = vec![light; 320 * 240 * 3];
        let format = PixelFormat::RGB;
        let image = Image { pixels: &pixels[..], width: 320, pitch: 960, height: 240, format };
        compress(image, 80, Subsamp::Sub2x1).unwrap().to_vec()
    };
    (0..RATE).flat_map(|frame| picture(if frame == 0 { 255 } else { 0 })).collect()
}

/// What the microphone takes down of a beep every true second, for a minute: raw samples.
fn sound() -> Vec<u8> {
    let beep = |sample: u32| {
        let since = sample * 10 % SAMPLES_IN_TEN / 10;
        match since / HALF_PERIOD % 2 {
            _ if since >= BEEP => 0_i16,
            0 => 12_000,
            _ => -12_000,
        }
    };
    (0..6 * SAMPLES_IN_TEN).flat_map(|sample| beep(sample).to_le_bytes()).collect()
}

/// Times in seconds of white pictures.
fn flashes(recording: &Recording) -> Vec<f64> {
    let white = recording.video.iter().filter(|(_, jpeg)| is_flash(jpeg));
    white.map(|(nanos, _)| *nanos as f64 / 1e9).collect()
}

/// Times in seconds of beeps that follow half a second of silence: by the time of the block that
/// they are in, and by counting samples from the first block on.
fn beeps(recording: &Recording) -> Vec<(f64, f64)> {
    let start = recording.audio.first().map_or(0, |(nanos, _)| *nanos) as f64 / 1e9;
    let (mut beeps, mut silence, mut count) = (Vec::new(), 0, 0);
    for (nanos, samples) in &recording.audio {
        for (index, sample) in samples.iter().enumerate() {
            if *sample == 0 {
                silence += 1;
            } else {
                if silence > 24_000 {
                    let by_block = *nanos as f64 / 1e9 + index as f64 / 48_000.0;
                    beeps.push((by_block, start + f64::from(count) / 48_000.0));
                }
                silence = 0;
            }
            count += 1;
        }
    }
    beeps
}

#[test]
fn flash_and_beep_of_a_microphone_whose_clock_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let (clip, raw) = (folder.path().join("flash.mjpeg"), folder.path().join("beep.raw"));
    fs::write(&clip, pictures()).unwrap();
    fs::write(&raw, sound()).unwrap();
    let text = |path: &std::path::Path| path.display().to_string();
    let ppm = PPM.to_string();
    let mut webcam = Webcam::plug(
        "flash",
        &[
            &text(&clip),
            "--rates",
            &RATE.to_string(),
            "--microphone",
            "mono",
            "--sound",
            &text(&raw),
            "--ppm",
            &ppm,
        ],
    );
    let mut daemon = daemon_at(Place::new());
    daemon.args(["--video", &v4l2(&webcam.camera())]);
    daemon.args(["--audio", &format!("alsa:{}", webcam.card())]);
    daemon.args(crate::WITHOUT_REPAIR);
    text_of(peer("modprobe").arg("snd-aloop"));
    let mut receiver = receiver();
    account(receiver.args(["--speaker", LOOPBACK]));
    let session = Session::start_with(&mut daemon, &mut receiver);
    session.go_on(SECONDS);
    let received = session.end();
    let (flashes, beeps) = (flashes(&received.recording), beeps(&received.recording));
    let pairs = Pairs::new(&flashes, &beeps.iter().map(|(at, _)| *at).collect::<Vec<_>>());
    let counted: Vec<(f64, f64)> = beeps.iter().map(|(at, by)| (*at, by - at)).collect();
    println!(
        "microphone {PPM} ppm fast, recorded: {pairs}; by counting samples at 48 kHz the trend would be \
         {:+.0} ppm more",
        slope(&counted) * 1e6,
    );
    let presented = as_presented(&received);
    println!("shown, and heard from a card of the kernel's: {presented}");
    let late = number_before(&received.said, " overruns") + webcam.losses();
    println!("the board was too slow for its microphone {late} times");
    // Where samples are lost, the microphone's clock is learnt anew, which takes seconds. Presenting, too, is work
    // for an emulated processor.
    let (percent, heard) = if late == 0 { (80, SECONDS / 2) } else { (33, SECONDS / 3) };
    assert_steady(&presented, heard, percent, &received.said);
    assert_steady(&pairs, SECONDS * 3 / 4, percent, &received.said);
}

/// Flash and beep as they were shown and heard: by the clock read after a picture was shown, and by the
/// card's position.
fn as_presented(received: &Received) -> Pairs {
    let recording = &received.recording;
    let of = |what| presented(&received.played, what);
    let (shown, heard) = (of("shown"), of("heard"));
    let start = beginning(recording, &of("decoded"));
    let moment = |seconds: f64| start + (seconds * 1e9) as i64;
    let times = |times: Vec<f64>, presented: &[Presented]| -> Vec<f64> {
        times.into_iter().filter_map(|at| time_of(presented, moment(at))).collect()
    };
    let beeps: Vec<f64> = beeps(recording).iter().map(|(at, _)| *at).collect();
    Pairs::new(&times(flashes(recording), &shown), &times(beeps, &heard)).after(3.0)
}

/// Asserts that more than so many per cent of the offsets are the same: a board that is kept from its work gives some
/// of them late.
#[track_caller]
fn assert_steady(pairs: &Pairs, least: u64, percent: usize, said: &str) {
    let (offsets, median) = (&pairs.offsets, pairs.median());
    assert!(offsets.len() as u64 > least, "{pairs}\n{said}");
    let near = offsets.iter().filter(|(_, offset)| (offset - median).abs() < 0.02).count();
    assert!(near * 100 > offsets.len() * percent, "{near} near {median:.3}: {offsets:.3?}");
}
