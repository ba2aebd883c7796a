//! The additive Fourier transform of Lin, Chung and Han ("Novel Polynomial Basis and Its Application to
//! Reed-Solomon Erasure Codes", 2014), as Leopard and `reed-solomon-simd` number its points: the element
//! `i` is the point of the shard `i`.

use crate::block::Chunk;
use crate::multiplier::{Multiplier, SKEWS};
use crate::simd::{self, Lanes, Task};
use reed_solomon_simd::engine::ShardsRefMut;

/// A transform: `size` shards, a power of two, from `position` on, of which those before `used` matter; the others
/// are zero, or are not looked at afterwards. `coset` is the point of the first one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) position: usize,
    pub(crate) size: usize,
    pub(crate) used: usize,
    pub(crate) coset: usize,
}

impl Extent {
    /// The factor of the pairs of a group, whose halves lie `distance` apart.
    #[inline(always)]
    fn factor(self, start: usize, distance: usize) -> &'static Multiplier {
        SKEWS.at(start + distance + self.coset - 1)
    }
}

struct Inverse<'a, 'data>(&'a mut ShardsRefMut<'data>, Extent);

struct Forward<'a, 'data>(&'a mut ShardsRefMut<'data>, Extent);

/// From values at the points to coefficients.
pub(crate) fn inverse(shards: &mut ShardsRefMut<'_>, extent: Extent) {
    simd::run(Inverse(shards, extent));
}

/// From coefficients to values at the points.
pub(crate) fn forward(shards: &mut ShardsRefMut<'_>, extent: Extent) {
    simd::run(Forward(shards, extent));
}

/// A pair of shards, with the tables of its factor unless that is 0.
#[inline(always)]
fn inverse_pair<L: Lanes>(lanes: L, [x, y]: [&mut [Chunk]; 2], tables: Option<L::Tables>) {
    match tables {
        Some(tables) => lanes.inverse(x, y, tables),
        None => lanes.add(y, x),
    }
}

/// The same, backwards.
#[inline(always)]
fn forward_pair<L: Lanes>(lanes: L, [x, y]: [&mut [Chunk]; 2], tables: Option<L::Tables>) {
    match tables {
        Some(tables) => lanes.forward(x, y, tables),
        None => lanes.add(y, x),
    }
}

#[inline(always)]
fn tables<L: Lanes>(lanes: L, factor: &Multiplier) -> Option<L::Tables> {
    (!factor.is_zero()).then(|| lanes.tables(factor))
}

impl Task for Inverse<'_, '_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self(shards, extent) = self;
        let mut distance = 1;
        // Two layers at a time, so that a shard that was fetched is used twice.
        while 2 * distance < extent.size {
            for start in (0..extent.used).step_by(4 * distance) {
                let right_start = start + 2 * distance;
                let factors = [
                    extent.factor(start, distance),
                    extent.factor(right_start, distance),
                    extent.factor(start, 2 * distance),
                ];
                for first in start..start + distance {
                    let (a, b, c, d) = shards.dist4_mut(extent.position + first, distance);
                    inverse_pair(lanes, [a, b], tables(lanes, factors[0]));
                    if right_start < extent.used {
                        inverse_pair(lanes, [c, d], tables(lanes, factors[1]));
                    }
                    let both = tables(lanes, factors[2]);
                    inverse_pair(lanes, [a, c], both);
                    inverse_pair(lanes, [b, d], both);
                }
            }
            distance *= 4;
        }
        if distance < extent.size {
            for start in (0..extent.used).step_by(2 * distance) {
                let factor = tables(lanes, extent.factor(start, distance));
                for first in start..start + distance {
                    let (x, y) = shards.dist2_mut(extent.position + first, distance);
                    inverse_pair(lanes, [x, y], factor);
                }
            }
        }
    }
}

impl Task for Forward<'_, '_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self(shards, extent) = self;
        let mut distance = extent.size / 2;
        while distance > 1 {
            let half = distance / 2;
            for start in (0..extent.used).step_by(2 * distance) {
                let right_start = start + distance;
                let factors = [
                    extent.factor(start, distance),
                    extent.factor(start, half),
                    extent.factor(right_start, half),
                ];
                for first in start..start + half {
                    let (a, b, c, d) = shards.dist4_mut(extent.position + first, half);
                    let both = tables(lanes, factors[0]);
                    forward_pair(lanes, [a, c], both);
                    forward_pair(lanes, [b, d], both);
                    forward_pair(lanes, [a, b], tables(lanes, factors[1]));
                    if right_start < extent.used {
                        forward_pair(lanes, [c, d], tables(lanes, factors[2]));
                    }
                }
            }
            distance /= 4;
        }
        if distance == 1 {
            for start in (0..extent.used).step_by(2) {
                let (x, y) = shards.dist2_mut(extent.position + start, 1);
                forward_pair(lanes, [x, y], tables(lanes, extent.factor(start, 1)));
            }
        }
    }
}
