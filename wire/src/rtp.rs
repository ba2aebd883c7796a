//! The RTP header (RFC 3550 section 5.1), and the arithmetic of its sequence numbers and times
//! (appendix A.1).

use crate::extension::Extension;
use crate::reader::Reader;
use crate::{Error, space};

/// Bytes of a header without contributing sources and extension.
pub const HEADER_LEN: usize = 12;

/// The version of RTP that there is.
const VERSION: u8 = 2;

/// A synchronization source: who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ssrc(pub u32);

/// A sequence number, modulo 2^16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sequence(pub u16);

/// A point on a stream's clock, in ticks of the payload's rate, modulo 2^32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RtpTime(pub u32);

/// A point on a stream's clock, in ticks of the payload's rate, extended to 64 bits: what never wraps can be
/// compared. It tells nothing of any other clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExtendedTime(pub i64);

impl ExtendedTime {
    /// The point that packets call `time` and that is nearest to this one.
    #[must_use]
    pub fn nearest(self, time: RtpTime) -> Self {
        let low = RtpTime(u32::try_from(self.0 & 0xFFFF_FFFF).unwrap_or(0));
        self.offset(time.distance(low).into())
    }

    /// Ticks from `earlier` to this point, negative if it lies before it.
    #[must_use]
    pub const fn ticks_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This point moved by a signed number of ticks.
    #[must_use]
    pub const fn offset(self, ticks: i64) -> Self {
        Self(self.0.saturating_add(ticks))
    }
}

impl From<RtpTime> for ExtendedTime {
    fn from(time: RtpTime) -> Self {
        Self(time.0.into())
    }
}

impl Sequence {
    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// Signed distance from `from` to this one, the shorter way round.
    #[must_use]
    #[expect(clippy::cast_possible_wrap, reason = "the wrap is the sign")]
    pub const fn distance(self, from: Self) -> i16 {
        self.0.wrapping_sub(from.0) as i16
    }
}

impl RtpTime {
    /// Signed distance in ticks from `from` to this time, the shorter way round.
    #[must_use]
    #[expect(clippy::cast_possible_wrap, reason = "the wrap is the sign")]
    pub const fn distance(self, from: Self) -> i32 {
        self.0.wrapping_sub(from.0) as i32
    }

    /// This time moved by `ticks`, modulo 2^32.
    #[must_use]
    pub const fn add(self, ticks: u32) -> Self {
        Self(self.0.wrapping_add(ticks))
    }
}

/// The sequence number extended to 64 bits that is nearest to `last`; never below zero.
#[must_use]
pub fn extend_sequence(last: u64, sequence: Sequence) -> u64 {
    let low = Sequence(u16::try_from(last & 0xFFFF).unwrap_or(0));
    last.checked_add_signed(sequence.distance(low).into()).unwrap_or_else(|| sequence.0.into())
}

/// The fields of a header.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |V=2|P|X|  CC   |M|     PT      |       sequence number         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                             time                              |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |              synchronization source (SSRC)                    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// End of a frame, or begin of a talk spurt (RFC 3551 section 4.1).
    pub marker: bool,
    /// What the payload is, 7 bits.
    pub payload_type: u8,
    /// Position in the stream.
    pub sequence: Sequence,
    /// When the payload was captured.
    pub time: RtpTime,
    /// Who sends.
    pub ssrc: Ssrc,
    /// An extension follows (section 5.3.1).
    pub has_extension: bool,
}

impl Header {
    /// Writes the header to the begin of `out` and returns its length. The extension, if there is
    /// one, is the caller's to write behind it.
    ///
    /// # Errors
    /// If `out` is too short.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Error> {
        let out = space(out, HEADER_LEN)?;
        out[0] = VERSION << 6 | u8::from(self.has_extension) << 4;
        out[1] = u8::from(self.marker) << 7 | self.payload_type & 0x7F;
        out[2..4].copy_from_slice(&self.sequence.0.to_be_bytes());
        out[4..8].copy_from_slice(&self.time.0.to_be_bytes());
        out[8..12].copy_from_slice(&self.ssrc.0.to_be_bytes());
        Ok(HEADER_LEN)
    }
}

/// A packet whose lengths have been checked.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    header: Header,
    extension: Option<Extension<'a>>,
    payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Looks at a datagram as an RTP packet.
    ///
    /// # Errors
    /// If it is too short for what its header says, or of another version.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes);
        let [first, second] = reader.array()?;
        if first >> 6 != VERSION {
            return Err(Error::Malformed("not version 2 of RTP"));
        }
        let header = Header {
            marker: second & 0x80 != 0,
            payload_type: second & 0x7F,
            sequence: Sequence(reader.u16()?),
            time: RtpTime(reader.u32()?),
            ssrc: Ssrc(reader.u32()?),
            has_extension: first & 0x10 != 0,
        };
        reader.bytes(usize::from(first & 0x0F) * 4)?;
        let extension = if header.has_extension {
            let profile = reader.u16()?;
            let words = usize::from(reader.u16()?);
            Some(Extension { profile, data: reader.bytes(words * 4)? })
        } else {
            None
        };
        let rest = reader.rest();
        let padding = if first & 0x20 == 0 { 0 } else { padding(rest)? };
        let payload = rest.get(..rest.len() - padding).unwrap_or_default();
        Ok(Self { header, extension, payload })
    }

    /// The fixed header.
    #[must_use]
    pub const fn header(&self) -> Header {
        self.header
    }

    /// The header extension, if there is one.
    #[must_use]
    pub const fn extension(&self) -> Option<Extension<'a>> {
        self.extension
    }

    /// What follows the contributing sources and the extension, without padding.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// The number of padding octets, which the last of them says, itself included.
fn padding(rest: &[u8]) -> Result<usize, Error> {
    match rest.last() {
        Some(&count) if count != 0 && usize::from(count) <= rest.len() => Ok(count.into()),
        _ => Err(Error::Malformed("padding longer than the payload")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEADER: Header = Header {
        marker: true,
        payload_type: 26,
        sequence: Sequence(0x1234),
        time: RtpTime(0x89AB_CDEF),
        ssrc: Ssrc(0x0102_0304),
        has_extension: false,
    };

    const BYTES: [u8; 14] =
        [0x80, 0x9A, 0x12, 0x34, 0x89, 0xAB, 0xCD, 0xEF, 1, 2, 3, 4, 0x55, 0x66];

    #[test]
    fn a_header_is_these_bytes() {
        let mut out = [0; HEADER_LEN];
        assert_eq!(HEADER.emit(&mut out), Ok(HEADER_LEN));
        assert_eq!(out, BYTES[..12]);
        let packet = Packet::parse(&BYTES).unwrap();
        assert_eq!((packet.header(), packet.payload()), (HEADER, &[0x55, 0x66][..]));
    }

    #[test]
    fn sources_extension_and_padding_are_no_payload() {
        let mut bytes = BYTES[..12].to_vec();
        bytes[0] |= 0x20 | 0x10 | 1;
        bytes.extend([9, 9, 9, 9, 0xBE, 0xDE, 0, 1, 0x10, 7, 0, 0, 0x55, 0, 0, 3]);
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(packet.payload(), [0x55]);
        assert_eq!(packet.extension().unwrap().data, [0x10, 7, 0, 0]);
    }

    #[test]
    fn every_cut_is_an_error_or_a_shorter_payload() {
        for len in 0..HEADER_LEN {
            assert!(matches!(Packet::parse(&BYTES[..len]), Err(Error::Truncated { .. })));
        }
        assert_eq!(HEADER.emit(&mut [0; 11]), Err(Error::Space { needed: 12, actual: 11 }));
    }

    #[test]
    fn numbers_are_extended_across_the_wrap() {
        assert_eq!(extend_sequence(65_535, Sequence(0)), 65_536);
        assert_eq!(extend_sequence(65_536, Sequence(65_535)), 65_535);
        assert_eq!(extend_sequence(3, Sequence(65_535)), 65_535);
        assert_eq!(ExtendedTime(0xFFFF_FFFF).nearest(RtpTime(5)), ExtendedTime(0x1_0000_0005));
        let before = ExtendedTime(0x1_0000_0000).nearest(RtpTime(0xFFFF_FFFF));
        assert_eq!(before, ExtendedTime(0xFFFF_FFFF));
    }

    proptest! {
        #[test]
        fn others_read_what_we_write(
            marker: bool, payload_type in 0_u8..128, sequence: u16, time: u32, ssrc: u32,
        ) {
            let header = Header {
                marker,
                payload_type,
                sequence: Sequence(sequence),
                time: RtpTime(time),
                ssrc: Ssrc(ssrc),
                has_extension: false,
            };
            let mut out = [0; HEADER_LEN];
            header.emit(&mut out).unwrap();
            let theirs = rtp_types::RtpPacket::parse(&out).unwrap();
            prop_assert_eq!(theirs.marker_bit(), marker);
            prop_assert_eq!(theirs.payload_type(), payload_type);
            prop_assert_eq!(theirs.sequence_number(), sequence);
            prop_assert_eq!(theirs.timestamp(), time);
            prop_assert_eq!(theirs.ssrc(), ssrc);
            prop_assert_eq!(Packet::parse(&out).unwrap().header(), header);
        }

        #[test]
        fn no_bytes_panic_and_we_accept_what_others_do(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let ours = Packet::parse(&bytes);
            if let Ok(theirs) = rtp_types::RtpPacket::parse(&bytes) {
                let ours = ours.unwrap();
                prop_assert_eq!(ours.payload(), theirs.payload());
            }
        }

        #[test]
        fn extension_is_nearest(last in 70_000_u64..1 << 40, sequence: u16) {
            let extended = extend_sequence(last, Sequence(sequence));
            prop_assert_eq!(extended & 0xFFFF, u64::from(sequence));
            prop_assert!(extended.abs_diff(last) <= 32_768);
        }
    }
}
