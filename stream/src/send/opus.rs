//! The payloader of Opus (RFC 7587). It gathers samples into frames of 20 ms, which somebody else encodes, and makes a
//! packet of each.

use super::SEAL_RESERVE;
use super::l16::AudioPacket;
use super::rtp_clock::AudioClock;
use streamsocket_media::clock::{Monotonic, WallClock};
use streamsocket_wire::extension::{NTP64_LEN, emit_ntp64};
use streamsocket_wire::opus::RATE;
use streamsocket_wire::payload_format::PayloadFormat;
use streamsocket_wire::rtp::{self, RtpTime, Sequence, Ssrc};

/// Dynamic payload type of our Opus, as the session description maps it: the next after those of L16 and of repair
/// packets.
pub const PAYLOAD_TYPE: u8 = 99;

/// Milliseconds of sound in a packet: what the format is made for (RFC 7587 section 4.2). Shorter ones sound worse at
/// the same rate.
pub const PACKET_MS: u32 = 20;

/// Packets of Opus in a block of repair: 40 ms, as of other sound.
pub const REPAIR_PACKETS: u16 = 2;

/// The longest packet of a codec, in bytes, such that with headers and the reserve for a seal it fits into
/// `packet_size` bytes of UDP payload.
#[must_use]
pub const fn room(packet_size: usize) -> usize {
    packet_size.saturating_sub(SEAL_RESERVE + rtp::HEADER_LEN + NTP64_LEN)
}

/// Whether sound of so many sample frames a second can be encoded: the rates that the codec takes (RFC 6716 section 2).
#[must_use]
pub const fn takes(rate: u32) -> bool {
    matches!(rate, 8_000 | 12_000 | 16_000 | 24_000 | 48_000)
}

/// What a payloader needs to know of its stream.
#[derive(Clone, Copy, Debug)]
pub struct OpusStream {
    /// Synchronization source.
    pub ssrc: Ssrc,
    /// Sample frames a second that are captured: one of those that it [`takes`].
    pub rate: u32,
    /// Samples a frame.
    pub channels: u8,
    /// By how many sample frames at that rate what is decoded is later than what was encoded.
    pub lookahead: u32,
    /// Id of the time extension, if it is to be sent.
    pub ntp64_id: Option<u8>,
}

/// When what a packet decodes to was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameTime {
    /// RTP time of the first sample.
    pub time: RtpTime,
    /// Its capture time.
    pub capture: Monotonic,
    /// It does not follow the frame before: there was none, or something is missing between them.
    pub begins: bool,
}

/// Packets of Opus out of samples and of what a codec has made of them.
#[derive(Debug)]
pub struct OpusPayloader {
    stream: OpusStream,
    sequence: Sequence,
    /// Counts in ticks of RTP time, several for each sample frame at lower rates.
    clock: AudioClock,
    ticks: usize,
    started: bool,
    /// Samples may be missing before the next ones.
    broken: bool,
    begins: bool,
    frame_samples: usize,
    pending: Vec<i16>,
    header: [u8; rtp::HEADER_LEN + NTP64_LEN],
}

impl OpusPayloader {
    /// A payloader that starts with this sequence number and RTP time (both random, RFC 3550 section 5.1).
    #[must_use]
    pub fn new(stream: OpusStream, first: Sequence, base: RtpTime) -> Self {
        let channels = usize::from(stream.channels.max(1));
        let frames = usize::try_from(stream.rate * PACKET_MS / 1000).unwrap_or(0).max(1);
        Self {
            stream,
            sequence: first,
            clock: AudioClock::new(RATE, base),
            ticks: usize::try_from(RATE / stream.rate.max(1)).unwrap_or(1).max(1),
            started: false,
            broken: false,
            begins: true,
            frame_samples: frames * channels,
            pending: Vec::with_capacity(frames * channels),
            header: [0; rtp::HEADER_LEN + NTP64_LEN],
        }
    }

    /// The payload format of its packets.
    #[must_use]
    pub const fn format(&self) -> PayloadFormat<'static> {
        PayloadFormat::opus(PAYLOAD_TYPE)
    }

    /// Synchronization source.
    #[must_use]
    pub const fn ssrc(&self) -> Ssrc {
        self.stream.ssrc
    }

    /// Sequence number of the next packet.
    #[must_use]
    pub const fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// By how much the card is faster than it says, in parts per million, once that is known.
    #[must_use]
    pub fn ppm(&self) -> Option<i32> {
        self.clock.ppm()
    }

    /// RTP time at any point of the capture clock: that of the sample that was captured then, once it is decoded.
    #[must_use]
    pub fn rtp_time(&self, at: Monotonic) -> RtpTime {
        self.clock.rtp(at.offset(self.later()))
    }

    /// The capture has broken off: the next samples need not follow those before.
    pub const fn mark_discontinuity(&mut self) {
        self.broken = true;
    }

    /// Takes interleaved samples, the first of which was captured at `capture`, and hands on each frame that gets full,
    /// to be encoded and then [packed](Self::pack) with its time.
    pub fn gather(
        &mut self,
        samples: &[i16],
        capture: Monotonic,
        mut each: impl FnMut(&[i16], FrameTime),
    ) {
        self.place(capture);
        let mut rest = samples;
        while !rest.is_empty() {
            let room = self.frame_samples.saturating_sub(self.pending.len());
            let (now, later) = rest.split_at(room.min(rest.len()));
            self.pending.extend_from_slice(now);
            rest = later;
            if self.pending.len() >= self.frame_samples {
                self.hand_on(&mut each);
            }
        }
    }

    /// Hands on what is left, with silence behind it that brings the last sample out of the codec: the source has ended.
    pub fn flush(&mut self, mut each: impl FnMut(&[i16], FrameTime)) {
        if !self.started {
            return;
        }
        let channels = usize::from(self.stream.channels.max(1));
        let lookahead = usize::try_from(self.stream.lookahead).unwrap_or(0) * channels;
        let mut left = self.pending.len() + lookahead;
        while left > 0 {
            self.pending.resize(self.frame_samples, 0);
            self.hand_on(&mut each);
            left = left.saturating_sub(self.frame_samples);
        }
    }

    /// Makes a packet of what a frame was encoded to.
    pub fn pack(
        &mut self,
        payload: &[u8],
        at: FrameTime,
        wall: &WallClock,
        send: impl FnOnce(AudioPacket<'_>),
    ) {
        let header = rtp::Header {
            marker: at.begins,
            payload_type: PAYLOAD_TYPE,
            sequence: self.sequence,
            time: at.time,
            ssrc: self.stream.ssrc,
            has_extension: self.stream.ntp64_id.is_some(),
        };
        let mut header_len = header.emit(&mut self.header).unwrap_or(0);
        if let Some(id) = self.stream.ntp64_id {
            let ntp = wall.ntp(at.capture);
            header_len += emit_ntp64(id, ntp, &mut self.header[header_len..]).unwrap_or(0);
        }
        let (sequence, time) = (header.sequence, header.time);
        send(AudioPacket { header: &self.header[..header_len], payload, sequence, time });
        self.sequence = self.sequence.next();
    }

    /// Nanoseconds by which a sample is later once it is decoded.
    fn later(&self) -> i64 {
        let ticks = usize::try_from(self.stream.lookahead).unwrap_or(0) * self.ticks;
        self.clock.span_nanos(ticks)
    }

    /// Says when the next samples were captured, and lets the count jump over what is missing before them.
    fn place(&mut self, capture: Monotonic) {
        let pending = self.pending.len() / usize::from(self.stream.channels.max(1)) * self.ticks;
        let broken = core::mem::take(&mut self.broken) && self.started;
        self.started = true;
        let missing = self.clock.observe(pending, capture, broken);
        if missing > 0 {
            // They end in the middle of a frame, and nothing follows them.
            self.clock.skip(pending as u64 + missing);
            self.pending.clear();
            self.begins = true;
        }
    }

    fn hand_on(&mut self, each: &mut impl FnMut(&[i16], FrameTime)) {
        let at = FrameTime {
            time: self.clock.next(),
            capture: self.clock.capture().offset(-self.later()),
            begins: core::mem::take(&mut self.begins),
        };
        each(&self.pending, at);
        let frames = self.pending.len() / usize::from(self.stream.channels.max(1));
        self.clock.advance(frames * self.ticks);
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamsocket_wire::rtp::Packet;

    const SECOND: Monotonic = Monotonic(1_000_000_000);
    const MS: i64 = 1_000_000;

    fn payloader(rate: u32, lookahead: u32) -> OpusPayloader {
        let stream = OpusStream { ssrc: Ssrc(7), rate, channels: 2, lookahead, ntp64_id: Some(1) };
        OpusPayloader::new(stream, Sequence(65_535), RtpTime(5))
    }

    /// The lengths and times of the frames that so many milliseconds of samples at `capture` make.
    fn frames(
        payloader: &mut OpusPayloader,
        ms: u32,
        capture: Monotonic,
    ) -> Vec<(usize, FrameTime)> {
        let mut frames = Vec::new();
        let samples = vec![1; usize::try_from(payloader.stream.rate * ms / 1000).unwrap() * 2];
        payloader.gather(&samples, capture, |frame, at| frames.push((frame.len(), at)));
        frames
    }

    #[test]
    fn frames_have_20_ms_and_the_time_of_what_is_heard_when_they_are_decoded() {
        let mut sound = payloader(48_000, 312);
        assert_eq!(frames(&mut sound, 15, SECOND), []);
        let made = frames(&mut sound, 30, SECOND.offset(15 * MS));
        // 312 samples at 48 kHz are 6.5 ms.
        let at = |ms: i64| SECOND.offset(ms * MS - 6_500_000);
        let first = FrameTime { time: RtpTime(5), capture: at(0), begins: true };
        let second = FrameTime { time: RtpTime(965), capture: at(20), begins: false };
        assert_eq!(made, [(1920, first), (1920, second)]);
        // A report at the capture of a sample says its RTP time.
        assert_eq!(sound.rtp_time(at(0)), RtpTime(5));
        assert_eq!(sound.rtp_time(SECOND), RtpTime(5 + 312));
    }

    #[test]
    fn rtp_time_runs_at_48_khz_whatever_is_captured() {
        for rate in [8_000, 12_000, 16_000, 24_000, 48_000] {
            assert!(takes(rate));
            let mut sound = payloader(rate, rate * 13 / 2_000);
            let made = frames(&mut sound, 60, SECOND);
            let times: Vec<_> = made.iter().map(|(_, at)| at.time.0).collect();
            assert_eq!(times, [5, 965, 1925], "{rate}");
            assert_eq!(made[0].1.capture, SECOND.offset(-6_500_000), "{rate}");
        }
        assert!(!takes(44_100) && !takes(96_000));
    }

    #[test]
    fn a_hole_is_jumped_over_and_what_follows_begins_anew() {
        let mut sound = payloader(16_000, 0);
        assert_eq!(frames(&mut sound, 30, SECOND).len(), 1);
        sound.mark_discontinuity();
        let made = frames(&mut sound, 20, SECOND.offset(130 * MS));
        let at = FrameTime {
            time: RtpTime(5 + 130 * 48),
            capture: SECOND.offset(130 * MS),
            begins: true,
        };
        // The 10 ms before the hole are given up: nothing follows them.
        assert_eq!(made, [(640, at)]);
    }

    #[test]
    fn the_end_brings_out_what_the_codec_holds() {
        let mut sound = payloader(48_000, 312);
        let count = |payloader: &mut OpusPayloader| {
            let mut made = Vec::new();
            payloader.flush(|frame, _| made.push(frame.iter().filter(|it| **it == 1).count()));
            made
        };
        assert_eq!(count(&mut sound), [0; 0], "nothing has come");
        frames(&mut sound, 15, SECOND);
        assert_eq!(count(&mut sound), [1440, 0]);
        frames(&mut sound, 25, SECOND.offset(40 * MS));
        assert_eq!(count(&mut sound), [480]);
    }

    #[test]
    fn a_packet_has_its_number_time_and_extension() {
        let (mut sound, wall) = (payloader(48_000, 312), WallClock::new(SECOND, 0));
        let mut packets = Vec::new();
        let at = FrameTime { time: RtpTime(9), capture: SECOND, begins: true };
        for at in [at, FrameTime { begins: false, ..at }] {
            let pack = |it: AudioPacket<'_>| packets.push([it.header, it.payload].concat());
            sound.pack(&[31 << 3, 2, 3], at, &wall, pack);
        }
        for (bytes, (marker, sequence)) in packets.iter().zip([(true, 65_535), (false, 0)]) {
            let packet = Packet::parse(bytes).unwrap();
            let header = packet.header();
            assert_eq!((header.marker, header.sequence), (marker, Sequence(sequence)));
            assert_eq!((header.payload_type, header.time, header.ssrc), (99, RtpTime(9), Ssrc(7)));
            assert_eq!(packet.payload(), [31 << 3, 2, 3]);
            assert!(header.has_extension);
        }
        assert_eq!(room(1400), 1400 - packets[0].len() + 3 - SEAL_RESERVE);
    }
}
