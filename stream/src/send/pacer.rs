//! Says when the packets of a frame leave: in batches, spread over a part of the frame interval, so
//! that small switch and socket buffers are not overrun by a burst of hundreds of packets. There is
//! no timer in here: the caller asks what is due, and when to ask again.

use super::bitrate::parse_rate;
use core::fmt;
use core::ops::Range;
use core::str::FromStr;
use streamsocket_media::clock::Monotonic;

/// Packets of a batch: one message to a kernel that segments (UDP_SEGMENT), and at 1400 bytes
/// 22 kB, which the smallest switch buffers (128 kB) take many times.
pub const BATCH_PACKETS: usize = 16;

/// Batches that leave together when the timer was late: 45 kB, a third of a small switch's buffer.
const BATCHES_TOGETHER: usize = 2;

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
    /// Nanoseconds from batch to batch.
    gap: i64,
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
        let interval = Interval { nanos: interval, last: None };
        Self { pace, interval, start: Monotonic(0), gap: 0, media: 0, packets: 0, sent: 0, late: 0 }
    }

    /// Begins a frame that was captured at `capture`. What was left of the frame before is forgotten:
    /// [`flush`](Self::flush) it first.
    pub fn begin(&mut self, now: Monotonic, capture: Monotonic, load: Load) {
        self.interval.observe(capture);
        self.start = now;
        self.media = load.media;
        self.packets = load.media + load.repairs;
        self.sent = 0;
        let bytes = load.bytes;
        let batches = self.packets.div_ceil(BATCH_PACKETS).max(1) as u64;
        let span = match self.pace {
            Pace::Off => 0,
            Pace::Share(share) => scale(self.interval.nanos, share).min(SPREAD_MAX_NANOS),
            Pace::Rate(rate) => {
                let nanos = bytes as u128 * 8 * 1_000_000_000 / u128::from(rate);
                i64::try_from(nanos).unwrap_or(i64::MAX)
            }
        };
        self.gap = span / i64::try_from(batches).unwrap_or(i64::MAX);
    }

    /// The packets that may leave at `now`, the frame's own first; they count as sent. Who asks late
    /// gets no more than two batches at once, and the rest is later by as much: a burst would be lost
    /// in the queues that pacing is for.
    pub fn due(&mut self, now: Monotonic) -> Range<usize> {
        let batches = if self.gap == 0 {
            usize::MAX
        } else {
            let elapsed = now.nanos_since(self.start).max(0);
            let due = usize::try_from(elapsed / self.gap).unwrap_or(usize::MAX).saturating_add(1);
            let most = self.sent / BATCH_PACKETS + BATCHES_TOGETHER;
            if due > most {
                let passed = i64::try_from(most - 1).unwrap_or(i64::MAX);
                self.start = now.offset(-self.gap.saturating_mul(passed));
            }
            due.min(most)
        };
        let end = batches.saturating_mul(BATCH_PACKETS).clamp(self.sent, self.packets);
        let range = self.sent..end;
        self.sent = end;
        range
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
        if self.sent >= self.packets {
            return None;
        }
        let batch = i64::try_from(self.sent / BATCH_PACKETS).unwrap_or(i64::MAX);
        Some(self.start.offset(self.gap.saturating_mul(batch)))
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
mod tests {
    use super::*;

    const INTERVAL: i64 = 33_333_333;

    fn begun(pace: Pace, packets: usize) -> Pacer {
        let mut pacer = Pacer::new(pace, INTERVAL);
        pacer.begin(Monotonic(0), Monotonic(0), load(packets, 0));
        pacer
    }

    const fn load(media: usize, repairs: usize) -> Load {
        Load { media, repairs, bytes: (media + repairs) * 1400 }
    }

    #[test]
    fn repair_packets_share_the_time() {
        let mut pacer = begun(Pace::Share(0.5), 0);
        pacer.begin(Monotonic(0), Monotonic(0), load(40, 20));
        assert_eq!(pacer.due(Monotonic(0)), 0..16);
        assert_eq!(pacer.due(Monotonic(INTERVAL / 4)), 16..48);
        assert_eq!(pacer.flush(), 48..60);
        assert_eq!((pacer.deadline(), pacer.due(Monotonic(INTERVAL))), (None, 60..60));
    }

    #[test]
    fn repair_packets_give_way_only_where_every_frame_is_late() {
        let mut pacer = begun(Pace::Share(0.5), 0);
        let mut frame = |late: bool| {
            pacer.begin(Monotonic(0), Monotonic(0), load(40, 20));
            if !late {
                while let Some(deadline) = pacer.deadline() {
                    pacer.due(deadline);
                }
            }
            pacer.flush()
        };
        for _ in 0..8 {
            assert_eq!(frame(true), 0..60);
        }
        assert_eq!((frame(true), frame(true)), (0..40, 0..40));
        assert_eq!((frame(false), frame(true)), (60..60, 0..60));
    }

    #[test]
    fn a_frame_is_spread_over_its_share_of_the_interval() {
        let mut pacer = begun(Pace::Share(0.5), 170);
        let mut at = Vec::new();
        while let Some(deadline) = pacer.deadline() {
            let due = pacer.due(deadline);
            assert!(!due.is_empty() && due.len() <= BATCH_PACKETS);
            at.push(deadline.0);
        }
        assert_eq!(at.len(), 11);
        let last = *at.last().unwrap();
        assert!(last < INTERVAL / 2 && last > INTERVAL * 4 / 10, "{at:?}");
    }

    #[test]
    fn nothing_is_due_before_its_time() {
        let mut pacer = begun(Pace::Share(0.5), 40);
        assert_eq!(pacer.due(Monotonic(0)), 0..16);
        let next = pacer.deadline().unwrap();
        assert!(pacer.due(next.offset(-1)).is_empty());
        assert_eq!(pacer.due(next), 16..32);
    }

    #[test]
    fn a_late_timer_makes_the_rest_later_instead_of_a_burst() {
        let mut pacer = begun(Pace::Share(0.5), 170);
        let gap = INTERVAL / 2 / 11;
        let late = Monotonic(10 * gap);
        assert_eq!(pacer.due(late), 0..32);
        assert!(pacer.due(late).is_empty());
        assert_eq!(pacer.deadline(), Some(late.offset(gap)));
        assert_eq!(pacer.due(late.offset(gap)), 32..48);
        assert_eq!(pacer.flush(), 48..170);
    }

    #[test]
    fn off_sends_everything_at_once() {
        let mut pacer = begun(Pace::Off, 170);
        assert_eq!(pacer.due(Monotonic(0)), 0..170);
    }

    #[test]
    fn a_rate_is_kept() {
        // 170 packets of 1400 bytes at 100 Mbit/s take 19 ms, in 11 batches.
        let mut pacer = begun(Pace::Rate(100_000_000), 170);
        let mut last = 0;
        while let Some(deadline) = pacer.deadline() {
            pacer.due(deadline);
            last = deadline.0;
        }
        assert_eq!(last, 19_040_000 / 11 * 10);
    }

    #[test]
    fn the_interval_follows_the_camera() {
        let mut pacer = Pacer::new(Pace::Share(0.5), INTERVAL);
        for frame in 0..100 {
            pacer.begin(Monotonic(0), Monotonic(frame * 66_666_666), load(1, 0));
        }
        assert!((pacer.interval.nanos - 66_666_666).abs() < 1000);
    }

    #[test]
    fn paces_are_written_as_people_write_them() {
        assert_eq!("off".parse(), Ok(Pace::Off));
        assert_eq!("50%".parse(), Ok(Pace::Share(0.5)));
        assert_eq!("40M".parse(), Ok(Pace::Rate(40_000_000)));
        assert_eq!("250k".parse(), Ok(Pace::Rate(250_000)));
        for wrong in ["", "0%", "95%", "fast", "10", "-1%", "M", "99999999999G", "½"] {
            assert_eq!(wrong.parse::<Pace>(), Err(ParsePaceError), "{wrong}");
        }
    }
}
