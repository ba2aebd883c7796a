//! The source that was chosen: opens it and passes the loop's questions on, so that the loop knows
//! one kind of source only.

use super::camera::{Camera, CameraRequest};
use super::child::{self, ChildAudio, ChildVideo, Input, Probe, VideoSettings};
use super::flash::Flash;
use super::microphone::Microphone;
use super::mjpeg_file::{self, MjpegFile};
use super::mjpeg_stream::MjpegStream;
use super::pattern::{self, Pattern};
use super::preloaded::Preloaded;
use super::tone::Tone;
use super::wav_file::WavFile;
use super::{AudioFormat, AudioPoll, Error, FrameRate, VideoFormat, VideoPoll, devices};
use crate::settings::{AudioChoice, RateChoice, Settings, VideoChoice};
use std::os::fd::RawFd;
use std::path::Path;
use std::sync::Arc;
use streamsocket_stream::clock::Monotonic;
use streamsocket_wire::jpeg_scan;

/// Size of the test picture unless another is asked for.
const PATTERN_SIZE: (u16, u16) = (1280, 720);

/// Rate of what has none of its own, unless another is asked for.
const RATE_DEFAULT: FrameRate = FrameRate { numerator: 30, denominator: 1 };

/// Format of the test tone.
const TONE_FORMAT: AudioFormat = AudioFormat { rate: 48_000, channels: 2 };

/// What opening a source needs to know besides what the user chose.
#[derive(Clone, Debug)]
pub struct Setting {
    /// When the session begins: files and generators start here.
    pub epoch: Monotonic,
    /// Nanoseconds since 1970 minus CLOCK_MONOTONIC.
    pub unix_offset: i64,
    /// Wakes the loop when the JPEG worker has a picture.
    pub waker: Arc<mio::Waker>,
}

/// Where pictures come from.
pub enum VideoSource {
    /// A V4L2 camera.
    Camera(Box<Camera>),
    /// A file of JPEGs.
    File(Box<MjpegFile>),
    /// JPEGs on standard input.
    Stream(Box<MjpegStream>),
    /// A child process that reads any other file or an IP camera.
    Child(Box<ChildVideo>),
    /// The test picture.
    Pattern(Box<Pattern>),
    /// Frames in memory.
    Preloaded(Box<Preloaded>),
}

/// Where sound comes from.
pub enum AudioSource {
    /// An ALSA card.
    Microphone(Box<Microphone>),
    /// A WAV file.
    File(Box<WavFile>),
    /// A child process.
    Child(Box<ChildAudio>),
    /// The test tone.
    Tone(Box<Tone>),
}

/// Both sources, opened, with a word on what they are.
pub struct Sources {
    /// Pictures.
    pub video: Option<(VideoSource, String)>,
    /// Sound.
    pub audio: Option<(AudioSource, String)>,
}

/// Opens what the user chose.
///
/// # Errors
/// One line: what cannot be opened, why, and what to do.
pub fn open(settings: &Settings, setting: &Setting) -> Result<Sources, Error> {
    let probe = probe(settings)?;
    let video = match chosen_video(settings) {
        VideoChoice::None => None,
        choice => Some(open_video(&choice, settings, setting, probe.as_ref())?),
    };
    let audio = open_audio(settings, setting, video.as_ref().map(|(v, _)| v), probe.as_ref())?;
    Ok(Sources { video, audio })
}

/// What ffprobe says of a video source that is neither a camera nor a file of JPEGs.
fn probe(settings: &Settings) -> Result<Option<(Input, Probe)>, Error> {
    let input = match &settings.video {
        VideoChoice::Url(url) => Input::Live(url.clone()),
        VideoChoice::File(path) if !mjpeg_file::is_mjpeg(path)? => Input::File(path.clone()),
        _ => return Ok(None),
    };
    let probe = child::probe(&input)?;
    Ok(Some((input, probe)))
}

/// `auto` made definite.
fn chosen_video(settings: &Settings) -> VideoChoice {
    if settings.video != VideoChoice::Auto {
        return settings.video.clone();
    }
    match devices::auto_camera() {
        Some(camera) => {
            log::info!("camera: {} ({})", camera.name, camera.path.display());
            VideoChoice::Camera(camera.path)
        }
        None => {
            log::info!(
                "no camera with MJPEG found: sending the test picture ('streamsocket devices' lists what there is)"
            );
            VideoChoice::Pattern
        }
    }
}

fn open_video(
    choice: &VideoChoice,
    settings: &Settings,
    setting: &Setting,
    probe: Option<&(Input, Probe)>,
) -> Result<(VideoSource, String), Error> {
    let max = settings.rate == Some(RateChoice::Max);
    let asked = match settings.rate {
        Some(RateChoice::Rate(rate)) => Some(rate),
        _ => None,
    };
    let rate = asked.unwrap_or(RATE_DEFAULT);
    if let Some((input, probe)) = probe {
        let source = open_child(input, probe, settings, setting, asked)?;
        return Ok((source, settings.video_name()));
    }
    let source = match choice {
        VideoChoice::Camera(device) => {
            let request = CameraRequest {
                device: device.clone(),
                size: settings.size,
                rate: asked,
                controls: settings.controls.clone(),
            };
            VideoSource::Camera(Box::new(Camera::open(&request)?))
        }
        VideoChoice::File(path) if max => {
            let frames = mjpeg_file::preload(path, rate, settings.looped)?;
            VideoSource::Preloaded(Box::new(frames))
        }
        VideoChoice::File(path) => {
            let file = MjpegFile::open(path, rate, setting.epoch, settings.looped)?;
            VideoSource::File(Box::new(file))
        }
        VideoChoice::StandardInput => VideoSource::Stream(Box::new(MjpegStream::stdin(rate)?)),
        _ => open_pattern(settings, setting, rate, max)?,
    };
    let name = match &source {
        VideoSource::Camera(camera) => camera.name().to_owned(),
        VideoSource::Pattern(_) => "test picture".to_owned(),
        _ => settings.video_name(),
    };
    Ok((source, name))
}

fn open_child(
    input: &Input,
    probe: &Probe,
    settings: &Settings,
    setting: &Setting,
    rate: Option<FrameRate>,
) -> Result<VideoSource, Error> {
    let request = VideoSettings {
        rate,
        size: settings.size,
        epoch: setting.epoch,
        looped: settings.looped,
        fits: |jpeg| jpeg_scan::scan(jpeg).is_ok(),
    };
    if settings.rate == Some(RateChoice::Max) {
        let frames = child::preload(input, probe, &request)?;
        return Ok(VideoSource::Preloaded(Box::new(frames)));
    }
    Ok(VideoSource::Child(Box::new(ChildVideo::open(input, probe, &request)?)))
}

fn open_pattern(
    settings: &Settings,
    setting: &Setting,
    rate: FrameRate,
    max: bool,
) -> Result<VideoSource, Error> {
    let (width, height) = settings.size.unwrap_or(PATTERN_SIZE);
    let flash = Flash { epoch: setting.epoch, rate };
    let pattern = pattern::Settings {
        width,
        height,
        flash,
        unix_offset: setting.unix_offset,
        quality: pattern::QUALITY,
    };
    if max {
        return Ok(VideoSource::Preloaded(Box::new(pattern::preload(&pattern)?)));
    }
    let pattern = Pattern::new(&pattern, Arc::clone(&setting.waker))?;
    Ok(VideoSource::Pattern(Box::new(pattern)))
}

fn open_audio(
    settings: &Settings,
    setting: &Setting,
    video: Option<&VideoSource>,
    probe: Option<&(Input, Probe)>,
) -> Result<Option<(AudioSource, String)>, Error> {
    let microphone = |name: &str| {
        let mut microphone = Microphone::open(name)?;
        microphone.start(setting.epoch)?;
        Ok((AudioSource::Microphone(Box::new(microphone)), name.to_owned()))
    };
    Ok(Some(match &settings.audio {
        AudioChoice::None => return Ok(None),
        AudioChoice::Card(name) => microphone(name)?,
        AudioChoice::File(path) => {
            (open_sound_file(path, settings, setting)?, settings.audio_name())
        }
        AudioChoice::Tone => tone(video, setting),
        AudioChoice::Auto => match (video, probe) {
            (_, Some((input, probe))) if probe.audio.is_some() => {
                let child = ChildAudio::open(input, probe, setting.epoch, settings.looped)?;
                (AudioSource::Child(Box::new(child)), settings.video_name())
            }
            // A file's pictures go with its own sound or with none.
            (_, Some(_)) => return Ok(None),
            (Some(VideoSource::Pattern(_) | VideoSource::Preloaded(_)), None) => {
                tone(video, setting)
            }
            (Some(VideoSource::File(_)), None) => return Ok(None),
            _ => return auto_microphone(video, microphone),
        },
    }))
}

/// The microphone of the camera itself, else the first card, else none: a test tone beside a real
/// picture would be a nuisance.
fn auto_microphone(
    video: Option<&VideoSource>,
    open: impl Fn(&str) -> Result<(AudioSource, String), Error>,
) -> Result<Option<(AudioSource, String)>, Error> {
    let own = match video {
        Some(VideoSource::Camera(camera)) => devices::card_of_camera(camera.path()),
        _ => None,
    };
    let Some(card) = own.or_else(|| devices::cards().into_iter().next()) else {
        log::info!("no microphone found: sending the picture without sound");
        return Ok(None);
    };
    log::info!("microphone: {} ({})", card.description, card.name);
    match open(&card.name) {
        Ok(microphone) => Ok(Some(microphone)),
        Err(error) => {
            log::warn!("{error}; sending the picture without sound");
            Ok(None)
        }
    }
}

fn tone(video: Option<&VideoSource>, setting: &Setting) -> (AudioSource, String) {
    let rate = video.map_or(RATE_DEFAULT, |video| video.format().rate);
    let flash = Flash { epoch: setting.epoch, rate };
    (AudioSource::Tone(Box::new(Tone::new(flash, TONE_FORMAT))), "test tone".to_owned())
}

fn open_sound_file(
    path: &Path,
    settings: &Settings,
    setting: &Setting,
) -> Result<AudioSource, Error> {
    let is_wav = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wav"));
    if is_wav {
        let file = WavFile::open(path, setting.epoch, settings.looped)?;
        return Ok(AudioSource::File(Box::new(file)));
    }
    let input = Input::File(path.to_owned());
    let probe = child::probe(&input)?;
    let child = ChildAudio::open(&input, &probe, setting.epoch, settings.looped)?;
    Ok(AudioSource::Child(Box::new(child)))
}

impl VideoSource {
    /// What it delivers.
    #[must_use]
    pub fn format(&self) -> VideoFormat {
        match self {
            Self::Camera(source) => source.granted(),
            Self::File(source) => source.format(),
            Self::Stream(source) => source.format(),
            Self::Child(source) => source.format(),
            Self::Pattern(source) => source.format(),
            Self::Preloaded(source) => source.format(),
        }
    }

    /// The session begins now: what makes its own time starts here.
    pub const fn begin(&mut self, epoch: Monotonic) {
        match self {
            Self::File(source) => source.begin(epoch),
            Self::Child(source) => source.begin(epoch),
            Self::Pattern(source) => source.begin(epoch),
            Self::Camera(_) | Self::Stream(_) | Self::Preloaded(_) => {}
        }
    }

    /// What to watch for readability, if anything.
    #[must_use]
    pub fn descriptor(&self) -> Option<RawFd> {
        match self {
            Self::Camera(source) => Some(source.descriptor()),
            Self::File(source) => source.descriptor(),
            Self::Stream(source) => source.descriptor(),
            Self::Child(source) => source.descriptor(),
            Self::Pattern(source) => source.descriptor(),
            Self::Preloaded(source) => source.descriptor(),
        }
    }

    /// When to poll even if nothing is readable.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        match self {
            Self::Camera(_) => None,
            Self::File(source) => source.deadline(),
            Self::Stream(source) => source.deadline(),
            Self::Child(source) => source.deadline(),
            Self::Pattern(source) => source.deadline(),
            Self::Preloaded(source) => source.deadline(),
        }
    }

    /// The next frame, if there is one.
    ///
    /// # Errors
    /// If the source is gone or broken.
    pub fn poll(&mut self, now: Monotonic) -> Result<VideoPoll, Error> {
        match self {
            Self::Camera(source) => source.poll(now),
            Self::File(source) => source.poll(now),
            Self::Stream(source) => source.poll(now),
            Self::Child(source) => source.poll(now),
            Self::Pattern(source) => source.poll(now),
            Self::Preloaded(source) => source.poll(now),
        }
    }

    /// Frames that the source lost or could not hand out, by reason.
    #[must_use]
    pub fn losses(&self) -> Vec<(&'static str, u64)> {
        match self {
            Self::Camera(source) => {
                let counts = source.counts();
                vec![
                    ("flagged_broken_by_the_driver", counts.error_flagged),
                    ("empty_buffer", counts.empty),
                    ("sender_was_busy", counts.skipped_lease),
                    ("dropped_by_the_driver", counts.sequence_gaps),
                ]
            }
            Self::File(source) => vec![("broken_in_the_file", source.dropped())],
            Self::Stream(source) => vec![("broken_in_the_stream", source.dropped())],
            Self::Child(source) => vec![("broken_in_the_stream", source.dropped())],
            Self::Pattern(source) => vec![("encoder_was_busy", source.skipped())],
            Self::Preloaded(_) => Vec::new(),
        }
    }

    /// True if it ends by itself.
    #[must_use]
    pub const fn is_finite(&self) -> bool {
        matches!(self, Self::File(_) | Self::Stream(_) | Self::Child(_) | Self::Preloaded(_))
    }
}

impl AudioSource {
    /// What it delivers.
    #[must_use]
    pub fn format(&self) -> AudioFormat {
        match self {
            Self::Microphone(source) => source.format(),
            Self::File(source) => source.format(),
            Self::Child(source) => source.format(),
            Self::Tone(source) => source.format(),
        }
    }

    /// The session begins now: what makes its own time starts here.
    pub const fn begin(&mut self, epoch: Monotonic) {
        match self {
            Self::File(source) => source.begin(epoch),
            Self::Child(source) => source.begin(epoch),
            Self::Tone(source) => source.begin(epoch),
            Self::Microphone(_) => {}
        }
    }

    /// What to watch for readability.
    #[must_use]
    pub fn descriptors(&self) -> Vec<RawFd> {
        match self {
            Self::Microphone(source) => source.descriptors().to_vec(),
            Self::Child(source) => source.descriptor().into_iter().collect(),
            Self::File(_) | Self::Tone(_) => Vec::new(),
        }
    }

    /// The descriptor at this index had an event.
    ///
    /// # Errors
    /// If the source is gone or broken.
    pub fn handle_event(&mut self, index: usize) -> Result<(), Error> {
        match self {
            Self::Microphone(source) => source.handle_event(index),
            _ => Ok(()),
        }
    }

    /// When to poll even if nothing is readable.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        match self {
            Self::Microphone(source) => source.deadline(),
            Self::File(source) => source.deadline(),
            Self::Child(source) => source.deadline(),
            Self::Tone(source) => source.deadline(),
        }
    }

    /// The next samples, if there are any.
    ///
    /// # Errors
    /// If the source is gone or broken.
    pub fn poll(&mut self, now: Monotonic, out: &mut [i16]) -> Result<AudioPoll, Error> {
        match self {
            Self::Microphone(source) => source.poll(now, out),
            Self::File(source) => source.poll(now, out),
            Self::Child(source) => source.poll(now, out),
            Self::Tone(source) => source.poll(now, out),
        }
    }

    /// Times that samples were lost before we could read them.
    #[must_use]
    pub fn overruns(&self) -> u64 {
        match self {
            Self::Microphone(source) => source.overruns(),
            _ => 0,
        }
    }

    /// True if it ends by itself.
    #[must_use]
    pub const fn is_finite(&self) -> bool {
        matches!(self, Self::File(_) | Self::Child(_))
    }
}
