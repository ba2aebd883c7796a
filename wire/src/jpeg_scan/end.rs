//! Where the coded data ends.

use super::marker::EOI;
use super::unfit::Unfit;
use core::ops::Range;

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
    let len = next_marker(data, 0);
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

/// Where the first marker is that is no restart marker, from `at` on in coded data; the length if there
/// is none.
pub(super) fn next_marker(data: &[u8], mut at: usize) -> usize {
    while at < data.len() {
        at += without_markers(data.get(at..).unwrap_or_default());
        let end = data.len().min(at + BLOCK);
        while at < end {
            at += match (data[at], data.get(at + 1)) {
                // A stuffed byte, a restart marker.
                (0xFF, Some(0x00 | 0xD0..=0xD7)) => 2,
                // A fill byte in front of a marker.
                (0xFF, Some(0xFF)) => 1,
                (0xFF, _) => return at,
                _ => 1,
            };
        }
    }
    data.len()
}

/// Bytes that are looked at together.
const BLOCK: usize = 64;

/// How many bytes at the start of `data`, which is coded data, can be passed over in whole blocks because
/// no marker begins in them, not even a restart marker.
///
/// Fewer than there are, as a rule: the rest is to be looked at byte by byte. The loop is one that
/// compilers make vector instructions of, since most of what a picture costs before it is sent is here.
#[must_use]
pub fn without_markers(data: &[u8]) -> usize {
    let mut at = 0;
    while let Some(block) = data.get(at..).and_then(<[u8]>::first_chunk::<{ BLOCK + 1 }>) {
        let pairs = block.iter().zip(&block[1..]);
        let found =
            pairs.fold(false, |found, (&byte, &next)| found | ((byte == 0xFF) & (next != 0)));
        if found {
            break;
        }
        at += BLOCK;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `next_marker`, byte by byte.
    fn walked(data: &[u8]) -> usize {
        let mut at = 0;
        while let Some(found) = data[at..].iter().position(|byte| *byte == 0xFF) {
            at += found;
            match data.get(at + 1) {
                Some(0x00 | 0xD0..=0xD7) => at += 2,
                Some(0xFF) => at += 1,
                _ => return at,
            }
        }
        data.len()
    }

    #[test]
    fn markers_are_found_wherever_they_are() {
        // Miri is some hundred times slower.
        let step = if cfg!(miri) { 21 } else { 1 };
        for len in (0..2 * BLOCK + 5).step_by(step) {
            for at in 0..len {
                for marker in [[0xFF, 0xD9], [0xFF, 0xFF], [0xFF, 0], [0xFF, 0xD3], [0, 0xFF]] {
                    let mut bytes = [0xFE; 2 * BLOCK + 6];
                    bytes[at..at + 2].copy_from_slice(&marker);
                    let bytes = &bytes[..len];
                    assert_eq!(
                        next_marker(bytes, 0),
                        walked(bytes),
                        "{marker:x?} at {at} of {len}"
                    );
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
            proptest::prop_assert_eq!(next_marker(&bytes, 0), walked(&bytes));
        }
    }
}
