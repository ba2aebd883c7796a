//! Access units of H.264 as encoders give them, with start codes (ITU-T H.264 annex B), as MP4 has them: with lengths.

use memchr::memmem::Finder;

const KEY_SLICE: u8 = 5;
const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;
const FILLER: u8 = 12;

/// An access unit as a sample, and what is apart from it in MP4.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    /// Its NAL units, each after its length in 4 bytes, without parameter sets, delimiters and filler.
    pub data: Vec<u8>,
    /// The last sequence parameter set in it.
    pub sps: Option<Vec<u8>>,
    /// The last picture parameter set in it.
    pub pps: Option<Vec<u8>>,
    /// Whether it is an IDR picture.
    pub key: bool,
}

/// Takes an access unit apart.
#[must_use]
pub fn unit(access_unit: &[u8]) -> Unit {
    let mut unit = Unit { data: Vec::with_capacity(access_unit.len() + 16), ..Unit::default() };
    for nal in nal_units(access_unit) {
        match nal[0] & 31 {
            SPS => unit.sps = Some(nal.to_vec()),
            PPS => unit.pps = Some(nal.to_vec()),
            DELIMITER | FILLER => (),
            kind => {
                unit.key |= kind == KEY_SLICE;
                // An access unit is a picture, and none has 4 GiB.
                let length = u32::try_from(nal.len()).unwrap_or_default();
                unit.data.extend_from_slice(&length.to_be_bytes());
                unit.data.extend_from_slice(nal);
            }
        }
    }
    unit
}

/// The NAL units of a byte stream: none is empty, and the zeros after them are not theirs. What is before the first
/// start code is left out.
pub fn nal_units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let code = Finder::new(&[0, 0, 1]);
    let mut rest = code.find(stream).map(|at| &stream[at + 3..]);
    core::iter::from_fn(move || {
        let here = rest?;
        let next = code.find(here);
        rest = next.map(|at| &here[at + 3..]);
        Some(trimmed(&here[..next.unwrap_or(here.len())]))
    })
    .filter(|nal| !nal.is_empty())
}

/// A NAL unit ends with a bit that is set: zeros after it fill the stream.
fn trimmed(nal: &[u8]) -> &[u8] {
    let end = nal.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &nal[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_lie_between_start_codes() {
        let stream = [9, 0, 0, 0, 1, 0x67, 5, 0, 0, 1, 0x68, 6, 0, 0, 0, 0, 1, 0x65, 0, 3, 7, 0, 0];
        let found: Vec<&[u8]> = nal_units(&stream).collect();
        assert_eq!(found, [&[0x67, 5][..], &[0x68, 6], &[0x65, 0, 3, 7]]);
        assert_eq!(nal_units(&[0, 0, 0]).count(), 0);
        assert_eq!(nal_units(&[0, 0, 1]).count(), 0, "an empty one is none");
    }

    #[test]
    fn an_access_unit_is_taken_apart() {
        let stream = [
            &[0, 0, 0, 1, 9, 0xf0][..],
            &[0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1e],
            &[0, 0, 1, 0x68, 0xce],
            &[0, 0, 0, 1, 0x65, 1, 0, 0, 3, 2, 0, 0],
            &[0, 0, 1, 0x65, 4],
        ]
        .concat();
        let unit = unit(&stream);
        assert_eq!(unit.data, [0, 0, 0, 6, 0x65, 1, 0, 0, 3, 2, 0, 0, 0, 2, 0x65, 4]);
        assert_eq!(unit.sps.as_deref(), Some(&[0x67, 0x42, 0xc0, 0x1e][..]));
        assert_eq!((unit.pps.as_deref(), unit.key), (Some(&[0x68, 0xce][..]), true));
    }

    #[test]
    fn what_has_no_nal_unit_is_empty() {
        for stream in [&[][..], &[0, 0, 0, 0], &[1, 2, 3], &[0, 0, 1], &[0, 0, 1, 0, 0, 1]] {
            assert_eq!(unit(stream), Unit::default(), "{stream:?}");
        }
        assert_eq!(unit(&[7, 7, 0, 0, 1, 0x41, 9]).data, [0, 0, 0, 2, 0x41, 9]);
    }
}
