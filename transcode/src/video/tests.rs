use super::*;
use crate::sample::{ffmpeg, jpeg};
use turbojpeg::Subsamp;

const MILLI: i64 = 1_000_000;
const BEGIN: i64 = 1_790_000_000_123 * MILLI;

fn plan(scale: Scale) -> TierPlan {
    TierPlan { name: "high".into(), scale, bitrate: 400_000 }
}

fn at(number: usize) -> Wall {
    Wall(BEGIN + i64::try_from(number).unwrap() * 40 * MILLI)
}

fn encoder(backend: Backend, scale: Scale, size: (usize, usize)) -> VideoEncoder {
    VideoEncoder::new(backend, &plan(scale), size, 25.0).unwrap()
}

/// A byte stream (annex B) of what came out.
fn stream(pictures: &[Picture], sets: &ParameterSets) -> Vec<u8> {
    let mut stream = Vec::new();
    for picture in pictures {
        if picture.key {
            for set in [&sets.sps, &sets.pps] {
                stream.extend_from_slice(&[0, 0, 0, 1]);
                stream.extend_from_slice(set);
            }
        }
        let mut rest = &picture.data[..];
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let (unit, after) = after.split_at(u32::from_be_bytes(*length) as usize);
            stream.extend_from_slice(&[0, 0, 0, 1]);
            stream.extend_from_slice(unit);
            rest = after;
        }
    }
    stream
}

/// Decodes what came out: pictures in I420, full range as they were.
fn decoded(pictures: &[Picture], sets: &ParameterSets) -> Vec<Vec<u8>> {
    let options = ["-f", "h264", "-i", "pipe:0", "-vsync", "0", "-f", "rawvideo"];
    let raw = ffmpeg(&options, stream(pictures, sets));
    let length = sets.size.0 * sets.size.1 * 3 / 2;
    assert_eq!(raw.len() % length, 0, "pictures are not of {:?}", sets.size);
    raw.chunks(length).map(<[u8]>::to_vec).collect()
}

fn run(backend: Backend, count: usize, keys: &[usize]) -> (Vec<Picture>, ParameterSets) {
    let size = (320, 240);
    let mut encoder = encoder(backend, Scale::FULL, size);
    let mut out = Vec::new();
    for number in 0..count {
        let jpeg = jpeg(size, Subsamp::Sub2x2, number);
        encoder.encode(&jpeg, at(number), keys.contains(&number), &mut out).unwrap();
    }
    let sets = encoder.finish(&mut out).unwrap();
    (out, sets)
}

fn every_picture_comes_out_with_its_time(backend: Backend) {
    // The first is one whether it is asked for or not.
    let (out, sets) = run(backend, 60, &[13, 50]);
    let times: Vec<Wall> = out.iter().map(|picture| picture.at).collect();
    assert_eq!(times, (0..60).map(at).collect::<Vec<_>>());
    let keys: Vec<usize> = (0..60).filter(|&number| out[number].key).collect();
    assert_eq!(keys, [0, 13, 50]);
    let pictures = decoded(&out, &sets);
    assert_eq!(pictures.len(), 60);
    for (number, picture) in pictures.iter().enumerate().step_by(7) {
        let mut decoder = Decoder::new((320, 240), Scale::FULL).unwrap();
        let jpeg = jpeg((320, 240), Subsamp::Sub2x2, number);
        let source = decoder.decode(&jpeg).unwrap();
        let luma = &source.planes[0][..320 * 240];
        let error = luma.iter().zip(picture).map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>();
        assert!(error < 320 * 240 * 6, "picture {number}: off by {error}");
    }
}

#[test]
fn every_picture_comes_out_of_openh264_with_its_time() {
    every_picture_comes_out_with_its_time(Backend::OpenH264);
}

#[test]
fn every_picture_comes_out_of_x264_with_its_time() {
    every_picture_comes_out_with_its_time(Backend::X264);
}

#[test]
fn colours_are_those_of_jpeg() {
    for backend in [Backend::OpenH264, Backend::X264] {
        let (out, sets) = run(backend, 3, &[]);
        let file = std::env::temp_dir().join(format!("transcode-{backend}-{}", std::process::id()));
        std::fs::write(&file, stream(&out, &sets)).unwrap();
        let shown = std::process::Command::new("ffprobe")
            .args(["-v", "error", "-of", "csv=p=0", "-show_entries"])
            .arg("stream=profile,width,height,has_b_frames,color_range,color_space,color_transfer,color_primaries,refs")
            .arg(&file)
            .output()
            .expect("this test needs ffprobe: run scripts/setup test");
        std::fs::remove_file(&file).unwrap();
        let shown = String::from_utf8(shown.stdout).unwrap();
        assert_eq!(shown.trim(), "High,320,240,0,pc,smpte170m,iec61966-2-1,bt709,1", "{backend}");
    }
}

#[test]
fn odd_sizes_and_samplings_come_out_even_and_in_colour() {
    let samplings = [
        Subsamp::Sub2x2,
        Subsamp::Sub2x1,
        Subsamp::Gray,
        Subsamp::None,
        Subsamp::Sub1x2,
        Subsamp::Sub4x1,
    ];
    for (size, scale, tier) in [
        ((641, 481), Scale::FULL, (640, 480)),
        ((1296, 972), Scale::eighths(5).unwrap(), (810, 608)),
        ((167, 133), Scale::HALF, (84, 66)),
        ((130, 100), Scale::QUARTER, (32, 24)),
    ] {
        for subsamp in samplings {
            let mut encoder = encoder(Backend::OpenH264, scale, size);
            let mut out = Vec::new();
            for number in 0..2 {
                encoder.encode(&jpeg(size, subsamp, number), at(number), false, &mut out).unwrap();
            }
            let sets = encoder.parameter_sets();
            assert_eq!(sets.size, tier);
            let pictures = decoded(&out, sets);
            assert_eq!(pictures.len(), 2, "{size:?} {subsamp:?}");
            // Red rises from left to right, blue from top to bottom of some blocks: its mean is near the middle.
            let (luma, chroma) = pictures[1].split_at(tier.0 * tier.1);
            let means = [luma, &chroma[..chroma.len() / 2], &chroma[chroma.len() / 2..]]
                .map(|plane| plane.iter().map(|s| usize::from(*s)).sum::<usize>() / plane.len());
            let is_grey = chroma.iter().all(|sample| sample.abs_diff(128) < 3);
            assert_eq!(is_grey, subsamp == Subsamp::Gray, "{size:?} {subsamp:?}");
            assert!((90..180).contains(&means[0]), "{size:?} {subsamp:?}: {means:?}");
        }
    }
}

#[test]
fn a_damaged_picture_is_left_out_alone() {
    let size = (320, 240);
    let mut encoder = encoder(Backend::OpenH264, Scale::HALF, size);
    let mut out = Vec::new();
    let whole = jpeg(size, Subsamp::Sub2x1, 1);
    encoder.encode(&whole, at(0), true, &mut out).unwrap();
    for damaged in [&whole[..whole.len() / 2], &whole[..40], b"no JPEG", &[]] {
        let error = encoder.encode(damaged, at(1), false, &mut out).unwrap_err();
        assert!(error.is_about_one_picture(), "{error}");
        assert!(!error.to_string().contains('\n'));
    }
    // Without its end alone it is whole.
    encoder.encode(&whole[..whole.len() - 2], at(2), false, &mut out).unwrap();
    assert_eq!(out.len(), 2);
    assert_eq!(decoded(&out, encoder.parameter_sets()).len(), 2);
}

#[test]
fn another_size_is_refused() {
    let mut encoder = encoder(Backend::OpenH264, Scale::FULL, (320, 240));
    let mut out = Vec::new();
    let other = jpeg((240, 320), Subsamp::Sub2x2, 0);
    let error = encoder.encode(&other, at(0), true, &mut out).unwrap_err();
    assert_eq!(error, Error::SizeChanged { from: (320, 240), to: (240, 320) });
    assert!(!error.is_about_one_picture() && out.is_empty());
}

#[test]
fn sizes_that_no_tier_has_are_refused() {
    for (size, scale) in
        [((40, 400), Scale::QUARTER), ((4096, 4096), Scale::FULL), ((0, 0), Scale::FULL)]
    {
        let made = VideoEncoder::new(Backend::OpenH264, &plan(scale), size, 25.0);
        assert!(matches!(made, Err(Error::Size { .. })), "{size:?}");
    }
    let largest = VideoEncoder::new(Backend::OpenH264, &plan(Scale::FULL), (4096, 2304), f32::NAN);
    let mut out = Vec::new();
    let jpeg = jpeg((4096, 2304), Subsamp::Sub2x2, 0);
    largest.unwrap().encode(&jpeg, at(0), true, &mut out).unwrap();
    assert_eq!(out.len(), 1);
}

#[test]
fn tiers_share_what_is_decoded() {
    let size = (640, 480);
    let mut pyramid = Pyramid::new(size, [Scale::FULL, Scale::QUARTER]).unwrap();
    let mut tiers =
        [Scale::FULL, Scale::QUARTER].map(|scale| encoder(Backend::OpenH264, scale, size));
    let mut out = [Vec::new(), Vec::new()];
    for number in 0..3 {
        pyramid.decode(&jpeg(size, Subsamp::Sub2x1, number)).unwrap();
        for (tier, out) in tiers.iter_mut().zip(&mut out) {
            tier.encode_decoded(&pyramid, at(number), false, out).unwrap();
        }
    }
    for (tier, out) in tiers.iter().zip(&out) {
        assert_eq!(decoded(out, tier.parameter_sets()).len(), 3);
    }
    let other = encoder(Backend::OpenH264, Scale::HALF, size).encode_decoded(
        &pyramid,
        at(0),
        true,
        &mut out[0],
    );
    assert!(other.is_ok(), "half is made on the way to a quarter");
    let other = encoder(Backend::OpenH264, Scale::eighths(3).unwrap(), size).encode_decoded(
        &pyramid,
        at(0),
        true,
        &mut out[0],
    );
    assert!(matches!(other, Err(Error::Size { .. })));
}

#[test]
fn a_child_that_dies_is_an_error() {
    let size = (320, 240);
    let mut encoder = encoder(Backend::X264, Scale::FULL, size);
    let picture = jpeg(size, Subsamp::Sub2x2, 0);
    let mut out = Vec::new();
    encoder.encode(&picture, at(0), true, &mut out).unwrap();
    if let Encoder::X264(encoder) = &mut encoder.codec.encoder {
        encoder.kill();
    }
    let made = out.len();
    let error = encoder.encode(&picture, at(1), false, &mut out).unwrap_err();
    assert!(matches!(&error, Error::Ended(said) if said.starts_with("ffmpeg for x264 has ended")));
    assert!(!error.is_about_one_picture() && out.len() == made);
}
