//! AVX2: `vpshufb` looks up 32 half bytes.

use super::lanes::{Lanes, Task};
use crate::multiplier::Multiplier;
use std::arch::x86_64::{
    __m256i, _mm_loadu_si128, _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_loadu_si256,
    _mm256_set1_epi8, _mm256_shuffle_epi8, _mm256_srli_epi64, _mm256_storeu_si256,
    _mm256_xor_si256,
};

/// The processor knows AVX2.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    pub(crate) fn detect() -> Option<Self> {
        std::arch::is_x86_feature_detected!("avx2").then_some(Self(()))
    }

    pub(crate) fn run(self, task: impl Task) {
        #[target_feature(enable = "avx2")]
        unsafe fn compiled(lanes: Avx2, task: impl Task) {
            task.run(lanes);
        }
        // SAFETY: a value of this type is made by `detect` alone.
        unsafe { compiled(self, task) }
    }
}

#[inline(always)]
fn table(bytes: &[u8; 16]) -> __m256i {
    // SAFETY: 16 bytes are read of 16, by a processor that knows AVX2, as who calls has an `Avx2`.
    unsafe { _mm256_broadcastsi128_si256(_mm_loadu_si128(bytes.as_ptr().cast())) }
}

impl Lanes for Avx2 {
    type Bytes = __m256i;
    type Tables = [[__m256i; 2]; 4];

    #[inline(always)]
    fn load(self, bytes: &[u8; 32]) -> __m256i {
        // SAFETY: 32 bytes are read of 32; the processor knows AVX2, as there is an `Avx2`.
        unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
    }

    #[inline(always)]
    fn store(self, bytes: __m256i, to: &mut [u8; 32]) {
        // SAFETY: 32 bytes are written to 32; the processor knows AVX2, as there is an `Avx2`.
        unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), bytes) }
    }

    #[inline(always)]
    fn xor(self, one: __m256i, other: __m256i) -> __m256i {
        // SAFETY: the processor knows AVX2, as there is an `Avx2`.
        unsafe { _mm256_xor_si256(one, other) }
    }

    #[inline(always)]
    fn tables(self, multiplier: &Multiplier) -> Self::Tables {
        let of = |half: usize| [table(&multiplier.low[half]), table(&multiplier.high[half])];
        [of(0), of(1), of(2), of(3)]
    }

    #[inline(always)]
    fn product(self, tables: Self::Tables, low: __m256i, high: __m256i) -> (__m256i, __m256i) {
        // SAFETY: the processor knows AVX2, as there is an `Avx2`.
        unsafe {
            let mask = _mm256_set1_epi8(15);
            let halves = [
                _mm256_and_si256(low, mask),
                _mm256_and_si256(_mm256_srli_epi64(low, 4), mask),
                _mm256_and_si256(high, mask),
                _mm256_and_si256(_mm256_srli_epi64(high, 4), mask),
            ];
            let of = |byte: usize| {
                let looked = |half: usize| _mm256_shuffle_epi8(tables[half][byte], halves[half]);
                let first = _mm256_xor_si256(looked(0), looked(1));
                _mm256_xor_si256(first, _mm256_xor_si256(looked(2), looked(3)))
            };
            (of(0), of(1))
        }
    }
}
