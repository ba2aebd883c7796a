//! JPEGs to H.264, one tier.

use crate::error::Error;
use crate::jpeg::{Decoded, Decoder};
use crate::nal::{AccessUnit, ParameterSets};
use crate::openh264;
use crate::picture::Picture;
use crate::plan::{Scale, TierPlan};
use crate::pyramid::Pyramid;
use crate::x264;
use core::fmt;
use core::str::FromStr;
use streamsocket_cmaf::annexb::nal_units;
use streamsocket_media::clock::Wall;

/// What encodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// openh264, in this process.
    #[default]
    OpenH264,
    /// x264, in a child: `ffmpeg` has to be there.
    X264,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenH264 => "openh264",
            Self::X264 => "x264",
        })
    }
}

impl FromStr for Backend {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::OpenH264, Self::X264];
        all.into_iter().find(|kind| kind.to_string() == text).ok_or("expected openh264 or x264")
    }
}

/// Encodes one tier: pictures of one size, on the thread that calls it.
#[derive(Debug)]
pub struct VideoEncoder {
    scale: Scale,
    decoder: Decoder,
    codec: Codec,
}

/// Encodes what is decoded.
#[derive(Debug)]
struct Codec {
    encoder: Encoder,
    sets: ParameterSets,
    /// What openh264 wrote of a picture.
    stream: Vec<u8>,
    /// Whether there has been a key picture: the first one has to be one.
    begun: bool,
}

#[derive(Debug)]
enum Encoder {
    OpenH264(openh264::Encoder),
    X264(x264::Encoder),
}

/// Shortest sides of a tier in pixels: a macroblock, below which openh264 takes none.
const SIDE_MIN: usize = 16;
/// Largest tier in macroblocks of 16x16 (level 5.1 and 5.2 of ITU-T H.264 table A-1), and its longer side.
const MACROBLOCKS_MAX: usize = 36_864;
const SIDE_MAX: usize = 4096;

impl VideoEncoder {
    /// An encoder for JPEGs of `size`, width and height in pixels, of which about `rate` come a second. What `rate`
    /// really is it measures itself, from key picture to key picture.
    ///
    /// # Errors
    /// [`Error::Size`] if there can be no such tier, [`Error::Start`] with what to do about it.
    pub fn new(
        backend: Backend,
        plan: &TierPlan,
        size: (usize, usize),
        rate: f32,
    ) -> Result<Self, Error> {
        let tier = plan.scale.size(size);
        check(tier)?;
        let decoder = Decoder::new(size, plan.scale)?;
        let rate = if rate.is_nan() { RATE } else { rate };
        let rate = rate.clamp(*openh264::RATES.start(), *openh264::RATES.end());
        let encoder = match backend {
            Backend::OpenH264 => {
                Encoder::OpenH264(openh264::Encoder::new(tier, plan.bitrate, rate)?)
            }
            Backend::X264 => Encoder::X264(x264::Encoder::new(tier, plan.bitrate, rate)?),
        };
        let sets = ParameterSets { size: tier, ..ParameterSets::default() };
        let codec = Codec { encoder, sets, stream: Vec::new(), begun: false };
        Ok(Self { scale: plan.scale, decoder, codec })
    }

    /// Encodes a picture that was captured at `at`, later than the one before. It becomes a key picture if `key` says
    /// so, or if it is the first. What is ready is appended to `out`, in order: with openh264 this very picture; x264
    /// may be some pictures behind while its child starts.
    ///
    /// # Errors
    /// [`Error::Jpeg`] about this picture alone; any other one means that the encoder is of no use any more. Nothing
    /// is appended then.
    pub fn encode(
        &mut self,
        jpeg: &[u8],
        at: Wall,
        key: bool,
        out: &mut Vec<Picture>,
    ) -> Result<(), Error> {
        let Self { decoder, codec, .. } = self;
        codec.encode(&decoder.decode(jpeg)?, at, key, out)
    }

    /// The same of a picture that has been decoded for several tiers, among them this one.
    ///
    /// # Errors
    /// [`Error::Size`] if it was not decoded at this tier's scale, and as [`Self::encode`].
    pub fn encode_decoded(
        &mut self,
        picture: &Pyramid,
        at: Wall,
        key: bool,
        out: &mut Vec<Picture>,
    ) -> Result<(), Error> {
        let tier = self.codec.sets.size;
        let decoded = picture.at(self.scale).filter(|decoded| decoded.size == tier);
        let limit = "pictures are decoded at other scales than its own";
        let decoded = decoded.ok_or(Error::Size { tier, limit })?;
        self.codec.encode(&decoded, at, key, out)
    }

    /// No more pictures come: appends those that are not ready yet, and says which parameter sets they need.
    ///
    /// # Errors
    /// [`Error::Ended`] if x264's child has died.
    pub fn finish(mut self, out: &mut Vec<Picture>) -> Result<ParameterSets, Error> {
        if let Encoder::X264(encoder) = self.codec.encoder {
            encoder.finish(&mut self.codec.sets, out)?;
        }
        Ok(self.codec.sets)
    }

    /// The parameter sets as of the last key picture; empty before the first one, but for the size.
    #[must_use]
    pub const fn parameter_sets(&self) -> &ParameterSets {
        &self.codec.sets
    }
}

impl Codec {
    fn encode(
        &mut self,
        picture: &Decoded<'_>,
        at: Wall,
        key: bool,
        out: &mut Vec<Picture>,
    ) -> Result<(), Error> {
        let key = key || !self.begun;
        match &mut self.encoder {
            Encoder::OpenH264(encoder) => {
                self.stream.clear();
                encoder.encode(picture, at, key, &mut self.stream)?;
                let mut unit = AccessUnit::default();
                nal_units(&self.stream).for_each(|nal| unit.take(nal, &mut self.sets));
                if unit.data.is_empty() {
                    return Err(Error::Ended("openh264 has made no picture of one".into()));
                }
                out.push(Picture { data: unit.data.into(), at, key: unit.key });
            }
            Encoder::X264(encoder) => encoder.encode(picture, at, key, &mut self.sets, out)?,
        }
        self.begun = true;
        Ok(())
    }
}

/// Pictures a second if nobody knows.
const RATE: f32 = 30.0;

fn check(tier: (usize, usize)) -> Result<(), Error> {
    let (width, height) = tier;
    if width.min(height) < SIDE_MIN {
        return Err(Error::Size { tier, limit: "each side has to have 16 pixels" });
    }
    let blocks = width.div_ceil(16) * height.div_ceil(16);
    if width.max(height) > SIDE_MAX || blocks > MACROBLOCKS_MAX {
        return Err(Error::Size { tier, limit: "up to 4096x2304 is; choose a smaller scale" });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
