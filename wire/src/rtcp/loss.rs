//! The post-repair loss of a stream, as runs of packets that came or did not (RFC 5725 section 3, in the
//! form of RFC 3611 section 4.1).

use crate::Error;
use crate::reader::Reader;
use crate::rtp::{Sequence, Ssrc};

/// Block type (RFC 5725 section 6).
pub(super) const POST_REPAIR_LOSS: u8 = 10;

/// Packets of a run at most: 14 bits.
pub(super) const RUN_MAX: u16 = 0x3FFF;

/// Packets one after the other that all came, by themselves or by repair, or all did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Whether they came.
    pub received: bool,
    /// How many.
    pub packets: u16,
}

impl Run {
    /// A run length chunk (RFC 3611 section 4.1.1).
    pub(super) fn chunk(self) -> u16 {
        self.packets.min(RUN_MAX) | u16::from(self.received) << 14
    }
}

/// The packets that a report is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunks<'a> {
    /// The first of them.
    pub begin: Sequence,
    /// The one after the last.
    pub end: Sequence,
    bytes: &'a [u8],
}

impl Chunks<'_> {
    /// How many were lost for good, and how many the report is on. A report that says more than its
    /// range has is cut there.
    #[must_use]
    pub fn lost(&self) -> (u32, u32) {
        let total = u32::from(self.end.0.wrapping_sub(self.begin.0));
        let (mut at, mut lost) = (0, 0);
        for chunk in self.bytes.chunks_exact(2) {
            let chunk = u16::from_be_bytes([chunk[0], chunk[1]]);
            let left = total.saturating_sub(at);
            if chunk & 0x8000 == 0 {
                let packets = u32::from(chunk & RUN_MAX).min(left);
                lost += if chunk & 0x4000 == 0 { packets } else { 0 };
                at += packets;
            } else {
                let packets = left.min(15);
                let lacks = |bit: &u32| chunk >> (14 - bit) & 1 == 0;
                lost += u32::try_from((0..packets).filter(lacks).count()).unwrap_or(0);
                at += packets;
            }
        }
        (lost, total)
    }
}

/// A block of post-repair loss.
pub(super) struct Loss<'a> {
    /// Who reports.
    pub(super) ssrc: Ssrc,
    /// On whom.
    pub(super) source: Ssrc,
    pub(super) chunks: Chunks<'a>,
}

impl<'a> Loss<'a> {
    /// The first block of post-repair loss in an extended report, if there is one.
    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<Option<Self>, Error> {
        let ssrc = Ssrc(reader.u32()?);
        while !reader.rest().is_empty() {
            let [kind, _] = reader.array()?;
            let words = usize::from(reader.u16()?);
            let mut block = Reader::new(reader.bytes(words * 4)?);
            if kind == POST_REPAIR_LOSS {
                let source = Ssrc(block.u32()?);
                let (begin, end) = (Sequence(block.u16()?), Sequence(block.u16()?));
                let chunks = Chunks { begin, end, bytes: block.rest() };
                return Ok(Some(Self { ssrc, source, chunks }));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Packet, Writer, packets};
    use super::*;

    const RUNS: [Run; 3] = [
        Run { received: true, packets: 1000 },
        Run { received: false, packets: 3 },
        Run { received: true, packets: 17 },
    ];

    #[test]
    fn what_was_lost_is_read_as_it_was_written() {
        let mut out = [0xAA; 64];
        let mut writer = Writer::new(&mut out);
        writer.post_repair_loss(Ssrc(1), Ssrc(2), Sequence(65_000), &RUNS).unwrap();
        let len = writer.finish();
        let expected = [
            0x80, 207, 0, 6, 0, 0, 0, 1, 10, 0, 0, 4, 0, 0, 0, 2, 0xFD, 0xE8, 0x01, 0xE4, 0x43,
            0xE8, 0x00, 0x03, 0x40, 0x11, 0, 0,
        ];
        assert_eq!(out[..len], expected);
        let packet = packets(&out[..len]).unwrap().next().unwrap().unwrap();
        let Packet::PostRepairLoss { ssrc, source, chunks } = packet else { panic!("{packet:?}") };
        assert_eq!((ssrc, source), (Ssrc(1), Ssrc(2)));
        assert_eq!((chunks.begin, chunks.end), (Sequence(65_000), Sequence(484)));
        assert_eq!(chunks.lost(), (3, 1020));
    }

    #[test]
    fn bit_vectors_of_others_are_read_and_excess_is_cut() {
        let chunks = |end, bytes| Chunks { begin: Sequence(0), end: Sequence(end), bytes };
        // The first and the last of 15 packets are missing.
        assert_eq!(chunks(15, &[0xBF, 0xFE]).lost(), (2, 15));
        assert_eq!(chunks(14, &[0xBF, 0xFE]).lost(), (1, 14));
        assert_eq!(chunks(5, &[0x3F, 0xFF]).lost(), (5, 5));
        assert_eq!(chunks(5, &[]).lost(), (0, 5));
    }
}
