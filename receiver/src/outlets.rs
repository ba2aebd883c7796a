//! Hands the subscription's frames and samples to the recording, the decoding thread and the sound thread.

use crate::decoding::Decoding;
use crate::level::Level;
use crate::picture::AHEAD;
use crate::recording::Recording;
use crate::shared::Shared;
use std::sync::Arc;
use streamsocket_media::clock::Monotonic;
use streamsocket_subscribe::clock::monotonic;
use streamsocket_subscribe::outlet::{CompleteFrame, EncodedSound, Growth, Outlet, PacketSamples};
use streamsocket_subscribe::queue::{FrameQueue, SoundQueue};

/// The network thread's ends of the queues to other threads. If one is full, what is newest is dropped and counted.
pub struct Outlets {
    /// To the decoding thread.
    pub frames: FrameQueue,
    /// To the sound thread.
    pub sound: SoundQueue,
    /// Makes samples of encoded sound.
    pub decoding: Decoding,
    /// To the recording thread.
    pub recording: Recording,
    /// How loud the sound is, if anybody wants to know.
    pub level: Option<Arc<Level>>,
    /// Counts what is dropped.
    pub shared: Arc<Shared>,
}

impl Outlet for Outlets {
    fn frame(&mut self, frame: CompleteFrame<'_>) {
        self.recording.video(frame.time.stamp, frame.file(), frame.size);
        if !self.frames.push(frame) {
            self.shared.output.video.frames_late.add(1);
        }
    }

    fn growth(&mut self, growth: Growth<'_>) {
        // What is due later is decoded later, as a whole.
        if growth.due.since(monotonic()) <= AHEAD {
            self.frames.push_growth(growth);
        }
    }

    fn samples(&mut self, samples: PacketSamples<'_>) {
        self.recording.audio(samples.time.stamp, samples.rtp_time, samples.buffer);
        if let Some(level) = &self.level {
            level.add(samples.buffer, samples.time.due);
        }
        self.sound.push(samples);
    }

    fn encoded(&mut self, sound: EncodedSound<'_>) {
        self.recording.encoded(sound.time.stamp, sound.rtp_time, sound.packet);
        let Self { decoding, sound: queue, level, .. } = self;
        decoding.packet(&sound, &mut |samples| {
            if let Some(level) = level {
                level.add(samples.buffer, samples.time.due);
            }
            queue.push(samples);
        });
    }

    fn hole(&mut self, frames: usize, due: Monotonic) {
        let Self { decoding, sound, .. } = self;
        let (frames, due) = decoding.hole(frames, due, &mut |samples| sound.push(samples));
        if frames > 0 {
            sound.push_hole(frames, due);
        }
    }
}
