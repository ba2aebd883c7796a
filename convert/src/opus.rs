//! Samples to Opus (RFC 6716), by libopus: packets of 20 ms, all of the same length, so that what is said cannot be told
//! from the lengths of what is encrypted (RFC 6562), and so that repair packets are no longer than they need to be.

use core::fmt;
use core::ops::RangeInclusive;
use opus::{Application, Bitrate, Channels};

/// What may be asked for, in kbit/s: below is no speech to be understood, above nothing is gained (RFC 7587 section
/// 3.1.1).
pub const KBIT: RangeInclusive<u16> = 6..=256;

/// What mono and stereo have unless something else is asked for, in kbit/s: speech and music as most people cannot tell
/// from the original (RFC 7587 section 3.1.1 has 28 to 40 for speech, 64 to 128 for music in stereo).
const KBIT_MONO: u16 = 64;
const KBIT_STEREO: u16 = 96;

/// How much work is done for the sound, of 10: half of what libopus does by itself (9), in half to three quarters of its
/// time. What is gained beyond is heard at low rates only, if at all.
const COMPLEXITY: i32 = 5;

/// The rate for so many channels unless another one is asked for, in kbit/s.
#[must_use]
pub const fn usual_kbit(channels: u8) -> u16 {
    if channels > 1 { KBIT_STEREO } else { KBIT_MONO }
}

/// What is to be encoded, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Sample frames a second: 8000, 12,000, 16,000, 24,000 or 48,000.
    pub rate: u32,
    /// Samples of a frame: one or two.
    pub channels: u8,
    /// Bits a second.
    pub bits: u32,
}

/// What libopus says to something that it does not take: one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opus: {}", self.0)
    }
}

impl core::error::Error for Error {}

impl From<opus::Error> for Error {
    fn from(error: opus::Error) -> Self {
        Self(error.to_string())
    }
}

/// An encoder of one stream.
#[derive(Debug)]
pub struct Encoder {
    encoder: opus::Encoder,
    lookahead: u32,
}

impl Encoder {
    /// An encoder that has heard nothing.
    ///
    /// # Errors
    /// A rate or channels that the codec does not have.
    pub fn new(order: Order) -> Result<Self, Error> {
        let channels = match order.channels {
            1 => Channels::Mono,
            2 => Channels::Stereo,
            other => return Err(Error(format!("{other} channels; it has one or two"))),
        };
        let mut encoder = opus::Encoder::new(order.rate, channels, Application::Audio)?;
        encoder.set_bitrate(Bitrate::Bits(i32::try_from(order.bits).unwrap_or(i32::MAX)))?;
        encoder.set_vbr(false)?;
        encoder.set_complexity(COMPLEXITY)?;
        let lookahead = u32::try_from(encoder.get_lookahead()?).unwrap_or(0);
        Ok(Self { encoder, lookahead })
    }

    /// By how many sample frames what is decoded is later than what was encoded.
    #[must_use]
    pub const fn lookahead(&self) -> u32 {
        self.lookahead
    }

    /// Encodes 20 ms of interleaved samples to a packet, as many bytes at most as `out` has room for. Returns its length.
    ///
    /// # Errors
    /// So many samples make no packet.
    pub fn encode(&mut self, samples: &[i16], out: &mut [u8]) -> Result<usize, Error> {
        Ok(self.encoder.encode(samples, out)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamsocket_wire::opus::{FRAMES_MAX, frames};

    const ORDER: Order = Order { rate: 48_000, channels: 1, bits: 64_000 };

    /// Where a click at this sample frame is heard once it is encoded and decoded, at 48 kHz.
    fn heard(order: Order, at: usize) -> (i64, u32) {
        let mut encoder = Encoder::new(order).unwrap();
        let channels = usize::from(order.channels);
        let ours = if channels == 1 { Channels::Mono } else { Channels::Stereo };
        let mut decoder = opus::Decoder::new(48_000, ours).unwrap();
        let frame = usize::try_from(order.rate / 50).unwrap();
        let mut sound = vec![0_i16; frame * 50 * channels];
        sound[at * channels..(at + 1) * channels].fill(30_000);
        let (mut packet, mut out) = ([0; 1275], [0; 2 * FRAMES_MAX]);
        let mut decoded = Vec::new();
        for samples in sound.chunks_exact(frame * channels) {
            let len = encoder.encode(samples, &mut packet).unwrap();
            assert_eq!(frames(&packet[..len]), Some(960));
            let count = decoder.decode(&packet[..len], &mut out, false).unwrap();
            decoded.extend(out[..count * channels].iter().step_by(channels).copied());
        }
        let loudest = (0..decoded.len()).max_by_key(|it| decoded[*it].unsigned_abs()).unwrap();
        (i64::try_from(loudest).unwrap(), encoder.lookahead())
    }

    #[test]
    fn a_click_is_heard_when_it_was_captured() {
        for (rate, channels, bits) in [
            (48_000, 1, 64_000),
            (48_000, 2, 96_000),
            (48_000, 1, 24_000),
            (48_000, 2, 256_000),
            (24_000, 1, 64_000),
            (16_000, 1, 32_000),
            (8_000, 1, 16_000),
        ] {
            let order = Order { rate, channels, bits };
            for at in [rate / 4, rate / 4 + rate / 100, rate / 2 + 7] {
                let (loudest, lookahead) = heard(order, usize::try_from(at).unwrap());
                let captured = i64::from(48_000 / rate * (at + lookahead));
                assert!((loudest - captured).abs() <= 48, "{order:?}: {loudest}, not {captured}");
                assert_eq!(lookahead * 2000, rate * 13, "6.5 ms");
            }
        }
    }

    #[test]
    fn packets_have_the_length_that_the_rate_says_or_that_there_is_room_for() {
        let tone: Vec<i16> = (0..960).map(|n| if n / 50 % 2 == 0 { 9000 } else { -9000 }).collect();
        let lengths = |kbit: u16, room: usize| {
            let bits = u32::from(kbit) * 1000;
            let mut encoder = Encoder::new(Order { bits, ..ORDER }).unwrap();
            let mut out = vec![0; room];
            let silence = [0; 960];
            [&tone[..], &silence, &tone].map(|it| encoder.encode(it, &mut out).unwrap())
        };
        assert_eq!(lengths(64, 1275), [160; 3]);
        assert_eq!(lengths(*KBIT.start(), 1275), [15; 3]);
        assert_eq!(lengths(*KBIT.end(), 1275), [640; 3]);
        assert_eq!(lengths(*KBIT.end(), 200), [200; 3]);
    }

    #[test]
    fn what_the_codec_does_not_have_is_refused_in_a_line() {
        let of = |order| Encoder::new(order).map(drop).unwrap_err().to_string();
        assert_eq!(of(Order { channels: 3, ..ORDER }), "Opus: 3 channels; it has one or two");
        assert!(of(Order { rate: 44_100, ..ORDER }).contains("invalid argument"));
        let mut encoder = Encoder::new(ORDER).unwrap();
        assert!(encoder.encode(&[0; 961], &mut [0; 1275]).is_err());
        assert_eq!([1, 2].map(usual_kbit), [64, 96]);
    }
}
