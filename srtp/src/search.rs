//! The search for a roll-over counter. Who joins a stream late cannot know how often its 16-bit sequence number has
//! rolled over, at 1080p30 each 13 s, and without that no packet is authentic. It is found by trying: what the tag is
//! over is hashed once, then each guess costs little.

use crate::cm::Tagged;
use crate::gcm::{Hashed, rtp_nonce};
use crate::packet::Head;
use crate::transform::{Transform, rollovers};
use std::ops::Range;

/// Counters that are tried: a stream of 5 months at 1080p30. A stranger's packet is taken for authentic by one guess in
/// 2^80, so that 60 bits are left.
pub const GUESSES_MAX: u32 = 1 << 20;

/// A search by one packet.
pub struct Search {
    guess: Guess,
    tag: Vec<u8>,
    head: Head,
    /// The lowest counter that it may be.
    first: u32,
}

enum Guess {
    Cm(Box<Tagged>),
    Gcm(Box<Hashed>),
}

impl Search {
    pub(crate) fn new(transform: &Transform, packet: &[u8], first: u32) -> Option<Self> {
        let head = Head::parse(packet)?;
        let end = packet.len().checked_sub(transform.tag_len()).filter(|it| *it >= head.len)?;
        let (sealed, tag) = packet.split_at(end);
        let guess = match transform {
            Transform::Cm(it) => Guess::Cm(Box::new(it.tagged(sealed))),
            Transform::Gcm(it) => {
                let (clear, payload) = sealed.split_at(head.len);
                Guess::Gcm(Box::new(it.hashed(clear, payload)))
            }
        };
        Some(Self { guess, tag: tag.to_vec(), head, first })
    }

    /// The counter, if it is one of these, counted from the lowest that it may be: 0, or that of a source that is known.
    #[must_use]
    pub fn among(&self, counters: Range<u32>) -> Option<u32> {
        let mut counters = counters.filter_map(|counter| self.first.checked_add(counter));
        counters.find(|counter| {
            let index = u64::from(*counter) << 16 | u64::from(self.head.sequence);
            match &self.guess {
                Guess::Cm(it) => it.is(&self.tag, &rollovers(index)),
                Guess::Gcm(it) => it.is(&self.tag, rtp_nonce(self.head.ssrc, index)),
            }
        })
    }
}
