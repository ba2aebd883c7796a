//! From the data of a block to its parity.

use crate::block::{Chunk, Shape, Shards, Strip, ZERO};
use crate::simd;
use crate::transform::{Extent, forward, inverse};
use reed_solomon_simd::engine::ShardsRefMut;

/// Makes parity. Memory grows to what the largest block needs, and stays.
#[derive(Default)]
pub struct Encoder {
    work: Vec<Chunk>,
}

impl Encoder {
    /// Makes the parity of a block, and hands it to `each` in parts: index of the shard, offset in it, and
    /// the bytes there. False if the shape is none that a block may have.
    pub fn encode(
        &mut self,
        shape: Shape,
        shards: &dyn Shards,
        each: &mut dyn FnMut(usize, usize, &[u8]),
    ) -> bool {
        if !shape.is_valid() {
            return false;
        }
        let plan = Plan::new(shape);
        for strip in shape.strips() {
            let chunks = strip.chunks();
            self.work.resize(plan.work_len() * chunks, ZERO);
            plan.parity(shape.repairs, chunks, &mut self.work, |index, symbols| {
                read(shards, index, strip, symbols);
            });
            let parity = self.work[plan.point_of_repair(0) * chunks..].chunks_exact_mut(chunks);
            for (index, symbols) in parity.take(shape.repairs).enumerate() {
                gather(symbols, strip.len);
                each(index, strip.offset, &symbols.as_flattened()[..strip.len]);
            }
        }
        true
    }
}

/// How a block is transformed: by the smaller of its two parts, which is one transform then; the other is
/// as many of that size as it takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Parity is the smaller part ("high rate").
    pub(crate) high: bool,
    /// Size of a transform.
    pub(crate) chunk: usize,
    originals: usize,
    repairs: usize,
}

impl Plan {
    pub(crate) fn new(shape: Shape) -> Self {
        let Shape { originals, repairs, .. } = shape;
        let sizes = (originals.next_power_of_two(), repairs.next_power_of_two());
        // As reed-solomon-simd chooses, or the parity would be another.
        let high = sizes.0 > sizes.1 || sizes.0 == sizes.1 && originals <= repairs;
        Self { high, chunk: if high { sizes.1 } else { sizes.0 }, originals, repairs }
    }

    /// The point of a shard of data.
    pub(crate) fn point_of_original(self, index: usize) -> usize {
        if self.high { self.chunk + index } else { index }
    }

    /// The point of a shard of parity, and its place when it is made.
    pub(crate) fn point_of_repair(self, index: usize) -> usize {
        if self.high { index } else { self.chunk + index }
    }

    /// Shards that are worked on.
    pub(crate) fn work_len(self) -> usize {
        if self.high {
            2 * self.chunk
        } else {
            self.chunk + self.repairs.next_multiple_of(self.chunk)
        }
    }

    /// Makes one strip, of so many chunks, of the first `rows` shards of parity; `fill` writes that of a shard of data,
    /// in ascending order.
    pub(crate) fn parity(
        self,
        rows: usize,
        chunks: usize,
        work: &mut [Chunk],
        mut fill: impl FnMut(usize, &mut [Chunk]),
    ) {
        let size = self.chunk;
        let (sum, rest) = work.split_at_mut(size * chunks);
        for first in (0..self.originals).step_by(size) {
            let used = size.min(self.originals - first);
            let into = if first == 0 { &mut *sum } else { &mut rest[..size * chunks] };
            for (symbols, index) in into.chunks_exact_mut(chunks).zip(first..first + used) {
                fill(index, symbols);
            }
            into[used * chunks..].fill(ZERO);
            let coset = self.point_of_original(first);
            inverse(
                &mut ShardsRefMut::new(size, chunks, into),
                Extent { position: 0, size, used, coset },
            );
            if first > 0 {
                simd::add(sum, &rest[..size * chunks]);
            }
        }
        if self.high {
            forward(
                &mut ShardsRefMut::new(size, chunks, sum),
                Extent { position: 0, size, used: rows, coset: 0 },
            );
            return;
        }
        let parts = rest.chunks_exact_mut(size * chunks).zip((0..rows).step_by(size));
        for (part, first) in parts {
            part.copy_from_slice(sum);
            let (used, coset) = (size.min(rows - first), self.point_of_repair(first));
            forward(
                &mut ShardsRefMut::new(size, chunks, part),
                Extent { position: 0, size, used, coset },
            );
        }
    }
}

/// Reads a strip of a shard of data.
pub(crate) fn read(shards: &dyn Shards, index: usize, strip: Strip, symbols: &mut [Chunk]) {
    shards.copy(index, strip.offset, &mut symbols.as_flattened_mut()[..strip.len]);
    spread(symbols, strip.len);
}

/// Puts the `len` bytes of a strip to where its symbols are: in the last chunk of a shard the first half
/// of what is left is low bytes, the second half high bytes.
fn spread(symbols: &mut [Chunk], len: usize) {
    let rest = len % 64;
    if rest > 0 {
        let last = &mut symbols[len / 64];
        last.copy_within(rest / 2..rest, 32);
        last[rest / 2..32].fill(0);
        last[32 + rest / 2..].fill(0);
    }
}

/// Undoes [`spread`].
pub(crate) fn gather(symbols: &mut [Chunk], len: usize) {
    let rest = len % 64;
    if rest > 0 {
        symbols[len / 64].copy_within(32..32 + rest / 2, rest / 2);
    }
}
