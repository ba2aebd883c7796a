//! Where the subscription's frames and samples go: to the recording as they are, and to the threads that decode and
//! play.

use crate::recording::Recording;
use crate::shared::Shared;
use std::sync::Arc;
use streamsocket_stream::clock::Monotonic;
use streamsocket_subscribe::outlet::{CompleteFrame, Outlet, PacketSamples};
use streamsocket_subscribe::queue::{FrameQueue, SoundQueue};

/// The network thread's ends of the queues to the other threads. One that is full loses what is newest, counted.
pub struct Outlets {
    /// Frames to be decoded.
    pub frames: FrameQueue,
    /// Samples to be played.
    pub sound: SoundQueue,
    /// What is to be recorded.
    pub recording: Recording,
    /// Where losses are counted.
    pub shared: Arc<Shared>,
}

impl Outlet for Outlets {
    fn frame(&mut self, frame: CompleteFrame<'_>) {
        self.recording.video(frame.time.stamp, frame.file(), frame.size);
        if !self.frames.push(frame) {
            self.shared.output.video.frames_late.add(1);
        }
    }

    fn samples(&mut self, samples: PacketSamples<'_>) {
        self.recording.audio(samples.time.stamp, samples.rtp_time, samples.buffer);
        self.sound.push(samples);
    }

    fn hole(&mut self, frames: usize, due: Monotonic) {
        self.sound.push_hole(frames, due);
    }
}
