//! SSSE3: `pshufb` looks up 16 half bytes.

use super::lanes::{Lanes, Task};
use crate::multiplier::Multiplier;
use std::arch::x86_64::{
    __m128i, _mm_and_si128, _mm_loadu_si128, _mm_set1_epi8, _mm_shuffle_epi8, _mm_srli_epi64,
    _mm_storeu_si128, _mm_xor_si128,
};

/// The processor knows SSSE3.
#[derive(Clone, Copy)]
pub(crate) struct Ssse3(());

impl Ssse3 {
    pub(crate) fn detect() -> Option<Self> {
        std::arch::is_x86_feature_detected!("ssse3").then_some(Self(()))
    }

    pub(crate) fn run(self, task: impl Task) {
        #[target_feature(enable = "ssse3")]
        unsafe fn compiled(lanes: Ssse3, task: impl Task) {
            task.run(lanes);
        }
        // SAFETY: a value of this type is made by `detect` alone.
        unsafe { compiled(self, task) }
    }
}

impl Lanes for Ssse3 {
    type Bytes = [__m128i; 2];
    type Tables = [[__m128i; 2]; 4];

    #[inline(always)]
    fn load(self, bytes: &[u8; 32]) -> [__m128i; 2] {
        let at = bytes.as_ptr().cast::<__m128i>();
        // SAFETY: twice 16 bytes are read of 32; the processor knows SSSE3, as there is an `Ssse3`.
        unsafe { [_mm_loadu_si128(at), _mm_loadu_si128(at.add(1))] }
    }

    #[inline(always)]
    fn store(self, bytes: [__m128i; 2], to: &mut [u8; 32]) {
        let at = to.as_mut_ptr().cast::<__m128i>();
        // SAFETY: twice 16 bytes are written to 32; the processor knows SSSE3, as there is an `Ssse3`.
        unsafe {
            _mm_storeu_si128(at, bytes[0]);
            _mm_storeu_si128(at.add(1), bytes[1]);
        }
    }

    #[inline(always)]
    fn xor(self, one: [__m128i; 2], other: [__m128i; 2]) -> [__m128i; 2] {
        // SAFETY: the processor knows SSSE3, as there is an `Ssse3`.
        unsafe { [_mm_xor_si128(one[0], other[0]), _mm_xor_si128(one[1], other[1])] }
    }

    #[inline(always)]
    fn tables(self, multiplier: &Multiplier) -> Self::Tables {
        // SAFETY: 16 bytes are read of 16; the processor knows SSSE3, as there is an `Ssse3`.
        let table = |bytes: &[u8; 16]| unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) };
        let of = |half: usize| [table(&multiplier.low[half]), table(&multiplier.high[half])];
        [of(0), of(1), of(2), of(3)]
    }

    #[inline(always)]
    fn product(
        self,
        tables: Self::Tables,
        low: [__m128i; 2],
        high: [__m128i; 2],
    ) -> ([__m128i; 2], [__m128i; 2]) {
        let [first, second] = [0, 1].map(|part: usize| {
            // SAFETY: the processor knows SSSE3, as there is an `Ssse3`.
            unsafe {
                let mask = _mm_set1_epi8(15);
                let halves = [
                    _mm_and_si128(low[part], mask),
                    _mm_and_si128(_mm_srli_epi64(low[part], 4), mask),
                    _mm_and_si128(high[part], mask),
                    _mm_and_si128(_mm_srli_epi64(high[part], 4), mask),
                ];
                let of = |byte: usize| {
                    let looked = |half: usize| _mm_shuffle_epi8(tables[half][byte], halves[half]);
                    let first = _mm_xor_si128(looked(0), looked(1));
                    _mm_xor_si128(first, _mm_xor_si128(looked(2), looked(3)))
                };
                (of(0), of(1))
            }
        });
        ([first.0, second.0], [first.1, second.1])
    }
}
