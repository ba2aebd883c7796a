//! H.264 in this process.

mod library;

use self::library::{I420, Library, Settings};
use crate::error::Error;
use crate::jpeg::Decoded;
use streamsocket_media::clock::Wall;

/// Pixels of the largest tier that is coded by CABAC. Of three tiers of 720p the small ones have SSIM higher by 0.0008
/// and 0.0014 at the same bits, for 0.02 of a core; the largest has 0.0009, which it needs least, for 0.05.
const CABAC_PIXELS_MAX: usize = 640 * 480;

/// Nanoseconds in a millisecond.
const MILLI: i64 = 1_000_000;

/// An encoder for pictures of one size.
#[derive(Debug)]
pub(crate) struct Encoder {
    library: Library,
    /// Pictures a second that it reckons with.
    rate: f32,
    /// The last key picture, and how many pictures have come since.
    since_key: Option<(Wall, u16)>,
}

impl Encoder {
    /// An encoder for pictures of `size` (width and height, even), `bitrate` bits and about `rate` pictures a
    /// second.
    ///
    /// # Errors
    /// [`Error::Start`] if the library refuses: no memory.
    pub(crate) fn new(size: (usize, usize), bitrate: u32, rate: f32) -> Result<Self, Error> {
        let int = |value: usize| i32::try_from(value).unwrap_or(i32::MAX);
        let settings = Settings {
            size: (int(size.0), int(size.1)),
            bitrate: i32::try_from(bitrate).unwrap_or(i32::MAX),
            rate,
            cabac: size.0 * size.1 <= CABAC_PIXELS_MAX,
            complexity: openh264_sys2::LOW_COMPLEXITY,
        };
        let library = Library::new(&settings).map_err(|code| {
            Error::Start(format!("openh264 refuses {}x{} (code {code})", size.0, size.1))
        })?;
        Ok(Self { library, rate, since_key: None })
    }

    /// Encodes a picture and appends it to `out` as a byte stream.
    ///
    /// # Errors
    /// [`Error::Ended`] if the library fails.
    pub(crate) fn encode(
        &mut self,
        picture: &Decoded<'_>,
        at: Wall,
        key: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let ended = |code| Error::Ended(format!("openh264 has failed (code {code})"));
        if let Some(rate) = self.new_rate(at, key) {
            self.library.set_rate(rate).map_err(ended)?;
            self.rate = rate;
        }
        let &Decoded { planes, strides, size } = picture;
        let picture = I420 { planes, strides, size };
        self.library.encode(&picture, key, at.0 / MILLI, out).map_err(ended)
    }

    /// At a key picture, how many come a second if that is far from what was reckoned with: each picture's share
    /// of the bits goes by it.
    fn new_rate(&mut self, at: Wall, key: bool) -> Option<f32> {
        if !key {
            self.since_key = self.since_key.map(|(from, count)| (from, count.saturating_add(1)));
            return None;
        }
        let (from, count) = self.since_key.replace((at, 1))?;
        let rate = f32::from(count) / (at - from).duration().as_secs_f32();
        let far = (rate / self.rate - 1.0).abs() > RATE_ERROR_MAX;
        let is_measured = count >= PICTURES_MIN && RATES.contains(&rate);
        (is_measured && far).then_some(rate)
    }
}

/// How far from the truth a rate may be: as much as the bit rate is off, then. Jitter alone is less.
const RATE_ERROR_MAX: f32 = 0.1;
/// Pictures between two key pictures from which a rate is told: fewer are an interruption.
const PICTURES_MIN: u16 = 4;
/// Pictures a second that openh264 takes (MIN_FRAME_RATE, MAX_FRAME_RATE).
pub(crate) const RATES: core::ops::RangeInclusive<f32> = 1.0..=60.0;
