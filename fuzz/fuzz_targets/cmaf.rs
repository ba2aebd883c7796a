//! What the origin reads: times in addresses, pictures as encoders make them, init segments out of its archive.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamsocket_cmaf::track::Track;
use streamsocket_cmaf::{annexb, rfc3339};

/// Nanoseconds of the last digit that is written.
const MILLI: i64 = 1_000_000;

fuzz_target!(|said: &[u8]| {
    if let Some(at) = std::str::from_utf8(said).ok().and_then(rfc3339::parse) {
        let written = rfc3339::format(at);
        if let Some(again) = rfc3339::parse(&written) {
            assert!((0..MILLI).contains(&(at.0 - again.0)), "{written}");
        } else {
            // Up to a millisecond before the first time that there is.
            assert!(at.0 < i64::MIN + MILLI, "{written}");
        }
    }
    let unit = annexb::unit(said);
    let units: Vec<_> = annexb::nal_units(said).collect();
    let bytes: usize = units.iter().map(|unit| unit.len()).sum();
    // Each with its length in front.
    assert!(bytes <= said.len() && unit.data.len() <= bytes + 4 * units.len());
    if let Some(track) = Track::from_init(said) {
        assert_eq!(track.init(), said);
    }
});
