//! Opus (RFC 6716): what a packet says of itself, the parameters of its payload format (RFC 7587), and the header
//! that files begin with (RFC 7845). Nothing is decoded here.

use crate::payload_format::PayloadFormat;
use core::fmt;

/// Ticks of RTP time and decoded sample frames a second, whatever was encoded (RFC 7587 section 4.1).
pub const RATE: u32 = PayloadFormat::opus(0).clock_rate;

/// Milliseconds of sound in a packet at most (RFC 6716 section 3.2.5, requirement 5).
pub const PACKET_MS_MAX: u32 = 120;

/// Sample frames of a packet at most.
pub const FRAMES_MAX: usize = (RATE / 1000 * PACKET_MS_MAX) as usize;

/// Frames of 2.5 to 60 ms, in sample frames at [`RATE`], by the configuration in a packet's first byte (RFC 6716
/// table 2): SILK alone, hybrid, CELT alone.
const SILK: [u16; 4] = [480, 960, 1920, 2880];
const HYBRID: [u16; 2] = [480, 960];
const CELT: [u16; 4] = [120, 240, 480, 960];

/// Sample frames at [`RATE`] that a packet decodes to (RFC 6716 section 3.1 and 3.2); `None` if it is no packet.
#[must_use]
pub fn frames(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    let configuration = usize::from(first >> 3);
    let frame = match configuration {
        0..=11 => SILK[configuration % SILK.len()],
        12..=15 => HYBRID[configuration % HYBRID.len()],
        _ => CELT[configuration % CELT.len()],
    };
    let count = match first & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => usize::from(*packet.get(1)? & 0x3F),
    };
    let frames = usize::from(frame) * count;
    (1..=FRAMES_MAX).contains(&frames).then_some(frames)
}

/// The first number of a file's header, and what the file is named by.
const MAGIC: &[u8; 8] = b"OpusHead";

/// Bytes of [`head`].
pub const HEAD_LEN: usize = 19;

/// The identification header of a file (RFC 7845 section 5.1): one or two channels, of which the first `skip` sample
/// frames at [`RATE`] are not to be played, captured at `rate`.
#[must_use]
pub fn head(channels: u8, skip: u16, rate: u32) -> [u8; HEAD_LEN] {
    let mut out = [0; HEAD_LEN];
    out[..8].copy_from_slice(MAGIC);
    out[8] = 1;
    out[9] = channels;
    out[10..12].copy_from_slice(&skip.to_le_bytes());
    out[12..16].copy_from_slice(&rate.to_le_bytes());
    // No gain, and the mapping of one or two channels: 0.
    out
}

/// What a sender says of its Opus (RFC 7587 section 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// It is stereo rather than mono (`sprop-stereo`); a decoder takes either.
    pub stereo: bool,
    /// Bits a second on average (`maxaveragebitrate`), if said.
    pub bitrate: Option<u32>,
}

impl Parameters {
    /// Those of a description; what is not there is as the standard says.
    #[must_use]
    pub fn of(format: &PayloadFormat<'_>) -> Self {
        let all = format.fmtp.unwrap_or_default().split(';');
        let value = |name: &str| {
            let mut pairs = all.clone().filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|it| it.1.trim())
        };
        let stereo = value("sprop-stereo").or_else(|| value("stereo")) == Some("1");
        Self { stereo, bitrate: value("maxaveragebitrate").and_then(|it| it.parse().ok()) }
    }
}

impl fmt::Display for Parameters {
    /// As a description has them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stereo = u8::from(self.stereo);
        write!(f, "sprop-stereo={stereo};stereo={stereo}")?;
        self.bitrate.map_or(Ok(()), |bits| write!(f, ";maxaveragebitrate={bits}"))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::string::ToString;

    #[test]
    fn a_packet_says_how_long_it_is() {
        // Configuration 31, CELT at full band, 20 ms: one frame, two, and three.
        assert_eq!(frames(&[31 << 3, 1]), Some(960));
        assert_eq!(frames(&[31 << 3 | 1, 1]), Some(1920));
        assert_eq!(frames(&[31 << 3 | 3, 3, 1]), Some(2880));
        // The first of each kind: SILK of 10 ms, hybrid of 10, CELT of 2.5; and SILK of 60.
        let of = |configuration: u8| frames(&[configuration << 3]);
        assert_eq!([0, 12, 16, 11].map(of), [480, 480, 120, 2880].map(Some));
    }

    #[test]
    fn what_is_no_packet_has_no_length() {
        // Nothing; no number of frames; none; 7 frames of 20 ms, beyond 120 ms.
        for bytes in [&[][..], &[0xFB], &[0xFB, 0], &[0xFB, 7]] {
            assert_eq!(frames(bytes), None, "{bytes:?}");
        }
        assert_eq!(frames(&[0xFB, 6]), Some(FRAMES_MAX));
    }

    #[test]
    fn parameters_are_read_as_they_are_written() {
        for stereo in [false, true] {
            for bitrate in [None, Some(64_000)] {
                let parameters = Parameters { stereo, bitrate };
                let text = parameters.to_string();
                let format = PayloadFormat { fmtp: Some(&text), ..PayloadFormat::opus(99) };
                assert_eq!(Parameters::of(&format), parameters, "{text}");
            }
        }
        let of = |fmtp| Parameters::of(&PayloadFormat { fmtp, ..PayloadFormat::opus(99) });
        assert_eq!(of(None), Parameters { stereo: false, bitrate: None });
        assert!(of(Some("useinbandfec=1; STEREO=1")).stereo);
        assert!(!of(Some("stereo=1; sprop-stereo=0")).stereo);
    }

    #[test]
    fn a_header_has_its_19_bytes() {
        assert_eq!(&head(2, 312, 48_000), b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0");
    }
}
