//! Repair packets: parity over a block of RTP packets, in a stream of its own. The format is our
//! own, and is written down for others in `docs/repair.md`.
//!
//! This is the header and the shards that parity is computed over; the arithmetic is not in here.

use crate::reader::Reader;
use crate::rtp::{self, Sequence, Ssrc};
use crate::{Error, space};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Dynamic payload type of our repair packets, unless a description says another.
pub const PAYLOAD_TYPE: u8 = 98;

/// Bytes of the repair header, behind the RTP header.
pub const HEADER_LEN: usize = 12;

/// Bytes of the length in front of a packet in its shard.
pub const LENGTH_LEN: usize = 2;

/// Packets of a block at most: frames of 5.5 MB at 1400 bytes a packet.
pub const PACKETS_MAX: u16 = 4096;

/// Bytes by which a media packet has to be shorter than the longest UDP payload, so that its repair
/// packet is no longer: the headers, the length, and a byte that makes the shard even.
pub const RESERVE: usize = rtp::HEADER_LEN + HEADER_LEN + LENGTH_LEN + 1;

/// Bytes of a shard at most: no packet of ours is longer than an Ethernet frame carries, and whoever
/// forges longer ones fills no memory.
pub const SHARD_MAX: usize = 1500;

/// Where the repair packets of media to `to` go unless a description says otherwise: four ports
/// above, and of a group to the address after it, so that switches carry them only to those who ask.
#[must_use]
pub fn address(to: SocketAddr) -> SocketAddr {
    let next = match to.ip() {
        IpAddr::V4(group) => IpAddr::V4(Ipv4Addr::from(u32::from(group).wrapping_add(1))),
        IpAddr::V6(group) => IpAddr::V6(Ipv6Addr::from(u128::from(group).wrapping_add(1))),
    };
    // Behind the last group there is none.
    let beside = to.ip().is_multicast() && next.is_multicast();
    SocketAddr::new(if beside { next } else { to.ip() }, to.port().saturating_add(4))
}

/// The repair header.
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                     SSRC of the media                         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |     first sequence number     |        media packets (k)      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |       repair packets (m)      |       index (0 .. m - 1)      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The stream that is repaired.
    pub media: Ssrc,
    /// Sequence number of the block's first packet.
    pub first: Sequence,
    /// Media packets in the block, with consecutive sequence numbers: 1 to [`PACKETS_MAX`].
    pub packets: u16,
    /// Repair packets of the block: 1 to [`PACKETS_MAX`].
    pub repairs: u16,
    /// Which of them this is.
    pub index: u16,
}

impl Header {
    /// Writes the header to the begin of `out` and returns [`HEADER_LEN`].
    ///
    /// # Errors
    /// If `out` is too short.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Error> {
        let out = space(out, HEADER_LEN)?;
        out[..4].copy_from_slice(&self.media.0.to_be_bytes());
        let fields = [self.first.0, self.packets, self.repairs, self.index];
        for (field, out) in fields.iter().zip(out[4..].chunks_exact_mut(2)) {
            out.copy_from_slice(&field.to_be_bytes());
        }
        Ok(HEADER_LEN)
    }

    /// Reads an RTP payload: the header, and the parity shard behind it.
    ///
    /// # Errors
    /// If it is cut off, or its numbers or its length cannot be.
    pub fn parse(payload: &[u8]) -> Result<(Self, &[u8]), Error> {
        let mut reader = Reader::new(payload);
        let header = Self {
            media: Ssrc(reader.u32()?),
            first: Sequence(reader.u16()?),
            packets: reader.u16()?,
            repairs: reader.u16()?,
            index: reader.u16()?,
        };
        let counts = 1..=PACKETS_MAX;
        if !counts.contains(&header.packets) || !counts.contains(&header.repairs) {
            return Err(Error::Malformed("a repair block of no or too many packets"));
        }
        if header.index >= header.repairs {
            return Err(Error::Malformed("a repair packet beyond its block"));
        }
        let shard = reader.rest();
        let lengths = LENGTH_LEN + rtp::HEADER_LEN + 1..=SHARD_MAX;
        if shard.len() % 2 != 0 || !lengths.contains(&shard.len()) {
            return Err(Error::Malformed("a repair shard of an impossible length"));
        }
        Ok((header, shard))
    }
}

/// Bytes of the shards of a block whose longest packet has so many bytes: even, as the arithmetic
/// works on 16-bit symbols.
#[must_use]
pub const fn shard_len(longest: usize) -> usize {
    (LENGTH_LEN + longest).next_multiple_of(2)
}

/// Writes the shard of a packet that lies in two parts: its length, the packet, zeros to the end of
/// `out`.
///
/// # Errors
/// If the packet does not fit.
pub fn emit_shard(header: &[u8], payload: &[u8], out: &mut [u8]) -> Result<(), Error> {
    let len = header.len() + payload.len();
    let actual = out.len();
    let short = Error::Space { needed: LENGTH_LEN + len, actual };
    let length = u16::try_from(len).map_err(|_| short)?;
    if LENGTH_LEN + len > actual {
        return Err(short);
    }
    let (prefix, rest) = out.split_at_mut(LENGTH_LEN);
    prefix.copy_from_slice(&length.to_be_bytes());
    let (first, rest) = rest.split_at_mut(header.len());
    first.copy_from_slice(header);
    let (second, rest) = rest.split_at_mut(payload.len());
    second.copy_from_slice(payload);
    rest.fill(0);
    Ok(())
}

/// Writes the part of a packet's shard that begins at `offset` and fills `out`; beyond the packet, zeros. The packet
/// lies in two parts (see [`emit_shard`]).
#[inline]
pub fn emit_shard_part(header: &[u8], payload: &[u8], offset: usize, out: &mut [u8]) {
    // Nearly all of a shard is payload.
    let before = LENGTH_LEN + header.len();
    if let Some(begin) = offset.checked_sub(before) {
        if let Some(part) = payload.get(begin..begin + out.len()) {
            out.copy_from_slice(part);
            return;
        }
    }
    let length = u16::try_from(header.len() + payload.len()).unwrap_or(u16::MAX).to_be_bytes();
    let (mut start, mut written) = (0, 0);
    for part in [&length[..], header, payload] {
        let begin = (offset + written).saturating_sub(start).min(part.len());
        let count = (part.len() - begin).min(out.len() - written);
        out[written..written + count].copy_from_slice(&part[begin..begin + count]);
        written += count;
        start += part.len();
    }
    out[written..].fill(0);
}

/// The packet in a shard.
///
/// # Errors
/// If the length in front is more than there is.
pub fn parse_shard(shard: &[u8]) -> Result<&[u8], Error> {
    let mut reader = Reader::new(shard);
    let len = reader.u16()?;
    reader.bytes(len.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header =
        Header { media: Ssrc(7), first: Sequence(65_535), packets: 84, repairs: 25, index: 24 };

    fn payload(header: Header, shard: &[u8]) -> [u8; 64] {
        let mut out = [0; 64];
        header.emit(&mut out).unwrap();
        out[HEADER_LEN..HEADER_LEN + shard.len()].copy_from_slice(shard);
        out
    }

    #[test]
    fn the_parts_of_a_shard_are_its_bytes() {
        let (header, payload) = ([1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11, 12]);
        let mut whole = [0xff; 20];
        emit_shard(&header, &payload, &mut whole).unwrap();
        for begin in 0..whole.len() {
            for end in begin..=whole.len() {
                let mut part = [0xff; 20];
                let part = &mut part[begin..end];
                emit_shard_part(&header, &payload, begin, part);
                assert_eq!(*part, whole[begin..end], "{begin}..{end}");
            }
        }
    }

    #[test]
    fn a_header_comes_back() {
        let bytes = payload(HEADER, &[9; 52]);
        assert_eq!(Header::parse(&bytes).unwrap(), (HEADER, &[9; 52][..]));
        assert!(HEADER.emit(&mut [0; 11]).is_err());
    }

    #[test]
    fn numbers_that_cannot_be_are_refused() {
        for wrong in [
            Header { packets: 0, ..HEADER },
            Header { packets: PACKETS_MAX + 1, ..HEADER },
            Header { repairs: 0, ..HEADER },
            Header { repairs: PACKETS_MAX + 1, ..HEADER },
            Header { index: 25, ..HEADER },
        ] {
            assert!(Header::parse(&payload(wrong, &[0; 52])).is_err(), "{wrong:?}");
        }
        let bytes = payload(HEADER, &[0; 52]);
        for len in [0, 11, 12, 26, 27, 63] {
            assert!(Header::parse(&bytes[..len]).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn repair_packets_of_a_group_have_a_group_of_their_own() {
        for (to, expected) in [
            ("239.255.1.2:5004", "239.255.1.3:5008"),
            ("192.0.2.1:5006", "192.0.2.1:5010"),
            ("239.255.255.255:5004", "239.255.255.255:5008"),
            ("[ff15::1]:5004", "[ff15::2]:5008"),
            ("[ff1f:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:5004", "[ff20::]:5008"),
        ] {
            let (to, expected): (SocketAddr, SocketAddr) =
                (to.parse().unwrap(), expected.parse().unwrap());
            assert_eq!(address(to), expected);
        }
    }

    #[test]
    fn a_shard_gives_its_packet_back() {
        let mut shard = [0xFF; 20];
        emit_shard(&[1, 2, 3], &[4, 5], &mut shard).unwrap();
        assert_eq!(shard[..8], [0, 5, 1, 2, 3, 4, 5, 0]);
        assert_eq!(parse_shard(&shard), Ok(&[1, 2, 3, 4, 5][..]));
        assert!(emit_shard(&[0; 10], &[0; 9], &mut shard).is_err());
        shard[1] = 19;
        assert!(parse_shard(&shard).is_err());
        assert_eq!((shard_len(5), shard_len(6)), (8, 8));
    }
}
