//! Opens the sources that the user chose.

use super::audio::AudioSource;
use super::context::Context;
use super::effect::{Kind, without_effect};
use super::video::VideoSource;
use crate::capture::camera::CameraRequest;
use crate::capture::child::{self, ChildAudio, ChildVideo, Input, Probe, VideoSettings};
use crate::capture::devices::{self, CameraName};
use crate::capture::error::{Cause, Error};
use crate::capture::flash::Flash;
use crate::capture::live::{
    self, LiveCamera, LiveMicrophone, LivePictures, LiveSound, MicrophoneName, Sound,
};
use crate::capture::mjpeg_file::{self, MjpegFile};
use crate::capture::mjpeg_stream::MjpegStream;
use crate::capture::pattern::{self, Pattern};
use crate::capture::tone::Tone;
use crate::capture::wav_file::WavFile;
use crate::codec;
use crate::settings::{AudioChoice, RateChoice, Settings, VideoChoice, Wait};
use std::path::Path;
use std::sync::Arc;
use streamsocket_media::{AudioFormat, FrameRate, VideoFormat};

/// Default size of the test picture.
const PATTERN_SIZE: (u16, u16) = (1280, 720);

/// Default rate of sources without one.
const RATE_DEFAULT: FrameRate = FrameRate { numerator: 30, denominator: 1 };

/// Format of the test tone.
const TONE_FORMAT: AudioFormat = AudioFormat { rate: 48_000, channels: 2 };

/// The opened sources, each with its name.
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
pub fn open(settings: &Settings, context: &Context) -> Result<Sources, Error> {
    match (open_now(settings, context), &settings.video) {
        (Err(why), VideoChoice::Url(url)) if why.cause() == Cause::Unreachable => {
            let why = live::go_on_without(why, settings.wait)?;
            wait_for(&Input::Live(url.clone()), &why, settings, context)
        }
        (opened, _) => opened,
    }
}

/// Waits for an IP camera that cannot be reached yet. Whether it has sound is found out later.
fn wait_for(
    address: &Input,
    why: &Error,
    settings: &Settings,
    context: &Context,
) -> Result<Sources, Error> {
    let sound = Arc::new(Sound::default());
    let waker = || Arc::clone(&context.waker);
    let request = child_request(settings, context);
    let pictures =
        LivePictures::wait_for(address, why.clone(), request, Arc::clone(&sound), waker());
    let video = VideoSource::Address(Box::new(pictures));
    let audio = if settings.audio == AudioChoice::Auto {
        let sound = LiveSound::wait_for(address, why.clone(), sound, waker());
        Some((AudioSource::Address(Box::new(sound)), settings.video_name()))
    } else {
        open_audio(settings, context, Some(&video), None)?
    };
    Ok(Sources { video: Some((video, settings.video_name())), audio })
}

fn open_now(settings: &Settings, context: &Context) -> Result<Sources, Error> {
    if matches!(settings.video, VideoChoice::Url(_)) {
        warn_without_effect(settings, Kind::of(&settings.video, true));
    }
    if let Some(pictures) = http_camera(settings, context)? {
        let video = VideoSource::Address(Box::new(pictures));
        // It has no sound, and another microphone does not belong to it.
        let audio = match settings.audio {
            AudioChoice::Auto => None,
            _ => open_audio(settings, context, Some(&video), None)?,
        };
        return Ok(Sources { video: Some((video, settings.video_name())), audio });
    }
    let probe = probe(settings)?;
    let chosen = chosen_video(settings);
    if !matches!(chosen, VideoChoice::Url(_)) {
        warn_without_effect(settings, Kind::of(&chosen, probe.is_some()));
    }
    let video = match chosen {
        VideoChoice::None => None,
        choice => Some(open_video(&choice, settings, context, probe.as_ref())?),
    };
    let audio = open_audio(settings, context, video.as_ref().map(|(v, _)| v), probe.as_ref())?;
    Ok(Sources { video, audio })
}

fn warn_without_effect(settings: &Settings, kind: Kind) {
    for line in without_effect(settings, kind) {
        log::warn!("{line}");
    }
}

/// A camera that delivers JPEGs over HTTP, which needs no ffmpeg.
pub(super) fn http_camera(
    settings: &Settings,
    context: &Context,
) -> Result<Option<LivePictures>, Error> {
    let VideoChoice::Url(url) = &settings.video else { return Ok(None) };
    if settings.rate == Some(RateChoice::Max) {
        return Ok(None);
    }
    let (address, request) = (Input::Live(url.clone()), child_request(settings, context));
    let waker = Arc::clone(&context.waker);
    let pictures = live::http_pictures(&address, &request)?;
    Ok(pictures.map(|pictures| LivePictures::begin(&address, pictures, request, waker)))
}

/// ffprobe's description of a source that is neither a camera nor a file of JPEGs.
pub(super) fn probe(settings: &Settings) -> Result<Option<(Input, Probe)>, Error> {
    let input = match &settings.video {
        VideoChoice::Url(url) => Input::Live(url.clone()),
        VideoChoice::File(path) if !mjpeg_file::is_mjpeg(path)? => Input::File(path.clone()),
        _ => return Ok(None),
    };
    let probe = child::probe(&input)?;
    Ok(Some((input, probe)))
}

/// Resolves `auto`.
fn chosen_video(settings: &Settings) -> VideoChoice {
    if settings.video != VideoChoice::Auto {
        return settings.video.clone();
    }
    match devices::auto_camera() {
        Some(camera) => {
            log::info!("camera: {} ({})", camera.name, camera.path.display());
            VideoChoice::Camera(CameraName::Auto)
        }
        None if settings.wait == Wait::Always => VideoChoice::Camera(CameraName::Auto),
        None => {
            log::info!(
                "no camera was found whose pictures can be sent: sending the test picture ('streamsocket devices' lists what there is)"
            );
            VideoChoice::Pattern
        }
    }
}

fn open_video(
    choice: &VideoChoice,
    settings: &Settings,
    context: &Context,
    probe: Option<&(Input, Probe)>,
) -> Result<(VideoSource, String), Error> {
    let max = settings.rate == Some(RateChoice::Max);
    let asked = asked_rate(settings);
    let rate = asked.unwrap_or(RATE_DEFAULT);
    if let Some((input, probe)) = probe {
        let source = open_child(input, probe, settings, context)?;
        return Ok((source, settings.video_name()));
    }
    let source = match choice {
        VideoChoice::Camera(name) => {
            let request = CameraRequest {
                size: settings.size,
                rate: asked,
                controls: settings.controls.clone(),
                ..CameraRequest::default()
            };
            let waker = Arc::clone(&context.waker);
            let camera = LiveCamera::open(name.clone(), request, settings.wait, waker)?;
            VideoSource::Camera(Box::new(camera))
        }
        VideoChoice::File(path) if max => {
            let frames = mjpeg_file::preload(path, rate, settings.looped)?;
            VideoSource::Preloaded(Box::new(frames))
        }
        VideoChoice::File(path) => {
            let file = MjpegFile::open(path, rate, context.epoch, settings.looped)?;
            VideoSource::File(Box::new(file))
        }
        VideoChoice::StandardInput => {
            let stream = context.standard_input.map_or_else(
                || MjpegStream::stdin(asked),
                |format| MjpegStream::heir(VideoFormat { rate: asked, ..format }),
            );
            VideoSource::Stream(Box::new(stream?))
        }
        _ => open_pattern(settings, context, rate, max)?,
    };
    let name = source.name().map_or_else(|| settings.video_name(), str::to_owned);
    Ok((source, name))
}

/// The rate asked for, unless it is `max`.
const fn asked_rate(settings: &Settings) -> Option<FrameRate> {
    match settings.rate {
        Some(RateChoice::Rate(rate)) => Some(rate),
        _ => None,
    }
}

/// The request for a child's pictures.
fn child_request(settings: &Settings, context: &Context) -> VideoSettings {
    VideoSettings {
        rate: asked_rate(settings),
        size: settings.size,
        epoch: context.epoch,
        looped: settings.looped,
        fits: codec::is_sendable,
    }
}

fn open_child(
    input: &Input,
    probe: &Probe,
    settings: &Settings,
    context: &Context,
) -> Result<VideoSource, Error> {
    let request = child_request(settings, context);
    if settings.rate == Some(RateChoice::Max) {
        let frames = child::preload(input, probe, &request)?;
        return Ok(VideoSource::Preloaded(Box::new(frames)));
    }
    Ok(VideoSource::Child(Box::new(ChildVideo::open(input, probe, &request)?)))
}

fn open_pattern(
    settings: &Settings,
    context: &Context,
    rate: FrameRate,
    max: bool,
) -> Result<VideoSource, Error> {
    let (width, height) = settings.size.unwrap_or(PATTERN_SIZE);
    let flash = Flash { epoch: context.epoch, rate };
    let pattern = pattern::Settings {
        width,
        height,
        flash,
        unix_offset: context.unix_offset,
        quality: settings.quality,
    };
    if max {
        return Ok(VideoSource::Preloaded(Box::new(pattern::preload(&pattern)?)));
    }
    let pattern = Pattern::new(&pattern, Arc::clone(&context.waker))?;
    Ok(VideoSource::Pattern(Box::new(pattern)))
}

fn open_audio(
    settings: &Settings,
    context: &Context,
    video: Option<&VideoSource>,
    probe: Option<&(Input, Probe)>,
) -> Result<Option<(AudioSource, String)>, Error> {
    let microphone = |name: MicrophoneName, wait| {
        let waker = Arc::clone(&context.waker);
        let microphone = LiveMicrophone::open(name, wait, waker)?;
        let label = microphone.name().to_owned();
        Ok((AudioSource::Microphone(Box::new(microphone)), label))
    };
    Ok(Some(match &settings.audio {
        AudioChoice::None => return Ok(None),
        AudioChoice::Card(name) => microphone(MicrophoneName::Named(name.clone()), settings.wait)?,
        AudioChoice::File(path) => {
            (open_sound_file(path, settings, context)?, settings.audio_name())
        }
        AudioChoice::Tone => tone(video, context),
        AudioChoice::Auto => match (video, probe) {
            (_, Some((input, probe))) if probe.audio.is_some() => {
                let child = ChildAudio::open(input, probe, context.epoch, settings.looped)?;
                (AudioSource::Child(Box::new(child)), settings.video_name())
            }
            // A file's pictures go with its own sound or none.
            (_, Some(_)) => return Ok(None),
            (Some(VideoSource::Pattern(_) | VideoSource::Preloaded(_)), None) => {
                tone(video, context)
            }
            (Some(VideoSource::File(_)), None) => return Ok(None),
            _ => return auto_microphone(video, settings.wait, microphone),
        },
    }))
}

/// The camera's own microphone, else the first card, else none: a test tone beside a real picture
/// would be a nuisance. A camera that is waited for may bring its own.
fn auto_microphone(
    video: Option<&VideoSource>,
    wait: Wait,
    open: impl Fn(MicrophoneName, Wait) -> Result<(AudioSource, String), Error>,
) -> Result<Option<(AudioSource, String)>, Error> {
    let camera = match video {
        Some(VideoSource::Camera(camera)) => Some(camera),
        _ => None,
    };
    let path = camera.and_then(|camera| camera.path());
    let card = path.and_then(devices::card_of_camera);
    match card.or_else(|| devices::cards().into_iter().next()) {
        Some(card) => log::info!("microphone: {} ({})", card.description, card.name),
        None if camera.is_some_and(|camera| camera.why_away().is_some()) => {}
        None => {
            log::info!("no microphone found: sending the picture without sound");
            return Ok(None);
        }
    }
    match open(MicrophoneName::Auto(path.map(Path::to_owned)), wait) {
        Ok(microphone) => Ok(Some(microphone)),
        Err(error) => {
            log::warn!("{error}; sending the picture without sound");
            Ok(None)
        }
    }
}

fn tone(video: Option<&VideoSource>, context: &Context) -> (AudioSource, String) {
    let rate = video.map_or(RATE_DEFAULT, |video| video.format().reckoned_rate());
    let flash = Flash { epoch: context.epoch, rate };
    (AudioSource::Tone(Box::new(Tone::new(flash, TONE_FORMAT))), "test tone".to_owned())
}

pub(super) fn open_sound_file(
    path: &Path,
    settings: &Settings,
    context: &Context,
) -> Result<AudioSource, Error> {
    let is_wav = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wav"));
    let wav = if is_wav { WavFile::open(path, context.epoch, settings.looped)? } else { None };
    if let Some(file) = wav {
        return Ok(AudioSource::File(Box::new(file)));
    }
    let input = Input::File(path.to_owned());
    let probe = child::probe(&input)?;
    let child = ChildAudio::open(&input, &probe, context.epoch, settings.looped)?;
    Ok(AudioSource::Child(Box::new(child)))
}
