//! Seals packets and reports: the sender's side.

use crate::derive::Purpose;
use crate::master_key::MasterKey;
use crate::packet::{Head, rtcp_source};
use crate::suite::Suite;
use crate::transform::{ENCRYPTED, Transform, WORD_LEN};

/// Seals the packets of one source. They come in the order of their numbers, each once: no index is used twice.
pub struct PacketSealer {
    transform: Transform,
    rollovers: u32,
    last: Option<u16>,
}

impl PacketSealer {
    /// For a source that its sequence number has rolled over so often: 0, unless it goes on.
    #[must_use]
    pub fn new(master: &MasterKey, suite: Suite, rollovers: u32) -> Self {
        Self { transform: Transform::new(master, suite, Purpose::Rtp), rollovers, last: None }
    }

    /// Bytes by which a packet becomes longer.
    #[must_use]
    pub const fn growth(&self) -> usize {
        self.transform.tag_len()
    }

    /// How often the sequence number will have rolled over at that number, the next one.
    #[must_use]
    pub const fn rollovers_at(&self, next: u16) -> u32 {
        match self.last {
            Some(last) if next < last => self.rollovers + 1,
            _ => self.rollovers,
        }
    }

    /// Appends the sealed packet whose header, with or without a part of its payload, and payload these are. What does
    /// not begin with an RTP header is not appended.
    pub fn seal(&mut self, header: &[u8], payload: &[u8], out: &mut Vec<u8>) {
        let Some(head) = Head::parse(header) else { return };
        self.rollovers = self.rollovers_at(head.sequence);
        self.last = Some(head.sequence);
        let index = u64::from(self.rollovers) << 16 | u64::from(head.sequence);
        let start = out.len();
        out.extend_from_slice(header);
        out.extend_from_slice(payload);
        self.transform.seal(head, index, start, out);
    }
}

/// Seals the reports of one source.
pub struct ReportSealer {
    transform: Transform,
    next: u32,
}

impl ReportSealer {
    /// For a source that has sealed so many reports: 0, unless it goes on.
    #[must_use]
    pub fn new(master: &MasterKey, suite: Suite, sealed: u32) -> Self {
        Self { transform: Transform::new(master, suite, Purpose::Rtcp), next: sealed }
    }

    /// Bytes by which a report becomes longer.
    #[must_use]
    pub const fn growth(&self) -> usize {
        WORD_LEN + self.transform.tag_len()
    }

    /// How many it has sealed.
    #[must_use]
    pub const fn sealed(&self) -> u32 {
        self.next
    }

    /// Replaces `out` by the sealed report. False if this is no report, or the last index was used: after 68 years of
    /// one a second.
    pub fn seal(&mut self, compound: &[u8], out: &mut Vec<u8>) -> bool {
        out.clear();
        let Some(ssrc) = rtcp_source(compound).filter(|_| self.next < ENCRYPTED) else {
            return false;
        };
        self.transform.seal_rtcp(compound, ssrc, self.next, out);
        self.next += 1;
        true
    }
}
