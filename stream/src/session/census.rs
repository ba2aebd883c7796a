//! How many receivers there are, counted in a fixed space: linear counting (Whang, Vander-Zanden and
//! Taylor 1990) on their addresses, which are harder to come by than SSRCs. Exact enough to pace them by,
//! for a hundred thousand of them.

use core::net::IpAddr;

/// Bits of the map: 8 kB, for 100,000 receivers within a few per cent.
const BITS: usize = 1 << 16;

/// Receivers that reported in this period and in the one before.
#[derive(Debug)]
pub struct Census {
    periods: [Box<[u64; BITS / 64]>; 2],
}

impl Default for Census {
    fn default() -> Self {
        Self { periods: [Box::new([0; BITS / 64]), Box::new([0; BITS / 64])] }
    }
}

impl Census {
    /// A receiver has reported.
    pub fn count(&mut self, address: IpAddr) {
        let number = match address {
            IpAddr::V4(address) => u64::from(u32::from(address)),
            IpAddr::V6(address) => {
                let [_, _, _, _, a, b, c, d] = address.segments().map(u64::from);
                a << 48 | b << 32 | c << 16 | d
            }
        };
        // The finalizer of splitmix64: neighbours differ in few bits.
        let mut spread = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
        spread = (spread ^ spread >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        spread = (spread ^ spread >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        let bit = usize::try_from(spread >> 48).unwrap_or(0) % BITS;
        self.periods[0][bit / 64] |= 1 << (bit % 64);
    }

    /// A new period begins: who does not report in it is forgotten at its end.
    pub fn turn(&mut self) {
        self.periods.swap(0, 1);
        self.periods[0].fill(0);
    }

    /// About how many there are.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "an estimate of some thousands"
    )]
    pub fn estimate(&self) -> usize {
        let [now, before] = &self.periods;
        let set = |(now, before): (&u64, &u64)| (now | before).count_ones() as usize;
        let empty = BITS - now.iter().zip(before.iter()).map(set).sum::<usize>();
        (BITS as f64 * (BITS as f64 / empty.max(1) as f64).ln()).round() as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv4Addr;

    #[test]
    fn thousands_are_counted_within_a_few_per_cent_and_forgotten() {
        let mut census = Census::default();
        assert_eq!(census.estimate(), 0);
        for (addresses, expected) in [(0..3, 3..=3), (0..10_000, 9_700..=10_300)] {
            addresses.clone().chain(addresses).for_each(|address: u32| {
                census.count(Ipv4Addr::from(0x0A00_0000 + address).into());
            });
            assert!(expected.contains(&census.estimate()), "{}", census.estimate());
        }
        census.turn();
        assert!(census.estimate() > 9_000);
        census.turn();
        assert_eq!(census.estimate(), 0);
    }
}
