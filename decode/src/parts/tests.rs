use turbojpeg::Subsamp;

use super::*;
use crate::whole::Decoder;

mod drawn;

use drawn::{Chance, Drawn, encoded};

const SUBSAMPS: [Subsamp; 6] = [
    Subsamp::Gray,
    Subsamp::None,
    Subsamp::Sub2x1,
    Subsamp::Sub2x2,
    Subsamp::Sub1x2,
    Subsamp::Sub4x1,
];

const FACTORS: [Option<(usize, usize)>; 6] =
    [None, Some((1, 1)), Some((2, 1)), Some((2, 2)), Some((1, 2)), Some((4, 1))];

/// Both decoders, and what both decode into.
struct Pair {
    parts: PartDecoder,
    whole: Decoder,
    expected: DecodedPicture,
    spare: DecodedPicture,
}

impl Pair {
    fn new() -> Self {
        Self {
            parts: PartDecoder::new().unwrap(),
            whole: Decoder::new().unwrap(),
            expected: DecodedPicture::new(),
            spare: DecodedPicture::new(),
        }
    }

    /// Decodes in pieces that end at these bytes. Whether it was fit: then the planes are those of the whole.
    fn is_fit(&mut self, file: &[u8], cuts: impl IntoIterator<Item = usize>, what: &str) -> bool {
        // What is not written is seen.
        let mut picture = std::mem::take(&mut self.spare);
        picture.samples_mut().fill(0xA5);
        self.parts.begin(picture);
        let (mut from, mut is_fit) = (0, true);
        for cut in cuts.into_iter().chain([file.len()]) {
            // Memory of its own for each piece.
            let piece = file[from..cut].to_vec();
            is_fit = is_fit && self.parts.push(&piece);
            from = cut;
        }
        match self.parts.finish() {
            Ok(picture) => {
                assert!(is_fit, "{what}");
                self.whole
                    .decode(file, &mut self.expected)
                    .unwrap_or_else(|e| panic!("{what}: {e}"));
                assert_same(&picture, &self.expected, what);
                self.spare = picture;
                true
            }
            Err(picture) => {
                assert!(picture.is_blank(), "{what}");
                self.spare = picture;
                false
            }
        }
    }

    /// At places of chance, a few or many.
    fn is_fit_cut(&mut self, file: &[u8], chance: &mut Chance, what: &str) -> bool {
        let count = [0, 1, 3, 20, 200][chance.below(5)];
        let mut cuts: Vec<_> = (0..count).map(|_| chance.below(file.len() + 1)).collect();
        cuts.sort_unstable();
        self.is_fit(file, cuts, what)
    }
}

fn assert_same(picture: &DecodedPicture, expected: &DecodedPicture, what: &str) {
    let shape = |it: &DecodedPicture| (it.width(), it.height(), it.layout());
    assert_eq!(shape(picture), shape(expected), "{what}");
    for (plane, expected) in picture.planes().into_iter().zip(expected.planes()) {
        assert!(plane.data == expected.data, "{what}: other samples");
    }
}

/// A picture of chance for each layout, with and without restart markers.
fn drawn(width: usize, height: usize, seed: u64) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for factors in FACTORS {
        for restart in [0, 1, 7] {
            let drawn = Drawn { width, height, factors, restart, seed };
            let name = format!("{width}x{height} {factors:?}, restart {restart}, seed {seed}");
            files.push((name, drawn.file()));
        }
    }
    files
}

#[test]
fn every_layout_and_size_has_the_planes_of_the_whole() {
    let mut pair = Pair::new();
    let mut chance = Chance::new(1);
    for (width, height) in [(1, 1), (17, 13), (64, 48), (640, 480), (1281, 723), (9, 720)] {
        for subsamp in SUBSAMPS {
            let (file, what) = (encoded(width, height, subsamp, false), format!("{subsamp:?}"));
            assert!(pair.is_fit(&file, [], &what));
            assert!(pair.is_fit(&file, (0..file.len()).step_by(1400), &what));
            for _ in 0..4 {
                assert!(pair.is_fit_cut(&file, &mut chance, &what));
            }
        }
        for (what, file) in drawn(width, height, 2) {
            assert!(pair.is_fit(&file, [], &what), "{what}");
            assert!(pair.is_fit_cut(&file, &mut chance, &what), "{what}");
        }
    }
}

#[test]
fn a_picture_may_be_cut_anywhere() {
    let mut pair = Pair::new();
    for (what, file) in drawn(49, 33, 3) {
        for cut in 0..file.len() {
            assert!(pair.is_fit(&file, [cut], &what), "{what}, cut at {cut}");
        }
        assert!(pair.is_fit(&file, 0..file.len(), &what), "{what}, byte by byte");
    }
    for subsamp in SUBSAMPS {
        let file = encoded(40, 24, subsamp, false);
        for cut in 0..file.len() {
            assert!(pair.is_fit(&file, [cut], "encoded"), "{subsamp:?}, cut at {cut}");
        }
    }
}

#[test]
fn what_is_passed_over_may_be_cut_anywhere() {
    let mut pair = Pair::new();
    let file = encoded(40, 24, Subsamp::Sub2x2, false);
    // A comment that, were it not passed over, would be the end.
    let comment = [&[0xFF, 0xFE, 0x01, 0x02][..], &[0xFF, 0xD9].repeat(128)].concat();
    let file = [&file[..2], &comment, &comment, &file[2..]].concat();
    for cut in 0..600 {
        assert!(pair.is_fit(&file, [cut, cut + 1], "commented"), "cut at {cut}");
    }
    assert!(pair.is_fit(&file, 0..file.len(), "commented"), "byte by byte");
}

#[test]
fn rows_are_decoded_as_they_arrive() {
    let file = encoded(640, 480, Subsamp::Sub2x1, false);
    let mut parts = PartDecoder::new().unwrap();
    parts.begin(DecodedPicture::new());
    assert!(parts.push(&file[..file.len() / 2]));
    assert_eq!(parts.len(), file.len() / 2);
    let picture = parts.picture.as_mut().unwrap();
    let rows = picture.samples_mut().chunks(640).take_while(|row| row.iter().any(|it| *it != 0));
    assert!((200..300).contains(&rows.count()));
    assert!(parts.push(&file[file.len() / 2..]));
    assert!(parts.is_begun());
    parts.finish().unwrap();
    assert!(!parts.is_begun());
}

#[test]
fn a_damaged_picture_is_right_or_unfit() {
    let mut pair = Pair::new();
    let mut wholes = drawn(83, 45, 4);
    wholes.extend(SUBSAMPS.map(|it| (format!("{it:?}"), encoded(320, 200, it, false))));
    let mut fit = 0;
    for seed in 0..1200 {
        let mut chance = Chance::new(seed);
        let (name, whole) = &wholes[chance.below(wholes.len())];
        let mut file = whole.clone();
        for _ in 0..=chance.below(3) {
            let (at, len) = (chance.below(file.len()), chance.below(40));
            let end = (at + len).min(file.len());
            match chance.below(6) {
                0 => file[at] ^= 1 << chance.below(8),
                1 => file[at] = [0, 0xFF, chance.byte()][chance.below(3)],
                2 => drop(file.drain(at..end)),
                3 => drop(file.splice(at..at, file[at..end].to_vec())),
                4 => file.truncate(end.max(1)),
                // What follows a picture.
                _ => file.extend([0xFF, 0xD0, 0, 0xD9, 1].repeat(1 + chance.below(2000))),
            }
        }
        let is_fit =
            pair.is_fit_cut(&file, &mut chance, &format!("{name}, damaged by seed {seed}"));
        fit += usize::from(is_fit);
    }
    // Most are found damaged; some are not damaged at all.
    assert!((100..1000).contains(&fit), "{fit}");
}

/// Codes of no Huffman table near where libjpeg's fast way, which does not see them, ends: there it matters
/// by how much it has read ahead.
#[test]
fn damage_near_the_end_is_seen_as_by_the_whole() {
    let mut pair = Pair::new();
    let factors = Some((2, 2));
    let whole = Drawn { width: 400, height: 64, factors, restart: 0, seed: 5 }.file();
    let (mut fit, mut unseen) = (0, 0);
    for back in [1200, 1217, 1234, 1251, 1268, 1285] {
        let mut file = whole.clone();
        let at = file.len() - back;
        file[at..at + 2].copy_from_slice(&[0xF7, 0xFE]);
        // The fast way needs 3072 bytes. What is behind EOI counts.
        for behind in 1800..1950 {
            let padded = [&file[..], &vec![0; behind]].concat();
            unseen += usize::from(pair.whole.decode(&padded, &mut DecodedPicture::new()).is_ok());
            for before in [40, 80, 160, 240, 320, 400] {
                let what = format!("{back} and {behind} bytes, {before} behind a cut");
                fit += usize::from(pair.is_fit(&padded, [at - before], &what));
            }
        }
    }
    println!("as wholes {unseen} were fit, in parts {fit}");
    assert!(unseen > 10);
}

#[test]
fn bytes_before_the_end_are_no_damage_but_other_markers_are() {
    let mut pair = Pair::new();
    for (what, file) in drawn(83, 45, 6) {
        let (picture, end) = file.split_at(file.len() - 2);
        for padding in 0..40 {
            let padded = [picture, &vec![0; padding], end].concat();
            assert!(pair.is_fit(&padded, 0..padded.len(), &what), "{what}, {padding} bytes");
            // Behind EOI anything may be, however it comes.
            let followed = [&padded[..], &[0xFF, 0xD0].repeat(3000)].concat();
            assert!(pair.is_fit(&followed, [padded.len() - 1], &what), "{what}, {padding} bytes");
            let marked = [picture, &vec![0; padding], &[0xFF, 0xD0], end].concat();
            assert!(!pair.is_fit(&marked, [], &what), "{what}, {padding} bytes");
        }
    }
}

#[test]
fn another_picture_leaves_no_trace() {
    let mut pair = Pair::new();
    let file = encoded(61, 47, Subsamp::Sub2x2, false);
    for (what, other) in drawn(49, 33, 7) {
        let mut broken = other.clone();
        broken[2] = 0;
        for (bytes, len) in [(&other, other.len() / 2), (&other, 40), (&broken, 60)] {
            pair.parts.begin(DecodedPicture::new());
            pair.parts.push(&bytes[..len]);
            assert!(pair.is_fit(&file, [100, 400], &what), "{what}, {len} bytes");
        }
        // And one that is dropped in the middle gives all back.
        let mut dropped = PartDecoder::new().unwrap();
        dropped.begin(DecodedPicture::new());
        assert!(dropped.push(&other[..other.len() - 1]));
    }
}

#[test]
fn tables_are_those_of_the_file() {
    let mut pair = Pair::new();
    let file = encoded(64, 48, Subsamp::Sub2x1, false);
    for marker in [0xC4, 0xDB] {
        let mut bare = file.clone();
        while let Some(at) = bare.windows(2).position(|it| it == [0xFF, marker]) {
            let len = usize::from(u16::from_be_bytes([bare[at + 2], bare[at + 3]]));
            bare.drain(at..at + 2 + len);
        }
        assert!(!pair.is_fit(&bare, [], "fresh"), "{marker:x}");
        assert!(pair.is_fit(&file, [], "whole"));
        assert!(!pair.is_fit(&bare, [], "after another"), "{marker:x}");
    }
}

#[test]
fn what_is_no_baseline_is_unfit_before_memory_is_reserved() {
    let mut decoder = PartDecoder::new().unwrap();
    let mut assert_unfit = |file: &[u8], what: &str| {
        decoder.begin(DecodedPicture::new());
        assert!(!decoder.push(file), "{what}");
        assert!(!decoder.push(file), "{what}");
        assert!(decoder.len() <= file.len(), "{what}");
        let picture = decoder.finish().unwrap_err();
        assert_eq!(picture.bytes(), 0, "{what}");
    };
    assert_unfit(&encoded(64, 48, Subsamp::Sub2x2, true), "progressive");
    let file = encoded(64, 48, Subsamp::Sub2x2, false);
    let frame = file.windows(2).position(|it| it == [0xFF, 0xC0]).unwrap();
    let changed = |at: usize, bytes: &[u8]| {
        let mut file = file.clone();
        file[frame + at..][..bytes.len()].copy_from_slice(bytes);
        file
    };
    assert_unfit(&changed(5, &[0xFF; 4]), "65535x65535");
    assert_unfit(&changed(5, &[0xFF, 0xDC, 0xFF, 0xDC]), "65500x65500");
    assert_unfit(&changed(5, &[0x1F, 0xFF, 0x1F, 0xFF]), "8191x8191");
    assert_unfit(&changed(5, &[0x00, 0x08, 0x20, 0x01]), "8193x8");
    assert_unfit(&changed(5, &[0; 4]), "0x0");
    assert_unfit(&changed(4, &[12]), "12 bits");
    assert_unfit(&changed(11, &[0x14]), "1x4");
    assert_unfit(&changed(14, &[0x21]), "chroma of 2x1");
    for marker in [0xC2, 0xC3, 0xC9] {
        assert_unfit(&changed(1, &[marker]), "not sequential");
    }
    let mut five = changed(9, &[5]);
    five.splice(frame + 19..frame + 19, [4, 0x11, 0, 5, 0x11, 0]);
    five[frame + 3] += 6;
    assert_unfit(&five, "5 components");
    assert_unfit(&[0xFF, 0xD8, 0xFF, 0xD9], "nothing");
    assert_unfit(b"no JPEG", "no JPEG");
}

#[test]
fn bytes_are_bounded_and_pictures_are_taken_once() {
    let mut decoder = PartDecoder::new().unwrap();
    assert!(!decoder.push(b"x"));
    assert!(decoder.finish().is_err());
    decoder.begin(DecodedPicture::new());
    assert!(decoder.is_empty() && decoder.is_begun());
    // A comment that is never over.
    assert!(decoder.push(&[0xFF, 0xD8]));
    let comment = [&[0xFF, 0xFE, 0xFF, 0xFF][..], &vec![0; 0xFFFD]].concat();
    let pushed = (0..1000).take_while(|_| decoder.push(&comment)).count();
    assert_eq!(pushed, (BYTES_MAX - 2) / comment.len());
    assert!(decoder.bytes.capacity() <= 2 * BYTES_MAX);
    assert!(decoder.finish().is_err());
    assert!(!decoder.is_begun());
    // And the memory of a picture is used again.
    let file = encoded(64, 48, Subsamp::Sub2x2, false);
    decoder.begin(DecodedPicture::with_capacity(64, 48));
    let memory = decoder.picture.as_mut().unwrap().samples_mut().as_ptr();
    assert!(decoder.push(&file));
    let mut picture = decoder.finish().unwrap();
    assert_eq!(picture.samples_mut().as_ptr(), memory);
    assert!(decoder.finish().is_err());
}
