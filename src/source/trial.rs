//! Tries the chosen sources without streaming. Cameras and cards are queried and left unchanged,
//! files are examined, addresses are contacted. Pipes and standard input are left alone: others may
//! be writing to them.

use super::context::{Context, SourceOpener};
use super::effect::{Kind, without_effect, without_pictures};
use super::opening::probe;
use crate::capture::error::Error;
use crate::capture::rtsp::Beside;
use crate::capture::{camera, devices, microphone};
use crate::settings::{AudioChoice, AudioSettings, Settings, Tier, VideoChoice, VideoSettings};
use std::path::Path;

/// Result of a trial.
#[derive(Debug, Default)]
pub struct Tried {
    /// Sources that cannot be opened.
    pub missing: Vec<Error>,
    /// Options without effect, a line each.
    pub idle: Vec<String>,
}

/// Tries the chosen sources.
#[must_use]
pub fn try_out(settings: &Settings, context: &Context) -> Tried {
    let mut tried = Tried::default();
    let opening = SourceOpener { settings, context };
    for video in settings.videos() {
        let decoded = try_pictures(&opening, video, &mut tried.missing);
        // Streaming may find another device then, or send the test picture.
        if video.choice != VideoChoice::Auto {
            let kind = Kind::of(&video.choice, decoded);
            tried.idle.extend(without_effect(settings, video, kind));
        }
    }
    if settings.videos().next().is_none() {
        tried.idle.extend(without_pictures(settings));
    }
    tried.idle.extend(settings.tiers.iter().filter_map(Tier::needs_asking));
    tried.missing.extend(settings.audios().filter_map(|audio| try_sound(&opening, audio).err()));
    tried
}

/// Tries a source of pictures. Returns whether ffmpeg reads it.
fn try_pictures(
    opening: &SourceOpener<'_>,
    video: &VideoSettings,
    missing: &mut Vec<Error>,
) -> bool {
    let probed = || probe(&video.choice).map(|probe| probe.is_some());
    let decoded = match &video.choice {
        VideoChoice::File(path) if waits(path) => Ok(false),
        // As for streaming: what is read without ffmpeg needs none here.
        VideoChoice::Url(_) => {
            opening.address(video, &Beside::default()).and_then(|pictures| match pictures {
                Some(_) => Ok(true),
                None => probed(),
            })
        }
        _ => probed(),
    };
    if let VideoChoice::Camera(name) = &video.choice {
        missing.extend(devices::find_camera(name, None).and_then(|node| camera::ask(&node)).err());
    }
    decoded.unwrap_or_else(|error| {
        missing.push(error);
        false
    })
}

fn try_sound(opening: &SourceOpener<'_>, audio: &AudioSettings) -> Result<(), Error> {
    match &audio.choice {
        AudioChoice::Card(name) => microphone::offers(name).map(drop),
        AudioChoice::File(path) if !waits(path) => {
            let rate = opening.sound_file(path)?.format().rate;
            // All tiers are of the first one.
            let first = opening.settings.audios().next() == Some(audio);
            let mut tiers = opening.settings.tiers_of_sound().filter(|_| first);
            tiers
                .find_map(|(tier, _)| Tier::unfit(tier, rate))
                .map_or(Ok(()), |it| Err(Error::new(it)))
        }
        _ => Ok(()),
    }
}

/// Whether opening it waits for another program.
fn waits(path: &Path) -> bool {
    path.metadata().is_ok_and(|there| !there.is_file() && !there.is_dir())
}
