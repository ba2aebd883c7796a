use super::*;
use crate::sample::jpeg;
use turbojpeg::Subsamp;

const ALL: [Scale; 3] = [Scale::FULL, Scale::HALF, Scale::QUARTER];

#[test]
fn each_pixel_is_the_mean_of_four_and_edges_are_repeated() {
    let plane = [0, 2, 10, 10, 9, 4, 6, 10, 10, 9, 1, 1, 1, 2, 9];
    let mut out = [0; 6];
    halve(&plane, 5, (5, 3), &mut out, 3);
    assert_eq!(out, [3, 10, 9, 1, 2, 9]);
}

#[test]
fn what_is_half_of_another_is_not_decoded_again() {
    let eighths = |number| Scale::eighths(number).unwrap();
    let decoders = |scales: &[u8]| {
        let pyramid = Pyramid::new((640, 480), scales.iter().map(|n| eighths(*n))).unwrap();
        pyramid.decoded.iter().map(|(scale, ..)| scale.numerator()).collect::<Vec<_>>()
    };
    assert_eq!(decoders(&[2, 8, 4]), [8]);
    assert_eq!(decoders(&[8, 1]), [8]);
    assert_eq!(decoders(&[8, 5, 2, 2]), [8, 5]);
    assert_eq!(decoders(&[4, 3]), [4, 3]);
    assert_eq!(decoders(&[]), [0_u8; 0]);
}

#[test]
fn all_scales_have_the_size_of_their_tier_and_show_the_same() {
    for size in [(640, 480), (643, 487), (1296, 972)] {
        for subsamp in [Subsamp::Sub2x2, Subsamp::Sub2x1, Subsamp::Gray] {
            let mut pyramid = Pyramid::new(size, ALL).unwrap();
            assert!(ALL.iter().all(|scale| pyramid.at(*scale).is_none()));
            let jpeg = jpeg(size, subsamp, 3);
            pyramid.decode(&jpeg).unwrap();
            for scale in ALL {
                let made = pyramid.at(scale).unwrap();
                assert_eq!(made.size, scale.size(size));
                let mut decoder = Decoder::new(size, scale).unwrap();
                let alone = decoder.decode(&jpeg).unwrap();
                for plane in 0..3 {
                    let error = difference(&made, &alone, plane);
                    assert!(error < 2.5, "{size:?} {subsamp:?} {scale} plane {plane}: {error}");
                }
            }
            assert!(pyramid.at(Scale::eighths(5).unwrap()).is_none());
        }
    }
}

/// How far two planes are apart, on average.
fn difference(a: &Decoded<'_>, b: &Decoded<'_>, plane: usize) -> f64 {
    let (mut width, mut height) = a.size;
    if plane > 0 {
        (width, height) = (width / 2, height / 2);
    }
    let row = |picture: &Decoded<'_>, y: usize| {
        picture.planes[plane][y * picture.strides[plane.min(1)]..][..width].to_vec()
    };
    let rows = (0..height).map(|y| row(a, y).into_iter().zip(row(b, y)).collect::<Vec<_>>());
    let sum: u64 = rows.flatten().map(|(a, b)| u64::from(a.abs_diff(b))).sum();
    sum as f64 / (width * height) as f64
}

#[test]
fn a_damaged_picture_is_an_error_and_the_next_one_is_decoded() {
    let mut pyramid = Pyramid::new((640, 480), ALL).unwrap();
    let jpeg = jpeg((640, 480), Subsamp::Sub2x1, 0);
    assert!(matches!(pyramid.decode(&jpeg[..jpeg.len() / 2]), Err(Error::Jpeg(_))));
    pyramid.decode(&jpeg).unwrap();
    assert!(pyramid.at(Scale::QUARTER).is_some());
}
