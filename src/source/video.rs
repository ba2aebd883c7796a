//! The chosen source of pictures.

use crate::capture::child::ChildVideo;
use crate::capture::error::Error;
use crate::capture::frame::VideoPoll;
use crate::capture::live::{LiveCamera, LivePictures};
use crate::capture::mjpeg_file::MjpegFile;
use crate::capture::mjpeg_stream::MjpegStream;
use crate::capture::pattern::Pattern;
use crate::capture::preloaded::Preloaded;
use std::os::fd::RawFd;
use streamsocket_media::VideoFormat;
use streamsocket_media::clock::Monotonic;

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
    /// An IP camera that is read here, or waited for.
    Address(Box<LivePictures>),
    /// The test picture.
    Pattern(Box<Pattern>),
    /// Frames in memory.
    Preloaded(Box<Preloaded>),
}

impl VideoSource {
    /// Its format.
    #[must_use]
    pub fn format(&self) -> VideoFormat {
        match self {
            Self::Camera(source) => source.format(),
            Self::File(source) => source.format(),
            Self::Stream(source) => source.format(),
            Self::Child(source) => source.format(),
            Self::Address(source) => source.format(),
            Self::Pattern(source) => source.format(),
            Self::Preloaded(source) => source.format(),
        }
    }

    /// The session begins at `epoch`: sources with a time of their own start here.
    pub const fn begin(&mut self, epoch: Monotonic) {
        match self {
            Self::Camera(source) => source.begin(epoch),
            Self::File(source) => source.begin(epoch),
            Self::Child(source) => source.begin(epoch),
            Self::Pattern(source) => source.begin(epoch),
            Self::Stream(_) | Self::Address(_) | Self::Preloaded(_) => {}
        }
    }

    /// Takes over what another source has read of standard input, which only one can read.
    pub fn inherit(&mut self, other: &mut Self) {
        if let (Self::Stream(heir), Self::Stream(other)) = (self, other) {
            heir.inherit(other);
        }
    }

    /// The descriptor to watch for readability, if any, and a generation that changes with it.
    #[must_use]
    pub fn descriptor(&self) -> (Option<RawFd>, u64) {
        let descriptor = match self {
            Self::Camera(source) => return source.descriptor(),
            Self::Address(source) => return source.descriptor(),
            Self::File(source) => source.descriptor(),
            Self::Stream(source) => source.descriptor(),
            Self::Child(source) => source.descriptor(),
            Self::Pattern(source) => source.descriptor(),
            Self::Preloaded(source) => source.descriptor(),
        };
        (descriptor, 1)
    }

    /// A device has come or gone.
    pub const fn rescan(&mut self, now: Monotonic) {
        if let Self::Camera(source) = self {
            source.rescan(now);
        }
    }

    /// When a lost device is next tried to be opened.
    #[must_use]
    pub const fn next_attempt(&self) -> Option<Monotonic> {
        match self {
            Self::Camera(source) => source.next_attempt(),
            Self::Address(source) => source.next_attempt(),
            _ => None,
        }
    }

    /// Whether the source gives no pictures at present.
    #[must_use]
    pub fn is_away(&self) -> bool {
        match self {
            Self::Camera(source) => source.is_away(),
            Self::Address(source) => source.is_away(),
            Self::Child(source) => source.why_away().is_some(),
            _ => false,
        }
    }

    /// Why it gives none, if known: one line.
    #[must_use]
    pub fn why_away(&self) -> Option<String> {
        match self {
            Self::Camera(source) => source.why_away(),
            Self::Address(source) => source.why_away(),
            Self::Child(source) => source.why_away().map(str::to_owned),
            _ => None,
        }
    }

    /// How often the device was lost and reopened.
    #[must_use]
    pub const fn returns(&self) -> u64 {
        match self {
            Self::Camera(source) => source.returns(),
            Self::Address(source) => source.returns(),
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
            Self::Address(source) => source.deadline(),
            Self::Pattern(source) => source.deadline(),
            Self::Preloaded(source) => source.deadline(),
        }
    }

    /// The next frame, if there is one.
    ///
    /// # Errors
    /// The source is gone or broken.
    pub fn poll(&mut self, now: Monotonic) -> Result<VideoPoll, Error> {
        match self {
            Self::Camera(source) => Ok(source.poll(now)),
            Self::File(source) => source.poll(now),
            Self::Stream(source) => source.poll(now),
            Self::Child(source) => source.poll(now),
            Self::Address(source) => Ok(source.poll(now)),
            Self::Pattern(source) => source.poll(now),
            Self::Preloaded(source) => source.poll(now),
        }
    }

    /// Frames that were lost before they could be handed out, by reason.
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
            Self::Address(source) => vec![("broken_in_the_stream", source.dropped())],
            Self::Pattern(source) => vec![("encoder_was_busy", source.skipped())],
            Self::Preloaded(_) => Vec::new(),
        }
    }

    /// Frames whose driver gave an implausible time stamp.
    #[must_use]
    pub fn stamps_refused(&self) -> u64 {
        if let Self::Camera(source) = self { source.counts().stamps_refused } else { 0 }
    }

    /// Whether pictures are made on demand, so that none is lost by asking later.
    #[must_use]
    pub const fn can_wait(&self) -> bool {
        matches!(self, Self::File(_) | Self::Preloaded(_))
    }

    /// Whether it ends by itself.
    #[must_use]
    pub const fn is_finite(&self) -> bool {
        matches!(self, Self::File(_) | Self::Stream(_) | Self::Child(_) | Self::Preloaded(_))
    }
}
