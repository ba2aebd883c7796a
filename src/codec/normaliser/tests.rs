use super::*;
use crate::worker::tests::Loop;
use streamsocket_media::clock::Monotonic;
use streamsocket_media::{Bytes, Layout, RawFormat};
use streamsocket_wire::jpeg_scan::scan;
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

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

fn unit(bytes: Vec<u8>, capture: i64) -> Unit {
    Unit::jpeg(Bytes::from(bytes), Monotonic(capture))
}

fn normaliser(event_loop: &Loop, requality: Option<u8>) -> Normaliser {
    let options = Options { quality: QUALITY_DEFAULT, requality, scale: Scale::Full };
    Normaliser::new("camera".into(), options, Arc::clone(&event_loop.waker))
}

fn taken(normaliser: &mut Normaliser, event_loop: &mut Loop) -> Vec<i64> {
    let mut captures = Vec::new();
    while !normaliser.is_idle() {
        event_loop.wait();
        captures.extend(std::iter::from_fn(|| normaliser.take()).map(|it| it.unit.capture.0));
    }
    captures
}

fn dropped(normaliser: &Normaliser) -> Vec<(&'static str, u64)> {
    normaliser.dropped().filter(|(_, count)| *count > 0).collect()
}

#[test]
fn what_can_be_sent_passes_at_once_and_nothing_older_follows_it() {
    let mut event_loop = Loop::new();
    let mut normaliser = normaliser(&event_loop, None);
    let plain = jpeg(80, Subsamp::Sub2x2, |_| ());
    let custom = jpeg(80, Subsamp::Sub2x2, |it| it.set_optimize(true).unwrap());
    assert!(normaliser.push(unit(custom.clone(), 1)).unwrap().is_none());
    assert!(normaliser.push(unit(plain, 2)).unwrap().is_some());
    assert!(taken(&mut normaliser, &mut event_loop).is_empty());
    assert!(normaliser.push(unit(custom, 3)).unwrap().is_none());
    assert_eq!(taken(&mut normaliser, &mut event_loop), [3]);
    assert_eq!(dropped(&normaliser), [("overtaken", 1)]);
    assert_eq!(normaliser.made(), (1, 0));
}

#[test]
fn while_the_thread_is_busy_the_newest_waits() {
    let mut event_loop = Loop::new();
    let mut normaliser = normaliser(&event_loop, Some(50));
    assert!(!normaliser.is_full());
    let plain = jpeg(80, Subsamp::Sub2x2, |_| ());
    for capture in 1..=5 {
        assert!(normaliser.push(unit(plain.clone(), capture)).unwrap().is_none());
    }
    assert_eq!(taken(&mut normaliser, &mut event_loop), [1, 5]);
    assert_eq!(dropped(&normaliser), [("encoder_was_busy", 3)]);
}

#[test]
fn what_cannot_be_helped_is_counted_by_its_reason() {
    let mut event_loop = Loop::new();
    let mut normaliser = normaliser(&event_loop, None);
    let mut precise = jpeg(80, Subsamp::Sub2x2, |_| ());
    let sof = precise.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    precise[sof + 4] = 12;
    let progressive = jpeg(80, Subsamp::Sub2x2, |it| it.set_progressive(true).unwrap());
    let cut = progressive[..progressive.len() / 2].to_vec();
    for bytes in [precise, b"no JPEG".to_vec(), cut] {
        assert!(normaliser.push(unit(bytes, 1)).unwrap().is_none());
    }
    assert!(taken(&mut normaliser, &mut event_loop).is_empty());
    assert_eq!(dropped(&normaliser), [("not_jpeg", 1), ("precision", 1), ("damaged", 1)]);
    assert_eq!(normaliser.refused().as_deref(), Some("damaged"));
}

#[test]
fn what_receivers_do_not_show_is_not_sent() {
    let event_loop = Loop::new();
    let mut normaliser = normaliser(&event_loop, None);
    let mut of = |width: u16, height: u16| {
        let mut huge = jpeg(80, Subsamp::Sub2x2, |_| ());
        let sof = huge.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
        huge[sof + 5..sof + 7].copy_from_slice(&height.to_be_bytes());
        huge[sof + 7..sof + 9].copy_from_slice(&width.to_be_bytes());
        let passed = normaliser.push(unit(huge, 1)).unwrap().is_some();
        (passed, normaliser.conversion())
    };
    let scale = " -vf scale=4096:4096:force_original_aspect_ratio=decrease";
    assert_eq!(of(4608, 3456), (true, ""));
    assert_eq!(of(5000, 4000), (false, scale));
    assert_eq!(of(8200, 100), (false, scale));
    assert_eq!(of(100, 8192), (true, ""));
    let (layout, stride, full_range) = (Layout::Grey, 5000, true);
    let format = RawFormat { layout, width: 5000, height: 4000, stride, full_range };
    let picture = Unit::raw(Bytes::from(vec![0; 5000 * 4000]), format, Monotonic(2));
    assert!(normaliser.push(picture).unwrap().is_none() && normaliser.is_idle());
    assert_eq!(dropped(&normaliser), [("too_large", 3)]);
    assert_eq!(normaliser.refused().as_deref(), Some("too large"));
}

#[test]
fn pictures_pass_at_full_scale_alone() {
    let mut event_loop = Loop::new();
    let file = jpeg(85, Subsamp::Sub2x2, |_| ());
    let sides = [SIZE.0, SIZE.1].map(|side| u16::try_from(side).unwrap());
    for (scale, passes) in Scale::ALL.into_iter().zip([true, false, false]) {
        let options = Options { quality: QUALITY_DEFAULT, requality: None, scale };
        let waker = Arc::clone(&event_loop.waker);
        let mut normaliser = Normaliser::new("camera".into(), options, waker);
        let passed = normaliser.push(unit(file.clone(), 7)).unwrap();
        assert_eq!(passed.is_some(), passes, "{scale}");
        if let Some(picture) = passed {
            assert_eq!(&*picture.unit.bytes, file);
            continue;
        }
        event_loop.wait();
        let picture = normaliser.take().unwrap();
        assert_eq!(picture.unit.capture, Monotonic(7));
        let scaled = [picture.scanned.picture.width, picture.scanned.picture.height];
        assert_eq!(scaled, sides.map(|side| scale.side(side)));
        assert_eq!(scan(&picture.unit.bytes), Ok(picture.scanned));
        assert_eq!(normaliser.made(), (0, 1));
    }
}

#[test]
fn units_of_two_rows_are_rewritten() {
    assert_eq!(remedy(Unfit::Sampling(FACTORS)), Some(Remedy::Rewrite));
}
