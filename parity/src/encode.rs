//! From the data of a block to its parity.

use crate::block::{STRIP, Shape, Shards, Strip, ZERO};
use crate::simd;
use crate::transform::{Extent, forward, inverse};
use reed_solomon_simd::engine::ShardsRefMut;

/// Makes parity. Memory grows to what the largest block needs, and stays.
#[derive(Default)]
pub struct Encoder {
    work: Vec<Strip>,
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
        self.work.resize(plan.work_len(), ZERO);
        for (offset, len) in shape.strips() {
            plan.parity(shape.repairs, &mut self.work, |index, strip| {
                read(shards, index, offset, len, strip);
            });
            for index in 0..shape.repairs {
                let strip = &mut self.work[plan.point_of_repair(index)];
                gather(strip, len);
                each(index, offset, &strip.as_flattened()[..len]);
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

    /// Strips that are worked on.
    pub(crate) fn work_len(self) -> usize {
        if self.high {
            2 * self.chunk
        } else {
            self.chunk + self.repairs.next_multiple_of(self.chunk)
        }
    }

    /// Makes one strip of the first `rows` shards of parity; `fill` writes that of a shard of data, in ascending order.
    pub(crate) fn parity(
        self,
        rows: usize,
        work: &mut [Strip],
        mut fill: impl FnMut(usize, &mut Strip),
    ) {
        let size = self.chunk;
        let (sum, rest) = work.split_at_mut(size);
        for first in (0..self.originals).step_by(size) {
            let used = size.min(self.originals - first);
            let into = if first == 0 { &mut *sum } else { &mut rest[..size] };
            for (strip, index) in into.iter_mut().zip(first..first + used) {
                fill(index, strip);
            }
            into[used..].fill(ZERO);
            let coset = self.point_of_original(first);
            inverse(&mut shards_of(into), Extent { position: 0, size, used, coset });
            if first > 0 {
                simd::add(sum.as_flattened_mut(), rest[..size].as_flattened());
            }
        }
        if self.high {
            forward(&mut shards_of(sum), Extent { position: 0, size, used: rows, coset: 0 });
            return;
        }
        for first in (0..rows).step_by(size) {
            let part = &mut rest[first..first + size];
            part.copy_from_slice(sum);
            let (used, coset) = (size.min(rows - first), self.point_of_repair(first));
            forward(&mut shards_of(part), Extent { position: 0, size, used, coset });
        }
    }
}

/// Strips as the shards that are transformed.
fn shards_of(strips: &mut [Strip]) -> ShardsRefMut<'_> {
    ShardsRefMut::new(strips.len(), STRIP / 64, strips.as_flattened_mut())
}

/// Reads `len` bytes of a shard of data.
pub(crate) fn read(
    shards: &dyn Shards,
    index: usize,
    offset: usize,
    len: usize,
    strip: &mut Strip,
) {
    shards.copy(index, offset, &mut strip.as_flattened_mut()[..len]);
    spread(strip, len);
}

/// Puts the `len` bytes of a strip to where its symbols are: in the last 64 bytes of a shard the first half
/// of what is left is low bytes, the second half high bytes.
fn spread(strip: &mut Strip, len: usize) {
    let (whole, rest) = (len / 64, len % 64);
    if rest > 0 {
        let last = &mut strip[whole];
        last.copy_within(rest / 2..rest, 32);
        last[rest / 2..32].fill(0);
        last[32 + rest / 2..].fill(0);
    }
    strip[len.div_ceil(64)..].fill([0; 64]);
}

/// Undoes [`spread`].
pub(crate) fn gather(strip: &mut Strip, len: usize) {
    let (whole, rest) = (len / 64, len % 64);
    if rest > 0 {
        strip[whole].copy_within(32..32 + rest / 2, rest / 2);
    }
}
