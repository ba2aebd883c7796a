//! Pictures kept in memory and handed out as fast as the loop takes them: the source for
//! measuring how much the rest of the way costs.

use super::error::Error;
use super::frame::VideoPoll;
use super::mjpeg_split::picture_size;
use std::ops::Range;
use std::os::fd::RawFd;
use std::sync::Arc;
use streamsocket_media::clock::Monotonic;
use streamsocket_media::{Bytes, FrameRate, Unit, VideoFormat};

/// Most bytes that are kept: 18 s of 1080p at 30 frames a second, and twice that, which loading
/// needs for a moment, still fits a board with 512 MB.
pub const BYTES_MAX: usize = 128 << 20;

/// Pictures while they are being loaded.
#[derive(Debug, Default)]
pub struct Loader {
    bytes: Vec<u8>,
    frames: Vec<Range<usize>>,
}

impl Loader {
    /// Keeps a picture; false if there is no more room for it.
    pub fn push(&mut self, frame: &[u8]) -> bool {
        let start = self.bytes.len();
        if start + frame.len() > BYTES_MAX {
            return false;
        }
        self.bytes.extend_from_slice(frame);
        self.frames.push(start..self.bytes.len());
        true
    }

    /// Pictures so far.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.frames.len()
    }

    /// The source. `name` is what the pictures were loaded from, `nominal` the rate that it is
    /// described with, `dropped` the number of pictures that were damaged.
    ///
    /// # Errors
    /// No picture was loaded, or the first one has no size.
    pub fn finish(
        self,
        name: &str,
        nominal: FrameRate,
        looped: bool,
        dropped: u64,
    ) -> Result<Preloaded, Error> {
        let size = self.frames.first().and_then(|first| picture_size(&self.bytes[first.clone()]));
        let Some((width, height)) = size else {
            return Err(Error::new(format!("{name} holds no complete JPEG picture")));
        };
        Ok(Preloaded {
            format: VideoFormat { width, height, rate: Some(nominal) },
            bytes: self.bytes.into(),
            frames: self.frames,
            next: 0,
            looped,
            dropped,
            resting: false,
        })
    }
}

/// Pictures from memory.
#[derive(Debug)]
pub struct Preloaded {
    format: VideoFormat,
    bytes: Arc<[u8]>,
    frames: Vec<Range<usize>>,
    next: usize,
    looped: bool,
    dropped: u64,
    /// Whether the last poll gave a picture, so that this one gives the loop a turn.
    resting: bool,
}

impl Preloaded {
    /// What it delivers; the rate is the nominal one, not the one that it really runs at.
    #[must_use]
    pub const fn format(&self) -> VideoFormat {
        self.format
    }

    /// When to poll again: at once.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        (self.next < self.frames.len()).then_some(Monotonic(0))
    }

    /// Nothing to watch.
    #[must_use]
    pub const fn descriptor(&self) -> Option<RawFd> {
        None
    }

    /// Pictures that were dropped as damaged while loading.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The next picture, captured `now`; `Idle` every other time, so that a loop that polls until
    /// then gets on to its other work.
    ///
    /// # Errors
    /// Never; sources have the same shape.
    pub fn poll(&mut self, now: Monotonic) -> Result<VideoPoll, Error> {
        self.resting = !self.resting;
        let Some(range) = self.frames.get(self.next) else { return Ok(VideoPoll::End) };
        if !self.resting {
            return Ok(VideoPoll::Idle);
        }
        let bytes = Bytes::shared(Arc::clone(&self.bytes), range.clone());
        self.next += 1;
        if self.looped && self.next == self.frames.len() {
            self.next = 0;
        }
        Ok(VideoPoll::Unit(Unit::jpeg(bytes, now)))
    }
}
