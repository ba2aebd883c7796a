//! Pictures and sound of a session, decoded by ffmpeg: the built-in picture flashes at the instants at which the built-in
//! tone begins to beep, and so do both on the time line of what is served.

use crate::client::{Origin, camera, path, probed};
use std::fs;
use std::path::{Path, PathBuf};
use streamsocket_tests::board::wait_until;
use streamsocket_tests::long::long_or;
use streamsocket_tests::pairs::{Pairs, beeps};
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{output, peer};
use streamsocket_tests::turn;

/// How far apart they may be, in seconds.
const APART_MAX: f64 = 0.010;

/// Sample frames that a block of AAC-LC is decoded to.
const BLOCK: usize = 1024;

/// Samples below a quarter of the beep's height are none of it: an encoder lets some of it be heard a little before.
const LOUD: u16 = 4096;

/// Length of a beep, in milliseconds.
const BEEP_MS: usize = 100;

/// Luma from which on the upper eighth of a picture is white.
const WHITE: u8 = 128;

/// Length of a segment, in seconds.
const SEGMENT: usize = 2;

/// One file of all that is stored of a track, each segment at its time by the capture clock, as it is served.
#[track_caller]
fn gathered(origin: &Origin, name: &str, track: &str, folder: &Path) -> PathBuf {
    let stored = origin.stored(name, track);
    let mut inits = stored.text.lines().filter_map(|line| {
        let (_, rest) = line.strip_prefix("#EXT-X-MAP:")?.split_once("URI=\"")?;
        rest.split('"').next()
    });
    let init = inits.next().expect("an init segment");
    assert!(inits.all(|other| other == init), "the codec changes: {}", stored.text);
    let get = |file: &str| {
        let answer = origin.get(&path(name, &format!("{track}/{file}")));
        assert_eq!(answer.status, 200, "{track}/{file}: {}", answer.text());
        answer.body
    };
    let mut bytes = get(init);
    stored.segments.iter().for_each(|it| bytes.extend(get(&format!("{}.mp4", it.number))));
    let file = folder.join(format!("{track}.mp4"));
    fs::write(&file, bytes).unwrap();
    file
}

/// Presentation times of a file's packets, in seconds: what the tfdt boxes say.
#[track_caller]
fn times(file: &Path) -> Vec<f64> {
    let read = probed(file.to_str().unwrap(), &["-show_entries", "packet=pts_time"]);
    let packets = read["packets"].as_array().unwrap();
    packets.iter().map(|it| it["pts_time"].as_str().unwrap().parse().unwrap()).collect()
}

/// What ffmpeg decodes of a file, by these options.
#[track_caller]
fn decoded(file: &Path, options: &[&str]) -> Vec<u8> {
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-i"]).arg(file).args(options);
    output(ffmpeg.arg("-"))
}

/// Times of the pictures that flash.
#[track_caller]
fn flashes(file: &Path) -> Vec<f64> {
    let upper = "crop=iw:ih/8:0:0,scale=1:1:flags=area,format=gray";
    let luma = decoded(file, &["-vf", upper, "-fps_mode", "passthrough", "-f", "rawvideo"]);
    let times = times(file);
    assert_eq!(luma.len(), times.len(), "pictures and their times");
    let all = times.into_iter().zip(luma);
    all.filter_map(|(at, luma)| (luma > WHITE).then_some(at)).collect()
}

/// Times at which a beep begins, of beeps of which nothing was left out.
#[track_caller]
fn onsets(file: &Path, rate: u32) -> Vec<f64> {
    let bytes = decoded(file, &["-ac", "1", "-f", "s16le"]);
    let samples = bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
    let heard: Vec<_> = samples.map(|it| if it.unsigned_abs() < LOUD { 0 } else { it }).collect();
    let times = times(file);
    assert_eq!(heard.len(), times.len() * BLOCK, "samples and the times of blocks");
    let rate = rate as usize;
    let is_whole = |begin: usize| {
        let end = begin + rate * BEEP_MS / 1000;
        let last = heard.get(end - rate / 100..end);
        last.is_some_and(|last| last.iter().any(|it| *it != 0))
    };
    // By their numbers: a time that leaps makes no silence.
    let begins =
        beeps(heard.iter().enumerate().map(|(index, it)| (index as f64 / rate as f64, *it)));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "samples of a recording"
    )]
    let begins = begins.into_iter().map(|at| (at * rate as f64).round() as usize);
    let whole = begins.filter(|begin| is_whole(*begin));
    whole.map(|it| times[it / BLOCK] + (it % BLOCK) as f64 / rate as f64).collect()
}

fn rate(file: &Path) -> u32 {
    let read = probed(file.to_str().unwrap(), &["-show_entries", "stream=sample_rate"]);
    read["streams"][0]["sample_rate"].as_str().unwrap().parse().unwrap()
}

#[test]
fn beeps_are_heard_when_pictures_flash() {
    let _turn = turn();
    let (place, store) = (Place::new(), tempfile::tempdir().unwrap());
    let _camera = camera(place);
    let name = place.name();
    let origin = Origin::storing(store.path(), &[&name]);
    let seconds = long_or(20, 1800);
    for segments in 1..=seconds / SEGMENT {
        for track in ["low", "audio"] {
            wait_until("what is stored", || origin.stored(&name, track).segments.len() >= segments);
        }
    }
    let [pictures, sound] =
        ["low", "audio"].map(|track| gathered(&origin, &name, track, store.path()));
    let (flashes, beeps) = (flashes(&pictures), onsets(&sound, rate(&sound)));
    let pairs = Pairs::new(&flashes, &beeps);
    let (earliest, latest) = pairs.extremes();
    println!("{} flashes, {} beeps: sound behind its picture: {pairs}", flashes.len(), beeps.len());
    let far: Vec<_> = pairs.offsets.iter().filter(|(_, apart)| apart.abs() > APART_MAX).collect();
    // At both ends one may be without the other.
    assert!(pairs.offsets.len() + 4 >= seconds, "{pairs}");
    assert!(-earliest < APART_MAX && latest < APART_MAX, "{pairs}, of which {far:?}");
}
