//! Says when the packets of a frame leave: in batches, spread over a part of the frame interval, so
//! that small switch and socket buffers are not overrun by a burst of hundreds of packets. There is
//! no timer in here: the caller asks what is due, and when to ask again.

use super::bitrate::parse_rate;
use core::fmt;
use core::ops::Range;
use core::str::FromStr;
use streamsocket_media::clock::Monotonic;

/// Bytes of a batch at most: not half of what the smallest switch buffers hold (128 kB), so that the batches of
/// two senders may meet there. At 1400 bytes it is 40 packets, which are one message to a kernel that
/// segments (UDP_SEGMENT). Each batch is a wake-up; larger ones would be fewer, but take a second message each,
/// which costs as much.
const BATCH_BYTES: usize = 56_000;

/// The same where a rate is given: whoever sets one usually has a network that is slower than 100 Mbit/s.
const BATCH_BYTES_BY_RATE: usize = 22_400;

/// Bytes of the frame itself in the batch that completes it, at most: a receiver decodes what has come while
/// it waits for the rest, and has little left to do then.
const LAST_BYTES: usize = 22_400;

/// Frames in a row that had not left when the next one came, and whose repair packets leave all the same:
/// who was held up for a moment catches up. On a machine that is always late, repair packets would make it
/// later.
const LATE_MAX: u8 = 8;

/// How a frame is spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Not at all: everything at once, for the lowest latency on a network with large buffers.
    Off,
    /// Over this part of the measured frame interval, above 0 and at most 0.9.
    Share(f64),
    /// At this rate, in bits a second of UDP payload.
    Rate(u64),
}

impl Default for Pace {
    /// Half: a 128 kB switch queue in front of a 100 Mbit link then holds 1080p at 30 frames a
    /// second with repair; a quarter would leave 205 kB in it.
    fn default() -> Self {
        Self::Share(0.5)
    }
}

/// The most of an interval that a frame may take: the next one must find the way free even when
/// the timer is late.
const SHARE_MAX: f64 = 0.9;

/// Longest spread of a frame by its share of the interval, in nanoseconds: at low frame rates half of
/// the interval would be latency, and receivers give up on what takes too long.
const SPREAD_MAX_NANOS: i64 = 33_333_333;

/// Not a pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParsePaceError;

impl fmt::Display for ParsePaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected 'off', a part of the frame interval such as '50%' (1% to 90%), or a rate such as '40M' (bits a second, 100k at least)")
    }
}

impl core::error::Error for ParsePaceError {}

impl FromStr for Pace {
    type Err = ParsePaceError;

    /// `off`, `50%`, or a rate in bits a second with an optional `k`, `M` or `G`.
    fn from_str(text: &str) -> Result<Self, ParsePaceError> {
        if text == "off" {
            return Ok(Self::Off);
        }
        if let Some(percent) = text.strip_suffix('%') {
            let share = percent.trim().parse::<f64>().map_err(|_| ParsePaceError)? / 100.0;
            let valid = (0.01..=SHARE_MAX).contains(&share);
            return if valid { Ok(Self::Share(share)) } else { Err(ParsePaceError) };
        }
        parse_rate(text).map(Self::Rate).map_err(|_| ParsePaceError)
    }
}

/// What a frame is to be sent as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Packets of the frame itself.
    pub media: usize,
    /// Repair packets that follow them.
    pub repairs: usize,
    /// Bytes of all of them.
    pub bytes: usize,
}

/// Spreads the packets of one frame after the other.
#[derive(Debug)]
pub struct Pacer {
    pace: Pace,
    interval: Interval,
    start: Monotonic,
    /// Nanoseconds for each packet behind the first batch.
    each: i64,
    /// Packets of a batch at most.
    most: usize,
    /// Packets of the frame itself in the batch that completes it, at most.
    last: usize,
    /// Packets of the first batch.
    first: usize,
    /// Packets of the frame itself.
    media: usize,
    /// These, and the repair packets behind them.
    packets: usize,
    sent: usize,
    /// Frames in a row that had not left when the next one came.
    late: u8,
}

impl Pacer {
    /// A pacer for frames that come about every `interval` nanoseconds, until it has measured.
    #[must_use]
    pub const fn new(pace: Pace, interval: i64) -> Self {
        Self {
            pace,
            interval: Interval { nanos: interval, last: None },
            start: Monotonic(0),
            each: 0,
            most: 1,
            last: 1,
            first: 0,
            media: 0,
            packets: 0,
            sent: 0,
            late: 0,
        }
    }

    /// Begins a frame that was captured at `capture`. What was left of the frame before is forgotten:
    /// [`flush`](Self::flush) it first.
    pub fn begin(&mut self, now: Monotonic, capture: Monotonic, load: Load) {
        self.interval.observe(capture);
        self.start = now;
        self.media = load.media;
        self.packets = load.media + load.repairs;
        self.sent = 0;
        let bytes = load.bytes.div_ceil(self.packets.max(1)).max(1);
        let most = match self.pace {
            Pace::Rate(_) => BATCH_BYTES_BY_RATE,
            Pace::Off | Pace::Share(_) => BATCH_BYTES,
        };
        self.most = (most / bytes).max(1);
        self.last = (LAST_BYTES / bytes).max(1).min(self.most);
        self.first = self.next_end();
        let nanos = match self.pace {
            Pace::Off => 0,
            Pace::Share(share) => {
                // The first batch leaves at once. That half of it counts makes the last one leave a
                // little before the time is over.
                let span = scale(self.interval.nanos, share).min(SPREAD_MAX_NANOS);
                let halves = 2 * self.packets - self.first;
                2 * i128::from(span) / halves.max(1) as i128
            }
            Pace::Rate(rate) => bytes as i128 * 8 * 1_000_000_000 / i128::from(rate.max(1)),
        };
        self.each = i64::try_from(nanos).unwrap_or(i64::MAX);
    }

    /// The packets that may leave at `now`, the frame's own first; they count as sent. Who asks late
    /// gets no more than one batch, and the next one half a gap later at the earliest: a burst would be lost
    /// in the queues that pacing is for.
    pub fn due(&mut self, now: Monotonic) -> Range<usize> {
        let begin = self.sent;
        if self.each == 0 {
            self.sent = self.packets;
        } else if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.sent = self.next_end();
            // Half a gap is made up for; no two batches meet.
            let next = self.delay(self.next_end());
            let gap = next - self.delay(self.sent);
            self.start = self.start.max(now.offset(gap / 2 - next));
        }
        begin..self.sent
    }

    /// Where the next batch ends: at a part of the frame or of its repair packets, which are divided evenly, but
    /// for the batch that completes the frame.
    fn next_end(&self) -> usize {
        let before = if self.media > self.most { self.media - self.last } else { 0 };
        let ends = [before, self.media, self.packets];
        let end = ends.into_iter().find(|end| self.sent < *end).unwrap_or(self.sent);
        let left = end - self.sent;
        self.sent + left.div_ceil(left.div_ceil(self.most).max(1))
    }

    /// Nanoseconds after the first batch at which the batch leaves that ends here.
    fn delay(&self, end: usize) -> i64 {
        let packets = i64::try_from(end - self.first.min(end)).unwrap_or(i64::MAX);
        self.each.saturating_mul(packets)
    }

    /// The packets that have not left yet, since the next frame is there; they count as sent. When that
    /// has happened to many frames in a row, those for repair are not sent at all.
    pub fn flush(&mut self) -> Range<usize> {
        let begin = self.sent;
        self.sent = self.packets;
        self.late = if begin < self.packets { self.late.saturating_add(1) } else { 0 };
        let end = if self.late > LATE_MAX { self.media } else { self.packets };
        begin..end.max(begin)
    }

    /// When to ask again, or `None` if the whole frame has left.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        let left = self.sent < self.packets;
        left.then(|| self.start.offset(self.delay(self.next_end())))
    }
}

/// The frame interval, measured on capture times: the mean, moved by an eighth of each error, so
/// that one late frame does not stretch the next.
#[derive(Debug)]
struct Interval {
    nanos: i64,
    last: Option<Monotonic>,
}

/// Frames a second from 240 to 1: beyond, it is a gap or a burst, not a rate.
const INTERVAL_NANOS: core::ops::RangeInclusive<i64> = 4_166_666..=1_000_000_000;

impl Interval {
    fn observe(&mut self, capture: Monotonic) {
        let measured = self.last.map(|last| capture.nanos_since(last));
        self.last = Some(capture);
        if let Some(measured) = measured.filter(|nanos| INTERVAL_NANOS.contains(nanos)) {
            self.nanos += (measured - self.nanos) / 8;
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "an interval of a second at most, times a share below 1"
)]
fn scale(nanos: i64, share: f64) -> i64 {
    (nanos as f64 * share) as i64
}

#[cfg(test)]
mod tests;
