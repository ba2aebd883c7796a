//! The depayloader of sound, whatever the payload format: puts packets back in order and says what is missing, so that
//! the sound that follows a loss keeps its place in time.

use super::source_packet::SourcePacket;
use super::{Latest, REORDER};
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::rtp::ExtendedTime;

/// Packets held back while an earlier one is missing: 160 ms of our packets, far more than the
/// wait for a reordered one.
const PACKETS_HELD: usize = 32;

/// A payload format of sound.
pub trait Payloads {
    /// What packets are handed on as: samples, or the bytes of a codec.
    type Item: Clone + Default + core::fmt::Debug;

    /// Items that there is room for from the start: what fits into an Ethernet frame.
    const USUAL: usize;

    /// How many sample frames a payload stands for, which are ticks of RTP time, or `None` if it is none of this format.
    fn frames(&self, payload: &[u8]) -> Option<usize>;

    /// Reads a payload of this format into `out`, in place of what is there.
    fn read(&self, payload: &[u8], out: &mut Vec<Self::Item>);
}

/// What comes next in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// Samples, or what a codec has made of them, in the buffer handed in.
    Samples {
        /// RTP time of the first of them, extended.
        time: ExtendedTime,
        /// Their capture time by the sender's wall clock, if the packet carried it.
        ntp: Option<NtpTime>,
        /// When the packet arrived.
        arrival: Monotonic,
    },
    /// Nothing, for so many sample frames: lost on the way, or never captured. It is as long as nothing came:
    /// time that is ahead of that is no loss but another line, which is another source's
    /// ([`super::source`]).
    Hole {
        /// RTP time of the first one missing, extended.
        time: ExtendedTime,
        /// Sample frames missing.
        frames: usize,
    },
}

/// What happened to packets so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets handed out.
    pub packets: u64,
    /// Sample frames handed out.
    pub frames: u64,
    /// Sample frames missing.
    pub frames_lost: u64,
    /// Packets that came after they had been given up, or twice.
    pub late: u64,
    /// Packets that are not of this stream's format.
    pub malformed: u64,
}

/// Ordered sound out of packets.
#[derive(Debug)]
pub struct SoundDepayloader<P: Payloads> {
    payloads: P,
    /// How long a packet is waited for that its successors have overtaken.
    wait: Delay,
    next: Option<Next>,
    held: [Held<P::Item>; PACKETS_HELD],
    /// How many of these places are taken: none or one, as a rule, and then few are looked at.
    taken: usize,
    counts: Counts,
}

#[derive(Clone, Copy, Debug)]
struct Next {
    sequence: u64,
    time: ExtendedTime,
}

#[derive(Debug, Default)]
struct Held<T> {
    /// None: the place is free.
    sequence: Option<u64>,
    time: ExtendedTime,
    ntp: Option<NtpTime>,
    arrival: Monotonic,
    frames: usize,
    items: Vec<T>,
}

impl<T> Held<T> {
    /// When what is missing before it is given up.
    fn waits_until(&self, wait: Delay, latest: Latest<'_>) -> Monotonic {
        let end = self.arrival + wait;
        latest(self.time).map_or(end, |latest| latest.min(end))
    }
}

impl<P: Payloads> SoundDepayloader<P> {
    /// A depayloader for such payloads.
    #[must_use]
    pub fn of(payloads: P) -> Self {
        Self {
            payloads,
            wait: REORDER,
            next: None,
            held: core::array::from_fn(|_| Held {
                sequence: None,
                time: ExtendedTime::default(),
                ntp: None,
                arrival: Monotonic::default(),
                frames: 0,
                items: Vec::with_capacity(P::USUAL),
            }),
            taken: 0,
            counts: Counts::default(),
        }
    }

    /// Packets that are missing may come so much later than others: they are repaired.
    #[must_use]
    pub fn with_repair(mut self, later: Delay) -> Self {
        self.wait += later;
        self
    }

    /// What happened so far.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Forgets everything that is held: the source has changed.
    pub fn reset(&mut self) {
        self.next = None;
        for held in &mut self.held {
            held.sequence = None;
        }
        self.taken = 0;
    }

    /// Takes a packet. Bad ones are counted and change nothing.
    pub fn push(&mut self, packet: &SourcePacket<'_>) {
        let Some(frames) = self.payloads.frames(packet.payload) else {
            self.counts.malformed += 1;
            return;
        };
        let late = self.next.is_some_and(|next| packet.sequence < next.sequence);
        let twice = self.held().any(|(sequence, _)| sequence == packet.sequence);
        if late || twice {
            self.counts.late += 1;
            return;
        }
        // Without a free place the wait is over: poll was not called, or everything is ahead.
        let Some(held) = self.held.iter_mut().find(|held| held.sequence.is_none()) else {
            self.counts.late += 1;
            return;
        };
        self.payloads.read(packet.payload, &mut held.items);
        self.taken += 1;
        held.frames = frames;
        held.sequence = Some(packet.sequence);
        held.time = packet.time;
        held.ntp = packet.ntp;
        held.arrival = packet.arrival;
    }

    /// What comes next, if it is there or will not come any more. It is exchanged for the
    /// contents of `out`; nothing is allocated once buffers have grown to the packets' size.
    pub fn poll(
        &mut self,
        now: Monotonic,
        latest: Latest<'_>,
        out: &mut Vec<P::Item>,
    ) -> Option<Chunk> {
        let index = self.first()?;
        let full = self.taken == PACKETS_HELD;
        let end = if full { now } else { self.held[index].waits_until(self.wait, latest) };
        let held = &mut self.held[index];
        let sequence = held.sequence?;
        if let Some(next) = self.next {
            let missing = sequence != next.sequence;
            if missing && now < end {
                return None;
            }
            let hole = held.time.ticks_since(next.time);
            if hole > 0 {
                self.next = Some(Next { sequence, time: held.time });
                self.counts.frames_lost += hole.unsigned_abs();
                let frames = usize::try_from(hole).unwrap_or(0);
                return Some(Chunk::Hole { time: next.time, frames });
            }
        }
        let frames = held.frames;
        held.sequence = None;
        self.taken -= 1;
        core::mem::swap(&mut held.items, out);
        self.counts.packets += 1;
        self.counts.frames += frames as u64;
        let end = held.time.offset(i64::try_from(frames).unwrap_or(0));
        self.next = Some(Next { sequence: sequence + 1, time: end });
        Some(Chunk::Samples { time: held.time, ntp: held.ntp, arrival: held.arrival })
    }

    /// When to poll again even if nothing arrives.
    #[must_use]
    pub fn deadline(&self, latest: Latest<'_>) -> Option<Monotonic> {
        Some(self.held[self.first()?].waits_until(self.wait, latest))
    }

    fn first(&self) -> Option<usize> {
        self.held().min().map(|(_, index)| index)
    }

    /// The sequence numbers that are held, and their places.
    fn held(&self) -> impl Iterator<Item = (u64, usize)> {
        let held = self.held.iter().enumerate();
        held.filter_map(|(index, held)| Some((held.sequence?, index))).take(self.taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receive::l16::L16Depayloader;
    use streamsocket_wire::pcm;

    const WAIT: Monotonic = Monotonic(REORDER.nanos());

    fn push(depayloader: &mut L16Depayloader, sequence: u64) {
        let value = i16::try_from(sequence).unwrap();
        let mut payload = vec![0; 960];
        pcm::encode(&[value; 480], &mut payload).unwrap();
        let time = ExtendedTime(1000 + i64::from(value) * 240);
        depayloader.push(&SourcePacket {
            sequence,
            time,
            payload: &payload,
            ..SourcePacket::default()
        });
    }

    /// The first sample of each chunk, or minus the length of a hole.
    fn drain(depayloader: &mut L16Depayloader, now: Monotonic) -> Vec<i64> {
        let mut out = Vec::new();
        let mut seen = Vec::new();
        while let Some(chunk) = depayloader.poll(now, &|_| None, &mut out) {
            seen.push(match chunk {
                Chunk::Samples { time, .. } => {
                    assert_eq!(time, ExtendedTime(1000 + i64::from(out[0]) * 240));
                    i64::from(out[0])
                }
                Chunk::Hole { frames, .. } => -i64::try_from(frames).unwrap(),
            });
        }
        seen
    }

    #[test]
    fn packets_come_out_in_order() {
        let mut depayloader = L16Depayloader::new(2);
        push(&mut depayloader, 5);
        assert_eq!(drain(&mut depayloader, Monotonic(0)), [5]);
        for sequence in [7, 8, 6, 6, 5] {
            push(&mut depayloader, sequence);
        }
        assert_eq!(drain(&mut depayloader, Monotonic(0)), [6, 7, 8]);
        assert_eq!(depayloader.counts().late, 2);
    }

    #[test]
    fn a_loss_is_a_hole_of_its_length_after_the_wait() {
        let mut depayloader = L16Depayloader::new(2);
        push(&mut depayloader, 5);
        drain(&mut depayloader, Monotonic(0));
        push(&mut depayloader, 8);
        assert_eq!(drain(&mut depayloader, WAIT.offset(-1)), []);
        assert_eq!(depayloader.deadline(&|_| None), Some(WAIT));
        assert_eq!(drain(&mut depayloader, WAIT), [-480, 8]);
        push(&mut depayloader, 6);
        assert_eq!((depayloader.counts().late, depayloader.counts().frames_lost), (1, 480));
    }

    #[test]
    fn what_is_due_does_not_wait_for_what_is_missing() {
        let mut depayloader = L16Depayloader::new(2);
        push(&mut depayloader, 5);
        drain(&mut depayloader, Monotonic(0));
        push(&mut depayloader, 7);
        let latest = |time| (time == ExtendedTime(1000 + 7 * 240)).then_some(Monotonic(3));
        let mut out = Vec::new();
        assert_eq!(depayloader.poll(Monotonic(2), &latest, &mut out), None);
        assert_eq!(depayloader.deadline(&latest), Some(Monotonic(3)));
        let hole = Chunk::Hole { time: ExtendedTime(1000 + 6 * 240), frames: 240 };
        assert_eq!(depayloader.poll(Monotonic(3), &latest, &mut out), Some(hole));
    }

    #[test]
    fn an_outage_is_a_hole_of_its_length_however_long_it_was() {
        let mut depayloader = L16Depayloader::new(2);
        push(&mut depayloader, 5);
        drain(&mut depayloader, Monotonic(0));
        // 14 seconds of packets of 5 ms.
        push(&mut depayloader, 5 + 2801);
        assert_eq!(drain(&mut depayloader, WAIT), [-2800 * 240, 2806]);
        assert_eq!(depayloader.counts().frames_lost, 2800 * 240);
    }

    #[test]
    fn half_a_sample_frame_is_malformed() {
        let mut depayloader = L16Depayloader::new(2);
        for payload in [&[][..], &[1, 2], &[1, 2, 3]] {
            depayloader.push(&SourcePacket { sequence: 1, payload, ..SourcePacket::default() });
        }
        assert_eq!(depayloader.counts().malformed, 3);
    }
}
