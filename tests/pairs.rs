//! Flash and beep: how much later than its flash each beep is, whatever they were taken from.

use std::fmt;

/// Sound below this is silence: a resampler rings a little before a beep.
const SILENCE: u16 = 300;

/// Whether a picture flashes: its upper edge is white.
#[track_caller]
pub fn is_flash(jpeg: &[u8]) -> bool {
    let image = turbojpeg::decompress(jpeg, turbojpeg::PixelFormat::GRAY).unwrap();
    image.pixels[image.pitch * (image.height / 16) + image.width / 2] > 128
}

/// Times of the first samples that are heard after half a second of silence; each sample comes with
/// its own time, in seconds.
pub fn beeps(samples: impl Iterator<Item = (f64, i16)>) -> Vec<f64> {
    let (mut beeps, mut silent_since) = (Vec::new(), None::<f64>);
    for (at, sample) in samples {
        if sample.unsigned_abs() < SILENCE {
            silent_since = silent_since.or(Some(at));
        } else {
            beeps.extend(silent_since.take().filter(|since| at - since > 0.5).map(|_| at));
        }
    }
    beeps
}

/// Beeps with their flashes.
#[derive(Debug)]
pub struct Pairs {
    /// When each beep was, and how much later than its flash, in seconds.
    pub offsets: Vec<(f64, f64)>,
}

impl Pairs {
    /// Finds each beep's flash. The two may be up to half a second apart: which flash is a beep's, most
    /// of them agree on.
    #[track_caller]
    pub fn new(flashes: &[f64], beeps: &[f64]) -> Self {
        let nearest = |beep: f64, to: f64| {
            let offsets = flashes.iter().map(|flash| beep - flash);
            let nearest = offsets.min_by(|a, b| (a - to).abs().total_cmp(&(b - to).abs()));
            (beep, nearest.expect("there are no flashes"))
        };
        let all = beeps.iter().map(|beep| nearest(*beep, 0.0)).collect();
        let median = Self { offsets: all }.median();
        // There may be a beep at an edge whose flash is beyond it.
        let pairs = beeps.iter().map(|beep| nearest(*beep, median));
        Self { offsets: pairs.filter(|(_, offset)| (offset - median).abs() < 0.5).collect() }
    }

    /// Those from so many seconds after the first on.
    #[must_use]
    pub fn after(self, seconds: f64) -> Self {
        let first = self.offsets.first().map_or(0.0, |(at, _)| *at);
        Self {
            offsets: self.offsets.into_iter().filter(|(at, _)| *at >= first + seconds).collect(),
        }
    }

    /// Without the first `most` pairs whose flash was shown more than `bound` seconds after its beep was heard: a busy
    /// machine shows a picture late. Nothing but the product makes sound late.
    #[must_use]
    pub fn but_pictures_held_up(mut self, most: usize, bound: f64) -> Self {
        for _ in 0..most {
            let late = self.offsets.iter().position(|(_, offset)| *offset < -bound);
            let Some(late) = late else { break };
            self.offsets.remove(late);
        }
        self
    }

    /// Half of the offsets are greater, in seconds.
    #[track_caller]
    pub fn median(&self) -> f64 {
        let mut sorted: Vec<_> = self.offsets.iter().map(|(_, offset)| *offset).collect();
        sorted.sort_by(f64::total_cmp);
        *sorted.get(sorted.len() / 2).expect("there are no pairs")
    }

    /// The least and the greatest offset, in seconds.
    #[must_use]
    pub fn extremes(&self) -> (f64, f64) {
        let offsets = self.offsets.iter().map(|(_, offset)| *offset);
        offsets.fold((f64::MAX, f64::MIN), |(min, max), it| (min.min(it), max.max(it)))
    }

    /// How the offset changes with time, by least squares.
    #[must_use]
    pub fn trend(&self) -> f64 {
        slope(&self.offsets)
    }
}

impl fmt::Display for Pairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (min, max) = self.extremes();
        let (count, trend) = (self.offsets.len(), self.trend() * 1e6);
        let (min, max, median) = (min * 1e3, max * 1e3, self.median() * 1e3);
        write!(
            f,
            "{count} pairs, offset {min:.2} to {max:.2} ms, median {median:.2} ms, trend {trend:+.0} ppm"
        )
    }
}

/// Least squares: the change of `y` for each of `x`.
pub fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
    let (x, y) = (x / n, y / n);
    let above: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    above / points.iter().map(|point| (point.0 - x).powi(2)).sum::<f64>()
}
