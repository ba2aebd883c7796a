//! Tries the chosen sources without streaming. Cameras and cards are queried and left unchanged,
//! files are examined, addresses are contacted. Pipes and standard input are left alone: others may
//! be writing to them.

use super::context::Context;
use super::effect::{Kind, without_effect};
use super::opening::{http_camera, open_sound_file, probe};
use crate::capture::error::Error;
use crate::capture::{camera, devices, microphone};
use crate::settings::{AudioChoice, Settings, VideoChoice};
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
    let mut missing = Vec::new();
    let decoded = match &settings.video {
        VideoChoice::File(path) if waits(path) => Ok(false),
        // As for streaming: what is read without ffmpeg needs none here.
        VideoChoice::Url(_) => http_camera(settings, context).and_then(|pictures| match pictures {
            Some(_) => Ok(true),
            None => probe(settings).map(|probe| probe.is_some()),
        }),
        _ => probe(settings).map(|probe| probe.is_some()),
    };
    let decoded = decoded.unwrap_or_else(|error| {
        missing.push(error);
        false
    });
    if let VideoChoice::Camera(name) = &settings.video {
        missing.extend(devices::find_camera(name, None).and_then(|node| camera::ask(&node)).err());
    }
    let sound = match &settings.audio {
        AudioChoice::Card(name) => microphone::offers(name).map(drop),
        AudioChoice::File(path) if !waits(path) => {
            open_sound_file(path, settings, context).map(drop)
        }
        _ => Ok(()),
    };
    missing.extend(sound.err());
    let idle = match &settings.video {
        // Streaming may find another device then, or send the test picture.
        VideoChoice::Auto => Vec::new(),
        choice => without_effect(settings, Kind::of(choice, decoded)),
    };
    Tried { missing, idle }
}

/// Whether opening it waits for another program.
fn waits(path: &Path) -> bool {
    path.metadata().is_ok_and(|there| !there.is_file() && !there.is_dir())
}
