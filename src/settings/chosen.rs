//! All settings of a session.

use super::choice::{AudioChoice, VideoChoice};
use super::destination::Destination;
use super::error::Error;
use super::input::{AudioSettings, InputSettings, VideoSettings};
use super::relay::RelayAddress;
use super::serving::Serving;
use super::tier::{Tier, TierPictures, TierSound};
use crate::capture::Wait;
use std::path::{Path, PathBuf};
use streamsocket_srtp::protection::Protection;
use streamsocket_stream::send::pacer::Pace;
use streamsocket_stream::send::repair::Share;

/// What the user chose.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Sources, pictures first; [`INPUTS_MAX`] at most, and one at least.
    ///
    /// [`INPUTS_MAX`]: super::INPUTS_MAX
    pub inputs: Vec<InputSettings>,
    /// What else is made of the pictures and the sound, for viewers with less bandwidth.
    pub tiers: Vec<Tier>,
    /// Options of pictures that were given though there are none.
    pub idle: Vec<&'static str>,
    /// Whether to wait for devices.
    pub wait: Wait,
    /// Begin files again.
    pub looped: bool,
    /// Destinations; none, and no relay: a group of this machine's own.
    pub to: Vec<Destination>,
    /// The relay that it is published to, if any.
    pub relay: Option<RelayAddress>,
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
    /// The room that it belongs to, if any.
    pub room: Option<String>,
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
    /// Who is served one by one.
    pub serving: Serving,
    /// What is sent is protected with these keys, if any.
    pub protection: Option<Protection>,
}

impl Settings {
    /// These settings with those of `other` that a session takes on without opening anything anew:
    /// how pictures are made and sent, and what is said of them.
    #[must_use]
    pub fn sent_as(&self, other: &Self) -> Self {
        let inputs = self.inputs.iter().enumerate();
        let inputs = inputs.map(|(index, own)| match other.inputs.get(index) {
            Some(other) => own.sent_as(other),
            None => own.clone(),
        });
        let tiers = self.tiers.iter().enumerate();
        let tiers = tiers.map(|(index, own)| match other.tiers.get(index) {
            Some(other) => own.sent_as(other),
            None => own.clone(),
        });
        // Other keys are. Whether there are any, and the suite, is said in descriptions.
        let protection = match (&self.protection, &other.protection) {
            (Some(own), Some(other)) if own.suite == other.suite => Some(other),
            (own, _) => own.as_ref(),
        };
        // Whether there is a group beside it is none of those.
        let relays = self.is_relayed_only() == other.is_relayed_only();
        Self {
            relay: if relays { &other.relay } else { &self.relay }.clone(),
            inputs: inputs.collect(),
            tiers: tiers.collect(),
            idle: other.idle.clone(),
            wait: other.wait,
            packet_size: other.packet_size,
            pace: other.pace,
            max_bitrate: other.max_bitrate,
            room: other.room.clone(),
            sdp: other.sdp.clone(),
            announce: other.announce,
            stats: other.stats.clone(),
            serving: other.serving.clone(),
            protection: protection.cloned(),
            ..self.clone()
        }
    }

    /// Whether it goes to a relay and nowhere else.
    #[must_use]
    pub fn is_relayed_only(&self) -> bool {
        self.relay.is_some() && self.to.is_empty()
    }

    /// Checks what only this machine can tell: files. Devices and networks come and go.
    ///
    /// # Errors
    /// One line that names what is not there.
    pub fn verify(&self) -> Result<(), Error> {
        for (option, path) in self.files() {
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

    /// The sources of pictures.
    pub fn videos(&self) -> impl Iterator<Item = &VideoSettings> {
        self.inputs.iter().filter_map(|input| match input {
            InputSettings::Video(video) => Some(video),
            InputSettings::Audio(_) => None,
        })
    }

    /// The tiers of one of these sources, by name: all are of the first one.
    #[must_use]
    pub fn tiers_of(&self, video: &VideoSettings) -> Vec<(&str, TierPictures)> {
        let first = self.videos().next().is_some_and(|first| std::ptr::eq(first, video));
        let tiers = self.tiers.iter().filter(|_| first);
        tiers.filter_map(|tier| Some((tier.name.as_str(), tier.pictures?))).collect()
    }

    /// The tiers of sound, by name: all are of the first source of sound.
    pub fn tiers_of_sound(&self) -> impl Iterator<Item = (&str, TierSound)> {
        self.tiers.iter().filter_map(|tier| Some((tier.name.as_str(), tier.sound?)))
    }

    /// The sources of sound.
    pub fn audios(&self) -> impl Iterator<Item = &AudioSettings> {
        self.inputs.iter().filter_map(|input| match input {
            InputSettings::Audio(audio) => Some(audio),
            InputSettings::Video(_) => None,
        })
    }

    /// The files among the sources, each with its option.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        self.inputs.iter().filter_map(|input| match input {
            InputSettings::Video(VideoSettings { choice: VideoChoice::File(path), .. }) => {
                Some(("video", path.as_path()))
            }
            InputSettings::Audio(AudioSettings { choice: AudioChoice::File(path) }) => {
                Some(("audio", path.as_path()))
            }
            _ => None,
        })
    }
}
