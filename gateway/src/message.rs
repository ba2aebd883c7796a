//! Messages to the page: a picture or a piece of sound, and behind it what it is and when it was captured.
//!
//! | bytes | what |
//! |---|---|
//! | all but the last 24 | a JPEG file; or samples of 16 bits, little-endian, interleaved; or a packet of Opus, as was said first |
//! | 8 | when it, or the first sample, was captured: milliseconds since 1970, a double, little-endian |
//! | 8 | when that is to be presented, likewise: of what is in one room, with the others' |
//! | 1 | 1: a picture, 2: sound |
//! | 7 | 0 |

/// Bytes behind what a message carries.
pub(crate) const TRAILER_LEN: usize = 24;

/// What a message carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Picture = 1,
    Sound = 2,
}

/// What is behind it. `captured` and `due` are in nanoseconds since 1970.
pub(crate) fn trailer(kind: Kind, captured: i64, due: i64) -> [u8; TRAILER_LEN] {
    let mut trailer = [0; TRAILER_LEN];
    #[expect(clippy::cast_precision_loss, reason = "a double has a quarter of a microsecond left")]
    let millis = |nanos: i64| (nanos as f64 / 1e6).to_le_bytes();
    trailer[..8].copy_from_slice(&millis(captured));
    trailer[8..16].copy_from_slice(&millis(due));
    trailer[16] = kind as u8;
    trailer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailer_is_two_times_and_a_kind() {
        let trailer = trailer(Kind::Sound, 1_700_000_000_012_500_000, 1_700_000_000_100_000_000);
        let millis = |at: usize| f64::from_le_bytes(trailer[at..at + 8].try_into().unwrap());
        assert_eq!([millis(0), millis(8)], [1_700_000_000_012.5, 1_700_000_000_100.0]);
        assert_eq!(trailer[16..], [2, 0, 0, 0, 0, 0, 0, 0]);
    }
}
