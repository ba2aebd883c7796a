use super::*;
use std::mem;

/// A thumbnail's markers inside APP1, fill bytes, a stuffed byte and a restart in the scan.
const PICTURE: &[u8] = &[
    0xFF, 0xD8, // SOI
    0xFF, 0xE1, 0, 8, 0xFF, 0xD8, 1, 2, 0xFF, 0xD9, // APP1
    0xFF, 0xFF, 0xC0, 0, 11, 8, 0, 48, 0, 64, 1, 1, 0x11, 0, // SOF0, after a fill byte
    0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0, // SOS
    1, 2, 0xFF, 0, 3, 0xFF, 0xD0, 4, 0xFF, 0xFF, 0xD9, // data, EOI after a fill byte
];

/// Where its coded data begins.
const SCAN: usize = 36;

/// All pictures of a stream that arrives in these pieces.
fn split(splitter: &mut Splitter, pieces: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut frame = Vec::new();
    let mut frames = Vec::new();
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            let fed = splitter.feed(rest, &mut frame);
            assert!(fed.complete || fed.consumed == rest.len());
            rest = &rest[fed.consumed..];
            if fed.complete {
                frames.push(mem::take(&mut frame));
            }
        }
    }
    while splitter.end(&mut frame) {
        frames.push(mem::take(&mut frame));
    }
    frames
}

#[test]
fn every_cut_gives_the_same_pictures() {
    let stream = [&[0, 0xFF, 7][..], PICTURE, &[0, 0xFF, 0xFF], PICTURE].concat();
    for first in 0..=stream.len() {
        for second in first..=stream.len() {
            let mut splitter = Splitter::default();
            let pieces = [&stream[..first], &stream[first..second], &stream[second..]];
            assert_eq!(split(&mut splitter, &pieces), [PICTURE, PICTURE]);
            assert_eq!((splitter.begun(), splitter.dropped()), (2, 0));
        }
    }
}

#[test]
fn a_picture_cut_anywhere_costs_no_other_picture() {
    let after = PICTURE.repeat(2000);
    for cut in 2..PICTURE.len() {
        let stream = [PICTURE, &PICTURE[..cut], &after].concat();
        let mut splitter = Splitter::default();
        let frames = split(&mut splitter, &[&stream]);
        let whole = frames.iter().filter(|frame| *frame == PICTURE).count();
        // Where the next picture's bytes fit what is missing, nobody could tell.
        if frames.len() == 2001 && whole == 2000 {
            continue;
        }
        assert_eq!(whole, 2001, "cut at {cut}");
        // What was cut in its coded data may be whole: whoever decodes it will see.
        let others: Vec<_> = frames.iter().filter(|frame| *frame != PICTURE).collect();
        let coded = PICTURE[..cut].strip_suffix(&[0xFF, 0xFF]).unwrap_or(&PICTURE[..cut]);
        let coded = coded.strip_suffix(&[0xFF]).unwrap_or(coded);
        match cut.checked_sub(SCAN) {
            Some(_) => assert_eq!(others, [coded], "cut at {cut}"),
            None => assert!(others.is_empty() && splitter.dropped() > 0, "cut at {cut}"),
        }

        let mut splitter = Splitter::default();
        let at_the_end = [PICTURE, &PICTURE[..cut]].concat();
        assert_eq!(split(&mut splitter, &[&at_the_end]), [PICTURE]);
        assert!(splitter.dropped() > 0, "cut at {cut}");
    }
}

#[test]
fn pictures_without_an_end_are_pictures() {
    let bare = &PICTURE[..PICTURE.len() - 3];
    // EOI in other words, a fill byte that nothing follows, and what cameras pad with.
    for (tail, kept) in [
        (&[][..], false),
        (&[0xFF], false),
        (&[0xFF, 0xFF, 0xFF], false),
        (&[0xD9, 0x00], true),
        (&[0x00, 0x00, 0x00], true),
        (b"\r\n--next\r\nContent-Length: 7\r\n\r\n", true),
    ] {
        let kept = if kept { tail.len() } else { 0 };
        let one = [bare, tail].concat();
        let mut splitter = Splitter::default();
        let frames = split(&mut splitter, &[&one.repeat(3)]);
        let expected = one[..bare.len() + kept].to_vec();
        assert_eq!(frames, vec![expected; 3], "{tail:02x?}");
        assert_eq!((splitter.begun(), splitter.dropped()), (3, 0));
        // The next one has an end.
        let frames = split(&mut Splitter::default(), &[&one, PICTURE]);
        assert_eq!(frames, [&one[..bare.len() + kept], PICTURE], "{tail:02x?}");
    }
}

#[test]
fn damage_in_coded_data_ends_no_picture() {
    let bare = &PICTURE[..PICTURE.len() - 3];
    let damaged = [bare, &[0xFF, 0xD8, 7, 8, 0xFF, 0xD9]].concat();
    let mut splitter = Splitter::default();
    let frames = split(&mut splitter, &[&damaged, PICTURE]);
    assert_eq!(frames, [&damaged[..], PICTURE]);
}

#[test]
fn a_segment_of_a_wrong_length_swallows_no_other_picture() {
    let others = PICTURE.repeat(1500);
    // Bytes of the lengths of APP1, SOF0 and SOS in it.
    for at in [4, 15, 28] {
        for length in (0..=u16::MAX).step_by(1009) {
            let mut wrong = PICTURE.to_vec();
            // Where it leads to a marker of another picture, nobody could tell.
            let led_to = (at + usize::from(length)) % PICTURE.len();
            let header = PICTURE[led_to] == 0xFF && (2..SCAN).contains(&led_to);
            if header || wrong[at..at + 2] == length.to_be_bytes() {
                continue;
            }
            wrong[at..at + 2].copy_from_slice(&length.to_be_bytes());
            let mut splitter = Splitter::default();
            let stream = [PICTURE, &wrong, &others].concat();
            let frames = split(&mut splitter, &[&stream[..3000], &stream[3000..]]);
            let whole = frames.iter().filter(|frame| *frame == PICTURE).count();
            assert_eq!(whole, 1501, "{length} at {at}");
        }
    }
}

#[test]
fn what_is_made_to_be_looked_at_again_costs_no_more_than_twice_its_bytes() {
    // Each of these covers 64 kB of the others, and none is a picture.
    let stream = [0xFF, 0xD8, 0xFF, 0xE1, 0xFF, 0xF9, 0].repeat(3_000_000);
    let (mut splitter, mut frame) = (Splitter::default(), Vec::new());
    for piece in stream.chunks(1 << 16) {
        let fed = splitter.feed(piece, &mut frame);
        assert_eq!(fed, Fed { consumed: piece.len(), complete: false });
        assert!(splitter.again.capacity() <= FRAME_MAX && frame.len() <= FRAME_MAX);
    }
    assert!(splitter.credit < FRAME_MAX, "nothing was looked at again");
}

#[test]
fn damage_is_dropped() {
    for damage in [
        &[0xFF, 0xD8, 0xFF, 0xD9][..],
        &[0xFF, 0xD8, 0x12],
        &[0xFF, 0xD8, 0xFF, 0x00],
        &[0xFF, 0xD8, 0xFF, 0xE0, 0, 1],
    ] {
        let mut splitter = Splitter::default();
        assert_eq!(split(&mut splitter, &[damage, PICTURE]), [PICTURE]);
        assert_eq!(splitter.dropped(), 1, "{damage:02x?}");
    }
}

#[test]
fn an_endless_picture_is_bounded() {
    let mut splitter = Splitter::default();
    let mut frame = Vec::new();
    splitter.feed(&PICTURE[..PICTURE.len() - 3], &mut frame);
    let data = vec![1; 1 << 20];
    for _ in 0..9 {
        splitter.feed(&data, &mut frame);
        assert!(frame.len() <= FRAME_MAX + data.len());
    }
    assert_eq!((splitter.dropped(), frame.len()), (1, 0));
    assert_eq!(split(&mut splitter, &[PICTURE]), [PICTURE]);
}

#[test]
fn the_size_is_that_of_the_picture_not_of_its_thumbnail() {
    assert_eq!(picture_size(PICTURE), Some((64, 48)));
    for cut in 0..22 {
        assert_eq!(picture_size(&PICTURE[..cut]), None);
    }
    assert_eq!(picture_size(&PICTURE[2..]), None);
}
