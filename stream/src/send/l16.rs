//! The payloader of L16: gathers samples into packets of 5 ms (RFC 3551 section 4.5.11), or of less where a
//! packet has no room for so much.

use super::SEAL_RESERVE;
use super::rtp_clock::AudioClock;
use streamsocket_media::clock::{Monotonic, WallClock};
use streamsocket_wire::extension::{NTP64_LEN, emit_ntp64};
use streamsocket_wire::payload_format::PayloadFormat;
use streamsocket_wire::pcm;
use streamsocket_wire::rtp::{self, RtpTime, Sequence, Ssrc};

/// Dynamic payload type of our L16, as the session description maps it.
pub const PAYLOAD_TYPE: u8 = 97;

/// The only payload type that PulseAudio 16.1 takes: all others it drops without a word.
const PAYLOAD_TYPE_PLAIN: u8 = 127;

/// What packets of sound look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// Their payload type.
    pub payload_type: u8,
    /// Id of the time extension, if they have it.
    pub ntp64_id: Option<u8>,
}

impl Form {
    /// Ours, with the time extension under this id; or if it is to be `plain` as PulseAudio and PipeWire take
    /// it, of which some take an extension for sound.
    #[must_use]
    pub const fn new(plain: bool, ntp64_id: u8) -> Self {
        if plain {
            Self { payload_type: PAYLOAD_TYPE_PLAIN, ntp64_id: None }
        } else {
            Self { payload_type: PAYLOAD_TYPE, ntp64_id: Some(ntp64_id) }
        }
    }
}

/// Milliseconds of sound in a packet: short enough not to be heard as delay, long enough that
/// headers stay below a tenth of the bytes.
pub const PACKET_MS: u32 = 5;

/// Sample frames of a packet: those of [`PACKET_MS`], or as equal a part of them as fits into `packet_size`
/// bytes (the UDP payload, the reserve for a seal included). At least one.
#[must_use]
pub fn packet_frames(rate: u32, channels: u8, packet_size: usize) -> u32 {
    let frames = (rate.saturating_mul(PACKET_MS) / 1000).max(1);
    let room = packet_size.saturating_sub(SEAL_RESERVE + rtp::HEADER_LEN + NTP64_LEN);
    let fitting = u32::try_from(room / (2 * usize::from(channels.max(1)))).unwrap_or(u32::MAX);
    let packets = frames.div_ceil(fitting.max(1));
    frames.div_ceil(packets)
}

/// Packets of sound out of samples.
#[derive(Debug)]
pub struct L16Payloader {
    ssrc: Ssrc,
    payload_type: u8,
    sequence: Sequence,
    clock: AudioClock,
    started: bool,
    /// Samples may be missing before the next ones.
    broken: bool,
    marker: bool,
    ntp64_id: Option<u8>,
    channels: usize,
    rate: u32,
    packet_samples: usize,
    pending: Vec<i16>,
    header: [u8; rtp::HEADER_LEN + NTP64_LEN],
    payload: Vec<u8>,
}

/// What a payloader needs to know of its stream.
#[derive(Clone, Copy, Debug)]
pub struct L16Stream {
    /// Synchronization source.
    pub ssrc: Ssrc,
    /// Sample frames a second.
    pub rate: u32,
    /// Samples a frame.
    pub channels: u8,
    /// Id of the time extension, if it is to be sent.
    pub ntp64_id: Option<u8>,
}

/// A packet to be sent: header and payload.
#[derive(Clone, Copy, Debug)]
pub struct AudioPacket<'a> {
    /// RTP header and extension.
    pub header: &'a [u8],
    /// Samples, big endian.
    pub payload: &'a [u8],
    /// Its sequence number.
    pub sequence: Sequence,
    /// Its RTP time.
    pub time: RtpTime,
}

impl L16Payloader {
    /// A payloader that starts with this sequence number and RTP time (both random, RFC 3550
    /// section 5.1).
    #[must_use]
    pub fn new(stream: L16Stream, first: Sequence, base: RtpTime) -> Self {
        let channels = usize::from(stream.channels.max(1));
        let mut payloader = Self {
            ssrc: stream.ssrc,
            payload_type: PAYLOAD_TYPE,
            sequence: first,
            clock: AudioClock::new(stream.rate, base),
            started: false,
            broken: false,
            marker: true,
            ntp64_id: stream.ntp64_id,
            channels,
            rate: stream.rate,
            packet_samples: 0,
            pending: Vec::new(),
            header: [0; rtp::HEADER_LEN + NTP64_LEN],
            payload: Vec::new(),
        };
        payloader.resize(usize::MAX);
        payloader
    }

    /// Packets are `packet_size` bytes at most from the next one on (see [`packet_frames`]); at first they
    /// are of 5 ms, whatever that takes.
    pub fn resize(&mut self, packet_size: usize) {
        let frames = packet_frames(self.rate, self.channel_count(), packet_size);
        self.packet_samples = usize::try_from(frames).unwrap_or(1) * self.channels;
        let longest = self.packet_samples.max(self.pending.len());
        self.pending.reserve(longest - self.pending.len());
        self.payload.resize(longest * 2, 0);
    }

    /// The same with another payload type.
    #[must_use]
    pub const fn with_payload_type(mut self, payload_type: u8) -> Self {
        self.payload_type = payload_type;
        self
    }

    /// The payload format of its packets.
    #[must_use]
    pub const fn format(&self) -> PayloadFormat<'static> {
        PayloadFormat::l16(self.payload_type, self.rate, self.channel_count())
    }

    #[expect(clippy::cast_possible_truncation, reason = "it was a u8")]
    const fn channel_count(&self) -> u8 {
        self.channels as u8
    }

    /// Synchronization source.
    #[must_use]
    pub const fn ssrc(&self) -> Ssrc {
        self.ssrc
    }

    /// Sequence number of the next packet.
    #[must_use]
    pub const fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// The stream's clock.
    #[must_use]
    pub const fn clock(&self) -> &AudioClock {
        &self.clock
    }

    /// True once the first samples have come.
    #[must_use]
    pub const fn is_started(&self) -> bool {
        self.started
    }

    /// The capture has broken off: the next samples need not follow those before.
    pub const fn mark_discontinuity(&mut self) {
        self.broken = true;
    }

    /// Takes interleaved samples, the first of which was captured at `capture`, and hands each
    /// packet that gets full to `send`.
    pub fn push(
        &mut self,
        samples: &[i16],
        capture: Monotonic,
        wall: &WallClock,
        mut send: impl FnMut(AudioPacket<'_>),
    ) {
        self.place(capture);
        let mut rest = samples;
        while !rest.is_empty() {
            let room = self.packet_samples.saturating_sub(self.pending.len());
            let (now, later) = rest.split_at(room.min(rest.len()));
            self.pending.extend_from_slice(now);
            rest = later;
            if self.pending.len() >= self.packet_samples {
                self.emit(wall, &mut send);
            }
        }
    }

    /// Sends what is left, a packet shorter than the others: the source has ended.
    pub fn flush(&mut self, wall: &WallClock, mut send: impl FnMut(AudioPacket<'_>)) {
        if !self.pending.is_empty() {
            self.emit(wall, &mut send);
        }
    }

    /// Says when the next samples were captured, and lets the sample count jump over what is missing
    /// before them.
    fn place(&mut self, capture: Monotonic) {
        let pending = self.pending.len() / self.channels;
        let broken = core::mem::take(&mut self.broken) && self.started;
        self.started = true;
        let missing = self.clock.observe(pending, capture, broken);
        if missing > 0 {
            // They end in the middle of a packet, and nothing follows them.
            self.clock.skip(pending as u64 + missing);
            self.pending.clear();
            self.marker = true;
        }
    }

    fn emit(&mut self, wall: &WallClock, send: &mut impl FnMut(AudioPacket<'_>)) {
        let header = rtp::Header {
            marker: std::mem::take(&mut self.marker),
            payload_type: self.payload_type,
            sequence: self.sequence,
            time: self.clock.next(),
            ssrc: self.ssrc,
            has_extension: self.ntp64_id.is_some(),
        };
        let mut header_len = header.emit(&mut self.header).unwrap_or(0);
        if let Some(id) = self.ntp64_id {
            let ntp = wall.ntp(self.clock.capture());
            header_len += emit_ntp64(id, ntp, &mut self.header[header_len..]).unwrap_or(0);
        }
        let payload_len = pcm::encode(&self.pending, &mut self.payload).unwrap_or(0);
        let (sequence, time) = (header.sequence, header.time);
        let payload = &self.payload[..payload_len];
        send(AudioPacket { header: &self.header[..header_len], payload, sequence, time });
        self.sequence = self.sequence.next();
        self.clock.advance(self.pending.len() / self.channels);
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEREO: L16Stream =
        L16Stream { ssrc: Ssrc(3), rate: 48_000, channels: 2, ntp64_id: Some(1) };

    fn times(payloader: &mut L16Payloader, frames: usize, capture: Monotonic) -> Vec<(u16, u32)> {
        let wall = WallClock::new(Monotonic(0), 0);
        let mut sent = Vec::new();
        payloader.push(&vec![1; frames * 2], capture, &wall, |packet| {
            let bytes = [packet.header, packet.payload].concat();
            let header = rtp::Packet::parse(&bytes).unwrap().header();
            assert_eq!(packet.payload.len(), 960);
            sent.push((header.sequence.0, header.time.0));
        });
        sent
    }

    #[test]
    fn samples_are_cut_into_packets_of_5_ms_whatever_the_chunks() {
        let mut payloader = L16Payloader::new(STEREO, Sequence(10), RtpTime(100));
        assert_eq!(times(&mut payloader, 100, Monotonic(0)), []);
        let at = Monotonic(payloader.clock.span_nanos(100));
        assert_eq!(times(&mut payloader, 400, at), [(10, 100), (11, 340)]);
    }

    /// Bytes of header and payload of the packets that so many sample frames are sent in.
    fn lengths(payloader: &mut L16Payloader, frames: usize) -> Vec<usize> {
        let (wall, mut sent) = (WallClock::new(Monotonic(0), 0), Vec::new());
        let samples = vec![1; frames * payloader.channels];
        payloader.push(&samples, Monotonic(0), &wall, |packet| {
            sent.push(packet.header.len() + packet.payload.len());
        });
        sent
    }

    #[test]
    fn packets_are_no_longer_than_they_may_be_and_alike() {
        for (rate, channels, size, frames) in [
            (48_000, 2, 1400, 240),
            (48_000, 2, 300, 60),
            (96_000, 2, 1000, 160),
            (96_000, 2, 1400, 240),
            (192_000, 2, 1400, 320),
            (8_000, 1, 300, 40),
            (384_000, 2, 1, 1),
        ] {
            assert_eq!(packet_frames(rate, channels, size), frames, "{rate} {channels} {size}");
            let stream = L16Stream { rate, channels, ..STEREO };
            let mut payloader = L16Payloader::new(stream, Sequence(0), RtpTime(0));
            payloader.resize(size);
            let part = usize::try_from(frames).unwrap();
            let sent = lengths(&mut payloader, 12 * part);
            let length = rtp::HEADER_LEN + NTP64_LEN + part * 2 * usize::from(channels);
            assert_eq!(sent, [length; 12]);
            assert!(length <= size || size == 1, "{length} of {size}");
        }
    }

    #[test]
    fn packets_get_shorter_and_longer_in_between_and_no_sample_is_lost() {
        let mut payloader = L16Payloader::new(STEREO, Sequence(0), RtpTime(0));
        let header = rtp::HEADER_LEN + NTP64_LEN;
        assert_eq!(lengths(&mut payloader, 430), [header + 960]);
        payloader.resize(300);
        // What was gathered leaves as it is.
        assert_eq!(lengths(&mut payloader, 60), [header + 760, header + 240]);
        assert_eq!(lengths(&mut payloader, 20), []);
        payloader.resize(1400);
        assert_eq!(lengths(&mut payloader, 220), [header + 960]);
    }

    #[test]
    fn a_hole_in_the_capture_is_a_hole_in_rtp_time() {
        let mut payloader = L16Payloader::new(STEREO, Sequence(0), RtpTime(0));
        times(&mut payloader, 240, Monotonic(0));
        payloader.mark_discontinuity();
        // 100 ms are missing between 5 ms and 105 ms.
        assert_eq!(times(&mut payloader, 240, Monotonic(105_000_000)), [(1, 5_040)]);
    }

    #[test]
    fn a_late_stamp_is_no_hole_but_late_stamps_for_a_second_are() {
        let mut payloader = L16Payloader::new(STEREO, Sequence(0), RtpTime(0));
        let mut stamp = |packet: i64, late_ms: i64| {
            times(&mut payloader, 240, Monotonic(packet * 5_000_000 + late_ms * 1_000_000))[0].1
        };
        assert_eq!(stamp(0, 0), 0);
        assert_eq!((stamp(1, 4), stamp(2, 500), stamp(3, 0)), (240, 480, 720));
        assert!((4..6_000).all(|packet| i64::from(stamp(packet, 0)) == packet * 240));
        // 40 ms, less what the loop has followed in a second.
        let jumps = (6_000..7_000).map(|packet| i64::from(stamp(packet, 40)) - packet * 240);
        let jumps: Vec<_> = jumps.collect();
        let first = jumps.iter().position(|jump| *jump != 0).unwrap();
        assert!((190..=410).contains(&first), "{first}");
        assert!((1_800..=1_920).contains(&jumps[first]), "{jumps:?}");
        assert_eq!(jumps[first], jumps[999]);
    }
}
