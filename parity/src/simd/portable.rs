//! One byte after the other: for processors without instructions that look bytes up.

use super::lanes::Lanes;
use crate::multiplier::Multiplier;

#[derive(Clone, Copy)]
pub(crate) struct Portable;

impl Lanes for Portable {
    type Bytes = [u8; 32];
    type Tables = Multiplier;

    #[inline(always)]
    fn load(self, bytes: &[u8; 32]) -> [u8; 32] {
        *bytes
    }

    #[inline(always)]
    fn store(self, bytes: [u8; 32], to: &mut [u8; 32]) {
        *to = bytes;
    }

    #[inline(always)]
    fn xor(self, mut one: [u8; 32], other: [u8; 32]) -> [u8; 32] {
        one.iter_mut().zip(other).for_each(|(one, other)| *one ^= other);
        one
    }

    #[inline(always)]
    fn tables(self, multiplier: &Multiplier) -> Multiplier {
        *multiplier
    }

    // Once each in the program: they are large where they are unrolled, and hardly any processor needs them.
    #[inline(never)]
    fn forward(self, x: &mut [[u8; 64]], y: &mut [[u8; 64]], tables: Multiplier) {
        x.iter_mut().zip(y).for_each(|(x, y)| self.forward_chunk(x, y, tables));
    }

    #[inline(never)]
    fn inverse(self, x: &mut [[u8; 64]], y: &mut [[u8; 64]], tables: Multiplier) {
        x.iter_mut().zip(y).for_each(|(x, y)| self.inverse_chunk(x, y, tables));
    }

    #[inline(never)]
    fn product(self, tables: Multiplier, low: [u8; 32], high: [u8; 32]) -> ([u8; 32], [u8; 32]) {
        let (mut low_out, mut high_out) = ([0; 32], [0; 32]);
        for index in 0..32 {
            let (low, high) = (usize::from(low[index]), usize::from(high[index]));
            let halves = [low & 15, low >> 4, high & 15, high >> 4];
            for (half, (low, high)) in halves.into_iter().zip(tables.low.iter().zip(&tables.high)) {
                low_out[index] ^= low[half];
                high_out[index] ^= high[half];
            }
        }
        (low_out, high_out)
    }
}
