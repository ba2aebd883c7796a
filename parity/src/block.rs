//! What a block is, and where its shards come from.

/// Bytes of each shard that are worked on at a time, of those tried (128, 256, 512) the fastest: with the 128 shards of
/// two transforms of 64 it is 64 kB, which stays in the second cache.
pub(crate) const STRIP: usize = 512;

/// 32 symbols: their low bytes, and then their high bytes.
pub(crate) type Chunk = [u8; 64];

/// Nothing but zeros.
pub(crate) const ZERO: Chunk = [0; 64];

/// The part of every shard that is worked on at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strip {
    /// Where it begins in the shard.
    pub(crate) offset: usize,
    /// Its bytes.
    pub(crate) len: usize,
}

impl Strip {
    /// How many chunks it takes.
    pub(crate) const fn chunks(self) -> usize {
        self.len.div_ceil(64)
    }
}

/// How many shards a block has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Shards of data.
    pub originals: usize,
    /// Shards of parity.
    pub repairs: usize,
    /// Bytes of each, an even number.
    pub shard_len: usize,
}

impl Shape {
    /// Shards of either kind at most.
    pub const SHARDS_MAX: usize = 4096;

    /// Bytes of a shard at most: those of a UDP datagram.
    pub const LEN_MAX: usize = 65_536;

    pub(crate) fn is_valid(self) -> bool {
        let counts = 1..=Self::SHARDS_MAX;
        counts.contains(&self.originals)
            && counts.contains(&self.repairs)
            && (2..=Self::LEN_MAX).contains(&self.shard_len)
            && self.shard_len % 2 == 0
    }

    /// The strips of a shard.
    pub(crate) fn strips(self) -> impl Iterator<Item = Strip> {
        (0..self.shard_len)
            .step_by(STRIP)
            .map(move |offset| Strip { offset, len: STRIP.min(self.shard_len - offset) })
    }
}

/// The shards of the data of a block.
pub trait Shards {
    /// Copies the bytes of the shard `index` from `offset` on to `out`.
    fn copy(&self, index: usize, offset: usize, out: &mut [u8]);
}
