//! Why what came is not presented: packets that are not the stream's, and frames that no picture can be made
//! of. Counted by reason, so that a viewer who sees nothing is told what comes.

use core::net::IpAddr;

/// Why a packet or a frame is not presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A datagram that is no RTP packet.
    NotRtp,
    /// A packet of this payload type, which is not the stream's.
    PayloadType(u8),
    /// A packet of this address, from which the stream does not come.
    Stranger(IpAddr),
    /// A packet of a protected stream that is not authentic: a stranger's, or sealed with another key.
    Forged,
    /// A packet of a protected stream whose number has come before.
    Replayed,
    /// A packet whose payload is not what its payload type says.
    Malformed,
    /// A frame of this type, which no document says the meaning of (RFC 2435 section 3.1.3).
    Kind(u8),
    /// A frame whose Q, this one, is reserved (RFC 2435 section 4.2).
    Q(u8),
    /// A frame whose tables are no tables of 8 bits: so many bytes; 0: they have not come.
    Tables(usize),
    /// A frame of more than 2040 pixels, which its packets cannot say, and nobody has said otherwise.
    Size,
}

/// Reasons that there are.
pub const REASONS: usize = 10;

impl Reason {
    const fn index(self) -> usize {
        match self {
            Self::NotRtp => 0,
            Self::PayloadType(_) => 1,
            Self::Stranger(_) => 2,
            Self::Malformed => 3,
            Self::Kind(_) => 4,
            Self::Q(_) => 5,
            Self::Tables(_) => 6,
            Self::Size => 7,
            Self::Forged => 8,
            Self::Replayed => 9,
        }
    }

    /// Its name in statistics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        [
            "not_rtp",
            "payload_type",
            "stranger",
            "malformed",
            "type",
            "q",
            "tables",
            "size",
            "forged",
            "replayed",
        ][self.index()]
    }
}

/// What was refused so far: for each reason the last case and how many there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    reasons: [Option<(Reason, u64)>; REASONS],
    total: u64,
}

impl Refusals {
    /// One more.
    pub fn add(&mut self, reason: Reason) {
        self.add_many(reason, 1);
    }

    /// So many more.
    pub fn add_many(&mut self, reason: Reason, many: u64) {
        if many > 0 {
            let (last, count) = self.reasons[reason.index()].get_or_insert((reason, 0));
            (*last, *count) = (reason, *count + many);
            self.total += many;
        }
    }

    /// These and those.
    #[must_use]
    pub fn and(mut self, others: &Self) -> Self {
        others.all().for_each(|(reason, count)| self.add_many(reason, count));
        self
    }

    /// Every reason that there was, and how often.
    pub fn all(&self) -> impl Iterator<Item = (Reason, u64)> {
        self.reasons.iter().flatten().copied()
    }

    /// How many there were.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// The most frequent reason.
    #[must_use]
    pub fn most(&self) -> Option<(Reason, u64)> {
        self.all().max_by_key(|(_, count)| *count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_apart_with_their_last_case() {
        let mut refusals = Refusals::default();
        assert_eq!((refusals.most(), refusals.total()), (None, 0));
        for reason in [Reason::Q(100), Reason::Size, Reason::Q(127)] {
            refusals.add(reason);
        }
        assert_eq!(refusals.most(), Some((Reason::Q(127), 2)));
        let mut others = Refusals::default();
        others.add_many(Reason::Size, 5);
        others.add_many(Reason::NotRtp, 0);
        let all = refusals.and(&others);
        assert_eq!((all.most(), all.total()), (Some((Reason::Size, 6)), 8));
        assert_eq!(all.all().count(), 2);
    }
}
