//! Hides what is missing of the sound: it fades out where it breaks off and in where it goes on, so
//! that a loss is a short silence and no click.

/// How long sound goes on, backwards and ever softer, where it breaks off, in milliseconds: too short
/// to be heard as an echo.
const FADE_OUT_MS: u32 = 10;

/// How long it takes to come back, in milliseconds.
const FADE_IN_MS: u32 = 5;

/// The fades of one stream.
#[derive(Clone, Debug)]
pub struct Conceal {
    channels: usize,
    fade_out: usize,
    fade_in: usize,
    /// The last sample frames that were heard.
    last: Vec<i16>,
    /// Sample frames faded so far, out or in.
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Sound,
    Missing { frames: usize },
    Return { frames: usize },
}

impl Conceal {
    /// For `rate` sample frames a second of `channels` samples. What is heard first fades in.
    #[must_use]
    pub fn new(rate: u32, channels: u8) -> Self {
        let frames = |millis| usize::try_from(rate * millis / 1000).unwrap_or(1).max(1);
        let (channels, fade_out) = (usize::from(channels.max(1)), frames(FADE_OUT_MS));
        Self {
            channels,
            fade_out,
            fade_in: frames(FADE_IN_MS),
            last: Vec::with_capacity(fade_out * channels),
            state: State::Return { frames: 0 },
        }
    }

    /// Sound goes through, faded in after a break.
    pub fn sound(&mut self, samples: &mut [i16]) {
        if matches!(self.state, State::Missing { .. }) {
            self.state = State::Return { frames: 0 };
        }
        if let State::Return { mut frames } = self.state {
            for frame in samples.chunks_mut(self.channels).take(self.fade_in - frames) {
                frame.iter_mut().for_each(|sample| *sample = scale(*sample, frames, self.fade_in));
                frames += 1;
            }
            self.state =
                if frames < self.fade_in { State::Return { frames } } else { State::Sound };
        }
        self.remember(samples);
    }

    /// Fills `out` in place of sound that is missing.
    pub fn missing(&mut self, out: &mut [i16]) {
        let State::Missing { mut frames } = self.state else {
            self.state = State::Missing { frames: 0 };
            return self.missing(out);
        };
        for frame in out.chunks_mut(self.channels) {
            // Backwards, so that it goes on where it was.
            let at = self.last.len().checked_sub((frames + 1) * self.channels);
            let heard = at.and_then(|at| self.last.get(at..at + self.channels));
            for (index, sample) in frame.iter_mut().enumerate() {
                let heard = heard.map_or(0, |heard| heard[index]);
                *sample = scale(heard, self.fade_out.saturating_sub(frames), self.fade_out);
            }
            frames += 1;
        }
        self.state = State::Missing { frames: frames.min(self.fade_out) };
        if frames >= self.fade_out {
            self.last.clear();
        }
    }

    fn remember(&mut self, samples: &[i16]) {
        let room = self.fade_out * self.channels;
        let kept = &samples[samples.len().saturating_sub(room)..];
        let over = (self.last.len() + kept.len()).saturating_sub(room);
        self.last.drain(..over);
        self.last.extend_from_slice(kept);
    }
}

fn scale(sample: i16, part: usize, of: usize) -> i16 {
    let part = i64::try_from(part).unwrap_or(0);
    let scaled = i64::from(sample) * part / i64::try_from(of.max(1)).unwrap_or(1);
    i16::try_from(scaled).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The greatest difference of neighbours, of one channel.
    fn roughness(samples: &[i16]) -> i32 {
        let pairs = samples.windows(2);
        pairs.map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap()
    }

    #[test]
    fn a_loss_makes_no_click() {
        let wave = |at: usize| {
            let height = if at / 24 % 2 == 0 { at % 24 * 800 } else { (24 - at % 24) * 800 };
            i16::try_from(height).unwrap()
        };
        let mut conceal = Conceal::new(48_000, 1);
        let mut heard = Vec::new();
        for packet in 0..20 {
            let mut samples: Vec<_> = (0..240).map(|at| wave(packet * 240 + at)).collect();
            match packet {
                10..13 => conceal.missing(&mut samples),
                _ => conceal.sound(&mut samples),
            }
            heard.extend(samples);
        }
        assert!(roughness(&heard) <= 900, "{}", roughness(&heard));
        assert!(heard[10 * 240 + 480..13 * 240].iter().all(|sample| *sample == 0));
        assert_eq!(heard[15 * 240..], (15 * 240..4800).map(wave).collect::<Vec<_>>());
    }

    #[test]
    fn channels_do_not_mix() {
        let mut conceal = Conceal::new(8_000, 2);
        let mut samples: Vec<i16> = [1000, -7].repeat(400);
        conceal.sound(&mut samples);
        let mut out = [1; 8];
        conceal.missing(&mut out);
        assert_eq!(out, [1000, -7, 987, -6, 975, -6, 962, -6]);
    }

    #[test]
    fn a_loss_before_any_sound_is_silence() {
        let mut out = [1; 8];
        Conceal::new(48_000, 2).missing(&mut out);
        assert_eq!(out, [0; 8]);
    }
}
