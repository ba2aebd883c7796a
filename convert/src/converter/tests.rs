mod scaled;

use super::*;
use crate::{quality, rearrange};
use streamsocket_media::Layout;
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp, YuvImage};

/// Odd, so that every edge is met.
const SIZE: (usize, usize) = (83, 61);

/// A picture with edges and gradients, as red, green and blue.
fn picture() -> Vec<u8> {
    let (width, height) = SIZE;
    let pixel = |at: usize| {
        let (x, y) = (at % width, at / width);
        let edge = if (x / 9 + y / 7) % 2 == 0 { 60 } else { 0 };
        [x * 2 + edge, y * 3, 200 - x - y].map(|value| u8::try_from(value.min(255)).unwrap())
    };
    (0..width * height).flat_map(pixel).collect()
}

fn jpeg(quality: i32, sampling: Subsamp, set: impl Fn(&mut Compressor)) -> Vec<u8> {
    let (width, height) = SIZE;
    let pixels = picture();
    let format = PixelFormat::RGB;
    let image = Image { pixels: &pixels[..], width, pitch: width * 3, height, format };
    let mut compressor = Compressor::new().unwrap();
    compressor.set_quality(quality).unwrap();
    compressor.set_subsamp(sampling).unwrap();
    set(&mut compressor);
    compressor.compress_to_vec(image).unwrap()
}

fn planes(jpeg: &[u8]) -> YuvImage<Vec<u8>> {
    turbojpeg::decompress_to_yuv(jpeg).unwrap()
}

/// Peak signal to noise ratio of two pictures' luma, in decibels.
fn luma_psnr(one: &[u8], other: &[u8]) -> f64 {
    let (width, height) = SIZE;
    let (one, other) = (planes(one), planes(other));
    assert_eq!((one.width, one.height), (other.width, other.height));
    let stride = |image: &YuvImage<Vec<u8>>| {
        let across = if image.subsamp == Subsamp::Gray { 1 } else { image.subsamp.width() };
        width.next_multiple_of(across).next_multiple_of(image.align)
    };
    let (a, b) = (stride(&one), stride(&other));
    let mut squares = 0.0;
    for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
        let difference = f64::from(one.pixels[y * a + x]) - f64::from(other.pixels[y * b + x]);
        squares += difference * difference;
    }
    10.0 * (255.0 * 255.0 * (width * height) as f64 / squares).log10()
}

/// By how much a colour of two pictures differs, a pixel.
fn mean_difference(one: &[u8], other: &[u8], colour: usize) -> f64 {
    let [one, other] =
        [one, other].map(|file| turbojpeg::decompress(file, PixelFormat::RGB).unwrap().pixels);
    let pairs = one.chunks_exact(3).zip(other.chunks_exact(3));
    let off: f64 = pairs.map(|(a, b)| f64::from(a[colour].abs_diff(b[colour]))).sum();
    off / (SIZE.0 * SIZE.1) as f64
}

/// Without a table that the picture before it had.
#[test]
fn nothing_of_the_picture_before_is_taken() {
    let file = jpeg(40, Subsamp::Sub2x2, |it| it.set_progressive(true).unwrap());
    let at = file.windows(2).position(|pair| pair == [0xFF, 0xDB]).unwrap();
    let len = usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]]));
    let without = [&file[..at], &file[at + 2 + len..]].concat();
    let (mut converter, mut out) = (Converter::new(), Vec::new());
    converter.convert(&file, Remedy::Rewrite, &mut out).unwrap();
    assert_eq!(converter.convert(&without, Remedy::Rewrite, &mut out), Err(Refusal::Damaged));
}

#[test]
fn a_picture_of_thousands_of_scans_is_refused() {
    let file = jpeg(40, Subsamp::Sub2x2, |it| it.set_progressive(true).unwrap());
    let end = file.len() - 2;
    let last = file.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
    let many = [&file[..end], &file[last..end].repeat(100), &[0xFF, 0xD9]].concat();
    assert_eq!(convert(&many, Remedy::Rewrite), Err(Refusal::TooManyScans));
}

fn convert(bytes: &[u8], remedy: Remedy) -> Result<(Vec<u8>, Scanned), Refusal> {
    let mut out = Vec::new();
    let made = Converter::new().convert(bytes, remedy, &mut out)?;
    Ok((out, made.scanned))
}

#[test]
fn what_is_only_coded_otherwise_loses_nothing() {
    for sampling in [Subsamp::Sub2x1, Subsamp::Sub2x2] {
        let optimized = jpeg(70, sampling, |it| it.set_optimize(true).unwrap());
        let progressive = jpeg(70, sampling, |it| it.set_progressive(true).unwrap());
        let arithmetic = jpeg(70, sampling, |it| it.set_arithmetic(true).unwrap());
        for file in [optimized, progressive, arithmetic] {
            assert!(jpeg_scan_fails(&file));
            let (made, scanned) = convert(&file, Remedy::Rewrite).unwrap();
            assert_eq!(planes(&made).pixels, planes(&file).pixels);
            assert_eq!(
                (usize::from(scanned.picture.width), usize::from(scanned.picture.height)),
                SIZE
            );
        }
    }
}

fn jpeg_scan_fails(file: &[u8]) -> bool {
    jpeg_scan::scan(file).is_err()
}

#[test]
fn what_rtp_has_no_room_for_is_encoded_in_its_own_quality() {
    for quality in [25, 80, 97] {
        for sampling in [Subsamp::None, Subsamp::Sub1x2, Subsamp::Sub4x1, Subsamp::Gray] {
            let file = jpeg(quality, sampling, |_| ());
            let (made, _) = convert(&file, Remedy::Encode(None)).unwrap();
            let psnr = luma_psnr(&file, &made);
            assert!(psnr > 40.0, "{sampling:?} {quality}: {psnr:.1} dB");
            // Also when it was believed to be only coded otherwise.
            let progressive = jpeg(quality, sampling, |it| it.set_progressive(true).unwrap());
            let (again, _) = convert(&progressive, Remedy::Rewrite).unwrap();
            assert_eq!(again, made);
            if sampling != Subsamp::Gray {
                let (blue, red) =
                    (mean_difference(&file, &made, 2), mean_difference(&file, &made, 0));
                assert!(blue < 15.0 && red < 15.0, "{sampling:?} {quality}: {blue:.1} {red:.1}");
            }
        }
        let rgb = jpeg(quality, Subsamp::None, |it| {
            it.set_colorspace(Colorspace::RGB).unwrap();
        });
        let (made, _) = convert(&rgb, Remedy::Encode(None)).unwrap();
        assert!(mean_difference(&rgb, &made, 0) < 6.0 && mean_difference(&rgb, &made, 2) < 6.0);
    }
}

/// Cuttings of a photo by `cjpeg -sample 2x2,1x2,1x2`.
const TWO_ROWS_A_UNIT: [&[u8]; 3] = [
    include_bytes!("../data/83x61.jpg"),
    include_bytes!("../data/48x24.jpg"),
    include_bytes!("../data/83x61-optimized-restart.jpg"),
];

#[test]
fn units_of_two_rows_are_rearranged_without_loss() {
    for file in TWO_ROWS_A_UNIT {
        let unfit = jpeg_scan::scan(file).unwrap_err();
        assert_eq!(unfit, Unfit::Sampling(rearrange::FACTORS));
        let (made, scanned) = convert(file, Remedy::Rewrite).unwrap();
        assert_eq!(scanned.picture.sampling, streamsocket_wire::jpeg::Sampling::S422);
        let (one, other) = (planes(file), planes(&made));
        assert_eq!((one.width, one.height), (other.width, other.height));
        assert_eq!(one.pixels, other.pixels);
    }
}

#[test]
fn damaged_units_are_no_panic() {
    let file = TWO_ROWS_A_UNIT[0];
    let mut out = Vec::new();
    let mut rearranger = Rearranger::default();
    rearranger.rearrange(file, &mut out).unwrap();
    for len in 0..file.len() - 40 {
        assert_eq!(rearranger.rearrange(&file[..len], &mut out), None, "{len}");
    }
    for at in 0..file.len() {
        for value in [0, 0x7F, 0xFF] {
            let mut damaged = file.to_vec();
            damaged[at] = value;
            let _ = rearranger.rearrange(&damaged, &mut out);
        }
    }
}

#[test]
fn a_wanted_quality_is_taken() {
    let file = jpeg(95, Subsamp::Sub2x2, |_| ());
    let (made, scanned) = convert(&file, Remedy::Encode(Some(30))).unwrap();
    assert!(made.len() * 2 < file.len());
    assert_eq!(quality::of(&scanned.picture.tables[0], Some(&scanned.picture.tables[1])), 30);
}

#[test]
fn what_is_cut_off_is_dropped_and_what_only_lacks_its_end_is_not() {
    let file = jpeg(80, Subsamp::Sub2x2, |_| ());
    let headers = 620;
    for len in [headers, headers + 1, file.len() / 2, file.len() - 4] {
        assert_eq!(convert(&file[..len], Remedy::Rewrite), Err(Refusal::Damaged), "{len}");
    }
    for padding in [&[][..], &[0; 40]] {
        let endless = [&file[..file.len() - 2], padding].concat();
        let (made, _) = convert(&endless, Remedy::Rewrite).unwrap();
        assert_eq!(planes(&made).pixels, planes(&file).pixels);
    }
    assert_eq!(convert(&[0; 50], Remedy::Rewrite), Err(Refusal::Damaged));
    let mut huge = file.clone();
    let sof = huge.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    huge[sof + 5..sof + 9].copy_from_slice(&[0x20, 0, 0x20, 0]);
    assert_eq!(convert(&huge, Remedy::Encode(None)), Err(Refusal::TooLarge));
}

#[test]
fn damage_does_not_reach_the_next_picture() {
    let file = jpeg(80, Subsamp::Sub2x2, |it| it.set_progressive(true).unwrap());
    let (mut converter, mut out) = (Converter::new(), Vec::new());
    for len in (2..file.len()).step_by(37) {
        let _ = converter.convert(&file[..len], Remedy::Rewrite, &mut out);
        converter.convert(&file, Remedy::Rewrite, &mut out).unwrap();
        assert_eq!(planes(&out).pixels, planes(&file).pixels, "after {len} bytes");
    }
}

/// The picture in a raw format, with rows that are longer than they have to be.
fn raw(layout: Layout, padding: usize) -> (RawFormat, Vec<u8>) {
    let (width, height) = SIZE;
    let source = planes(&jpeg(100, Subsamp::None, |_| ()));
    let plane = width.next_multiple_of(source.align);
    let sample = |index: usize, x: usize, y: usize| {
        let at = index * plane * height + y.min(height - 1) * plane + x.min(width - 1);
        source.pixels[at]
    };
    let even = width.next_multiple_of(2);
    let (mut bytes, mut stride) = (Vec::new(), 0);
    let mut row = |values: &mut dyn Iterator<Item = u8>, padding: usize| {
        let begin = bytes.len();
        bytes.extend(values);
        bytes.resize(bytes.len() + padding, 0xEE);
        bytes.len() - begin
    };
    let pairs = even / 2;
    match layout {
        Layout::Rgb => {
            let pixels = picture();
            for y in 0..height {
                stride = row(&mut pixels[y * width * 3..][..width * 3].iter().copied(), padding);
            }
        }
        Layout::Yuyv | Layout::Uyvy => {
            for y in 0..height {
                let quad = |x: usize| {
                    let [a, u, b, v] = [(0, 0), (1, 0), (0, 1), (2, 0)]
                        .map(|(plane, more)| sample(plane, x * 2 + more, y));
                    if layout == Layout::Yuyv { [a, u, b, v] } else { [u, a, v, b] }
                };
                stride = row(&mut (0..pairs).flat_map(quad), padding);
            }
        }
        Layout::Grey | Layout::Nv12 | Layout::I420 => {
            let padding = padding.next_multiple_of(2);
            for y in 0..height {
                stride = row(&mut (0..even).map(|x| sample(0, x, y)), padding);
            }
            let chroma = |plane: usize, x: usize, y: usize| sample(plane, x * 2, y * 2);
            let rows = height.div_ceil(2);
            if layout == Layout::Nv12 {
                for y in 0..rows {
                    let pair = |x| [chroma(1, x, y), chroma(2, x, y)];
                    row(&mut (0..pairs).flat_map(pair), padding);
                }
            } else if layout == Layout::I420 {
                for (plane, y) in [1, 2].into_iter().flat_map(|it| (0..rows).map(move |y| (it, y)))
                {
                    row(&mut (0..pairs).map(|x| chroma(plane, x, y)), padding / 2);
                }
            }
        }
    }
    let [width, height] = [width, height].map(|pixels| u16::try_from(pixels).unwrap());
    let stride = u32::try_from(stride).unwrap();
    (RawFormat { layout, width, height, stride, full_range: true }, bytes)
}

#[test]
fn raw_pictures_of_any_stride_are_encoded() {
    let source = jpeg(100, Subsamp::None, |_| ());
    for (layout, code) in Layout::ALL {
        for padding in [0, 1, 10] {
            let (format, bytes) = raw(layout, padding);
            let (made, _) = convert(&bytes, Remedy::EncodeRaw(format, Scale::Full, 98)).unwrap();
            let psnr = luma_psnr(&source, &made);
            assert!(psnr > 40.0, "{}, {padding}: {psnr:.1} dB", code.escape_ascii());
            if layout != Layout::Grey {
                let red = turbojpeg::decompress(&made, PixelFormat::RGB).unwrap().pixels[0];
                assert!(red.abs_diff(picture()[0]) < 12, "{}: {red}", code.escape_ascii());
            }
            let short = &bytes[..bytes.len() / 3];
            let refused = convert(short, Remedy::EncodeRaw(format, Scale::Full, 98));
            assert_eq!(refused, Err(Refusal::Damaged));
        }
    }
}
