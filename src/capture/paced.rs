//! Pictures of a file at the file's rate: one is read ahead and handed out when its time has come.
//! None is ever skipped; when the loop was held up they follow each other without a pause.

use super::error::Error;
use super::frame::VideoPoll;
use super::mjpeg_reader::Next;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_media::{Bytes, FrameRate, Unit};

/// When to try again while all buffers are in use: soon against the time of a frame, and rarely
/// enough that waiting costs nothing.
const RETRY: Duration = Duration::from_millis(1);

/// The clock of a file's pictures.
#[derive(Debug)]
pub struct Paced {
    rate: FrameRate,
    epoch: Monotonic,
    index: u64,
    ahead: Option<Bytes>,
    awaited: Awaited,
}

/// What the next picture waits for.
#[derive(Clone, Copy, Debug)]
enum Awaited {
    Time,
    Buffer(Monotonic),
    Input,
    Nothing,
}

impl Paced {
    /// Pictures whose first one is captured at `epoch` and has been read already.
    #[must_use]
    pub const fn new(rate: FrameRate, epoch: Monotonic, first: Bytes) -> Self {
        Self { rate, epoch, index: 0, ahead: Some(first), awaited: Awaited::Time }
    }

    /// Index of the next picture to be handed out.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Sets the capture time of the first picture, before it is polled for.
    pub const fn begin(&mut self, epoch: Monotonic) {
        self.epoch = epoch;
    }

    /// Leaves out the frame times before this index: nothing was recorded there.
    pub fn skip_to(&mut self, index: u64) {
        self.index = self.index.max(index);
    }

    /// When to poll again; `None` when only the input, or nothing at all, can help.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        match self.awaited {
            Awaited::Time => Some(self.epoch.offset(self.rate.frame_nanos(self.index))),
            Awaited::Buffer(retry) => Some(retry),
            Awaited::Input | Awaited::Nothing => None,
        }
    }

    /// The next picture if it is due. `next` reads one, ahead of its time.
    ///
    /// # Errors
    /// Those of `next`.
    pub fn poll(
        &mut self,
        now: Monotonic,
        mut next: impl FnMut(&mut Self) -> Result<Next, Error>,
    ) -> Result<VideoPoll, Error> {
        if self.ahead.is_none() {
            match next(self)? {
                Next::Frame { bytes, .. } => {
                    self.ahead = Some(bytes);
                    self.awaited = Awaited::Time;
                }
                Next::Later => self.awaited = Awaited::Buffer(now + RETRY),
                Next::Blocked => self.awaited = Awaited::Input,
                Next::End => {
                    self.awaited = Awaited::Nothing;
                    return Ok(VideoPoll::End);
                }
            }
        }
        let capture = self.epoch.offset(self.rate.frame_nanos(self.index));
        if now < capture {
            return Ok(VideoPoll::Idle);
        }
        let Some(bytes) = self.ahead.take() else { return Ok(VideoPoll::Idle) };
        self.index += 1;
        Ok(VideoPoll::Unit(Unit::jpeg(bytes, capture)))
    }
}
