//! Reed-Solomon parity of blocks of packets, bit for bit that of the crate `reed-solomon-simd`
//! (`docs/repair.md`), whose field, tables and, where much is lost, decoder are used here.
//!
//! What is different is the way through memory, which is most of the cost of a block that was just
//! captured. A block is worked on in strips of [`STRIP`] bytes of every shard, small enough to stay in
//! the first cache, so that each byte of a packet is read once and none is copied to a block-sized
//! buffer before. Products come from tables of the multipliers that a block of this size has, some
//! kilobytes, instead of those of all 65,536. And what is lost is found from what it changes in the
//! parity, as long as that is cheaper than to transform the whole block twice.

mod decode;
mod encode;
mod engine;
mod multiplier;
mod simd;
mod transform;

pub use decode::{Decoder, Parity};
pub use encode::Encoder;

/// Bytes of each shard that are worked on at a time: with the 128 shards of a transform of 64, 16 kB.
pub const STRIP: usize = 512;

/// The symbols of a strip: in each 64 bytes the low bytes of 32 symbols, and then their high bytes.
type Strip = [[u8; 64]; STRIP / 64];

const ZERO: Strip = [[0; 64]; STRIP / 64];

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

    fn is_valid(self) -> bool {
        let counts = 1..=Self::SHARDS_MAX;
        counts.contains(&self.originals)
            && counts.contains(&self.repairs)
            && self.shard_len > 0
            && self.shard_len % 2 == 0
    }

    /// The offsets in a shard at which its strips begin, and the length of each.
    fn strips(self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.shard_len).step_by(STRIP).map(move |at| (at, STRIP.min(self.shard_len - at)))
    }
}

/// The shards of the data of a block.
pub trait Shards {
    /// Copies the bytes of the shard `index` from `offset` on to `out`.
    fn copy(&self, index: usize, offset: usize, out: &mut [u8]);
}
