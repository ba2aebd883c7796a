use turbojpeg::{Compressor, Image, PixelFormat};

use super::*;

const LAYOUTS: [(Subsamp, ChromaLayout); 6] = [
    (Subsamp::Gray, ChromaLayout::Grey),
    (Subsamp::None, ChromaLayout::Yuv444),
    (Subsamp::Sub2x1, ChromaLayout::Yuv422),
    (Subsamp::Sub2x2, ChromaLayout::Yuv420),
    (Subsamp::Sub1x2, ChromaLayout::Yuv440),
    (Subsamp::Sub4x1, ChromaLayout::Yuv411),
];

/// Large smooth shapes and some noise, so that the scan has bits worth damaging.
fn jpeg(width: usize, height: usize, subsamp: Subsamp) -> Vec<u8> {
    let mut seed = 1_u32;
    let mut pixels = Vec::with_capacity(width * height * 3);
    for i in 0..width * height {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = seed.to_be_bytes()[0] / 8;
        let (x, y) = (i % width, i / width);
        pixels.extend([x * 3, y * 2, x + y].map(|v| u8::try_from(v % 220).unwrap() + noise));
    }
    let image =
        Image { pixels: &pixels[..], width, pitch: width * 3, height, format: PixelFormat::RGB };
    let mut compressor = Compressor::new().unwrap();
    compressor.set_subsamp(subsamp).unwrap();
    compressor.set_quality(80).unwrap();
    compressor.compress_to_vec(image).unwrap()
}

#[test]
fn planes_are_those_of_the_file_in_every_layout() {
    let mut decoder = Decoder::new().unwrap();
    let mut picture = DecodedPicture::new();
    for (width, height) in [(64, 48), (61, 47), (1, 1)] {
        for (subsamp, layout) in LAYOUTS {
            let jpeg = jpeg(width, height, subsamp);
            decoder.decode(&jpeg, &mut picture).unwrap();
            assert_eq!(
                (picture.width(), picture.height(), picture.layout()),
                (width, height, layout)
            );
            // The one-call form lays out with a row alignment of 4 in a buffer of its own.
            let expected = turbojpeg::decompress_to_yuv(&jpeg).unwrap();
            let mut rest = &expected.pixels[..];
            for (index, plane) in picture.planes().into_iter().enumerate() {
                let pitch = if index == 0 { expected.y_width() } else { expected.uv_width() };
                for (row, samples) in plane.data.chunks(plane.width.max(1)).enumerate() {
                    assert_eq!(samples, &rest[row * pitch..][..plane.width], "{layout:?} {index}");
                }
                rest = rest.get(plane.height * pitch..).unwrap_or(&[]);
            }
        }
    }
}

#[test]
fn memory_is_used_again() {
    let mut decoder = Decoder::new().unwrap();
    let mut picture = DecodedPicture::with_capacity(64, 48);
    let memory = picture.samples_mut().as_ptr();
    for (subsamp, _) in LAYOUTS {
        decoder.decode(&jpeg(64, 48, subsamp), &mut picture).unwrap();
        assert_eq!(picture.samples_mut().as_ptr(), memory);
    }
}

#[test]
fn cut_data_is_an_error_at_every_length() {
    let mut decoder = Decoder::new().unwrap();
    let mut picture = DecodedPicture::new();
    let jpeg = jpeg(64, 48, Subsamp::Sub2x1);
    decoder.decode(&jpeg, &mut picture).unwrap();
    for len in 0..jpeg.len() - 2 {
        assert!(decoder.decode(&jpeg[..len], &mut picture).is_err(), "{len} bytes");
        assert!(picture.is_blank());
        // And it leaves no trace in the decoder.
        decoder.decode(&jpeg, &mut picture).unwrap();
    }
}

#[test]
fn a_hole_in_the_scan_is_an_error() {
    let mut decoder = Decoder::new().unwrap();
    let mut picture = DecodedPicture::new();
    let whole = jpeg(320, 240, Subsamp::Sub2x1);
    let middle = whole.len() / 2;
    let mut holed = whole.clone();
    holed.drain(middle..middle + 1400);
    let error = decoder.decode(&holed, &mut picture).unwrap_err();
    assert!(matches!(error, Error::Corrupt(_)), "{error}");
    assert!(picture.is_blank());
}

#[test]
fn damage_never_panics() {
    let mut decoder = Decoder::new().unwrap();
    let mut picture = DecodedPicture::new();
    let whole = jpeg(64, 48, Subsamp::Sub2x2);
    for at in 0..whole.len() {
        for value in [0x00, 0xff, whole[at] ^ 0x10] {
            let mut damaged = whole.clone();
            damaged[at] = value;
            if decoder.decode(&damaged, &mut picture).is_ok() {
                assert!(picture.planes()[0].data.len() >= picture.width() * picture.height());
            }
        }
    }
}

#[test]
fn sizes_and_colours_are_bounded() {
    let mut decoder = Decoder::new().unwrap();
    let mut picture = DecodedPicture::new();
    let mut huge = jpeg(64, 48, Subsamp::Sub2x2);
    let frame = huge.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    huge[frame + 5..frame + 9].copy_from_slice(&[0x1f, 0xff, 0x1f, 0xff]);
    let error = decoder.decode(&huge, &mut picture).unwrap_err();
    assert!(matches!(error, Error::Size { width: 8191, height: 8191 }), "{error}");
    assert_eq!(picture.bytes(), 0);

    let image = Image {
        pixels: &[0; 4 * 64][..],
        width: 8,
        pitch: 32,
        height: 8,
        format: PixelFormat::CMYK,
    };
    let cmyk = Compressor::new().unwrap().compress_to_vec(image).unwrap();
    let error = decoder.decode(&cmyk, &mut picture).unwrap_err();
    assert!(matches!(error, Error::Colour(Colorspace::YCCK)), "{error}");
}

#[test]
fn bytes_before_the_end_are_no_damage_but_hide_none() {
    let mut decoder = Decoder::new().unwrap();
    let (mut plain, mut padded) = (DecodedPicture::new(), DecodedPicture::new());
    let whole = jpeg(64, 48, Subsamp::Sub2x2);
    decoder.decode(&whole, &mut plain).unwrap();
    let (picture, end) = whole.split_at(whole.len() - 2);
    decoder.decode(&[picture, &[0; 30], end].concat(), &mut padded).unwrap();
    assert_eq!(padded.samples_mut(), plain.samples_mut());
    // Two restart markers where none may be, and the bytes before the end.
    let (begin, rest) = picture.split_at(picture.len() - 40);
    let damaged = [begin, &[0xff, 0xd0, 0xff, 0xd1], rest, &[0; 30], end].concat();
    assert!(decoder.decode(&damaged, &mut padded).is_err());
}
