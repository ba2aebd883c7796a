//! The synchronization source that a stream is locked on to: which packets belong to it, their
//! extended sequence numbers and times, and the statistics of RFC 3550 (appendix A.1, A.3, A.8).

use crate::clock::Monotonic;
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::rtcp::ReportBlock;
use streamsocket_wire::rtp::{Header, RtpTime, Sequence, Ssrc, extend_sequence, extend_time};

/// A source that says nothing for so long, in nanoseconds, may be replaced by another: a sender
/// that was restarted needs longer to start, and two senders on one group never alternate faster.
pub const SILENCE_NANOS: i64 = 500_000_000;

/// A jump of the sequence number beyond this (RFC 3550 A.1, MAX_DROPOUT) is a restart of the source.
const DROPOUT_MAX: u64 = 3000;

/// Packets older than this (RFC 3550 A.1, MAX_MISORDER) are not reordered but wrong.
const MISORDER_MAX: u64 = 100;

/// Extended sequence numbers begin one cycle up, so that a packet reordered before the first one
/// does not go below zero.
const FIRST_CYCLE: u64 = 1 << 16;

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It belongs to the source.
    Admitted {
        /// Sequence number, extended to 64 bits.
        sequence: u64,
        /// RTP time, extended to 64 bits.
        time: i64,
    },
    /// It is the first of a new source: whatever is known of the old one is void.
    NewSource {
        /// Sequence number, extended to 64 bits.
        sequence: u64,
        /// RTP time, extended to 64 bits.
        time: i64,
    },
    /// It comes from somebody else, or from far away in sequence.
    Refused,
}

/// The source of one stream.
#[derive(Debug)]
pub struct Source {
    rate: u32,
    current: Option<Current>,
    /// Who said goodbye last, and when.
    ended: Option<(Ssrc, Monotonic)>,
    refused: u64,
    /// Packets received and lost of the sources before.
    past: (u64, i64),
}

#[derive(Debug)]
struct Current {
    ssrc: Ssrc,
    base: u64,
    highest: u64,
    time: i64,
    received: u64,
    expected_prior: u64,
    received_prior: u64,
    /// What would follow a packet that was far away, were it a restart of the source.
    jumped: Option<Sequence>,
    heard: Monotonic,
    transit: Option<i64>,
    /// RFC 3550 A.8, in RTP time times 16.
    jitter: i64,
    report: Option<(NtpTime, Monotonic)>,
}

impl Source {
    /// Waits for the first source of a stream whose RTP time runs at `rate` a second.
    #[must_use]
    pub const fn new(rate: u32) -> Self {
        Self { rate, current: None, ended: None, refused: 0, past: (0, 0) }
    }

    /// The source that this stream is locked on to.
    #[must_use]
    pub fn ssrc(&self) -> Option<Ssrc> {
        self.current.as_ref().map(|current| current.ssrc)
    }

    /// The highest sequence number of it so far, extended.
    #[must_use]
    pub fn highest(&self) -> Option<u64> {
        self.current.as_ref().map(|current| current.highest)
    }

    /// When the last packet of it arrived.
    #[must_use]
    pub fn heard(&self) -> Option<Monotonic> {
        self.current.as_ref().map(|current| current.heard)
    }

    /// Packets that came from somebody else.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// Takes notice of a packet that arrived at `arrival`.
    pub fn admit(&mut self, header: &Header, arrival: Monotonic) -> Admission {
        let straggles = self.is_straggler(header.ssrc, arrival);
        match &mut self.current {
            Some(current) if current.ssrc == header.ssrc => match current.admit(header, arrival) {
                Place::Near { sequence, time } => {
                    current.measure_jitter(time, arrival, self.rate);
                    Admission::Admitted { sequence, time }
                }
                Place::FarTwice => self.lock(header, arrival),
                Place::Far => {
                    self.refused += 1;
                    Admission::Refused
                }
            },
            Some(current) if arrival.nanos_since(current.heard) < SILENCE_NANOS => {
                self.refused += 1;
                Admission::Refused
            }
            None if straggles => {
                self.refused += 1;
                Admission::Refused
            }
            _ => self.lock(header, arrival),
        }
    }

    /// The source has said goodbye: it is left at once, and its stragglers are refused. One that goes
    /// on all the same did not mean it, or did not say it.
    pub fn bye(&mut self, ssrc: Ssrc, now: Monotonic) -> bool {
        let leaves = self.ssrc() == Some(ssrc);
        if leaves {
            self.leave();
            self.ended = Some((ssrc, now));
        }
        leaves
    }

    /// A time that the source named outside its packets, extended.
    #[must_use]
    pub fn extend(&self, time: RtpTime) -> Option<i64> {
        self.current.as_ref().map(|current| extend_time(current.time, time))
    }

    /// Takes notice of a sender report, for the round trip that ours let it compute.
    pub fn reported(&mut self, ntp: NtpTime, arrival: Monotonic) {
        if let Some(current) = &mut self.current {
            current.report = Some((ntp, arrival));
        }
    }

    /// Packets received and packets lost (expected minus received) of this source and of those
    /// before it.
    #[must_use]
    pub fn totals(&self) -> (u64, i64) {
        let (received, lost) = self.current.as_ref().map_or((0, 0), Current::totals);
        (self.past.0 + received, self.past.1.saturating_add(lost))
    }

    /// Interarrival jitter in nanoseconds (RFC 3550 section 6.4.1).
    #[must_use]
    pub fn jitter_nanos(&self) -> i64 {
        let jitter = self.current.as_ref().map_or(0, |current| current.jitter / 16);
        jitter.saturating_mul(1_000_000_000) / i64::from(self.rate.max(1))
    }

    /// A report block about the source; begins a new interval of its fraction lost.
    pub fn report(&mut self, now: Monotonic) -> Option<ReportBlock> {
        let current = self.current.as_mut()?;
        Some(current.report(now))
    }

    fn is_straggler(&self, ssrc: Ssrc, arrival: Monotonic) -> bool {
        let ended = self.ended.filter(|(ended, _)| *ended == ssrc);
        ended.is_some_and(|(_, at)| arrival.nanos_since(at) < SILENCE_NANOS)
    }

    fn leave(&mut self) {
        self.past = self.totals();
        self.current = None;
    }

    fn lock(&mut self, header: &Header, arrival: Monotonic) -> Admission {
        let sequence = u64::from(header.sequence.0) + FIRST_CYCLE;
        let time = i64::from(header.time.0);
        self.ended = None;
        self.leave();
        self.current = Some(Current {
            ssrc: header.ssrc,
            base: sequence,
            highest: sequence,
            time,
            received: 1,
            expected_prior: 0,
            received_prior: 0,
            jumped: None,
            heard: arrival,
            transit: None,
            jitter: 0,
            report: None,
        });
        Admission::NewSource { sequence, time }
    }
}

/// Where a packet lies in the sequence of its source.
enum Place {
    Near {
        sequence: u64,
        time: i64,
    },
    Far,
    /// The second in a row: the source has restarted with the same SSRC (RFC 3550 A.1).
    FarTwice,
}

impl Current {
    fn admit(&mut self, header: &Header, arrival: Monotonic) -> Place {
        let sequence = extend_sequence(self.highest, header.sequence);
        let far = sequence > self.highest + DROPOUT_MAX || sequence + MISORDER_MAX < self.highest;
        // After a silence a jump forward is the gap itself.
        let silent = arrival.nanos_since(self.heard) >= SILENCE_NANOS;
        if far && !(silent && sequence > self.highest) {
            let twice = self.jumped == Some(header.sequence);
            self.jumped = Some(header.sequence.next());
            return if twice { Place::FarTwice } else { Place::Far };
        }
        self.jumped = None;
        self.heard = self.heard.max(arrival);
        self.received += 1;
        self.base = self.base.min(sequence);
        let time = extend_time(self.time, header.time);
        if sequence > self.highest {
            self.highest = sequence;
            self.time = time;
        }
        Place::Near { sequence, time }
    }

    fn measure_jitter(&mut self, time: i64, arrival: Monotonic, rate: u32) {
        let arrival = i128::from(arrival.0) * i128::from(rate) / 1_000_000_000;
        let transit = i64::try_from(arrival).unwrap_or(i64::MAX).saturating_sub(time);
        if let Some(last) = self.transit.replace(transit) {
            let difference = transit.saturating_sub(last).saturating_abs();
            self.jitter += difference.saturating_sub((self.jitter + 8) >> 4);
            self.jitter = self.jitter.max(0);
        }
    }

    const fn expected(&self) -> u64 {
        self.highest - self.base + 1
    }

    /// Packets received and packets lost.
    fn totals(&self) -> (u64, i64) {
        let lost = i128::from(self.expected()) - i128::from(self.received);
        (self.received, i64::try_from(lost).unwrap_or(0))
    }

    fn report(&mut self, now: Monotonic) -> ReportBlock {
        let expected = self.expected();
        let expected_interval = expected.saturating_sub(self.expected_prior);
        let received_interval = self.received.saturating_sub(self.received_prior);
        self.expected_prior = expected;
        self.received_prior = self.received;
        let lost_interval = expected_interval.saturating_sub(received_interval);
        let fraction = (lost_interval << 8).checked_div(expected_interval).unwrap_or(0);
        let (_, lost) = self.totals();
        let (last_sr, delay) = self.report.map_or((0, 0), |(ntp, arrival)| {
            let units = i128::from(now.nanos_since(arrival).max(0)) * 65_536 / 1_000_000_000;
            (ntp.middle(), u32::try_from(units).unwrap_or(u32::MAX))
        });
        ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            lost: i32::try_from(lost).unwrap_or(i32::MAX),
            highest: u32::try_from((self.highest - FIRST_CYCLE) & 0xFFFF_FFFF).unwrap_or(u32::MAX),
            jitter: u32::try_from(self.jitter >> 4).unwrap_or(u32::MAX),
            last_sr,
            delay,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn header(ssrc: u32, sequence: u16, time: u32) -> Header {
        Header {
            marker: false,
            payload_type: 26,
            sequence: Sequence(sequence),
            time: RtpTime(time),
            ssrc: Ssrc(ssrc),
            has_extension: false,
        }
    }

    fn locked() -> Source {
        let mut source = Source::new(90_000);
        let admission = source.admit(&header(1, 100, 0), Monotonic(0));
        assert_eq!(admission, Admission::NewSource { sequence: 65_636, time: 0 });
        source
    }

    #[test]
    fn another_ssrc_is_refused_while_the_source_speaks() {
        let mut source = locked();
        assert_eq!(source.admit(&header(2, 5, 0), Monotonic(100 * MS)), Admission::Refused);
        assert_eq!((source.ssrc(), source.refused()), (Some(Ssrc(1)), 1));
    }

    #[test]
    fn another_ssrc_is_a_new_source_after_silence_or_goodbye() {
        let mut source = locked();
        let new = Admission::NewSource { sequence: 65_541, time: 9 };
        assert_eq!(source.admit(&header(2, 5, 9), Monotonic(600 * MS)), new);
        let at = Monotonic(600 * MS);
        assert!(source.bye(Ssrc(2), at) && !source.bye(Ssrc(2), at));
        assert_eq!(source.admit(&header(2, 6, 9), Monotonic(601 * MS)), Admission::Refused);
        let again = Admission::NewSource { sequence: 65_541, time: 9 };
        assert_eq!(source.admit(&header(3, 5, 9), Monotonic(602 * MS)), again);
    }

    #[test]
    fn a_source_that_goes_on_after_goodbye_is_taken_again() {
        let mut source = locked();
        assert!(source.bye(Ssrc(1), Monotonic(0)));
        assert_eq!(source.admit(&header(1, 101, 0), Monotonic(400 * MS)), Admission::Refused);
        let again = Admission::NewSource { sequence: 65_638, time: 0 };
        assert_eq!(source.admit(&header(1, 102, 0), Monotonic(500 * MS)), again);
    }

    #[test]
    fn a_restart_with_the_same_ssrc_is_believed_at_the_second_packet() {
        let mut source = locked();
        assert_eq!(source.admit(&header(1, 40_000, 7), Monotonic(MS)), Admission::Refused);
        let again = Admission::NewSource { sequence: 40_001 + 65_536, time: 7 };
        assert_eq!(source.admit(&header(1, 40_001, 7), Monotonic(MS)), again);
    }

    #[test]
    fn sequence_and_time_wrap() {
        let mut source = Source::new(90_000);
        source.admit(&header(1, 65_535, u32::MAX), Monotonic(0));
        let admission = source.admit(&header(1, 0, 2), Monotonic(MS));
        let sequence = 65_535 + 65_536 + 1;
        assert_eq!(admission, Admission::Admitted { sequence, time: i64::from(u32::MAX) + 3 });
    }

    #[test]
    fn a_report_counts_what_is_missing() {
        let mut source = locked();
        for sequence in [101, 102, 104, 103, 107] {
            source.admit(&header(1, sequence, 0), Monotonic(MS));
        }
        source.reported(NtpTime(0x1122_3344_5566_7788), Monotonic(0));
        let block = source.report(Monotonic(500 * MS)).unwrap();
        assert_eq!((block.lost, block.fraction_lost), (2, 64));
        assert_eq!((block.highest, block.last_sr, block.delay), (107, 0x3344_5566, 32_768));
        assert_eq!(source.totals(), (6, 2));
        assert_eq!(source.report(Monotonic(500 * MS)).unwrap().fraction_lost, 0);
        // What was counted is not forgotten with the source.
        assert!(source.bye(Ssrc(1), Monotonic(500 * MS)));
        assert_eq!(source.totals(), (6, 2));
        source.admit(&header(2, 5, 9), Monotonic(600 * MS));
        assert_eq!(source.totals(), (7, 2));
    }
}
