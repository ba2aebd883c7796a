//! The additive Fourier transform of Lin, Chung and Han ("Novel Polynomial Basis and Its Application to
//! Reed-Solomon Erasure Codes", 2014), as Leopard and `reed-solomon-simd` number its points: the element
//! `i` is the point of the shard `i`.

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
    /// The pairs of a layer: where each half begins, and the factor.
    #[inline(always)]
    fn groups(self, distance: usize) -> impl Iterator<Item = (usize, &'static Multiplier)> {
        let starts = (0..self.used).step_by(2 * distance);
        starts
            .map(move |start| (self.position + start, SKEWS.at(start + distance + self.coset - 1)))
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

impl Task for Inverse<'_, '_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self(shards, extent) = self;
        let mut distance = 1;
        while distance < extent.size {
            for (start, factor) in extent.groups(distance) {
                let tables = (!factor.is_zero()).then(|| lanes.tables(factor));
                for first in start..start + distance {
                    let (x, y) = shards.dist2_mut(first, distance);
                    match tables {
                        Some(tables) => lanes.inverse(x, y, tables),
                        None => lanes.add(y, x),
                    }
                }
            }
            distance *= 2;
        }
    }
}

impl Task for Forward<'_, '_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self(shards, extent) = self;
        let mut distance = extent.size / 2;
        while distance > 0 {
            for (start, factor) in extent.groups(distance) {
                let tables = (!factor.is_zero()).then(|| lanes.tables(factor));
                for first in start..start + distance {
                    let (x, y) = shards.dist2_mut(first, distance);
                    match tables {
                        Some(tables) => lanes.forward(x, y, tables),
                        None => lanes.add(y, x),
                    }
                }
            }
            distance /= 2;
        }
    }
}
