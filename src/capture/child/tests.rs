//! With the real ffmpeg, on clips made by it. Time is the test's own: a source that waits for its
//! time gets it at once, and one that waits for its child waits on the pipe.

use super::super::mjpeg_reader::tests::picture;
use super::super::mjpeg_stream::wait_readable;
use super::feed::Feed;
use super::process::spawn;
use super::*;
use crate::beside;
use crate::capture::frame::{AudioPoll, VideoPoll};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_media::{AudioFormat, FrameRate};
use turbojpeg::{Subsamp, read_header};

const EPOCH: Monotonic = Monotonic(1_000_000_000);
const RATE: FrameRate = FrameRate { numerator: 25, denominator: 1 };
const SETTINGS: VideoSettings =
    VideoSettings { rate: None, size: None, epoch: EPOCH, looped: false, fits: |_| true };
/// Polls without a result before a test gives up: a minute.
const PATIENCE: u32 = 6000;

fn ffmpeg(arguments: &str, out: &Path) {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-y"]).args(arguments.split_whitespace()).arg(out);
    assert!(command.status().unwrap().success(), "{arguments}");
}

/// A clip of so many seconds and the folder that it is in.
fn clip(name: &str, seconds: u32, codecs: &str) -> (tempfile::TempDir, ChildInput) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let pictures = "-f lavfi -i testsrc2=size=160x120:rate=25";
    let sound = "-f lavfi -i sine=frequency=500:sample_rate=48000";
    ffmpeg(&format!("{pictures} {sound} -t {seconds} {codecs}"), &path);
    (folder, ChildInput::File(path))
}

/// Sound as ffmpeg itself decodes it.
fn decoded(input: &ChildInput) -> Vec<i16> {
    let ChildInput::File(path) = input else { panic!() };
    let raw = path.with_extension("raw");
    ffmpeg(&format!("-i {} -vn -f s16le", path.display()), &raw);
    let bytes = std::fs::read(raw).unwrap();
    bytes.chunks_exact(2).map(|bytes| i16::from_le_bytes([bytes[0], bytes[1]])).collect()
}

/// Lets a moment pass: up to the deadline if it lies ahead, else while the child works.
fn pass(now: &mut Monotonic, deadline: Option<Monotonic>, feed: &Feed, waited: &mut u32) {
    *waited += 1;
    assert!(*waited < PATIENCE, "the child never came up with anything");
    let step = now.offset(10_000_000);
    // A camera is watched for silence, and a slow machine is no silence.
    let real = if feed.revived { 30 } else { 10 };
    if !wait_readable(&feed.out, real).unwrap() {
        *now = step;
    }
    *now = deadline.unwrap_or(step).max(*now);
}

/// Pictures and their capture times up to the end, or so many.
fn pictures(
    source: &mut ChildVideo,
    now: &mut Monotonic,
    most: usize,
) -> Vec<(Vec<u8>, Monotonic)> {
    let (mut frames, mut waited) = (Vec::new(), 0);
    while frames.len() < most {
        match source.poll(*now).unwrap() {
            VideoPoll::Unit(frame) => {
                frames.push((frame.bytes.to_vec(), frame.capture));
                waited = 0;
            }
            VideoPoll::Idle => pass(now, source.deadline(), &source.feed, &mut waited),
            VideoPoll::End => break,
        }
    }
    frames
}

/// Samples up to the end, or at least so many; their capture times are counted from the epoch.
fn samples(source: &mut ChildAudio, most: usize) -> Vec<i16> {
    let (mut samples, mut out, mut waited, mut now) = (Vec::new(), [0; 480], 0, EPOCH);
    let AudioFormat { rate, channels } = source.format();
    while samples.len() < most {
        match source.poll(now, &mut out).unwrap() {
            AudioPoll::Samples { frames, capture } => {
                let position = u64::try_from(samples.len() / usize::from(channels)).unwrap();
                let expected = streamsocket_media::clock::sample_nanos(position, rate);
                assert_eq!(capture.nanos_since(EPOCH), expected);
                samples.extend(&out[..frames * usize::from(channels)]);
                waited = 0;
            }
            AudioPoll::Idle => pass(&mut now, source.deadline(), &source.feed, &mut waited),
            AudioPoll::End => break,
        }
    }
    samples
}

#[test]
fn every_frame_and_sample_of_a_file_comes_out() {
    for (name, codecs) in [
        ("clip.mp4", "-c:v mpeg4 -c:a aac"),
        ("clip.mkv", "-c:v mpeg4 -c:a pcm_s16le -ac 2"),
        ("clip.mov", "-c:v mjpeg -huffman default -pix_fmt yuvj420p -c:a pcm_s16le"),
    ] {
        let (_folder, input) = clip(name, 2, codecs);
        let probe = probe(&input).unwrap();
        assert_eq!(probe.video.as_ref().unwrap().rate, Some(RATE), "{name}");
        let mut video = ChildVideo::open(&input, &probe, &SETTINGS).unwrap();
        let format = video.format();
        assert_eq!((format.width, format.height, format.rate), (160, 120, Some(RATE)));
        let frames = pictures(&mut video, &mut EPOCH.clone(), usize::MAX);
        assert_eq!((frames.len(), video.dropped()), (50, 0), "{name}");
        for (index, (jpeg, capture)) in (0..).zip(&frames) {
            assert_eq!(capture.nanos_since(EPOCH), RATE.frame_nanos(index));
            assert_eq!(read_header(jpeg).unwrap().subsamp, Subsamp::Sub2x2);
        }
        let mut audio = ChildAudio::open(&input, &probe, EPOCH, false).unwrap();
        assert_eq!(audio.format().channels, if name == "clip.mkv" { 2 } else { 1 });
        assert_eq!(samples(&mut audio, usize::MAX), decoded(&input), "{name}");
    }
}

#[test]
fn pictures_without_an_end_come_out_of_a_container() {
    let folder = tempfile::tempdir().unwrap();
    let (bare, path) = (folder.path().join("bare.mjpeg"), folder.path().join("bare.mkv"));
    let pictures_in: Vec<_> = [10, 90, 170].map(picture).to_vec();
    let stream: Vec<u8> =
        pictures_in.iter().flat_map(|it| it[..it.len() - 2].iter().copied()).collect();
    std::fs::write(&bare, stream).unwrap();
    ffmpeg(&format!("-f mjpeg -framerate 25 -i {} -c copy", bare.display()), &path);
    let input = ChildInput::File(path);
    let probe = probe(&input).unwrap();
    let mut source = ChildVideo::open(&input, &probe, &SETTINGS).unwrap();
    let mut now = EPOCH;
    let came = pictures(&mut source, &mut now, usize::MAX);
    assert_eq!((came.len(), source.dropped()), (3, 0));
    for ((came, _), picture) in came.iter().zip(&pictures_in) {
        assert!(came.starts_with(&picture[..picture.len() - 2]));
    }
}

#[test]
fn pictures_are_encoded_anew_only_if_they_must_be() {
    let codecs = "-c:v mjpeg -huffman default -pix_fmt yuvj422p -an";
    let (_folder, input) = clip("clip.avi", 2, codecs);
    let probe = probe(&input).unwrap();
    assert_eq!(probe.audio, None);
    let subsamp = |settings: &VideoSettings| {
        let mut frames = preload(&input, &probe, settings).unwrap();
        let VideoPoll::Unit(frame) = frames.poll(EPOCH).unwrap() else { panic!() };
        let header = read_header(&frame.bytes).unwrap();
        (header.subsamp, header.width, frames.format().reckoned_rate())
    };
    assert_eq!(subsamp(&SETTINGS), (Subsamp::Sub2x1, 160, RATE));
    let anew = VideoSettings { fits: |_| false, ..SETTINGS };
    assert_eq!(subsamp(&anew), (Subsamp::Sub2x2, 160, RATE));
    let smaller = VideoSettings { size: Some((80, 64)), ..SETTINGS };
    assert_eq!(subsamp(&smaller), (Subsamp::Sub2x2, 80, RATE));
    let rate = FrameRate { numerator: 5, denominator: 1 };
    let slower = VideoSettings { rate: Some(rate), ..SETTINGS };
    assert_eq!(subsamp(&slower), (Subsamp::Sub2x2, 160, rate));
    let error = ChildAudio::open(&input, &probe, EPOCH, false).unwrap_err();
    assert!(error.to_string().ends_with("clip.avi holds no sound"));
}

#[test]
fn rounds_of_a_loop_begin_together() {
    // The sound is shorter than the pictures: 1.5 s of 2.
    let codecs = "-c:v mpeg4 -c:a pcm_s16le -filter:a atrim=end=1.5";
    let (_folder, input) = clip("clip.mkv", 2, codecs);
    let probe = probe(&input).unwrap();
    assert_eq!(probe.duration, Some(Duration::from_secs(2)));
    let settings = VideoSettings { looped: true, ..SETTINGS };
    let mut video = ChildVideo::open(&input, &probe, &settings).unwrap();
    let frames = pictures(&mut video, &mut EPOCH.clone(), 110);
    for (index, (jpeg, capture)) in (0..).zip(&frames) {
        assert_eq!(capture.nanos_since(EPOCH), RATE.frame_nanos(index));
        assert_eq!(jpeg, &frames[usize::try_from(index).unwrap() % 50].0);
    }
    let sound = decoded(&input);
    assert_eq!(sound.len(), 72_000);
    let mut audio = ChildAudio::open(&input, &probe, EPOCH, true).unwrap();
    let heard = samples(&mut audio, 200_000);
    for round in heard.chunks(96_000) {
        assert_eq!(round[..72_000.min(round.len())], sound[..72_000.min(round.len())]);
        assert!(round.iter().skip(72_000).all(|sample| *sample == 0));
    }
}

#[test]
fn a_child_that_is_killed_is_an_error_and_none_is_left_behind() {
    // Longer than the pipe, so that the child cannot have finished.
    let (_folder, input) = clip("clip.mp4", 60, "-c:v mpeg4 -c:a aac");
    let probe = probe(&input).unwrap();
    let mut source = ChildVideo::open(&input, &probe, &SETTINGS).unwrap();
    let child = |source: &ChildVideo| {
        let id = source.feed.process.as_ref().map(|process| process.child.id());
        id.map(|id| PathBuf::from(format!("/proc/{id}")))
    };
    let first = child(&source).unwrap();
    assert!(first.exists());
    source.feed.process.as_mut().unwrap().child.kill().unwrap();
    let mut waited = 0;
    let error = loop {
        match source.poll(Monotonic(i64::MAX / 2)) {
            Ok(VideoPoll::End) => panic!("a killed child is no end of the file"),
            Ok(_) => pass(&mut EPOCH.clone(), None, &source.feed, &mut waited),
            Err(error) => break error.to_string(),
        }
    };
    assert!(error.contains("clip.mp4") && error.contains("signal"), "{error}");
    assert!(!first.exists());
    let again = ChildVideo::open(&input, &probe, &SETTINGS).unwrap();
    let second = child(&again).unwrap();
    drop(again);
    beside::settle(Duration::from_secs(60));
    assert!(!second.exists());
}

#[test]
fn what_ffmpeg_cannot_do_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text.mp4");
    std::fs::write(&path, "no film at all").unwrap();
    let said = |input: &ChildInput| probe(input).unwrap_err().to_string();
    let line = said(&ChildInput::File(path.clone()));
    assert!(line.contains("Invalid data") && !line.contains('\n'), "{line}");
    assert!(said(&ChildInput::File(folder.path().join("none"))).contains("No such file"));
    let line = said(&ChildInput::Live("http://me:secret@127.0.0.1:1/video".into()));
    assert!(line.contains("http://127.0.0.1:1/video") && !line.contains("secret"), "{line}");
    let video = ProbedVideo { codec: "h264".into(), rate: None };
    let probe = Probe { video: Some(video), ..Probe::default() };
    let line =
        ChildVideo::open(&ChildInput::File(path), &probe, &SETTINGS).unwrap_err().to_string();
    assert!(line.contains("text.mp4") && line.contains("Invalid data"), "{line}");
    let line = spawn(Command::new("/no/ffmpeg"), &ChildInput::Live("rtsp://x".into()));
    let line = line.unwrap_err().to_string();
    assert_eq!(line, "ffmpeg is needed for rtsp://x: apt install ffmpeg");
}

/// Serves pictures as cameras do; the connection, if the peer took them.
fn serve(listener: &TcpListener, pictures: &[Vec<u8>]) -> Option<TcpStream> {
    let (mut peer, _) = listener.accept().unwrap();
    let mut request = [0; 4096];
    assert!(peer.read(&mut request).unwrap() > 0);
    let mut answer = b"HTTP/1.0 200 OK\r\n\
        Content-Type: multipart/x-mixed-replace; boundary=next\r\n\r\n"
        .to_vec();
    for picture in pictures {
        let length = picture.len();
        answer.extend(
            format!("--next\r\nContent-Type: image/jpeg\r\nContent-Length: {length}\r\n\r\n")
                .bytes(),
        );
        answer.extend_from_slice(picture);
        answer.extend(b"\r\n");
    }
    answer.extend(b"--next\r\n");
    peer.write_all(&answer).ok().map(|()| peer)
}

#[test]
fn a_camera_that_goes_comes_back() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let sent: Vec<Vec<u8>> = (0..40).map(|index| picture(index * 6)).collect();
    let served = sent.clone();
    let camera = thread::spawn(move || {
        // For the probe, for the first look, and after the camera was gone.
        drop(serve(&listener, &served));
        drop(serve(&listener, &served));
        let silent = serve(&listener, &served[..20]);
        drop(serve(&listener, &served));
        drop(silent);
    });
    let input = ChildInput::Live(format!("http://{address}/video"));
    let probe = probe(&input).unwrap();
    assert_eq!(probe.video.as_ref().map(|video| video.codec.as_str()), Some("mjpeg"));
    let mut source = ChildVideo::open(&input, &probe, &SETTINGS).unwrap();
    let descriptor = source.descriptor();
    let mut now = EPOCH;
    let mut came: Vec<Vec<u8>> = Vec::new();
    let mut last = now;
    while came.len() < 97 {
        // Also through the end of one connection and the silence of another.
        for (jpeg, capture) in pictures(&mut source, &mut now, 1) {
            assert!(capture >= last && capture <= now);
            last = capture;
            // Some versions of ffmpeg look at the first picture of a connection and forget it.
            if jpeg != sent[0] {
                came.push(jpeg);
            }
        }
    }
    assert_eq!(came[..39], sent[1..]);
    assert_eq!(came[39..58], sent[1..20]);
    assert_eq!(came[58..], sent[1..]);
    assert_eq!(source.descriptor(), descriptor);
    drop(source);
    camera.join().unwrap();
}

#[test]
fn sound_of_a_camera_is_stamped_with_its_arrival() {
    let (_folder, clip) = clip("clip.wav", 8, "-map 1:a");
    let ChildInput::File(path) = clip else { panic!() };
    let bytes = std::fs::read(path).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let input = ChildInput::Live(format!("http://{}/sound", listener.local_addr().unwrap()));
    // Whoever asks is answered, as often as it asks: the probe, the first look, and one more after
    // what a slow machine takes for silence.
    thread::spawn(move || {
        for peer in listener.incoming() {
            let (mut peer, bytes) = (peer.unwrap(), bytes.clone());
            thread::spawn(move || {
                // Some only connect, and the probe takes as much as it needs and goes.
                let _asked = peer.read(&mut [0; 4096]);
                let _gone = peer.write_all(b"HTTP/1.0 200 OK\r\nContent-Type: audio/wav\r\n\r\n");
                let _gone = peer.write_all(&bytes);
            });
        }
    });
    let probe = probe(&input).unwrap();
    let mut source = ChildAudio::open(&input, &probe, EPOCH, false).unwrap();
    let (mut now, mut waited, mut out, mut frames) = (EPOCH, 0, [0; 480], 0);
    assert_eq!(source.poll(now, &mut out).unwrap(), AudioPoll::Idle);
    while frames < 48_000 {
        match source.poll(now, &mut out).unwrap() {
            AudioPoll::Samples { frames: more, capture } => {
                assert!((0..250_000_000).contains(&now.nanos_since(capture)));
                frames += more;
                now = now.offset(10_000_000);
            }
            AudioPoll::Idle => pass(&mut now, source.deadline(), &source.feed, &mut waited),
            AudioPoll::End => panic!("cameras have no end"),
        }
    }
}
