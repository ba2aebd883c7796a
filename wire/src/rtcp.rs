//! RTCP (RFC 3550 section 6): compound packets of reports, names and goodbyes, and the size of the
//! group from the sender (RFC 5760 section 7.1), and what repair has left lost (RFC 5725).

mod code;
mod description;
mod loss;
mod report;
mod writer;

pub use self::description::{Description, Descriptions, Items, Shared};
pub use self::loss::{Chunks, Run};
pub use self::report::{Blocks, ReportBlock, SenderInfo};
pub use self::writer::Writer;

use self::code::{
    EXTENDED_REPORT, GOODBYE, GROUP_SIZE, RECEIVER_REPORT, SENDER_REPORT, SOURCE_DESCRIPTION,
    SUMMARY_INFORMATION,
};
use self::loss::Loss;
use crate::Error;
use crate::ntp::NtpTime;
use crate::reader::Reader;
use crate::rtp::{RtpTime, Ssrc};

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
            Packet::SenderReport { ssrc, info, blocks: Blocks::read(count, &mut reader)? }
        }
        RECEIVER_REPORT => {
            let ssrc = Ssrc(reader.u32()?);
            Packet::ReceiverReport { ssrc, blocks: Blocks::read(count, &mut reader)? }
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
        EXTENDED_REPORT => match Loss::parse(&mut reader)? {
            Some(Loss { ssrc, source, chunks }) => Packet::PostRepairLoss { ssrc, source, chunks },
            None => Packet::Unknown { payload_type },
        },
        payload_type => Packet::Unknown { payload_type },
    })
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
