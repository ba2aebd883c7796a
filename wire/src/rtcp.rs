//! RTCP (RFC 3550 section 6): compound packets of reports, names and goodbyes, and the size of the
//! group from the sender (RFC 5760 section 7.1), and what repair has left lost (RFC 5725).

mod loss;
mod writer;

pub use self::loss::{Chunks, Run};
pub use self::writer::Writer;

use crate::Error;
use crate::ntp::NtpTime;
use crate::reader::Reader;
use crate::rtp::{RtpTime, Ssrc};

/// Packet types (RFC 3550 section 12.1, RFC 5760 section 10).
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
const EXTENDED_REPORT: u8 = 207;
const SUMMARY_INFORMATION: u8 = 209;

/// Item types of a source description (section 12.2).
const CNAME: u8 = 1;
const NOTE: u8 = 7;
const PRIV: u8 = 8;

/// Prefix of the private item (section 6.5.8) that says what the sender's wall clock is, in the words
/// of the description's `ts-refclk` (RFC 7273 section 4): a description is written once, a clock that
/// is not synchronised may be later.
const CLOCK_PREFIX: &[u8] = b"ts-refclk";

/// Sub-report block of the group and average packet size (RFC 5760 section 7.1.6).
const GROUP_SIZE: u8 = 10;

/// Bytes of a report block.
const BLOCK_LEN: usize = 24;

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

impl Iterator for Blocks<'_> {
    type Item = ReportBlock;
    fn next(&mut self) -> Option<ReportBlock> {
        let (block, rest) = self.bytes.split_at_checked(BLOCK_LEN)?;
        self.bytes = rest;
        ReportBlock::read(&mut Reader::new(block)).ok()
    }
}

/// Sources of a goodbye, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources<'a> {
    bytes: &'a [u8],
}

impl Iterator for Sources<'_> {
    type Item = Ssrc;
    fn next(&mut self) -> Option<Ssrc> {
        let (source, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(Ssrc(u32::from_be_bytes(*source)))
    }
}

/// What a source says of itself (section 6.5): the items that are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description<'a> {
    /// Who.
    pub ssrc: Ssrc,
    /// Its canonical name (section 6.5.1).
    pub cname: Option<&'a [u8]>,
    /// Its state at the moment, for people (section 6.5.7).
    pub note: Option<&'a [u8]>,
    /// What its wall clock is, as `ts-refclk` says it (RFC 7273 section 4).
    pub clock: Option<&'a [u8]>,
}

/// What a source is to say of itself: each text is cut to 255 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Items<'a> {
    /// Its canonical name (section 6.5.1).
    pub cname: &'a str,
    /// Its state at the moment, for people (section 6.5.7).
    pub note: Option<&'a str>,
    /// What its wall clock is, as `ts-refclk` says it (RFC 7273 section 4).
    pub clock: Option<&'a str>,
}

/// The chunks of a source description, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptions<'a> {
    chunks: u8,
    bytes: &'a [u8],
}

impl<'a> Iterator for Descriptions<'a> {
    type Item = Description<'a>;
    fn next(&mut self) -> Option<Self::Item> {
        self.chunks = self.chunks.checked_sub(1)?;
        let mut reader = Reader::new(self.bytes);
        // What is cut off ends the description.
        self.bytes = &[];
        let ssrc = Ssrc(reader.u32().ok()?);
        let mut description = Description { ssrc, cname: None, note: None, clock: None };
        loop {
            let kind = reader.u8().ok()?;
            if kind == 0 {
                break;
            }
            let len = reader.u8().ok()?;
            let text = reader.bytes(len.into()).ok()?;
            match kind {
                CNAME => description.cname = Some(text),
                NOTE => description.note = Some(text),
                PRIV => description.clock = private(text, CLOCK_PREFIX).or(description.clock),
                _ => {}
            }
        }
        let padding = reader.position().next_multiple_of(4) - reader.position();
        self.bytes = reader.rest().get(padding..).unwrap_or_default();
        Some(description)
    }
}

/// The value of a private item, if it has this prefix.
fn private<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (len, rest) = text.split_first()?;
    let (found, value) = rest.split_at_checked(usize::from(*len))?;
    (found == prefix).then_some(value)
}

/// One packet of a compound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// Section 6.4.1.
    SenderReport {
        /// Who reports.
        ssrc: Ssrc,
        /// On itself.
        info: SenderInfo,
        /// On others.
        blocks: Blocks<'a>,
    },
    /// Section 6.4.2.
    ReceiverReport {
        /// Who reports.
        ssrc: Ssrc,
        /// On others.
        blocks: Blocks<'a>,
    },
    /// Section 6.5.
    Description(Descriptions<'a>),
    /// Section 6.6.
    Bye {
        /// Who leaves.
        sources: Sources<'a>,
        /// Why.
        reason: Option<&'a [u8]>,
    },
    /// RFC 5760 section 7.1, of which only the group's size is read.
    GroupSize {
        /// Who summarizes.
        ssrc: Ssrc,
        /// Receivers.
        members: u32,
        /// Mean size of an RTCP packet, in bytes.
        report_size: u16,
    },
    /// RFC 3611, of which only the losses that repair has left (RFC 5725) are read.
    PostRepairLoss {
        /// Who reports.
        ssrc: Ssrc,
        /// On whom.
        source: Ssrc,
        /// What came and what did not.
        chunks: Chunks<'a>,
    },
    /// Something else.
    Unknown {
        /// Its packet type.
        payload_type: u8,
    },
}

/// The packets of a compound, in order.
#[derive(Clone, Debug)]
pub struct Packets<'a> {
    rest: &'a [u8],
}

/// Looks at a datagram as an RTCP compound packet: the checks of RFC 3550 appendix A.2, without the
/// demand for a report at the beginning, which RFC 5506 lifted.
///
/// # Errors
/// If it is empty, or the lengths in it do not add up.
pub fn packets(bytes: &[u8]) -> Result<Packets<'_>, Error> {
    let mut rest = bytes;
    if rest.is_empty() {
        return Err(Error::Truncated { needed: 4, actual: 0 });
    }
    while !rest.is_empty() {
        let mut reader = Reader::new(rest);
        let [first, _] = reader.array()?;
        if first >> 6 != 2 {
            return Err(Error::Malformed("not version 2 of RTCP"));
        }
        let words = usize::from(reader.u16()?);
        reader.bytes(words * 4)?;
        rest = reader.rest();
    }
    Ok(Packets { rest: bytes })
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = Reader::new(self.rest);
        let [first, payload_type] = reader.array().ok()?;
        let words = usize::from(reader.u16().ok()?);
        let body = reader.bytes(words * 4).ok()?;
        self.rest = reader.rest();
        let padding = if first & 0x20 == 0 { 0 } else { usize::from(*body.last().unwrap_or(&0)) };
        let Some(len) = body.len().checked_sub(padding) else {
            return Some(Err(Error::Malformed("padding longer than the packet")));
        };
        let body = body.get(..len).unwrap_or_default();
        Some(parse(first & 0x1F, payload_type, body))
    }
}

fn parse(count: u8, payload_type: u8, body: &[u8]) -> Result<Packet<'_>, Error> {
    let mut reader = Reader::new(body);
    Ok(match payload_type {
        SENDER_REPORT => {
            let ssrc = Ssrc(reader.u32()?);
            let info = SenderInfo {
                ntp: NtpTime(reader.u64()?),
                time: RtpTime(reader.u32()?),
                packets: reader.u32()?,
                octets: reader.u32()?,
            };
            Packet::SenderReport { ssrc, info, blocks: blocks(count, &mut reader)? }
        }
        RECEIVER_REPORT => {
            let ssrc = Ssrc(reader.u32()?);
            Packet::ReceiverReport { ssrc, blocks: blocks(count, &mut reader)? }
        }
        SOURCE_DESCRIPTION => Packet::Description(Descriptions { chunks: count, bytes: body }),
        GOODBYE => {
            let sources = Sources { bytes: reader.bytes(usize::from(count) * 4)? };
            let reason = match reader.u8() {
                Ok(len) => Some(reader.bytes(len.into())?),
                Err(_) => None,
            };
            Packet::Bye { sources, reason }
        }
        SUMMARY_INFORMATION => summary(&mut reader)?,
        EXTENDED_REPORT => loss::parse(&mut reader)?,
        payload_type => Packet::Unknown { payload_type },
    })
}

fn blocks<'a>(count: u8, reader: &mut Reader<'a>) -> Result<Blocks<'a>, Error> {
    Ok(Blocks { bytes: reader.bytes(usize::from(count) * BLOCK_LEN)? })
}

/// RFC 5760 section 7.1.1: SSRC, summarized SSRC, NTP time, then sub-report blocks.
fn summary<'a>(reader: &mut Reader<'a>) -> Result<Packet<'a>, Error> {
    let ssrc = Ssrc(reader.u32()?);
    reader.bytes(4 + 8)?;
    while !reader.rest().is_empty() {
        let [kind, words] = reader.array()?;
        let len = (usize::from(words) * 4).checked_sub(2);
        let len = len.ok_or(Error::Malformed("a sub-report block without length"))?;
        let mut block = Reader::new(reader.bytes(len)?);
        if kind == GROUP_SIZE {
            let report_size = block.u16()?;
            return Ok(Packet::GroupSize { ssrc, members: block.u32()?, report_size });
        }
    }
    Ok(Packet::Unknown { payload_type: SUMMARY_INFORMATION })
}

#[cfg(test)]
mod tests;
