//! All settings of a session.

use super::choice::{AudioChoice, RateChoice, VideoChoice, Wait};
use super::destination::Destination;
use super::error::Error;
use crate::capture::child::without_password;
use std::path::{Path, PathBuf};
use streamsocket_stream::send::pacer::Pace;
use streamsocket_stream::send::repair::Share;

/// What the user chose.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Pictures.
    pub video: VideoChoice,
    /// Sound.
    pub audio: AudioChoice,
    /// Picture size in pixels, if asked for.
    pub size: Option<(u16, u16)>,
    /// Frame rate, if asked for.
    pub rate: Option<RateChoice>,
    /// Quality of what is encoded here, 1 to 100.
    pub quality: u8,
    /// Quality that JPEGs are encoded anew with, if they are to be.
    pub requality: Option<u8>,
    /// Camera controls, by name.
    pub controls: Vec<(String, String)>,
    /// Whether to wait for devices.
    pub wait: Wait,
    /// By how much pictures are later than sound, in milliseconds.
    pub av_offset: i16,
    /// Begin files again.
    pub looped: bool,
    /// Destinations; none: a group of this machine's own.
    pub to: Vec<Destination>,
    /// Interface by name or address.
    pub interface: Option<String>,
    /// Multicast time to live.
    pub ttl: u8,
    /// UDP payload at most, in bytes.
    pub packet_size: usize,
    /// How frames are spread.
    pub pace: Pace,
    /// How much is sent for repair.
    pub repair: Share,
    /// Bits a second at most.
    pub max_bitrate: Option<u64>,
    /// Name of the session, if chosen.
    pub name: Option<String>,
    /// Name of the daemon among those of the machine, if chosen.
    pub instance: Option<String>,
    /// Where the description goes.
    pub sdp: Option<PathBuf>,
    /// Whether it is announced.
    pub announce: bool,
    /// Whether its sound is sent, and announced, as PulseAudio and PipeWire take it.
    pub announce_sound: bool,
    /// Where statistics go.
    pub stats: Option<PathBuf>,
}

impl Settings {
    /// These settings with those of `other` that a session takes on without opening anything anew:
    /// how pictures are made and sent, and what is said of them.
    #[must_use]
    pub fn sent_as(&self, other: &Self) -> Self {
        Self {
            quality: other.quality,
            requality: other.requality,
            wait: other.wait,
            av_offset: other.av_offset,
            packet_size: other.packet_size,
            pace: other.pace,
            max_bitrate: other.max_bitrate,
            sdp: other.sdp.clone(),
            announce: other.announce,
            stats: other.stats.clone(),
            ..self.clone()
        }
    }

    /// Checks what only this machine can tell: files. Devices and networks come and go.
    ///
    /// # Errors
    /// One line that names what is not there.
    pub fn verify(&self) -> Result<(), Error> {
        let video = match &self.video {
            VideoChoice::File(path) => Some(("video", path)),
            _ => None,
        };
        let audio = match &self.audio {
            AudioChoice::File(path) => Some(("audio", path)),
            _ => None,
        };
        for (option, path) in [video, audio].into_iter().flatten() {
            let opened = std::fs::File::open(path).and_then(|file| file.metadata());
            let problem = match opened {
                Ok(there) if there.is_dir() && option == "audio" => "it is a folder".to_owned(),
                Ok(_) => continue,
                Err(error) => error.to_string(),
            };
            return Err(Error(format!("--{option} file:{}: {problem}", path.display())));
        }
        Ok(())
    }

    /// The video source as the user named it.
    #[must_use]
    pub fn video_name(&self) -> String {
        match &self.video {
            VideoChoice::Auto => "auto".into(),
            VideoChoice::Camera(name) => name.to_string(),
            VideoChoice::File(path) => file_name(path),
            VideoChoice::StandardInput => "standard input".into(),
            VideoChoice::Url(url) => without_password(url),
            VideoChoice::Pattern => "test picture".into(),
            VideoChoice::None => "none".into(),
        }
    }

    /// The audio source as the user named it.
    #[must_use]
    pub fn audio_name(&self) -> String {
        match &self.audio {
            AudioChoice::Auto => "auto".into(),
            AudioChoice::Card(name) => name.clone(),
            AudioChoice::File(path) => file_name(path),
            AudioChoice::Tone => "test tone".into(),
            AudioChoice::None => "none".into(),
        }
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into())
}
