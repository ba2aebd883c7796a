//! Which packets of a source have come: none is taken twice (RFC 3711 section 3.3.2).

/// Words of 64 packets behind the newest that are still taken: as many as a stream may be reordered by before it is
/// wrong, which is 0.8 s of 1080p30. The RFC has one word at least, which is 12 ms of that.
pub(crate) const PACKET_WORDS: usize = 64;

/// The same of reports, which come once a second.
pub(crate) const REPORT_WORDS: usize = 1;

/// The packets of a source that have come.
#[derive(Clone, Debug)]
pub(crate) struct Window<const WORDS: usize> {
    highest: u64,
    /// Bit `index % LEN` of each index in the window.
    come: [u64; WORDS],
}

impl<const WORDS: usize> Window<WORDS> {
    /// Packets that it knows of.
    pub(crate) const LEN: u64 = 64 * WORDS as u64;

    /// The first packet has come.
    pub(crate) fn new(index: u64) -> Self {
        let mut it = Self::behind(index);
        it.mark(index);
        it
    }

    /// Nothing has come, and what comes is about this index.
    pub(crate) const fn behind(index: u64) -> Self {
        Self { highest: index, come: [0; WORDS] }
    }

    /// The highest index so far.
    pub(crate) const fn highest(&self) -> u64 {
        self.highest
    }

    /// Whether a packet is not to be taken: it has come, or is too old to be known.
    pub(crate) fn has(&self, index: u64) -> bool {
        index + Self::LEN <= self.highest || index <= self.highest && self.bit(index)
    }

    /// A packet has come.
    pub(crate) fn mark(&mut self, index: u64) {
        if index > self.highest {
            let new = (index - self.highest).min(Self::LEN);
            for it in index - new + 1..=index {
                self.come[Self::word(it)] &= !(1 << (it % 64));
            }
            self.highest = index;
        }
        self.come[Self::word(index)] |= 1 << (index % 64);
    }

    fn bit(&self, index: u64) -> bool {
        self.come[Self::word(index)] >> (index % 64) & 1 != 0
    }

    const fn word(index: u64) -> usize {
        (index / 64 % WORDS as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    type Window = super::Window<PACKET_WORDS>;
    const WINDOW: u64 = Window::LEN;

    #[test]
    fn what_is_too_old_counts_as_come() {
        let mut window = Window::new(10_000);
        assert!(window.has(10_000) && !window.has(10_001) && !window.has(10_001 - WINDOW));
        assert!(window.has(10_000 - WINDOW));
        window.mark(90_000);
        assert!(!window.has(90_000 - WINDOW + 1) && window.has(90_000 - WINDOW));
    }

    proptest! {
        #[test]
        fn each_is_taken_once(steps in prop::collection::vec(0_u64..9000, 1..200)) {
            let mut window = Window::new(20_000);
            let mut come = BTreeSet::from([20_000]);
            for step in steps {
                let index = window.highest() + 4500 - step;
                let old = index + WINDOW <= window.highest();
                prop_assert_eq!(window.has(index), old || come.contains(&index));
                if !window.has(index) {
                    window.mark(index);
                    come.insert(index);
                }
            }
        }
    }
}
