//! Where pictures and sound come from. Every source hands out access units with the time of their
//! capture and is driven by the event loop: it names the descriptors to watch or the time to wake
//! it, and [`poll`](VideoPoll) never blocks.

pub mod buffer;
pub mod camera;
mod canvas;
pub mod child;
pub mod devices;
pub mod flash;
pub mod http;
pub mod jpeg_folder;
pub mod live;
pub mod microphone;
pub mod mjpeg_file;
pub mod mjpeg_reader;
pub mod mjpeg_split;
pub mod mjpeg_stream;
pub mod paced;
pub mod pattern;
mod plug;
pub mod preloaded;
pub mod sample_schedule;
pub mod source;
pub mod tone;
pub mod wav_file;

use crate::normalise::RawFormat;
use std::fmt;
use streamsocket_stream::clock::Monotonic;

/// Frames per second as a fraction, as V4L2 and files give it: 30000/1001 stays exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRate {
    /// Frames.
    pub numerator: u32,
    /// In so many seconds. Never 0.
    pub denominator: u32,
}

impl FrameRate {
    /// Time of the frame with this index after the first one, in nanoseconds, without the drift
    /// that adding up a rounded interval would have.
    #[must_use]
    pub fn frame_nanos(self, index: u64) -> i64 {
        let nanos = u128::from(index) * 1_000_000_000 * u128::from(self.denominator)
            / u128::from(self.numerator.max(1));
        i64::try_from(nanos).unwrap_or(i64::MAX)
    }
}

impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.numerator.checked_rem(self.denominator) == Some(0) {
            write!(f, "{}", self.numerator / self.denominator)
        } else {
            write!(f, "{:.2}", f64::from(self.numerator) / f64::from(self.denominator))
        }
    }
}

/// What a video source delivers, as granted, not as asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoFormat {
    /// Pixels.
    pub width: u16,
    /// Pixels.
    pub height: u16,
    /// Nominal rate; none where nobody has told one.
    pub rate: Option<FrameRate>,
}

/// The rate that is reckoned with where nobody has told one.
const RATE_ASSUMED: FrameRate = FrameRate { numerator: 30, denominator: 1 };

impl VideoFormat {
    /// The nominal rate, or what to reckon with where nobody has told one.
    #[must_use]
    pub fn reckoned_rate(&self) -> FrameRate {
        self.rate.unwrap_or(RATE_ASSUMED)
    }
}

/// What an audio source delivers: interleaved signed 16-bit samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioFormat {
    /// Sample frames per second.
    pub rate: u32,
    /// Samples per frame, 1 or 2.
    pub channels: u8,
}

/// One picture and the time at which it was captured.
#[derive(Debug)]
pub struct VideoFrame {
    /// The JPEG file as the source gave it, or a raw picture.
    pub bytes: buffer::FrameBytes,
    /// How a raw picture lies; a JPEG has `None`.
    pub raw: Option<RawFormat>,
    /// When it was captured.
    pub capture: Monotonic,
}

/// What a video source has to say when it is polled.
#[derive(Debug)]
pub enum VideoPoll {
    /// A frame; poll again.
    Frame(VideoFrame),
    /// Nothing yet: wait for the descriptor or the deadline.
    Idle,
    /// There will be no more.
    End,
}

/// What an audio source has to say when it is polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioPoll {
    /// So many sample frames were written to the caller's buffer; poll again.
    Samples {
        /// Sample frames, `channels` samples each.
        frames: usize,
        /// When the first of them was captured.
        capture: Monotonic,
    },
    /// Nothing yet: wait for the descriptors or the deadline.
    Idle,
    /// There will be no more.
    End,
}

/// Why a source cannot be opened, or stopped giving: one line that says what, where, and what to do.
#[derive(Clone, Debug)]
pub struct Error {
    line: String,
    cause: Cause,
}

/// What an [`Error`] comes from, as far as waiting for it to pass makes a difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// The device is not there; it may be plugged in.
    Absent,
    /// Another program has it, and may give it back.
    Busy,
    /// An address that refuses, or does not answer; it may later.
    Unreachable,
    /// It gave the one picture that it has, and is asked for the next one.
    Still,
    /// It may not be opened: by rights, or until udev has given the new node to its group.
    Forbidden,
    /// Anything else.
    #[default]
    Other,
}

impl Error {
    /// An error with this line.
    pub fn new(line: impl Into<String>) -> Self {
        Self { line: line.into(), cause: Cause::Other }
    }

    /// The same line, from this cause.
    #[must_use]
    pub fn from_cause(self, cause: Cause) -> Self {
        Self { cause, ..self }
    }

    /// What it comes from.
    #[must_use]
    pub const fn cause(&self) -> Cause {
        self.cause
    }
}

impl Cause {
    /// What the kernel means by an error number.
    #[must_use]
    pub const fn of(errno: i32) -> Self {
        match errno {
            libc::ENOENT | libc::ENXIO | libc::ENODEV => Self::Absent,
            libc::EBUSY => Self::Busy,
            libc::EACCES | libc::EPERM => Self::Forbidden,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl std::error::Error for Error {}
