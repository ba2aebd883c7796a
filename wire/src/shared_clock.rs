//! What is known of a source's wall clock by who hands its packets on: how far another clock, which several sources are
//! compared with, is ahead of it. Said in a private item of RTCP and in an attribute of the description, in the same words.

use core::fmt;

/// A source's wall clock against one that several sources share: `CLOCK NANOSECONDS`, the clock in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedClock {
    /// Which clock it is: the same number, the same clock.
    pub clock: u64,
    /// Nanoseconds by which that clock is ahead of the source's.
    pub ahead: i64,
}

impl SharedClock {
    /// Reads one; whatever follows is passed over. `None` if it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::take(&mut text.split_ascii_whitespace())
    }

    /// The same, from the next words of a text.
    pub(crate) fn take<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        let clock = u64::from_str_radix(words.next()?, 16).ok()?;
        Some(Self { clock, ahead: words.next()?.parse().ok()? })
    }
}

impl fmt::Display for SharedClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x} {}", self.clock, self.ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    extern crate std;
    use proptest::prelude::*;
    use std::string::ToString;

    #[test]
    fn it_is_these_words() {
        let told = SharedClock { clock: 0x1F, ahead: -500_000_000 };
        assert_eq!(told.to_string(), "000000000000001f -500000000");
        assert_eq!(SharedClock::parse(" 1F  -500000000 more"), Some(told));
        for wrong in ["", "1f", "1g 5", "1f 5.5", "1f 9223372036854775808", "10000000000000000 1"] {
            assert_eq!(SharedClock::parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn it_comes_back(clock: u64, ahead: i64) {
            let told = SharedClock { clock, ahead };
            prop_assert_eq!(SharedClock::parse(&told.to_string()), Some(told));
        }

        #[test]
        fn no_text_panics(text: std::string::String) {
            let _ = SharedClock::parse(&text);
        }
    }
}
