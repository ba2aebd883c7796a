//! NAL units into samples as files have them (ISO/IEC 14496-15).

use bytes::Bytes;

/// The parameter sets that a key picture and those after it need, as NAL units without start code or length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParameterSets {
    /// The sequence parameter set (7.3.2.1).
    pub sps: Bytes,
    /// The picture parameter set (7.3.2.2).
    pub pps: Bytes,
    /// Width and height in pixels.
    pub size: (usize, usize),
}

/// Types of NAL units (table 7-1).
const IDR: u8 = 5;
const SEI: u8 = 6;
const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;
const FILLER: u8 = 12;

/// An access unit that is taken apart: its parameter sets go to where they belong, and what a file has no use for
/// (delimiters, filler, what an encoder says of itself) is left out.
#[derive(Debug, Default)]
pub(crate) struct AccessUnit {
    /// NAL units, each after its length in 4 bytes.
    pub(crate) data: Vec<u8>,
    /// Whether it has an IDR picture.
    pub(crate) key: bool,
}

impl AccessUnit {
    /// Takes one NAL unit.
    pub(crate) fn take(&mut self, unit: &[u8], sets: &mut ParameterSets) {
        let Some(first) = unit.first() else { return };
        match first & 0x1F {
            SPS => renew(&mut sets.sps, unit),
            PPS => renew(&mut sets.pps, unit),
            DELIMITER | FILLER | SEI => {}
            kind => {
                self.key |= kind == IDR;
                let length = u32::try_from(unit.len()).unwrap_or(u32::MAX);
                self.data.extend_from_slice(&length.to_be_bytes());
                self.data.extend_from_slice(unit);
            }
        }
    }
}

/// Most sets are the one before again.
fn renew(set: &mut Bytes, unit: &[u8]) {
    if set[..] != *unit {
        *set = Bytes::copy_from_slice(unit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_sets_go_to_where_they_belong() {
        let mut sets = ParameterSets::default();
        let mut picture = AccessUnit::default();
        for unit in
            [&[0x09, 16][..], &[0x67, 1], &[0x68, 2], &[0x06, 3], &[0x65, 4, 5], &[0x0C, 9], &[]]
        {
            picture.take(unit, &mut sets);
        }
        assert_eq!((&sets.sps[..], &sets.pps[..]), (&[0x67, 1][..], &[0x68, 2][..]));
        assert_eq!((&picture.data[..], picture.key), (&[0, 0, 0, 3, 0x65, 4, 5][..], true));
        let mut other = AccessUnit::default();
        other.take(&[0x41, 4], &mut sets);
        assert_eq!((&other.data[..], other.key), (&[0, 0, 0, 2, 0x41, 4][..], false));
    }
}
