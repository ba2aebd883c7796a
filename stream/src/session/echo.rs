//! Reports of receivers that answer ours: each names the last sender report that it has received (RFC 3550
//! section 6.4.1), which only somebody knows who receives.

use streamsocket_media::clock::Monotonic;
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::rtcp::ReportBlock;

/// Sender reports that are remembered: half a minute of them, about one a second. A receiver of a crowd
/// reports more rarely, but on the last one that it got.
const ASKED_MAX: usize = 32;

/// A round trip longer than this is a lie, in nanoseconds.
const ROUND_TRIP_MAX: i64 = 10_000_000_000;

/// Nanoseconds that an answer may seem to be here before it was asked for: clocks of receivers have steps,
/// of 10 ms in old ones.
const EARLY_MAX: i64 = 20_000_000;

/// What was asked: the sender reports that left last.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    sent: heapless::Deque<(u32, Monotonic), ASKED_MAX>,
}

impl Asked {
    /// A sender report that says `ntp` leaves.
    pub fn ask(&mut self, ntp: NtpTime, now: Monotonic) {
        if self.sent.is_full() {
            self.sent.pop_front();
        }
        let _ = self.sent.push_back((ntp.middle(), now));
    }

    /// Nanoseconds to the receiver and back: arrival minus LSR minus DLSR (RFC 3550 section 6.4.1). None
    /// if the block echoes no report of ours.
    #[must_use]
    pub fn round_trip(&self, block: &ReportBlock, now: Monotonic) -> Option<i64> {
        if block.last_sr == 0 {
            return None;
        }
        let (_, sent) = self.sent.iter().rev().find(|(middle, _)| *middle == block.last_sr)?;
        let trip = now.nanos_since(*sent) - i64::from(block.delay) * 1_000_000_000 / 65_536;
        (-EARLY_MAX..=ROUND_TRIP_MAX).contains(&trip).then(|| trip.max(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamsocket_wire::rtp::Ssrc;

    fn block(last_sr: u32, delay: u32) -> ReportBlock {
        ReportBlock {
            ssrc: Ssrc(9),
            fraction_lost: 0,
            lost: 0,
            highest: 0,
            jitter: 0,
            last_sr,
            delay,
        }
    }

    #[test]
    fn a_round_trip_is_that_of_a_report_that_was_sent() {
        let mut asked = Asked::default();
        let second = |seconds: i64| Monotonic(seconds * 1_000_000_000);
        assert_eq!(asked.round_trip(&block(0, 0), second(0)), None, "nothing was asked");
        asked.ask(NtpTime(7 << 32), second(1));
        let trip = |last_sr, delay, at| asked.round_trip(&block(last_sr, delay), at);
        assert_eq!(trip(7 << 16, 16_384, second(2)), Some(750_000_000));
        assert_eq!(trip(7 << 16, 65_536, second(2)), Some(0));
        assert_eq!(trip(7 << 16, 65_536 + 655, second(2)), Some(0), "by a coarse clock");
        assert_eq!(trip(7 << 16, 65_536 + 6554, second(2)), None, "before it was asked");
        assert_eq!(trip(7 << 16, 0, second(12)), None, "too long");
        assert_eq!(trip((7 << 16) + 1, 0, second(2)), None, "of no report of ours");
        assert_eq!(trip(0, 0, second(2)), None, "of none at all");
    }

    #[test]
    fn reports_of_half_a_minute_are_remembered() {
        let mut asked = Asked::default();
        for second in 1..=40_u32 {
            let at = Monotonic(i64::from(second) * 1_000_000_000);
            asked.ask(NtpTime(u64::from(second) << 32), at);
        }
        let now = Monotonic(40_000_000_000);
        assert!(asked.round_trip(&block(9 << 16, 31 << 16), now).is_some());
        assert!(asked.round_trip(&block(8 << 16, 32 << 16), now).is_none());
    }
}
