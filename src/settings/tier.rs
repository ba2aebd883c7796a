//! Tiers: the session's pictures once more, smaller, fewer or coarser.

use super::choice::RateChoice;
use super::error::{Error, Table, Wrong, wrong};
use super::parse::{number, rate};
use crate::codec::QUALITY_DEFAULT;
use crate::options::TierOptions;
use streamsocket_media::{FrameRate, Scale};

/// Tiers at most: each costs the encoding of every picture once more, and a group and eight ports of its own.
pub const TIERS_MAX: usize = 4;

/// Bytes of a tier's name at most: it is a part of file names and of the session's name in SDP, which have
/// room for much else.
pub const TIER_NAME_MAX: usize = 16;

/// What viewers with less bandwidth get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// Its name: letters, digits, `-` and `_`.
    pub name: String,
    /// How large its pictures are.
    pub scale: Scale,
    /// Its frame rate at most, if it is to have fewer pictures.
    pub fps: Option<FrameRate>,
    /// Quality that its pictures are encoded with, 1 to 100.
    pub quality: u8,
}

/// The tiers of options, for a session that has pictures, or not.
pub(super) fn tiers(options: &[TierOptions], pictures: bool) -> Result<Vec<Tier>, Wrong> {
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
        if !pictures {
            let none = wrong("name", &tier.name, "a tier of sound alone; tiers are of pictures");
            return Err(in_table(none));
        }
        tiers.push(tier);
    }
    Ok(tiers)
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
        return Err(wrong(
            "name",
            &name,
            "it means something else to receivers; call it otherwise",
        ));
    }
    let scale = options.scale.as_deref();
    let scale = scale.ok_or_else(|| missing("scale", "1/1, 1/2 or 1/4"))?;
    let fps = options.fps.as_ref().map(|fps| match rate(&fps.0)? {
        RateChoice::Rate(rate) => Ok(rate),
        RateChoice::Max => Err(wrong("fps", &fps.0, "expected frames a second, such as 15")),
    });
    let quality = options.quality.as_ref();
    Ok(Tier {
        name,
        scale: scale.parse().map_err(|error| wrong("scale", scale, error))?,
        fps: fps.transpose()?,
        quality: quality.map_or(Ok(QUALITY_DEFAULT), |it| number("quality", &it.0, 1, 100))?,
    })
}
