//! What is in the files of a recording, as ffmpeg has it.

use super::*;
use std::path::{Path, PathBuf};
use std::process::Command;
use streamsocket_media::clock::Delay;

const SECOND: i64 = 1_000_000_000;

/// Starts recording there; ends it when everything was handed on.
fn record(path: &Path, hand_on: impl FnOnce(&mut Recording)) -> (Result<(), String>, Arc<Shared>) {
    let (mut recording, control, writer, shared) = ends();
    control.start(Destination::open(path).unwrap());
    let written = std::thread::spawn(move || run(&writer));
    hand_on(&mut recording);
    drop((recording, control));
    (written.join().unwrap(), shared)
}

/// A picture of that size, at that time.
fn picture(recording: &mut Recording, millis: i64, size: (u16, u16)) {
    let pixels = vec![0; usize::from(size.0) * usize::from(size.1)];
    let image = turbojpeg::Image {
        pixels: &pixels[..],
        width: size.0.into(),
        pitch: size.0.into(),
        height: size.1.into(),
        format: turbojpeg::PixelFormat::GRAY,
    };
    let jpeg = turbojpeg::compress(image, 80, turbojpeg::Subsamp::Gray).unwrap();
    wait_for_room(recording);
    recording.video(stamp(millis), &jpeg, size);
}

/// A packet of sound, of 5 ms at 8 kHz; its samples are 7.
fn sound(recording: &mut Recording, millis: i64, source: u32) {
    wait_for_room(recording);
    recording.audio(
        Stamp { source, ..stamp(millis) },
        ExtendedTime(1_000_000 + millis * 8),
        &[7; 40],
    );
}

/// What is handed on faster than in time is not to be left out.
fn wait_for_room(recording: &Recording) {
    while recording.waiting.held() > 50_000 {
        std::thread::yield_now();
    }
}

fn ffmpeg(program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program).args(["-v", "error"]).args(arguments).output().unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "{program}: {complaints}");
    output.stdout
}

/// All samples of a file, one after the other.
fn samples(path: &Path) -> Vec<i16> {
    let name = path.to_str().unwrap();
    let bytes = ffmpeg("ffmpeg", &["-i", name, "-map", "0:a", "-c", "copy", "-f", "s16le", "-"]);
    bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// Width, height and number of pictures of a file.
fn pictures(path: &Path) -> String {
    let entries = ["-count_packets", "-select_streams", "v"];
    let show = ["-show_entries", "stream=width,height,nb_read_packets", "-of", "csv=p=0"];
    let text = ffmpeg("ffprobe", &[&entries[..], &show, &[path.to_str().unwrap()]].concat());
    String::from_utf8(text).unwrap().trim().to_owned()
}

/// Where sound begins and ends, in samples.
fn heard(samples: &[i16]) -> Vec<usize> {
    let edges = samples.windows(2).enumerate().filter(|(_, two)| two[0] != two[1]);
    edges.map(|(at, _)| at + 1).collect()
}

#[test]
fn where_the_size_changes_the_recording_goes_on_in_the_next_free_file() {
    let folder = tempfile::tempdir().unwrap();
    let name = |name: &str| -> PathBuf { folder.path().join(name) };
    std::fs::write(name("evening-2.mkv"), "precious").unwrap();
    let sizes = [(32, 16), (48, 32), (32, 16)];
    let (written, shared) = record(&name("evening.mkv"), |recording| {
        for packet in 0..600 {
            if packet % 8 == 0 {
                picture(recording, packet * 5, sizes[usize::try_from(packet / 200).unwrap()]);
            }
            sound(recording, packet * 5, 1);
        }
    });
    assert_eq!(written, Ok(()));
    assert_eq!(std::fs::read(name("evening-2.mkv")).unwrap(), b"precious");
    let files = ["evening.mkv", "evening-3.mkv", "evening-4.mkv"];
    assert_eq!(files.map(|file| pictures(&name(file))), ["32,16,25", "48,32,25", "32,16,25"]);
    let sound: Vec<_> = files.iter().flat_map(|file| samples(&name(file))).collect();
    assert!(sound == [7; 600 * 40], "{} samples, {:?}", sound.len(), heard(&sound));
    let counters = &shared.output;
    assert_eq!((counters.recordings_cut.get(), counters.recording_left_out.get()), (0, 0));
    let sizes = files.map(|file| std::fs::metadata(name(file)).unwrap().len());
    assert_eq!(counters.recorded.get(), sizes.iter().sum::<u64>());
}

#[test]
fn pictures_that_come_later_than_the_sound_are_in_the_next_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mkv");
    let (written, shared) = record(&path, |recording| {
        for packet in 0..800 {
            sound(recording, packet * 5, 1);
            if packet >= 600 && packet % 8 == 0 {
                picture(recording, packet * 5, SIZE);
            }
        }
    });
    assert_eq!((written, shared.output.recording_left_out.get()), (Ok(()), 0));
    assert_eq!(pictures(&folder.path().join("a-2.mkv")), "16,16,25");
    assert_eq!(samples(&path).len(), 600 * 40 + 40);
}

#[test]
fn a_stream_ends_where_the_size_changes_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let path = fifo.clone();
    let read = std::thread::spawn(move || std::fs::read(path).unwrap());
    let (written, shared) = record(&fifo, |recording| {
        for number in 0..10 {
            picture(recording, number * 40, if number < 5 { (32, 16) } else { (48, 32) });
        }
    });
    let problem = written.unwrap_err();
    assert!(problem.starts_with("the pictures are 48x32 now"), "{problem}");
    assert_eq!(shared.output.recordings_cut.get(), 1);
    let file = folder.path().join("read.mkv");
    std::fs::write(&file, read.join().unwrap()).unwrap();
    assert_eq!(pictures(&file), "32,16,5");
}

#[test]
fn a_hole_of_any_length_is_silence_to_the_sample() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mkv");
    // Sound of 0 to 1 s, and from 15 s on; nothing at all comes in between.
    let (written, shared) = record(&path, |recording| {
        for packet in (0..200).chain(3000..3200) {
            if packet % 8 == 0 {
                picture(recording, packet * 5, SIZE);
            }
            sound(recording, packet * 5, 1);
        }
    });
    assert_eq!(written, Ok(()));
    let samples = samples(&path);
    assert_eq!((samples.len(), heard(&samples)), (16 * 8000, vec![8000, 15 * 8000]));
    assert_eq!(shared.output.recording_silence.get(), 14 * SECOND as u64);
}

#[test]
fn while_pictures_go_on_silence_is_written_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mkv");
    // No sound of 1 s to 61 s; then the microphone's sender has another source.
    let (written, _) = record(&path, |recording| {
        for packet in 0..12_400 {
            if packet % 8 == 0 {
                picture(recording, packet * 5, SIZE);
            }
            if !(200..12_200).contains(&packet) {
                sound(recording, packet * 5, 1 + u32::from(packet >= 200));
            }
        }
    });
    assert_eq!(written, Ok(()));
    let samples = samples(&path);
    assert_eq!((samples.len(), heard(&samples)), (62 * 8000, vec![8000, 61 * 8000]));
    let name = path.to_str().unwrap();
    let show = ["-show_entries", "packet=stream_index,pts_time", "-of", "csv=p=0"];
    let text = String::from_utf8(ffmpeg("ffprobe", &[&show[..], &[name]].concat())).unwrap();
    let (mut pictures_at, mut behind) = (0.0, 0.0);
    for line in text.lines() {
        let (stream, time) = line.split_once(',').unwrap();
        let time: f64 = time.trim_end_matches(',').parse().unwrap();
        if stream == "0" {
            pictures_at = time;
        } else {
            behind = f64::max(behind, pictures_at - time);
        }
    }
    assert!(behind < 13.1, "{behind} s behind the pictures");
}

#[test]
fn sound_that_begins_late_has_silence_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mkv");
    let (written, _) = record(&path, |recording| {
        for packet in 0..2000 {
            if packet % 8 == 0 {
                picture(recording, packet * 5, SIZE);
            }
            if packet >= 1000 {
                sound(recording, packet * 5, 1);
            }
        }
    });
    assert_eq!(written, Ok(()));
    let samples = samples(&path);
    assert_eq!((samples.len(), heard(&samples)), (10 * 8000, vec![5 * 8000]));
}

#[test]
fn silence_is_written_also_when_nothing_comes() {
    let folder = tempfile::tempdir().unwrap();
    let destination = Destination::open(&folder.path().join("a.mkv")).unwrap();
    let (_recording, _control, writer, _shared) = ends();
    let mut take = Take::new(destination, Format { video: None, ..writer.format });
    for number in 0..200 {
        let data = Data::Audio { samples: vec![7; 40], time: ExtendedTime(number * 40) };
        let media = Media { stamp: stamp(number * 5), data, claim: None };
        assert!(take.write(media).0.is_ok());
    }
    for seconds in 1..=100 {
        assert!(take.idle(Delay::from_secs(seconds)).is_ok());
    }
    // It is ten seconds behind and two, from the newest packet on.
    let silent = take.silent_nanos() / SECOND as u64;
    assert!((87..=88).contains(&silent), "{silent}");
}
