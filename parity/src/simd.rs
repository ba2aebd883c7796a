//! What is done with bytes, 32 at a time, by the vector instructions that the processor has.
//!
//! Work is handed over as a [`Task`], which is compiled for each set of instructions as a whole, so that
//! nothing between two products is left to a call.
#![expect(unsafe_code, reason = "vector instructions are chosen at run time")]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(target_arch = "x86_64")]
mod ssse3;

use crate::multiplier::Multiplier;

/// A set of vector instructions. Who has a value of the type has a processor that knows them.
pub(crate) trait Lanes: Copy {
    /// 32 bytes.
    type Bytes: Copy;
    /// A multiplier, where products are looked up.
    type Tables: Copy;

    fn load(self, bytes: &[u8; 32]) -> Self::Bytes;
    fn store(self, bytes: Self::Bytes, to: &mut [u8; 32]);
    fn xor(self, one: Self::Bytes, other: Self::Bytes) -> Self::Bytes;
    fn tables(self, multiplier: &Multiplier) -> Self::Tables;
    /// The products of 32 symbols, given as their low and their high bytes.
    fn product(
        self,
        tables: Self::Tables,
        low: Self::Bytes,
        high: Self::Bytes,
    ) -> (Self::Bytes, Self::Bytes);

    /// Adds the shard `y` to `x`.
    #[inline(always)]
    fn add(self, x: &mut [[u8; 64]], y: &[[u8; 64]]) {
        for (x, y) in x.iter_mut().zip(y) {
            let (x, y) = (halves_mut(x), halves(y));
            self.store(self.xor(self.load(x.0), self.load(y.0)), x.0);
            self.store(self.xor(self.load(x.1), self.load(y.1)), x.1);
        }
    }

    /// Multiplies the shard `x`.
    #[inline(always)]
    fn multiply(self, x: &mut [[u8; 64]], tables: Self::Tables) {
        for x in x {
            let x = halves_mut(x);
            let (low, high) = self.product(tables, self.load(x.0), self.load(x.1));
            self.store(low, x.0);
            self.store(high, x.1);
        }
    }

    /// Adds the product of the shard `y` to `x`.
    #[inline(always)]
    fn add_product(self, x: &mut [[u8; 64]], y: &[[u8; 64]], tables: Self::Tables) {
        for (x, y) in x.iter_mut().zip(y) {
            let (x, y) = (halves_mut(x), halves(y));
            let (low, high) = self.product(tables, self.load(y.0), self.load(y.1));
            self.store(self.xor(self.load(x.0), low), x.0);
            self.store(self.xor(self.load(x.1), high), x.1);
        }
    }

    /// Adds the product of the shard `y` to `x`, and then `x` to `y`.
    #[inline(always)]
    fn forward(self, x: &mut [[u8; 64]], y: &mut [[u8; 64]], tables: Self::Tables) {
        for (x, y) in x.iter_mut().zip(y) {
            let (x, y) = (halves_mut(x), halves_mut(y));
            let (y_low, y_high) = (self.load(y.0), self.load(y.1));
            let (low, high) = self.product(tables, y_low, y_high);
            let (low, high) = (self.xor(self.load(x.0), low), self.xor(self.load(x.1), high));
            self.store(low, x.0);
            self.store(high, x.1);
            self.store(self.xor(y_low, low), y.0);
            self.store(self.xor(y_high, high), y.1);
        }
    }

    /// Adds the shard `x` to `y`, and then the product of `y` to `x`.
    #[inline(always)]
    fn inverse(self, x: &mut [[u8; 64]], y: &mut [[u8; 64]], tables: Self::Tables) {
        for (x, y) in x.iter_mut().zip(y) {
            let (x, y) = (halves_mut(x), halves_mut(y));
            let (x_low, x_high) = (self.load(x.0), self.load(x.1));
            let (y_low, y_high) = (self.xor(self.load(y.0), x_low), self.xor(self.load(y.1), x_high));
            let (low, high) = self.product(tables, y_low, y_high);
            self.store(y_low, y.0);
            self.store(y_high, y.1);
            self.store(self.xor(x_low, low), x.0);
            self.store(self.xor(x_high, high), x.1);
        }
    }
}

/// The low and the high bytes of 32 symbols.
#[inline(always)]
fn halves(symbols: &[u8; 64]) -> (&[u8; 32], &[u8; 32]) {
    let (low, high) = symbols.split_at(32);
    match (low.try_into(), high.try_into()) {
        (Ok(low), Ok(high)) => (low, high),
        _ => (&[0; 32], &[0; 32]),
    }
}

/// The same, to be written to.
#[inline(always)]
fn halves_mut(symbols: &mut [u8; 64]) -> (&mut [u8; 32], &mut [u8; 32]) {
    // SAFETY: two arrays of 32 bytes lie one behind the other where one of 64 does, with the same alignment.
    let [low, high] = unsafe { &mut *std::ptr::from_mut(symbols).cast::<[[u8; 32]; 2]>() };
    (low, high)
}

/// Work on shards.
pub(crate) trait Task {
    /// Does it. The method is to be inlined always: it is compiled for one set of instructions then.
    fn run<L: Lanes>(self, lanes: L);
}

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
            let shard = |first: usize| [0, 64].map(|chunk: usize| std::array::from_fn(|at| byte(first + chunk + at)));
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
