//! Plays sound a little faster or slower than it comes: a resampler whose ratio is set anew for each
//! packet (the `rubato` crate). What is heard differs by nothing but its pitch, and that by less than a
//! thousandth.
//!
//! It interpolates by polynomials of degree 7: so near to the rate that the sound has already, tones up
//! to 14 kHz keep clear of their images by 80 dB (a test measures it), for an eighth of what a sinc
//! filter costs.

use core::fmt;
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Adjustable, Async, FixedAsync, Indexing, PolynomialDegree, Resampler, Resizable};

/// Sample frames that are taken at a time. More are taken in pieces.
const FRAMES_MAX: usize = 1024;

/// The ratio stays within one hundredth: ten times what clocks differ by.
const RATIO_MAX: f64 = 1.01;

/// The resampler cannot be set up.
#[derive(Debug)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the resampler cannot be set up: {}", self.0)
    }
}

impl core::error::Error for Error {}

/// A resampler of interleaved 16-bit samples.
pub struct Stretch {
    inner: Async<f32>,
    /// Sample frames that come out for each that goes in, unless it is stretched.
    base: f64,
    channels: usize,
    input: Vec<f32>,
    output: Vec<f32>,
}

impl fmt::Debug for Stretch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stretch").field("channels", &self.channels).finish_non_exhaustive()
    }
}

impl Stretch {
    /// A resampler for so many channels.
    ///
    /// # Errors
    /// If there are no channels.
    pub fn new(channels: u8) -> Result<Self, Error> {
        Self::between(channels, 1, 1)
    }

    /// One for what comes at `from` sample frames a second and is to be played at `to`. There is no filter: of sound that
    /// comes at the higher rate, what lies above half the lower one is heard as something lower.
    ///
    /// # Errors
    /// If there are no channels, or no frames.
    pub fn between(channels: u8, from: u32, to: u32) -> Result<Self, Error> {
        if channels == 0 || from == 0 || to == 0 {
            return Err(Error("no channels, or no frames a second".into()));
        }
        let channels = usize::from(channels);
        let input = FixedAsync::Input;
        let base = f64::from(to) / f64::from(from);
        let inner =
            Async::new_poly(base, RATIO_MAX, PolynomialDegree::Septic, FRAMES_MAX, channels, input);
        let inner = inner.map_err(|error| Error(error.to_string()))?;
        let room = inner.output_frames_max() * channels;
        Ok(Self {
            inner,
            base,
            channels,
            input: vec![0.0; FRAMES_MAX * channels],
            output: vec![0.0; room],
        })
    }

    /// Sample frames, as they come out, by which what comes out is behind what went in.
    #[must_use]
    pub fn delay_frames(&self) -> usize {
        self.inner.output_delay()
    }

    /// Forgets what it holds: what comes next does not follow it.
    pub fn reset(&mut self) {
        self.inner.reset();
    }

    /// Appends to `out` what is to be played for `samples`, which are to take so many parts per billion
    /// longer than they would.
    pub fn stretch(&mut self, samples: &[i16], ppb: i64, out: &mut Vec<i16>) {
        let ratio = 1.0 + from_ppb(ppb);
        for piece in samples.chunks(FRAMES_MAX * self.channels) {
            let frames = piece.len() / self.channels;
            if frames == 0 {
                continue;
            }
            for (sample, value) in self.input.iter_mut().zip(piece) {
                *sample = f32::from(*value);
            }
            let made = self.process(frames, ratio).unwrap_or(0);
            out.extend(self.output.iter().take(made * self.channels).map(|value| to_i16(*value)));
        }
    }

    /// Only a ratio or a length out of bounds can fail, and both are kept within.
    fn process(&mut self, frames: usize, ratio: f64) -> Option<usize> {
        self.inner.set_chunk_size(frames).ok()?;
        let ratio = self.base * ratio.clamp(1.0 / RATIO_MAX, RATIO_MAX);
        self.inner.set_resample_ratio(ratio, true).ok()?;
        let room = self.output.len() / self.channels;
        let input = InterleavedSlice::new(&self.input, self.channels, frames).ok()?;
        let mut output = InterleavedSlice::new_mut(&mut self.output, self.channels, room).ok()?;
        let indexing: Option<&Indexing> = None;
        let (_, made) = self.inner.process_into_buffer(&input, &mut output, indexing).ok()?;
        Some(made)
    }
}

#[expect(clippy::cast_precision_loss, reason = "some thousands")]
fn from_ppb(ppb: i64) -> f64 {
    ppb as f64 / 1e9
}

#[expect(clippy::cast_possible_truncation, reason = "clamped, and a cast of floats saturates")]
fn to_i16(value: f32) -> i16 {
    value.round().clamp(f32::from(i16::MIN), f32::from(i16::MAX)) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hertz: f64, frames: u32) -> Vec<i16> {
        let angle = |at| f64::from(at) * hertz / 48_000.0 * core::f64::consts::TAU;
        (0..frames).map(|at| to_i16_of(angle(at).sin() * 20_000.0)).collect()
    }

    #[expect(clippy::cast_possible_truncation, reason = "small")]
    fn to_i16_of(value: f64) -> i16 {
        to_i16(value as f32)
    }

    fn played(samples: &[i16], ppb: i64, packet: usize) -> Vec<i16> {
        let mut stretch = Stretch::new(1).unwrap();
        let mut out = Vec::new();
        samples.chunks(packet).for_each(|piece| stretch.stretch(piece, ppb, &mut out));
        out
    }

    #[test]
    fn as_many_samples_come_out_as_are_asked_for() {
        let samples = tone(1000.0, 480_000);
        for (ppb, expected) in [(0, 480_000), (400_000, 480_192), (-200_000, 479_904)] {
            for packet in [240, 48, 1000, 3000] {
                let count = played(&samples, ppb, packet).len();
                // The first packet's ratio begins at 1, and some samples are held.
                assert!(count.abs_diff(expected) <= 9, "{ppb} ppb, {packet}: {count}");
            }
        }
    }

    #[test]
    fn a_tone_stays_a_tone() {
        for hertz in [440.0, 5_000.0, 14_000.0] {
            let out = played(&tone(hertz, 48_000), 300_000, 240);
            // What is left when the tone is taken out of three neighbours.
            let turn = 2.0 * (hertz / 1.0003 / 48_000.0 * core::f64::consts::TAU).cos();
            let rest = out[1000..47_000].windows(3).map(|it| {
                let [before, at, after] = [it[0], it[1], it[2]].map(f64::from);
                (before - turn * at + after).powi(2)
            });
            let rest = (rest.sum::<f64>() / 45_998.0).sqrt();
            assert!(rest < 2.0, "{hertz} Hz: {rest}");
        }
    }

    #[test]
    fn another_rate_has_as_many_samples_a_second() {
        for (from, to) in [(16_000, 48_000), (44_100, 48_000), (48_000, 16_000)] {
            let mut stretch = Stretch::between(1, from, to).unwrap();
            let samples = vec![1000; usize::try_from(from).unwrap()];
            let mut out = Vec::new();
            samples.chunks(240).for_each(|piece| stretch.stretch(piece, 0, &mut out));
            assert!(
                out.len().abs_diff(usize::try_from(to).unwrap()) <= 30,
                "{from}: {}",
                out.len()
            );
            assert!(out[100..].iter().all(|sample| sample.abs_diff(1000) <= 1), "{from} to {to}");
        }
        assert!(Stretch::between(1, 0, 48_000).is_err() && Stretch::between(0, 1, 1).is_err());
    }

    #[test]
    fn what_comes_out_is_behind_by_the_delay() {
        let mut samples = vec![0; 4800];
        samples[2400] = 20_000;
        let out = played(&samples, 0, 240);
        let peak = out.iter().enumerate().max_by_key(|(_, sample)| **sample).unwrap().0;
        let delay = Stretch::new(1).unwrap().delay_frames();
        assert!(peak.abs_diff(2400 + delay) <= 1, "{peak}, delay {delay}");
    }
}
