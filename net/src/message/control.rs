//! Control messages of Linux sockets (`cmsg(3)`, `socket(7)`, `udp(7)`) as bytes: the one that
//! asks for segmentation, and those that the kernel adds to a received datagram.
//!
//! The layout is the kernel's `struct cmsghdr`: a native `size_t` length that includes this
//! header, level and type as native `int`, then the data; the next one is aligned to `size_t`.
#![forbid(unsafe_code)]

use libc::{SO_RXQ_OVFL, SOL_SOCKET, SOL_UDP, UDP_GRO, UDP_SEGMENT, c_int};

const ALIGNMENT: usize = size_of::<usize>();
const HEADER_LEN: usize = size_of::<usize>() + 2 * size_of::<c_int>();

/// `SCM_TIMESTAMPNS` in its two forms, which differ in the size of the fields on 32-bit machines.
const TIMESTAMP_OLD: c_int = 35;
const TIMESTAMP_NEW: c_int = 64;

/// Bytes of the message that asks for segmentation.
pub(super) const SEGMENT_SPACE: usize = space(size_of::<u16>());

/// Room for what a received datagram may carry: segment size, arrival time, drop counter.
pub(super) const RECEIVED_SPACE: usize =
    space(size_of::<c_int>()) + space(2 * size_of::<i64>()) + space(size_of::<u32>());

/// The message that has the kernel cut a datagram into packets of `segment` bytes.
pub(super) fn emit_segment(segment: u16, out: &mut [u8; SEGMENT_SPACE]) {
    let length = HEADER_LEN + size_of::<u16>();
    let (header, data) = out.split_at_mut(HEADER_LEN);
    let (size, kind) = header.split_at_mut(ALIGNMENT);
    size.copy_from_slice(&length.to_ne_bytes());
    kind[..size_of::<c_int>()].copy_from_slice(&SOL_UDP.to_ne_bytes());
    kind[size_of::<c_int>()..].copy_from_slice(&UDP_SEGMENT.to_ne_bytes());
    data[..size_of::<u16>()].copy_from_slice(&segment.to_ne_bytes());
}

/// What the kernel noted on a received datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Notes {
    /// The data are several datagrams of this many bytes, the last may be shorter.
    pub(crate) segment: Option<usize>,
    /// Arrival, `CLOCK_REALTIME` in ns.
    pub(crate) arrival: Option<i64>,
    /// Datagrams that the full socket buffer has refused so far, modulo 2^32.
    pub(crate) drops: Option<u32>,
}

impl Notes {
    /// Reads the control messages in `bytes`; unknown and cut ones are passed over.
    pub(super) fn parse(mut bytes: &[u8]) -> Self {
        let mut notes = Self::default();
        while let Some((level, kind, data, rest)) = split(bytes) {
            match (level, kind) {
                (SOL_UDP, UDP_GRO) => notes.segment = integer(data),
                (SOL_SOCKET, TIMESTAMP_OLD | TIMESTAMP_NEW) => notes.arrival = nanoseconds(data),
                (SOL_SOCKET, SO_RXQ_OVFL) => {
                    notes.drops = data.try_into().ok().map(u32::from_ne_bytes);
                }
                _ => {}
            }
            bytes = rest;
        }
        notes
    }
}

const fn space(data: usize) -> usize {
    HEADER_LEN + data.next_multiple_of(ALIGNMENT)
}

/// The first control message (level, type, data) and what comes after it.
fn split(bytes: &[u8]) -> Option<(c_int, c_int, &[u8], &[u8])> {
    let (length, after) = bytes.split_first_chunk()?;
    let length = usize::from_ne_bytes(*length);
    let (level, after) = after.split_first_chunk()?;
    let (kind, _) = after.split_first_chunk()?;
    let data = bytes.get(HEADER_LEN..length)?;
    let rest = bytes.get(length.next_multiple_of(ALIGNMENT)..).unwrap_or_default();
    Some((c_int::from_ne_bytes(*level), c_int::from_ne_bytes(*kind), data, rest))
}

fn integer(data: &[u8]) -> Option<usize> {
    let value = c_int::from_ne_bytes(data.try_into().ok()?);
    usize::try_from(value).ok().filter(|&size| size > 0)
}

/// A `timespec` of 64- or 32-bit fields.
fn nanoseconds(data: &[u8]) -> Option<i64> {
    let (seconds, nanos) = data.split_at_checked(data.len() / 2)?;
    let field = |bytes: &[u8]| -> Option<i64> {
        let wide = bytes.try_into().ok().map(i64::from_ne_bytes);
        wide.or_else(|| Some(i64::from(i32::from_ne_bytes(bytes.try_into().ok()?))))
    };
    field(seconds)?.checked_mul(1_000_000_000)?.checked_add(field(nanos)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(level: c_int, kind: c_int, data: &[u8]) -> Vec<u8> {
        let mut bytes = (HEADER_LEN + data.len()).to_ne_bytes().to_vec();
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
        bytes
    }

    #[test]
    fn reads_what_the_kernel_notes() {
        let bytes = [
            message(SOL_SOCKET, SO_RXQ_OVFL, &7_u32.to_ne_bytes()),
            message(1, 12345, &[1, 2, 3]),
            message(
                SOL_SOCKET,
                TIMESTAMP_OLD,
                &[3_i64.to_ne_bytes(), 5_i64.to_ne_bytes()].concat(),
            ),
            message(SOL_UDP, UDP_GRO, &1400_i32.to_ne_bytes()),
        ]
        .concat();
        let expected = Notes { segment: Some(1400), arrival: Some(3_000_000_005), drops: Some(7) };
        assert_eq!(Notes::parse(&bytes), expected);
    }

    #[test]
    fn reads_narrow_timestamps() {
        let data = [9_i32.to_ne_bytes(), 1_i32.to_ne_bytes()].concat();
        let bytes = message(SOL_SOCKET, TIMESTAMP_OLD, &data);
        assert_eq!(Notes::parse(&bytes).arrival, Some(9_000_000_001));
    }

    #[test]
    fn survives_cut_and_senseless_messages() {
        let whole = message(SOL_UDP, UDP_GRO, &1400_i32.to_ne_bytes());
        for end in 0..HEADER_LEN + size_of::<c_int>() {
            assert_eq!(Notes::parse(&whole[..end]), Notes::default(), "{end} bytes");
        }
        assert_eq!(Notes::parse(&[0; 64]), Notes::default());
        assert_eq!(Notes::parse(&[0xff; 64]), Notes::default());
        let zero = message(SOL_UDP, UDP_GRO, &0_i32.to_ne_bytes());
        assert_eq!(Notes::parse(&zero).segment, None);
    }

    #[test]
    fn segment_message_is_the_kernels_layout() {
        let mut out = [0xaa; SEGMENT_SPACE];
        emit_segment(1400, &mut out);
        let length = HEADER_LEN + 2;
        let expected = message(SOL_UDP, UDP_SEGMENT, &1400_u16.to_ne_bytes());
        assert_eq!(out[..length], expected[..length]);
        assert_eq!(out.len(), expected.len());
    }
}
