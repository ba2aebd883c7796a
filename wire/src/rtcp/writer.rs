//! Writes a compound packet.

use super::code::{
    BLOCK_LEN, CLOCK_PREFIX, CNAME, EXTENDED_REPORT, GOODBYE, GROUP_SIZE, NOTE, PRIV,
    RECEIVER_REPORT, SENDER_REPORT, SHARED_PREFIX, SOURCE_DESCRIPTION, SUMMARY_INFORMATION,
};
use super::description::{Items, Shared};
use super::loss::{POST_REPAIR_LOSS, RUN_MAX, Run};
use super::report::{ReportBlock, SenderInfo};
use crate::Error;
use crate::rtp::{Sequence, Ssrc};
use core::fmt::Write;

/// Report blocks, sources or chunks of a packet at most: the count has five bits.
const COUNT_MAX: usize = 31;

/// Writes the packets of a compound one after the other. After an error the buffer holds what was
/// complete before.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl<'a> Writer<'a> {
    /// Begins a compound at the begin of `out`.
    #[must_use]
    pub const fn new(out: &'a mut [u8]) -> Self {
        Self { out, len: 0 }
    }

    /// A sender report (section 6.4.1).
    ///
    /// # Errors
    /// If the buffer is full, or there are more than 31 blocks.
    pub fn sender_report(
        &mut self,
        ssrc: Ssrc,
        info: &SenderInfo,
        blocks: &[ReportBlock],
    ) -> Result<(), Error> {
        let len = 24 + blocks.len() * BLOCK_LEN;
        let mut body = self.packet(SENDER_REPORT, blocks.len(), len)?;
        body.put(&ssrc.0.to_be_bytes());
        body.put(&info.ntp.0.to_be_bytes());
        body.put(&info.time.0.to_be_bytes());
        body.put(&info.packets.to_be_bytes());
        body.put(&info.octets.to_be_bytes());
        blocks.iter().for_each(|block| body.block(block));
        Ok(())
    }

    /// A receiver report (section 6.4.2).
    ///
    /// # Errors
    /// If the buffer is full, or there are more than 31 blocks.
    pub fn receiver_report(&mut self, ssrc: Ssrc, blocks: &[ReportBlock]) -> Result<(), Error> {
        let len = 4 + blocks.len() * BLOCK_LEN;
        let mut body = self.packet(RECEIVER_REPORT, blocks.len(), len)?;
        body.put(&ssrc.0.to_be_bytes());
        blocks.iter().for_each(|block| body.block(block));
        Ok(())
    }

    /// A source description (section 6.5).
    ///
    /// # Errors
    /// If the buffer is full.
    pub fn description(&mut self, ssrc: Ssrc, items: &Items<'_>) -> Result<(), Error> {
        let clock = items.clock.filter(|clock| clock.len() <= CLOCK_MAX);
        let lines = [(CNAME, Some(items.cname)), (NOTE, items.note)];
        let lines = lines.map(|(kind, item)| item.map(|item| (kind, text(item))));
        let lines_len: usize = lines.iter().flatten().map(|(_, (_, text))| 2 + text.len()).sum();
        let shared = items.shared.map(|shared| shared_text(&shared)).transpose()?;
        let private = [(CLOCK_PREFIX, clock), (SHARED_PREFIX, shared.as_deref())];
        let private = private.map(|(prefix, value)| value.map(|value| (prefix, value.as_bytes())));
        let private_len = |(prefix, value): &(&[u8], &[u8])| 3 + prefix.len() + value.len();
        let privates_len: usize = private.iter().flatten().map(private_len).sum();
        // A byte of 0 ends the items, and more fill the word.
        let end = (4 + lines_len + privates_len + 1).next_multiple_of(4);
        let mut body = self.packet(SOURCE_DESCRIPTION, 1, end)?;
        body.put(&ssrc.0.to_be_bytes());
        for (kind, (len, text)) in lines.into_iter().flatten() {
            body.put(&[kind, len]);
            body.put(text);
        }
        for (prefix, value) in private.into_iter().flatten() {
            let len = |bytes: usize| u8::try_from(bytes).unwrap_or(0);
            body.put(&[PRIV, len(1 + prefix.len() + value.len()), len(prefix.len())]);
            body.put(prefix);
            body.put(value);
        }
        Ok(())
    }

    /// A goodbye (section 6.6), its reason cut to 255 bytes.
    ///
    /// # Errors
    /// If the buffer is full, or there are more than 31 sources.
    pub fn bye(&mut self, sources: &[Ssrc], reason: Option<&str>) -> Result<(), Error> {
        let (reason_len, reason_text) = reason.map_or((0, &[][..]), text);
        let reason_end = if reason.is_some() { 1 + reason_text.len() } else { 0 };
        let len = (sources.len() * 4 + reason_end).next_multiple_of(4);
        let mut body = self.packet(GOODBYE, sources.len(), len)?;
        sources.iter().for_each(|ssrc| body.put(&ssrc.0.to_be_bytes()));
        if reason.is_some() {
            body.put(&[reason_len]);
            body.put(reason_text);
        }
        Ok(())
    }

    /// The number of receivers and the mean size of an RTCP packet in bytes, as the distribution
    /// source of the session tells them (RFC 5760 sections 7.1.1 and 7.1.6).
    ///
    /// # Errors
    /// If the buffer is full.
    pub fn group_size(&mut self, ssrc: Ssrc, members: u32, report_size: u16) -> Result<(), Error> {
        let mut body = self.packet(SUMMARY_INFORMATION, 0, 4 + 4 + 8 + 8)?;
        body.put(&ssrc.0.to_be_bytes());
        body.put(&ssrc.0.to_be_bytes());
        body.put(&[0; 8]);
        body.put(&[GROUP_SIZE, 2]);
        body.put(&report_size.to_be_bytes());
        body.put(&members.to_be_bytes());
        Ok(())
    }

    /// What repair has left lost of `source`, from the packet `begin` on (RFC 5725 section 3).
    ///
    /// # Errors
    /// If the buffer is full.
    pub fn post_repair_loss(
        &mut self,
        ssrc: Ssrc,
        source: Ssrc,
        begin: Sequence,
        runs: &[Run],
    ) -> Result<(), Error> {
        // An even number of chunks: one of zeros ends them (RFC 3611 section 4.1.3).
        let block = 8 + (runs.len() * 2).next_multiple_of(4);
        let words = u16::try_from(block / 4).map_err(|_| Error::Malformed("too long for RTCP"))?;
        let total = runs.iter().fold(0, |sum: u16, run| sum.wrapping_add(run.packets.min(RUN_MAX)));
        let mut body = self.packet(EXTENDED_REPORT, 0, 4 + 4 + block)?;
        body.put(&ssrc.0.to_be_bytes());
        body.put(&[POST_REPAIR_LOSS, 0]);
        body.put(&words.to_be_bytes());
        body.put(&source.0.to_be_bytes());
        body.put(&begin.0.to_be_bytes());
        body.put(&begin.0.wrapping_add(total).to_be_bytes());
        runs.iter().for_each(|run| body.put(&run.chunk().to_be_bytes()));
        Ok(())
    }

    /// The length of the compound.
    #[must_use]
    pub const fn finish(self) -> usize {
        self.len
    }

    /// Writes the header of a packet with so many bytes behind it, and gives these, zeroed.
    fn packet(&mut self, kind: u8, count: usize, len: usize) -> Result<Body<'_>, Error> {
        let count = u8::try_from(count).ok().filter(|count| usize::from(*count) <= COUNT_MAX);
        let count = count.ok_or(Error::Malformed("more than 31 entries in an RTCP packet"))?;
        let words = u16::try_from(len / 4).map_err(|_| Error::Malformed("too long for RTCP"))?;
        let (start, end) = (self.len, self.len + 4 + len);
        let actual = self.out.len();
        let packet = self.out.get_mut(start..end).ok_or(Error::Space { needed: end, actual })?;
        packet.fill(0);
        packet[0] = 2 << 6 | count;
        packet[1] = kind;
        packet[2..4].copy_from_slice(&words.to_be_bytes());
        self.len = end;
        Ok(Body { bytes: &mut packet[4..] })
    }
}

/// Bytes of a clock's name at most, so that its item stays below 255.
const CLOCK_MAX: usize = 200;

/// Bytes of a source's shared clock at most: two numbers in hexadecimal and one with a sign.
const SHARED_MAX: usize = 8 + 1 + 16 + 1 + 20;

/// A source's shared clock in words.
fn shared_text(shared: &Shared) -> Result<heapless::String<SHARED_MAX>, Error> {
    let mut text = heapless::String::new();
    match write!(text, "{shared}") {
        Ok(()) => Ok(text),
        Err(_) => Err(Error::Space { needed: SHARED_MAX + 1, actual: SHARED_MAX }),
    }
}

/// A text of at most 255 bytes, as SDES and BYE hold it.
fn text(text: &str) -> (u8, &[u8]) {
    let bytes = text.as_bytes();
    let bytes = bytes.get(..usize::from(u8::MAX)).unwrap_or(bytes);
    (u8::try_from(bytes.len()).unwrap_or(u8::MAX), bytes)
}

/// What is left to write of a packet.
struct Body<'a> {
    bytes: &'a mut [u8],
}

impl Body<'_> {
    fn put(&mut self, bytes: &[u8]) {
        let (head, tail) = core::mem::take(&mut self.bytes).split_at_mut(bytes.len());
        head.copy_from_slice(bytes);
        self.bytes = tail;
    }

    fn block(&mut self, block: &ReportBlock) {
        let lost = block.lost.clamp(-0x80_0000, 0x7F_FFFF).to_be_bytes();
        self.put(&block.ssrc.0.to_be_bytes());
        self.put(&[block.fraction_lost, lost[1], lost[2], lost[3]]);
        self.put(&block.highest.to_be_bytes());
        self.put(&block.jitter.to_be_bytes());
        self.put(&block.last_sr.to_be_bytes());
        self.put(&block.delay.to_be_bytes());
    }
}
