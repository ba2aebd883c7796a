//! JPEGs that come in parts: whatever is decoded so, the decoder of whole files takes, too, and its planes
//! are the same. One that was begun before leaves no trace.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamsocket_decode::{DecodedPicture, Decoder, PartDecoder};

/// Decodes in pieces that end at these bytes.
fn decode(decoder: &mut PartDecoder, bytes: &[u8], cuts: &[usize]) -> Option<DecodedPicture> {
    decoder.begin(DecodedPicture::new());
    let (mut from, mut is_fit) = (0, true);
    for &cut in cuts.iter().chain([&bytes.len()]) {
        // Memory of its own for each piece, so that none is read beyond its end.
        let piece = bytes[from..cut].to_vec();
        is_fit = is_fit && decoder.push(&piece);
        from = cut;
    }
    let finished = decoder.finish();
    assert!(finished.is_err() || is_fit);
    assert_eq!(finished.is_ok(), finished.as_ref().is_ok_and(|picture| !picture.is_blank()));
    finished.ok()
}

fuzz_target!(|input: ([u16; 4], &[u8])| {
    let (cuts, bytes) = input;
    let mut cuts = cuts.map(|cut| usize::from(cut) % (bytes.len() + 1));
    cuts.sort_unstable();
    let mut parts = PartDecoder::new().expect("a decoder");
    let decoded = decode(&mut parts, bytes, &cuts);
    let again = decode(&mut parts, bytes, &cuts);
    assert_eq!(decoded.is_some(), again.is_some());
    // And one that is dropped as it is.
    parts.begin(DecodedPicture::new());
    parts.push(&bytes[..cuts[3]]);
    let (Some(decoded), Some(again)) = (decoded, again) else { return };
    let (mut whole, mut expected) = (Decoder::new().expect("a decoder"), DecodedPicture::new());
    whole.decode(bytes, &mut expected).expect("what is decoded in parts can be decoded");
    for picture in [decoded, again] {
        assert_eq!(picture.layout(), expected.layout());
        assert_eq!([picture.width(), picture.height()], [expected.width(), expected.height()]);
        for (plane, expected) in picture.planes().iter().zip(expected.planes()) {
            assert!(plane.data == expected.data, "other samples");
        }
    }
});
