use crate::converter::{Converter, Refusal, Remedy};
use streamsocket_media::{Layout, RawFormat, Scale};
use streamsocket_wire::jpeg::Sampling;
use streamsocket_wire::jpeg_scan::Scanned;
use turbojpeg::{
    Colorspace, Compressor, Decompressor, Image, PixelFormat, ScalingFactor, Subsamp, YuvImage,
};

/// Sizes that halves and quarters fit, and one whose every edge is odd.
const SIZES: [(usize, usize); 3] = [(96, 64), (90, 70), (83, 61)];

/// A picture with gradients, as red, green and blue.
fn colours(size: (usize, usize)) -> Vec<u8> {
    let (width, height) = size;
    let pixel = |at: usize| {
        let (x, y) = (at % width, at / width);
        [x * 2 + y / 4, y * 3, 220 - x - y].map(|value| u8::try_from(value.min(255)).unwrap())
    };
    (0..width * height).flat_map(pixel).collect()
}

fn jpeg(size: (usize, usize), sampling: Subsamp, set: impl Fn(&mut Compressor)) -> Vec<u8> {
    let (width, height) = size;
    let (pixels, format) = (colours(size), PixelFormat::RGB);
    let image = Image { pixels: &pixels[..], width, pitch: width * 3, height, format };
    let mut compressor = Compressor::new().unwrap();
    compressor.set_quality(85).unwrap();
    compressor.set_subsamp(sampling).unwrap();
    set(&mut compressor);
    compressor.compress_to_vec(image).unwrap()
}

fn convert(bytes: &[u8], remedy: Remedy) -> Result<(Vec<u8>, Scanned), Refusal> {
    let mut out = Vec::new();
    let made = Converter::new().convert(bytes, remedy, &mut out)?;
    assert!(!made.lossless);
    Ok((out, made.scanned))
}

/// The library's own way: decoded as much smaller, and encoded.
fn by_library(jpeg: &[u8], scale: Scale, quality: i32) -> Vec<u8> {
    let mut decompressor = Decompressor::new().unwrap();
    let header = decompressor.read_header(jpeg).unwrap();
    let factor = ScalingFactor::new(1, scale.divisor().into());
    decompressor.set_scaling_factor(factor).unwrap();
    let (width, height) = (factor.scale(header.width), factor.scale(header.height));
    let (align, subsamp) = (4, header.subsamp);
    let len = turbojpeg::yuv_pixels_len(width, align, height, subsamp).unwrap();
    let mut image = YuvImage { pixels: vec![0; len], width, align, height, subsamp };
    decompressor.decompress_to_yuv(jpeg, image.as_deref_mut()).unwrap();
    turbojpeg::compress_yuv(image.as_deref(), quality).unwrap().to_vec()
}

#[test]
fn what_comes_out_is_what_the_library_makes_byte_for_byte() {
    for size in SIZES {
        for sampling in [Subsamp::Sub2x1, Subsamp::Sub2x2] {
            let plain = jpeg(size, sampling, |_| ());
            let progressive = jpeg(size, sampling, |it| it.set_progressive(true).unwrap());
            let arithmetic = jpeg(size, sampling, |it| it.set_arithmetic(true).unwrap());
            for file in [plain, progressive, arithmetic] {
                for (scale, quality) in Scale::ALL.into_iter().zip([60, 75, 95]) {
                    let (made, scanned) =
                        convert(&file, Remedy::Scale(scale, Some(quality))).unwrap();
                    assert_eq!(made, by_library(&file, scale, quality.into()), "{size:?} {scale}");
                    let sides = [size.0, size.1].map(|side| scale.side(side.try_into().unwrap()));
                    assert_eq!([scanned.picture.width, scanned.picture.height], sides);
                }
            }
        }
    }
}

#[test]
fn without_a_quality_it_is_the_pictures_own() {
    let file = jpeg(SIZES[0], Subsamp::Sub2x2, |_| ());
    for scale in Scale::ALL {
        assert_eq!(
            convert(&file, Remedy::Scale(scale, None)),
            convert(&file, Remedy::Scale(scale, Some(85)))
        );
    }
}

/// The mean brightness of the red, green and blue of a picture.
fn mean(jpeg: &[u8]) -> [usize; 3] {
    let image = turbojpeg::decompress(jpeg, PixelFormat::RGB).unwrap();
    let sum = |colour: usize| {
        image.pixels.iter().skip(colour).step_by(3).map(|it| usize::from(*it)).sum::<usize>()
    };
    [0, 1, 2].map(|colour| sum(colour) / (image.width * image.height))
}

/// The last sample of an odd side stands for fewer pixels than the others, and counts as much.
const MEAN_TOLERANCE: usize = 8;

fn assert_like(made: &[u8], source: &[u8], what: &str) {
    for (one, other) in mean(made).into_iter().zip(mean(source)) {
        assert!(
            one.abs_diff(other) < MEAN_TOLERANCE,
            "{what}: {:?}, {:?}",
            mean(made),
            mean(source)
        );
    }
}

#[test]
fn what_rtp_has_no_room_for_fits_when_it_is_smaller() {
    for size in SIZES {
        let samplings = [Subsamp::None, Subsamp::Sub1x2, Subsamp::Sub4x1, Subsamp::Gray];
        let mut files = samplings.map(|sampling| jpeg(size, sampling, |_| ())).to_vec();
        files.push(jpeg(size, Subsamp::None, |it| it.set_colorspace(Colorspace::RGB).unwrap()));
        for (index, file) in files.iter().enumerate() {
            for scale in Scale::ALL {
                let (made, scanned) = convert(file, Remedy::Scale(scale, Some(90))).unwrap();
                let sides = [size.0, size.1].map(|side| scale.side(side.try_into().unwrap()));
                assert_eq!([scanned.picture.width, scanned.picture.height], sides);
                assert!(matches!(scanned.picture.sampling, Sampling::S422 | Sampling::S420));
                assert_like(&made, file, &format!("{size:?} {index} {scale}"));
            }
        }
    }
}

#[test]
fn a_picture_of_any_size_becomes_smaller() {
    let samplings = [Subsamp::None, Subsamp::Sub2x1, Subsamp::Sub2x2, Subsamp::Sub1x2]
        .into_iter()
        .chain([Subsamp::Sub4x1, Subsamp::Gray]);
    for sampling in samplings {
        for size in (1..=35).map(|side| (side, 36 - side)) {
            let file = jpeg(size, sampling, |_| ());
            for scale in Scale::ALL {
                let (_, scanned) = convert(&file, Remedy::Scale(scale, None)).unwrap();
                let sides = [size.0, size.1].map(|side| scale.side(side.try_into().unwrap()));
                assert_eq!(
                    [scanned.picture.width, scanned.picture.height],
                    sides,
                    "{sampling:?} {size:?} {scale}"
                );
            }
        }
    }
}

#[test]
fn raw_pictures_become_smaller_too() {
    let (width, height) = SIZES[2];
    let pixels = colours(SIZES[2]);
    let whole = jpeg(SIZES[2], Subsamp::Sub2x1, |_| ());
    let format = RawFormat {
        layout: Layout::Rgb,
        width: width.try_into().unwrap(),
        height: height.try_into().unwrap(),
        stride: 0,
        full_range: true,
    };
    for scale in [Scale::Half, Scale::Quarter] {
        let (made, scanned) = convert(&pixels, Remedy::EncodeRaw(format, scale, 80)).unwrap();
        let sides = [format.width, format.height].map(|side| scale.side(side));
        assert_eq!([scanned.picture.width, scanned.picture.height], sides);
        assert_like(&made, &whole, &scale.to_string());
    }
    let short = convert(&pixels[..100], Remedy::EncodeRaw(format, Scale::Half, 80));
    assert_eq!(short, Err(Refusal::Damaged));
}

#[test]
fn damage_stays_damage() {
    let file = jpeg(SIZES[0], Subsamp::Sub2x2, |_| ());
    let cut = convert(&file[..file.len() / 2], Remedy::Scale(Scale::Half, Some(80)));
    assert_eq!(cut, Err(Refusal::Damaged));
}
