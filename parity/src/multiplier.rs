//! Multipliers of the field, as tables that vector instructions look up: the products of each half byte
//! of a symbol.

use reed_solomon_simd::engine::tables::{get_exp_log, get_skew};
use std::sync::OnceLock;

/// Order of the field's multiplicative group: logarithms are counted modulo this.
pub(crate) const MODULUS: u16 = u16::MAX;

/// A factor: for each of the four half bytes of a symbol, lowest first, the low and the high byte of its
/// 16 products.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub(crate) struct Multiplier {
    pub(crate) low: [[u8; 16]; 4],
    pub(crate) high: [[u8; 16]; 4],
}

impl Multiplier {
    /// Whether it is the factor 0, as the product of 1 tells.
    #[inline(always)]
    pub(crate) const fn is_zero(&self) -> bool {
        self.low[0][1] == 0 && self.high[0][1] == 0
    }

    /// The factor with this logarithm.
    pub(crate) fn of_log(log_factor: u16) -> Self {
        let mut table = Self::default();
        for half in 0..4 {
            // A product is the sum of those of its bits.
            let bits = [0, 1, 2, 3].map(|bit| product(1 << (4 * half + bit), log_factor));
            for (value, (low, high)) in
                table.low[half].iter_mut().zip(&mut table.high[half]).enumerate()
            {
                let of = |bit: usize| if value >> bit & 1 == 1 { bits[bit] } else { 0 };
                [*low, *high] = (of(0) ^ of(1) ^ of(2) ^ of(3)).to_le_bytes();
            }
        }
        table
    }
}

/// The logarithm of an element other than 0; of 0 it is 0, which leaves a product of factors as it is.
pub(crate) fn log(element: u16) -> u16 {
    if element == 0 { 0 } else { get_exp_log().log[usize::from(element)] }
}

/// The sum of two logarithms.
pub(crate) const fn add(one: u16, other: u16) -> u16 {
    match one.checked_add(other) {
        Some(sum) => sum,
        // 65,536 is 1 modulo 65,535.
        None => one.wrapping_add(other).wrapping_add(1),
    }
}

/// The difference of two logarithms.
pub(crate) const fn subtract(one: u16, other: u16) -> u16 {
    add(one, MODULUS - other)
}

fn product(element: u16, log_factor: u16) -> u16 {
    if element == 0 {
        return 0;
    }
    get_exp_log().exp[usize::from(add(log(element), log_factor))]
}

/// Multipliers by an index, made when they are first needed, [`PAGE`] at a time.
pub(crate) struct Multipliers {
    pages: [OnceLock<Box<[Multiplier; PAGE]>>; PAGES],
    make: fn(usize) -> Multiplier,
}

/// 16 kB: a picture of 172 packets with 39 for repair has its factors in two.
const PAGE: usize = 128;

/// The transforms of the largest block, with [`SHARDS_MAX`](crate::block::Shape::SHARDS_MAX) shards of either kind, have no
/// more: 1 MB, of which there are pages only where a block of that size came.
const PAGES: usize = 2 * crate::block::Shape::SHARDS_MAX / PAGE;

impl Multipliers {
    const fn new(make: fn(usize) -> Multiplier) -> Self {
        Self { pages: [const { OnceLock::new() }; PAGES], make }
    }

    /// The multiplier at an index below 8192.
    #[inline(always)]
    pub(crate) fn at(&self, index: usize) -> &Multiplier {
        let page = match self.pages[index / PAGE].get() {
            Some(page) => page,
            None => self.make_page(index / PAGE),
        };
        &page[index % PAGE]
    }

    #[cold]
    fn make_page(&self, number: usize) -> &[Multiplier; PAGE] {
        self.pages[number].get_or_init(|| {
            let mut page = Box::new([Multiplier::default(); PAGE]);
            for (offset, multiplier) in page.iter_mut().enumerate() {
                *multiplier = (self.make)(number * PAGE + offset);
            }
            page
        })
    }
}

/// The factors of the butterflies of a transform ([`transform`](crate::transform)).
pub(crate) static SKEWS: Multipliers = Multipliers::new(|index| match get_skew().get(index) {
    // The logarithm of 0, as the crate writes it.
    None | Some(&MODULUS) => Multiplier::default(),
    Some(log_factor) => Multiplier::of_log(*log_factor),
});

/// What a distance of two points is divided by: the inverses of the elements.
pub(crate) static INVERSES: Multipliers = Multipliers::new(|element| {
    Multiplier::of_log(MODULUS - log(u16::try_from(element).unwrap_or(0)))
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_wrap_at_65535() {
        assert_eq!((add(65_534, 1), add(65_535, 1), add(65_535, 65_535)), (65_535, 1, 65_535));
        assert_eq!((subtract(5, 7), subtract(7, 5)), (65_533, 2));
    }

    #[test]
    fn a_table_multiplies_as_the_field_does() {
        for factor in [1, 2, 0x1234, 0xffff] {
            let table = Multiplier::of_log(log(factor));
            for element in (0..=u16::MAX).step_by(7) {
                let halves = [0, 4, 8, 12].map(|shift| usize::from(element >> shift & 15));
                let sum = |bytes: &[[u8; 16]; 4]| {
                    halves.iter().zip(bytes).fold(0, |sum, (half, bytes)| sum ^ bytes[*half])
                };
                let found = u16::from_le_bytes([sum(&table.low), sum(&table.high)]);
                assert_eq!(found, product(element, log(factor)), "{element} times {factor}");
            }
        }
    }
}
