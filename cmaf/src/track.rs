//! A track, and its init segment (ISO/IEC 23000-19 section 7.3.1): `ftyp` and `moov`, without samples.

use crate::boxes::{boxed, full, half, word, words};
use bytes::Bytes;
use core::fmt::Write as _;

/// Number of the only track in a file.
pub(crate) const TRACK: u32 = 1;

/// Flags of a sample that all before it can be missing of: it depends on no other (ISO/IEC 14496-12 section 8.8.3.1).
pub(crate) const SYNC: u32 = 0x0200_0000;

/// Flags of a sample that depends on others, and is no place to begin at.
pub(crate) const NON_SYNC: u32 = 0x0101_0000;

/// Ticks of a second of pictures, as RTP has them.
const VIDEO_TIMESCALE: u32 = 90_000;

/// Sampling rates that an AudioSpecificConfig has a number for, by it (ISO/IEC 14496-3 table 1.18).
const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// Identity, as `mvhd` and `tkhd` have it.
const MATRIX: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];

/// What the samples of a track are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Track {
    /// H.264 in `avc1`: parameter sets are here alone, and NAL units have lengths of 4 bytes (ISO/IEC 14496-15).
    H264 {
        /// The sequence parameter set, from the byte on that says so (0x67).
        sps: Vec<u8>,
        /// The picture parameter set.
        pps: Vec<u8>,
        /// Width and height in pixels.
        size: (u16, u16),
    },
    /// AAC-LC, raw frames without ADTS headers (ISO/IEC 14496-3).
    Aac {
        /// Sample frames a second; also the timescale.
        rate: u32,
        /// 1 or 2.
        channels: u8,
    },
}

impl Track {
    /// Ticks a second of its times.
    #[must_use]
    pub fn timescale(&self) -> u32 {
        match self {
            Self::H264 { .. } => VIDEO_TIMESCALE,
            Self::Aac { rate, .. } => (*rate).max(1),
        }
    }

    /// Whether its samples are pictures.
    #[must_use]
    pub const fn is_video(&self) -> bool {
        matches!(self, Self::H264 { .. })
    }

    /// Its name in a playlist's CODECS (RFC 6381 section 3.3).
    #[must_use]
    pub fn codec(&self) -> String {
        match self {
            Self::H264 { sps, .. } => {
                let mut name = "avc1.".to_owned();
                for at in 1..4 {
                    // Writing into a string does not fail.
                    let _ = write!(name, "{:02X}", sps.get(at).copied().unwrap_or_default());
                }
                name
            }
            Self::Aac { .. } => "mp4a.40.2".to_owned(),
        }
    }

    /// 16 hexadecimal digits that are others for another init segment: its name. FNV-1a, which is the same in every
    /// build; nobody gains by finding two of a name, since only encoders make init segments.
    #[must_use]
    pub fn id(&self) -> String {
        const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0100_0000_01b3;
        let hash = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
        format!("{:016x}", self.init().iter().fold(BASIS, hash))
    }

    /// The init segment.
    #[must_use]
    pub fn init(&self) -> Bytes {
        let mut out = Vec::new();
        boxed(&mut out, *b"ftyp", |out| {
            out.extend_from_slice(b"iso6\0\0\0\0iso6cmfcmp41");
        });
        boxed(&mut out, *b"moov", |out| {
            full(out, *b"mvhd", 0, 0, |out| {
                words(out, &[0, 0, 1000, 0, 0x1_0000, 0x0100_0000, 0, 0]);
                words(out, &MATRIX);
                words(out, &[0, 0, 0, 0, 0, 0, TRACK + 1]);
            });
            boxed(out, *b"trak", |out| self.trak(out));
            boxed(out, *b"mvex", |out| {
                let flags = if self.is_video() { NON_SYNC } else { SYNC };
                full(out, *b"trex", 0, 0, |out| words(out, &[TRACK, 1, 0, 0, flags]));
            });
        });
        out.into()
    }

    fn trak(&self, out: &mut Vec<u8>) {
        let (width, height) = match self {
            Self::H264 { size, .. } => *size,
            Self::Aac { .. } => (0, 0),
        };
        // Enabled, in the movie, and in its preview.
        full(out, *b"tkhd", 0, 7, |out| {
            words(out, &[0, 0, TRACK, 0, 0, 0, 0, 0]);
            word(out, if self.is_video() { 0 } else { 0x0100_0000 });
            words(out, &MATRIX);
            words(out, &[u32::from(width) << 16, u32::from(height) << 16]);
        });
        boxed(out, *b"mdia", |out| {
            full(out, *b"mdhd", 0, 0, |out| {
                words(out, &[0, 0, self.timescale(), 0]);
                // The language is not known: "und".
                words(out, &[0x55c4_0000]);
            });
            full(out, *b"hdlr", 0, 0, |out| {
                word(out, 0);
                out.extend_from_slice(if self.is_video() { b"vide" } else { b"soun" });
                words(out, &[0, 0, 0]);
                out.push(0);
            });
            boxed(out, *b"minf", |out| self.minf(out));
        });
    }

    fn minf(&self, out: &mut Vec<u8>) {
        if self.is_video() {
            full(out, *b"vmhd", 0, 1, |out| words(out, &[0, 0]));
        } else {
            full(out, *b"smhd", 0, 0, |out| word(out, 0));
        }
        boxed(out, *b"dinf", |out| {
            full(out, *b"dref", 0, 0, |out| {
                word(out, 1);
                // In this file.
                full(out, *b"url ", 0, 1, |_| ());
            });
        });
        boxed(out, *b"stbl", |out| {
            full(out, *b"stsd", 0, 0, |out| {
                word(out, 1);
                match self {
                    Self::H264 { sps, pps, size } => avc1(out, sps, pps, *size),
                    Self::Aac { rate, channels } => mp4a(out, *rate, *channels),
                }
            });
            full(out, *b"stts", 0, 0, |out| word(out, 0));
            full(out, *b"stsc", 0, 0, |out| word(out, 0));
            full(out, *b"stsz", 0, 0, |out| words(out, &[0, 0]));
            full(out, *b"stco", 0, 0, |out| word(out, 0));
        });
    }
}

/// A sample entry begins with these: six reserved bytes, and where its data are.
fn entry(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1]);
}

fn avc1(out: &mut Vec<u8>, sps: &[u8], pps: &[u8], (width, height): (u16, u16)) {
    boxed(out, *b"avc1", |out| {
        entry(out);
        words(out, &[0, 0, 0, 0]);
        half(out, width);
        half(out, height);
        // 72 dots an inch, one picture a sample, no name of the compressor, 24 bits, no colour table.
        words(out, &[0x0048_0000, 0x0048_0000, 0]);
        half(out, 1);
        out.extend_from_slice(&[0; 32]);
        half(out, 24);
        half(out, u16::MAX);
        boxed(out, *b"avcC", |out| avcc(out, sps, pps));
    });
}

/// The decoder's configuration (ISO/IEC 14496-15 section 5.3.3.1).
fn avcc(out: &mut Vec<u8>, sps: &[u8], pps: &[u8]) {
    let byte = |at: usize| sps.get(at).copied().unwrap_or_default();
    // Lengths have four bytes; one set of each kind.
    out.extend_from_slice(&[1, byte(1), byte(2), byte(3), 0xff, 0xe1]);
    set(out, sps);
    out.push(1);
    set(out, pps);
    if matches!(byte(1), 100 | 110 | 122 | 144) {
        // 4:2:0 with 8 bits: what comes of JPEG here, whatever else these profiles may be.
        out.extend_from_slice(&[0xfd, 0xf8, 0xf8, 0]);
    }
}

/// A parameter set with its length; what is longer than can be said is no parameter set.
fn set(out: &mut Vec<u8>, set: &[u8]) {
    let length = u16::try_from(set.len()).unwrap_or_default();
    half(out, length);
    out.extend_from_slice(&set[..usize::from(length)]);
}

fn mp4a(out: &mut Vec<u8>, rate: u32, channels: u8) {
    boxed(out, *b"mp4a", |out| {
        entry(out);
        words(out, &[0, 0]);
        half(out, u16::from(channels));
        half(out, 16);
        word(out, 0);
        // 16.16: what does not fit is in the AudioSpecificConfig alone.
        word(out, u16::try_from(rate).map_or(0, |rate| u32::from(rate) << 16));
        full(out, *b"esds", 0, 0, |out| {
            let config = audio_specific_config(rate, channels);
            let length = u8::try_from(config.len()).unwrap_or_default();
            // ES_Descriptor, DecoderConfigDescriptor (AAC, audio), DecoderSpecificInfo, SLConfigDescriptor
            // (ISO/IEC 14496-1 section 7.2.6).
            out.extend_from_slice(&[3, 21 + length + 2, 0, u8::try_from(TRACK).unwrap_or(1), 0]);
            out.extend_from_slice(&[4, 13 + 2 + length, 0x40, 0x15, 0, 0, 0]);
            words(out, &[0, 0]);
            out.extend_from_slice(&[5, length]);
            out.extend_from_slice(&config);
            out.extend_from_slice(&[6, 1, 2]);
        });
    });
}

/// What an AAC decoder is told: object type 2 (LC), the rate, and the channels (ISO/IEC 14496-3 section 1.6.2.1). A
/// rate without a number is written out.
fn audio_specific_config(rate: u32, channels: u8) -> Vec<u8> {
    const LC: u64 = 2;
    let number = RATES.iter().position(|known| *known == rate);
    let (bits, length) = match number.and_then(|number| u64::try_from(number).ok()) {
        Some(number) => (LC << 4 | number, 9_usize),
        None => ((LC << 4 | 15) << 24 | u64::from(rate & 0x00ff_ffff), 33),
    };
    // Then the channels, and three flags that are not set.
    let bits = bits << 7 | u64::from(channels & 15) << 3;
    let bytes = length.div_ceil(8);
    bits.to_be_bytes()[8 - bytes..].to_vec()
}

#[cfg(test)]
mod tests;
