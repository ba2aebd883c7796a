//! Opens the sources that the user chose.

use super::audio::AudioSource;
use super::context::{Context, RATE_DEFAULT, SourceOpener};
use super::effect::{Kind, without_effect, without_pictures};
use super::sound::Sounds;
use super::video::VideoSource;
use crate::capture::camera::CameraRequest;
use crate::capture::child::{self, ChildAudio, ChildInput, ChildVideo, Probe};
use crate::capture::devices::{self, CameraName};
use crate::capture::error::{Cause, Error};
use crate::capture::flash::Flash;
use crate::capture::live::{self, LiveBeside, LiveCamera, LivePictures, LiveSound, Sound};
use crate::capture::mjpeg_file::{self, MjpegFile};
use crate::capture::mjpeg_stream::MjpegStream;
use crate::capture::pattern::{self, Pattern};
use crate::capture::rtsp::{self, Beside};
use crate::codec;
use crate::settings::{
    AudioChoice, AudioSettings, InputSettings, RateChoice, Settings, VideoChoice, VideoSettings,
    Wait,
};
use std::sync::Arc;
use streamsocket_media::{FrameRate, VideoFormat};

/// Default size of the test picture.
const PATTERN_SIZE: (u16, u16) = (1280, 720);

/// An opened source.
pub enum Source {
    /// Of pictures.
    Video(VideoSource),
    /// Of sound.
    Audio(AudioSource),
}

/// An input, opened.
pub struct OpenInput {
    /// Which one, of [`Settings::inputs`].
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Its source.
    pub source: Source,
}

/// Opens what the user chose, in the order of the settings. The first sound belongs to the first pictures; if
/// they have none and none was named, it is left out.
///
/// # Errors
/// One line: what cannot be opened, why, and what to do.
pub fn open(settings: &Settings, context: &Context) -> Result<Vec<OpenInput>, Error> {
    let opening = SourceOpener { settings, context };
    let mut sound = settings.audios().next();
    let mut paired = None;
    let mut opened = Vec::new();
    if settings.videos().next().is_none() {
        warn(&without_pictures(settings));
    }
    for (index, input) in settings.inputs.iter().enumerate() {
        let found = match input {
            InputSettings::Video(video) => {
                let (pictures, with) = opening.pair(video, sound)?;
                if sound.take().is_some() {
                    paired = Some(with);
                }
                Some((Source::Video(pictures.0), pictures.1))
            }
            InputSettings::Audio(audio) => match paired.take() {
                Some(with) => with,
                None => opening.audio(audio, None, None)?,
            }
            .map(|(source, name)| (Source::Audio(source), name)),
        };
        opened.extend(found.map(|(source, name)| OpenInput { index, name, source }));
    }
    Ok(opened)
}

type Pictures = (VideoSource, String);

impl SourceOpener<'_> {
    /// Opens pictures and, if there is one that belongs to them, sound.
    fn pair(
        &self,
        video: &VideoSettings,
        audio: Option<&AudioSettings>,
    ) -> Result<(Pictures, Sounds), Error> {
        match (self.pair_now(video, audio), &video.choice) {
            (Err(why), VideoChoice::Url(url)) if why.cause() == Cause::Unreachable => {
                let why = live::go_on_without(why, self.settings.wait)?;
                self.wait_for(&ChildInput::Live(url.clone()), &why, video, audio)
            }
            (opened, _) => opened,
        }
    }

    /// Waits for an IP camera that cannot be reached yet. Whether it has sound is found out later.
    fn wait_for(
        &self,
        address: &ChildInput,
        why: &Error,
        video: &VideoSettings,
        audio: Option<&AudioSettings>,
    ) -> Result<(Pictures, Sounds), Error> {
        let sound = Arc::new(Sound::default());
        let request = self.child_request(video);
        let pictures =
            LivePictures::wait_for(address, why.clone(), request, Arc::clone(&sound), self.waker());
        let source = VideoSource::Address(Box::new(pictures));
        let with = match audio {
            Some(AudioSettings { choice: AudioChoice::Auto }) => {
                let sound = LiveSound::wait_for(address, why.clone(), sound, self.waker());
                Some((AudioSource::Address(Box::new(sound)), video.choice.name()))
            }
            Some(audio) => self.audio(audio, Some(&source), None)?,
            None => None,
        };
        Ok(((source, video.choice.name()), with))
    }

    fn pair_now(
        &self,
        video: &VideoSettings,
        audio: Option<&AudioSettings>,
    ) -> Result<(Pictures, Sounds), Error> {
        if matches!(video.choice, VideoChoice::Url(_)) {
            warn(&without_effect(self.settings, video, Kind::of(&video.choice, true)));
        }
        let beside = Beside::default();
        if let Some(pictures) = self.address(video, &beside)? {
            let sound = pictures.sound();
            let source = VideoSource::Address(Box::new(pictures));
            let with = match audio {
                None => None,
                Some(AudioSettings { choice: AudioChoice::Auto }) => {
                    self.sound_beside(sound, beside, video)?
                }
                Some(audio) => self.audio(audio, Some(&source), None)?,
            };
            return Ok(((source, video.choice.name()), with));
        }
        let probe = probe(&video.choice)?;
        let chosen = self.chosen(video);
        if !matches!(chosen, VideoChoice::Url(_)) {
            warn(&without_effect(self.settings, video, Kind::of(&chosen, probe.is_some())));
        }
        let pictures = self.video(&chosen, video, probe.as_ref())?;
        let with = match audio {
            Some(audio) => {
                // Sound of its own belongs to what is told of as the user named it.
                let probe =
                    probe.as_ref().map(|(input, probe)| (input, probe, video.choice.name()));
                self.audio(audio, Some(&pictures.0), probe)?
            }
            None => None,
        };
        Ok((pictures, with))
    }

    /// The sound that belongs to pictures which are read here: another microphone does not.
    fn sound_beside(
        &self,
        sound: rtsp::Sound,
        beside: Beside,
        video: &VideoSettings,
    ) -> Result<Sounds, Error> {
        let VideoChoice::Url(url) = &video.choice else { return Ok(None) };
        let name = video.choice.name();
        Ok(match sound {
            rtsp::Sound::Nothing => None,
            rtsp::Sound::Here(format) => {
                let sound = LiveBeside::begin(beside, name.clone(), format);
                Some((AudioSource::Beside(Box::new(sound)), name))
            }
            rtsp::Sound::Other => {
                let input = ChildInput::Live(url.clone());
                let probe = child::probe(&input)?;
                let (epoch, looped) = (self.context.epoch, self.settings.looped);
                let child = ChildAudio::open(&input, &probe, epoch, looped)?;
                Some((AudioSource::Child(Box::new(child)), name))
            }
        })
    }

    /// A camera that delivers JPEGs over HTTP or RTSP, which needs no ffmpeg.
    pub(super) fn address(
        &self,
        video: &VideoSettings,
        beside: &Beside,
    ) -> Result<Option<LivePictures>, Error> {
        let VideoChoice::Url(url) = &video.choice else { return Ok(None) };
        if video.rate == Some(RateChoice::Max) {
            return Ok(None);
        }
        let (address, request) = (ChildInput::Live(url.clone()), self.child_request(video));
        let pictures = live::read_here(&address, &request, beside)?;
        Ok(pictures.map(|pictures| {
            LivePictures::begin(&address, pictures, request, beside.clone(), self.waker())
        }))
    }

    /// Resolves `auto`.
    fn chosen(&self, video: &VideoSettings) -> VideoChoice {
        if video.choice != VideoChoice::Auto {
            return video.choice.clone();
        }
        match devices::auto_camera() {
            Some(camera) => {
                log::info!("camera: {} ({})", camera.name, camera.path.display());
                VideoChoice::Camera(CameraName::Auto)
            }
            None if self.settings.wait == Wait::Always => VideoChoice::Camera(CameraName::Auto),
            None => {
                log::info!(
                    "no camera was found whose pictures can be sent: sending the test picture ('streamsocket devices' lists what there is)"
                );
                VideoChoice::Pattern
            }
        }
    }

    fn video(
        &self,
        choice: &VideoChoice,
        video: &VideoSettings,
        probe: Option<&(ChildInput, Probe)>,
    ) -> Result<Pictures, Error> {
        let Self { settings, context } = self;
        let max = video.rate == Some(RateChoice::Max);
        let asked = asked_rate(video);
        let rate = asked.unwrap_or(RATE_DEFAULT);
        if let Some((input, probe)) = probe {
            return Ok((self.child(input, probe, video)?, video.choice.name()));
        }
        let source = match choice {
            VideoChoice::Camera(name) => {
                let request = CameraRequest {
                    size: video.size,
                    rate: asked,
                    controls: video.controls.clone(),
                    encoders: settings.tiers_of(video).len(),
                    ..CameraRequest::default()
                };
                let camera = LiveCamera::open(name.clone(), request, settings.wait, self.waker())?;
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
            _ => self.pattern(video, rate, max)?,
        };
        let name = source.name().map_or_else(|| video.choice.name(), str::to_owned);
        Ok((source, name))
    }

    /// The request for a child's pictures.
    fn child_request(&self, video: &VideoSettings) -> child::VideoSettings {
        child::VideoSettings {
            rate: asked_rate(video),
            size: video.size,
            epoch: self.context.epoch,
            looped: self.settings.looped,
            fits: codec::is_sendable,
        }
    }

    fn child(
        &self,
        input: &ChildInput,
        probe: &Probe,
        video: &VideoSettings,
    ) -> Result<VideoSource, Error> {
        let request = self.child_request(video);
        if video.rate == Some(RateChoice::Max) {
            let frames = child::preload(input, probe, &request)?;
            return Ok(VideoSource::Preloaded(Box::new(frames)));
        }
        Ok(VideoSource::Child(Box::new(ChildVideo::open(input, probe, &request)?)))
    }

    fn pattern(
        &self,
        video: &VideoSettings,
        rate: FrameRate,
        max: bool,
    ) -> Result<VideoSource, Error> {
        let (width, height) = video.size.unwrap_or(PATTERN_SIZE);
        let pattern = pattern::Settings {
            width,
            height,
            flash: Flash { epoch: self.context.epoch, rate },
            unix_offset: self.context.unix_offset,
            quality: video.quality,
        };
        if max {
            return Ok(VideoSource::Preloaded(Box::new(pattern::preload(&pattern)?)));
        }
        Ok(VideoSource::Pattern(Box::new(Pattern::new(&pattern, self.waker())?)))
    }
}

fn warn(lines: &[String]) {
    for line in lines {
        log::warn!("{line}");
    }
}

/// ffprobe's description of a source that is neither a camera nor a file of JPEGs.
pub(super) fn probe(choice: &VideoChoice) -> Result<Option<(ChildInput, Probe)>, Error> {
    let input = match choice {
        VideoChoice::Url(url) => ChildInput::Live(url.clone()),
        VideoChoice::File(path) if !mjpeg_file::is_mjpeg(path)? => ChildInput::File(path.clone()),
        _ => return Ok(None),
    };
    let probe = child::probe(&input)?;
    Ok(Some((input, probe)))
}

/// The rate asked for, unless it is `max`.
const fn asked_rate(video: &VideoSettings) -> Option<FrameRate> {
    match video.rate {
        Some(RateChoice::Rate(rate)) => Some(rate),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{StreamOptions, TrackOptions};
    use crate::settings::load;
    use streamsocket_media::clock::Monotonic;

    #[test]
    fn inputs_are_opened_in_their_order_and_the_first_sound_goes_with_the_first_pictures() {
        let poll = mio::Poll::new().unwrap();
        let waker = Arc::new(mio::Waker::new(poll.registry(), mio::Token(0)).unwrap());
        let epoch = Monotonic(0);
        let context = Context { epoch, unix_offset: 0, waker, standard_input: None };
        let pattern = |size: &str| TrackOptions {
            video: Some("pattern".into()),
            size: Some(size.into()),
            ..TrackOptions::default()
        };
        let track = Some(vec![pattern("64x48"), pattern("128x96")]);
        let settings = load(StreamOptions { track, ..StreamOptions::default() }).unwrap();
        let opened = open(&settings, &context).unwrap();
        let shown = opened.iter().map(|it| match &it.source {
            Source::Video(source) => (it.index, source.format().width),
            Source::Audio(source) => (it.index, u16::from(source.format().channels)),
        });
        assert_eq!(shown.collect::<Vec<_>>(), [(0, 64), (1, 128), (2, 2)]);
        assert_eq!(opened[2].name, "test tone", "it is the sound of the test picture");
    }
}
