//! The additive Fourier transform of Lin, Chung and Han ("Novel Polynomial Basis and Its Application to
//! Reed-Solomon Erasure Codes", 2014), as Leopard and `reed-solomon-simd` number its points: the element
//! `i` is the point of the shard `i`.

use crate::multiplier::{Multiplier, SKEWS};
use crate::simd::Lanes;

/// Shards, of which the transforms take pairs.
pub(crate) trait Pairs {
    /// The shards at `first` and at `second`, which is greater.
    fn pair(&mut self, first: usize, second: usize) -> (&mut [[u8; 64]], &mut [[u8; 64]]);
}

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

/// From values at the points to coefficients.
#[inline(always)]
pub(crate) fn inverse<L: Lanes>(lanes: L, shards: &mut impl Pairs, extent: Extent) {
    let mut distance = 1;
    while distance < extent.size {
        for (start, factor) in extent.groups(distance) {
            let tables = (!factor.is_zero()).then(|| lanes.tables(factor));
            for first in start..start + distance {
                let (x, y) = shards.pair(first, first + distance);
                match tables {
                    Some(tables) => lanes.inverse(x, y, tables),
                    None => lanes.add(y, x),
                }
            }
        }
        distance *= 2;
    }
}

/// From coefficients to values at the points.
#[inline(always)]
pub(crate) fn forward<L: Lanes>(lanes: L, shards: &mut impl Pairs, extent: Extent) {
    let mut distance = extent.size / 2;
    while distance > 0 {
        for (start, factor) in extent.groups(distance) {
            let tables = (!factor.is_zero()).then(|| lanes.tables(factor));
            for first in start..start + distance {
                let (x, y) = shards.pair(first, first + distance);
                match tables {
                    Some(tables) => lanes.forward(x, y, tables),
                    None => lanes.add(y, x),
                }
            }
        }
        distance /= 2;
    }
}
