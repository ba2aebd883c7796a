//! Header extensions (RFC 8285 section 4), and the one that carries the capture time in NTP format
//! (RFC 6051 section 3.3).

use crate::ntp::NtpTime;
use crate::{Error, space};

/// Bytes of a whole extension that holds the time: header (4), element header (1), time (8),
/// padding to a word (3).
pub const NTP64_LEN: usize = 16;

/// Profile of the one-byte form (RFC 8285 section 4.2).
const ONE_BYTE: u16 = 0xBEDE;

/// Profile of the two-byte form, without its application bits (RFC 8285 section 4.3).
const TWO_BYTE: u16 = 0x1000;

/// A header extension.
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |       0xBE    |    0xDE       |           length=3            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  ID   | L=7   |   NTP time, 64 bits, then three bytes of 0 ...
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// What the data is: 0xBEDE for elements with one-byte headers, 0x100x for two-byte ones.
    pub profile: u16,
    /// The data, whole words.
    pub data: &'a [u8],
}

impl<'a> Extension<'a> {
    /// The elements in it; none if it is of another profile.
    #[must_use]
    pub const fn elements(&self) -> Elements<'a> {
        let two_byte = self.profile & 0xFFF0 == TWO_BYTE;
        let data = if two_byte || self.profile == ONE_BYTE { self.data } else { &[] };
        Elements { data, two_byte }
    }

    /// The time in the element `id`, if it is there.
    #[must_use]
    pub fn ntp64(&self, id: u8) -> Option<NtpTime> {
        let (_, data) = self.elements().find(|(other, _)| *other == id)?;
        Some(NtpTime(u64::from_be_bytes(data.try_into().ok()?)))
    }
}

/// Iterator over elements: id and data. What is cut off ends it.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    data: &'a [u8],
    two_byte: bool,
}

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        // Bytes of 0 are padding, in front of any element.
        let start = self.data.iter().position(|byte| *byte != 0)?;
        let (first, rest) = self.data.get(start..)?.split_first()?;
        let (id, len, rest) = if self.two_byte {
            let (len, rest) = rest.split_first()?;
            (*first, usize::from(*len), rest)
        } else {
            (first >> 4, usize::from(first & 0x0F) + 1, rest)
        };
        // Id 15 of the one-byte form ends the processing (RFC 8285 section 4.2).
        if !self.two_byte && id == 15 {
            self.data = &[];
            return None;
        }
        let data = rest.get(..len)?;
        self.data = rest.get(len..)?;
        Some((id, data))
    }
}

/// Writes a whole extension with the time in the element `id` (1 to 14); returns [`NTP64_LEN`].
///
/// # Errors
/// If `out` is too short.
pub fn emit_ntp64(id: u8, time: NtpTime, out: &mut [u8]) -> Result<usize, Error> {
    let out = space(out, NTP64_LEN)?;
    out[..2].copy_from_slice(&ONE_BYTE.to_be_bytes());
    out[2..4].copy_from_slice(&3_u16.to_be_bytes());
    out[4] = id << 4 | 7;
    out[5..13].copy_from_slice(&time.0.to_be_bytes());
    out[13..].fill(0);
    Ok(NTP64_LEN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_time_is_these_bytes() {
        let mut out = [0xFF; NTP64_LEN];
        emit_ntp64(1, NtpTime(0x0102_0304_0506_0708), &mut out).unwrap();
        assert_eq!(out, [0xBE, 0xDE, 0, 3, 0x17, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0]);
        let extension = Extension { profile: 0xBEDE, data: &out[4..] };
        assert_eq!(extension.ntp64(1), Some(NtpTime(0x0102_0304_0506_0708)));
        assert_eq!(extension.ntp64(2), None);
    }

    #[test]
    fn padding_lies_between_elements_and_15_ends_them() {
        let data = [0, 0x10, 7, 0, 0, 0x21, 8, 9, 0xF0, 0x10, 1, 0];
        let extension = Extension { profile: 0xBEDE, data: &data };
        assert!(extension.elements().eq([(1, &[7][..]), (2, &[8, 9])]));
    }

    #[test]
    fn the_two_byte_form_has_empty_elements_and_long_ones() {
        let mut data = [0; 28];
        data[0] = 5;
        data[2..4].copy_from_slice(&[200, 20]);
        let extension = Extension { profile: 0x1003, data: &data };
        let sizes = extension.elements().map(|(id, data)| (id, data.len()));
        assert!(sizes.eq([(5, 0), (200, 20)]));
        assert_eq!(Extension { profile: 7, data: &data }.elements().count(), 0);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(profile: u16, data in proptest::collection::vec(any::<u8>(), 0..64)) {
            for profile in [profile, ONE_BYTE, TWO_BYTE] {
                assert!(Extension { profile, data: &data }.elements().count() <= data.len());
            }
        }
    }
}
