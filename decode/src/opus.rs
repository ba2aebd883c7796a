//! Opus (RFC 6716) to samples at 48 kHz, by libopus, and what stands for packets that are missing.

use core::fmt;
use opus::Channels;
use streamsocket_wire::opus::{RATE, frames};

/// Sample frames that the decoder can make something of that is not heard as a gap: 60 ms. Beyond that it has faded.
pub const CONCEALED_MAX: usize = RATE as usize * 60 / 1000;

/// Missing sound is made in steps of 2.5 ms (`opus_decode`).
pub const CONCEALED_STEP: usize = RATE as usize / 400;

/// Why a packet could not be decoded: libopus's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error(&'static str);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opus decoder: {}", self.0)
    }
}

impl core::error::Error for Error {}

impl From<opus::Error> for Error {
    fn from(error: opus::Error) -> Self {
        Self(error.description())
    }
}

/// A decoder of one stream.
#[derive(Debug)]
pub struct Decoder {
    decoder: opus::Decoder,
    channels: usize,
}

impl Decoder {
    /// A decoder that has heard nothing, to one channel or two.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn new(channels: u8) -> Result<Self, Error> {
        let (ours, channels) =
            if channels > 1 { (Channels::Stereo, 2) } else { (Channels::Mono, 1) };
        Ok(Self { decoder: opus::Decoder::new(RATE, ours)?, channels })
    }

    /// Another stream follows.
    pub fn reset(&mut self) {
        // It has no reason to fail.
        let _ = self.decoder.reset_state();
    }

    /// Decodes a packet to interleaved samples in place of those in `out`. Returns how many sample frames they are.
    ///
    /// # Errors
    /// It is no packet, or a damaged one; `out` is empty then.
    pub fn decode(&mut self, packet: &[u8], out: &mut Vec<i16>) -> Result<usize, Error> {
        out.clear();
        let frames = frames(packet).ok_or(Error("no packet"))?;
        self.fill(packet, frames, out)
    }

    /// Makes what may have been in packets that are missing, [`CONCEALED_MAX`] sample frames at most and whole
    /// [steps](CONCEALED_STEP) of them. Returns how many there are.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn conceal(&mut self, frames: usize, out: &mut Vec<i16>) -> Result<usize, Error> {
        out.clear();
        let frames = frames.min(CONCEALED_MAX) / CONCEALED_STEP * CONCEALED_STEP;
        if frames == 0 { Ok(0) } else { self.fill(&[], frames, out) }
    }

    fn fill(&mut self, packet: &[u8], frames: usize, out: &mut Vec<i16>) -> Result<usize, Error> {
        out.resize(frames * self.channels, 0);
        let made = self.decoder.decode(packet, out, false);
        let frames = made.as_ref().map_or(0, |frames| *frames);
        out.truncate(frames * self.channels);
        Ok(made?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(channels: Channels) -> Vec<Vec<u8>> {
        let mut encoder = opus::Encoder::new(RATE, channels, opus::Application::Audio).unwrap();
        let tone = |n: usize| if n / (24 * channels as usize) % 2 == 0 { 8000 } else { -8000 };
        let samples: Vec<i16> = (0..960 * channels as usize).map(tone).collect();
        (0..20).map(|_| encoder.encode_vec(&samples, 1275).unwrap()).collect()
    }

    fn loudest(samples: &[i16]) -> u16 {
        samples.iter().map(|it| it.unsigned_abs()).max().unwrap_or(0)
    }

    #[test]
    fn packets_are_decoded_to_as_many_channels_as_are_wanted() {
        for (ours, made) in [(1, Channels::Stereo), (2, Channels::Mono), (2, Channels::Stereo)] {
            let mut decoder = Decoder::new(ours).unwrap();
            let mut out = vec![1; 7];
            for packet in encoded(made) {
                assert_eq!(decoder.decode(&packet, &mut out), Ok(960));
                assert_eq!(out.len(), 960 * usize::from(ours));
            }
            assert!(loudest(&out) > 4000, "{ours}");
        }
    }

    #[test]
    fn what_is_missing_goes_on_as_it_was_and_fades() {
        let mut decoder = Decoder::new(1).unwrap();
        let (mut out, packets) = (Vec::new(), encoded(Channels::Mono));
        for packet in &packets {
            decoder.decode(packet, &mut out).unwrap();
        }
        assert_eq!(decoder.conceal(960, &mut out), Ok(960));
        assert!(loudest(&out) > 2000, "{}", loudest(&out));
        assert_eq!(decoder.conceal(100_000, &mut out), Ok(CONCEALED_MAX));
        assert_eq!(decoder.conceal(130, &mut out), Ok(120));
        assert_eq!((decoder.conceal(100, &mut out), out.len()), (Ok(0), 0));
        assert_eq!(decoder.decode(&packets[0], &mut out), Ok(960));
        decoder.reset();
        assert_eq!(decoder.decode(&packets[0], &mut out), Ok(960));
    }

    #[test]
    fn what_is_no_packet_is_refused_and_changes_nothing() {
        let (mut decoder, mut out) = (Decoder::new(2).unwrap(), vec![1; 7]);
        // Nothing; no number of frames; two frames of unequal length without the length of the first.
        for packet in [&[][..], &[0xFB], &[0xFA]] {
            let error = decoder.decode(packet, &mut out).unwrap_err();
            assert_eq!((out.len(), error.to_string().lines().count()), (0, 1), "{error}");
        }
        assert_eq!(decoder.decode(&encoded(Channels::Mono)[0], &mut out), Ok(960));
    }
}
