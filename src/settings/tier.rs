//! Tiers: the session's pictures once more, smaller, fewer or coarser, and its sound at fewer bits.

use super::choice::RateChoice;
use super::error::{Error, Table, Wrong, wrong};
use super::input::InputSettings;
use super::parse::{number, rate};
use crate::codec::QUALITY_DEFAULT;
use crate::options::TierOptions;
use streamsocket_convert::opus::{KBIT, usual_kbit};
use streamsocket_media::{FrameRate, Scale};
use streamsocket_stream::send::opus::takes;

/// Tiers at most: each costs the encoding of every picture once more, and a group and eight ports of its own.
pub const TIERS_MAX: usize = 4;

/// Bytes of a tier's name at most: it is a part of file names and of the session's name in SDP, which have
/// room for much else.
pub const TIER_NAME_MAX: usize = 16;

/// What viewers with less bandwidth get: pictures, sound or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// Its name: letters, digits, `-` and `_`.
    pub name: String,
    /// Its pictures.
    pub pictures: Option<TierPictures>,
    /// Its sound.
    pub sound: Option<TierSound>,
}

/// The pictures of a tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TierPictures {
    /// How large they are.
    pub scale: Scale,
    /// Frame rate at most, if there are to be fewer.
    pub fps: Option<FrameRate>,
    /// Quality that they are encoded with, 1 to 100.
    pub quality: u8,
    /// They are made only while somebody asks for them.
    pub on_demand: bool,
}

/// The sound of a tier: Opus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TierSound {
    /// Kilobits a second, unless they are as usual.
    pub kbit: Option<u16>,
}

impl TierSound {
    /// Bits a second of so many channels.
    #[must_use]
    pub fn bits(self, channels: u8) -> u32 {
        u32::from(self.kbit.unwrap_or(usual_kbit(channels))) * 1000
    }
}

impl Tier {
    /// What is said if a tier of this name is to have sound of which so many sample frames a second are captured, and
    /// Opus cannot be made of that: one line.
    #[must_use]
    pub fn unfit(name: &str, rate: u32) -> Option<String> {
        (!takes(rate)).then(|| {
            format!(
                "--tier {name}: Opus is made of sound of 8, 12, 16, 24 or 48 kHz, and this has {rate} Hz: choose another --audio, or leave opus out"
            )
        })
    }

    /// What is said of a tier that is made on demand: one line.
    #[must_use]
    pub fn needs_asking(&self) -> Option<String> {
        self.pictures.filter(|pictures| pictures.on_demand).map(|_| {
            format!(
                "--tier {}: it is made while a StreamSocket receiver or gateway, or a player over RTSP, asks for it; players that only join its group do not wake it",
                self.name
            )
        })
    }

    /// This, but sent as `other` is: in the quality of its pictures.
    pub(super) fn sent_as(&self, other: &Self) -> Self {
        let pictures = self.pictures.zip(other.pictures);
        let pictures = pictures.map(|(own, other)| TierPictures { quality: other.quality, ..own });
        Self { pictures: pictures.or(self.pictures), ..self.clone() }
    }
}

/// The tiers of options, for a session that has these inputs.
pub(super) fn tiers(options: &[TierOptions], inputs: &[InputSettings]) -> Result<Vec<Tier>, Wrong> {
    if options.len() > TIERS_MAX {
        return Err(Error(format!("--tier: {} tiers; at most {TIERS_MAX}", options.len())).into());
    }
    let mut tiers: Vec<Tier> = Vec::new();
    for (index, options) in options.iter().enumerate() {
        let in_table = |error| Wrong { error, table: Some(Table::Tier(index)) };
        let tier = tier(options).map_err(in_table)?;
        if tiers.iter().any(|other| other.name == tier.name) {
            let again = wrong("name", &tier.name, "another tier has this name");
            return Err(in_table(again));
        }
        is_had(options, &tier, inputs).map_err(in_table)?;
        tiers.push(tier);
    }
    Ok(tiers)
}

/// Checks that the session has what a tier is of.
fn is_had(options: &TierOptions, tier: &Tier, inputs: &[InputSettings]) -> Result<(), Error> {
    let pictures = inputs.iter().any(|input| matches!(input, InputSettings::Video(_)));
    let sound = inputs.iter().any(|input| matches!(input, InputSettings::Audio(_)));
    let text = |it: &Option<String>| it.clone().unwrap_or_default();
    if tier.pictures.is_some() && !pictures {
        let none = "the session has no pictures (--video none) that it could be of";
        return Err(wrong("scale", &text(&options.scale), none));
    }
    if tier.sound.is_some() && !sound {
        let none = "the session has no sound (--audio none) that it could be of";
        return Err(wrong("audio", &text(&options.audio), none));
    }
    Ok(())
}

fn tier(options: &TierOptions) -> Result<Tier, Error> {
    let missing = |name, expected: &str| Error(format!("--{name}: expected {expected}"));
    let name = options.name.clone().ok_or_else(|| missing("name", "one, such as low"))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || name.len() > TIER_NAME_MAX || !name.chars().all(plain) {
        let expected = format!("expected 1 to {TIER_NAME_MAX} letters, digits, - or _");
        return Err(wrong("name", &name, expected));
    }
    // Receivers have these words for no tier in particular.
    if ["auto", "full"].contains(&&*name) {
        let other = "it means something else to receivers; call it otherwise";
        return Err(wrong("name", &name, other));
    }
    let (pictures, sound) = (pictures(options)?, sound(options)?);
    if pictures.is_none() && options.on_demand.is_some() {
        let pictures = "it is for pictures, which need a scale, such as 1/2";
        return Err(wrong("on-demand", "true", pictures));
    }
    if pictures.is_none() && sound.is_none() {
        return Err(missing("scale", "1/1, 1/2 or 1/4, or sound as opus"));
    }
    Ok(Tier { name, pictures, sound })
}

fn pictures(options: &TierOptions) -> Result<Option<TierPictures>, Error> {
    let fps = options.fps.as_ref().map(|fps| match rate(&fps.0)? {
        RateChoice::Rate(rate) => Ok(rate),
        RateChoice::Max => Err(wrong("fps", &fps.0, "expected frames a second, such as 15")),
    });
    let quality = options.quality.as_ref().map(|it| number("quality", &it.0, 1, 100));
    let (fps, quality) = (fps.transpose()?, quality.transpose()?);
    let Some(scale) = options.scale.as_deref() else {
        let given = [("fps", &options.fps), ("quality", &options.quality)];
        let given = given.into_iter().find_map(|(name, it)| Some((name, it.as_ref()?)));
        return given.map_or(Ok(None), |(name, value)| {
            Err(wrong(name, &value.0, "it is for pictures, which need a scale, such as 1/2"))
        });
    };
    let scale = scale.parse().map_err(|error| wrong("scale", scale, error))?;
    let (quality, on_demand) =
        (quality.unwrap_or(QUALITY_DEFAULT), options.on_demand.unwrap_or(false));
    Ok(Some(TierPictures { scale, fps, quality, on_demand }))
}

fn sound(options: &TierOptions) -> Result<Option<TierSound>, Error> {
    let kbit = options.audio_bitrate.as_ref();
    match (options.audio.as_deref(), kbit) {
        (Some("opus"), _) => {
            let (least, most) = (*KBIT.start(), *KBIT.end());
            let kbit = kbit.map(|kbit| number("audio-bitrate", &kbit.0, least, most));
            Ok(Some(TierSound { kbit: kbit.transpose()? }))
        }
        (Some(other), _) => Err(wrong("audio", other, "expected opus")),
        (None, Some(kbit)) => Err(wrong("audio-bitrate", &kbit.0, "it is for audio = \"opus\"")),
        (None, None) => Ok(None),
    }
}
