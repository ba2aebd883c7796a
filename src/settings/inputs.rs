//! From options to inputs: one of pictures and one of sound, or the tracks of a configuration file.

use super::choice::{AudioChoice, VideoChoice};
use super::error::{Error, Table, Wrong, wrong};
use super::input::{AudioSettings, INPUTS_MAX, InputSettings, VideoSettings};
use super::parse::{audio, av_offset, controls, number, rate, size, video};
use crate::codec::QUALITY_DEFAULT;
use crate::options::{StreamOptions, TrackOptions};

/// The inputs, pictures first, and the options of pictures that nothing is done with.
pub(super) fn inputs(
    options: &StreamOptions,
) -> Result<(Vec<InputSettings>, Vec<&'static str>), Wrong> {
    let tracks = options.track.as_deref().unwrap_or_default();
    let (mut pictures, mut sounds) = (Vec::new(), Vec::new());
    for (index, track) in tracks.iter().enumerate() {
        let in_table = |error| Wrong { error, table: Some(Table::Track(index)) };
        match track_of(track).map_err(in_table)? {
            InputSettings::Video(it) => {
                is_another(&it.choice, &pictures).map_err(in_table)?;
                pictures.push(it);
            }
            InputSettings::Audio(it) => {
                is_another_sound(&it, &sounds).map_err(in_table)?;
                sounds.push(it);
            }
        }
    }
    let mut idle = Vec::new();
    if pictures.is_empty() {
        let own = short_form(options);
        let choice = options.video.as_deref().map_or(Ok(Some(VideoChoice::Auto)), video)?;
        // Checked even if there are no pictures.
        let checked = video_settings(choice.clone().unwrap_or(VideoChoice::Auto), &own)?;
        match choice {
            Some(_) => pictures.push(checked),
            None => idle = of_pictures(&own).map(|(name, _)| name).collect(),
        }
    } else {
        refuse_short_form(options)?;
    }
    if sounds.is_empty() {
        let choice = options.audio.as_deref().map_or(Ok(Some(AudioChoice::Auto)), audio)?;
        sounds.extend(choice.map(|choice| AudioSettings { choice }));
    } else if let Some(text) = &options.audio {
        return Err(wrong("audio", text, BOTH_FORMS).into());
    }
    let pictures = pictures.into_iter().map(InputSettings::Video);
    let inputs: Vec<_> = pictures.chain(sounds.into_iter().map(InputSettings::Audio)).collect();
    match inputs.len() {
        0 => Err(Error("--video none --audio none: there is nothing to send".into()).into()),
        len if len > INPUTS_MAX => {
            Err(Error(format!("--track: {len} tracks; at most {INPUTS_MAX}")).into())
        }
        _ => Ok((inputs, idle)),
    }
}

const BOTH_FORMS: &str =
    "there are [[track]] tables of this medium as well; give it a table of its own";

/// What a table says.
fn track_of(track: &TrackOptions) -> Result<InputSettings, Error> {
    const NONE: &str = "a track of nothing; leave the table out";
    match (&track.video, &track.audio) {
        (Some(text), None) => {
            let choice = video(text)?.ok_or_else(|| wrong("video", text, NONE))?;
            video_settings(choice, track).map(InputSettings::Video)
        }
        (None, Some(text)) => {
            if let Some((name, value)) = of_pictures(track).next() {
                return Err(wrong(
                    name,
                    &value,
                    "it is for pictures, and this is a track of sound",
                ));
            }
            let choice = audio(text)?.ok_or_else(|| wrong("audio", text, NONE))?;
            Ok(InputSettings::Audio(AudioSettings { choice }))
        }
        (Some(_), Some(text)) => {
            Err(wrong("audio", text, "the track has video; give sound a [[track]] of its own"))
        }
        (None, None) => Err(Error("[[track]]: expected video or audio, and its source".into())),
    }
}

/// Checks that a camera, an address or standard input is read once only.
fn is_another(choice: &VideoChoice, others: &[VideoSettings]) -> Result<(), Error> {
    let again = !matches!(choice, VideoChoice::File(_) | VideoChoice::Pattern);
    if again && others.iter().any(|other| other.choice == *choice) {
        return Err(wrong("video", &choice.name(), SAME_DEVICE));
    }
    Ok(())
}

/// Checks that a card is read once only.
fn is_another_sound(audio: &AudioSettings, others: &[AudioSettings]) -> Result<(), Error> {
    let again = matches!(audio.choice, AudioChoice::Auto | AudioChoice::Card(_));
    if again && others.contains(audio) {
        return Err(wrong("audio", &audio.choice.name(), SAME_DEVICE));
    }
    Ok(())
}

const SAME_DEVICE: &str = "another track is of the same device, which can be read once only";

/// What is said of the only source of pictures.
fn short_form(options: &StreamOptions) -> TrackOptions {
    TrackOptions {
        video: options.video.clone(),
        audio: None,
        size: options.size.clone(),
        fps: options.fps.clone(),
        quality: options.quality.clone(),
        requality: options.requality.clone(),
        control: options.control.clone(),
        av_offset: options.av_offset.clone(),
    }
}

/// Refuses options of the only source of pictures beside tables of several.
fn refuse_short_form(options: &StreamOptions) -> Result<(), Error> {
    if let Some(text) = &options.video {
        return Err(wrong("video", &crate::capture::child::without_password(text), BOTH_FORMS));
    }
    match of_pictures(&short_form(options)).next() {
        Some((name, value)) => Err(wrong(
            name,
            &value,
            "there are [[track]] tables of video: it belongs into one of them",
        )),
        None => Ok(()),
    }
}

fn video_settings(choice: VideoChoice, options: &TrackOptions) -> Result<VideoSettings, Error> {
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

/// The options of pictures that were given, and their values.
fn of_pictures(options: &TrackOptions) -> impl Iterator<Item = (&'static str, String)> {
    let scalar = |it: &Option<crate::options::Scalar>| it.as_ref().map(|it| it.0.clone());
    let all = [
        ("size", options.size.clone()),
        ("fps", scalar(&options.fps)),
        ("quality", scalar(&options.quality)),
        ("control", options.control.as_ref().map(|them| them.join(" "))),
        ("requality", scalar(&options.requality)),
        ("av-offset", scalar(&options.av_offset)),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?)))
}
