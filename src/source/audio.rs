//! The chosen source of sound.

use crate::capture::child::ChildAudio;
use crate::capture::error::Error;
use crate::capture::frame::AudioPoll;
use crate::capture::live::{LiveBeside, LiveMicrophone, LiveSound};
use crate::capture::tone::Tone;
use crate::capture::wav_file::WavFile;
use std::os::fd::RawFd;
use streamsocket_media::AudioFormat;
use streamsocket_media::clock::Monotonic;

/// Where sound comes from.
pub enum AudioSource {
    /// An ALSA card.
    Microphone(Box<LiveMicrophone>),
    /// A WAV file.
    File(Box<WavFile>),
    /// A child process.
    Child(Box<ChildAudio>),
    /// An IP camera that is waited for.
    Address(Box<LiveSound>),
    /// An IP camera whose pictures are read here.
    Beside(Box<LiveBeside>),
    /// The test tone.
    Tone(Box<Tone>),
}

impl AudioSource {
    /// Its format.
    #[must_use]
    pub fn format(&self) -> AudioFormat {
        match self {
            Self::Microphone(source) => source.format(),
            Self::File(source) => source.format(),
            Self::Child(source) => source.format(),
            Self::Address(source) => source.format(),
            Self::Beside(source) => source.format(),
            Self::Tone(source) => source.format(),
        }
    }

    /// The session begins at `epoch`: sources with a time of their own start here.
    pub fn begin(&mut self, epoch: Monotonic) {
        match self {
            Self::Microphone(source) => source.begin(epoch),
            Self::File(source) => source.begin(epoch),
            Self::Child(source) => source.begin(epoch),
            Self::Tone(source) => source.begin(epoch),
            Self::Address(_) | Self::Beside(_) => {}
        }
    }

    /// The descriptors to watch for readability.
    #[must_use]
    pub fn descriptors(&self) -> Vec<RawFd> {
        match self {
            Self::Microphone(source) => source.descriptors().0.to_vec(),
            Self::Child(source) => source.descriptor().into_iter().collect(),
            Self::Address(source) => source.descriptor().0.into_iter().collect(),
            Self::File(_) | Self::Beside(_) | Self::Tone(_) => Vec::new(),
        }
    }

    /// A generation that changes with the descriptors.
    #[must_use]
    pub fn descriptors_count(&self) -> u64 {
        match self {
            Self::Microphone(source) => source.descriptors().1,
            Self::Address(source) => source.descriptor().1,
            _ => 1,
        }
    }

    /// A device has come or gone.
    pub const fn rescan(&mut self, now: Monotonic) {
        if let Self::Microphone(source) = self {
            source.rescan(now);
        }
    }

    /// When a lost device is next tried to be opened.
    #[must_use]
    pub fn next_attempt(&self) -> Option<Monotonic> {
        match self {
            Self::Microphone(source) => source.next_attempt(),
            Self::Address(source) => source.next_attempt(),
            _ => None,
        }
    }

    /// Whether the source gives no sound at present.
    #[must_use]
    pub fn is_away(&self) -> bool {
        match self {
            Self::Microphone(source) => source.is_away(),
            Self::Address(source) => source.is_away(),
            Self::Child(source) => source.why_away().is_some(),
            Self::Beside(source) => source.why_away().is_some(),
            _ => false,
        }
    }

    /// Why it gives none, if known: one line.
    #[must_use]
    pub fn why_away(&self) -> Option<String> {
        match self {
            Self::Microphone(source) => source.why_away(),
            Self::Address(source) => source.why_away(),
            Self::Child(source) => source.why_away().map(str::to_owned),
            Self::Beside(source) => source.why_away(),
            _ => None,
        }
    }

    /// How often the device was lost and reopened.
    #[must_use]
    pub const fn returns(&self) -> u64 {
        match self {
            Self::Microphone(source) => source.returns(),
            _ => 0,
        }
    }

    /// The device's own name, if it has one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Microphone(source) => Some(source.name()),
            Self::Tone(_) => Some("test tone"),
            _ => None,
        }
    }

    /// The descriptor at `index` had an event.
    pub fn handle_event(&mut self, index: usize, now: Monotonic) {
        if let Self::Microphone(source) = self {
            source.handle_event(index, now);
        }
    }

    /// When to poll even if nothing is readable.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        match self {
            Self::Microphone(source) => source.deadline(),
            Self::File(source) => source.deadline(),
            Self::Child(source) => source.deadline(),
            Self::Address(source) => source.deadline(),
            Self::Beside(source) => source.deadline(),
            Self::Tone(source) => source.deadline(),
        }
    }

    /// The next samples, if there are any.
    ///
    /// # Errors
    /// The source is gone or broken.
    pub fn poll(&mut self, now: Monotonic, out: &mut [i16]) -> Result<AudioPoll, Error> {
        match self {
            Self::Microphone(source) => Ok(source.poll(now, out)),
            Self::File(source) => source.poll(now, out),
            Self::Child(source) => source.poll(now, out),
            Self::Address(source) => Ok(source.poll(now, out)),
            Self::Beside(source) => Ok(source.poll(now, out)),
            Self::Tone(source) => source.poll(now, out),
        }
    }

    /// Discontinuities so far: samples after one need not follow those before it.
    #[must_use]
    pub fn breaks(&self) -> u64 {
        self.overruns() + self.returns()
    }

    /// How often samples were lost before they were read.
    #[must_use]
    pub fn overruns(&self) -> u64 {
        match self {
            Self::Microphone(source) => source.overruns(),
            _ => 0,
        }
    }

    /// Whether it ends by itself.
    #[must_use]
    pub const fn is_finite(&self) -> bool {
        matches!(self, Self::File(_) | Self::Child(_))
    }
}
