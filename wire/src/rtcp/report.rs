//! What senders and receivers report (RFC 3550 section 6.4).

use super::code::BLOCK_LEN;
use crate::Error;
use crate::ntp::NtpTime;
use crate::reader::Reader;
use crate::rtp::{RtpTime, Ssrc};

/// The sender's part of a sender report (section 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderInfo {
    /// When the report was made, by the wall clock.
    pub ntp: NtpTime,
    /// The same instant on the stream's clock.
    pub time: RtpTime,
    /// Packets sent so far, modulo 2^32.
    pub packets: u32,
    /// Payload bytes sent so far, modulo 2^32.
    pub octets: u32,
}

/// What a receiver says about one source (section 6.4.1).
///
/// ```text
/// +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
/// |                 SSRC of the source                            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | fraction lost |       cumulative number of packets lost       |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |           extended highest sequence number received           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                      interarrival jitter                      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                         last SR (LSR)                         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                   delay since last SR (DLSR)                  |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportBlock {
    /// The source.
    pub ssrc: Ssrc,
    /// Packets lost since the last report, in 1/256 of those expected.
    pub fraction_lost: u8,
    /// Packets lost in all, less those that came twice; written clamped to 24 bits.
    pub lost: i32,
    /// Highest sequence number received, with its cycles.
    pub highest: u32,
    /// Mean deviation of the arrival, in ticks of the stream.
    pub jitter: u32,
    /// Middle of the NTP time of the last sender report; 0: none.
    pub last_sr: u32,
    /// Time since then, in 1/65536 s.
    pub delay: u32,
}

impl ReportBlock {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let ssrc = Ssrc(reader.u32()?);
        let fraction_lost = reader.u8()?;
        let [a, b, c] = reader.array()?;
        Ok(Self {
            ssrc,
            fraction_lost,
            lost: i32::from_be_bytes([a, b, c, 0]) >> 8,
            highest: reader.u32()?,
            jitter: reader.u32()?,
            last_sr: reader.u32()?,
            delay: reader.u32()?,
        })
    }
}

/// Report blocks of a packet, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocks<'a> {
    bytes: &'a [u8],
}

impl<'a> Blocks<'a> {
    /// So many of them, from the head of what `reader` has.
    pub(super) fn read(count: u8, reader: &mut Reader<'a>) -> Result<Self, Error> {
        Ok(Self { bytes: reader.bytes(usize::from(count) * BLOCK_LEN)? })
    }
}

impl Iterator for Blocks<'_> {
    type Item = ReportBlock;
    fn next(&mut self) -> Option<ReportBlock> {
        let (block, rest) = self.bytes.split_at_checked(BLOCK_LEN)?;
        self.bytes = rest;
        ReportBlock::read(&mut Reader::new(block)).ok()
    }
}
