//! Where the coded data ends.

use super::{EOI, Unfit};
use core::ops::Range;

/// The coded data that begins at `start`: up to the first marker that is no restart marker, or to
/// the end of the file if the camera left EOI away.
///
/// A file that ends with EOI could be taken at its word, but it may hold a second picture, or
/// padding after a first EOI; the walk goes from one 0xFF to the next and costs a few microseconds.
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
    loop {
        let Some(found) = find_ff(data.get(at..).unwrap_or_default()) else { return data.len() };
        at += found;
        match data.get(at + 1) {
            // A stuffed byte, a restart marker.
            Some(0x00 | 0xD0..=0xD7) => at += 2,
            // A fill byte in front of a marker.
            Some(0xFF) => at += 1,
            Some(_) | None => return at,
        }
    }
}

/// The first 0xFF: eight bytes at a time, since one byte in some 150 is one.
fn find_ff(bytes: &[u8]) -> Option<usize> {
    let mut words = bytes.chunks_exact(8);
    let mut at = 0;
    for word in words.by_ref() {
        let inverted = !u64::from_le_bytes(word.try_into().ok()?);
        let zeros = inverted.wrapping_sub(LOW_BITS) & !inverted & HIGH_BITS;
        if zeros != 0 {
            return usize::try_from(zeros.trailing_zeros() / 8).ok().map(|byte| at + byte);
        }
        at += 8;
    }
    let rest = words.remainder().iter().position(|byte| *byte == 0xFF)?;
    Some(at + rest)
}

/// The lowest bit of each byte.
const LOW_BITS: u64 = 0x0101_0101_0101_0101;

/// The highest bit of each byte.
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ff_is_found_wherever_it_is() {
        for len in 0..40 {
            for at in 0..len {
                let mut bytes = [0xFE; 40];
                bytes[at] = 0xFF;
                assert_eq!(find_ff(&bytes[..len]), Some(at));
            }
            assert_eq!(find_ff(&[0x80; 40][..len]), None);
        }
    }
}
