//! The inputs of options: one of pictures and one of sound.

use super::choice::{AudioChoice, VideoChoice};
use super::error::Error;
use super::input::{AudioSettings, InputSettings, VideoSettings};
use super::parse::{audio, av_offset, controls, number, rate, size, video};
use crate::codec::QUALITY_DEFAULT;
use crate::options::StreamOptions;

/// The inputs, pictures first, and the options of pictures that nothing is done with.
pub(super) fn inputs(
    options: &StreamOptions,
) -> Result<(Vec<InputSettings>, Vec<&'static str>), Error> {
    let choice = options.video.as_deref().map_or(Ok(Some(VideoChoice::Auto)), video)?;
    // Checked even if there are no pictures.
    let pictures = video_settings(choice.clone().unwrap_or(VideoChoice::Auto), options)?;
    let sound = options.audio.as_deref().map_or(Ok(Some(AudioChoice::Auto)), audio)?;
    let idle = if choice.is_some() { Vec::new() } else { given(options) };
    let pictures = choice.map(|_| InputSettings::Video(pictures));
    let sound = sound.map(|choice| InputSettings::Audio(AudioSettings { choice }));
    let inputs: Vec<_> = pictures.into_iter().chain(sound).collect();
    if inputs.is_empty() {
        return Err(Error("--video none --audio none: there is nothing to send".into()));
    }
    Ok((inputs, idle))
}

fn video_settings(choice: VideoChoice, options: &StreamOptions) -> Result<VideoSettings, Error> {
    let quality = |name, text: &str| number(name, text, 1, 100);
    Ok(VideoSettings {
        choice,
        size: options.size.as_deref().map(size).transpose()?,
        rate: options.fps.as_ref().map(|fps| rate(&fps.0)).transpose()?,
        quality: options
            .quality
            .as_ref()
            .map_or(Ok(QUALITY_DEFAULT), |it| quality("quality", &it.0))?,
        requality: options.requality.as_ref().map(|it| quality("requality", &it.0)).transpose()?,
        controls: controls(options.control.as_deref().unwrap_or_default())?,
        av_offset: options.av_offset.as_ref().map_or(Ok(0), |offset| av_offset(&offset.0))?,
    })
}

/// The options of pictures that were given and mean nothing without any.
fn given(options: &StreamOptions) -> Vec<&'static str> {
    let all = [
        ("size", options.size.is_some()),
        ("fps", options.fps.is_some()),
        ("control", options.control.is_some()),
        ("requality", options.requality.is_some()),
        ("av-offset", options.av_offset.is_some()),
    ];
    all.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
}
