//! The payloader of JPEG: cuts a picture into RTP packets (RFC 2435). All packets of a frame but
//! the last are equally long, so that the kernel can segment them (UDP_SEGMENT). The JPEG is not
//! touched and not copied.

use super::SEAL_RESERVE;
use super::frame_packets::{FramePackets, HEADER_MAX};
use core::fmt;
use streamsocket_wire::extension::{NTP64_LEN, emit_ntp64};
use streamsocket_wire::jpeg::{self, Main, Restart};
use streamsocket_wire::jpeg_scan::Scanned;
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::payload_format::PayloadFormat;
use streamsocket_wire::rtp::{self, RtpTime, Sequence, Ssrc};

/// Static payload type of JPEG (RFC 3551 table 5).
pub const PAYLOAD_TYPE: u8 = PayloadFormat::JPEG.number;

/// The largest fragment offset, RFC 2435 section 3.1.2: 24 bits.
const OFFSET_MAX: usize = (1 << 24) - 1;

/// Cuts frames into packets.
#[derive(Debug)]
pub struct JpegPayloader {
    ssrc: Ssrc,
    sequence: Sequence,
    packet_size: usize,
    ntp64_id: Option<u8>,
}

/// The times of one frame.
#[derive(Clone, Copy, Debug)]
pub struct CaptureTime {
    /// RTP time of its capture.
    pub time: RtpTime,
    /// Wall-clock time of its capture.
    pub ntp: NtpTime,
}

/// Why a frame could not be cut into packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// It has more bytes than a fragment offset can name.
    TooLong {
        /// Length of the frame's coded data, in bytes.
        len: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { len } => {
                write!(f, "a frame of {len} bytes is more than RTP/JPEG can carry ({OFFSET_MAX})")
            }
        }
    }
}

impl core::error::Error for Error {}

impl JpegPayloader {
    /// A payloader for the stream `ssrc` whose packets are `packet_size` bytes at most (the UDP
    /// payload, the reserve for a seal included). The capture time goes into the header extension
    /// `ntp64_id` of each first packet (RFC 6051).
    #[must_use]
    pub fn new(ssrc: Ssrc, first: Sequence, packet_size: usize, ntp64_id: Option<u8>) -> Self {
        let mut payloader = Self { ssrc, sequence: first, packet_size, ntp64_id };
        payloader.resize(packet_size);
        payloader
    }

    /// Packets are `packet_size` bytes at most from the next frame on.
    pub fn resize(&mut self, packet_size: usize) {
        // The first packet carries every header there is and must still carry data.
        self.packet_size = packet_size.saturating_sub(SEAL_RESERVE).max(HEADER_MAX + 1);
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

    /// Replaces the contents of `out` by the packets of `frame`.
    ///
    /// # Errors
    /// If the frame is longer than RFC 2435 has room for; nothing is to be sent then.
    pub fn packetize(
        &mut self,
        frame: &Scanned,
        stamp: CaptureTime,
        out: &mut FramePackets,
    ) -> Result<(), Error> {
        out.clear();
        let sequence = self.sequence;
        let mut offset = 0;
        while offset < frame.data.len() {
            let room = self.packet_size - self.header_len(frame, offset == 0);
            let end = (offset + room).min(frame.data.len());
            let payload = frame.data.start + offset..frame.data.start + end;
            let last = end == frame.data.len();
            let written = offset <= OFFSET_MAX
                && out.push(payload, |header| self.emit(frame, stamp, offset, last, header));
            if !written {
                self.sequence = sequence;
                out.clear();
                return Err(Error::TooLong { len: frame.data.len() });
            }
            self.sequence = self.sequence.next();
            offset = end;
        }
        Ok(())
    }

    fn header_len(&self, frame: &Scanned, first: bool) -> usize {
        let restart = if frame.picture.restart_interval == 0 { 0 } else { jpeg::RESTART_LEN };
        let once = if first {
            let extension = if self.ntp64_id.is_some() { NTP64_LEN } else { 0 };
            extension + jpeg::TABLE_HEADER_LEN + 128
        } else {
            0
        };
        rtp::HEADER_LEN + jpeg::MAIN_LEN + restart + once
    }

    fn emit(
        &self,
        frame: &Scanned,
        stamp: CaptureTime,
        offset: usize,
        last: bool,
        out: &mut [u8; HEADER_MAX],
    ) -> Result<usize, streamsocket_wire::Error> {
        let first = offset == 0;
        let extension = self.ntp64_id.filter(|_| first);
        let header = rtp::Header {
            marker: last,
            payload_type: PAYLOAD_TYPE,
            sequence: self.sequence,
            time: stamp.time,
            ssrc: self.ssrc,
            has_extension: extension.is_some(),
        };
        let mut at = header.emit(out)?;
        if let Some(id) = extension {
            at += emit_ntp64(id, stamp.ntp, &mut out[at..])?;
        }
        at += Main::of(&frame.picture, offset).emit(&mut out[at..])?;
        if frame.picture.restart_interval != 0 {
            // Packets are not cut at restart intervals: section 3.1.7 wants F = L = 1 then.
            let interval = frame.picture.restart_interval;
            let restart = Restart { interval, first: true, last: true, count: 0x3FFF };
            at += restart.emit(&mut out[at..])?;
        }
        if first {
            at += jpeg::emit_tables(&frame.picture.tables, &mut out[at..])?;
        }
        Ok(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamsocket_wire::jpeg::{Parameters, Payload, Sampling};

    const TABLES: [u8; 64] = [3; 64];

    fn frame(len: usize, restart_interval: u16) -> Scanned {
        let (sampling, tables) = (Sampling::S422, [TABLES, TABLES]);
        let picture = Parameters { width: 634, height: 470, sampling, restart_interval, tables };
        Scanned { picture, data: 600..600 + len, ended: true }
    }

    fn stamp() -> CaptureTime {
        CaptureTime { time: RtpTime(9), ntp: NtpTime(0x0123_4567_89AB_CDEF) }
    }

    fn cut(len: usize, restart_interval: u16) -> FramePackets {
        let mut packets = FramePackets::default();
        JpegPayloader::new(Ssrc(5), Sequence(65_535), 1400, Some(1))
            .packetize(&frame(len, restart_interval), stamp(), &mut packets)
            .unwrap();
        packets
    }

    #[test]
    fn all_packets_but_the_last_are_equally_long_and_cover_the_data() {
        for len in [1, 1000, 1_368, 5_000, 235_000] {
            let packets = cut(len, 0);
            let mut at = 600;
            for (index, packet) in packets.range(0..packets.len()).enumerate() {
                let last = index + 1 == packets.len();
                assert!(last || packet.len() == 1400 - SEAL_RESERVE);
                assert!(packet.len() <= 1400 - SEAL_RESERVE);
                assert_eq!(packet.payload.start, at);
                at = packet.payload.end;
            }
            assert_eq!(at, 600 + len);
        }
    }

    #[test]
    fn headers_say_what_rfc_2435_wants() {
        let packets = cut(5_000, 7);
        let jpeg = vec![0xAA; 6_000];
        for (index, packet) in packets.range(0..packets.len()).enumerate() {
            let bytes = [packet.header, &jpeg[packet.payload.clone()]].concat();
            let parsed = rtp::Packet::parse(&bytes).unwrap();
            let header = parsed.header();
            assert_eq!(
                header.sequence,
                Sequence(65_535_u16.wrapping_add(u16::try_from(index).unwrap()))
            );
            assert_eq!((header.marker, header.time), (index + 1 == packets.len(), RtpTime(9)));
            let time = parsed.extension().and_then(|extension| extension.ntp64(1));
            assert_eq!(time, (index == 0).then_some(stamp().ntp));
            let payload = Payload::parse(parsed.payload()).unwrap();
            assert_eq!((payload.main.width, payload.main.height), (640, 472));
            assert_eq!((payload.main.kind, payload.main.q), (64, 255));
            assert_eq!(payload.main.offset as usize + 600, packet.payload.start);
            let restart = payload.restart.unwrap();
            assert_eq!((restart.interval, restart.count), (7, 0x3FFF));
            assert_eq!(payload.tables.is_some(), index == 0);
        }
    }

    #[test]
    fn a_frame_beyond_the_offset_field_is_refused_and_uses_no_sequence_number() {
        let mut payloader = JpegPayloader::new(Ssrc(5), Sequence(1), 1400, None);
        let mut packets = FramePackets::default();
        let error = payloader.packetize(&frame(1 << 25, 0), stamp(), &mut packets);
        assert_eq!(error, Err(Error::TooLong { len: 1 << 25 }));
        assert_eq!((packets.len(), payloader.sequence), (0, Sequence(1)));
    }
}
