use super::*;
use crate::jpeg::{Parameters, Sampling};
use crate::jpeg_header::{HEADER_MAX, HUFFMAN_DEFAULT, emit};
use proptest::prelude::*;
extern crate std;
use std::vec::Vec;

/// A picture whose coded data is `data`, with what follows it.
fn file(data: &[u8]) -> Vec<u8> {
    let (sampling, tables) = (Sampling::S422, [[9; 64], [17; 64]]);
    let picture = Parameters { width: 634, height: 470, sampling, restart_interval: 0, tables };
    let mut header = [0; HEADER_MAX];
    let len = emit(&picture, &mut header).unwrap();
    [&header[..len], data].concat()
}

fn without(file: &[u8], segment: &[u8]) -> Vec<u8> {
    let at = file.windows(segment.len()).position(|window| window == segment).unwrap();
    [&file[..at], &file[at + segment.len()..]].concat()
}

fn with(file: &[u8], segment: &[u8]) -> Vec<u8> {
    [&file[..2], segment, &file[2..]].concat()
}

/// Where the byte is that follows this pattern.
fn behind(file: &[u8], pattern: &[u8]) -> usize {
    file.windows(pattern.len()).position(|window| window == pattern).unwrap() + pattern.len()
}

fn data(file: &[u8]) -> Result<&[u8], Unfit> {
    scan(file).map(|frame| &file[frame.data])
}

#[test]
fn the_picture_ends_at_its_first_eoi_or_with_the_file() {
    let coded = [0x11, 0xFF, 0x00, 0x22, 0xFF, 0xD3, 0x33];
    for tail in [&[0xFF, 0xD9][..], &[], &[0xFF, 0xD9, 0, 0, 0], &[0xFF, 0xFF, 0xD9, 0x77], &[0xFF]]
    {
        assert_eq!(data(&file(&[&coded, tail].concat())), Ok(&coded[..]), "{tail:?}");
    }
    let second = file(&[1, 0xFF, 0xD9]);
    assert_eq!(data(&file(&[&[5, 0xFF, 0xD9][..], &second].concat())), Ok(&[5][..]));
}

#[test]
fn what_says_nothing_about_the_picture_is_skipped() {
    let plain = file(&[1, 2, 0xFF, 0xD9]);
    let thumbnail = [&[0xFF, 0xE1, 0, 8][..], &[0xFF, 0xD8, 0xFF, 0xDA, 0xFF, 0xD9]].concat();
    for segment in [&thumbnail[..], &[0xFF, 0xFF, 0xFF, 0xFE, 0, 3, 7], &[0xFF, 0xE0, 0, 2]] {
        assert_eq!(data(&with(&plain, segment)), Ok(&[1, 2][..]));
    }
}

#[test]
fn huffman_tables_are_the_defaults_or_absent() {
    let plain = file(&[1, 0xFF, 0xD9]);
    assert_eq!(data(&without(&plain, &HUFFMAN_DEFAULT)), Ok(&[1][..]));
    let mut custom = plain.clone();
    let last = behind(&plain, &HUFFMAN_DEFAULT) - 1;
    custom[last] ^= 1;
    assert_eq!(scan(&custom), Err(Unfit::HuffmanTables));
    let mut crossed = plain.clone();
    let at = behind(&plain, &[0xFF, 0xDA, 0, 12, 3, 1]);
    crossed[at] = 0x11;
    assert_eq!(scan(&crossed), Err(Unfit::HuffmanTables));
}

#[test]
fn chroma_tables_must_be_equal_but_may_have_two_names() {
    let plain = file(&[1, 0xFF, 0xD9]);
    let third = |value: u8| {
        let mut table = [value; 69];
        table[..5].copy_from_slice(&[0xFF, 0xDB, 0, 67, 2]);
        let mut file = with(&plain, &table);
        let at = behind(&file, &[3, 1, 0x21, 0, 2, 0x11, 1, 3, 0x11]);
        file[at] = 2;
        file
    };
    assert_eq!(data(&third(17)), Ok(&[1][..]));
    assert_eq!(scan(&third(18)), Err(Unfit::QuantizationTables));
}

#[test]
fn what_rtp_cannot_carry_is_named() {
    let plain = file(&[1, 0xFF, 0xD9]);
    let sof = behind(&plain, &[0xFF]) + 2 * 69 + 1;
    let changed = |at: usize, value: u8| {
        let mut file = plain.clone();
        file[at] = value;
        scan(&file).map(|_| ())
    };
    assert_eq!(plain[sof + 1], SOF0);
    assert_eq!(changed(0, 0), Err(Unfit::NotJpeg));
    assert_eq!(changed(sof + 1, 0xC2), Err(Unfit::Progressive));
    assert_eq!(changed(sof + 1, 0xC9), Err(Unfit::Arithmetic));
    assert_eq!(changed(sof + 1, 0xC3), Err(Unfit::Lossless));
    assert_eq!(changed(sof + 4, 12), Err(Unfit::Precision(12)));
    assert_eq!(changed(sof + 9, 1), Err(Unfit::Components(1)));
    assert_eq!(changed(sof + 11, 0x11), Err(Unfit::Sampling([0x11, 0x11, 0x11])));
    assert_eq!(scan(&with(&plain, b"\xFF\xEE\0\x0EAdobe\0\x64\0\0\0\0\0")), Err(Unfit::Colours));
    assert_eq!(changed(sof + 12, 3), Err(Unfit::QuantizationTables));
    let mut empty = plain.clone();
    empty[sof + 5..sof + 7].fill(0);
    assert_eq!(scan(&empty), Err(Unfit::Empty));
    assert_eq!(scan(&file(&[])), Err(Unfit::Truncated));
    assert_eq!(scan(&file(&[1, 0xFF, 0xDA, 0, 8])), Err(Unfit::Scans));
    for unfit in [Unfit::NotJpeg, Unfit::Empty, Unfit::Sampling([0; 3])] {
        assert_eq!(Unfit::NAMES[unfit.index()], unfit.name());
    }
}

#[test]
fn every_cut_of_the_headers_is_truncated() {
    let plain = file(&[1, 0xFF, 0xD9]);
    for len in 2..plain.len() - 3 {
        assert_eq!(scan(&plain[..len]), Err(Unfit::Truncated), "{len}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = scan(&[&[0xFF, 0xD8], &bytes[..]].concat());
    }

    #[test]
    fn no_damage_panics(at in 0_usize..640, value: u8, len in 0_usize..640) {
        let mut bytes = file(&[1, 2, 3, 0xFF, 0, 4, 0xFF, 0xD9]);
        if let Some(byte) = bytes.get_mut(at) {
            *byte = value;
        }
        bytes.truncate(bytes.len().min(len.max(600)));
        if let Ok(frame) = scan(&bytes) {
            prop_assert!(frame.data.end <= bytes.len() && !frame.data.is_empty());
        }
    }
}

#[test]
fn tables_of_16_bits_are_narrowed_if_they_fit() {
    let plain = file(&[1, 0xFF, 0xD9]);
    let wide = |value: u8| {
        let mut table = [0; 133];
        table[..5].copy_from_slice(&[0xFF, 0xDB, 0, 131, 0x10]);
        table[5..].chunks_exact_mut(2).for_each(|pair| pair[1] = 9);
        table[5] = value;
        // The one of 8 bits comes before it, and is replaced.
        let first = 2 + 69;
        scan(&[&plain[..first], &table[..], &plain[first..]].concat())
    };
    assert_eq!(wide(0).unwrap().picture.tables[0], [9; 64]);
    assert_eq!(wide(1), Err(Unfit::QuantizationTables));
}

#[test]
fn an_end_that_is_missing_is_told() {
    assert!(scan(&file(&[1, 0xFF, 0xD9])).unwrap().ended);
    assert!(!scan(&file(&[1])).unwrap().ended);
}

#[test]
fn headers_are_remembered_as_long_as_they_are_the_same() {
    let (plain, other) = (file(&[1, 0xFF, 0xD9]), file(&[2, 3, 0xFF, 0xD9]));
    let mut changed = other.clone();
    changed[2 + 5] = 77;
    let mut scanner = Scanner::default();
    for picture in [&plain, &other, &changed, &plain[..300].to_vec(), &other] {
        assert_eq!(scanner.scan(picture), scan(picture));
    }
}

#[test]
fn scans_are_counted() {
    assert_eq!(scans(&file(&[1, 0xFF, 0xD9])), 1);
    let another = [0xFF, 0xDA, 0, 8, 1, 2, 0x11, 0, 63, 0, 7, 0xFF, 0, 0xFF, 0xD1];
    assert_eq!(scans(&file(&[&[1], &another[..], &another, &[0xFF, 0xD9]].concat())), 3);
    assert_eq!(scans(&file(&[1])), 1);
    assert_eq!(scans(b""), 0);
}
