//! From what was captured to packets, whatever the payload format. A new format is a variant of each enum here,
//! an arm in each method that matches on it, and a payloader of its own.

use super::frame_packets::FramePackets;
use super::jpeg::{self, CaptureTime, JpegPayloader};
use super::l16::{AudioPacket, L16Payloader};
use super::opus::{FrameTime, OpusPayloader};
use super::rtp_clock::{VIDEO_RATE, VideoClock};
use core::fmt;
use streamsocket_media::clock::{Monotonic, WallClock};
use streamsocket_wire::jpeg_scan::Scanned;
use streamsocket_wire::payload_format::PayloadFormat;
use streamsocket_wire::rtp::{RtpTime, Sequence, Ssrc};

/// Makes the packets of one stream.
#[derive(Debug)]
pub enum Payloader {
    /// JPEG (RFC 2435).
    Jpeg {
        /// Cuts pictures into packets.
        payloader: JpegPayloader,
        /// The stream's RTP clock.
        clock: VideoClock,
    },
    /// L16 (RFC 3551 section 4.5.11); its RTP clock counts the samples that it is given.
    L16(L16Payloader),
    /// Opus (RFC 7587), whose samples it [gathers](OpusPayloader::gather) first.
    Opus(OpusPayloader),
}

/// What is to be sent.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    /// A picture, by its headers: the coded data stays where it is.
    Jpeg(&'a Scanned),
    /// Samples, interleaved.
    L16(&'a [i16]),
    /// What a frame was encoded to, and when that was captured.
    Opus(&'a [u8], FrameTime),
}

/// Where packets go.
pub struct Out<'a> {
    /// Those of a frame, which are paced. They replace what was there.
    pub frame: &'a mut FramePackets,
    /// Those that leave at once.
    pub each: &'a mut dyn FnMut(AudioPacket<'_>),
}

/// Why there are no packets of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The picture cannot be cut.
    Jpeg(jpeg::Error),
    /// The stream has another payload format.
    OtherFormat,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jpeg(error) => error.fmt(f),
            Self::OtherFormat => f.write_str("the stream has another payload format"),
        }
    }
}

impl core::error::Error for Error {}

impl Payloader {
    /// The payload format of its packets, by which a description maps their payload type.
    #[must_use]
    pub const fn format(&self) -> PayloadFormat<'static> {
        match self {
            Self::Jpeg { .. } => PayloadFormat { clock_rate: VIDEO_RATE, ..PayloadFormat::JPEG },
            Self::L16(payloader) => payloader.format(),
            Self::Opus(payloader) => payloader.format(),
        }
    }

    /// Synchronization source.
    #[must_use]
    pub const fn ssrc(&self) -> Ssrc {
        match self {
            Self::Jpeg { payloader, .. } => payloader.ssrc(),
            Self::L16(payloader) => payloader.ssrc(),
            Self::Opus(payloader) => payloader.ssrc(),
        }
    }

    /// Sequence number of the next packet.
    #[must_use]
    pub const fn sequence(&self) -> Sequence {
        match self {
            Self::Jpeg { payloader, .. } => payloader.sequence(),
            Self::L16(payloader) => payloader.sequence(),
            Self::Opus(payloader) => payloader.sequence(),
        }
    }

    /// RTP time at any point of the capture clock.
    #[must_use]
    pub fn rtp_time(&self, at: Monotonic) -> RtpTime {
        match self {
            Self::Jpeg { clock, .. } => clock.rtp(at),
            Self::L16(payloader) => payloader.clock().rtp(at),
            Self::Opus(payloader) => payloader.rtp_time(at),
        }
    }

    /// Packets are `packet_size` bytes at most from the next one on: the UDP payload, the reserve for a seal
    /// included.
    pub fn resize(&mut self, packet_size: usize) {
        match self {
            Self::Jpeg { payloader, .. } => payloader.resize(packet_size),
            Self::L16(payloader) => payloader.resize(packet_size),
            // Who encodes makes them no longer.
            Self::Opus(_) => {}
        }
    }

    /// What is pushed next need not follow what was pushed before: the capture has broken off.
    pub const fn mark_discontinuity(&mut self) {
        match self {
            // Each picture has a capture time of its own.
            Self::Jpeg { .. } => {}
            Self::L16(payloader) => payloader.mark_discontinuity(),
            Self::Opus(payloader) => payloader.mark_discontinuity(),
        }
    }

    /// Makes a packet of what is left, shorter than the others: nothing follows.
    pub fn flush(&mut self, wall: &WallClock, out: &mut Out<'_>) {
        match self {
            // What is left of Opus is encoded first.
            Self::Jpeg { .. } | Self::Opus(_) => {}
            Self::L16(payloader) => payloader.flush(wall, &mut *out.each),
        }
    }

    /// By how much the clock of what is captured is faster than it says, in parts per million, once that is
    /// known; of pictures it is the machine's own.
    #[must_use]
    pub fn ppm(&self) -> Option<i32> {
        match self {
            Self::Jpeg { .. } => None,
            Self::L16(payloader) => payloader.clock().ppm(),
            Self::Opus(payloader) => payloader.ppm(),
        }
    }

    /// Makes packets of what was captured at `capture` (of samples, the first; Opus says it itself). Returns the capture time that they
    /// bear: no two pictures have the same.
    ///
    /// # Errors
    /// If the payload format has no room for it, or is another one; nothing is to be sent then.
    pub fn push(
        &mut self,
        payload: Payload<'_>,
        capture: Monotonic,
        wall: &WallClock,
        out: &mut Out<'_>,
    ) -> Result<Monotonic, Error> {
        match (self, payload) {
            (Self::Jpeg { payloader, clock }, Payload::Jpeg(frame)) => {
                let capture = clock.advance_to(capture);
                let stamp = CaptureTime { time: clock.rtp(capture), ntp: wall.ntp(capture) };
                payloader.packetize(frame, stamp, out.frame).map_err(Error::Jpeg)?;
                Ok(capture)
            }
            (Self::L16(payloader), Payload::L16(samples)) => {
                payloader.push(samples, capture, wall, &mut *out.each);
                Ok(capture)
            }
            (Self::Opus(payloader), Payload::Opus(packet, at)) => {
                payloader.pack(packet, at, wall, &mut *out.each);
                Ok(at.capture)
            }
            (Self::Jpeg { .. } | Self::L16(_) | Self::Opus(_), _) => Err(Error::OtherFormat),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::send::l16::L16Stream;
    use streamsocket_wire::jpeg::{Parameters, Sampling};
    use streamsocket_wire::rtp;

    const AT: Monotonic = Monotonic(1_000_000_000);

    fn jpeg() -> Payloader {
        let payloader = JpegPayloader::new(Ssrc(1), Sequence(7), 1400, None);
        Payloader::Jpeg { payloader, clock: VideoClock::new(AT, RtpTime(5)) }
    }

    fn l16() -> Payloader {
        let stream = L16Stream { ssrc: Ssrc(2), rate: 8_000, channels: 1, ntp64_id: None };
        Payloader::L16(L16Payloader::new(stream, Sequence(9), RtpTime(6)))
    }

    fn frame() -> Scanned {
        let (sampling, tables) = (Sampling::S420, [[1; 64]; 2]);
        let picture = Parameters { width: 16, height: 16, sampling, restart_interval: 0, tables };
        Scanned { picture, data: 0..3_000, ended: true }
    }

    #[test]
    fn each_names_its_format_and_its_packets_bear_that_number() {
        let (wall, mut packets) = (WallClock::new(AT, 0), FramePackets::default());
        let mut types = Vec::new();
        let mut each = |packet: AudioPacket<'_>| types.push(packet.header[1] & 0x7F);
        let mut out = Out { frame: &mut packets, each: &mut each };
        let (mut pictures, mut sound) = (jpeg(), l16());
        assert_eq!(sound.push(Payload::L16(&[1; 80]), AT, &wall, &mut out), Ok(AT));
        assert_eq!(pictures.push(Payload::Jpeg(&frame()), AT, &wall, &mut out), Ok(AT));
        let next = pictures.push(Payload::Jpeg(&frame()), AT, &wall, &mut out);
        assert!(next.unwrap() > AT);
        let other = sound.push(Payload::Jpeg(&frame()), AT, &wall, &mut out);
        assert_eq!(other, Err(Error::OtherFormat));
        assert_eq!(sound.format(), PayloadFormat::l16(97, 8_000, 1));
        assert_eq!(types, [97, 97]);
        assert_eq!(pictures.format(), PayloadFormat::JPEG);
        let header = [packets.get(0).unwrap().header, &[0; 1500][..]].concat();
        let header = rtp::Packet::parse(&header).unwrap().header();
        assert_eq!((header.payload_type, header.time), (26, pictures.rtp_time(next.unwrap())));
        let numbers = [&pictures, &sound].map(|it| (it.ssrc().0, it.sequence().0));
        assert_eq!(numbers, [(1, 13), (2, 11)]);
    }

    #[test]
    fn both_are_resized() {
        let (wall, mut packets) = (WallClock::new(AT, 0), FramePackets::default());
        let mut longest = 0;
        let mut each = |packet: AudioPacket<'_>| {
            longest = longest.max(packet.header.len() + packet.payload.len());
        };
        let mut out = Out { frame: &mut packets, each: &mut each };
        let (mut pictures, mut sound) = (jpeg(), l16());
        pictures.resize(300);
        sound.resize(80);
        sound.push(Payload::L16(&[1; 80]), AT, &wall, &mut out).unwrap();
        pictures.push(Payload::Jpeg(&frame()), AT, &wall, &mut out).unwrap();
        assert!((1..=80).contains(&longest), "{longest}");
        assert!(packets.range(0..packets.len()).all(|packet| packet.len() <= 300));
    }
}
