//! What is done with shards, whatever the instructions.

use crate::multiplier::Multiplier;

/// A set of vector instructions. A value exists only if the processor knows them: soundness rests on that.
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
        // Two at a time: the loop itself is a tenth of the instructions otherwise.
        let (mut xs, mut ys) = (x.chunks_exact_mut(2), y.chunks_exact_mut(2));
        for (x, y) in xs.by_ref().zip(ys.by_ref()) {
            if let ([x0, x1], [y0, y1]) = (x, y) {
                self.forward_chunk(x0, y0, tables);
                self.forward_chunk(x1, y1, tables);
            }
        }
        for (x, y) in xs.into_remainder().iter_mut().zip(ys.into_remainder()) {
            self.forward_chunk(x, y, tables);
        }
    }

    #[inline(always)]
    fn forward_chunk(self, x: &mut [u8; 64], y: &mut [u8; 64], tables: Self::Tables) {
        let (x, y) = (halves_mut(x), halves_mut(y));
        let (y_low, y_high) = (self.load(y.0), self.load(y.1));
        let (low, high) = self.product(tables, y_low, y_high);
        let (low, high) = (self.xor(self.load(x.0), low), self.xor(self.load(x.1), high));
        self.store(low, x.0);
        self.store(high, x.1);
        self.store(self.xor(y_low, low), y.0);
        self.store(self.xor(y_high, high), y.1);
    }

    /// Adds the shard `x` to `y`, and then the product of `y` to `x`.
    #[inline(always)]
    fn inverse(self, x: &mut [[u8; 64]], y: &mut [[u8; 64]], tables: Self::Tables) {
        // Two at a time: the loop itself is a tenth of the instructions otherwise.
        let (mut xs, mut ys) = (x.chunks_exact_mut(2), y.chunks_exact_mut(2));
        for (x, y) in xs.by_ref().zip(ys.by_ref()) {
            if let ([x0, x1], [y0, y1]) = (x, y) {
                self.inverse_chunk(x0, y0, tables);
                self.inverse_chunk(x1, y1, tables);
            }
        }
        for (x, y) in xs.into_remainder().iter_mut().zip(ys.into_remainder()) {
            self.inverse_chunk(x, y, tables);
        }
    }

    #[inline(always)]
    fn inverse_chunk(self, x: &mut [u8; 64], y: &mut [u8; 64], tables: Self::Tables) {
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

/// The low and the high bytes of 32 symbols.
#[inline(always)]
fn halves(symbols: &[u8; 64]) -> (&[u8; 32], &[u8; 32]) {
    // SAFETY: two arrays of 32 bytes lie one behind the other where one of 64 does, with the same alignment.
    let [low, high] = unsafe { &*std::ptr::from_ref(symbols).cast::<[[u8; 32]; 2]>() };
    (low, high)
}

/// The same, to be written to.
#[inline(always)]
fn halves_mut(symbols: &mut [u8; 64]) -> (&mut [u8; 32], &mut [u8; 32]) {
    // SAFETY: as in `halves`; the borrow is exclusive.
    let [low, high] = unsafe { &mut *std::ptr::from_mut(symbols).cast::<[[u8; 32]; 2]>() };
    (low, high)
}

/// Work on shards.
pub(crate) trait Task {
    /// Does it. The method is to be inlined always: it is compiled for one set of instructions then.
    fn run<L: Lanes>(self, lanes: L);
}
