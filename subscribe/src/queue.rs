//! Queues from the thread of a subscription to those that decode and play. They are bounded in bytes, never block, and
//! return used buffers.

use crate::clock::monotonic;
use crate::latency::Origin;
use crate::memory::{Budget, Claim, SPARES_MAX, Spares};
use crate::outlet::{CompleteFrame, FrameId, Growth, PacketSamples};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use streamsocket_media::clock::Monotonic;

/// Most frames in the queue: the longest latency at 120 frames a second.
pub const FRAMES_MAX: usize = 600;

/// Most bytes of frames in the queue, or being decoded and shown: the longest latency at 200 Mbit/s.
pub const FRAMES_BYTES: usize = 128 << 20;

/// Most bytes of growth in the queue: who decodes it keeps up with what comes, or waits for whole frames. It is what
/// comes in 10 ms at 800 Mbit/s.
pub const GROWTH_BYTES: usize = 1 << 20;

/// Most packets of sound in the queue: the longest latency in packets of 5 ms, and some.
pub const SOUND_MAX: usize = 1100;

/// Most bytes of sound in the queue: the longest latency at 192 kHz, and some. Packets may be large.
pub const SOUND_BYTES: usize = 8 << 20;

/// Something to be decoded.
#[derive(Debug)]
pub enum ToDecode {
    /// The next bytes of a frame that is not complete yet.
    Growth(QueuedGrowth),
    /// A frame.
    Frame(QueuedFrame),
}

/// The next bytes of a frame that is not complete yet.
#[derive(Debug)]
pub struct QueuedGrowth {
    /// The frame.
    pub id: FrameId,
    /// When it is to be presented.
    pub due: Monotonic,
    /// Where in the file the bytes are.
    pub offset: usize,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Its share of the queue's bytes.
    pub claim: Claim,
}

/// A frame to be decoded.
#[derive(Debug)]
pub struct QueuedFrame {
    /// Which one it is.
    pub id: FrameId,
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
    /// Its share of the queue's bytes.
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
        /// When it was queued.
        queued: Monotonic,
        /// Its share of the queue's bytes.
        claim: Claim,
    },
    /// Missing samples.
    Hole {
        /// Sample frames.
        frames: usize,
        /// When the first one is to be heard.
        due: Monotonic,
    },
}

/// The sending end of a queue of messages, each with a buffer of `T`.
struct Queue<M, T> {
    messages: SyncSender<M>,
    budget: Arc<Budget>,
    spares: Spares<T>,
}

/// The receiving end of a queue.
#[derive(Debug)]
pub struct Drain<M, T> {
    /// The messages.
    pub messages: Receiver<M>,
    /// Takes used buffers back. If it is full, there are enough of them.
    pub spares: SyncSender<Vec<T>>,
}

/// Both ends of a queue of so many messages and bytes at most.
fn queue<M, T>(messages_max: usize, bytes: usize) -> (Queue<M, T>, Drain<M, T>) {
    let (sender, messages) = sync_channel(messages_max);
    let (spares, spare) = sync_channel(SPARES_MAX);
    let (budget, back) = (Budget::new(bytes), Spares::new(spare));
    (Queue { messages: sender, budget, spares: back }, Drain { messages, spares })
}

/// The sending end of a queue of frames to be decoded.
pub struct FrameQueue {
    frames: Queue<ToDecode, u8>,
    growth: Arc<Budget>,
    growth_spares: Spares<u8>,
}

/// The receiving end of a queue of frames.
#[derive(Debug)]
pub struct FrameDrain {
    /// Frames, and what comes of them before they are complete.
    pub messages: Receiver<ToDecode>,
    /// Takes the buffers of frames back.
    pub spares: SyncSender<Vec<u8>>,
    /// Takes the buffers of growth back.
    pub growth_spares: SyncSender<Vec<u8>>,
}

impl FrameQueue {
    /// A queue for [`FRAMES_MAX`] frames of [`FRAMES_BYTES`] in all, by both ends.
    #[must_use]
    pub fn new() -> (Self, FrameDrain) {
        let (frames, Drain { messages, spares }) = queue(FRAMES_MAX, FRAMES_BYTES);
        let (growth_spares, spare) = sync_channel(SPARES_MAX);
        let (growth, back) = (Budget::new(GROWTH_BYTES), Spares::new(spare));
        let drain = FrameDrain { messages, spares, growth_spares };
        (Self { frames, growth, growth_spares: back }, drain)
    }

    /// Queues a frame, and leaves an empty buffer in exchange for its own. Returns false, and leaves the frame where it
    /// is, if there is no room.
    pub fn push(&mut self, frame: CompleteFrame<'_>) -> bool {
        let CompleteFrame { id, buffer, start, time, .. } = frame;
        let Some(claim) = self.frames.budget.claim(buffer.capacity()) else { return false };
        let spare = self.frames.spares.take(buffer.len());
        let jpeg = std::mem::replace(buffer, spare);
        let (queued, due, origin) = (monotonic(), time.due, time.origin);
        let frame = QueuedFrame { id, jpeg, start, due, origin, queued, claim };
        match self.frames.messages.try_send(ToDecode::Frame(frame)) {
            Ok(()) => true,
            Err(TrySendError::Full(back) | TrySendError::Disconnected(back)) => {
                if let ToDecode::Frame(frame) = back {
                    *buffer = frame.jpeg;
                }
                false
            }
        }
    }

    /// Queues growth, if there is room: all of it comes again with its frame.
    pub fn push_growth(&mut self, growth: Growth<'_>) {
        let Growth { id, due, offset, bytes } = growth;
        let Some(claim) = self.growth.claim(bytes.len()) else { return };
        let mut buffer = self.growth_spares.take(bytes.len());
        buffer.extend_from_slice(bytes);
        let growth = QueuedGrowth { id, due, offset, bytes: buffer, claim };
        let _ = self.frames.messages.try_send(ToDecode::Growth(growth));
    }
}

/// The sending end of a queue of sound to be played.
pub struct SoundQueue(Queue<Sound, i16>);

impl SoundQueue {
    /// A queue for [`SOUND_MAX`] packets of [`SOUND_BYTES`] in all, by both ends.
    #[must_use]
    pub fn new() -> (Self, Drain<Sound, i16>) {
        let (queue, drain) = queue(SOUND_MAX, SOUND_BYTES);
        (Self(queue), drain)
    }

    /// Queues samples, and leaves an empty buffer in exchange for theirs. If there is no room, they are dropped: the
    /// card does not keep up.
    pub fn push(&mut self, packet: PacketSamples<'_>) {
        let PacketSamples { buffer, time, .. } = packet;
        let Some(claim) = self.0.budget.claim(buffer.capacity() * size_of::<i16>()) else { return };
        let spare = self.0.spares.take(buffer.len());
        let samples = std::mem::replace(buffer, spare);
        let queued = monotonic();
        let sound = Sound::Samples { samples, due: time.due, origin: time.origin, queued, claim };
        let _ = self.0.messages.try_send(sound);
    }

    /// Queues a hole of so many sample frames, if there is room.
    pub fn push_hole(&mut self, frames: usize, due: Monotonic) {
        let _ = self.0.messages.try_send(Sound::Hole { frames, due });
    }
}
