//! The choice of sources.

use crate::capture::child::without_password;
use crate::capture::devices::CameraName;
use std::path::{Path, PathBuf};
use streamsocket_media::FrameRate;

/// Where pictures come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VideoChoice {
    /// The first camera with MJPEG, else the first whose pictures can be encoded, else the test picture.
    Auto,
    /// A V4L2 device.
    Camera(CameraName),
    /// A file.
    File(PathBuf),
    /// Standard input.
    StandardInput,
    /// An IP camera.
    Url(String),
    /// The test picture.
    Pattern,
}

impl VideoChoice {
    /// The source as the user named it, without a password.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Auto => "auto".into(),
            Self::Camera(name) => name.to_string(),
            Self::File(path) => file_name(path),
            Self::StandardInput => "standard input".into(),
            Self::Url(url) => without_password(url),
            Self::Pattern => "test picture".into(),
        }
    }
}

/// Where sound comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudioChoice {
    /// The sound that belongs to the video source, else the first card, else none, or beside the test picture the
    /// test tone.
    Auto,
    /// An ALSA PCM.
    Card(String),
    /// A file.
    File(PathBuf),
    /// The test tone.
    Tone,
}

impl AudioChoice {
    /// The source as the user named it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Auto => "auto".into(),
            Self::Card(name) => name.clone(),
            Self::File(path) => file_name(path),
            Self::Tone => "test tone".into(),
        }
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into())
}

/// Frames a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateChoice {
    /// As fast as it goes, from memory.
    Max,
    /// This rate, or the nearest that the source has.
    Rate(FrameRate),
}
