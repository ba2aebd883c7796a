//! The transforms for the crate's decoder, which restores blocks of which much is lost.

use crate::multiplier::Multiplier;
use crate::simd::{self, Lanes, Task};
use crate::transform::{Extent, Pairs, forward, inverse};
use reed_solomon_simd::engine::{Engine, GF_ORDER, ShardsRefMut, utils};

/// Transforms and products by the tables of this crate.
#[derive(Clone, Copy, Default)]
pub(crate) struct StripEngine;

struct Transform<'a, 'data> {
    data: &'a mut ShardsRefMut<'data>,
    extent: Extent,
    inverse: bool,
}

impl Task for Transform<'_, '_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        if self.inverse {
            inverse(lanes, self.data, self.extent);
        } else {
            forward(lanes, self.data, self.extent);
        }
    }
}

struct Multiply<'a>(&'a mut [[u8; 64]], Multiplier);

impl Task for Multiply<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        lanes.multiply(self.0, lanes.tables(&self.1));
    }
}

struct Locate<'a>(&'a mut [u16; GF_ORDER], usize);

impl Task for Locate<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        utils::eval_poly(self.0, self.1);
    }
}

impl Pairs for ShardsRefMut<'_> {
    #[inline(always)]
    fn pair(&mut self, first: usize, second: usize) -> (&mut [[u8; 64]], &mut [[u8; 64]]) {
        self.dist2_mut(first, second - first)
    }
}

impl Engine for StripEngine {
    fn fft(
        &self,
        data: &mut ShardsRefMut<'_>,
        position: usize,
        size: usize,
        used: usize,
        coset: usize,
    ) {
        let extent = Extent { position, size, used, coset };
        simd::run(Transform { data, extent, inverse: false });
    }

    fn ifft(
        &self,
        data: &mut ShardsRefMut<'_>,
        position: usize,
        size: usize,
        used: usize,
        coset: usize,
    ) {
        let extent = Extent { position, size, used, coset };
        simd::run(Transform { data, extent, inverse: true });
    }

    fn mul(&self, x: &mut [[u8; 64]], log_factor: u16) {
        simd::run(Multiply(x, Multiplier::of_log(log_factor)));
    }

    fn eval_poly(erasures: &mut [u16; GF_ORDER], used: usize) {
        simd::run(Locate(erasures, used));
    }
}
