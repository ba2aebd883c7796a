//! Sources that were chosen, tried without streaming. Cameras and cards are asked what they are and left as
//! they are, files are looked into, addresses are asked. What others may be writing to, or would have to be
//! waited for, is left alone: pipes and standard input.

use super::context::Context;
use super::effect::{Kind, without_effect};
use super::opening::{http_camera, open_sound_file, probe};
use crate::capture::error::Error;
use crate::capture::{camera, devices, microphone};
use crate::settings::{AudioChoice, Settings, VideoChoice};
use std::path::Path;

/// What a trial has found.
#[derive(Debug, Default)]
pub struct Tried {
    /// What could not be had.
    pub missing: Vec<Error>,
    /// Options that were given and change nothing, a line each.
    pub idle: Vec<String>,
}

/// Tries what the user chose.
#[must_use]
pub fn try_out(settings: &Settings, context: &Context) -> Tried {
    let mut missing = Vec::new();
    let decoded = match &settings.video {
        VideoChoice::File(path) if waits(path) => Ok(false),
        // As streaming does: what is read without ffmpeg needs none here.
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
        // What there is may be another thing then, or the test picture.
        VideoChoice::Auto => Vec::new(),
        choice => without_effect(settings, Kind::of(choice, decoded)),
    };
    Tried { missing, idle }
}

/// Whether opening it waits for somebody else.
fn waits(path: &Path) -> bool {
    path.metadata().is_ok_and(|there| !there.is_file() && !there.is_dir())
}
