//! The recorder's files read back by ffmpeg, which knows nothing of our writer.

use std::process::{Command, Stdio};

use super::*;
use std::fs::OpenOptions;
use std::path::Path;

mod seeking;

const VIDEO: VideoTrack = VideoTrack { width: 32, height: 16, frame_nanos: Some(33_333_333) };
const AUDIO: AudioTrack = AudioTrack { rate: 48_000, channels: 2, coding: Coding::Pcm };
const PACKET_NANOS: i64 = 5_000_000;

fn jpeg(number: u8) -> Vec<u8> {
    let pixels = vec![number.wrapping_mul(40); 3 * 32 * 16];
    let format = turbojpeg::PixelFormat::RGB;
    let image = turbojpeg::Image { pixels: &pixels[..], width: 32, pitch: 96, height: 16, format };
    let subsamp = turbojpeg::Subsamp::Sub2x2;
    let mut jpeg = turbojpeg::compress(image, 80, subsamp).unwrap().to_vec();
    // A comment of its own, so that no two pictures have the same bytes.
    jpeg.splice(2..2, [0xff, 0xfe, 0, 3, number]);
    jpeg
}

fn packet(number: i64) -> Vec<i16> {
    (0..480).map(|i| i16::try_from((number * 480 + i) % 60_000 - 30_000).unwrap()).collect()
}

fn create(
    path: &Path,
    video: Option<VideoTrack>,
    audio: Option<AudioTrack>,
) -> Result<Recorder, Error> {
    Recorder::start(Destination::open(path)?, video, audio)
}

/// A second of pictures at uneven times and of sound, the sound a tenth of a second behind.
fn record(path: &Path) -> (Summary, Vec<(i64, Vec<u8>)>) {
    let mut recorder = create(path, Some(VIDEO), Some(AUDIO)).unwrap();
    let (mut frames, mut sound) = (Vec::new(), 0);
    for number in 0..30_u8 {
        let nanos = i64::from(number) * 33_333_333 + i64::from(number % 7) * 123_456;
        let jpeg = jpeg(number);
        recorder.write_video(nanos, &jpeg).unwrap();
        frames.push((nanos, jpeg));
        while sound * PACKET_NANOS < nanos - 100_000_000 {
            recorder.write_audio(sound * PACKET_NANOS, &packet(sound)).unwrap();
            sound += 1;
        }
    }
    for number in sound..200 {
        recorder.write_audio(number * PACKET_NANOS, &packet(number)).unwrap();
    }
    (recorder.finish().unwrap(), frames)
}

/// Standard output of a program of ffmpeg's; it must know how to read the file without complaint.
fn run(program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program)
        .args(["-v", "error"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|e| panic!("{program}: {e}: install ffmpeg"));
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && complaints.is_empty(), "{program}: {complaints}");
    output.stdout
}

/// Time in seconds and size in bytes of every packet of a stream.
fn packets(path: &Path, stream: &str) -> Vec<(f64, usize)> {
    let path = path.to_str().unwrap();
    let entries = ["-select_streams", stream, "-show_entries", "packet=pts_time,size"];
    let text = run("ffprobe", &[&entries[..], &["-of", "csv=p=0", path]].concat());
    let line = |line: &str| {
        let mut fields = line.split(',');
        let mut next = || fields.next().unwrap();
        (next().parse().unwrap(), next().parse().unwrap())
    };
    String::from_utf8(text).unwrap().lines().map(line).collect()
}

#[test]
fn pictures_keep_their_bytes_and_times() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mkv");
    let (summary, frames) = record(&path);
    let read = packets(&path, "v");
    assert_eq!(read.len(), frames.len());
    for ((time, size), (nanos, jpeg)) in read.iter().zip(&frames) {
        #[expect(clippy::cast_precision_loss, reason = "below a second")]
        let error = time - *nanos as f64 / 1e9;
        assert!(error.abs() < 0.000_1 && *size == jpeg.len(), "{nanos}: {time} {size}");
    }
    let name = path.to_str().unwrap();
    let bytes = run("ffmpeg", &["-i", name, "-map", "0:v", "-c", "copy", "-f", "mjpeg", "-"]);
    assert_eq!(bytes, frames.iter().flat_map(|(_, jpeg)| jpeg.clone()).collect::<Vec<_>>());
    assert_eq!(summary.bytes, fs::metadata(&path).unwrap().len());
    assert_eq!((summary.pictures, summary.audio_blocks, summary.before_start), (30, 200, 0));
}

#[test]
fn sound_keeps_its_samples_and_times() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mkv");
    record(&path);
    let read = packets(&path, "a");
    assert_eq!(read.len(), 200);
    for (number, (time, size)) in (0_i32..).zip(read) {
        assert!((time - f64::from(number) * 0.005).abs() < 0.000_1 && size == 960, "{time}");
    }
    let name = path.to_str().unwrap();
    let bytes = run("ffmpeg", &["-i", name, "-map", "0:a", "-c", "copy", "-f", "s16le", "-"]);
    let sent: Vec<u8> = (0..200).flat_map(packet).flat_map(i16::to_le_bytes).collect();
    assert!(bytes == sent);
}

#[test]
fn the_file_says_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mkv");
    let (summary, _) = record(&path);
    assert_eq!(summary.nanos, 1_000_123_446);
    let entries = "stream=codec_name,width,height,sample_rate,channels:format=duration";
    let text = run(
        "ffprobe",
        &["-show_entries", entries, "-of", "default=nw=1:nk=1", path.to_str().unwrap()],
    );
    assert_eq!(
        String::from_utf8(text).unwrap().lines().collect::<Vec<_>>(),
        ["mjpeg", "32", "16", "pcm_s16le", "48000", "2", "1.000130"]
    );
}

#[test]
fn a_cut_file_plays_up_to_the_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mkv");
    let (_, frames) = record(&path);
    let whole = fs::read(&path).unwrap();
    let all: Vec<_> = packets(&path, "v");
    let cut = folder.path().join("cut.mkv");
    let find = |jpeg: &[u8], bytes: &[u8]| bytes.windows(jpeg.len()).any(|part| part == jpeg);
    let mut lengths = Vec::new();
    let begin = whole.windows(4).position(|id| id == [0x1f, 0x43, 0xb6, 0x75]).unwrap();
    // A step without a pattern, so that cuts fall into heads, pictures, sound and clusters.
    for len in (begin + 1000..whole.len()).step_by((whole.len() - begin) / 37) {
        fs::write(&cut, &whole[..len]).unwrap();
        let complete = frames.iter().filter(|(_, jpeg)| find(jpeg, &whole[begin..len])).count();
        let output = Command::new("ffprobe")
            .args(["-v", "quiet", "-select_streams", "v", "-show_entries", "packet=pts_time,size"])
            .args(["-of", "csv=p=0", cut.to_str().unwrap()])
            .output()
            .unwrap();
        let read = String::from_utf8(output.stdout).unwrap().lines().count();
        // ffmpeg also hands out what there is of the picture that the cut went through.
        assert!((complete..=complete + 1).contains(&read), "{len} bytes: {read} of {complete}");
        lengths.push(read);
    }
    assert!(lengths.is_sorted() && *lengths.last().unwrap() >= all.len() - 1, "{lengths:?}");
}

#[test]
fn blocks_from_before_the_start_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mkv");
    let mut recorder = create(&path, Some(VIDEO), Some(AUDIO)).unwrap();
    recorder.write_video(-1, &jpeg(0)).unwrap();
    recorder.write_audio(-PACKET_NANOS, &packet(0)).unwrap();
    recorder.write_video(0, &jpeg(1)).unwrap();
    let summary = recorder.finish().unwrap();
    assert_eq!((summary.pictures, summary.audio_blocks, summary.before_start), (1, 0, 2));
    assert_eq!(packets(&path, "v").len(), 1);
}

#[test]
fn sound_alone_and_odd_lengths() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mkv");
    let track = AudioTrack { rate: 16_000, channels: 1, ..AUDIO };
    let mut recorder = create(&path, None, Some(track)).unwrap();
    let samples: Vec<i16> = (0..1_500).map(|i| i * 20 - 15_000).collect();
    recorder.write_audio(0, &samples).unwrap();
    assert!(matches!(recorder.write_video(0, &jpeg(0)), Err(Error::NoTrack("video"))));
    assert_eq!(recorder.finish().unwrap().nanos, 93_750_000);
    let bytes = run("ffmpeg", &["-i", path.to_str().unwrap(), "-c", "copy", "-f", "s16le", "-"]);
    assert!(bytes == samples.iter().flat_map(|s| s.to_le_bytes()).collect::<Vec<_>>());
}

#[test]
fn opus_keeps_its_packets_and_times_and_is_decoded_from_its_first_sample_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mkv");
    let track = AudioTrack { coding: Coding::Opus, ..AUDIO };
    let mut recorder = create(&path, None, Some(track)).unwrap();
    // Silence of 20 ms in stereo.
    let packet = [0xFC, 0xFF, 0xFE];
    for number in 0..50 {
        recorder.write_opus(number * 20_000_000, &packet).unwrap();
    }
    recorder.write_opus(-1, &packet).unwrap();
    assert!(matches!(recorder.write_opus(0, &[]), Err(Error::NoTrack("audio"))));
    let summary = recorder.finish().unwrap();
    assert_eq!((summary.audio_blocks, summary.before_start), (50, 1));
    assert_eq!(summary.nanos, 1_000_000_000);
    let read = packets(&path, "a");
    let right = |(number, (time, size)): (i32, &(f64, usize))| {
        *size == 3 && (time - f64::from(number) * 0.02).abs() < 0.000_1
    };
    assert!(read.len() == 50 && (0..).zip(&read).all(right), "{read:?}");
    let name = path.to_str().unwrap();
    let samples = run("ffmpeg", &["-i", name, "-f", "s16le", "-"]);
    assert_eq!(samples.len(), 48_000 * 4);
}

#[test]
fn a_file_is_overwritten_only_by_a_recording_that_begins() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mkv");
    // Longer than the room in front of the pictures.
    let old = vec![7; 1_000_000];
    fs::write(&path, &old).unwrap();
    drop(Destination::overwrite(&path).unwrap());
    assert!(
        fs::read(&path).unwrap() == old,
        "a file was touched by a recording that did not begin"
    );
    let replacing = Destination::overwrite(&path).unwrap();
    let mut recorder = Recorder::start(replacing, Some(VIDEO), None).unwrap();
    recorder.write_video(0, &jpeg(0)).unwrap();
    recorder.finish().unwrap();
    let new = folder.path().join("new.mkv");
    let mut recorder =
        Recorder::start(Destination::overwrite(&new).unwrap(), Some(VIDEO), None).unwrap();
    recorder.write_video(0, &jpeg(0)).unwrap();
    recorder.finish().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), fs::metadata(&new).unwrap().len());
}

#[test]
fn a_file_is_not_overwritten_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mkv");
    fs::write(&path, b"precious").unwrap();
    let error = create(&path, Some(VIDEO), None).unwrap_err();
    assert!(matches!(error, Error::Exists(_)), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    let missing = folder.path().join("no/out.mkv");
    let error = create(&missing, Some(VIDEO), None).unwrap_err().to_string();
    assert!(error.contains("no/out.mkv: No such file"), "{error}");
}

#[test]
fn a_full_disk_ends_the_recording() {
    let error = create(Path::new("/dev/full"), Some(VIDEO), None).unwrap_err();
    assert!(error.to_string().contains("/dev/full ended: No space left on device"), "{error}");
    let mut recorder = create(Path::new("/dev/null"), Some(VIDEO), None).unwrap();
    recorder.write_video(0, &jpeg(0)).unwrap();
    recorder.finish().unwrap();
}

#[test]
fn a_reader_that_goes_ends_the_recording() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fifo");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut reader =
        Command::new("head").arg("-c1").arg(&path).stdout(Stdio::null()).spawn().unwrap();
    let mut recorder = create(&path, Some(VIDEO), None).unwrap();
    reader.wait().unwrap();
    // Larger than the pipe: it cannot be swallowed by a reader that is still going away.
    let error = recorder.write_video(0, &vec![0; 1 << 20]).unwrap_err().to_string();
    assert_eq!(error, "recording ended: the program that read it has gone");
}
