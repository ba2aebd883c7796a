//! What is done with bytes, 32 at a time, by the vector instructions that the processor has.
//!
//! Work is handed over as a [`Task`], which is compiled for each set of instructions as a whole, so that
//! nothing between two products is left to a call.
#![expect(unsafe_code, reason = "vector instructions are chosen at run time")]

#[cfg(target_arch = "x86_64")]
mod avx2;
mod lanes;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(target_arch = "x86_64")]
mod ssse3;

pub(crate) use lanes::{Lanes, Task};

use crate::multiplier::Multiplier;

/// Does a task by the best instructions that there are.
pub(crate) fn run(task: impl Task) {
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(lanes) = avx2::Avx2::detect() {
            return lanes.run(task);
        }
        if let Some(lanes) = ssse3::Ssse3::detect() {
            return lanes.run(task);
        }
    }
    #[cfg(target_arch = "aarch64")]
    if let Some(lanes) = neon::Neon::detect() {
        return lanes.run(task);
    }
    task.run(portable::Portable);
}

struct Add<'a>(&'a mut [[u8; 64]], &'a [[u8; 64]]);

impl Task for Add<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        lanes.add(self.0, self.1);
    }
}

struct Multiply<'a>(&'a mut [[u8; 64]], &'a Multiplier);

impl Task for Multiply<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        lanes.multiply(self.0, lanes.tables(self.1));
    }
}

struct AddProduct<'a>(&'a mut [[u8; 64]], &'a [[u8; 64]], &'a Multiplier);

impl Task for AddProduct<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        lanes.add_product(self.0, self.1, lanes.tables(self.2));
    }
}

/// Adds the shards `y` to `x`.
pub(crate) fn add(x: &mut [[u8; 64]], y: &[[u8; 64]]) {
    run(Add(x, y));
}

/// Multiplies the shard `x`.
pub(crate) fn multiply(x: &mut [[u8; 64]], factor: &Multiplier) {
    run(Multiply(x, factor));
}

/// Adds the product of the shard `y` to `x`.
pub(crate) fn add_product(x: &mut [[u8; 64]], y: &[[u8; 64]], factor: &Multiplier) {
    run(AddProduct(x, y, factor));
}

#[cfg(test)]
mod tests {
    use super::portable::Portable;
    use super::*;
    use crate::multiplier::log;

    /// All that is done with shards, on the same two.
    struct All<'a>(&'a mut Vec<[[u8; 64]; 2]>);

    impl Task for All<'_> {
        #[inline(always)]
        fn run<L: Lanes>(self, lanes: L) {
            let byte = |at: usize| u8::try_from(at * at * 7 % 251).unwrap();
            let shard = |first: usize| {
                [0, 64].map(|chunk: usize| std::array::from_fn(|at| byte(first + chunk + at)))
            };
            for factor in [1, 2, 0x1234, 0xffff] {
                let factor = lanes.tables(&Multiplier::of_log(log(factor)));
                let (mut x, mut y) = (shard(1), shard(200));
                lanes.add(&mut x, &y);
                self.0.push(x);
                lanes.multiply(&mut x, factor);
                self.0.push(x);
                lanes.add_product(&mut y, &x, factor);
                self.0.push(y);
                lanes.forward(&mut x, &mut y, factor);
                self.0.extend([x, y]);
                lanes.inverse(&mut x, &mut y, factor);
                self.0.extend([x, y]);
            }
        }
    }

    #[test]
    fn all_instructions_do_the_same() {
        let (mut wanted, mut best) = (Vec::new(), Vec::new());
        All(&mut wanted).run(Portable);
        run(All(&mut best));
        assert!(best == wanted);
        #[cfg(target_arch = "x86_64")]
        if let Some(lanes) = ssse3::Ssse3::detect() {
            let mut found = Vec::new();
            lanes.run(All(&mut found));
            assert!(found == wanted, "SSSE3");
        }
        // Forth and back, and what was added is added again.
        assert!(wanted[5] == wanted[1] && wanted[6] == wanted[2]);
    }
}
