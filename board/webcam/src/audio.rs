//! The stream of sound: how many samples each millisecond's packet has, by the microphone's own
//! clock, and when a packet has been heard. Time comes in as an argument.

use crate::report::MILLISECOND;
use crate::sound::Sound;
use crate::usbip::Packet;

/// Transfers are answered on this beat, not each in its own millisecond: an emulated processor
/// could not keep up with a thousand a second.
pub(crate) const BEAT: i64 = 4 * MILLISECOND;

/// Being late by more than this, it leaves out what a bus that is not served would have lost. Until
/// then it catches up, and nobody sees a wrong rate.
const LATE_MAX: i64 = 500 * MILLISECOND;

/// One part in `ppm`.
const MILLION: i128 = 1_000_000;

/// A stream from its start to its stop.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Sample frames a second of a clock without an error.
    rate: u32,
    ppm: i32,
    /// When the first packet began; `None` until it is asked for.
    start: Option<i64>,
    /// Packets asked for since.
    asked: i64,
    /// Packets sent and sample frames in them, since the stream began.
    sent: u64,
    samples: u64,
    /// Where in the sound the stream began: what is heard goes on while nobody listens.
    base: u64,
}

impl Stream {
    /// A stream that begins with the first packet asked for.
    pub(crate) const fn new(sound: &Sound, ppm: i32) -> Self {
        Self { rate: sound.rate, ppm, start: None, asked: 0, sent: 0, samples: 0, base: 0 }
    }

    /// The host asks for that many packets more; returns when they are due, and how much sound was
    /// left out because nobody had asked for it.
    pub(crate) fn ask(&mut self, packets: usize, now: i64) -> (i64, i64) {
        if self.start.is_none() {
            let milliseconds = u64::try_from(now / MILLISECOND).unwrap_or(0);
            self.base = self.samples_after(milliseconds).wrapping_sub(self.samples);
        }
        let start = *self.start.get_or_insert(now);
        self.asked += i64::try_from(packets).unwrap_or(0);
        let late = now - (start + self.asked * MILLISECOND);
        let late = if late > LATE_MAX { late } else { 0 };
        let lost = self.samples_after(u64::try_from(late / MILLISECOND).unwrap_or(0));
        self.base = self.base.wrapping_add(lost);
        self.start = Some(start + late);
        let heard = start + late + self.asked * MILLISECOND;
        ((heard / BEAT + 1) * BEAT, late)
    }

    /// The host has stopped asking: the next packet asked for begins anew.
    pub(crate) const fn pause(&mut self) {
        self.start = None;
        self.asked = 0;
    }

    /// Fills a transfer: samples into `data`, their bytes for each packet into `filled`.
    pub(crate) fn fill(
        &mut self,
        sound: &Sound,
        packets: &[Packet],
        data: &mut Vec<u8>,
        filled: &mut Vec<u32>,
    ) {
        for packet in packets {
            self.sent += 1;
            let frame = sound.frame_len() as u64;
            let room = u64::from(packet.length) / frame;
            let count = (self.samples_after(self.sent) - self.samples).min(room);
            sound.write(self.base.wrapping_add(self.samples), count, data);
            self.samples += count;
            // Not longer than the packet, whose length has 32 bits.
            filled.push(u32::try_from(count * frame).unwrap_or(0));
        }
    }

    /// Sample frames that the microphone has heard after that many milliseconds.
    fn samples_after(&self, milliseconds: u64) -> u64 {
        let clock = i128::from(self.rate) * (MILLION + i128::from(self.ppm));
        let samples = i128::from(milliseconds) * clock / (1000 * MILLION);
        u64::try_from(samples).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::microphone;
    use crate::report::SECOND;

    const HOUR: u64 = 3_600_000;

    fn sound(channels: &str, rate: &str) -> Sound {
        microphone(&["--microphone", channels, "--microphone-rate", rate]).sound.unwrap()
    }

    #[test]
    fn the_clock_has_the_error_it_was_given() {
        let sound = sound("stereo", "48000");
        for (ppm, samples) in [(0, 172_800_000), (200, 172_834_560), (-200, 172_765_440)] {
            assert_eq!(Stream::new(&sound, ppm).samples_after(HOUR), samples);
        }
        // A year.
        assert_eq!(Stream::new(&sound, 1).samples_after(8760 * HOUR), 1_513_729_513_728);
    }

    #[test]
    fn the_ramp_has_no_break_from_packet_to_packet() {
        for (rate, ppm) in [("48000", 200), ("44100", -200), ("16000", 0), ("11025", 10_000)] {
            let sound = sound("stereo", rate);
            let mut stream = Stream::new(&sound, ppm);
            let (mut data, mut filled) = (Vec::new(), Vec::new());
            for _ in 0..1000 {
                let packets = [Packet { offset: 0, length: 400 }; 8];
                stream.fill(&sound, &packets, &mut data, &mut filled);
            }
            assert_eq!(filled.iter().map(|it| *it as usize).sum::<usize>(), data.len());
            assert_eq!(data.len() as u64 / 4, stream.samples_after(8000));
            for (number, frame) in data.chunks_exact(4).enumerate() {
                let left = u16::from_le_bytes([frame[0], frame[1]]);
                assert_eq!(usize::from(left), number % 65_536);
                assert_eq!(u16::from_le_bytes([frame[2], frame[3]]), !left);
            }
        }
    }

    /// The first sample of a packet that is asked for.
    fn first_sample(stream: &mut Stream, sound: &Sound, now: i64) -> u16 {
        let (mut data, mut filled) = (Vec::new(), Vec::new());
        stream.ask(1, now);
        stream.fill(sound, &[Packet { offset: 0, length: 200 }], &mut data, &mut filled);
        u16::from_le_bytes([data[0], data[1]])
    }

    #[test]
    fn what_is_heard_goes_on_while_nobody_listens() {
        let sound = sound("mono", "48000");
        let mut stream = Stream::new(&sound, 0);
        let mut first = |now| {
            let sample = first_sample(&mut stream, &sound, now);
            stream.pause();
            sample
        };
        assert_eq!((first(0), first(SECOND), first(SECOND + MILLISECOND)), (0, 48_000, 48_048));
    }

    #[test]
    fn what_nobody_asks_for_in_time_is_lost() {
        let sound = sound("mono", "48000");
        let mut stream = Stream::new(&sound, 0);
        let mut first = |now| first_sample(&mut stream, &sound, now);
        // The second packet, and a second that is missing before it.
        assert_eq!((first(0), first(SECOND + 2 * MILLISECOND)), (0, 48 + 48_000));
    }

    #[test]
    fn what_does_not_fit_a_packet_comes_with_the_next() {
        let sound = sound("mono", "48000");
        let mut stream = Stream::new(&sound, 0);
        let (mut data, mut filled) = (Vec::new(), Vec::new());
        let packets = [10, 200].map(|length| Packet { offset: 0, length });
        stream.fill(&sound, &packets, &mut data, &mut filled);
        assert_eq!(filled, [10, 2 * (48 + 43)]);
    }

    #[test]
    fn packets_are_due_once_they_are_heard() {
        let mut stream = Stream::new(&sound("mono", "48000"), 0);
        let now = 10 * SECOND;
        assert_eq!(stream.ask(1, now), (now + BEAT, 0));
        assert_eq!(stream.ask(3, now), (now + 2 * BEAT, 0));
        // Late, and catching up.
        assert_eq!(stream.ask(1, now + SECOND / 2), (now + 2 * BEAT, 0));
        // Too late for that.
        let (due, late) = stream.ask(1, now + 3 * SECOND);
        assert_eq!((due, late), (now + 3 * SECOND + BEAT, 3 * SECOND - 6 * MILLISECOND));
        stream.pause();
        assert_eq!(stream.ask(1, now), (now + BEAT, 0));
    }
}
