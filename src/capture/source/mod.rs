//! The source that was chosen: passes the loop's questions on, so that the loop knows one kind of
//! source only. Which one it is, is decided in [`open`].

mod opening;

pub use opening::open;

use super::child::{ChildAudio, ChildVideo};
use super::live::{LiveCamera, LiveMicrophone};
use super::mjpeg_file::MjpegFile;
use super::mjpeg_stream::MjpegStream;
use super::pattern::Pattern;
use super::preloaded::Preloaded;
use super::tone::Tone;
use super::wav_file::WavFile;
use super::{AudioFormat, AudioPoll, Error, VideoFormat, VideoPoll};
use std::os::fd::RawFd;
use std::sync::Arc;
use streamsocket_stream::clock::Monotonic;

/// What opening a source needs to know besides what the user chose.
#[derive(Clone, Debug)]
pub struct Setting {
    /// When the session begins: files and generators start here.
    pub epoch: Monotonic,
    /// Nanoseconds since 1970 minus CLOCK_MONOTONIC.
    pub unix_offset: i64,
    /// Wakes the loop when the JPEG worker has a picture.
    pub waker: Arc<mio::Waker>,
    /// What comes on standard input, if a session reads it and [hands it over](VideoSource::inherit).
    pub standard_input: Option<VideoFormat>,
}

/// Where pictures come from.
pub enum VideoSource {
    /// A V4L2 camera.
    Camera(Box<LiveCamera>),
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
    Microphone(Box<LiveMicrophone>),
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

impl VideoSource {
    /// What it delivers.
    #[must_use]
    pub fn format(&self) -> VideoFormat {
        match self {
            Self::Camera(source) => source.format(),
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
            Self::Camera(source) => source.begin(epoch),
            Self::File(source) => source.begin(epoch),
            Self::Child(source) => source.begin(epoch),
            Self::Pattern(source) => source.begin(epoch),
            Self::Stream(_) | Self::Preloaded(_) => {}
        }
    }

    /// Takes over what another source has read, if both read what only one can: standard input.
    pub fn inherit(&mut self, other: &mut Self) {
        if let (Self::Stream(heir), Self::Stream(other)) = (self, other) {
            heir.inherit(other);
        }
    }

    /// What to watch for readability, if anything, and a number that changes with it.
    #[must_use]
    pub fn descriptor(&self) -> (Option<RawFd>, u64) {
        let descriptor = match self {
            Self::Camera(source) => return source.descriptor(),
            Self::File(source) => source.descriptor(),
            Self::Stream(source) => source.descriptor(),
            Self::Child(source) => source.descriptor(),
            Self::Pattern(source) => source.descriptor(),
            Self::Preloaded(source) => source.descriptor(),
        };
        (descriptor, 1)
    }

    /// Some device has come or gone.
    pub const fn look(&mut self, now: Monotonic) {
        if let Self::Camera(source) = self {
            source.look(now);
        }
    }

    /// When it is next tried to open a device that is away.
    #[must_use]
    pub const fn next_attempt(&self) -> Option<Monotonic> {
        match self {
            Self::Camera(source) => source.next_attempt(),
            _ => None,
        }
    }

    /// Whether there are no pictures at the moment.
    #[must_use]
    pub const fn is_away(&self) -> bool {
        match self {
            Self::Camera(source) => source.is_away(),
            _ => false,
        }
    }

    /// Why there are no pictures at the moment, if that is known: one line.
    #[must_use]
    pub fn why_away(&self) -> Option<String> {
        match self {
            Self::Camera(source) => source.why_away(),
            _ => None,
        }
    }

    /// Times that the device was lost and opened again.
    #[must_use]
    pub const fn returns(&self) -> u64 {
        match self {
            Self::Camera(source) => source.returns(),
            _ => 0,
        }
    }

    /// The device's own name, if it has one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Camera(source) => Some(source.name()),
            Self::Pattern(_) => Some("test picture"),
            _ => None,
        }
    }

    /// When to poll even if nothing is readable.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        match self {
            Self::Camera(source) => source.deadline(),
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
            Self::Camera(source) => Ok(source.poll(now)),
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

    /// Frames whose driver stamped them with no time that can be believed.
    #[must_use]
    pub fn stamps_refused(&self) -> u64 {
        if let Self::Camera(source) = self { source.counts().stamps_refused } else { 0 }
    }

    /// True if pictures come when they are asked for, so that none is lost by asking later.
    #[must_use]
    pub const fn can_wait(&self) -> bool {
        matches!(self, Self::File(_) | Self::Preloaded(_))
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
    pub fn begin(&mut self, epoch: Monotonic) {
        match self {
            Self::Microphone(source) => source.begin(epoch),
            Self::File(source) => source.begin(epoch),
            Self::Child(source) => source.begin(epoch),
            Self::Tone(source) => source.begin(epoch),
        }
    }

    /// What to watch for readability.
    #[must_use]
    pub fn descriptors(&self) -> Vec<RawFd> {
        match self {
            Self::Microphone(source) => source.descriptors().0.to_vec(),
            Self::Child(source) => source.descriptor().into_iter().collect(),
            Self::File(_) | Self::Tone(_) => Vec::new(),
        }
    }

    /// A number that changes with the descriptors.
    #[must_use]
    pub fn descriptors_count(&self) -> u64 {
        match self {
            Self::Microphone(source) => source.descriptors().1,
            _ => 1,
        }
    }

    /// Some device has come or gone.
    pub const fn look(&mut self, now: Monotonic) {
        if let Self::Microphone(source) = self {
            source.look(now);
        }
    }

    /// When it is next tried to open a device that is away.
    #[must_use]
    pub const fn next_attempt(&self) -> Option<Monotonic> {
        match self {
            Self::Microphone(source) => source.next_attempt(),
            _ => None,
        }
    }

    /// Whether there is no sound at the moment.
    #[must_use]
    pub const fn is_away(&self) -> bool {
        match self {
            Self::Microphone(source) => source.is_away(),
            _ => false,
        }
    }

    /// Why there is no sound at the moment, if that is known: one line.
    #[must_use]
    pub fn why_away(&self) -> Option<String> {
        match self {
            Self::Microphone(source) => source.why_away(),
            _ => None,
        }
    }

    /// Times that the device was lost and opened again.
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

    /// The descriptor at this index had an event.
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
            Self::Tone(source) => source.deadline(),
        }
    }

    /// The next samples, if there are any.
    ///
    /// # Errors
    /// If the source is gone or broken.
    pub fn poll(&mut self, now: Monotonic, out: &mut [i16]) -> Result<AudioPoll, Error> {
        match self {
            Self::Microphone(source) => Ok(source.poll(now, out)),
            Self::File(source) => source.poll(now, out),
            Self::Child(source) => source.poll(now, out),
            Self::Tone(source) => source.poll(now, out),
        }
    }

    /// Times that the capture broke off: what follows each need not follow what was before.
    #[must_use]
    pub fn breaks(&self) -> u64 {
        self.overruns() + self.returns()
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
