//! What has several values of its own: tracks and tiers.

use super::value::Scalar;

/// A source with what is said of it alone: a `[[track]]` of a configuration file.
#[derive(Clone, Debug, Default)]
pub struct TrackOptions {
    /// Source of pictures.
    pub video: Option<String>,
    /// Source of sound.
    pub audio: Option<String>,
    /// Picture size.
    pub size: Option<String>,
    /// Frames a second.
    pub fps: Option<Scalar>,
    /// JPEG quality of what is encoded here.
    pub quality: Option<Scalar>,
    /// JPEG quality of what is encoded again.
    pub requality: Option<Scalar>,
    /// Camera controls.
    pub control: Option<Vec<String>>,
    /// Milliseconds by which the camera is late.
    pub av_offset: Option<Scalar>,
}

/// A tier: a `[[tier]]` of a configuration file, or `NAME=[SCALE[,FPS[,QUALITY]]][,opus[:KBIT]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TierOptions {
    /// Its name.
    pub name: Option<String>,
    /// The part of width and height that is left.
    pub scale: Option<String>,
    /// Frames a second at most.
    pub fps: Option<Scalar>,
    /// JPEG quality.
    pub quality: Option<Scalar>,
    /// What its sound is encoded to.
    pub audio: Option<String>,
    /// Kilobits of it a second.
    pub audio_bitrate: Option<Scalar>,
    /// Pictures are made only while somebody asks for them.
    pub on_demand: Option<bool>,
}

/// What sound may be encoded to, as it is written.
const OPUS: &str = "opus";

/// The last word of a tier that is made on demand.
const ON_DEMAND: &str = ",on-demand";

impl std::str::FromStr for TierOptions {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, rest) = match text.split_once('=') {
            Some((name, rest)) => (name, Some(rest)),
            None => (text, None),
        };
        let demanded = rest.and_then(|rest| rest.strip_suffix(ON_DEMAND));
        let rest = demanded.or(rest);
        let last = rest.map(|rest| rest.rsplit_once(',').unwrap_or(("", rest)));
        let sound = last.filter(|(_, last)| last.split(':').next() == Some(OPUS));
        let rest = sound.map_or(rest, |(pictures, _)| Some(pictures).filter(|it| !it.is_empty()));
        // What is too much stays a part of the quality, which is no number then.
        let mut parts = rest.into_iter().flat_map(|rest| rest.splitn(3, ',')).map(str::to_owned);
        Ok(Self {
            name: Some(name.to_owned()),
            scale: parts.next(),
            fps: parts.next().map(Scalar),
            quality: parts.next().map(Scalar),
            audio: sound.map(|_| OPUS.to_owned()),
            audio_bitrate: sound
                .and_then(|(_, sound)| sound.split_once(':'))
                .map(|(_, kbit)| Scalar(kbit.to_owned())),
            on_demand: demanded.map(|_| true),
        })
    }
}
