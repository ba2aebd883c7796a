//! The synchronization source that a stream is locked on to: which packets belong to it, their
//! extended sequence numbers and times, and the statistics of RFC 3550 (appendix A.1, A.3, A.8).

mod line;

use self::line::{Fit, Line};
use super::ticks;
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::rtcp::ReportBlock;
use streamsocket_wire::rtp::{ExtendedTime, Header, RtpTime, Sequence, Ssrc, extend_sequence};

/// A source that says nothing for so long may be replaced by another: a sender
/// that was restarted needs longer to start, and two senders on one group never alternate faster.
pub const SILENCE: Delay = Delay::from_millis(500);

/// A jump of the sequence number beyond this (RFC 3550 A.1, MAX_DROPOUT) is a restart of the source.
const DROPOUT_MAX: u64 = 3000;

/// Packets older than this are not reordered but wrong. RFC 3550 A.1 has 100 (MAX_MISORDER), which a frame
/// of 1920x1080 has in 15 ms; what is further behind must have the time of its place, too.
const MISORDER_MAX: u64 = 4096;

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
        time: ExtendedTime,
    },
    /// It is the first of a new source: whatever is known of the old one is void.
    NewSource {
        /// Sequence number, extended to 64 bits.
        sequence: u64,
        /// RTP time, extended to 64 bits.
        time: ExtendedTime,
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
    line: Line,
    received: u64,
    expected_prior: u64,
    received_prior: u64,
    /// What would follow a packet that was far away, were it a restart of the source.
    jumped: Option<Sequence>,
    /// When it said goodbye.
    leaving: Option<Monotonic>,
    heard: Monotonic,
    transit: Option<i64>,
    /// RFC 3550 A.8, in RTP time times 16.
    jitter: i64,
    report: Option<(NtpTime, Monotonic)>,
    /// What the count of its reports is ahead of `highest` if all that was sent has come: the least that it was so far.
    ahead: Option<u32>,
    /// Packets that had been sent by the last report behind those that had come.
    unseen: u32,
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

    /// When it last gave a sign of life: a packet, or a report.
    #[must_use]
    pub fn lived(&self) -> Option<Monotonic> {
        self.current.as_ref().map(Current::lived)
    }

    /// Packets that came from somebody else.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// Takes notice of a packet that arrived at `arrival`.
    pub fn admit(&mut self, header: &Header, arrival: Monotonic) -> Admission {
        let (straggles, lives) = (self.is_straggler(header.ssrc, arrival), self.lives(arrival));
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
            Some(_) if lives => {
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

    /// Takes notice of a packet of whoever takes the stream over: it is a new source, unless it goes on
    /// where this one was. A source that has moved to another address does.
    pub fn take_over(&mut self, header: &Header, arrival: Monotonic) -> Admission {
        if let Some(current) = self.current.as_mut().filter(|it| it.ssrc == header.ssrc) {
            if let Place::Near { sequence, time } = current.admit(header, arrival) {
                return Admission::Admitted { sequence, time };
            }
        }
        if self.is_straggler(header.ssrc, arrival) {
            self.refused += 1;
            return Admission::Refused;
        }
        self.lock(header, arrival)
    }

    /// It was no source of ours after all: its packets are void.
    pub fn drop_current(&mut self) {
        self.leave();
    }

    /// Whether it keeps its place from another source at this time.
    #[must_use]
    pub fn lives(&self, now: Monotonic) -> bool {
        let current = self.current.as_ref().filter(|current| current.leaving.is_none());
        current.is_some_and(|current| now - current.lived() < SILENCE)
    }

    /// The source has said goodbye, by RTCP, which may overtake its last packets: they are still admitted until it
    /// [`left`](Self::left). Another source may take its place at once.
    pub fn bye(&mut self, ssrc: Ssrc, now: Monotonic) {
        if let Some(current) = self.current.as_mut().filter(|current| current.ssrc == ssrc) {
            current.leaving.get_or_insert(now);
        }
    }

    /// When it said goodbye, if it did and has not left.
    #[must_use]
    pub fn leaving(&self) -> Option<Monotonic> {
        self.current.as_ref()?.leaving
    }

    /// The source, which has said goodbye, has left: its stragglers are refused. One that goes on all the same did
    /// not mean it, or did not say it.
    pub fn left(&mut self, now: Monotonic) {
        self.ended = self.ssrc().map(|ssrc| (ssrc, now));
        self.leave();
    }

    /// A time that the source named outside its packets, extended.
    #[must_use]
    pub fn extend(&self, time: RtpTime) -> Option<ExtendedTime> {
        self.current.as_ref().map(|current| current.line.extend(time))
    }

    /// The time of a packet that did not come but was made, extended, if it fits to those that came.
    #[must_use]
    pub fn extend_made(&self, time: RtpTime, now: Monotonic) -> Option<ExtendedTime> {
        self.current.as_ref().and_then(|current| current.line.extend_near(time, now))
    }

    /// Takes notice of a sender report, for the round trip that ours let it compute; so many `packets` had been sent by
    /// then, modulo 2^32.
    pub fn reported(&mut self, ntp: NtpTime, packets: u32, arrival: Monotonic) {
        if let Some(current) = &mut self.current {
            current.report = Some((ntp, arrival));
            current.count(packets);
        }
    }

    /// When its last report came, and how many packets it had sent by then behind the last one that has come: of those no
    /// sequence number tells (RFC 3550 section 6.4.1, "sender's packet count").
    #[must_use]
    pub fn unseen(&self) -> Option<(Monotonic, u32)> {
        let current = self.current.as_ref()?;
        current.report.map(|(_, arrival)| (arrival, current.unseen))
    }

    /// Packets received and packets lost (expected minus received) of this source and of those
    /// before it.
    #[must_use]
    pub fn totals(&self) -> (u64, i64) {
        let (received, lost) = self.current.as_ref().map_or((0, 0), Current::totals);
        (self.past.0 + received, self.past.1.saturating_add(lost))
    }

    /// Interarrival jitter (RFC 3550 section 6.4.1).
    #[must_use]
    pub fn jitter(&self) -> Delay {
        let jitter = self.current.as_ref().map_or(0, |current| current.jitter / 16);
        Delay::from_secs(jitter) / i64::from(self.rate.max(1))
    }

    /// A report block about the source; begins a new interval of its fraction lost.
    pub fn report(&mut self, now: Monotonic) -> Option<ReportBlock> {
        let current = self.current.as_mut()?;
        Some(current.report(now))
    }

    fn is_straggler(&self, ssrc: Ssrc, arrival: Monotonic) -> bool {
        let ended = self.ended.filter(|(ended, _)| *ended == ssrc);
        ended.is_some_and(|(_, at)| arrival - at < SILENCE)
    }

    fn leave(&mut self) {
        self.past = self.totals();
        self.current = None;
    }

    fn lock(&mut self, header: &Header, arrival: Monotonic) -> Admission {
        let sequence = u64::from(header.sequence.0) + FIRST_CYCLE;
        let line = Line::new(self.rate, header.time, arrival);
        let time = line.time();
        self.ended = None;
        self.leave();
        self.current = Some(Current {
            ssrc: header.ssrc,
            base: sequence,
            highest: sequence,
            line,
            received: 1,
            expected_prior: 0,
            received_prior: 0,
            jumped: None,
            leaving: None,
            heard: arrival,
            transit: None,
            jitter: 0,
            report: None,
            ahead: None,
            unseen: 0,
        });
        Admission::NewSource { sequence, time }
    }
}

/// Where a packet lies in the sequence of its source.
enum Place {
    Near {
        sequence: u64,
        time: ExtendedTime,
    },
    Far,
    /// What follows a packet that was far away: the source has restarted with the same SSRC (RFC 3550
    /// A.1), or goes on at another time.
    FarTwice,
}

impl Current {
    fn admit(&mut self, header: &Header, arrival: Monotonic) -> Place {
        let sequence = extend_sequence(self.highest, header.sequence);
        let far = sequence > self.highest + DROPOUT_MAX || sequence + MISORDER_MAX < self.highest;
        // After a silence a jump forward is the gap itself.
        let silent = arrival - self.heard >= SILENCE;
        if far && !(silent && sequence > self.highest) {
            return self.far(header);
        }
        let newer = sequence > self.highest;
        let time = match self.line.place(header.time, newer, arrival) {
            Fit::GoesOn(time) => time,
            Fit::Contradicts if !newer => return self.far(header),
            Fit::Contradicts => return Place::Far,
            Fit::Confirmed => return Place::FarTwice,
        };
        self.jumped = None;
        self.heard = self.heard.max(arrival);
        self.received += 1;
        self.base = self.base.min(sequence);
        self.highest = self.highest.max(sequence);
        Place::Near { sequence, time }
    }

    /// A packet is far away in sequence, or behind with a time that nothing had there.
    fn far(&mut self, header: &Header) -> Place {
        let twice = self.jumped == Some(header.sequence);
        self.jumped = Some(header.sequence.next());
        if twice { Place::FarTwice } else { Place::Far }
    }

    /// When it last gave a sign of life: a packet, or a report.
    fn lived(&self) -> Monotonic {
        self.report.map_or(self.heard, |(_, reported)| self.heard.max(reported))
    }

    /// A report says that so many packets have been sent.
    fn count(&mut self, packets: u32) {
        let highest = u32::try_from(self.highest & 0xFFFF_FFFF).unwrap_or(u32::MAX);
        let ahead = packets.wrapping_sub(highest);
        let more = ahead.wrapping_sub(self.ahead.unwrap_or(ahead));
        let less = more > u32::MAX / 2;
        self.unseen = if less { 0 } else { more };
        if less || self.ahead.is_none() {
            self.ahead = Some(ahead);
        }
    }

    fn measure_jitter(&mut self, time: ExtendedTime, arrival: Monotonic, rate: u32) {
        let transit = ticks::ticks(arrival.0, rate).saturating_sub(time.0);
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
mod tests;
