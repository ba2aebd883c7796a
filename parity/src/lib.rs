//! Reed-Solomon parity of blocks of packets, bit for bit that of the crate `reed-solomon-simd`
//! (`docs/repair.md`), whose field, tables and, where much is lost, decoder are used here.
//!
//! What is different is the way through memory, which is most of the cost of a block that was just
//! captured. A block is worked on in strips of some hundred bytes of every shard, which stay in the cache, so
//! that each byte of a packet is read once and none is copied to a block-sized buffer before. Products come from tables of the multipliers that a block of this size has, some
//! kilobytes, instead of those of all 65,536. And what is lost is found from what it changes in the
//! parity, as long as that is cheaper than to transform the whole block twice.

mod block;
mod decode;
mod encode;
mod engine;
mod multiplier;
mod simd;
mod transform;

pub use block::{Shape, Shards};
pub use decode::{Decoder, Parity};
pub use encode::Encoder;
