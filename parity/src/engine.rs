//! The transforms for the crate's decoder, which restores blocks of which much is lost.

use crate::multiplier::Multiplier;
use crate::simd;
use crate::transform::{Extent, forward, inverse};
use reed_solomon_simd::engine::{Engine, ShardsRefMut};

/// Transforms and products by the tables of this crate.
#[derive(Clone, Copy, Default)]
pub(crate) struct StripEngine;

impl Engine for StripEngine {
    fn fft(
        &self,
        data: &mut ShardsRefMut<'_>,
        position: usize,
        size: usize,
        used: usize,
        coset: usize,
    ) {
        forward(data, Extent { position, size, used, coset });
    }

    fn ifft(
        &self,
        data: &mut ShardsRefMut<'_>,
        position: usize,
        size: usize,
        used: usize,
        coset: usize,
    ) {
        inverse(data, Extent { position, size, used, coset });
    }

    fn mul(&self, x: &mut [[u8; 64]], log_factor: u16) {
        simd::multiply(x, &Multiplier::of_log(log_factor));
    }
}
