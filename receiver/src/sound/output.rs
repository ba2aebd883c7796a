//! What samples are played on: a sound card, or a place in a mix.

use crate::speaker::{Error, Speaker};
use std::time::Duration;

/// Takes samples without blocking and plays them one after the other. Frames are sample frames.
pub trait Output {
    /// Frames a second.
    fn rate(&self) -> u32;

    /// Channels, interleaved.
    fn channels(&self) -> u8;

    /// Frames that it holds.
    fn buffer_frames(&self) -> i64;

    /// Frames that it takes at a time.
    fn period_frames(&self) -> i64;

    /// How often it ran dry.
    fn underruns(&self) -> u64;

    /// Whether it plays: it does after two periods have been written, until it runs dry or is stopped.
    fn is_running(&self) -> bool;

    /// Queues whole frames; how many were taken.
    ///
    /// # Errors
    /// It is gone.
    fn write(&mut self, samples: &[i16]) -> Result<usize, Error>;

    /// Frames that can be written now.
    ///
    /// # Errors
    /// It is gone.
    fn free_frames(&mut self) -> Result<i64, Error>;

    /// Frames between a sample written now and the loudspeaker.
    ///
    /// # Errors
    /// It is gone.
    fn delay_frames(&mut self) -> Result<i64, Error>;

    /// Waits until a period can be written, at most for `timeout`. Whether it can.
    ///
    /// # Errors
    /// It is gone.
    fn wait(&mut self, timeout: Duration) -> Result<bool, Error>;

    /// Falls silent at once, and forgets what is queued.
    ///
    /// # Errors
    /// It is gone.
    fn stop(&mut self) -> Result<(), Error>;
}

impl Output for Speaker {
    fn rate(&self) -> u32 {
        self.rate()
    }

    fn channels(&self) -> u8 {
        self.channels()
    }

    fn buffer_frames(&self) -> i64 {
        self.buffer_frames()
    }

    fn period_frames(&self) -> i64 {
        self.period_frames()
    }

    fn underruns(&self) -> u64 {
        self.underruns()
    }

    fn is_running(&self) -> bool {
        self.is_running()
    }

    fn write(&mut self, samples: &[i16]) -> Result<usize, Error> {
        self.write(samples)
    }

    fn free_frames(&mut self) -> Result<i64, Error> {
        self.free_frames()
    }

    fn delay_frames(&mut self) -> Result<i64, Error> {
        self.delay_frames()
    }

    fn wait(&mut self, timeout: Duration) -> Result<bool, Error> {
        self.wait(timeout)
    }

    fn stop(&mut self) -> Result<(), Error> {
        self.stop()
    }
}
