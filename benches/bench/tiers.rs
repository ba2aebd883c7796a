//! What scaled tiers cost the daemon: with them, with the same on demand, and without, beside libjpeg-turbo's own scaled
//! decoding and encoding of exactly those pictures.

use crate::camera::used_within;
use crate::material::{Clip, usual};
use crate::program::place;
use crate::report::{number, progress, ratios, table as printed};
use nix::time::{ClockId, clock_gettime};
use std::thread::sleep;
use std::time::Duration;
use streamsocket_tests::clip::split;
use streamsocket_tests::cost::median;
use streamsocket_tests::program::{Program, as_it_comes};
use streamsocket_tests::session::file;
use turbojpeg::{Compressor, Decompressor, ScalingFactor, YuvImage};

/// Pictures a second.
const RATE: usize = 30;

/// Tiers: what they are called, their scale, how many pictures there are for each of theirs, and how many of theirs a
/// second.
const TIERS: [(&str, &str, ScalingFactor, usize, usize); 2] = [
    ("half", "1/2", ScalingFactor::ONE_HALF, 2, 15),
    ("quarter", "1/4", ScalingFactor::ONE_QUARTER, 3, 10),
];

/// The daemon's default.
const QUALITY: i32 = 80;

/// Time until all is as it stays, and the time that is measured.
const SETTLED: Duration = Duration::from_secs(2);
const MEASURED: Duration = Duration::from_secs(8);

/// Times that libjpeg-turbo is given the clip of three seconds.
const TIMES: usize = 4;

/// Seconds of processor in a second: without tiers, with them, with them on demand, and of libjpeg-turbo.
type Round = [f64; 4];

/// The table.
pub(crate) fn table(rounds: u32) -> String {
    let clip = usual("1280x720");
    let mut all: Vec<Round> = Vec::new();
    for round in 0..rounds {
        progress("tiers", round, rounds, "1280x720");
        let [without, with, on_demand] =
            [None, Some(""), Some(",on-demand")].map(|how| daemon(&clip, how));
        all.push([without, with, on_demand, library(&clip)]);
    }
    let of = |get: fn(&Round) -> f64| number(median(all.iter().map(get)) * 1e3);
    let against = |get: fn(&Round) -> f64| ratios(all.iter().map(|it| get(it) / it[3]));
    let names = ["streamsocket", "the same with both tiers", "the same on demand, nobody asks"];
    let more: [fn(&Round) -> f64; 3] = [|_| 0.0, |it| it[1] - it[0], |it| it[2] - it[0]];
    let used: [fn(&Round) -> f64; 3] = [|it| it[0], |it| it[1], |it| it[2]];
    let mut rows: Vec<_> = (0..names.len())
        .map(|nth| vec![names[nth].to_owned(), of(used[nth]), of(more[nth]), against(more[nth])])
        .collect();
    rows.push(vec!["libjpeg-turbo alone".into(), of(|it| it[3]), "-".into(), against(|it| it[3])]);
    let columns = ["what", "CPU ms a second", "more than without tiers", "x libjpeg-turbo"];
    let heading =
        format!("1280x720, {RATE} pictures a second; half as large at 15, a quarter at 10");
    format!("## Tiers\n\n{}", printed(&heading, &columns, &rows))
}

/// What the daemon takes, as it comes, with tiers of which more is said, or without any.
fn daemon(clip: &Clip, tiers: Option<&str>) -> f64 {
    let (place, mut command) = (place(), as_it_comes());
    command.args(["--video", &file(&clip.file), "--loop", "--fps", &RATE.to_string()]);
    command.args(["--audio", "none", "--no-announce", "--to", &place.to_string()]);
    command.args(["--name", &place.name()]);
    for (name, scale, _, _, rate) in TIERS.iter().filter(|_| tiers.is_some()) {
        let more = tiers.unwrap_or_default();
        command.args(["--tier", &format!("{name}={scale},{rate},{QUALITY}{more}")]);
    }
    let mut daemon = Program::start(&mut command);
    daemon.wait_for("goes to");
    sleep(SETTLED);
    let used = used_within(&[&daemon], MEASURED);
    daemon.interrupt().succeeded();
    used
}

/// What libjpeg-turbo takes for the pictures of a second of all tiers.
fn library(clip: &Clip) -> f64 {
    let bytes = std::fs::read(&clip.file).unwrap();
    let pictures = split(&bytes);
    let now = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
    let mut scratch = (Vec::new(), Vec::new());
    let mut made = 0;
    let began = now();
    for nth in 0..TIMES * pictures.len() {
        let jpeg = pictures[nth % pictures.len()];
        for (_, _, factor, _, _) in TIERS.iter().filter(|(_, _, _, each, _)| nth % each == 0) {
            made += scaled(jpeg, *factor, &mut scratch);
        }
    }
    let used = now() - began;
    assert!(made > 0, "pictures");
    used.as_secs_f64() * RATE as f64 / (TIMES * pictures.len()) as f64
}

/// Decodes a picture at a scale and encodes it, as little as that can be; returns its bytes.
fn scaled(jpeg: &[u8], factor: ScalingFactor, (samples, out): &mut (Vec<u8>, Vec<u8>)) -> usize {
    let mut decompressor = Decompressor::new().unwrap();
    let header = decompressor.read_header(jpeg).unwrap().scaled(factor);
    let (width, height, subsamp) = (header.width, header.height, header.subsamp);
    samples.resize(turbojpeg::yuv_pixels_len(width, 1, height, subsamp).unwrap(), 0);
    out.resize(turbojpeg::compressed_buf_len(width, height, subsamp).unwrap(), 0);
    decompressor.set_scaling_factor(factor).unwrap();
    let image = YuvImage { pixels: &mut samples[..], width, align: 1, height, subsamp };
    decompressor.decompress_to_yuv(jpeg, image).unwrap();
    let image = YuvImage { pixels: &samples[..], width, align: 1, height, subsamp };
    let mut compressor = Compressor::new().unwrap();
    compressor.set_quality(QUALITY).unwrap();
    compressor.compress_yuv_to_slice(image, out).unwrap()
}
