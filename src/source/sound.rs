//! Opens the sound that the user chose.

use super::audio::AudioSource;
use super::context::{Context, RATE_DEFAULT, SourceOpener};
use super::video::VideoSource;
use crate::capture::child::{self, ChildAudio, ChildInput, Probe};
use crate::capture::devices;
use crate::capture::error::Error;
use crate::capture::flash::Flash;
use crate::capture::live::{LiveMicrophone, MicrophoneName};
use crate::capture::tone::Tone;
use crate::capture::wav_file::WavFile;
use crate::settings::{AudioChoice, AudioSettings, Wait};
use std::path::Path;
use streamsocket_media::AudioFormat;

/// Format of the test tone.
const TONE_FORMAT: AudioFormat = AudioFormat { rate: 48_000, channels: 2 };

/// An opened source of sound and its name, if there is sound.
pub(super) type Sounds = Option<(AudioSource, String)>;

impl SourceOpener<'_> {
    /// Opens sound, beside the pictures that it belongs to, if any, and what ffprobe says of their source,
    /// with its name.
    pub(super) fn audio(
        &self,
        audio: &AudioSettings,
        video: Option<&VideoSource>,
        probe: Option<(&ChildInput, &Probe, String)>,
    ) -> Result<Sounds, Error> {
        let Self { settings, context } = self;
        let microphone = |name: MicrophoneName, wait| {
            let microphone = LiveMicrophone::open(name, wait, self.waker())?;
            let label = microphone.name().to_owned();
            Ok((AudioSource::Microphone(Box::new(microphone)), label))
        };
        Ok(Some(match &audio.choice {
            AudioChoice::Card(name) => {
                microphone(MicrophoneName::Named(name.clone()), settings.wait)?
            }
            AudioChoice::File(path) => (self.sound_file(path)?, audio.choice.name()),
            AudioChoice::Tone => tone(video, context),
            AudioChoice::Auto => match (video, probe) {
                (_, Some((input, probe, name))) if probe.audio.is_some() => {
                    let child = ChildAudio::open(input, probe, context.epoch, settings.looped)?;
                    (AudioSource::Child(Box::new(child)), name)
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

    pub(super) fn sound_file(&self, path: &Path) -> Result<AudioSource, Error> {
        let (epoch, looped) = (self.context.epoch, self.settings.looped);
        let is_wav = path.extension().is_some_and(|it| it.eq_ignore_ascii_case("wav"));
        let wav = if is_wav { WavFile::open(path, epoch, looped)? } else { None };
        if let Some(file) = wav {
            return Ok(AudioSource::File(Box::new(file)));
        }
        let input = ChildInput::File(path.to_owned());
        let probe = child::probe(&input)?;
        let child = ChildAudio::open(&input, &probe, epoch, looped)?;
        Ok(AudioSource::Child(Box::new(child)))
    }
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
