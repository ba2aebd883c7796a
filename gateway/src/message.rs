//! Messages to the page: a picture or a piece of sound, and behind it what it is and when it was captured.
//!
//! | bytes | what |
//! |---|---|
//! | all but the last 16 | a JPEG file; or samples of 16 bits, little-endian, interleaved; or a packet of Opus, as was said first |
//! | 8 | when it, or the first sample, was captured: milliseconds since 1970, a double, little-endian |
//! | 1 | 1: a picture, 2: sound |
//! | 7 | 0 |

/// Bytes behind what a message carries.
pub(crate) const TRAILER_LEN: usize = 16;

/// What a message carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Picture = 1,
    Sound = 2,
}

/// What is behind it. `captured` is in nanoseconds since 1970.
pub(crate) fn trailer(kind: Kind, captured: i64) -> [u8; TRAILER_LEN] {
    let mut trailer = [0; TRAILER_LEN];
    #[expect(clippy::cast_precision_loss, reason = "a double has a quarter of a microsecond left")]
    let millis = captured as f64 / 1e6;
    trailer[..8].copy_from_slice(&millis.to_le_bytes());
    trailer[8] = kind as u8;
    trailer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailer_is_a_time_and_a_kind() {
        let trailer = trailer(Kind::Sound, 1_700_000_000_012_500_000);
        assert_eq!(f64::from_le_bytes(trailer[..8].try_into().unwrap()), 1_700_000_000_012.5);
        assert_eq!(trailer[8..], [2, 0, 0, 0, 0, 0, 0, 0]);
    }
}
