//! Queues from the thread of a subscription to those that present: of bounded memory, with the buffers on their way
//! back. What finds no room is refused, and nobody waits.

use crate::clock::monotonic;
use crate::latency::Origin;
use crate::memory::{Budget, Claim, SPARES_MAX, Spares};
use crate::outlet::{CompleteFrame, PacketSamples};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use streamsocket_stream::clock::Monotonic;

/// Frames that may wait: the longest latency at 120 frames a second.
pub const FRAMES_MAX: usize = 600;

/// Bytes of frames that may wait, and of those that are being decoded and shown: the longest latency at 200 Mbit/s.
pub const FRAMES_BYTES: usize = 128 << 20;

/// Packets of sound that may wait: the longest latency in packets of 5 ms, and some.
pub const SOUND_MAX: usize = 1100;

/// Bytes of them that may wait: the longest latency at 192 kHz, and some. Packets may be large.
pub const SOUND_BYTES: usize = 8 << 20;

/// A frame to be decoded.
#[derive(Debug)]
pub struct Frame {
    /// A buffer that holds a JPEG file.
    pub jpeg: Vec<u8>,
    /// Where in the buffer it begins.
    pub start: usize,
    /// When it is to be presented.
    pub due: Monotonic,
    /// When it was captured.
    pub origin: Origin,
    /// When it was queued.
    pub queued: Monotonic,
    /// Room for it among those that wait.
    pub claim: Claim,
}

/// Something to be played.
#[derive(Debug)]
pub enum Sound {
    /// Samples, interleaved.
    Samples {
        /// The samples.
        samples: Vec<i16>,
        /// When the first one is to be heard.
        due: Monotonic,
        /// When it was captured.
        origin: Origin,
        /// Room for it among what waits.
        claim: Claim,
    },
    /// Nothing in place of what did not come.
    Hole {
        /// Sample frames.
        frames: usize,
        /// When the first one is to be heard.
        due: Monotonic,
    },
}

/// A queue of messages that hold buffers of `T`, where they go in.
struct Queue<M, T> {
    messages: SyncSender<M>,
    budget: Arc<Budget>,
    spares: Spares<T>,
}

/// The end of a queue where things come out.
#[derive(Debug)]
pub struct Drain<M, T> {
    /// What has come.
    pub messages: Receiver<M>,
    /// Takes their buffers back. One that is full has enough of them.
    pub spares: SyncSender<Vec<T>>,
}

/// A queue of so many messages and bytes at most.
fn queue<M, T>(messages_max: usize, bytes: usize) -> (Queue<M, T>, Drain<M, T>) {
    let (sender, messages) = sync_channel(messages_max);
    let (spares, spare) = sync_channel(SPARES_MAX);
    let (budget, back) = (Budget::new(bytes), Spares::new(spare));
    (Queue { messages: sender, budget, spares: back }, Drain { messages, spares })
}

/// Frames on their way to a decoder.
pub struct FrameQueue(Queue<Frame, u8>);

impl FrameQueue {
    /// One of [`FRAMES_MAX`] and [`FRAMES_BYTES`].
    #[must_use]
    pub fn new() -> (Self, Drain<Frame, u8>) {
        let (queue, drain) = queue(FRAMES_MAX, FRAMES_BYTES);
        (Self(queue), drain)
    }

    /// Puts a frame in. False if there is no room for it: its buffer stays where it was.
    pub fn push(&mut self, frame: CompleteFrame<'_>) -> bool {
        let CompleteFrame { buffer, start, time, .. } = frame;
        let Some(claim) = self.0.budget.claim(buffer.capacity()) else { return false };
        let spare = self.0.spares.take(buffer.len());
        let jpeg = std::mem::replace(buffer, spare);
        let queued = monotonic();
        let frame = Frame { jpeg, start, due: time.due, origin: time.origin, queued, claim };
        match self.0.messages.try_send(frame) {
            Ok(()) => true,
            Err(TrySendError::Full(frame) | TrySendError::Disconnected(frame)) => {
                *buffer = frame.jpeg;
                false
            }
        }
    }
}

/// Sound on its way to a sound card. A card that does not keep up loses it.
pub struct SoundQueue(Queue<Sound, i16>);

impl SoundQueue {
    /// One of [`SOUND_MAX`] and [`SOUND_BYTES`].
    #[must_use]
    pub fn new() -> (Self, Drain<Sound, i16>) {
        let (queue, drain) = queue(SOUND_MAX, SOUND_BYTES);
        (Self(queue), drain)
    }

    /// Puts samples in, if there is room for them.
    pub fn push(&mut self, packet: PacketSamples<'_>) {
        let PacketSamples { buffer, time, .. } = packet;
        let Some(claim) = self.0.budget.claim(buffer.capacity() * size_of::<i16>()) else { return };
        let spare = self.0.spares.take(buffer.len());
        let samples = std::mem::replace(buffer, spare);
        let sound = Sound::Samples { samples, due: time.due, origin: time.origin, claim };
        let _ = self.0.messages.try_send(sound);
    }

    /// Puts a hole in, if there is room for it.
    pub fn push_hole(&mut self, frames: usize, due: Monotonic) {
        let _ = self.0.messages.try_send(Sound::Hole { frames, due });
    }
}
