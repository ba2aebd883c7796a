//! Wall-clock time as RTP carries it: the NTP timestamp format (RFC 3550 section 4, RFC 5905
//! section 6).

/// Seconds since 1900 in the upper 32 bits, their fraction in the lower ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NtpTime(pub u64);

/// Seconds from 1900 to 1970: 70 years with 17 leap days.
const UNIX_EPOCH_SECONDS: i64 = 2_208_988_800;

/// Seconds of an NTP era.
const ERA_SECONDS: i64 = 1 << 32;

impl NtpTime {
    /// The time so many nanoseconds after 1970. Eras follow each other unsaid.
    #[must_use]
    pub const fn from_unix_nanos(nanos: i64) -> Self {
        let seconds = nanos.div_euclid(1_000_000_000);
        let below = nanos.rem_euclid(1_000_000_000).unsigned_abs();
        // Rounded up, so that reading it back truncates to the same nanosecond.
        let fraction = (below << 32).div_ceil(1_000_000_000);
        let seconds = (seconds + UNIX_EPOCH_SECONDS).rem_euclid(ERA_SECONDS).unsigned_abs();
        Self((seconds << 32) + fraction)
    }

    /// Nanoseconds since 1970, taken to lie between 1968 and 2104 (the upper bit tells the era, as
    /// RFC 4330 section 3 proposes).
    #[must_use]
    #[expect(clippy::cast_possible_wrap, reason = "both are below 2^32")]
    pub const fn unix_nanos(self) -> i64 {
        let seconds = (self.0 >> 32) as i64;
        let era = if seconds < ERA_SECONDS / 2 { ERA_SECONDS } else { 0 };
        let below = ((self.0 & 0xFFFF_FFFF) * 1_000_000_000) >> 32;
        (seconds + era - UNIX_EPOCH_SECONDS) * 1_000_000_000 + below as i64
    }

    /// The middle 32 bits: what report blocks name a sender report by (section 6.4.1).
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "that is what the middle is")]
    pub const fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }

    /// Nanoseconds from `earlier` to this time.
    #[must_use]
    pub const fn nanos_since(self, earlier: Self) -> i64 {
        self.unix_nanos() - earlier.unix_nanos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_times() {
        // RFC 5905 figure 4: 1 January 1970 is second 2,208,988,800 of era 0.
        assert_eq!(NtpTime::from_unix_nanos(0), NtpTime(0x83AA_7E80_0000_0000));
        assert_eq!(NtpTime::from_unix_nanos(500_000_000), NtpTime(0x83AA_7E80_8000_0000));
        // The first second of era 1 is 7 February 2036, 06:28:16.
        assert_eq!(NtpTime(0).unix_nanos(), 2_085_978_496_000_000_000);
        assert_eq!(NtpTime(0x1122_3344_5566_7788).middle(), 0x3344_5566);
    }

    proptest! {
        #[test]
        fn nanoseconds_come_back(nanos in 0..4_000_000_000_000_000_000_i64) {
            prop_assert_eq!(NtpTime::from_unix_nanos(nanos).unix_nanos(), nanos);
        }

        #[test]
        fn any_bits_are_a_time(bits: u64) {
            let _ = NtpTime(bits).unix_nanos();
        }
    }
}
