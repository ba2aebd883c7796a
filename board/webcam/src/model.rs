//! What this webcam is: its pictures and rates, its microphone, its name. Settled before it is
//! plugged in; what it is doing is not here.

use crate::clip::Clip;
use crate::options::Options;
use crate::sound::Sound;

/// Endpoint of the pictures.
pub(crate) const VIDEO_ENDPOINT: u32 = 1;

/// Endpoint of the sound.
pub(crate) const AUDIO_ENDPOINT: u32 = 2;

/// Units of 100 ns in a second: what UVC counts frame intervals in.
const UVC_SECOND: u32 = 10_000_000;

/// A webcam as it was made.
#[derive(Debug)]
pub(crate) struct Model {
    /// The clips by format, MJPEG first; no format is empty.
    pub formats: Vec<Vec<Clip>>,
    /// Frame intervals in units of 100 ns, the shortest first.
    pub intervals: Vec<u32>,
    /// That of the default rate.
    pub default_interval: u32,
    pub sound: Option<Sound>,
    /// Parts per million by which the microphone is fast.
    pub ppm: i32,
    pub name: String,
    pub serial: String,
}

impl Model {
    /// The webcam that the options describe.
    pub(crate) fn new(options: &Options) -> Result<Self, String> {
        options.check()?;
        let jpegs = options.clips.iter().map(|path| Clip::mjpeg(path)).collect::<Result<_, _>>()?;
        let ramps = options.yuyv.iter().map(|size| Clip::ramp(*size)).collect();
        let mut formats: Vec<Vec<Clip>> = vec![jpegs, ramps];
        formats.retain(|clips| !clips.is_empty());
        let intervals = options.sorted_rates().iter().map(|rate| UVC_SECOND / rate).collect();
        Ok(Self {
            formats,
            intervals,
            default_interval: UVC_SECOND / options.rates[0],
            sound: Sound::open(options)?,
            ppm: options.ppm,
            name: options.name.clone(),
            serial: options.serial.clone(),
        })
    }

    /// Number of the interface that controls the camera. The next one streams.
    pub(crate) fn video_interface(&self) -> Option<u8> {
        (!self.formats.is_empty()).then_some(0)
    }

    /// Number of the interface that controls the microphone. The next one streams.
    pub(crate) fn audio_interface(&self) -> Option<u8> {
        self.sound.as_ref().map(|_| if self.formats.is_empty() { 0 } else { 2 })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use clap::Parser;

    /// A webcam with two YUYV sizes at 15 (the default), 30 and 5 frames a second, and what else
    /// the words say.
    pub(crate) fn model(words: &[&str]) -> Model {
        let fixed = ["webcam", "--rates", "15,30,5", "--yuyv", "64x48", "--yuyv", "32x16"];
        Model::new(&Options::parse_from(fixed.iter().chain(words))).unwrap()
    }

    /// A microphone alone.
    pub(crate) fn microphone(words: &[&str]) -> Model {
        let fixed = ["webcam", "--no-camera"];
        Model::new(&Options::parse_from(fixed.iter().chain(words))).unwrap()
    }

    #[test]
    fn interfaces_are_numbered_from_zero_whatever_is_missing() {
        let both = model(&["--microphone", "mono"]);
        assert_eq!((both.video_interface(), both.audio_interface()), (Some(0), Some(2)));
        let silent = model(&[]);
        assert_eq!((silent.video_interface(), silent.audio_interface()), (Some(0), None));
        let blind = microphone(&["--microphone", "mono"]);
        assert_eq!((blind.video_interface(), blind.audio_interface()), (None, Some(0)));
    }
}
