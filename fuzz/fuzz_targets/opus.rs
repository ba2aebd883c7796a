//! Opus: whatever is decoded has the length that it says, and what is not leaves nothing behind.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamsocket_decode::opus::{CONCEALED_MAX, Decoder};
use streamsocket_wire::opus::{FRAMES_MAX, frames};

fuzz_target!(|input: (bool, Vec<Vec<u8>>)| {
    let (stereo, packets) = input;
    let channels = 1 + u8::from(stereo);
    let (mut decoder, mut out) = (Decoder::new(channels).expect("a decoder"), Vec::new());
    for packet in &packets {
        let said = frames(packet);
        assert!(said.is_none_or(|said| (1..=FRAMES_MAX).contains(&said)));
        match decoder.decode(packet, &mut out) {
            Ok(made) => assert_eq!(Some(made), said),
            Err(_) => {
                assert!(out.is_empty());
                let made = decoder.conceal(said.unwrap_or(0), &mut out).expect("something");
                assert!(made <= CONCEALED_MAX);
            }
        }
        assert_eq!(out.len() % usize::from(channels), 0);
    }
});
