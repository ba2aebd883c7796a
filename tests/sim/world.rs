//! The world that both ends live in: true time, clocks that are wrong, chance, and a network.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use streamsocket_media::clock::Monotonic;

/// Nanoseconds of true time.
pub(crate) type Time = i64;

pub(crate) const MS: i64 = 1_000_000;
pub(crate) const SECOND: i64 = 1_000_000_000;
pub(crate) const HOUR: i64 = 3600 * SECOND;

/// `span` measured by a clock that is fast by so many parts per million.
pub(crate) fn by_clock(span: Time, ppm: i64) -> i64 {
    span + i64::try_from(i128::from(span) * i128::from(ppm) / 1_000_000).unwrap()
}

/// True time until such a clock has measured `span`.
pub(crate) fn until_clock(span: i64, ppm: i64) -> Time {
    let span = i128::from(span) * 1_000_000 / (1_000_000 + i128::from(ppm));
    i64::try_from(span).unwrap()
}

/// A machine's monotonic clock: it began at some time and is off by some parts per million.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    pub(crate) began: i64,
    pub(crate) ppm: i64,
}

impl Clock {
    pub(crate) fn at(self, now: Time) -> Monotonic {
        Monotonic(self.began + by_clock(now, self.ppm))
    }

    pub(crate) fn when(self, reads: Monotonic) -> Time {
        until_clock(reads.0 - self.began, self.ppm)
    }
}

/// Numbers by chance, the same for the same seed (xorshift64*).
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number from 0 to below `bound`.
    pub(crate) fn below(&mut self, bound: i64) -> i64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32;
        (i64::try_from(drawn).unwrap() * bound) >> 32
    }
}

/// Which stream a packet is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Of {
    Video,
    Audio,
}

/// A packet on its way.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Packet {
    pub(crate) arrival: Time,
    /// In which order they were sent.
    number: u64,
    pub(crate) of: Of,
    pub(crate) bytes: Vec<u8>,
}

/// A network that delays everything by at least `delay`, some by up to `jitter` more, and keeps the
/// order but for one packet in `reordered`.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) delay: Time,
    pub(crate) jitter: Time,
    /// One packet in so many overtakes its neighbours; 0: none.
    pub(crate) reordered: i64,
    /// One packet in so many is lost; 0: none.
    pub(crate) lost: i64,
    /// Nothing gets through from a time on for so long.
    pub(crate) away: Option<(Time, Time)>,
    chance: Chance,
    last: Time,
    number: u64,
    under_way: BinaryHeap<Reverse<Packet>>,
}

impl Link {
    pub(crate) fn new(jitter: Time, seed: u64) -> Self {
        Self {
            delay: MS / 5,
            jitter,
            reordered: 0,
            lost: 0,
            away: None,
            chance: Chance::new(seed),
            last: 0,
            number: 0,
            under_way: BinaryHeap::new(),
        }
    }

    pub(crate) fn send(&mut self, now: Time, of: Of, bytes: Vec<u8>) {
        self.number += 1;
        if self.away.is_some_and(|(at, span)| (at..at + span).contains(&now)) {
            return;
        }
        if self.lost > 0 && self.chance.below(self.lost) == 0 {
            return;
        }
        // Mostly a little, now and then all of it.
        let drawn = (0..4).fold(self.jitter, |most, _| self.chance.below(most.max(1)));
        let delayed = now + self.delay + drawn;
        let overtakes = self.reordered > 0 && self.chance.below(self.reordered) == 0;
        let arrival = if overtakes { now + self.delay } else { delayed.max(self.last) };
        self.last = self.last.max(arrival);
        self.under_way.push(Reverse(Packet { arrival, number: self.number, of, bytes }));
    }

    /// When the next packet arrives.
    pub(crate) fn next(&self) -> Option<Time> {
        self.under_way.peek().map(|packet| packet.0.arrival)
    }

    pub(crate) fn receive(&mut self) -> Option<Packet> {
        self.under_way.pop().map(|packet| packet.0)
    }
}
