//! Pictures one after the other, out of a file or a pipe, in pieces of any size.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamsocket::capture::mjpeg_split::{FRAME_MAX, Splitter};

/// The pictures of a stream that comes in pieces so long, and how many were given up.
fn split(stream: &[u8], piece: usize) -> (Vec<Vec<u8>>, u64) {
    let (mut splitter, mut frame, mut pictures) = (Splitter::default(), Vec::new(), Vec::new());
    for piece in stream.chunks(piece) {
        let mut rest = piece;
        while !rest.is_empty() {
            let fed = splitter.feed(rest, &mut frame);
            assert!((fed.consumed > 0 || fed.complete) && frame.len() <= FRAME_MAX);
            rest = &rest[fed.consumed..];
            if fed.complete {
                pictures.push(std::mem::take(&mut frame));
            }
        }
    }
    while splitter.end(&mut frame) {
        pictures.push(std::mem::take(&mut frame));
    }
    assert!(frame.is_empty());
    assert_eq!(splitter.begun(), pictures.len() as u64 + splitter.dropped());
    (pictures, splitter.dropped())
}

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, stream) = input;
    let whole = split(stream, stream.len().max(1));
    assert_eq!(split(stream, usize::from(piece) + 1), whole);
    let mut rest = stream;
    for picture in &whole.0 {
        assert!(picture.starts_with(&[0xFF, 0xD8]));
        // Unchanged, and in the order of the stream.
        let at = rest.windows(picture.len()).position(|window| window == picture);
        rest = &rest[at.expect("a picture is a part of the stream") + picture.len()..];
    }
});
