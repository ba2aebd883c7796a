//! What the microphone hears: a ramp, or the samples of a file, round and round. How fast they
//! pass is the microphone's business.

use crate::options::{Channels, Options};
use std::fs;
use std::path::Path;

/// Bytes of a sample: 16 bits, little-endian.
const SAMPLE: usize = 2;

/// Samples a second where nobody says otherwise: what webcams have.
const RATE: u32 = 48_000;

/// Sound of a known rate and channel count.
#[derive(Debug)]
pub(crate) struct Sound {
    pub channels: Channels,
    /// Sample frames a second.
    pub rate: u32,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Ramp,
    /// Interleaved samples: one sample frame or more.
    Samples(Vec<u8>),
}

impl Sound {
    /// What the options ask for, if they ask for a microphone.
    pub(crate) fn open(options: &Options) -> Result<Option<Self>, String> {
        let (channels, rate) = (options.microphone, options.microphone_rate);
        if let Some(path) = &options.sound {
            let say = |what: String| format!("{}: {what}", path.display());
            let bytes = fs::read(path).map_err(|error| say(error.to_string()))?;
            return Self::file(bytes, is_wave(path), channels, rate).map(Some).map_err(say);
        }
        Ok(channels.map(|channels| Self {
            channels,
            rate: rate.unwrap_or(RATE),
            source: Source::Ramp,
        }))
    }

    fn file(
        bytes: Vec<u8>,
        wave: bool,
        channels: Option<Channels>,
        rate: Option<u32>,
    ) -> Result<Self, String> {
        let (channels, rate, mut samples) = if wave {
            let wave = Wave::parse(&bytes)?;
            let same = |channels: Channels| u16::from(channels.count()) == wave.channels;
            if !(channels.is_none_or(same) && rate.is_none_or(|rate| rate == wave.rate)) {
                return Err(format!(
                    "it has {} channels at {} Hz: leave --microphone and --microphone-rate out",
                    wave.channels, wave.rate
                ));
            }
            let channels = if wave.channels == 1 { Channels::Mono } else { Channels::Stereo };
            (channels, wave.rate, wave.samples.to_vec())
        } else {
            (channels.unwrap_or(Channels::Stereo), rate.unwrap_or(RATE), bytes)
        };
        samples.truncate(samples.len() - samples.len() % frame_len(channels));
        if samples.is_empty() {
            return Err("there are no samples in it".into());
        }
        Ok(Self { channels, rate, source: Source::Samples(samples) })
    }

    /// Bytes of a sample frame.
    pub(crate) const fn frame_len(&self) -> usize {
        frame_len(self.channels)
    }

    /// Appends `count` sample frames from number `first` on.
    pub(crate) fn write(&self, first: u64, count: u64, out: &mut Vec<u8>) {
        for number in first..first + count {
            match &self.source {
                Source::Ramp => {
                    let [low, high, ..] = number.to_le_bytes();
                    out.extend([low, high]);
                    if self.channels == Channels::Stereo {
                        out.extend([!low, !high]);
                    }
                }
                Source::Samples(samples) => {
                    let frame = self.frame_len();
                    let frames = (samples.len() / frame) as u64;
                    #[allow(clippy::cast_possible_truncation, reason = "less than a length")]
                    let at = (number % frames) as usize * frame;
                    out.extend_from_slice(&samples[at..at + frame]);
                }
            }
        }
    }
}

const fn frame_len(channels: Channels) -> usize {
    channels.count() as usize * SAMPLE
}

fn is_wave(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wav"))
}

/// A WAV file of 16-bit samples (RIFF, "Multiple Channel Audio Data and WAVE Files").
#[derive(Debug, PartialEq, Eq)]
struct Wave<'a> {
    channels: u16,
    rate: u32,
    samples: &'a [u8],
}

impl<'a> Wave<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, String> {
        let mut rest = match bytes.first_chunk::<12>() {
            Some([b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E']) => &bytes[12..],
            _ => return Err("it is no WAV file".into()),
        };
        let mut format = None;
        while let Some((head, body)) = rest.split_first_chunk::<8>() {
            let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
            // What writes to a pipe does not know the length, and says too much.
            let chunk = &body[..length.min(body.len())];
            match &head[..4] {
                b"fmt " => format = Some(wave_format(chunk)?),
                b"data" => {
                    let (channels, rate) = format.ok_or("its format comes after its samples")?;
                    return Ok(Self { channels, rate, samples: chunk });
                }
                _ => {}
            }
            // Chunks start at even places.
            rest = body.get(length + length % 2..).unwrap_or_default();
        }
        Err("there are no samples in it".into())
    }
}

/// Channels and rate of the `fmt ` chunk.
fn wave_format(chunk: &[u8]) -> Result<(u16, u32), String> {
    const PCM: u16 = 1;
    const EXTENSIBLE: u16 = 0xFFFE;
    let Some(fields) = chunk.first_chunk::<16>() else {
        return Err("its format is cut off".into());
    };
    let half = |at: usize| u16::from_le_bytes([fields[at], fields[at + 1]]);
    let (kind, channels, bits) = (half(0), half(2), half(14));
    let rate = u32::from_le_bytes([fields[4], fields[5], fields[6], fields[7]]);
    if !matches!(kind, PCM | EXTENSIBLE) || bits != 16 || !matches!(channels, 1 | 2) {
        return Err(format!(
            "{channels} channels of {bits} bits: make it 16-bit PCM of 1 or 2 channels with 'sox -b 16'"
        ));
    }
    if !(8000..=96_000).contains(&rate) {
        return Err(format!("{rate} Hz: make it 8000 to 96000 with 'sox -r 48000'"));
    }
    Ok((channels, rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(channels: u8, rate: u16, samples: &[u8]) -> Vec<u8> {
        let mut bytes = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0\x01\0".to_vec();
        let [low, high] = rate.to_le_bytes();
        bytes.extend([channels, 0, low, high, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0]);
        bytes.extend(b"data");
        bytes.extend(u32::try_from(samples.len()).unwrap().to_le_bytes());
        bytes.extend(samples);
        bytes
    }

    fn written(sound: &Sound, first: u64, count: u64) -> Vec<u8> {
        let mut out = Vec::new();
        sound.write(first, count, &mut out);
        out
    }

    #[test]
    fn the_ramp_goes_on_over_its_edge() {
        let sound = Sound { channels: Channels::Stereo, rate: 48_000, source: Source::Ramp };
        assert_eq!(written(&sound, 65_535, 2), [0xFF, 0xFF, 0, 0, 0, 0, 0xFF, 0xFF]);
        let sound = Sound { channels: Channels::Mono, rate: 48_000, source: Source::Ramp };
        assert_eq!(written(&sound, 0x0102_0304, 2), [4, 3, 5, 3]);
    }

    #[test]
    fn a_wave_file_says_what_it_is() {
        let sound = Sound::file(wave(1, 16_000, &[1, 2, 3, 4]), true, None, None).unwrap();
        assert_eq!((sound.channels, sound.rate), (Channels::Mono, 16_000));
        assert_eq!(written(&sound, 1, 3), [3, 4, 1, 2, 3, 4]);
    }

    #[test]
    fn a_wave_file_is_not_contradicted() {
        let bytes = wave(2, 16_000, &[1, 2, 3, 4]);
        assert!(Sound::file(bytes.clone(), true, Some(Channels::Mono), None).is_err());
        assert!(Sound::file(bytes.clone(), true, None, Some(48_000)).is_err());
        assert!(Sound::file(bytes, true, Some(Channels::Stereo), Some(16_000)).is_ok());
    }

    #[test]
    fn damaged_wave_files_are_refused() {
        let bytes = wave(1, 16_000, &[1, 2]);
        for len in 0..bytes.len() - 1 {
            assert!(Sound::file(bytes[..len].to_vec(), true, None, None).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn raw_samples_lose_an_incomplete_sample_frame() {
        let sound = Sound::file(vec![1, 2, 3, 4, 5], false, None, None).unwrap();
        assert_eq!(written(&sound, 0, 2), [1, 2, 3, 4, 1, 2, 3, 4]);
        assert!(Sound::file(vec![1, 2, 3], false, None, None).is_err());
    }
}
