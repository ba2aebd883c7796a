//! From what has come of a block to what was lost of its data.
//!
//! Parity is the data times a Cauchy matrix: between the points `x` of a shard of parity and `y` of one of
//! data it has the element `s / (x + y)`, where `s` depends on the coset of the shard of the larger part
//! alone. So what is missing in the parity of the data that has come is what was lost times the part of the
//! matrix at these rows and columns, whose inverse is known in closed form.

use crate::block::{Chunk, Shape, Shards, Strip, ZERO};
use crate::encode::{Plan, gather, read};
use crate::engine::StripEngine;
use crate::multiplier::{INVERSES, Multiplier, add, log, subtract};
use crate::simd;
use reed_solomon_simd::rate::{DefaultRateDecoder, RateDecoder};

/// Shards for which the matrix is solved at most: beyond, its square takes longer than the two transforms of the
/// whole block that reed-solomon-simd makes.
const SOLVED_MAX: usize = 64;

/// Restores data. Memory grows to what the largest block needs, and stays.
#[derive(Default)]
pub struct Decoder {
    work: Vec<Chunk>,
    /// What is missing in the parity, a strip of each shard.
    missing: Vec<Chunk>,
    /// A strip of a shard that is restored.
    sum: Vec<Chunk>,
    rows: Vec<Line>,
    columns: Vec<Line>,
    restored: Vec<u8>,
    shard: Vec<u8>,
    whole: Option<DefaultRateDecoder<StripEngine>>,
}

/// A row or a column of the inverse matrix.
#[derive(Clone, Copy)]
struct Line {
    point: u16,
    factor: Multiplier,
}

/// Parity that has come.
#[derive(Clone, Copy, Debug)]
pub struct Parity<'a> {
    /// The numbers of its shards, in whatever order.
    pub indices: &'a [u16],
    /// The shards, one behind the other.
    pub shards: &'a [u8],
}

impl Parity<'_> {
    fn numbers(&self) -> impl Iterator<Item = usize> + Clone {
        self.indices.iter().map(|index| usize::from(*index))
    }
}

/// One shard.
struct Single<'a>(&'a [u8]);

impl Shards for Single<'_> {
    #[inline(always)]
    fn copy(&self, _: usize, offset: usize, out: &mut [u8]) {
        out.copy_from_slice(&self.0[offset..offset + out.len()]);
    }
}

impl Decoder {
    /// Restores the shards `lost`, in ascending order, with as many shards of parity. They are there one
    /// behind the other, each `shard_len` bytes; `None` if this is no such block.
    pub fn decode(
        &mut self,
        shape: Shape,
        shards: &dyn Shards,
        lost: &[usize],
        parity: Parity<'_>,
    ) -> Option<&[u8]> {
        if !is_possible(shape, lost, parity) {
            return None;
        }
        self.restored.resize(lost.len() * shape.shard_len, 0);
        if lost.len() > SOLVED_MAX {
            // It looks for repetitions itself.
            self.transform(shape, shards, lost, parity)?;
        } else {
            if repeats(parity.indices) {
                return None;
            }
            self.solve(shape, shards, lost, parity);
        }
        Some(&self.restored)
    }

    fn solve(&mut self, shape: Shape, shards: &dyn Shards, lost: &[usize], parity: Parity<'_>) {
        let plan = Plan::new(shape);
        self.prepare(plan, lost, parity);
        let made = parity.numbers().map(|index| index + 1).max().unwrap_or(0);
        for strip in shape.strips() {
            let chunks = strip.chunks();
            self.work.resize(plan.work_len() * chunks, ZERO);
            let mut still = lost.iter().peekable();
            plan.parity(made, chunks, &mut self.work, |index, symbols| {
                if still.next_if_eq(&&index).is_some() {
                    symbols.fill(ZERO);
                } else {
                    read(shards, index, strip, symbols);
                }
            });
            self.compare(plan, parity, strip);
            self.restore(shape, strip);
        }
    }

    /// What is missing in a strip of the parity, by the factors of its rows.
    fn compare(&mut self, plan: Plan, parity: Parity<'_>, strip: Strip) {
        let (chunks, count) = (strip.chunks(), parity.indices.len());
        self.missing.resize(count * chunks, ZERO);
        let come = parity.shards.chunks_exact(parity.shards.len() / count).zip(parity.numbers());
        let missing = self.missing.chunks_exact_mut(chunks).zip(&self.rows);
        for ((symbols, row), (shard, index)) in missing.zip(come) {
            read(&Single(shard), 0, strip, symbols);
            let made = plan.point_of_repair(index) * chunks;
            simd::add(symbols, &self.work[made..made + chunks]);
            simd::multiply(symbols, &row.factor);
        }
    }

    /// A strip of what was lost.
    fn restore(&mut self, shape: Shape, strip: Strip) {
        let chunks = strip.chunks();
        let restored = self.restored.chunks_exact_mut(shape.shard_len);
        for (restored, column) in restored.zip(&self.columns) {
            self.sum.clear();
            self.sum.resize(chunks, ZERO);
            for (symbols, row) in self.missing.chunks_exact(chunks).zip(&self.rows) {
                let distance = usize::from(row.point ^ column.point);
                simd::add_product(&mut self.sum, symbols, INVERSES.at(distance));
            }
            simd::multiply(&mut self.sum, &column.factor);
            gather(&mut self.sum, strip.len);
            restored[strip.offset..strip.offset + strip.len]
                .copy_from_slice(&self.sum.as_flattened()[..strip.len]);
        }
    }

    /// The inverse matrix: the element of a column and a row is the product of their factors, divided by the
    /// distance of their points.
    fn prepare(&mut self, plan: Plan, lost: &[usize], parity: Parity<'_>) {
        let xs = || parity.numbers().map(|index| symbol(plan.point_of_repair(index)));
        let ys = || lost.iter().map(|index| symbol(plan.point_of_original(*index)));
        // The logarithm of 0 counts as 0: a point's distance from itself is left out.
        let distances = |from: u16, to: &mut dyn Iterator<Item = u16>| {
            to.fold(0, |sum, to| add(sum, log(from ^ to)))
        };
        let scale = |point: u16, large: bool| if large { scale(point, plan.chunk) } else { 0 };
        let line = |point: u16, others: u16, own: u16, large: bool| {
            let factor = subtract(subtract(others, own), scale(point, large));
            Line { point, factor: Multiplier::of_log(factor) }
        };
        self.rows.clear();
        self.rows.extend(
            xs().map(|x| line(x, distances(x, &mut ys()), distances(x, &mut xs()), !plan.high)),
        );
        self.columns.clear();
        self.columns.extend(
            ys().map(|y| line(y, distances(y, &mut xs()), distances(y, &mut ys()), plan.high)),
        );
    }

    /// What the crate does: transforms the whole block back and forth.
    fn transform(
        &mut self,
        shape: Shape,
        shards: &dyn Shards,
        lost: &[usize],
        parity: Parity<'_>,
    ) -> Option<()> {
        let Shape { originals, repairs: count, shard_len } = shape;
        match &mut self.whole {
            Some(whole) => {
                if whole.reset(originals, count, shard_len).is_err() {
                    self.whole = None;
                    return None;
                }
            }
            None => {
                let new = DefaultRateDecoder::new(originals, count, shard_len, StripEngine, None);
                self.whole = new.ok();
            }
        }
        let whole = self.whole.as_mut()?;
        let mut still = lost.iter().peekable();
        self.shard.resize(shard_len, 0);
        for index in 0..originals {
            if still.next_if_eq(&&index).is_none() {
                shards.copy(index, 0, &mut self.shard);
                whole.add_original_shard(index, &self.shard).ok()?;
            }
        }
        for (index, shard) in parity.numbers().zip(parity.shards.chunks_exact(shard_len)) {
            whole.add_recovery_shard(index, shard).ok()?;
        }
        let decoded = whole.decode().ok()?;
        for (index, restored) in lost.iter().zip(self.restored.chunks_exact_mut(shard_len)) {
            restored.copy_from_slice(decoded.restored_original(*index)?);
        }
        Some(())
    }
}

fn is_possible(shape: Shape, lost: &[usize], parity: Parity<'_>) -> bool {
    shape.is_valid()
        && !lost.is_empty()
        && lost.is_sorted_by(|one, next| one < next)
        && lost.iter().all(|index| *index < shape.originals)
        && lost.len() == parity.indices.len()
        && lost.len() * shape.shard_len == parity.shards.len()
        && parity.numbers().all(|index| index < shape.repairs)
}

/// Whether the same number is there twice.
fn repeats(indices: &[u16]) -> bool {
    indices.iter().enumerate().any(|(at, index)| indices[..at].contains(index))
}

/// Points are below 8192.
fn symbol(point: usize) -> u16 {
    u16::try_from(point).unwrap_or(u16::MAX)
}

/// The logarithm of what the elements of the matrix have in common at a point of the larger part: the values
/// there of the polynomial that is zero at the points of the smaller part, divided by its derivative.
fn scale(point: u16, chunk: usize) -> u16 {
    let coset = point & !symbol(chunk - 1);
    (0..symbol(chunk)).fold(0, |sum, at| subtract(add(sum, log(coset ^ at)), log(at)))
}

#[cfg(test)]
mod tests;
