//! NEON: `tbl` looks up 16 half bytes.

use super::lanes::{Lanes, Task};
use crate::multiplier::Multiplier;
use std::arch::aarch64::{
    uint8x16_t, vandq_u8, vdupq_n_u8, veorq_u8, vld1q_u8, vqtbl1q_u8, vshrq_n_u8, vst1q_u8,
};

/// The processor knows NEON.
#[derive(Clone, Copy)]
pub(crate) struct Neon(());

impl Neon {
    pub(crate) fn detect() -> Option<Self> {
        std::arch::is_aarch64_feature_detected!("neon").then_some(Self(()))
    }

    pub(crate) fn run(self, task: impl Task) {
        #[target_feature(enable = "neon")]
        unsafe fn compiled(lanes: Neon, task: impl Task) {
            task.run(lanes);
        }
        // SAFETY: a value of this type is made by `detect` alone.
        unsafe { compiled(self, task) }
    }
}

impl Lanes for Neon {
    type Bytes = [uint8x16_t; 2];
    type Tables = [[uint8x16_t; 2]; 4];

    #[inline(always)]
    fn load(self, bytes: &[u8; 32]) -> [uint8x16_t; 2] {
        // SAFETY: twice 16 bytes are read of 32; the processor knows NEON, as there is a `Neon`.
        unsafe { [vld1q_u8(bytes.as_ptr()), vld1q_u8(bytes.as_ptr().add(16))] }
    }

    #[inline(always)]
    fn store(self, bytes: [uint8x16_t; 2], to: &mut [u8; 32]) {
        // SAFETY: twice 16 bytes are written to 32; the processor knows NEON, as there is a `Neon`.
        unsafe {
            vst1q_u8(to.as_mut_ptr(), bytes[0]);
            vst1q_u8(to.as_mut_ptr().add(16), bytes[1]);
        }
    }

    #[inline(always)]
    fn xor(self, one: [uint8x16_t; 2], other: [uint8x16_t; 2]) -> [uint8x16_t; 2] {
        // SAFETY: the processor knows NEON, as there is a `Neon`.
        unsafe { [veorq_u8(one[0], other[0]), veorq_u8(one[1], other[1])] }
    }

    #[inline(always)]
    fn tables(self, multiplier: &Multiplier) -> Self::Tables {
        // SAFETY: 16 bytes are read of 16; the processor knows NEON, as there is a `Neon`.
        let table = |bytes: &[u8; 16]| unsafe { vld1q_u8(bytes.as_ptr()) };
        let of = |half: usize| [table(&multiplier.low[half]), table(&multiplier.high[half])];
        [of(0), of(1), of(2), of(3)]
    }

    #[inline(always)]
    fn product(
        self,
        tables: Self::Tables,
        low: [uint8x16_t; 2],
        high: [uint8x16_t; 2],
    ) -> ([uint8x16_t; 2], [uint8x16_t; 2]) {
        let [first, second] = [0, 1].map(|part: usize| {
            // SAFETY: the processor knows NEON, as there is a `Neon`.
            unsafe {
                let mask = vdupq_n_u8(15);
                let halves = [
                    vandq_u8(low[part], mask),
                    vshrq_n_u8::<4>(low[part]),
                    vandq_u8(high[part], mask),
                    vshrq_n_u8::<4>(high[part]),
                ];
                let of = |byte: usize| {
                    let looked = |half: usize| vqtbl1q_u8(tables[half][byte], halves[half]);
                    let first = veorq_u8(looked(0), looked(1));
                    veorq_u8(first, veorq_u8(looked(2), looked(3)))
                };
                (of(0), of(1))
            }
        });
        ([first.0, second.0], [first.1, second.1])
    }
}
