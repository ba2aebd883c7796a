//! What the user chose, checked: every value here is one that the daemon can act on. What the
//! devices then grant is another matter ([`capture`](crate::capture)).

mod parse;

use self::parse::{announce, audio, controls, destinations, named, number, rate, size, video};
use crate::capture::child::without_password;
use crate::capture::devices::CameraName;
use crate::capture::{Cause, FrameRate};
use crate::codec::QUALITY_DEFAULT;
use crate::options::StreamOptions;
use std::fmt;
use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use streamsocket_stream::send::bitrate::parse_rate;
use streamsocket_stream::send::pacer::Pace;
use streamsocket_stream::send::repair::Share;

/// The port that video is sent to unless the user says another.
pub const PORT_DEFAULT: u16 = 5004;

/// Largest UDP payload that fits an Ethernet frame: 1500 less 20 bytes of IP and 8 of UDP.
const PACKET_SIZE_MAX: u16 = 1472;

/// The smallest packet that carries all headers of a frame and some data.
const PACKET_SIZE_MIN: u16 = 300;

/// Destinations at most: each costs the sending of every packet.
pub const DESTINATIONS_MAX: usize = 8;

/// Where pictures come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VideoChoice {
    /// The first camera with MJPEG, else the test picture.
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
    /// No video.
    None,
}

/// Where sound comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudioChoice {
    /// The sound that belongs to the video source, else the first card, else the test tone.
    Auto,
    /// An ALSA PCM.
    Card(String),
    /// A file.
    File(PathBuf),
    /// The test tone.
    Tone,
    /// No sound.
    None,
}

/// What to do about a camera or microphone that cannot be had at the start. One that is lost later
/// is always waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wait {
    /// Wait for it, whether it is busy or not there.
    Always,
    /// Wait for one that another program has; one that is not there is a mistake.
    #[default]
    Busy,
    /// End.
    Never,
}

impl Wait {
    /// Whether what cannot be had because of this is waited for.
    #[must_use]
    pub fn is_for(self, cause: Cause) -> bool {
        match self {
            Self::Always => cause != Cause::Other,
            Self::Busy => cause == Cause::Busy,
            Self::Never => false,
        }
    }
}

/// Frames a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateChoice {
    /// As fast as it goes, from memory.
    Max,
    /// This rate, or the nearest that the source has.
    Rate(FrameRate),
}

/// Where to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    /// A multicast group or a host.
    pub address: IpAddr,
    /// Port of the video; its RTCP is one higher, sound two.
    pub port: u16,
}

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

/// A value that cannot be used: one line with the option, the value, and what is expected.
#[derive(Debug)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // On one line, and for a terminal, which obeys control characters.
        f.write_str(&self.0.replace(char::is_control, "?"))
    }
}

impl std::error::Error for Error {}

fn wrong(option: &str, value: &str, expected: impl fmt::Display) -> Error {
    Error(format!("--{option} {value}: {expected}"))
}

/// Reads the configuration file that the options name, if any, and checks everything.
///
/// # Errors
/// One line that names the option or the file, the key and the line, and what is expected.
pub fn load(options: StreamOptions) -> Result<Settings, Error> {
    let Some(path) = options.config.clone() else { return check(options) };
    let (file, text) = read(&path)?;
    // By itself first: what is wrong in it is told by its name.
    if let Err(Error(message)) = check(file.clone()) {
        let message = message.trim_start_matches("--");
        let line = line_of(&text, message).map_or_else(String::new, |it| format!(", line {it}"));
        return Err(Error(format!("configuration {}{line}: {message}", path.display())));
    }
    check(options.or(file))
}

/// The line, from 1, that sets the key which a message begins with.
fn line_of(text: &str, message: &str) -> Option<usize> {
    let key = message.split_whitespace().next()?;
    let sets = |line: &str| line.split('=').next().is_some_and(|it| it.trim() == key);
    text.lines().position(sets).map(|before| before + 1)
}

/// The key that a line, from 1, says something of: its own, or, within a list of several lines, the last one
/// before.
fn key_of(text: &str, line: usize) -> Option<&str> {
    let lines: Vec<_> = text.lines().take(line).collect();
    lines.into_iter().rev().find_map(|line| {
        let key = line.split_once('=')?.0.trim();
        let inner = |quote| key.strip_prefix(quote)?.strip_suffix(quote);
        let key = inner('"').or_else(|| inner('\'')).unwrap_or(key);
        let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        (!key.is_empty() && key.chars().all(bare)).then_some(key)
    })
}

/// Bytes of a configuration that are read: all options are set in a kilobyte.
const CONFIGURATION_MAX: u64 = 1 << 20;

/// Reads a configuration file: what it says, and its text.
fn read(path: &Path) -> Result<(StreamOptions, String), Error> {
    let shown = path.display();
    let mut text = String::new();
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(CONFIGURATION_MAX).read_to_string(&mut text));
    read.map_err(|error| Error(format!("configuration {shown} cannot be read: {error}")))?;
    let options = toml::from_str(&text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let message = error.message().replace('\n', " ");
        let key = key_of(&text, line).filter(|key| !message.contains(&format!("`{key}`")));
        let key = key.map_or_else(String::new, |key| format!("{key}: "));
        Error(format!("configuration {shown}, line {line}: {key}{message}"))
    })?;
    Ok((options, text))
}

fn check(options: StreamOptions) -> Result<Settings, Error> {
    let (announce, announce_sound) = announce(options.announce.as_deref(), options.no_announce)?;
    let settings = Settings {
        video: options.video.as_deref().map_or(Ok(VideoChoice::Auto), video)?,
        audio: options.audio.as_deref().map_or(Ok(AudioChoice::Auto), audio)?,
        size: options.size.as_deref().map(size).transpose()?,
        rate: options.fps.as_ref().map(|fps| rate(&fps.0)).transpose()?,
        quality: options
            .quality
            .map_or(Ok(QUALITY_DEFAULT), |quality| number("quality", &quality.0, 1, 100))?,
        requality: options
            .requality
            .map(|quality| number("requality", &quality.0, 1, 100))
            .transpose()?,
        controls: controls(&options.control.unwrap_or_default())?,
        wait: match options.wait {
            None => Wait::Busy,
            Some(true) => Wait::Always,
            Some(false) => Wait::Never,
        },
        av_offset: options.av_offset.map_or(Ok(0), |offset| parse::av_offset(&offset.0))?,
        looped: options.looped.unwrap_or(false),
        to: destinations(&options.to.unwrap_or_default())?,
        interface: options.interface,
        ttl: options.ttl.map_or(Ok(1), |ttl| number("ttl", &ttl.0, 1, 255))?,
        packet_size: options
            .packet_size
            .map_or(Ok(1400), |size| {
                number("packet-size", &size.0, PACKET_SIZE_MIN, PACKET_SIZE_MAX)
            })?
            .into(),
        pace: options.pace.map_or(Ok(Pace::default()), |pace| {
            pace.0.parse().map_err(|error| wrong("pace", &pace.0, error))
        })?,
        repair: options.repair.map_or(Ok(Share::default()), |share| {
            share.0.parse().map_err(|error| wrong("repair", &share.0, error))
        })?,
        max_bitrate: options
            .max_bitrate
            .map(|rate| parse_rate(&rate.0).map_err(|error| wrong("max-bitrate", &rate.0, error)))
            .transpose()?,
        name: named("name", options.name.or_else(|| options.instance.clone()))?,
        instance: named("instance", options.instance)?,
        sdp: options.sdp,
        announce,
        announce_sound,
        stats: options.stats,
    };
    if settings.video == VideoChoice::None && settings.audio == AudioChoice::None {
        return Err(Error("--video none --audio none: there is nothing to send".into()));
    }
    Ok(settings)
}

#[cfg(test)]
mod tests;
