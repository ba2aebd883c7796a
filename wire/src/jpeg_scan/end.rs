//! Where the coded data ends.

use super::marker::EOI;
use super::unfit::Unfit;
use core::ops::Range;
use memchr::memchr;

/// The coded data that begins at `start`: up to the first marker that is no restart marker, or to
/// the end of the file if the camera left EOI away.
///
/// A file that ends with EOI could be taken at its word, but it may hold a second picture, or
/// padding after a first EOI; the walk costs a few microseconds.
///
/// # Errors
/// If there is no data.
pub(super) fn coded_data(jpeg: &[u8], start: usize) -> Result<(Range<usize>, bool), Unfit> {
    let data = jpeg.get(start..).unwrap_or_default();
    let len = next_marker(data);
    // Fill bytes belong to the marker behind them.
    let filled = data.get(..len).unwrap_or_default().iter().rev();
    let fill = filled.take_while(|byte| **byte == 0xFF).count();
    let marker = data.get(len + 1);
    match len - fill {
        0 => Err(Unfit::Truncated),
        len => match marker {
            Some(&EOI) => Ok((start..start + len, true)),
            Some(_) => Err(Unfit::Scans),
            None => Ok((start..start + len, false)),
        },
    }
}

/// Where the first marker is that is no restart marker, in coded data: at the 0xFF in front of its code, or of
/// what may be its code if the data ends there. The length of the data if there is none.
///
/// Most of what a picture costs before it is sent is here.
#[must_use]
pub fn next_marker(data: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&byte) = data.get(at) {
        if byte != 0xFF {
            let Some(passed) = memchr(0xFF, &data[at..]) else { break };
            at += passed;
        }
        at += match data.get(at + 1) {
            // A stuffed byte, a restart marker.
            Some(0x00 | 0xD0..=0xD7) => 2,
            // A fill byte in front of a marker.
            Some(0xFF) => 1,
            _ => return at,
        };
    }
    data.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of the data, more than are looked at together.
    const LONG: usize = 128;

    /// As `next_marker`, byte by byte.
    fn walked(data: &[u8]) -> usize {
        let harmless = |next: Option<&u8>| matches!(next, Some(0x00 | 0xD0..=0xD7 | 0xFF));
        let begins = |at: &usize| data[*at] == 0xFF && !harmless(data.get(at + 1));
        (0..data.len()).find(begins).unwrap_or(data.len())
    }

    #[test]
    fn markers_are_found_wherever_they_are() {
        // Miri is some hundred times slower.
        let step = if cfg!(miri) { 21 } else { 1 };
        for len in (0..LONG + 5).step_by(step) {
            for at in 0..len {
                for marker in [[0xFF, 0xD9], [0xFF, 0xFF], [0xFF, 0], [0xFF, 0xD3], [0, 0xFF]] {
                    let mut bytes = [0xFE; LONG + 6];
                    bytes[at..at + 2].copy_from_slice(&marker);
                    let bytes = &bytes[..len];
                    assert_eq!(next_marker(bytes), walked(bytes), "{marker:x?} at {at} of {len}");
                }
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn every_walk_finds_the_same(
            picks in proptest::collection::vec((0_usize..200, 0_usize..8), 0..40),
        ) {
            const BYTES: [u8; 8] = [0, 0xFF, 0xD0, 0xD7, 0xD8, 0xD9, 0xCF, 1];
            let mut bytes = [0x55; 200];
            for (at, byte) in picks {
                bytes[at] = BYTES[byte];
            }
            proptest::prop_assert_eq!(next_marker(&bytes), walked(&bytes));
        }
    }
}
