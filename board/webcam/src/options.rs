//! What the user may say on the command line.

use clap::{Parser, ValueEnum};
use std::path::PathBuf;
use std::str::FromStr;

/// Clips at a time: a frame descriptor each, and the configuration still fits 4096 bytes.
const CLIPS_MAX: usize = 16;

/// Rates at a time, for the same reason.
const RATES_MAX: usize = 16;

/// Bytes of a name or serial number: a string descriptor has 255 bytes, two a letter.
const TEXT_MAX: usize = 120;

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "webcam",
    version,
    about = "A USB webcam with a microphone, in userspace: plugged into vhci-hcd, bound by the kernel's drivers",
    after_help = EXAMPLES
)]
pub(crate) struct Options {
    /// Files of concatenated JPEGs, each of them a frame size, played as they are, over and over
    #[arg(value_name = "FILE.mjpeg")]
    pub clips: Vec<PathBuf>,
    /// Offer YUYV of this size as well, a grey ramp that moves (may be given again)
    #[arg(long, value_name = "WxH")]
    pub yuyv: Vec<Size>,
    /// Frame rates that every size has, the default first
    #[arg(long, value_name = "FPS,...", value_delimiter = ',', default_value = "30,25,15,10,5",
        value_parser = clap::value_parser!(u32).range(1..=240))]
    pub rates: Vec<u32>,
    /// A microphone alone
    #[arg(long, conflicts_with_all = ["clips", "yuyv"])]
    pub no_camera: bool,
    /// Have a microphone [default: none; that of --sound: its channels, or stereo]
    #[arg(long, value_name = "CHANNELS")]
    pub microphone: Option<Channels>,
    /// Samples a second of the microphone [default: that of --sound, or 48000]
    #[arg(long, value_name = "HZ", value_parser = clap::value_parser!(u32).range(8000..=96_000))]
    pub microphone_rate: Option<u32>,
    /// Error of the microphone's clock in parts per million, above zero: it is fast
    #[arg(long, value_name = "PPM", default_value_t = 0, allow_negative_numbers = true,
        value_parser = clap::value_parser!(i32).range(-10_000..=10_000))]
    pub ppm: i32,
    /// What the microphone hears, over and over: a 16-bit WAV file, or raw 16-bit little-endian
    /// samples [default: a ramp: left n % 65536 for sample n, right its complement]
    #[arg(long, value_name = "FILE")]
    pub sound: Option<PathBuf>,
    /// A FIFO to take commands from, made if it is not there
    #[arg(long, value_name = "PATH")]
    pub control: Option<PathBuf>,
    /// The product's name
    #[arg(long, value_name = "NAME", default_value = "StreamSocket Webcam")]
    pub name: String,
    /// The serial number, which tells two of them apart
    #[arg(long, value_name = "SERIAL", default_value = "0001")]
    pub serial: String,
    /// Start unplugged
    #[arg(long, requires = "control")]
    pub unplugged: bool,
}

const EXAMPLES: &str = "\
Commands, one a line:
  plug, unplug      put the plug in, pull it
  freeze, thaw      send no frames, go on
  error             the error bit on the next frame
  truncate          only the first half of the next frame
  double            two pictures in the next frame
  slow MS           deliver each frame over that many milliseconds; 0: at once
  unplug-midframe   pull the plug in the middle of the next frame
  quit
Examples:
  webcam 640x480.mjpeg 1280x720.mjpeg --microphone stereo --control /run/webcam
  webcam --no-camera --microphone mono --microphone-rate 16000 --ppm 150 --serial m1";

/// Channels of the microphone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Channels {
    Mono,
    Stereo,
}

impl Channels {
    /// How many.
    pub(crate) const fn count(self) -> u8 {
        match self {
            Self::Mono => 1,
            Self::Stereo => 2,
        }
    }
}

/// A frame size in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub width: u16,
    pub height: u16,
}

impl FromStr for Size {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let parse = |text: &str| text.parse().ok().filter(|pixels| (2..=4096).contains(pixels));
        let size = text.split_once('x').and_then(|(width, height)| {
            Some(Self { width: parse(width)?, height: parse(height)? })
        });
        // Two pixels share their colour.
        size.filter(|size| size.width % 2 == 0)
            .ok_or_else(|| format!("'{text}' is no size: say 640x480, up to 4096x4096, even width"))
    }
}

impl Options {
    /// Refuses what each option allows by itself but not with the others.
    pub(crate) fn check(&self) -> Result<(), String> {
        let sizes = self.clips.len() + self.yuyv.len();
        let microphone = self.microphone.is_some() || self.sound.is_some();
        if sizes == 0 && !self.no_camera {
            return Err(
                "no picture to show: name a FILE.mjpeg, or say --yuyv or --no-camera".into()
            );
        }
        if self.no_camera && !microphone {
            return Err("neither camera nor microphone: say --microphone mono or stereo".into());
        }
        if sizes > CLIPS_MAX || self.rates.len() > RATES_MAX {
            return Err(format!(
                "{sizes} sizes and {} rates: at most {CLIPS_MAX} and {RATES_MAX} fit",
                self.rates.len()
            ));
        }
        for text in [&self.name, &self.serial] {
            if text.is_empty() || text.len() > TEXT_MAX || !text.is_ascii() {
                return Err(format!(
                    "'{text}' is no name for a device: 1 to {TEXT_MAX} ASCII letters are"
                ));
            }
        }
        Ok(())
    }

    /// Frame rates, the highest first and none twice, as descriptors want them.
    pub(crate) fn sorted_rates(&self) -> Vec<u32> {
        let mut rates = self.rates.clone();
        rates.sort_unstable_by(|a, b| b.cmp(a));
        rates.dedup();
        rates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Options, String> {
        let words = std::iter::once(&"webcam").chain(words);
        let options = Options::try_parse_from(words).map_err(|error| error.to_string())?;
        options.check().map(|()| options)
    }

    #[test]
    fn rates_are_put_in_order_and_the_first_stays_the_default() {
        let options = parse(&["a.mjpeg", "--rates", "15,30,5,30"]).unwrap();
        assert_eq!(options.rates[0], 15);
        assert_eq!(options.sorted_rates(), [30, 15, 5]);
    }

    #[test]
    fn sizes_are_checked() {
        assert_eq!("640x480".parse(), Ok(Size { width: 640, height: 480 }));
        for text in ["", "640", "x", "0x480", "641x480", "640x-1", "640x99999"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }

    #[test]
    fn contradictions_are_refused() {
        for words in [
            &[][..],
            &["--no-camera"],
            &["--no-camera", "--microphone", "mono", "--yuyv", "64x48"],
            &["a.mjpeg", "--serial", ""],
            &["a.mjpeg", "--name", "ä"],
            &["a.mjpeg", "--unplugged"],
            &["a.mjpeg", "--rates", "0"],
        ] {
            assert!(parse(words).is_err(), "{words:?}");
        }
        assert!(parse(&["--no-camera", "--microphone", "mono", "--ppm", "-200"]).is_ok());
    }
}
