//! Both suites, applied to packets and reports.

use crate::cm::{self, Cm};
use crate::derive::{Purpose, SessionKeys};
use crate::gcm::{self, Gcm, rtcp_nonce, rtp_nonce};
use crate::master_key::MasterKey;
use crate::packet::{Head, RTCP_HEADER_LEN};
use crate::suite::Suite;

/// Bytes of the word behind a report: whether it is encrypted, and its index (RFC 3711 section 3.4).
pub(crate) const WORD_LEN: usize = 4;

/// In that word: the report is encrypted.
pub(crate) const ENCRYPTED: u32 = 1 << 31;

/// What packets or reports are encrypted and authenticated with.
pub(crate) enum Transform {
    Cm(Box<Cm>),
    Gcm(Box<Gcm>),
}

impl Transform {
    pub(crate) fn new(master: &MasterKey, suite: Suite, purpose: Purpose) -> Self {
        let keys = SessionKeys::derive(master, suite, purpose);
        match suite {
            Suite::AesCm128HmacSha1_80 => Self::Cm(Box::new(Cm::new(&keys))),
            Suite::AeadAes128Gcm => Self::Gcm(Box::new(Gcm::new(&keys))),
        }
    }

    pub(crate) const fn tag_len(&self) -> usize {
        match self {
            Self::Cm(_) => cm::TAG_LEN,
            Self::Gcm(_) => gcm::TAG_LEN,
        }
    }

    /// Seals the RTP packet that `out` has from `start` on, and appends its tag.
    pub(crate) fn seal(&self, head: Head, index: u64, start: usize, out: &mut Vec<u8>) {
        let Some((clear, payload)) = out[start..].split_at_mut_checked(head.len) else { return };
        match self {
            Self::Cm(it) => {
                it.apply(head.ssrc, index, payload);
                let tag = it.tag(&out[start..], &rollovers(index));
                out.extend_from_slice(&tag);
            }
            Self::Gcm(it) => {
                let tag = it.seal(rtp_nonce(head.ssrc, index), clear, payload);
                out.extend_from_slice(&tag);
            }
        }
    }

    /// Opens an RTP packet into `out`, which it replaces. False if it is not authentic with this index.
    pub(crate) fn open(&self, packet: &[u8], head: Head, index: u64, out: &mut Vec<u8>) -> bool {
        let Some(end) = packet.len().checked_sub(self.tag_len()).filter(|it| *it >= head.len)
        else {
            return false;
        };
        let (sealed, tag) = packet.split_at(end);
        out.clear();
        match self {
            Self::Cm(it) => {
                if !it.tagged(sealed).is(tag, &rollovers(index)) {
                    return false;
                }
                out.extend_from_slice(sealed);
                it.apply(head.ssrc, index, &mut out[head.len..]);
            }
            Self::Gcm(it) => {
                out.extend_from_slice(packet);
                let (clear, payload) = out.split_at_mut(head.len);
                if !it.open(rtp_nonce(head.ssrc, index), clear, payload) {
                    return false;
                }
                out.truncate(end);
            }
        }
        true
    }

    /// Appends a sealed report: the compound packet, encrypted but for its header, with the word and the tag.
    pub(crate) fn seal_rtcp(&self, compound: &[u8], ssrc: u32, index: u32, out: &mut Vec<u8>) {
        let start = out.len();
        let word = (index | ENCRYPTED).to_be_bytes();
        out.extend_from_slice(compound);
        let Some(payload) = out.get_mut(start + RTCP_HEADER_LEN..) else { return };
        match self {
            Self::Cm(it) => {
                it.apply(ssrc, index.into(), payload);
                out.extend_from_slice(&word);
                let tag = it.tag(&out[start..], &[]);
                out.extend_from_slice(&tag);
            }
            Self::Gcm(it) => {
                let clear = clear_of(compound, word);
                let tag = it.seal(rtcp_nonce(ssrc, index), &clear, payload);
                out.extend_from_slice(&tag);
                out.extend_from_slice(&word);
            }
        }
    }

    /// The word of a sealed report: its index, and whether it is encrypted.
    pub(crate) fn word(&self, packet: &[u8]) -> Option<u32> {
        let end = match self {
            Self::Cm(_) => packet.len().checked_sub(cm::TAG_LEN)?,
            Self::Gcm(_) => packet.len(),
        };
        Some(u32::from_be_bytes(*packet.get(..end)?.last_chunk::<WORD_LEN>()?))
    }

    /// Opens a report with this word into `out`, which it replaces. False if it is not authentic.
    pub(crate) fn open_rtcp(&self, packet: &[u8], ssrc: u32, word: u32, out: &mut Vec<u8>) -> bool {
        let Some(end) = packet.len().checked_sub(self.tag_len() + WORD_LEN) else { return false };
        if end < RTCP_HEADER_LEN {
            return false;
        }
        let index = word & !ENCRYPTED;
        out.clear();
        match self {
            Self::Cm(it) => {
                let (sealed, tag) = packet.split_at(end + WORD_LEN);
                if !it.tagged(sealed).is(tag, &[]) {
                    return false;
                }
                out.extend_from_slice(&packet[..end]);
                if word & ENCRYPTED != 0 {
                    it.apply(ssrc, index.into(), &mut out[RTCP_HEADER_LEN..]);
                }
                true
            }
            // What is only authenticated is not accepted: nobody here sends it.
            Self::Gcm(it) if word & ENCRYPTED != 0 => {
                out.extend_from_slice(&packet[..packet.len() - WORD_LEN]);
                let clear = clear_of(packet, word.to_be_bytes());
                let opened = it.open(rtcp_nonce(ssrc, index), &clear, &mut out[RTCP_HEADER_LEN..]);
                out.truncate(end);
                opened
            }
            Self::Gcm(_) => false,
        }
    }
}

/// What the tag of a report covers without encrypting it (RFC 7714 section 9.2).
fn clear_of(packet: &[u8], word: [u8; WORD_LEN]) -> [u8; RTCP_HEADER_LEN + WORD_LEN] {
    let mut clear = [0; RTCP_HEADER_LEN + WORD_LEN];
    clear[..RTCP_HEADER_LEN].copy_from_slice(&packet[..RTCP_HEADER_LEN]);
    clear[RTCP_HEADER_LEN..].copy_from_slice(&word);
    clear
}

/// The roll-over counter of an index, as the tag covers it.
pub(crate) fn rollovers(index: u64) -> [u8; 4] {
    let [_, _, counter @ .., _, _] = index.to_be_bytes();
    counter
}
